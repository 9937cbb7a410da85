"""The names are those of modules that exist, and of the commands that are really started."""

from importlib.util import find_spec

import pytest

from app.cli.main import workers
from app.core.processes.process_names import (
    CELERY_APP,
    CELERY_WORKER,
    FORK_SERVER,
    PREPARE_JOB,
    TRAINING_JOB,
    celery_node,
)
from app.core.settings import Settings


@pytest.mark.parametrize("module", [CELERY_APP, FORK_SERVER, TRAINING_JOB, PREPARE_JOB])
def test_a_name_is_that_of_a_module(module: str) -> None:
    assert find_spec(module) is not None


@pytest.mark.parametrize("lanes", ["long,short", "short", "long,long"])
def test_a_worker_is_found_by_its_command_line(lanes: str) -> None:
    for command in workers(Settings(), lanes):
        assert CELERY_WORKER in " ".join(command.arguments)


def test_nodes_of_one_host_differ() -> None:
    names = [
        celery_node(lanes, number, pid)
        for lanes in (["long"], ["long", "short"])
        for number in (1, 2)
        for pid in (7, 8)
    ]
    assert names[0] == "long-1@%h.7"
    assert len(set(names)) == len(names)
