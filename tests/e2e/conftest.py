"""The service on both pairs of backends: SQLite with files as the broker, PostgreSQL with Redis."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.service import Service
from tests.servers import fresh_database


@pytest.fixture(scope="module", params=["sqlite+files", "postgresql+redis"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """API and workers, for all tests of a module."""
    data = tmp_path_factory.mktemp("service")
    if request.param == "sqlite+files":
        yield from _running(data, {})
        return
    server, broker = request.getfixturevalue("postgresql_server"), request.getfixturevalue("redis_server_url")
    with fresh_database(server, f"imprint_{secrets.token_hex(8)}") as url:
        yield from _running(data, {"IMPRINT_DATABASE_URL": url, "IMPRINT_BROKER_URL": broker})


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """API and workers on the embedded pair alone, for tests whose subject is not the engine."""
    yield from _running(tmp_path_factory.mktemp("embedded"), {})


@pytest.fixture(scope="module")
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


def _running(data: Path, environment: dict[str, str]) -> Iterator[Service]:
    service = Service(data, environment)
    try:
        service.start_all()
        yield service
    finally:
        service.close()
