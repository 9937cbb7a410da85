"""The table of legal moves against a list that was written by hand from the design."""

from itertools import product

import pytest

from app.core.jobs.states import ALLOWED_TRANSITIONS, LEASED, TERMINAL, Status, check_transition, sources

MOVES = """
queued running, queued cancelled, queued paused, queued failed,
running succeeded, running failed, running cancelling, running paused, running queued,
cancelling cancelled,
paused queued, paused cancelled,
failed queued
"""
EXPECTED = {tuple(map(Status, move.split())) for move in MOVES.replace("\n", " ").split(",")}
PAIRS = list(product(Status, Status))


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_move_is_legal_exactly_where_the_design_says(source: Status, target: Status) -> None:
    if (source, target) in EXPECTED:
        check_transition(source, target)
    else:
        with pytest.raises(ValueError, match="cannot go"):
            check_transition(source, target)


def test_sources_is_the_inverse_of_the_table() -> None:
    for target in Status:
        assert set(sources(target)) == {source for source, other in EXPECTED if other == target}


def test_every_status_can_reach_an_end() -> None:
    for start in Status:
        reached = {start}
        for _ in Status:
            reached |= {target for source, target in EXPECTED if source in reached}
        assert reached & TERMINAL


def test_the_ends_and_the_leased_ones() -> None:
    assert set(ALLOWED_TRANSITIONS) == set(Status)
    assert {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED} == TERMINAL
    assert {Status.RUNNING, Status.CANCELLING} == LEASED
