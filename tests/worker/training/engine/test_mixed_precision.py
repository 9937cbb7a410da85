"""In bfloat16 on the CPU: slow, but the same arithmetic, by the same path."""

import copy
from collections.abc import Iterable

import numpy as np
import pytest
import torch

from tests.worker.training.engine.digit_trainings import RECIPE, sources
from tests.worker.training.engine.digit_trainings import method as loop_method
from tests.worker.training.methods.test_base import MAKERS, fed
from tests.worker.training.recording_callbacks import RecordingCallback
from worker.training.data.batches import Batch, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.engine import mixed_precision
from worker.training.engine.gradient_accumulation import accumulate_gradients
from worker.training.engine.loop import Interrupted, fit
from worker.training.engine.mixed_precision import bf16_is_faster, training_precision
from worker.training.inference import evaluating
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone
from worker.training.randomness import STEP, generator_at

FEED = LoaderOptions(training=False, batch_size=8, seed=0, workers=0)
PIXELS = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_precision, "bf16_is_faster", lambda device: True)


def test_it_does_not_pay_on_a_cpu() -> None:
    assert not bf16_is_faster(torch.device("cpu"))


@pytest.mark.usefixtures("half")
@pytest.mark.parametrize("backbone", ["resnet18", "squeezenet1_1"])
def test_the_trunk_works_in_half_and_answers_in_whole(backbone: str) -> None:
    network = build_backbone(backbone, 3, 32, seed=0).eval()
    seen: list[torch.dtype] = []
    first = next(part for part in network.trunk.modules() if isinstance(part, torch.nn.Conv2d))
    first.register_forward_hook(lambda _, __, out: seen.append(out.dtype))
    whole = network.encode(PIXELS)
    with training_precision(network):
        inside = network.encode(PIXELS)
    after = network.encode(PIXELS)
    assert seen == [torch.float32, torch.bfloat16, torch.float32]
    assert inside.dtype == torch.float32
    assert torch.equal(whole, after)
    assert not torch.equal(whole, inside)
    torch.testing.assert_close(inside, whole, rtol=0.1, atol=0.05 * float(whole.detach().abs().max()))


@pytest.mark.usefixtures("half")
def test_it_ends_with_an_error_too() -> None:
    network = build_backbone("resnet18", 3, 32, seed=0)
    with pytest.raises(RuntimeError), training_precision(network):
        raise RuntimeError
    assert not network.half_precision


@pytest.mark.usefixtures("half")
@pytest.mark.parametrize("name", MAKERS)
def test_a_step_of_each_method(digits: PackedImages, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same loss but for its last digits, gradients of 32 bits, and not a trace in what is measured afterwards."""
    method = MAKERS[name]()
    batch = next(iter(fed(method, digits, 24).epoch(0, 0)))
    method.train()
    other = copy.deepcopy(method)
    with training_precision(method):
        inside = accumulate_gradients(method, batch, generator_at(0, STEP, 0, 0), None)
    monkeypatch.setattr(mixed_precision, "bf16_is_faster", lambda device: False)
    whole = accumulate_gradients(other, batch, generator_at(0, STEP, 0, 0), None)
    assert float(inside["loss"]) == pytest.approx(float(whole["loss"]), rel=0.05)
    assert (float(inside["loss"]) == float(whole["loss"])) == (name == "probe")
    for parameter in method.parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is None or parameter.grad.dtype == torch.float32
    method.load_state_dict(other.state_dict())
    validated = method.batches(digits, np.arange(8), FEED).epoch(0, 0)
    with evaluating(method), evaluating(other):
        batches = list(validated)
        assert method.validate(batches) == other.validate(batches)


class Noting(Supervised):
    """Says in which precision its network was when it trained and when it was validated."""

    def __init__(self, of: Supervised) -> None:
        self.__dict__ = of.__dict__
        self.seen: dict[str, set[bool]] = {"training": set(), "validation": set()}

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, torch.Tensor]:
        self.seen["training"].add(self.network.half_precision)
        return super().training_step(batch, generator)

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        self.seen["validation"].add(self.network.half_precision)
        return super().validate(batches)


@pytest.mark.usefixtures("half")
def test_a_run_trains_in_half_and_validates_in_whole(digits: PackedImages) -> None:
    noting = Noting(loop_method())
    train, validation = sources(noting, digits)
    fit(noting, train, validation, RECIPE, RecordingCallback(), None)
    assert noting.seen == {"training": {True}, "validation": {False}}
    with pytest.raises(Interrupted):
        fit(noting, train, validation, RECIPE, RecordingCallback(stop_after={2}), None)
    assert not noting.network.half_precision
