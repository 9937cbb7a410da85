"""The runs of a training job: the head's own training, the candidates for the job's model, and the baselines."""

from dataclasses import dataclass, replace
from typing import Any

from app.core.specs import AUTO, HEAD, RANDOM, SOURCE_ONLY, STRENGTHS, Finetune, NoPenaltySpec, Pretrain

MAIN = "main"
TrainingSpec = Pretrain | Finetune


@dataclass(frozen=True)
class RunPlan:
    """One run.

    `candidate`: its weights may become the job's model. `starts_from_head`: it starts from the head of the run HEAD.
    """

    spec: TrainingSpec
    candidate: bool = False
    starts_from_head: bool = False


def plan(spec: TrainingSpec, images: int) -> dict[str, RunPlan]:
    """The job's runs by name, in order.

    With head_then_all the head alone is trained first, on cached features and to the end, and every candidate starts
    from it (Kumar 2022, arXiv:2202.10054). With strength "auto" there is a candidate for each strength, chosen by
    validation accuracy.

    Args:
        spec: the job.
        images: number of training images in an epoch.
    """
    spec = spec.over(images)
    return {name: replace(run, spec=run.spec.over(images)) for name, run in _runs(spec).items()}


def _runs(spec: TrainingSpec) -> dict[str, RunPlan]:
    if isinstance(spec, Pretrain):
        return {MAIN: RunPlan(spec, candidate=True)}
    head_first = spec.trainable == "head_then_all"
    runs = {HEAD: RunPlan(baseline(spec, HEAD))} if head_first else {}
    runs |= {name: RunPlan(one, candidate=True, starts_from_head=head_first) for name, one in candidates(spec).items()}
    return runs | {name: RunPlan(baseline(spec, name)) for name in spec.baselines if name not in runs}


def candidates(spec: Finetune) -> dict[str, Finetune]:
    """The job itself, once for each strength to choose from."""
    if isinstance(spec.penalty, NoPenaltySpec) or spec.penalty.strength != AUTO:
        return {MAIN: spec}
    return {f"strength={value:g}": at_strength(spec, value) for value in STRENGTHS[spec.penalty.kind]}


def at_strength(spec: Finetune, strength: float) -> Finetune:
    """The job with this strength of its penalty."""
    return spec.model_copy(update={"penalty": spec.penalty.model_copy(update={"strength": strength})})


def baseline(spec: Finetune, name: str) -> Finetune:
    """A baseline: the same labels, seed and batches, with one thing left out.

    `random` leaves out the initial weights, `head` the training of the backbone, `source_only` the adaptation. Each
    has its own learning rate and batch norm mode and, if it trains another part or starts further away, its own epochs.
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
