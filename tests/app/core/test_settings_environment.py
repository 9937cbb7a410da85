"""Messages of a process with invalid settings in its environment."""

import pytest
from typer.testing import CliRunner

from app.cli.main import cli
from app.core.processes import lifeline
from app.core.settings_environment import OTHERS, InvalidSettings, load_settings, unknown_variables
from worker.processes import fork_protocol


def refusal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_misspelt_variable_is_refused_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(monkeypatch, IMPRINT_LEASE_SECOND="60")
    assert message == "there is no setting IMPRINT_LEASE_SECOND. Did you mean IMPRINT_LEASE_SECONDS?"


def test_a_variable_like_no_other_is_refused_with_the_place_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "docs/reference/settings.md" in refusal(monkeypatch, IMPRINT_ZZZZZ="1")


def test_a_wrong_value_is_worded(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(monkeypatch, IMPRINT_LEASE_SECONDS="long", IMPRINT_MAX_ATTEMPTS="0")
    assert "IMPRINT_LEASE_SECONDS must be a number, not 'long'" in message
    assert "IMPRINT_MAX_ATTEMPTS must be 1 or more" in message


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(monkeypatch, IMPRINT_DAT="x", IMPRINT_PORTS="8000", IMPRINT_DEVICE="tpu")
    for name in ("IMPRINT_DATA?", "IMPRINT_PORTS", "IMPRINT_DEVICE"):
        assert name in message


def test_flags_have_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPRINT_LEASE_SECONDS", "50")
    assert load_settings().lease_seconds == 50
    assert load_settings(lease_seconds=40).lease_seconds == 40


def test_what_others_read_is_let_through() -> None:
    mine = {"IMPRINT_DATA", "imprint_data", "IMPRINT_TEST_DATABASE_URL", "HOME"}
    kubernetes = {"IMPRINT_SERVICE_HOST", "IMPRINT_API_SERVICE_PORT_HTTP", "IMPRINT_API_PORT_8000_TCP_ADDR"}
    assert unknown_variables(dict.fromkeys(mine | kubernetes | set(OTHERS), "x")) == []
    assert {lifeline.LIFELINE_VARIABLE, fork_protocol.PRELOAD, fork_protocol.IDLE_PRELOAD} <= set(OTHERS)


@pytest.mark.parametrize("command", ["serve", "api", "worker", "migrate", "keys list"])
def test_a_command_ends_with_one_line(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("IMPRINT_LEASE_SECONDS", "5")
    done = CliRunner().invoke(cli, command.split())
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert done.output.startswith("imprint: IMPRINT_LEASE_SECONDS (5.0) must be at least 3 times")
