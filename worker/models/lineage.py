"""What a model and its ancestors learnt from, as it is written into the model's row.

The row keeps all of it, because ancestors and datasets may be deleted while the model lives.
"""

from dataclasses import dataclass

from app.core.database.tables import Model
from app.core.specs import RANDOM, Finetune, Pretrain
from worker.context import Context


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


def job_datasets(spec: Pretrain | Finetune) -> set[str]:
    """Return the ids of the datasets that a job trains on.

    An adaptation trains on its source and, without labels, on its target. With `adapt: none, source` the job's own
    dataset only judges.
    """
    if isinstance(spec, Finetune) and spec.adapt.source is not None:
        return {spec.adapt.source} if spec.adapt.kind == "none" else {spec.adapt.source, spec.dataset}
    return {spec.dataset}


def job_lineage(context: Context, spec: Pretrain | Finetune) -> Lineage:
    """Return the lineage of the model that a job makes: the job's own training and all that its start has behind it."""
    initial = _initial_model(context, spec)
    inherited = set(initial.trained_on) if initial is not None else set()
    # torchvision's weights were trained on labels
    start_from_labels = initial.from_labels if initial is not None else spec.init != RANDOM
    return Lineage(sorted(inherited | job_datasets(spec)), spec.learns_labels or start_from_labels)


def _initial_model(context: Context, spec: Pretrain | Finetune) -> Model | None:
    with context.database.reading() as session:
        return None if spec.init == RANDOM else session.get(Model, spec.init)
