"""The yardsticks of a fine-tuning, each completed as a job of its own would be."""

from typing import Any

from app.core.specs import HEAD, RANDOM, SOURCE_ONLY, TARGET_STATISTICS, Finetune
from app.core.specs.defaults import finetune_rate

# Good for a pre-trained start, and crippling for random weights: their accuracy is flat at first, and their first
# layers have everything to learn.
FOR_A_START = {"layer_decay": 1.0, "patience": None}
UNMIXED = {"mixup": 0.0, "cutmix": 0.0, "layer_decay": 1.0}


def baseline(spec: Finetune, name: str, from_labels: bool) -> Finetune:
    """A baseline: the same labels, seed and batches, with one thing left out.

    `random` leaves out the initial weights, `head` the training of the backbone, `source_only` the adaptation, and
    `target_statistics` the alignment, so that batch norm's statistics alone adapt (AdaBN, Li 2016, arXiv:1603.04779).

    Args:
        spec: the complete job.
        name: the baseline.
        from_labels: the initial weights have learnt from labels.
    """
    return BASELINES[name](spec, from_labels)


def with_rate(spec: Finetune, rate: float) -> Finetune:
    """The spec with another learning rate."""
    return spec.model_copy(update={"training": spec.training.model_copy(update={"learning_rate": rate})})


def _random(spec: Finetune, _from_labels: bool) -> Finetune:
    training = _reopened(spec) | FOR_A_START | {"epochs": spec.random_epochs}
    return _changed(spec, init=RANDOM, trainable="all", penalty={"kind": "none"}, training=training)


def _head(spec: Finetune, _from_labels: bool) -> Finetune:
    training = _reopened(spec) | UNMIXED
    if spec.trainable != HEAD:
        training["epochs"] = None  # an epoch over cached features is not an epoch over images
    return _changed(spec, trainable=HEAD, penalty={"kind": "none"}, adapt=_unadapted(spec), training=training)


def _source_only(spec: Finetune, from_labels: bool) -> Finetune:
    """The plain job on the source: an adaptation's own defaults give way to those of a job that does not adapt."""
    training = spec.training
    default = finetune_rate(from_labels=from_labels, adapts=True)[training.optimizer]
    changes = spec.training.model_dump()
    if spec.init != RANDOM:
        changes["learning_rate"] = None if training.learning_rate == default else training.learning_rate
        changes["batch_norm"] = "auto" if training.batch_norm == "train" else training.batch_norm
    return _changed(spec, adapt=_unadapted(spec), training=changes).with_init_defaults(from_labels=from_labels)


def _target_statistics(spec: Finetune, _from_labels: bool) -> Finetune:
    return _changed(spec, adapt={"kind": "coral", "source": spec.adapt.source, "strength": 0.0})


def _reopened(spec: Finetune) -> dict[str, Any]:
    """The training options without what is chosen by what is trained from what."""
    return spec.training.model_dump() | {"learning_rate": None, "batch_norm": "auto"}


def _unadapted(spec: Finetune) -> dict[str, Any]:
    return {"kind": "none", "source": spec.adapt.source}


def _changed(spec: Finetune, **changes: Any) -> Finetune:
    alone: dict[str, Any] = {"baselines": [], "random_epochs": None, "refit": "none", "repeats": 1}
    return Finetune.model_validate(spec.model_dump() | alone | changes)


BASELINES = {
    RANDOM: _random,
    HEAD: _head,
    SOURCE_ONLY: _source_only,
    TARGET_STATISTICS: _target_statistics,
}
