"""Requests generated from the served document, valid and invalid: no response is a 5xx, none is undocumented."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.core.database.sessions import Database
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import Finetune
from tests.app.row_factories import add_dataset, add_model
from tests.measurements import Measurements

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
HOOKS = Path(__file__).with_name("openapi_requests.py")
# Left out: what our refusals for reasons beyond a schema look like to it (a dataset that is not there is a 422).
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
)


@pytest.mark.parametrize(
    ("database_url", "examples"),
    [("sqlite", 3), *(pytest.param(kind, 100, marks=pytest.mark.storm) for kind in ("sqlite", "postgresql"))],
    indirect=["database_url"],
)
def test_whatever_is_asked(
    client: httpx.Client,
    database: Database,
    settings: Settings,
    tmp_path: Path,
    examples: int,
    measurements: Measurements,
) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'{at} = "{id_}"\n' for at, id_ in known(database, settings).items()))
    command = [SCHEMATHESIS, "--config-file", config, "run", f"{client.base_url}/openapi.json", "--seed", "1"]
    options = ["--max-examples", str(examples), "--continue-on-failure", "--no-color", "--checks", ",".join(CHECKS)]
    hooked = {**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)}
    done = subprocess.run([*command, *options], env=hooked, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found is not None, done.stdout[-2000:]
    assert found[1] == found[2]
    assert client.get("/readyz").status_code == 200
    kind = "PostgreSQL" if settings.database_url.startswith("postgresql") else "SQLite"
    told = {"requests and sequences": int(found[1]), "5xx": 0, "undocumented answers": 0}
    measurements.record(f"schemathesis on the served document, {kind}", told)


def known(database: Database, settings: Settings) -> dict[str, str]:
    """One of each thing that a path can name, so that not every call ends at a 404."""
    dataset = add_dataset(database)
    with database.writing() as session:
        job = transitions.create(session, Finetune(type="finetune", dataset=dataset)).id
    return {"dataset_id": dataset, "job_id": job, "model": add_model(database, settings)}
