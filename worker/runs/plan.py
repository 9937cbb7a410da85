"""What a job trains, run by run: where its head comes from, the candidates for its model, and its yardsticks."""

from dataclasses import dataclass, replace
from typing import Any

from app.core.specs import AUTO, RANDOM, STRENGTHS, Finetune, NoPenalty, Pretrain

MAIN, HEAD, SOURCE_ONLY = "main", "head", "source_only"
Trainable = Pretrain | Finetune


@dataclass(frozen=True)
class Planned:
    """One run. `candidate`: its weights may become the job's model; `from_head`: its head starts where HEAD's ended."""

    spec: Trainable
    candidate: bool = False
    from_head: bool = False


def plan(spec: Trainable, images: int) -> dict[str, Planned]:
    """The job's runs by name, in order, over so many training images.

    With head_then_all the head alone is trained first, on cached features and to the end, and every candidate starts
    from it (Kumar 2022). With strength "auto" there is a candidate for each strength; validation data choose.
    """
    whole = spec.over(images)
    return {name: replace(run, spec=run.spec.over(images)) for name, run in _runs(whole).items()}


def _runs(spec: Trainable) -> dict[str, Planned]:
    if isinstance(spec, Pretrain):
        return {MAIN: Planned(spec, candidate=True)}
    from_head = spec.trainable == "head_then_all"
    made = {HEAD: Planned(baseline(spec, HEAD))} if from_head else {}
    made |= {name: Planned(one, candidate=True, from_head=from_head) for name, one in candidates(spec).items()}
    return made | {name: Planned(baseline(spec, name)) for name in spec.baselines if name not in made}


def candidates(spec: Finetune) -> dict[str, Finetune]:
    """The job itself, once for each strength that it leaves to be chosen."""
    if isinstance(spec.penalty, NoPenalty) or spec.penalty.strength != AUTO:
        return {MAIN: spec}
    return {f"strength={value:g}": at_strength(spec, value) for value in STRENGTHS[spec.penalty.kind]}


def at_strength(spec: Finetune, strength: float) -> Finetune:
    """The same job with its penalty's strength said."""
    return spec.model_copy(update={"penalty": spec.penalty.model_copy(update={"strength": strength})})


def baseline(spec: Finetune, name: str) -> Finetune:
    """The yardstick: the same labels, seed and batches, with one thing left out.

    `random`: without the start. `head`: with the head alone trained. `source_only`: without the adaptation. Each has
    the learning rate, the treatment of batch norm and, where it trains another part or has further to go, the epochs
    that are its own.
    """
    changes: dict[str, Any] = {"baselines": [], "random_epochs": None}
    if name == SOURCE_ONLY:
        return _changed(spec, changes | {"adapt": _unadapted(spec)})
    training = spec.training.model_dump() | {"learning_rate": None, "batch_norm": "auto"}
    changes |= {"trainable": "all", "penalty": {"kind": "none"}}
    if name == HEAD:
        training |= {"mixup": 0.0, "cutmix": 0.0, "layer_decay": 1.0}
        changes |= {"trainable": "head", "adapt": _unadapted(spec)}
        if spec.trainable != HEAD:
            training["epochs"] = None  # an epoch over cached features is not an epoch over images
    if name == RANDOM:
        training["epochs"] = spec.random_epochs
        changes |= {"init": RANDOM}
    return _changed(spec, changes | {"training": training})


def _unadapted(spec: Finetune) -> dict[str, Any]:
    return {"kind": "none", "source": spec.adapt.source}


def _changed(spec: Finetune, changes: dict[str, Any]) -> Finetune:
    return Finetune.model_validate(spec.model_dump() | changes)
