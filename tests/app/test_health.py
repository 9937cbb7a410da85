"""Health of the process and of its database, and the metrics that are served."""

import httpx
import pytest
from prometheus_client import CONTENT_TYPE_LATEST

from app.core import retry_after
from app.core.database.sessions import Database
from app.core.database.tables import Base, Release
from app.health import missing_tables
from tests.app.bearer_tokens import bearer, create_token
from tests.app.conftest import Serve
from tests.app.image_archives import archive
from tests.app.problem_assertions import problem

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
AWAY = "postgresql+psycopg://imprint:secret@127.0.0.1:1/imprint"


def test_health_follows_the_database(client: httpx.Client, database: Database) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    Base.metadata.drop_all(database.engine)
    problem(client.get("/readyz"), 503, "not_ready")
    assert client.get("/livez").status_code == 200
    Base.metadata.create_all(database.engine)
    assert client.get("/readyz").status_code == 200


@sqlite
def test_the_missing_tables_are_those_that_are_not_there(database: Database) -> None:
    assert missing_tables(database) == set()
    Base.metadata.tables[Release.__tablename__].drop(database.engine)
    assert missing_tables(database) == {"releases"}
    Base.metadata.drop_all(database.engine)
    assert missing_tables(database) == set(Base.metadata.tables)


@sqlite
def test_a_database_that_is_away_is_waited_for(serve: Serve) -> None:
    client = serve(database_url=AWAY)
    response = client.get("/readyz")
    refused = problem(response, 503, "not_ready")
    assert response.headers["retry-after"] == str(retry_after.NOT_READY)
    assert refused["detail"] == "The database does not answer."
    assert client.get("/livez").json() == {"status": "ok"}


@sqlite
def test_metrics_count_by_route_and_not_by_id(client: httpx.Client) -> None:
    for number in range(3):
        client.get(f"/v1/jobs/job_{number}")
    client.get("/nowhere")
    client.post("/v1/datasets?name=n", content=archive(), headers={"content-type": "application/zip"})
    response = client.get("/metrics")
    found = response.text
    assert response.headers["content-type"] == CONTENT_TYPE_LATEST
    assert 'imprint_requests_total{method="GET",route="/v1/jobs/{job_id}",status="404"} 3.0' in found
    assert 'imprint_requests_total{method="GET",route="unmatched",status="404"} 1.0' in found
    assert 'imprint_jobs{status="queued"} 1.0' in found
    assert "imprint_prediction_seconds" in found


@sqlite
def test_metrics_are_for_the_operators(client: httpx.Client, database: Database) -> None:
    refused = {
        "operators_only": create_token(database, "admin", tenant="birds"),
        "scope_too_small": create_token(database, "write"),
    }
    for code, token in refused.items():
        problem(client.get("/metrics", headers=bearer(token)), 403, code)
    assert client.get("/metrics", headers=bearer(create_token(database, "admin"))).status_code == 200
