"""Self-supervised pre-training on unlabelled photographs, then fine-tuning with few labels."""

from dataclasses import dataclass

from benchmarks.quality.datasets import CALTECH, CIFAR, few, unlabelled
from benchmarks.quality.expectations import above, certainly_above
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.outcomes import row
from benchmarks.quality.service import Service, Spec
from benchmarks.quality.trials import Trial, conduct

NETWORK: Spec = {"backbone": "shufflenet_v2_x0_5", "image_size": 64}
METHODS = ("rotation", "imputation", "simclr", "byol")


@dataclass(frozen=True)
class Plan:
    """`labels` for each class by what the photographs are of, and the `methods` of pre-training.

    `seeds` by labels: the fewer there are, the more it matters which they are. `training`: options of the pre-trainings
    that shorten them; none measures what a user gets who asks for nothing but the method.
    """

    labels: dict[str, tuple[int, ...]]
    methods: tuple[str, ...]
    seeds: dict[int, tuple[int, ...]]
    training: Spec


FULL = Plan({CIFAR: (10, 50), CALTECH: (10,)}, METHODS, seeds={10: (0, 1, 2, 3, 4), 50: (0, 1, 2, 3)}, training={})
QUICK = Plan({CIFAR: (10,)}, ("rotation",), seeds={10: (0,)}, training={"epochs": 5})


def run(service: Service, quick: bool) -> Findings:
    """Pre-train by each method, then fine-tune each with the same few labels, the first with the baseline beside it."""
    plan = QUICK if quick else FULL
    starts = {what: models(service, plan, what) for what in plan.labels}
    tried = [
        Trial(group(what, labels), name, seed, finetuning(service, what, labels, seed) | start)
        for what, numbers in plan.labels.items()
        for labels in numbers
        for name, start in starts[what].items()
        for seed in plan.seeds[labels]
    ]
    found = conduct(service, tried)
    expect = above if quick else certainly_above
    pairs = [
        (row(found, group(what, labels), method), row(found, group(what, labels), "random"))
        for what, numbers in plan.labels.items()
        for labels in numbers
        for method in plan.methods
    ]
    return Findings(found, [expect(*pair) for pair in pairs])


def models(service: Service, plan: Plan, what: str) -> dict[str, Spec]:
    """Run the pre-trainings; the `init` of each fine-tuning, by name."""
    images = unlabelled(service, what)
    specs = {method: pretraining(images, method, plan.training) for method in plan.methods}
    made = service.models({f"{method} on {what}": spec for method, spec in specs.items()})
    starts: dict[str, Spec] = {method: {"init": model} for method, model in zip(specs, made.values(), strict=True)}
    starts[plan.methods[0]]["baselines"] = ["random"]
    return starts


def pretraining(images: str, method: str, training: Spec) -> Spec:
    """One pre-training by the service's recipe, unless `training` asks for something else."""
    return {"type": "pretrain", "dataset": images, **NETWORK, "method": {"kind": method}, "training": training}


def finetuning(service: Service, what: str, labels: int, seed: int) -> Spec:
    """A fine-tuning with the service's defaults: only images and seed are set."""
    return {"type": "finetune", "dataset": few(service, what, labels, seed), "training": {"seed": seed}}


def group(what: str, labels: int) -> str:
    """The arms of the experiment."""
    return f"{what}, {labels} labels for each class"


ABOUT = """\
A small network is pre-trained once by each method on photographs uploaded without labels: 5000 of CIFAR-10 and 1200
of Caltech-101 (40 classes). Then it is fine-tuned with few labels drawn from the same photographs (of these a third,
at least two per class, are used for validation) and evaluated on others, which no pre-training has seen: 1000 of
CIFAR-10 and 400 of Caltech, which has too few photographs for 50 labels. `random` is the service's baseline: the same
fine-tuning from random weights, with the best of three learning rates by validation images. All options of the
fine-tuning, the number of epochs included, are the service's defaults: from random weights it trains everything at once
and takes more steps, from a model the head first. `refit` is the model that is published: trained on the validation
images too, and not compared with `random`, which was not. The pre-trainings ask for
nothing but the method, too: their options are the service's defaults. These were tuned on photographs of CIFAR-10 and
Caltech-101, some of them those of this test."""


EXPERIMENT = Experiment(
    "Self-supervised pre-training",
    ABOUT,
    run,
)
