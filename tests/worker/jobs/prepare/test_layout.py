import pytest

from worker.jobs.prepare.layout import TEST, TRAIN, VAL, Layout


def told(*paths: str) -> list[tuple[int | None, str | None]]:
    layout = Layout.of(iter(paths))
    found = [layout.place(path) for path in paths]
    assert layout.labelled == any(place.label is not None for place in found)
    return [(place.split, place.label) for place in found]


def test_class_folders() -> None:
    assert told("cat/1.jpg", "dog/2.jpg") == [(None, "cat"), (None, "dog")]


def test_split_folders() -> None:
    assert told("train/cat/1.jpg", "val/cat/2.jpg", "test/dog/3.jpg") == [(TRAIN, "cat"), (VAL, "cat"), (TEST, "dog")]


def test_flat_images_have_no_label() -> None:
    assert told("1.jpg", "2.jpg") == [(None, None), (None, None)]


def test_flat_split_folders_have_no_label() -> None:
    assert told("train/1.jpg", "val/2.jpg") == [(TRAIN, None), (VAL, None)]


@pytest.mark.parametrize("folder", ["photos", "My Birds"])
def test_one_enclosing_folder_is_looked_through(folder: str) -> None:
    assert told(f"{folder}/cat/1.jpg", f"{folder}/dog/2.jpg") == [(None, "cat"), (None, "dog")]
    assert told(f"{folder}/train/cat/1.jpg", f"{folder}/test/cat/2.jpg") == [(TRAIN, "cat"), (TEST, "cat")]


def test_a_single_folder_of_images_is_a_class() -> None:
    assert told("cat/1.jpg", "cat/2.jpg") == [(None, "cat"), (None, "cat")]


def test_a_split_folder_alone_is_no_enclosing_folder() -> None:
    assert told("train/cat/1.jpg", "train/dog/2.jpg") == [(TRAIN, "cat"), (TRAIN, "dog")]


def test_folders_inside_a_class_belong_to_it() -> None:
    assert told("cat/a/1.jpg", "cat/2.jpg", "dog/b/3.jpg") == [(None, "cat"), (None, "cat"), (None, "dog")]


def test_windows_separators() -> None:
    assert told("cat\\1.jpg", "dog\\2.jpg") == [(None, "cat"), (None, "dog")]


def test_a_class_called_train_among_others_is_a_class() -> None:
    assert told("train/1.jpg", "plane/2.jpg") == [(None, "train"), (None, "plane")]


def test_some_images_in_no_class() -> None:
    assert told("cat/1.jpg", "2.jpg") == [(None, "cat"), (None, None)]
    assert told("train/cat/1.jpg", "val/2.jpg") == [(TRAIN, "cat"), (VAL, None)]


def test_no_images() -> None:
    assert told() == []
