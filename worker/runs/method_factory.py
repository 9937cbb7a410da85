"""A spec's training method on a network: what each kind of spec hands to the training core."""

from collections.abc import Callable
from typing import Any

from app.core.specs import (
    AUTO,
    BYOLSpec,
    Finetune,
    ImputationSpec,
    L2SPSpec,
    NoAdaptationSpec,
    NoPenaltySpec,
    Penalty,
    Pretrain,
    RotationSpec,
    SimCLRSpec,
    SupervisedSpec,
    pull_unit,
)
from worker.data.class_balance import ClassBalance
from worker.training.methods.base import Method
from worker.training.methods.byol import BYOL
from worker.training.methods.continuation import Continuation
from worker.training.methods.domain_adaptation import DomainAdaptation
from worker.training.methods.imputation import Imputation
from worker.training.methods.linear_probe import LinearProbe
from worker.training.methods.rotation import Rotation
from worker.training.methods.simclr import SimCLR
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import Network
from worker.training.transforms.geometric import Preprocessing

FLIP_PROBABILITY = 0.5

Factory = Callable[[Pretrain, Network, Preprocessing, ClassBalance | None], Method]


def method(
    spec: Pretrain | Finetune, network: Network, preprocessing: Preprocessing, balance: ClassBalance | None
) -> Method:
    """The method that a spec asks for. Raises ValueError where the method refuses its options."""
    if isinstance(spec, Pretrain):
        return METHODS[type(spec.method)](spec, network, preprocessing, balance)
    weights = None if balance is None else balance.weights
    if spec.trainable == "head":
        return LinearProbe(network, preprocessing, label_smoothing=spec.training.label_smoothing, class_weights=weights)
    options = _labelled(spec)
    if isinstance(spec.adapt, NoAdaptationSpec):
        return Supervised(network, preprocessing, **options, class_weights=weights)
    return DomainAdaptation(network, preprocessing, **options, class_weights=weights, **_adapting(spec))


def _penalty(asked: Penalty | None, optimizer: str) -> dict[str, Any]:
    penalty = asked or NoPenaltySpec()  # specs of pre-trainings of version 0.2 have none
    if not isinstance(penalty, NoPenaltySpec) and penalty.strength == AUTO:
        raise ValueError("a run needs a strength; 'auto' is for the job to resolve")
    if isinstance(penalty, L2SPSpec):
        unit = pull_unit(optimizer)
        strengths = (unit * float(penalty.strength), unit * penalty.head_strength)
    else:
        strengths = (0.0 if isinstance(penalty, NoPenaltySpec) else float(penalty.strength), 0.0)
    return {"penalty": penalty.kind, "strength": strengths[0], "head_strength": strengths[1]}


def _labelled(spec: Pretrain | Finetune) -> dict[str, Any]:
    training = spec.training
    return {
        **_penalty(spec.penalty, spec.training.optimizer),
        "label_smoothing": training.label_smoothing,
        "mixup": training.mixup,
        "cutmix": training.cutmix,
        "layer_decay": training.layer_decay,
        "frozen_norms": training.batch_norm == "frozen",
        "flip": FLIP_PROBABILITY if training.augmentation.flip else 0.0,
        **_crops(spec),
    }


def _adapting(spec: Finetune) -> dict[str, Any]:
    if isinstance(spec.adapt, NoAdaptationSpec):
        raise ValueError("this job does not adapt")
    return {
        "alignment": spec.adapt.kind,
        "alignment_strength": spec.adapt.strength,
        "epochs": spec.training.epochs,
        "seed": spec.training.seed,
    }


def _supervised(spec: Pretrain, network: Network, preprocessing: Preprocessing, balance: ClassBalance | None) -> Method:
    weights = None if balance is None else balance.weights
    return Supervised(network, preprocessing, **_labelled(spec), class_weights=weights)


def _self_supervised(method_class: Callable[..., Method]) -> Factory:
    """A factory that passes the spec's own fields to the method under the same names."""

    def build(spec: Pretrain, network: Network, preprocessing: Preprocessing, _: ClassBalance | None) -> Method:
        options = spec.method.model_dump(exclude={"kind"}) | _crops(spec)
        return method_class(
            network, preprocessing, **options, continuation=_continuation(spec), seed=spec.training.seed
        )

    return build


def _continuation(spec: Pretrain) -> Continuation:
    frozen = spec.training.batch_norm == "frozen"
    return Continuation(
        **_penalty(spec.penalty, spec.training.optimizer), frozen_norms=frozen, head_epochs=spec.head_epochs
    )


def _crops(spec: Pretrain | Finetune) -> dict[str, Any]:
    return {"crop_scale": (spec.training.augmentation.crop, 1.0)}


METHODS: dict[type[Any], Factory] = {
    SupervisedSpec: _supervised,
    RotationSpec: _self_supervised(Rotation),
    ImputationSpec: _self_supervised(Imputation),
    SimCLRSpec: _self_supervised(SimCLR),
    BYOLSpec: _self_supervised(BYOL),
}
