"""A spec's training method on a network: what each kind of spec hands to the training core."""

from collections.abc import Callable
from typing import Any

from app.core.specs import L2SP, Finetune, NoPenalty, Penalty, Pretrain
from worker.training.augment import View
from worker.training.backbones import Network
from worker.training.methods.contract import Method
from worker.training.methods.imputation import Imputation
from worker.training.methods.probe import Probe
from worker.training.methods.rotation import Rotation
from worker.training.methods.simclr import SimCLR
from worker.training.methods.supervised import Supervised

FLIP_PROBABILITY = 0.5


def method(spec: Pretrain | Finetune, network: Network, view: View) -> Method:
    """The method that a spec asks for. Raises ValueError where the method refuses its options."""
    if isinstance(spec, Pretrain):
        return PRETRAINING[spec.method.kind](spec, network, view)
    if spec.trainable == "head":
        return Probe(network, view, label_smoothing=spec.training.label_smoothing, class_weights=None)
    return _learner(spec, network, view, spec.penalty, spec.head_epochs)


def _learner(spec: Pretrain | Finetune, network: Network, view: View, penalty: Penalty, head_epochs: int) -> Supervised:
    return Supervised(
        network,
        view,
        penalty=penalty.kind,
        strength=0.0 if isinstance(penalty, NoPenalty) else penalty.strength,
        head_strength=penalty.head_strength if isinstance(penalty, L2SP) else 0.0,
        head_epochs=head_epochs,
        label_smoothing=spec.training.label_smoothing,
        class_weights=None,
        crop_scale=_crop(spec),
        flip=FLIP_PROBABILITY if spec.training.augmentation.flip else 0.0,
    )


def _supervised(spec: Pretrain, network: Network, view: View) -> Method:
    return _learner(spec, network, view, NoPenalty(), head_epochs=0)


def _rotation(spec: Pretrain, network: Network, view: View) -> Method:
    return Rotation(network, view, crop_scale=_crop(spec), seed=spec.training.seed)


def _imputation(spec: Pretrain, network: Network, view: View) -> Method:
    return Imputation(network, view, **_options(spec), crop_scale=_crop(spec), seed=spec.training.seed)


def _simclr(spec: Pretrain, network: Network, view: View) -> Method:
    return SimCLR(network, view, **_options(spec), crop_scale=_crop(spec), seed=spec.training.seed)


def _options(spec: Pretrain) -> dict[str, Any]:
    """A method's own fields go to the training core under the same names."""
    return spec.method.model_dump(exclude={"kind"})


def _crop(spec: Pretrain | Finetune) -> tuple[float, float]:
    return spec.training.augmentation.crop, 1.0


PRETRAINING: dict[str, Callable[[Pretrain, Network, View], Method]] = {
    "supervised": _supervised,
    "rotation": _rotation,
    "imputation": _imputation,
    "simclr": _simclr,
}
