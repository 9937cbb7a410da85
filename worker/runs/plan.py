"""The runs of a training job: trials that compete for the job's model, baselines, and the training on every label."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.core.specs import AUTO, HEAD, RANDOM, STRENGTHS, Finetune, NoPenaltySpec, Pretrain
from app.core.specs.defaults import random_rates
from worker.runs.baselines import baseline, with_rate

MAIN, REFIT, REFIT_HEAD = "main", "refit", "refit_head"
TrainingSpec = Pretrain | Finetune
REFIT_SPLITS: dict[str, tuple[str, ...]] = {"train_val": ("train", "val"), "all": ("train", "val", "test")}


class Purpose(StrEnum):
    """Purpose of a run, which is also the phase of the job while it trains."""

    HEAD = "head"
    MAIN = "main"
    BASELINE = "baseline"
    REPEAT = "repeat"
    REFIT = "refit"


@dataclass(frozen=True)
class RunPlan:
    """One run.

    Attributes:
        spec: what is trained; always with epochs.
        purpose: of the run.
        group: trials of one group compete by their validation metrics: strengths of the penalty for `main`, learning
            rates for the baseline `random`. Repetitions are of their group's winner.
        head: name of the run whose output layer it starts from; None for a random one.
        splits: the images it trains on.
        trial: name of the judged run that a refit of the whole network repeats.
    """

    spec: TrainingSpec
    purpose: Purpose
    group: str
    head: str | None = None
    splits: tuple[str, ...] = ("train",)
    trial: str | None = None

    @property
    def judged(self) -> bool:
        """True if the job's figures are of this run, or compared with it."""
        return self.purpose is not Purpose.REFIT


@dataclass(frozen=True)
class Facts:
    """What the runs of a job depend on, beside its spec.

    Attributes:
        images: training images of an epoch.
        from_labels: the initial weights have learnt from labels.
        validated: there are validation images, by which a trial can be chosen.
        winners: name of the best run of each group that is decided.
        epochs: epochs after which a finished run was at its best, if it was stopped early.
    """

    images: int
    from_labels: bool = False
    validated: bool = True
    winners: Mapping[str, str] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)


def plan(spec: TrainingSpec, facts: Facts) -> dict[str, RunPlan]:
    """The job's runs by name, in order.

    With head_then_all the head alone is trained first, on cached features and to the end, and every trial starts from
    it (Kumar 2022, arXiv:2202.10054). With strength "auto" there is a trial for each strength; the baseline `random`
    has one for each learning rate, because one rate is not right for all backbones. Validation chooses among trials.
    Then the winners are repeated with other seeds. The last run trains the winner's spec again on more labels, for the
    model to be published.

    Until a group is decided its first run stands for its winner, so that the number of steps is known from the start.
    """
    spec = spec.over(facts.images)
    if isinstance(spec, Pretrain):
        return {MAIN: RunPlan(spec, Purpose.MAIN, MAIN)}
    judged = {name: replace(run, spec=run.spec.over(facts.images)) for name, run in _judged(spec, facts).items()}
    return judged | _repeats(spec, judged, facts) | _refit(spec, judged, facts)


def groups(runs: Mapping[str, RunPlan]) -> dict[str, list[str]]:
    """The names of the trials by group, in the order of the runs."""
    named: dict[str, list[str]] = {}
    for name, run in runs.items():
        if run.purpose not in (Purpose.REPEAT, Purpose.REFIT):
            named.setdefault(run.group, []).append(name)
    return named


def repeated(runs: Mapping[str, RunPlan], group: str) -> list[str]:
    """The names of the repetitions of a group's winner, in the order of their seeds."""
    return [name for name, run in runs.items() if run.purpose is Purpose.REPEAT and run.group == group]


def _judged(spec: Finetune, facts: Facts) -> dict[str, RunPlan]:
    head_first = spec.trainable == "head_then_all"
    runs = {HEAD: RunPlan(baseline(spec, HEAD, facts.from_labels), Purpose.HEAD, HEAD)} if head_first else {}
    for name, trial in candidates(spec).items():
        runs[name] = RunPlan(trial, Purpose.MAIN, MAIN, HEAD if head_first else None)
    for name in spec.baselines:
        if name not in runs:
            yardstick = baseline(spec, name, facts.from_labels)
            trials = _rates(yardstick) if name == RANDOM and facts.validated else {name: yardstick}
            runs |= {trial: RunPlan(one, Purpose.BASELINE, name) for trial, one in trials.items()}
    return runs


def _rates(spec: Finetune) -> dict[str, Finetune]:
    """The training from random weights, once for each learning rate to choose from."""
    rates = random_rates(str(spec.backbone), spec.training.optimizer)
    return {f"{RANDOM}_rate={rate:g}": with_rate(spec, rate) for rate in rates}


def candidates(spec: Finetune) -> dict[str, Finetune]:
    """The job itself, once for each strength to choose from."""
    if isinstance(spec.penalty, NoPenaltySpec) or spec.penalty.strength != AUTO:
        return {MAIN: spec}
    return {f"strength={value:g}": at_strength(spec, value) for value in STRENGTHS[spec.penalty.kind]}


def at_strength(spec: Finetune, strength: float) -> Finetune:
    """The job with this strength of its penalty."""
    return spec.model_copy(update={"penalty": spec.penalty.model_copy(update={"strength": strength})})


def _repeats(spec: Finetune, judged: Mapping[str, RunPlan], facts: Facts) -> dict[str, RunPlan]:
    """The winner of each group again with the next seeds; the output layer too, where it is trained first."""
    runs = {}
    for number in range(2, spec.repeats + 1):
        for group, names in groups(judged).items():
            run = judged[facts.winners.get(group, names[0])]
            head = None if run.head is None else _repetition(run.head, number)
            again = with_seed(run.spec, spec.training.seed + number - 1)
            runs[_repetition(group, number)] = RunPlan(again, Purpose.REPEAT, group, head)
    return runs


def _repetition(group: str, number: int) -> str:
    return f"{group}#{number}"


def with_seed(spec: TrainingSpec, seed: int) -> TrainingSpec:
    """The spec with another seed."""
    return spec.model_copy(update={"training": spec.training.model_copy(update={"seed": seed % 2**32})})


def _refit(spec: Finetune, judged: Mapping[str, RunPlan], facts: Facts) -> dict[str, RunPlan]:
    """The winner's training once more, on more labels, for as many epochs as were best for the judged run."""
    splits = REFIT_SPLITS.get(spec.refit or "none")
    if splits is None:
        return {}
    winner = facts.winners.get(MAIN) or _first(name for name, run in judged.items() if run.group == MAIN)
    run = judged[winner]
    runs: dict[str, RunPlan] = {}
    head = None
    if run.head is not None:
        head = REFIT_HEAD
        runs[head] = RunPlan(_again(judged[run.head].spec, run.head, facts), Purpose.REFIT, REFIT, splits=splits)
    return runs | {REFIT: RunPlan(_again(run.spec, winner, facts), Purpose.REFIT, REFIT, head, splits, winner)}


def _again(spec: TrainingSpec, name: str, facts: Facts) -> TrainingSpec:
    """The spec of a run without validation images: patience has nothing to wait for."""
    changes = {"patience": None, "epochs": facts.epochs.get(name, spec.training.epochs)}
    return spec.model_copy(update={"training": spec.training.model_copy(update=changes)})


def _first(names: Iterable[str]) -> str:
    return next(iter(names))
