"""Every setting of the service, from `IMPRINT_` environment variables or the command line's flags.

`docs/reference/settings.md` is generated from here: `make docs`. Start a process with
`app.core.settings_environment.load_settings`, which reports wrong values and refuses unknown variables.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.device_names import Device

PREFIX = "IMPRINT_"
KIB, MIB = 1024, 1024 * 1024
DAY_SECONDS = 24 * 3600.0
RENEWALS_IN_A_LEASE = 3  # so that a job survives a renewal that the database did not answer in time


class Settings(BaseSettings):
    """One immutable set of settings per process; the embedded default needs none of them set.

    Each field is checked by itself, and all of them together by RULES.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", allow_inf_nan=False)

    data: Path = Field(Path("data"), description="The data folder: uploads, datasets, models, checkpoints.")
    database_url: str = Field(
        "", description="The database as an SQLAlchemy URL. Empty: SQLite in the data folder (`imprint.db`)."
    )
    broker_url: str = Field(
        "", description="Celery's broker, for example `redis://...`. Empty: files in the data folder."
    )

    lease_seconds: float = Field(
        60.0, gt=0, le=DAY_SECONDS, description="Seconds a worker may be silent before another one takes its job."
    )
    renew_seconds: float = Field(
        10.0, gt=0, le=DAY_SECONDS, description="Seconds between two renewals of a running job's lease."
    )
    reconcile_seconds: float = Field(
        5.0, gt=0, le=DAY_SECONDS, description="Seconds between two searches for lapsed leases and forgotten jobs."
    )
    wake_seconds: float = Field(
        15.0, gt=0, le=DAY_SECONDS, description="Seconds a job is queued before its worker is woken once more."
    )
    grace_seconds: float = Field(
        10.0, gt=0, le=DAY_SECONDS, description="Seconds from SIGTERM to SIGKILL, in which a training saves itself."
    )
    poll_seconds: float = Field(
        0.5, gt=0, le=60, description="Seconds between two looks of a supervisor at its child and its job."
    )
    checkpoint_seconds: float = Field(
        30.0,
        gt=0,
        le=DAY_SECONDS,
        description="Seconds between two checkpoints: so much is computed again when a worker dies.",
    )
    max_attempts: int = Field(
        3, ge=1, le=100_000, description="How often a job is started before it fails for good, when its workers die."
    )
    heartbeats: Path | None = Field(
        None, description="A folder in which each lane of a worker shows that it renews, for healthchecks. Unset: none."
    )

    max_upload_bytes: int = Field(10 * 1024 * MIB, ge=1, description="Bytes of an uploaded archive, at most.")
    max_model_bytes: int = Field(4 * 1024 * MIB, ge=1, description="Bytes of an imported model's weights, at most.")
    max_json_bytes: int = Field(1 * MIB, ge=KIB, description="Bytes of a request's JSON body, at most.")
    max_prediction_bytes: int = Field(64 * MIB, ge=1, description="Bytes of a prediction's body, at most.")
    max_image_bytes: int = Field(32 * MIB, ge=1, description="Bytes of one image file, at most.")
    max_image_pixels: int = Field(
        50_331_648, ge=1, description="Pixels of one image, at most; the default is 8192 x 6144."
    )
    max_dataset_files: int = Field(300_000, ge=1, description="Entries of an archive, folders too, at most.")
    max_dataset_bytes: int = Field(
        64 * 1024 * MIB, ge=1, description="Bytes that come out of one archive when it is unpacked, at most."
    )
    prepare_memory_bytes: int = Field(
        4 * 1024 * MIB, ge=64 * MIB, description="Bytes of address space of the process that prepares a dataset."
    )
    prepare_seconds: float = Field(
        6 * 3600.0, gt=0, le=30 * DAY_SECONDS, description="Seconds that the preparation of a dataset may take."
    )
    stored_side: int = Field(
        256, ge=32, le=2048, description="Pixels of the shorter side of a prepared image, which is never enlarged."
    )

    require_keys: bool = Field(
        False, description="Refuse every request without an API key; always so beyond the loopback address."
    )
    limit_storage_bytes: int | None = Field(
        None, ge=0, description="Bytes of all files of a tenant that has no limit of its own. Unset: no limit."
    )
    limit_images: int | None = Field(None, ge=0, description="Images in a tenant's datasets. Unset: no limit.")
    limit_jobs: int | None = Field(None, ge=0, description="Jobs of a tenant that have not ended. Unset: no limit.")
    limit_requests: int | None = Field(
        None, ge=1, description="Requests of a tenant in a minute, to each API process. Unset: no limit."
    )

    loaded_models: int = Field(
        4, ge=1, le=10_000, description="Models that an API process holds in memory; the longest unused one leaves."
    )
    prediction_queue: int = Field(
        128, ge=1, le=100_000, description="Images that wait for one model at a time; more are refused with 503."
    )
    prediction_batch: int = Field(8, ge=1, le=4096, description="Images that a model answers at once, at most.")
    prediction_images: int = Field(128, ge=1, le=100_000, description="Images in one prediction request, at most.")
    ready_patience_seconds: float = Field(
        60.0, ge=0, le=3600, description="Seconds that a prediction waits for a model that is being published."
    )

    device: Device = Field(
        "auto", description="The device of jobs that ask for `auto`: `auto`, `cpu`, `mps`, `cuda` or `cuda:N`."
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if faults := [message for holds, message in RULES if not holds(self)]:
            raise ValueError("; ".join(filled(message, self) for message in faults))
        return self

    @property
    def resolved_database_url(self) -> str:
        """URL of the database: SQLite in the data folder by default."""
        return self.database_url or f"sqlite:///{(self.data / 'imprint.db').resolve()}"

    @property
    def resolved_broker_url(self) -> str:
        """URL of the broker: Celery's filesystem transport by default."""
        return self.broker_url or "filesystem://localhost/"

    def environment(self) -> dict[str, str]:
        """Return these settings as environment variables, for child processes."""
        absolute = self.model_copy(update={"data": self.data.resolve()})
        values = absolute.model_dump(exclude_none=True)
        return {variable(name): str(value) for name, value in values.items()}


def variable(field: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{field.upper()}"


Rule = tuple[Callable[[Settings], bool], str]

# Conditions on several settings at a time, and what to change if they are violated; {name} becomes `IMPRINT_NAME (its
# value)`. Settings that are not named together here do not depend on each other.
RULES: tuple[Rule, ...] = (
    (
        lambda s: s.lease_seconds >= RENEWALS_IN_A_LEASE * s.renew_seconds,
        f"{{lease_seconds}} must be at least {RENEWALS_IN_A_LEASE} times {{renew_seconds}}, or a job whose worker is"
        " alive is taken from it: raise the first or lower the second",
    ),
    (
        lambda s: s.poll_seconds <= s.renew_seconds,
        "{poll_seconds} must not be above {renew_seconds}: a worker renews only when it looks at its job",
    ),
    (
        lambda s: s.grace_seconds + s.renew_seconds <= s.lease_seconds,
        "{grace_seconds} and {renew_seconds} together must not be above {lease_seconds}: while a worker stops a job it"
        " does not renew, and another one would start it meanwhile",
    ),
    (
        lambda s: s.reconcile_seconds <= s.lease_seconds,
        "{reconcile_seconds} must not be above {lease_seconds}, or the job of a dead worker waits for the search and"
        " not for its lease",
    ),
    (
        lambda s: s.reconcile_seconds <= s.wake_seconds,
        "{reconcile_seconds} must not be above {wake_seconds}: forgotten jobs are found by that search alone",
    ),
    (
        lambda s: s.prediction_images <= s.prediction_queue,
        "{prediction_images} must not be above {prediction_queue}: a request with more images than may wait could"
        " never be let in",
    ),
    (
        lambda s: s.prediction_batch <= s.prediction_queue,
        "{prediction_batch} must not be above {prediction_queue}: a batch is filled from the images that wait",
    ),
    (
        lambda s: s.stored_side**2 <= s.max_image_pixels,
        "{stored_side} squared must not be above {max_image_pixels}, or every image of that size is refused",
    ),
)


def filled(message: str, settings: Settings) -> str:
    """Fill the variables' names and values into a rule's message.

    Args:
        message: with `{name}` for each setting.
        settings: the values.

    Returns:
        The message.
    """
    values = {name: f"{variable(name)} ({value})" for name, value in settings.model_dump().items()}
    return message.format_map(values)
