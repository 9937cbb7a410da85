"""Which jobs use which options of `training` and `method`: an option that a job cannot use is refused, not ignored.

The check is for requests alone. A stored spec has every option filled in, and one of an older version may hold what is
refused today; it still loads and its job resumes. So a value that is the default, or that says what happens anyway, is
let through: the spec of a job that is asked for again is accepted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.core.specs.finetune import HEAD, Finetune
from app.core.specs.methods import ImputationSpec
from app.core.specs.pretrain import Pretrain
from app.core.specs.training_job import Learning


@dataclass(frozen=True)
class Unused:
    """An option, the jobs that cannot use it, why, and the values that say what such a job does anyway."""

    option: str
    by: Callable[[Learning], bool]
    reason: str
    harmless: tuple[Any, ...]


def _without_labels(spec: Learning) -> bool:
    """A pre-training that looks at no label."""
    return isinstance(spec, Pretrain) and not spec.learns_labels


def _head_alone(spec: Learning) -> bool:
    """A linear probe, which learns from features that are computed once."""
    return isinstance(spec, Finetune) and spec.trainable == HEAD


def _centre_mask(spec: Learning) -> bool:
    return isinstance(spec, Pretrain) and isinstance(spec.method, ImputationSpec) and spec.method.mask == "center"


NO_LABELS = "this method looks at no labels"
FIXED_FEATURES = "trainable 'head' learns from features of the images as they are, computed once"

# Every option that is not here is used by all jobs that take it: epochs, batch_size, learning_rate, optimizer,
# weight_decay, warmup, ema, patience, seed and device by the training loop itself, whatever the method.
# mixup and cutmix (and layer_decay beside trainable 'head') are refused by the specs themselves.
UNUSED: tuple[Unused, ...] = (
    Unused("training.label_smoothing", _without_labels, NO_LABELS, (0.0,)),
    Unused("training.class_balance", _without_labels, NO_LABELS, ("auto", "none")),
    Unused(
        "training.layer_decay", _without_labels, "methods without labels have one learning rate for all layers", (1.0,)
    ),
    Unused(
        "training.batch_norm",
        _without_labels,
        "methods without labels always train the statistics of batch norm",
        ("auto", "train"),
    ),
    Unused(
        "training.augmentation.flip", _without_labels, "methods without labels always mirror half of the crops", (True,)
    ),
    Unused("training.augmentation.crop", _head_alone, FIXED_FEATURES, (0.35,)),
    Unused("training.augmentation.flip", _head_alone, FIXED_FEATURES, (True,)),
    Unused(
        "training.batch_norm", _head_alone, "with trainable 'head' the statistics of batch norm never move", ("auto",)
    ),
    Unused("method.patch_size", _centre_mask, "mask 'center' hides one block and no patches", (8,)),
)


def unused_options(spec: Any) -> dict[str, str]:
    """The options of a spec that have a value of their own and no effect, with the reason, by dotted name."""
    if not isinstance(spec, Learning):
        return {}
    return {rule.option: rule.reason for rule in UNUSED if rule.by(spec) and _value(spec, rule) not in rule.harmless}


def _value(spec: Learning, rule: Unused) -> Any:
    value: Any = spec
    for name in rule.option.split("."):
        value = getattr(value, name)
    return value
