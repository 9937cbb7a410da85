"""Options of `training` and `method` by the jobs that use them: one that a job cannot use is refused, not ignored.

The check is for requests only. A stored spec has every option filled in, and one of an older version may hold what is
refused today; it still loads and its job resumes. A value that is the default, or that says what happens anyway, is
therefore accepted: the spec of an existing job can be sent again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from app.core.specs.base import RANDOM
from app.core.specs.finetune import HEAD, Finetune
from app.core.specs.methods import ImputationSpec
from app.core.specs.pretrain import Pretrain
from app.core.specs.training_job import TrainingJobSpec
from app.core.specs.training_options import Training


@dataclass(frozen=True)
class Unused:
    """An option, the jobs that cannot use it, and the reason.

    Attributes:
        option: dotted name.
        by: true for the jobs that cannot use it.
        reason: for people.
        harmless: values beside the default that say what such a job does anyway.
    """

    option: str
    by: Callable[[TrainingJobSpec], bool]
    reason: str
    harmless: tuple[Any, ...] = ()


def _without_labels(spec: TrainingJobSpec) -> bool:
    """A pre-training without labels."""
    return isinstance(spec, Pretrain) and not spec.learns_labels


def _without_labels_from_random(spec: TrainingJobSpec) -> bool:
    return _without_labels(spec) and spec.init == RANDOM


def _supervised_pretraining(spec: TrainingJobSpec) -> bool:
    return isinstance(spec, Pretrain) and spec.learns_labels


def _pretraining_from_random(spec: TrainingJobSpec) -> bool:
    return isinstance(spec, Pretrain) and spec.init == RANDOM


def _pretraining_of_one_epoch(spec: TrainingJobSpec) -> bool:
    return isinstance(spec, Pretrain) and spec.training.epochs == 1


def _head_alone(spec: TrainingJobSpec) -> bool:
    """A linear probe, which trains on cached features."""
    return isinstance(spec, Finetune) and spec.trainable == HEAD


def _centre_mask(spec: TrainingJobSpec) -> bool:
    return isinstance(spec, Pretrain) and isinstance(spec.method, ImputationSpec) and spec.method.mask == "center"


def _repeats_head(spec: TrainingJobSpec) -> bool:
    return isinstance(spec, Finetune) and spec.trainable == HEAD and HEAD in spec.baselines


def _repeats_random(spec: TrainingJobSpec) -> bool:
    """The baseline 'random' is the job itself, with the same epochs."""
    if not isinstance(spec, Finetune) or RANDOM not in spec.baselines:
        return False
    return spec.init == RANDOM and spec.trainable == "all" and spec.random_epochs in (None, spec.training.epochs)


NO_LABELS = "this method looks at no labels"
FIXED_FEATURES = "trainable 'head' learns from features of the images as they are, computed once"

DEFAULTS: dict[str, Any] = {
    "training": Training(),
    "method": ImputationSpec(kind="imputation"),
    "baselines": [],
    "head_warmup": None,
}
# Every option that is not listed is used by all jobs that take it: epochs, batch_size, learning_rate, optimizer,
# weight_decay, warmup, ema, patience, seed and device by the training loop itself, whatever the method.
# mixup and cutmix (and layer_decay beside trainable 'head') are refused by the specs themselves.
UNUSED: tuple[Unused, ...] = (
    Unused("training.label_smoothing", _without_labels, NO_LABELS),
    Unused("training.class_balance", _without_labels, NO_LABELS, ("none",)),
    Unused("training.layer_decay", _without_labels, "methods without labels have one learning rate for all layers"),
    Unused(
        "training.batch_norm",
        _without_labels_from_random,
        "random weights have no statistics of batch norm to keep",
        ("train",),
    ),
    Unused("head_warmup", _supervised_pretraining, "method 'supervised' adds no layers but the output layer", (0.0,)),
    Unused("head_warmup", _pretraining_from_random, "random weights need not be held still", (0.0,)),
    Unused("head_warmup", _pretraining_of_one_epoch, "with one epoch none is left to train everything", (0.0,)),
    Unused("training.augmentation.flip", _without_labels, "methods without labels always mirror half of the crops"),
    Unused("training.augmentation.crop", _head_alone, FIXED_FEATURES),
    Unused("training.augmentation.flip", _head_alone, FIXED_FEATURES),
    Unused("training.batch_norm", _head_alone, "with trainable 'head' the statistics of batch norm never move"),
    Unused("baselines", _repeats_head, "this job trains the output layer alone; its baseline 'head' is the same run"),
    Unused("baselines", _repeats_random, "this job starts from random weights; its baseline 'random' is the same run"),
    Unused("method.patch_size", _centre_mask, "mask 'center' hides one block and no patches", (8,)),
)


def unused_options(spec: Any) -> dict[str, str]:
    """Find the options of a spec that are set and have no effect.

    Args:
        spec: the spec; only training jobs have such options.

    Returns:
        The reason for each, by dotted name.
    """
    if not isinstance(spec, TrainingJobSpec):
        return {}
    return {rule.option: rule.reason for rule in UNUSED if rule.by(spec) and not _is_harmless(spec, rule)}


def _is_harmless(spec: TrainingJobSpec, rule: Unused) -> bool:
    first, *rest = rule.option.split(".")
    value, default = reduce(getattr, [first, *rest], spec), reduce(getattr, rest, DEFAULTS[first])
    return value in (default, *rule.harmless)
