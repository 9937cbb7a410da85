"""What an experiment should show, and whether it did: the same sentence for a reader and for CI."""

from dataclasses import dataclass

from benchmarks.quality.outcomes import Row
from benchmarks.quality.statistics import Estimate


@dataclass(frozen=True)
class Expectation:
    """`says` what should be, `found` what was; `why` it was not, as far as the figures tell."""

    says: str
    held: bool
    found: str
    why: str = ""


def above(one: Row, other: Row, by: float = 0.0) -> Expectation:
    """The mean difference is larger than so much; a negative one allows `one` to be a little below."""
    apart = one.over(other)
    says = f"{one.group}: `{one.name}` is {_required(by)} `{other.name}`"
    return Expectation(says, apart.mean > by, told(apart), "" if apart.mean > by else _doubt(apart, one))


def certainly_above(one: Row, other: Row) -> Expectation:
    """The whole 95 % interval of the difference is above 0."""
    apart = one.over(other)
    says = f"{one.group}: `{one.name}` is above `{other.name}` beyond the interval of their difference"
    return Expectation(says, apart.low > 0, told(apart), "" if apart.low > 0 else _doubt(apart, one))


def told(apart: Estimate) -> str:
    """A difference in words, in points of accuracy."""
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
