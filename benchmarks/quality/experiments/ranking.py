"""Compare the ranking of initial models by `rank` with their accuracies after fine-tuning."""

from dataclasses import dataclass
from typing import Any

from benchmarks.quality import statistics, subsets
from benchmarks.quality.datasets import BACKBONE, BIRDS, few, imagenet, pool
from benchmarks.quality.expectations import Expectation
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.outcomes import Outcome, Row, rows
from benchmarks.quality.service import Service, Spec
from benchmarks.quality.trials import Trial, conduct

LABELS = 10
GROUP = f"birds, {LABELS} labels for each class"
FIGURES = ("logme", "knn_accuracy")
AGREEMENT = 0.5


@dataclass(frozen=True)
class Start:
    """A supervised pre-training from random weights: `each` images of every class of an archive."""

    archive: str
    each: int
    epochs: int


@dataclass(frozen=True)
class Plan:
    """`starts` by name, beside ImageNet's weights."""

    starts: dict[str, Start]
    seeds: tuple[int, ...]
    epochs: int
    image_size: int = 64


BARELY = Start("caltech40_source", each=4, epochs=1)
FULL = Plan(
    {
        "caltech40": Start("caltech40_source", each=40, epochs=8),
        "flowers5": Start("flowers5_lowres_train", each=200, epochs=8),
        "barely trained": BARELY,
    },
    seeds=(0, 1),
    epochs=20,
)
QUICK = Plan({"barely trained": BARELY}, seeds=(0,), epochs=15)


def run(service: Service, quick: bool) -> Findings:
    """Make the candidates, rank them, and fine-tune each."""
    plan = QUICK if quick else FULL
    starts = {"ImageNet": imagenet(service)} | service.models(
        {name: pretraining(service, plan, start) for name, start in plan.starts.items()}
    )
    ranked = {seed: ranking(service, seed, starts) for seed in plan.seeds}
    tried = [
        Trial(GROUP, name, seed, finetuning(service, plan, start, seed))
        for name, start in starts.items()
        for seed in plan.seeds
    ]
    found = [one.beside(ranked[one.seed][starts[one.name]]) for one in conduct(service, tried) if one.name in starts]
    return Findings(found, [expected(found, figure) for figure in FIGURES])


def pretraining(service: Service, plan: Plan, start: Start) -> Spec:
    """The job that makes a candidate."""
    files = subsets.plain(pool(start.archive), start.each)
    return {
        "type": "pretrain",
        "dataset": service.dataset(f"{start.archive}, {start.each} of each class", files),
        "backbone": BACKBONE,
        "image_size": plan.image_size,
        "method": {"kind": "supervised"},
        "training": {"epochs": start.epochs},
    }


def finetuning(service: Service, plan: Plan, start: str, seed: int) -> Spec:
    """The fine-tuning that evaluates a candidate."""
    return {
        "type": "finetune",
        "dataset": few(service, BIRDS, LABELS, seed),
        "init": start,
        "image_size": plan.image_size,
        "training": {"epochs": plan.epochs, "seed": seed},
    }


def ranking(service: Service, seed: int, starts: dict[str, str]) -> dict[str, dict[str, float]]:
    """The scores of `rank`, by model id."""
    spec = {"type": "rank", "dataset": few(service, BIRDS, LABELS, seed), "candidates": list(starts.values())}
    (job,) = service.jobs({f"rank, seed {seed}": spec}).values()
    told: list[dict[str, Any]] = job["result"]["ranking"]
    return {one["model"]: {figure: one[figure] for figure in FIGURES} for one in told}


def expected(found: list[Outcome], figure: str) -> Expectation:
    """The best candidate is ranked first, or the whole order agrees well."""
    candidates = rows(found)
    foretold, came = [one.mean(figure) for one in candidates], [one.accuracy.mean for one in candidates]
    first, best = first_of(candidates, foretold), first_of(candidates, came)
    spearman, kendall = statistics.agreement(foretold, came)
    says = f"`{figure}` ranks the best start first, or its order agrees with that of the accuracies (Spearman >= 0.5)"
    told = f"ranked first: {first}; best after fine-tuning: {best}; Spearman {spearman:.2f}, Kendall {kendall:.2f}"
    held = first == best or spearman >= AGREEMENT
    return Expectation(says, held, told, "" if held else f"{len(candidates)} candidates make a coarse order")


def first_of(candidates: list[Row], figures: list[float]) -> str:
    """The name of the candidate with the highest score."""
    return max(zip(figures, candidates, strict=True), key=lambda pair: pair[0])[1].name


ABOUT = """\
The candidates are the same backbone, pre-trained on ImageNet (imported) or here, supervised, on other photographs;
one has hardly been trained. `rank` scores the features that each computes for the training images (LogME and
leave-one-out nearest neighbours), at the candidate's own image size (224 px for the imported one). Then each is
fine-tuned in the same way, which `rank` is meant to spare the user."""


EXPERIMENT = Experiment(
    "Ranking initial models without training",
    ABOUT,
    run,
)
