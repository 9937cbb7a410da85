"""Accuracy by number of labels: six birds, with transfer and without."""

from dataclasses import dataclass
from typing import Any

from benchmarks.quality.datasets import BIRDS, few, imagenet
from benchmarks.quality.expectations import Expectation, above, certainly_above
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.outcomes import Outcome, best, names, row
from benchmarks.quality.service import Service, Spec
from benchmarks.quality.trials import REFITTED, Trial, conduct

DEFAULT, ALL, L2SP, FUNCTION = "default", "all", "l2_sp", "function"
IMAGE_SIZE = 64
KINDS: dict[str, Spec] = {
    DEFAULT: {"baselines": ["random"]},
    ALL: {"trainable": "all"},
    L2SP: {"penalty": {"kind": "l2_sp", "strength": "auto"}},
    FUNCTION: {"penalty": {"kind": "function"}},
}
WORSE = -0.03  # is what a choice that sees no test images may be, beside the best of what it chose from


@dataclass(frozen=True)
class Plan:
    """By labels per class: `epochs` of all kinds but the default, which uses the service's default, and `seeds`."""

    epochs: dict[int, int]
    seeds: dict[int, tuple[int, ...]]
    kinds: tuple[str, ...]


# The fewer the labels, the more it matters which they are.
FULL = Plan({5: 30, 10: 20, 30: 12}, {5: (0, 1, 2), 10: (0,), 30: (0,)}, tuple(KINDS))
QUICK = Plan({5: 20}, {5: (0,)}, (DEFAULT,))


def run(service: Service, quick: bool) -> Findings:
    """Run every kind of fine-tuning for every number of labels."""
    plan = QUICK if quick else FULL
    tried = [
        Trial(group(labels), kind, seed, spec(service, kind, labels, seed))
        for labels in plan.epochs
        for kind in plan.kinds
        for seed in plan.seeds[labels]
    ]
    found = conduct(service, tried)
    return Findings(found, [each for labels in plan.epochs for each in expected(found, group(labels))])


def spec(service: Service, kind: str, labels: int, seed: int) -> Spec:
    """The spec of one job; the default sets nothing but the image size, and asks for a baseline."""
    training: dict[str, Any] = {} if kind == DEFAULT else {"epochs": FULL.epochs[labels]}
    return {
        "type": "finetune",
        "dataset": few(service, BIRDS, labels, seed),
        "init": imagenet(service),
        "image_size": IMAGE_SIZE,
        **KINDS[kind],
        "training": {**training, "seed": seed},
    }


def expected(found: list[Outcome], own: str) -> list[Expectation]:
    """Starting from ImageNet beats not, the service's own choices are nearly the best, and more labels are better."""
    random, auto = row(found, own, "random"), f"{L2SP} auto"
    judged = [name for name in names(found, own) if not name.endswith(REFITTED)]
    strengths = [name for name in judged if name.startswith(L2SP) and name != auto]
    others = [name for name in judged if name != "random" and name not in strengths]
    made = [certainly_above(row(found, own, name), random) for name in others]
    rivals = [name for name in others if name != DEFAULT]
    made.append(above(row(found, own, DEFAULT), best(found, own, rivals), WORSE))
    if strengths:
        made.append(above(row(found, own, auto), best(found, own, strengths), WORSE))
    if DEFAULT + REFITTED in names(found, own):
        made.append(above(row(found, own, DEFAULT + REFITTED), row(found, own, DEFAULT)))
    return made


def group(labels: int) -> str:
    """The arms of the experiment."""
    return f"birds, {labels} labels for each class"


ABOUT = """\
Six kinds of birds, 30 photographs of each held out as test images. Of the available labels a third, at least two per
class, are used for validation; the others for training. `default` is a job that sets nothing but the image size: the
head alone first, then every weight, with the service's default number of epochs. `random` is the same training from
random weights, with the service's default number of epochs for those and the best of three learning rates by the
validation images; `head` trains the output layer alone. The
others get fewer epochs, as the table says, to keep this benchmark short: `all` trains every weight from the start,
without the head first; `l2_sp` and `function` regularise the network towards the pre-trained one, where `l2_sp auto`
has the strength chosen on validation images and `function` its default strength. `refit` is the model that each job
publishes: the same training on the validation images too."""


EXPERIMENT = Experiment(
    "Transfer from ImageNet with few labels",
    ABOUT,
    run,
)
