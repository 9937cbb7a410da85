from pathlib import Path

import onnxruntime
import pytest
import torch
from torch import Tensor

from worker.training.metrics.novelty import novelty_from_features, novelty_with_thresholds


def kind(count: int, centres: Tensor, spread: float = 0.5) -> Tensor:
    """Features of one kind: around a few centres."""
    return centres[torch.randint(len(centres), (count,))] + spread * torch.randn(count, centres.shape[1])


def distance(image: Tensor, bank: Tensor) -> float:
    return sum(sorted(1 - float(torch.cosine_similarity(image, known, dim=0)) for known in bank)[:5])


def test_against_counting_by_hand() -> None:
    centres = torch.randn(3, 8)
    train, held_out, others = kind(40, centres), kind(150, centres), kind(10, centres, spread=1.0)
    known = [distance(image, train) for image in held_out]
    nearer = [sum(one < far for one in known) / 150 for far in (distance(image, train) for image in others)]
    assert novelty_from_features(train, held_out, seed=0)(others).tolist() == pytest.approx(nearer, abs=0.015)


@pytest.mark.parametrize("held_out", [400, 0])
def test_known_images_are_spread_evenly_over_the_scores(held_out: int) -> None:
    centres = torch.randn(4, 32)
    scores = novelty_from_features(kind(800, centres), kind(held_out, centres), seed=0)(kind(1000, centres))
    levels = torch.linspace(0.1, 0.9, 9)
    assert torch.allclose(scores.quantile(levels), levels, atol=0.08)


def test_what_is_not_of_the_kind_scores_near_one() -> None:
    centres = torch.randn(4, 32)
    known = novelty_from_features(kind(300, centres), kind(200, centres), seed=0)
    assert float(known(torch.randn(100, 32)).min()) > 0.95
    assert known(-kind(50, centres)).tolist() == [1.0] * 50
    assert float(known(kind(200, centres)).median()) < 0.6


def test_the_score_never_falls_as_an_image_moves_away() -> None:
    train = kind(100, torch.eye(2, 6)[:1])
    way = torch.linspace(0, 1, 200)[:, None]
    scores = novelty_from_features(train, kind(100, torch.eye(2, 6)[:1]), seed=0)(
        (1 - way) * train.mean(dim=0) - way * train.mean(dim=0) + 0.01 * torch.eye(6)[3]
    )
    assert (scores.diff() >= -1e-6).all()
    assert 0.0 <= scores[0] < 0.1 < 1.0 == scores[-1]


def test_only_the_direction_of_features_matters() -> None:
    train, held_out, others = torch.randn(50, 6), torch.randn(40, 6), torch.randn(9, 6)
    known = novelty_from_features(train, held_out, seed=0)
    assert torch.allclose(known(others), known(7 * others), atol=1e-4)
    assert torch.allclose(known(others), novelty_from_features(3 * train, held_out / 5, seed=0)(others), atol=1e-4)


def test_the_bank_is_bounded_and_drawn_by_the_seed() -> None:
    train, held_out = torch.randn(1500, 4), torch.randn(30, 4)
    first, again, other = (novelty_from_features(train, held_out, seed=seed) for seed in (1, 1, 2))
    assert first.bank.shape == (1024, 4)
    assert torch.equal(first.bank, again.bank)
    assert not torch.equal(first.bank, other.bank)
    assert torch.equal(first.thresholds, again.thresholds)


def test_few_images() -> None:
    pair = novelty_from_features(torch.eye(2, 4), torch.zeros(0, 4), seed=0)
    assert pair(torch.eye(4)).tolist() == pytest.approx([0.0] * 4)  # the two are as unlike each other
    assert pair(-torch.ones(1, 4)).tolist() == [1.0]
    with pytest.raises(ValueError, match="fewer than two"):
        novelty_from_features(torch.eye(1, 4), torch.zeros(0, 4), seed=0)


def test_collapsed_features_do_not_make_the_score_a_toss() -> None:
    train = torch.ones(40, 16) + 1e-7 * torch.randn(40, 16)
    known = novelty_from_features(train, torch.ones(30, 16), seed=0)
    scores = known(torch.ones(50, 16) * (1 + 1e-6 * torch.randn(50, 1)))
    assert float(scores.max() - scores.min()) < 0.02


# the converter's own warnings about the exporter's internals are not ours to mend
@pytest.mark.filterwarnings("ignore")
def test_the_exported_graph_says_the_same(tmp_path: Path) -> None:
    centres = torch.randn(4, 32)
    known = novelty_from_features(kind(300, centres), kind(200, centres), seed=0).eval()
    batch = {0: torch.export.Dim("batch")}
    program = torch.onnx.export(known, (torch.randn(2, 32),), dynamic_shapes=(batch,), dynamo=True, verbose=False)
    assert program is not None
    program.save(str(tmp_path / "known.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "known.onnx"), providers=["CPUExecutionProvider"])
    features = torch.cat([kind(50, centres), torch.randn(7, 32)])
    (found,) = session.run(None, {session.get_inputs()[0].name: features.numpy()})
    assert found.shape == (57,)
    assert torch.allclose(torch.from_numpy(found), known(features), atol=1e-4)


def test_thresholds_can_be_those_of_a_training_with_images_held_out() -> None:
    """A network that has seen its held-out images finds them nearer than new ones, which would then look unfamiliar."""
    centres = torch.randn(4, 32)
    train, held_out, new = kind(400, centres), kind(300, centres), kind(500, centres)
    honest = novelty_from_features(train, held_out, seed=0)
    everything = torch.cat([train, held_out])
    refit = novelty_with_thresholds(everything, honest.thresholds, seed=0)
    assert torch.equal(refit.thresholds, honest.thresholds)
    assert len(refit.bank) == 700
    assert float(refit(new).mean()) == pytest.approx(0.5, abs=0.1)
    with pytest.raises(ValueError, match="fewer than two"):
        novelty_with_thresholds(train[:1], honest.thresholds, seed=0)
