"""One stack for all tests that need Docker."""

from collections.abc import Iterator

import pytest

from tests.compose import images
from tests.compose.debian import CannotBe
from tests.compose.files import foreign_images
from tests.compose.machine import docker
from tests.compose.stack import Stack


@pytest.fixture(scope="session")
def docker_environment() -> Iterator[dict[str, str]]:
    """Docker with the images that our files name, made where they are missing; skips where that cannot be."""
    try:
        with docker() as environment:
            images.make(environment, foreign_images())
            yield environment
    except CannotBe as why:
        pytest.skip(f"no Docker here: {why}")


@pytest.fixture(scope="session")
def stack(docker_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack as the deployment guide's commands leave it."""
    stack = Stack(tmp_path_factory.mktemp("compose"), docker_environment)
    try:
        stack.install()
        yield stack
    finally:
        stack.close()
