"""What a model and its ancestors learnt from, as it is written into the model's row.

The row keeps all of it, because ancestors and datasets may be deleted while the model lives.
"""

from dataclasses import dataclass

from app.core.database.tables import Model
from app.core.specs import RANDOM, Finetune, Pretrain
from app.core.splits import SPLITS, Split
from worker.context import Context

# Validation images choose the epoch, a penalty's strength and the temperature.
LEARNT: tuple[Split, ...] = ("train", "val")


@dataclass(frozen=True)
class Lineage:
    """The training history of a model.

    Attributes:
        trained_on: sorted ids of the datasets that it or an ancestor was trained on, with or without labels, or chosen
            by.
        from_labels: it or an ancestor learnt from labels.
    """

    trained_on: list[str]
    from_labels: bool


def training_splits(spec: Pretrain | Finetune) -> dict[str, tuple[Split, ...]]:
    """Return the splits that the model of a job is trained on or chosen by, by dataset.

    An adaptation trains on its source and, without labels, on its target. With `adapt: none, source` the job's own
    dataset only judges. A refit trains on more splits than the judged network did.
    """
    if not isinstance(spec, Finetune):
        return {spec.dataset: LEARNT}
    refitted = {"train_val": LEARNT, "all": SPLITS}.get(spec.refit or "none", ())
    labelled: dict[str, tuple[Split, ...]] = {spec.labels_from: refitted or LEARNT}
    return labelled if spec.adapt.kind == "none" else labelled | {spec.dataset: refitted or ("train",)}


def learnt_splits(spec: Pretrain | Finetune) -> dict[str, tuple[Split, ...]]:
    """Return the part of `training_splits` that cannot judge the model.

    That is all but the target of an adaptation. Training never sees its labels, and evaluating on the very images that
    a model adapted to is how adaptation is measured (transductive evaluation).
    """
    adapted_to = {spec.dataset} if isinstance(spec, Finetune) and spec.adapt.kind != "none" else set()
    return {dataset: splits for dataset, splits in training_splits(spec).items() if dataset not in adapted_to}


def job_lineage(context: Context, spec: Pretrain | Finetune) -> Lineage:
    """Return the lineage of the model that a job makes: the job's own training and all that its start has behind it."""
    initial = _initial_model(context, spec)
    inherited = set(initial.trained_on) if initial is not None else set()
    # torchvision's weights were trained on labels
    start_from_labels = initial.from_labels if initial is not None else spec.init != RANDOM
    return Lineage(sorted(inherited | training_splits(spec).keys()), spec.learns_labels or start_from_labels)


def _initial_model(context: Context, spec: Pretrain | Finetune) -> Model | None:
    with context.database.reading() as session:
        return None if spec.init == RANDOM else session.get(Model, spec.init)
