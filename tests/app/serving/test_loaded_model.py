"""A published model in memory: what it answers, from any thread, and files that it cannot be loaded from."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app.core.files.images import Pixels
from app.serving.loaded_model import LoadedModel
from tests.app.colour_model import FEATURES, SIZE, publish

COLOURS = ("red", "green", "blue")


def view(*channels: int, size: int = SIZE) -> Pixels:
    """An image of one colour."""
    return np.broadcast_to(np.array(channels, np.uint8), (size, size, 3)).copy()


def test_each_view_has_its_own_output(tmp_path: Path) -> None:
    publish(tmp_path, COLOURS, temperature=2.0)
    model = LoadedModel(tmp_path)
    outputs = model.run([view(255, 0, 0), view(0, 51, 0), view(0, 0, 0)])
    assert [output.features.tolist() for output in outputs] == [
        pytest.approx(expected, abs=1e-6) for expected in ([1, 0, 0], [0, 0.2, 0], [0, 0, 0])
    ]
    assert all(output.logits is not None for output in outputs)
    assert outputs[0].logits == pytest.approx(np.array([4, 0, 0]), abs=1e-5)  # before the temperature
    assert [output.unfamiliar for output in outputs] == [None, None, None]
    assert (model.card.classes, model.card.temperature) == (list(COLOURS), 2.0)
    assert (model.card.input.size, model.card.features) == (SIZE, FEATURES)


def test_novelty_is_a_number(tmp_path: Path) -> None:
    publish(tmp_path, COLOURS, unfamiliar=True)
    dark, bright = LoadedModel(tmp_path).run([view(0, 0, 0), view(255, 255, 255)])
    assert isinstance(bright.unfamiliar, float)
    assert (dark.unfamiliar, bright.unfamiliar) == (0.0, pytest.approx(1.0))


def test_a_model_without_classes_has_features_alone(tmp_path: Path) -> None:
    publish(tmp_path, ())
    (output,) = LoadedModel(tmp_path).run([view(255, 0, 0)])
    assert output.logits is None
    assert output.features.tolist() == pytest.approx([1, 0, 0], abs=1e-6)


def test_outputs_do_not_change_with_the_next_batch(tmp_path: Path) -> None:
    publish(tmp_path, COLOURS)
    model = LoadedModel(tmp_path)
    (first,) = model.run([view(255, 0, 0)])
    for _ in range(model.parallel + 1):
        model.run([view(0, 0, 255)])
    assert first.features.tolist() == pytest.approx([1, 0, 0], abs=1e-6)


def test_every_thread_gets_its_own_answers(tmp_path: Path) -> None:
    publish(tmp_path, COLOURS)
    model = LoadedModel(tmp_path)

    def answered(level: int) -> bool:
        outputs = model.run([view(level, 0, 0)] * (level % 3 + 1))
        return all(output.features[0] == pytest.approx(level / 255, abs=1e-6) for output in outputs)

    with ThreadPoolExecutor(2 * model.parallel + 2) as pool:
        assert all(pool.map(answered, range(200)))


def test_a_view_of_another_size_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    publish(tmp_path, COLOURS)
    model = LoadedModel(tmp_path)
    for _ in range(model.parallel + 1):
        with pytest.raises(ValueError, match="takes images of shape"):
            model.run([view(255, 0, 0, size=SIZE + 1)])
    assert len(model.run([view(255, 0, 0)])) == 1


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def damage(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(b"{}")


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (remove("model.json"), FileNotFoundError),  # of a model that is deleted: the cache tells it apart
        (damage("model.json"), ValueError),
        (remove("model.onnx"), RuntimeError),
        (damage("model.onnx"), RuntimeError),
    ],
)
def test_a_model_whose_files_are_not_whole_is_not_loaded(
    tmp_path: Path, harm: Callable[[Path], None], error: type[Exception]
) -> None:
    publish(tmp_path, COLOURS)
    harm(tmp_path)
    with pytest.raises(error):
        LoadedModel(tmp_path)
