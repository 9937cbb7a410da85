"""Collecting from real zips: what is in, what is out, and what reaches the pack (read back by the training core)."""

import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.core.files.archives import open_archive
from app.core.files.images import MODE_CONVERSIONS
from app.core.settings import Settings
from worker.errors import JobError
from worker.jobs.prepare.collect import Collection, OnProgress, collect
from worker.jobs.prepare.layout import TEST, TRAIN, VAL
from worker.jobs.prepare.warnings import CONVERSION_TEXT, warnings
from worker.training.data.packed import open_packed


def photo(
    seed: int, size: tuple[int, int] = (40, 30), kind: str = "PNG", mode: str = "RGB", **options: object
) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(file, kind, **options)
    return file.getvalue()


def unheard(_seen: int, _all: int) -> None:
    pass


def collected(
    folder: Path, files: dict[str, bytes], on_progress: OnProgress = unheard, max_files: int = 1000, **settings: object
) -> Collection:
    path = folder / "upload.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with open_archive(path, max_files) as archive:
        return collect(archive, folder / "pack", Settings().model_copy(update=settings), on_progress)


def test_pixels_reach_the_training_core_unchanged(tmp_path: Path) -> None:
    found = collected(tmp_path, {"b/1.png": photo(1), "a/2.png": photo(2, (20, 50))})
    images = open_packed(tmp_path / "pack")
    assert found.classes == ["a", "b"]
    assert images.labels.tolist() == [0, 1]
    expected = np.asarray(Image.open(io.BytesIO(photo(2, (20, 50)))))
    assert (images.image(0).numpy() == expected).all()
    assert images.image(1).shape == (30, 40, 3)


def test_every_image_can_be_told_by_its_name(tmp_path: Path) -> None:
    files = {"birds/b/1.png": photo(1), "birds/a/\N{OWL}.png": photo(2), "birds/a/cut.png": photo(3)[:99]}
    collected(tmp_path, files)
    names = json.loads((tmp_path / "pack" / "names.json").read_text("utf-8"))
    labels = open_packed(tmp_path / "pack").labels
    assert dict(zip(names, labels.tolist(), strict=True)) == {"birds/b/1.png": 1, "birds/a/\N{OWL}.png": 0}


def test_large_images_are_stored_with_the_shorter_side_asked_for(tmp_path: Path) -> None:
    collected(
        tmp_path, {"a/1.jpg": photo(1, (400, 300), "JPEG"), "a/2.jpg": photo(2, (90, 64), "JPEG")}, stored_side=64
    )
    images = open_packed(tmp_path / "pack")
    assert [tuple(images.image(i).shape) for i in range(2)] == [(64, 85, 3), (64, 90, 3)]


def test_bad_files_are_refused_one_by_one(tmp_path: Path) -> None:
    files = {
        "a/good.png": photo(1),
        "a/text.jpg": b"not an image at all",
        "a/cut.png": photo(2)[:200],
        "a/empty.png": b"",
        "a/notes.txt": b"hello",
        "__MACOSX/a/._good.png": b"clutter",
        "a/.DS_Store": b"clutter",
    }
    found = collected(tmp_path, files)
    assert len(found) == 1
    assert {refused.path: refused.code for refused in found.rejected} == {
        "a/text.jpg": "not_an_image",
        "a/cut.png": "image_damaged",
        "a/empty.png": "not_an_image",
        "a/notes.txt": "not_an_image",
    }


def test_a_duplicate_is_kept_in_the_test_split(tmp_path: Path) -> None:
    files = {"train/a/1.png": photo(1), "train/a/2.png": photo(2), "test/a/3.png": photo(1), "val/a/4.png": photo(4)}
    found = collected(tmp_path, files)
    assert found.duplicates == 1
    assert sorted(open_packed(tmp_path / "pack").splits.tolist()) == [TRAIN, VAL, TEST]


def test_a_duplicate_is_found_in_another_format(tmp_path: Path) -> None:
    found = collected(tmp_path, {"a/1.png": photo(1), "a/2.bmp": photo(1, kind="BMP"), "b/3.png": photo(1)})
    assert (found.duplicates, found.conflicting) == (2, 1)
    assert {warning["code"] for warning in warnings(found)} >= {"one_class", "conflicting_labels"}


def test_what_was_made_upright_rgb_is_counted_and_said(tmp_path: Path) -> None:
    """Of the images that are in, neither duplicates nor refused ones."""
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {
        "a/1.png": photo(1),
        "a/2.png": photo(2, mode="L"),
        "a/3.jpg": photo(3, kind="JPEG", mode="L"),
        "a/4.png": photo(2, mode="L"),
        "a/5.png": photo(5, mode="L")[:200],
        "b/6.jpg": photo(6, kind="JPEG", mode="CMYK", exif=turned),
    }
    found = collected(tmp_path, files)
    assert found.converted == {"grey": 2, "cmyk": 1, "turned": 1}
    (said,) = (warning for warning in warnings(found) if warning["code"] == "converted")
    assert said["images"] == {"grey": 2, "cmyk": 1, "turned": 1}
    assert said["message"].endswith("there were 2 grey, 1 CMYK, 1 turned upright as their EXIF says.")


def test_of_upright_rgb_nothing_is_said(tmp_path: Path) -> None:
    assert "converted" not in {warning["code"] for warning in warnings(collected(tmp_path, {"a/1.png": photo(1)}))}


def test_there_are_words_for_every_conversion() -> None:
    assert set(CONVERSION_TEXT) == {kind for kind in MODE_CONVERSIONS.values() if kind} | {
        "colour_space",
        "transparency",
        "turned",
    }


def test_images_outside_every_class_folder_are_refused(tmp_path: Path) -> None:
    found = collected(tmp_path, {"a/1.png": photo(1), "2.png": photo(2)})
    assert [(refused.path, refused.code) for refused in found.rejected] == [("2.png", "outside_class_folder")]


def test_flat_images_are_unlabelled(tmp_path: Path) -> None:
    found = collected(tmp_path, {"1.png": photo(1), "2.png": photo(2)})
    assert found.classes == []
    assert found.labels().tolist() == [-1, -1]


def test_no_usable_image_at_all(tmp_path: Path) -> None:
    found = collected(tmp_path, {"a/1.jpg": b"text"})
    assert len(found) == 0
    assert found.counts() == {}
    assert [refused.code for refused in found.rejected] == ["not_an_image"]


def test_more_bytes_than_allowed_fail_the_dataset(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        collected(tmp_path, {"a/1.png": photo(1), "a/2.png": photo(2)}, max_dataset_bytes=5000)
    assert caught.value.code == "archive_too_large"


def test_a_file_of_zeros_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    found = collected(tmp_path, {"a/1.png": photo(1), "a/bomb.png": bytes(50_000)}, max_image_bytes=20_000)
    assert [refused.code for refused in found.rejected] == ["file_too_large"]


def test_real_odd_files(tmp_path: Path, shared_data: Path) -> None:
    """GIF, greyscale JPEG, RGBA PNG, tiny and large photographs: all are usable, all become RGB."""
    with open_archive(shared_data / "edge_cases.zip", max_files=1000) as archive:
        found = collect(archive, tmp_path / "pack", Settings(), unheard)
    assert found.rejected == []
    assert len(found) + found.duplicates == 15
    images = open_packed(tmp_path / "pack")
    assert all(min(images.image(i).shape[:2]) <= 256 for i in range(len(images)))
    assert {"grey", "palette", "transparency"} <= set(found.converted)


def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    """Of each image 33 bytes are kept: where it lies in the pack, its class, its split."""
    looks: list[int] = []

    def look(seen: int, _all: int) -> None:
        if seen in (500, 3500):
            looks.append(held())

    files = {f"class_{number % 3}/photograph_{number:06}.bmp": photo(number, (8, 8), "BMP") for number in range(3500)}
    tracemalloc.start()
    found = collected(tmp_path, files, look, max_files=3500)
    tracemalloc.stop()
    assert len(found) == 3500
    few, many = looks
    assert 0 < (many - few) / 3000 < 60  # arrays take room ahead


def held() -> int:
    """Bytes of the objects that our own lines and zipfile made; pathlib's names of everything are no part of them."""
    ours = [tracemalloc.Filter(True, pattern) for pattern in ("*/worker/jobs/prepare/*", "*/app/core/*", "*/zipfile*")]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(ours).traces)


def test_only_the_first_refusals_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.jobs.prepare.collect.REJECTIONS_KEPT", 2)
    found = collected(tmp_path, {f"a/{number}.txt": b"" for number in range(5)} | {"a/1.png": photo(1)})
    assert (found.rejections, [refused.path for refused in found.rejected]) == (5, ["a/0.txt", "a/1.txt"])
    assert "5 files were left out" in str(warnings(found))
