"""Settings from a process's environment; a wrong value or an unknown `IMPRINT_` variable is reported in one line."""

import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from app.core.settings import PREFIX, Settings, variable
from app.core.validation_messages import Error, did_you_mean, explain

# Variables with our prefix that are no setting, and what reads them.
OTHERS = {
    "IMPRINT_BIND": "docker-compose.yml: where the API listens; .env is handed to the containers too",
    "IMPRINT_PORT": "docker-compose.yml, as above",
    "IMPRINT_POSTGRES_PASSWORD": "docker-compose.yml: it is part of IMPRINT_DATABASE_URL there",
    "IMPRINT_REDIS_PASSWORD": "docker-compose.yml: it is part of IMPRINT_BROKER_URL there",
    "IMPRINT_LIFELINE": "app.core.processes.lifeline: the descriptor by which a child sees its parent's end",
    "IMPRINT_PRELOAD": "worker.processes.fork_protocol: what the fork server imports at once",
    "IMPRINT_IDLE_PRELOAD": "worker.processes.fork_protocol: what it imports when it has time",
}
PATTERNS = {
    r"IMPRINT_TEST_\w+": "the tests and benchmarks, which hand their own on to the processes that they start",
    r"IMPRINT_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)": (
        "Kubernetes, which tells every container of each service whose name begins with imprint"
    ),
}


class InvalidSettings(ValueError):
    """Environment or flags are wrong; the message is one line that says what to change."""


def load_settings(**flags: Any) -> Settings:
    """Load the settings of this process.

    Args:
        **flags: fields by name, which override the environment.

    Returns:
        The settings.

    Raises:
        InvalidSettings: for a wrong value, values that contradict each other, or an unknown variable.
    """
    faults = [_unknown(name) for name in unknown_variables(os.environ)]
    try:
        settings = Settings(**flags)
    except ValidationError as error:
        raise InvalidSettings(_in_one_line([*faults, *map(_worded, error.errors())])) from error
    if faults:
        raise InvalidSettings(_in_one_line(faults))
    return settings


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return the variables with the service's prefix, in any case, that nothing reads."""
    known = {variable(field) for field in Settings.model_fields}
    return sorted(name for name in environment if name.upper().startswith(PREFIX) and not _is_read(name.upper(), known))


def _is_read(name: str, known: Collection[str]) -> bool:
    return name in known or name in OTHERS or any(re.fullmatch(pattern, name) for pattern in PATTERNS)


def _unknown(name: str) -> str:
    near = did_you_mean(name.upper().removeprefix(PREFIX), [field.upper() for field in Settings.model_fields])
    remedy = near.replace("'", f"'{PREFIX}", 1).replace("'", "") or " Unset it; docs/reference/settings.md has all."
    return f"there is no setting {name}.{remedy}"


def _worded(error: Error) -> str:
    names = [variable(str(part)) for part in error["loc"]]
    return explain(error, ".".join(names)).removesuffix(".")


def _in_one_line(faults: Iterable[str]) -> str:
    return "; ".join(fault.replace("\n", " ") for fault in faults)
