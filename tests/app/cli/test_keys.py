"""`imprint keys` and `imprint tenants`."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from app.core.settings import Settings
from tests.app.bearer_tokens import bearer
from tests.app.conftest import serving
from tests.app.http_clients import client_of
from tests.app.problem_assertions import problem

Run = Callable[..., list[str]]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on the test's database; its lines."""
    monkeypatch.setenv("IMPRINT_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("IMPRINT_DATA", str(settings.data))

    def command(*arguments: str, status: int = 0) -> list[str]:
        done = CliRunner().invoke(cli, list(arguments))
        assert done.exit_code == status, done.output
        return done.output.splitlines()

    return command


def test_a_key_is_made_listed_used_and_revoked(run: Run, settings: Settings) -> None:
    (token,) = run("keys", "create", "the camera", "--scope", "read", "--tenant", "birds", "--days", "30")
    key_id = token.partition(".")[0]
    (line,) = run("keys", "list")
    assert line.startswith(f"{key_id}  birds  read  expires 20")
    assert line.endswith("  the camera")
    locked = settings.model_copy(update={"require_keys": True})
    with serving(locked) as url, client_of(url, headers=bearer(token)) as client:
        assert client.get("/v1/jobs").status_code == 200
        assert run("keys", "revoke", key_id) == []
        problem(client.get("/v1/jobs"), 401, "invalid_key")
    assert "revoked 20" in run("keys", "list")[0]


def test_a_tenants_limits(run: Run) -> None:
    assert run("tenants", "limit", "birds", "--storage", "1000", "--jobs", "0") == []
    assert run("tenants", "list") == ["birds  storage 1000  images -  jobs 0  requests -"]
    assert run("tenants", "limit", "birds", "--images", "5") == []
    assert run("tenants", "list") == ["birds  storage -  images 5  jobs -  requests -"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("keys", "create", "n", "--scope", "root"), "imprint: there is no scope 'root'; there are read, write, admin"),
        (("keys", "create", " "), "imprint: A key needs a name."),
        (("keys", "create", "n", "--tenant", "Not This"), "imprint: A tenant's name is up to 40"),
        (
            ("keys", "revoke", "key_0"),
            "imprint: There is no key 'key_0'. GET /v1/keys (or `imprint keys list`) lists those that exist.",
        ),
        (("api", "--host", "192.0.2.1"), "imprint: refusing to listen on 192.0.2.1 without API keys."),
    ],
)
def test_what_cannot_be_ends_in_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    (line,) = run(*arguments, status=2)
    assert line.startswith(said)
