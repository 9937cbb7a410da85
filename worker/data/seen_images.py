"""The images that a model or an ancestor was trained on or chosen by, recognised in any dataset by their digests.

Those that it adapted to, without labels, are not among them (`lineage.learnt_splits`).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.specs import RANDOM, Finetune, Pretrain
from app.core.splits import Split
from worker.context import Context
from worker.data.datasets import open_dataset
from worker.data.evaluation_set import EvaluationSet
from worker.data.image_digests import NO_DIGESTS, Digests, dataset_digests, read_digests
from worker.data.lineage import LEARNT, learnt_splits


def write_seen_images(context: Context, spec: Pretrain | Finetune, path: Path) -> None:
    """Write the digests of the images that a job's model has seen: the job's own, and all that its start has seen."""
    own = [_digests_of(context, dataset, splits) for dataset, splits in learnt_splits(spec).items()]
    np.unique(np.concatenate([*own, _start_digests(context, spec)])).tofile(path)


def model_digests(context: Context, model: Model) -> Digests:
    """Return the digests of the images that a model has seen.

    A model of a version that did not keep them has those of the datasets in its lineage that are still there.
    """
    path = context.storage.path(storage_keys.model_file(model.id, storage_keys.SEEN_IMAGES))
    if path.exists():
        return read_digests(path)
    kept = [dataset for dataset in model.trained_on if context.storage.path(storage_keys.dataset(dataset)).exists()]
    return np.concatenate([NO_DIGESTS, *(_digests_of(context, dataset, LEARNT) for dataset in kept)])


def seen_by(context: Context, model: Model, dataset_id: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return for each image whether a model has seen it.

    Args:
        context: of the worker.
        model: the model.
        dataset_id: any dataset.
        rows: (n,), images of its pack.

    Returns:
        (n,) true for the images that the model or an ancestor was trained on or chosen by.
    """
    seen = model_digests(context, model)
    return np.isin(dataset_digests(context, dataset_id, rows), seen) if len(seen) else np.zeros(len(rows), np.bool_)


def count_seen_before(context: Context, spec: Pretrain | Finetune, evaluation: EvaluationSet) -> int:
    """Count the images of a job's evaluation set that its start, or another dataset of its training, has seen."""
    others = [
        _digests_of(context, dataset, splits)
        for dataset, splits in learnt_splits(_judged(spec)).items()
        if dataset != evaluation.dataset_id
    ]
    seen = np.concatenate([*others, _start_digests(context, spec)])
    if not len(seen):
        return 0
    return int(np.isin(dataset_digests(context, evaluation.dataset_id, evaluation.rows), seen).sum())


def _judged(spec: Pretrain | Finetune) -> Pretrain | Finetune:
    """The job without its refit, which trains after the judged network."""
    return spec.model_copy(update={"refit": "none"}) if isinstance(spec, Finetune) else spec


def _digests_of(context: Context, dataset_id: str, splits: tuple[Split, ...]) -> Digests:
    images = open_dataset(context, dataset_id)
    rows = np.concatenate([images.indices(split) for split in splits])
    return dataset_digests(context, dataset_id, rows)


def _start_digests(context: Context, spec: Pretrain | Finetune) -> Digests:
    """Those of the initial model; none for random weights and for weights from elsewhere."""
    with context.database.reading() as session:
        model = None if spec.init == RANDOM else session.get(Model, spec.init)
    return NO_DIGESTS if model is None else model_digests(context, model)
