import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.worker.training.methods.test_supervised import PLAIN
from tests.worker.training.packed_fixtures import VIEW
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages, without_labels
from worker.training.data.paired_batches import PairedBatches
from worker.training.engine.loop import fit
from worker.training.engine.run import Recipe
from worker.training.losses.domain_alignment import ALIGNMENTS, DANN, DomainOutputs, reversal_schedule
from worker.training.methods.domain_adaptation import DomainAdaptation, frozen_running_statistics
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone
from worker.training.randomness import STEP, generator_at
from worker.training.transforms.mixup import mix

OTHERS = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
BATCH = Batch(torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8), torch.arange(6) % 3, torch.arange(6), OTHERS)
SOURCE, TARGET = np.arange(24), np.arange(100, 120)
FEED = LoaderOptions(training=True, batch_size=8, seed=0, workers=0)
RECIPE = Recipe(
    epochs=2,
    batch_size=8,
    learning_rate=1e-3,
    weight_decay=0.01,
    optimizer="adamw",
    warmup=0.0,
    ema=0.0,
    patience=None,
    seed=0,
    checkpoint_seconds=math.inf,
)


def method(alignment: str, strength: float = 1.0, outputs: int = 3, **options: Any) -> DomainAdaptation:
    return DomainAdaptation(
        build_backbone("shufflenet_v2_x0_5", outputs, VIEW.size, seed=0),
        VIEW,
        alignment=alignment,
        alignment_strength=strength,
        epochs=options.pop("epochs", RECIPE.epochs),
        seed=1,
        **(PLAIN | options),
    )


def terms(chosen: Supervised, batch: Batch = BATCH) -> dict[str, float]:
    return {name: term.item() for name, term in chosen.training_step(batch, generator_at(0, STEP)).items()}


def outputs(chosen: DomainAdaptation, inputs: Tensor) -> DomainOutputs:
    """Of normalised images, features and logits each by a pass of its own."""
    return DomainOutputs(chosen.network.features(inputs), chosen.network(inputs))


def trained(
    chosen: DomainAdaptation, images: PackedImages, target: PackedImages, feed: LoaderOptions = FEED
) -> dict[str, Tensor]:
    """The network's weights after two epochs."""
    source = chosen.batches(images, SOURCE, feed)
    fit(
        chosen,
        PairedBatches(source, chosen.unlabelled_batches(target, TARGET, feed)),
        None,
        RECIPE,
        RecordingCallback(),
        None,
    )
    return chosen.network.state_dict()


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("penalty", ["none", "l2_sp", "function"])
def test_the_terms_add_up(alignment: str, penalty: str) -> None:
    """Risk and penalty are those of the same method without adaptation."""
    chosen, plain = method(alignment, penalty=penalty).eval(), method("coral", penalty=penalty).eval()
    with torch.no_grad():
        for a, b in zip(chosen.network.parameters(), plain.network.parameters(), strict=True):
            b.copy_(a.add_(0.01 * torch.randn_like(a)))
    found, alone = (
        terms(chosen),
        {name: t.item() for name, t in Supervised.training_step(plain, BATCH, generator_at(0, STEP)).items()},
    )
    inside = 0.0 if penalty == "l2_sp" else found["penalty"]  # which pulls the weights beside the loss
    assert found["loss"] == pytest.approx(found["risk"] + inside + found["alignment"])
    assert found["risk"] == pytest.approx(alone["risk"])
    assert found["penalty"] == pytest.approx(alone["penalty"])
    assert (found["penalty"] > 0) == (penalty != "none")
    assert found["alignment"] > 0


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_the_alignment_is_of_both_domains_outputs(alignment: str) -> None:
    chosen = method(alignment, strength=2.0).eval()
    source, target = (outputs(chosen, chosen.normalised(inputs)) for inputs in (BATCH.inputs, OTHERS))
    expected = chosen.alignment(source, target, 0.0)["alignment"]
    assert terms(chosen)["alignment"] == pytest.approx(expected.item(), rel=1e-4)


def test_either_domain_is_normalised_by_its_own_batch() -> None:
    chosen = method("dann")
    chosen.train()
    alone = copy.deepcopy(chosen)
    source, target = (outputs(alone, alone.normalised(inputs)) for inputs in (BATCH.inputs, OTHERS))
    expected = alone.alignment(source, target, 0.0)["alignment"]
    assert terms(chosen)["alignment"] == pytest.approx(expected.item(), rel=1e-5)
    together = outputs(alone, alone.normalised(torch.cat([BATCH.inputs, OTHERS])))
    one, other = (DomainOutputs(together.features[part], together.logits[part]) for part in (slice(6), slice(6, None)))
    assert alone.alignment(one, other, 0.0)["alignment"].item() != pytest.approx(expected.item(), rel=1e-5)


def test_running_statistics_come_from_the_target_alone() -> None:
    """To the byte what a network has that saw the target's batch and nothing else."""
    chosen = method("mmd")
    chosen.train()
    alone = copy.deepcopy(chosen.network)
    with torch.no_grad():
        alone(chosen.normalised(OTHERS))
    chosen.training_step(BATCH, generator_at(0, STEP))
    for (name, ours), theirs in zip(chosen.network.named_buffers(), alone.buffers(), strict=True):
        assert torch.equal(ours, theirs), name


def test_statistics_stay_inside_and_move_again_afterwards() -> None:
    network = build_backbone("shufflenet_v2_x0_5", 3, VIEW.size, seed=0).train()
    before = copy.deepcopy(network.state_dict())
    x = torch.randn(4, 3, 32, 32)
    with frozen_running_statistics(network):
        inside = network.features(x)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.allclose(inside, network.features(x))
    assert not torch.equal(before["trunk.conv1.1.running_mean"], network.state_dict()["trunk.conv1.1.running_mean"])
    with pytest.raises(RuntimeError), frozen_running_statistics(network):
        network.features(torch.randn(4, 2, 32, 32))
    assert network.trunk.get_submodule("conv1.1").track_running_stats


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@pytest.mark.parametrize("balance", [False, True])
def test_the_targets_labels_change_no_byte(digits: PackedImages, alignment: str, balance: bool) -> None:
    """True ones, permuted ones, none: the same weights."""
    feed = replace(FEED, balance=balance)
    permuted = replace(digits, labels=np.random.default_rng(0).permutation(digits.labels))
    first, *others = (
        trained(method(alignment, outputs=10), digits, target, feed)
        for target in (digits, permuted, without_labels(digits))
    )
    for other in others:
        assert all(torch.equal(first[name], tensor) for name, tensor in other.items())


def test_the_targets_images_do_change_something(digits: PackedImages) -> None:
    """Or else the test above could not fail."""
    other = replace(digits, offsets=np.roll(digits.offsets, 200))
    first, second = (trained(method("coral", outputs=10), digits, target) for target in (digits, other))
    assert not torch.equal(first["trunk.conv1.0.weight"], second["trunk.conv1.0.weight"])


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_with_strength_0_the_weights_are_those_of_the_source_alone(digits: PackedImages, alignment: str) -> None:
    """The same risk at every step and the same weights; only batch norm's statistics are the target's."""
    adapted, told = method(alignment, strength=0.0, outputs=10), (RecordingCallback(), RecordingCallback())
    pairs = PairedBatches(adapted.batches(digits, SOURCE, FEED), adapted.unlabelled_batches(digits, TARGET, FEED))
    fit(adapted, pairs, None, RECIPE, told[0], None)
    plain = Supervised(build_backbone("shufflenet_v2_x0_5", 10, VIEW.size, seed=0), VIEW, **PLAIN)
    fit(plain, plain.batches(digits, SOURCE, FEED), None, RECIPE, told[1], None)
    ours, theirs = ([losses["risk"] for losses in recorder.losses] for recorder in told)
    assert ours == theirs
    for (name, a), b in zip(adapted.network.named_parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(a, b), name
    buffers = zip(adapted.network.buffers(), plain.network.buffers(), strict=True)
    assert not all(torch.equal(a, b) for a, b in buffers)


def test_the_schedule_goes_by_whole_epochs() -> None:
    chosen = method("dann", epochs=4)
    assert chosen.done == 0
    assert isinstance(chosen.alignment, DANN)
    gradients = []
    for epoch in (0, 1, 3):
        chosen.begin_epoch(epoch)
        assert chosen.done == epoch / 4
        features = torch.ones(2, chosen.network.feature_dim, requires_grad=True)
        source, target = (
            DomainOutputs(features, torch.zeros(2, 3)),
            DomainOutputs(2 * features.detach(), torch.zeros(2, 3)),
        )
        chosen.alignment(source, target, chosen.done)["alignment"].backward()
        assert features.grad is not None
        gradients.append(features.grad.norm().item())
    assert gradients[0] == 0
    assert gradients[1] / gradients[2] == pytest.approx(reversal_schedule(0.25) / reversal_schedule(0.75))


def test_the_target_is_mixed_like_the_source() -> None:
    chosen = method("mmd", mixup=0.4).eval()
    generator = generator_at(0, STEP)
    mixed, others = (mix(chosen.normalised(x), 0.4, 0.0, generator) for x in (BATCH.inputs, OTHERS))
    assert others.share < 1
    source = outputs(chosen, mixed.inputs)
    expected, unmixed = (
        chosen.alignment(source, outputs(chosen, x), 0.0)["alignment"].item()
        for x in (others.inputs, chosen.normalised(OTHERS))
    )
    found = terms(chosen)["alignment"]
    assert found == pytest.approx(expected, rel=1e-4)
    assert found != pytest.approx(unmixed, rel=1e-2)


def test_two_datasets_in_the_same_order_are_not_paired_image_by_image(digits: PackedImages) -> None:
    chosen = method("coral", outputs=10)
    source, target = chosen.batches(digits, SOURCE, FEED), chosen.unlabelled_batches(digits, SOURCE, FEED)
    ours, theirs = (torch.cat([batch.indices for batch in side.epoch(0, 0)]) for side in (source, target))
    assert sorted(ours.tolist()) == sorted(theirs.tolist())
    assert int((ours == theirs).sum()) < 8


@pytest.mark.parametrize("layer_decay", [1.0, 0.5])
def test_the_domain_classifier_learns_at_ten_times_the_rate(layer_decay: float) -> None:
    """Of the head's, whatever layer_decay makes of the layers below."""
    chosen = method("dann", layer_decay=layer_decay)
    scale = {id(p): group.get("lr_scale", 1.0) for group in chosen.parameter_groups(0.1) for p in group["params"]}
    assert {scale[id(p)] for p in chosen.alignment.parameters()} == {10.0}
    assert {scale[id(p)] for p in chosen.network.head.parameters()} == {1.0}
    assert max(scale[id(p)] for p in chosen.network.parameters()) == 1.0


def test_the_domain_classifiers_accuracy_is_a_term_of_dann() -> None:
    found = {alignment: terms(method(alignment).eval()) for alignment in ALIGNMENTS}
    assert 0 <= found["dann"]["domain_accuracy"] <= 1
    assert [name for name, figures in found.items() if "domain_accuracy" in figures] == ["dann"]


def test_the_classifiers_weights_learn_and_decay() -> None:
    chosen = method("dann")
    assert isinstance(chosen.alignment, DANN)
    decay = {id(p): group["weight_decay"] for group in chosen.parameter_groups(0.1) for p in group["params"]}
    for parameter in chosen.alignment.parameters():
        assert decay[id(parameter)] == (0.1 if parameter.ndim > 1 else 0.0)
    assert set(decay) == {id(p) for p in chosen.parameters()}


def test_a_batch_without_the_target_is_refused() -> None:
    with pytest.raises(ValueError, match="batch of the target"):
        terms(method("coral"), replace(BATCH, unlabelled=None))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"alignment": "wasserstein"}, "no alignment 'wasserstein'; there are coral, mmd, dann"),
        ({"alignment": "coral", "strength": -1.0}, "cannot be negative"),
        ({"alignment": "dann", "epochs": 0}, "one epoch at least"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        method(**options)
