"""Every knob of the service, from `IMPRINT_` environment variables or the command line's flags."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class Settings(BaseSettings):
    """One immutable set of settings per process; the embedded default needs none of them set."""

    model_config = SettingsConfigDict(env_prefix="IMPRINT_", frozen=True, extra="ignore")

    data: Path = Path("data")
    database_url: str = ""
    broker_url: str = ""

    lease_seconds: float = Field(60.0, gt=0)
    renew_seconds: float = Field(10.0, gt=0)
    reconcile_seconds: float = Field(5.0, gt=0)
    wake_seconds: float = Field(15.0, gt=0, description="a job queued this long without starting is woken again")
    grace_seconds: float = Field(10.0, gt=0, description="from SIGTERM to SIGKILL")
    poll_seconds: float = Field(0.5, gt=0, description="how often a supervisor looks at its child and its job")
    checkpoint_seconds: float = Field(30.0, gt=0)
    max_attempts: int = Field(3, ge=1)
    heartbeats: Path | None = Field(None, description="a folder where each lane shows that it renews, for healthchecks")

    max_upload_bytes: int = Field(10 * 1024 * MIB, ge=1)
    max_model_bytes: int = Field(4 * 1024 * MIB, ge=1)
    max_json_bytes: int = Field(1 * MIB, ge=1)
    max_prediction_bytes: int = Field(64 * MIB, ge=1)
    max_image_bytes: int = Field(32 * MIB, ge=1)
    max_image_pixels: int = Field(50_331_648, ge=1, description="8192 x 6144")
    max_dataset_files: int = Field(300_000, ge=1, description="entries of an archive, folders too")
    max_dataset_bytes: int = Field(64 * 1024 * MIB, ge=1, description="actual bytes unpacked from one archive")
    prepare_memory_bytes: int = Field(4 * 1024 * MIB, ge=1, description="address space of a preparation's process")
    prepare_seconds: float = Field(6 * 3600.0, gt=0, description="how long a preparation may take")
    stored_side: int = Field(256, ge=32, description="the shorter side of a prepared image, never enlarged")

    require_keys: bool = Field(False, description="refuse whoever has no API key; needed beyond the loopback address")
    limit_storage_bytes: int | None = Field(None, ge=0, description="a tenant's files together, unless it has its own")
    limit_images: int | None = Field(None, ge=0, description="images in a tenant's datasets")
    limit_jobs: int | None = Field(None, ge=0, description="a tenant's jobs that have not ended")
    limit_requests: int | None = Field(None, ge=1, description="a tenant's requests in a minute, to each API process")

    loaded_models: int = Field(4, ge=1)
    prediction_queue: int = Field(128, ge=1)
    prediction_batch: int = Field(8, ge=1)
    prediction_images: int = Field(128, ge=1, description="images in one request")
    ready_patience_seconds: float = Field(60.0, ge=0, description="how long a prediction waits for a new model")

    device: str = "auto"

    @property
    def resolved_database_url(self) -> str:
        """The database: SQLite inside the data folder unless one is named."""
        return self.database_url or f"sqlite:///{(self.data / 'imprint.db').resolve()}"

    @property
    def resolved_broker_url(self) -> str:
        """The broker: Celery's filesystem transport unless one is named."""
        return self.broker_url or "filesystem://localhost/"

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for child processes."""
        absolute = self.model_copy(update={"data": self.data.resolve()})
        told = absolute.model_dump(exclude_none=True)
        return {f"IMPRINT_{name.upper()}": str(value) for name, value in told.items()}
