"""Expected outcomes of experiments and whether they held, in the same sentence for readers and CI."""

from dataclasses import dataclass

from benchmarks.quality.outcomes import Row
from benchmarks.quality.statistics import Estimate


@dataclass(frozen=True)
class Expectation:
    """`says` is the expectation, `found` the measured outcome, `why` a reason where it did not hold."""

    says: str
    held: bool
    found: str
    why: str = ""


def above(one: Row, other: Row, by: float = 0.0) -> Expectation:
    """Expect a mean difference above `by`; a negative `by` allows `one` to be a little below."""
    apart = one.over(other)
    says = f"{one.group}: `{one.name}` is {_required(by)} `{other.name}`"
    return Expectation(says, apart.mean > by, difference_text(apart), "" if apart.mean > by else _doubt(apart, one))


def certainly_above(one: Row, other: Row) -> Expectation:
    """Expect the whole 95 % interval of the difference above 0."""
    apart = one.over(other)
    says = f"{one.group}: `{one.name}` is above `{other.name}` beyond the interval of their difference"
    return Expectation(says, apart.low > 0, difference_text(apart), "" if apart.low > 0 else _doubt(apart, one))


def difference_text(apart: Estimate) -> str:
    """A difference in points of accuracy, as text."""
    return f"{100 * apart.mean:+.1f} points, 95 % interval {100 * apart.low:+.1f} to {100 * apart.high:+.1f}"


def _required(by: float) -> str:
    if by == 0:
        return "above"
    return f"more than {100 * by:.0f} points above" if by > 0 else f"less than {-100 * by:.0f} points below"


def _doubt(apart: Estimate, row: Row) -> str:
    if apart.high < 0:
        return "it is certainly lower"
    seeds = "1 seed" if len(row.outcomes) == 1 else f"{len(row.outcomes)} seeds"
    return f"with {seeds} and {row.images} test images so small a difference may be chance"
