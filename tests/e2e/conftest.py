"""The service on both pairs of backends: SQLite with files as the broker, PostgreSQL with Redis."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import EMBEDDED, SERVERS
from tests.e2e.service import Service, running
from tests.exported_graphs import shared_graphs
from tests.servers import Redis, fresh_database


@pytest.fixture(scope="package", params=[EMBEDDED, SERVERS])
def service(request: pytest.FixtureRequest) -> Service:
    """API and workers on either pair, for all tests that leave them as they were."""
    found: Service = request.getfixturevalue("embedded" if request.param == EMBEDDED else "served")
    return found


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory, exported_graphs: Path) -> Iterator[Service]:
    """On the embedded pair, for tests too whose subject is not the engine."""
    data = tmp_path_factory.mktemp("embedded")
    with shared_graphs(data, exported_graphs), running(data, {}) as service:
        yield service


@pytest.fixture(scope="package")
def served(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server: str, exported_graphs: Path
) -> Iterator[Service]:
    """On PostgreSQL and Redis, a server of its own: another test's jobs are not for these workers."""
    data = tmp_path_factory.mktemp("served")
    with (
        fresh_database(postgresql_server) as database,
        closing(Redis()) as broker,
        shared_graphs(data, exported_graphs),
        running(data, {"IMPRINT_DATABASE_URL": database, "IMPRINT_BROKER_URL": broker.url}) as service,
    ):
        yield service


@pytest.fixture(scope="package")
def imagenet(embedded: Service, shared_data: Path) -> dict[str, Any]:
    """MobileNetV2 as trained on ImageNet, imported."""
    path = shared_data / "weights" / "mobilenet_v2_imagenet1k.safetensors"
    answer = embedded.http.post(
        "/v1/models",
        params={"name": "MobileNetV2, ImageNet", "backbone": "mobilenet_v2"},
        content=path.read_bytes(),
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()
