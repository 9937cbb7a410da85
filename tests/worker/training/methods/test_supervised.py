import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.worker.training.packed_fixtures import VIEW
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.losses.penalties import cross_entropy, function_distance, l2, l2_sp
from worker.training.methods.labelled import standard_error
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone
from worker.training.models.batch_norm import batch_norms
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.mixup import mix

PLAIN: dict[str, Any] = {
    "penalty": "none",
    "strength": 0.5,
    "head_strength": 0.25,
    "label_smoothing": 0.0,
    "class_weights": None,
    "crop_scale": (0.5, 1.0),
    "flip": 0.5,
    "mixup": 0.0,
    "cutmix": 0.0,
    "layer_decay": 1.0,
    "frozen_norms": False,
}
BATCH = Batch(torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8), torch.arange(6) % 3, torch.arange(6))


def method(backbone: str = "shufflenet_v2_x0_5", **options: Any) -> Supervised:
    return Supervised(build_backbone(backbone, 3, VIEW.size, seed=0), VIEW, **(PLAIN | options))


def move(chosen: Supervised) -> None:
    with torch.no_grad():
        for weight in chosen.network.parameters():
            weight += 0.01 * torch.randn_like(weight)


def terms(chosen: Supervised) -> dict[str, float]:
    return {name: term.item() for name, term in chosen.training_step(BATCH, generator_at(0, STEP)).items()}


def test_without_a_penalty_the_loss_is_the_risk() -> None:
    chosen = method().eval()
    logits = chosen.network(chosen.normalised(BATCH.inputs)).detach()
    risk = cross_entropy(logits, BATCH.labels, 0.0, None).item()
    assert terms(chosen) == pytest.approx({"loss": risk, "risk": risk, "penalty": 0.0})


def test_l2_sp_is_the_distance_to_the_start_and_the_norm_of_the_head() -> None:
    chosen = method(penalty="l2_sp").eval()
    start = copy.deepcopy(chosen.network.trunk)
    move(chosen)
    expected = 0.5 * l2_sp(chosen.network.trunk, start) + 0.25 * l2(chosen.network.head)
    found = terms(chosen)
    assert found["penalty"] == pytest.approx(expected.item(), rel=1e-5)
    assert found["loss"] == found["risk"]


@pytest.mark.parametrize("layer_decay", [1.0, 0.5])
def test_l2_sp_pulls_each_weight_towards_its_start_and_the_head_towards_0(layer_decay: float) -> None:
    """w -= lr * strength * (w - start), with the rate of its layer, and no gradient of the penalty."""
    chosen = method(penalty="l2_sp", strength=3.0, head_strength=2.0, layer_decay=layer_decay)
    start = copy.deepcopy(chosen.network)
    move(chosen)
    before = copy.deepcopy(chosen.network)
    groups = [group | {"lr": 0.01 * group.get("lr_scale", 1.0)} for group in chosen.parameter_groups(0.1)]
    rate = {id(p): group["lr"] for group in groups for p in group["params"]}
    with torch.no_grad():
        chosen.pull_weights(groups)
    triples = zip(chosen.network.named_parameters(), before.parameters(), start.parameters(), strict=True)
    for (name, ours), then, begun in triples:
        towards, strength = (0.0, 2.0) if name.startswith("head.") else (begun, 3.0)
        torch.testing.assert_close(ours, then - rate[id(ours)] * strength * (then - towards))
    assert len(set(rate.values())) > 1 or layer_decay == 1
    plain = method()
    plain.network.load_state_dict(before.state_dict())
    chosen.network.load_state_dict(before.state_dict())
    for each in (plain, chosen):
        each.training_step(BATCH, generator_at(0, STEP))["loss"].backward()  # type: ignore[no-untyped-call]
    for ours, theirs in zip(chosen.network.parameters(), plain.network.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad)


@pytest.mark.parametrize("penalty", ["none", "function"])
def test_other_penalties_pull_nothing(penalty: str) -> None:
    chosen = method(penalty=penalty)
    move(chosen)
    before = copy.deepcopy(chosen.network.state_dict())
    with torch.no_grad():
        chosen.pull_weights([group | {"lr": 0.1} for group in chosen.parameter_groups(0.1)])
    assert all(torch.equal(before[name], tensor) for name, tensor in chosen.network.state_dict().items())


@pytest.mark.parametrize("backbone", ["shufflenet_v2_x0_5", "squeezenet1_1"])
def test_the_function_penalty_compares_features_on_the_batch(backbone: str) -> None:
    chosen = method(backbone, penalty="function").eval()
    start = copy.deepcopy(chosen.network)
    move(chosen)
    x = chosen.normalised(BATCH.inputs)
    expected = 0.5 * function_distance(chosen.network.features(x), start.features(x))
    assert expected.item() > 0
    assert terms(chosen)["penalty"] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("penalty", ["l2_sp", "function"])
def test_the_anchor_never_moves(penalty: str) -> None:
    chosen = method(penalty=penalty)
    assert chosen.anchor is not None
    before = {name: tensor.clone() for name, tensor in chosen.anchor.state_dict().items()}
    chosen.train()
    chosen.training_step(BATCH, generator_at(0, STEP))["loss"].backward()  # type: ignore[no-untyped-call]
    assert all(torch.equal(before[name], tensor) for name, tensor in chosen.anchor.state_dict().items())
    assert all(weight.grad is None for weight in chosen.anchor.parameters())
    learnt = {id(p) for group in chosen.parameter_groups(0.1) for p in group["params"]}
    assert learnt == {id(p) for p in chosen.network.parameters()}


@pytest.mark.parametrize(("frozen", "moves"), [(True, False), (False, True)])
def test_frozen_norms_keep_the_statistics_of_the_start_and_learn_their_weights(frozen: bool, moves: bool) -> None:
    chosen = method("mobilenet_v2", frozen_norms=frozen)
    norms = batch_norms(chosen.network)
    before = [{name: tensor.clone() for name, tensor in norm.state_dict().items()} for norm in norms]
    chosen.train()
    chosen.training_step(BATCH, generator_at(0, STEP))["loss"].backward()  # type: ignore[no-untyped-call]
    for norm, then in zip(norms, before, strict=True):
        assert all(torch.equal(norm.state_dict()[name], tensor) for name, tensor in then.items()) is not moves
        assert all(parameter.grad is not None for parameter in norm.parameters())
    assert len(norms) == 52


def test_l2_sp_takes_the_place_of_weight_decay() -> None:
    assert [group["weight_decay"] for group in method(penalty="l2_sp").parameter_groups(0.1)] == [0.0, 0.0]
    assert [group["weight_decay"] for group in method(penalty="function").parameter_groups(0.1)] == [0.1, 0.0]


def test_with_layer_decay_each_stage_has_its_rate() -> None:
    """MobileNetV2 has nineteen blocks below its head; what decays stays what it was."""
    chosen = method("mobilenet_v2", layer_decay=0.5, penalty="function")
    groups = chosen.parameter_groups(0.1)
    rates = {id(p): (group["lr_scale"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert sum(len(group["params"]) for group in groups) == len(rates) == len(list(chosen.network.parameters()))
    for name, parameter in chosen.network.named_parameters():
        distance = 0 if name.startswith("head.") else 19 - int(name.split(".")[2])
        assert rates[id(parameter)] == (0.5**distance, 0.1 if parameter.ndim > 1 else 0.0), name
    assert {group["weight_decay"] for group in method(layer_decay=0.5, penalty="l2_sp").parameter_groups(0.1)} == {0.0}


def test_without_layer_decay_there_is_one_rate() -> None:
    assert [set(group) for group in method().parameter_groups(0.1)] == [{"params", "weight_decay"}] * 2


@pytest.mark.parametrize("mixing", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0}])
def test_a_mixed_step(mixing: dict[str, float]) -> None:
    """Both terms are of the mixed images, the risk with the labels of both, smoothing and class weights."""
    weights = torch.tensor([1.0, 2.0, 3.0])
    chosen = method(penalty="function", class_weights=weights, label_smoothing=0.2, **mixing).eval()
    start = copy.deepcopy(chosen.network)
    move(chosen)
    mixed = mix(
        chosen.normalised(BATCH.inputs), mixing.get("mixup", 0.0), mixing.get("cutmix", 0.0), generator_at(0, STEP)
    )
    assert mixed.share < 1
    with torch.no_grad():
        logits = chosen.network(mixed.inputs)
        own, others = (
            cross_entropy(logits, labels, 0.2, weights) for labels in (BATCH.labels, BATCH.labels[mixed.partners])
        )
        pull = function_distance(chosen.network.features(mixed.inputs), start.features(mixed.inputs))
    found = terms(chosen)
    assert found["risk"] == pytest.approx((mixed.share * own + (1 - mixed.share) * others).item(), rel=1e-5)
    assert found["penalty"] == pytest.approx(0.5 * pull.item(), rel=1e-5)


def test_validation_images_are_not_mixed() -> None:
    with torch.no_grad():
        plain, mixing = (chosen.eval().validate([BATCH]) for chosen in (method(), method(mixup=1.0, cutmix=1.0)))
    assert plain == mixing


def test_class_weights_and_smoothing_reach_the_loss() -> None:
    weights = torch.tensor([1.0, 2.0, 3.0])
    chosen = method(class_weights=weights, label_smoothing=0.2).eval()
    logits = chosen.network(chosen.normalised(BATCH.inputs)).detach()
    assert terms(chosen)["risk"] == pytest.approx(cross_entropy(logits, BATCH.labels, 0.2, weights).item())


def test_validation_is_a_mean_over_images_not_batches() -> None:
    chosen = method(label_smoothing=0.3).eval()
    parts = (slice(5), slice(5, None))
    uneven = [Batch(BATCH.inputs[part], BATCH.labels[part], BATCH.indices[part]) for part in parts]
    with torch.no_grad():
        logits = chosen.network(chosen.normalised(BATCH.inputs))
        figures = chosen.validate(uneven)
    assert figures["loss"] == pytest.approx(cross_entropy(logits, BATCH.labels, 0.0, None).item(), rel=1e-5)
    hits = int((logits.argmax(1) == BATCH.labels).sum())
    assert figures["accuracy"] == pytest.approx(hits / 6)
    assert figures["standard_error"] == standard_error(hits, 6)
    assert chosen.score(figures) == figures["accuracy"]
    assert chosen.tolerance(figures) == figures["standard_error"]


def test_an_accuracy_has_an_error_even_when_all_is_right() -> None:
    assert standard_error(10, 10) == pytest.approx(math.sqrt(12 / 14 * 2 / 14 / 10))
    assert all(standard_error(count, count) > 1 / count for count in range(7, 1000))
    assert standard_error(0, 10) == pytest.approx(standard_error(10, 10))
    assert standard_error(500_000, 1_000_000) == pytest.approx(0.0005)


def feed(chosen: Supervised, images: PackedImages, labels: Tensor) -> None:
    odd = PackedImages(images.pixels, images.offsets, images.heights, images.widths, labels.numpy(), images.splits)
    chosen.batches(odd, np.arange(3), LoaderOptions(training=True, batch_size=2, seed=0, workers=0))


@pytest.mark.parametrize("wrong", [-1, 3])
def test_labels_outside_the_outputs_are_refused(digits: PackedImages, wrong: int) -> None:
    labels = torch.zeros(len(digits), dtype=torch.int64)
    feed(method(), digits, labels)
    labels[1] = wrong
    with pytest.raises(ValueError, match=r"without a label in 0\.\.2"):
        feed(method(), digits, labels)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"penalty": "l1"}, "no penalty 'l1'"),
        ({"strength": -1.0}, "cannot be negative"),
        ({"head_strength": -1.0}, "cannot be negative"),
        ({"mixup": -0.1}, "cannot be negative"),
        ({"cutmix": -0.1}, "cannot be negative"),
        ({"layer_decay": 0.0}, "above 0 and at most 1"),
        ({"layer_decay": 1.1}, "above 0 and at most 1"),
        ({"class_weights": torch.ones(2)}, "as many weights"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        method(**options)
