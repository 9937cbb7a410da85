"""The tables. A job's row is authoritative about the job; other rows refer to it or to a dataset's or a model's row.

Times are seconds since 1970 on the database's clock (`app.core.database.clock`). References between datasets, jobs and
models are plain ids, not foreign keys: a model outlives the job and the dataset that it came from, and keeps their ids.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Double, ForeignKey, Index, Integer, MetaData, String, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.core.database.clock import now

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Id = String(40)
CONVERTED = "converted"  # code of the warning that counts the images that were converted to upright RGB
LOCAL_TENANT = "local"  # tenant of callers that need no key, and of the service's operators

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base class with fixed constraint names, so that migrations can name them on both databases."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {dict[str, Any]: Json, list[Any]: Json, list[str]: Json, float: Double()}  # noqa: RUF012


class TenantOwned:
    """Mixin for rows that belong to a tenant and are invisible to all others (`app.core.database.tenancy`)."""

    tenant: Mapped[str] = mapped_column(Id, default=LOCAL_TENANT, server_default=LOCAL_TENANT)


class Release(Base):
    """A version of Imprint that has migrated this database; only the latest one may use it."""

    __tablename__ = "releases"

    version: Mapped[str] = mapped_column(Id, primary_key=True)
    migrated_at: Mapped[float] = mapped_column(default=now())


class Tenant(Base):
    """An owner of keys, datasets, models and jobs, with limits. A limit that is null is the service's default."""

    __tablename__ = "tenants"

    name: Mapped[str] = mapped_column(Id, primary_key=True)
    storage_bytes: Mapped[int | None] = mapped_column(BigInteger)
    images: Mapped[int | None] = mapped_column(BigInteger)
    jobs: Mapped[int | None] = mapped_column(Integer)
    requests: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[float] = mapped_column(default=now())


class Key(TenantOwned, Base):
    """An API key, of which only the secret's hash is stored."""

    __tablename__ = "keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    scope: Mapped[str] = mapped_column(String(10))
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float] = mapped_column(default=now())
    expires_at: Mapped[float | None]
    revoked_at: Mapped[float | None]

    __table_args__ = (Index("ix_keys_tenant_created_at", "tenant", "created_at", "id"),)


class Job(TenantOwned, Base):
    """A job.

    `epoch` counts the claims and fences writers; `attempts` counts the claims that were not released.
    """

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    type: Mapped[str] = mapped_column(String(20))
    lane: Mapped[str] = mapped_column(String(10))
    name: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(12))
    spec: Mapped[dict[str, Any]]
    progress: Mapped[dict[str, Any] | None]
    metrics: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]

    epoch: Mapped[int] = mapped_column(Integer, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    pause_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    owner: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[float | None]
    checkpoint: Mapped[int] = mapped_column(Integer, default=0)
    events: Mapped[int] = mapped_column(Integer, default=0)

    created_at: Mapped[float] = mapped_column(default=now())
    queued_at: Mapped[float] = mapped_column(default=now())
    woken_at: Mapped[float] = mapped_column(default=now())
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]

    __table_args__ = (
        Index("ix_jobs_lane_status_queued_at", "lane", "status", "queued_at", "id"),
        Index("ix_jobs_status_lease_expires_at", "status", "lease_expires_at"),
        Index("ix_jobs_tenant_type_created_at", "tenant", "type", "created_at", "id"),
        Index("ix_jobs_tenant_created_at", "tenant", "created_at", "id"),
        Index("ix_jobs_tenant_status_created_at", "tenant", "status", "created_at", "id"),
    )


class Event(Base):
    """An event of a job, numbered from 1 within the job in the order of commits."""

    __tablename__ = "events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
    created_at: Mapped[float] = mapped_column(default=now())


class Metric(Base):
    """Metrics of one training epoch.

    `run` is `main` or a baseline's name. A resumed run writes the same rows again.
    """

    __tablename__ = "metrics"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    run: Mapped[str] = mapped_column(String(20), primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True)
    epoch: Mapped[int] = mapped_column(Integer)
    figures: Mapped[dict[str, Any]]
    created_at: Mapped[float] = mapped_column(default=now())


class Checkpoint(Base):
    """A saved training state that can be resumed from; `number` increases within its job."""

    __tablename__ = "checkpoints"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    run: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int] = mapped_column(Integer)
    step: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(300))
    bytes: Mapped[int] = mapped_column(BigInteger)
    figures: Mapped[dict[str, Any]]
    created_at: Mapped[float] = mapped_column(default=now())


class Artifact(Base):
    """A file that a job shows, such as a preview image; `name` is unique within the job."""

    __tablename__ = "artifacts"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    run: Mapped[str] = mapped_column(String(20))
    epoch: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(300))
    bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[float] = mapped_column(default=now())


class Dataset(TenantOwned, Base):
    """An uploaded dataset; `status` is preparing, ready or failed.

    `bytes` is the size of the archive, `packed_bytes` that of the prepared files.
    """

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(12), default="preparing")
    job: Mapped[str] = mapped_column(Id)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    packed_bytes: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    images: Mapped[int | None] = mapped_column(Integer)
    labelled: Mapped[bool | None] = mapped_column(Boolean)
    classes: Mapped[list[Any] | None]
    splits: Mapped[dict[str, Any] | None]
    rejected: Mapped[int | None] = mapped_column(Integer)
    duplicates: Mapped[int | None] = mapped_column(Integer)
    warnings: Mapped[list[Any] | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[float] = mapped_column(default=now())

    __table_args__ = (Index("ix_datasets_tenant_created_at", "tenant", "created_at", "id"),)

    @property
    def class_names(self) -> list[str]:
        """Class names in the order of their indices; empty without labels."""
        return [entry["name"] for entry in self.classes or []]

    @property
    def converted(self) -> dict[str, int]:
        """Number of images that were converted to upright RGB, by what they were; empty if none or unknown."""
        return next((entry["images"] for entry in self.warnings or [] if entry["code"] == CONVERTED), {})


class Upload(TenantOwned, Base):
    """An archive that is uploaded in parts. The length of its file is the number of bytes received so far.

    `dataset` is set once the upload is complete.
    """

    __tablename__ = "uploads"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    length: Mapped[int] = mapped_column(BigInteger)
    dataset: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[float] = mapped_column(default=now())

    __table_args__ = (Index("ix_uploads_tenant_created_at", "tenant", "created_at", "id"),)


class Rejection(Base):
    """A file of an archive that was left out, with the reason."""

    __tablename__ = "rejections"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    path: Mapped[str] = mapped_column(String(1024))
    code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500))


class Model(TenantOwned, Base):
    """A servable model; `status` is preparing (weights are there, the ONNX file is not yet), ready or failed.

    `trained_on` has the datasets that it or an ancestor was trained on, and `from_labels` is true if any of them learnt
    from labels (`worker.data.lineage`); both stay true when ancestors are deleted.
    """

    __tablename__ = "models"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(12))
    backbone: Mapped[str] = mapped_column(String(40))
    classes: Mapped[list[str]]
    input: Mapped[dict[str, Any]]
    parent: Mapped[str | None] = mapped_column(String(80))
    job: Mapped[str | None] = mapped_column(Id)
    dataset: Mapped[str | None] = mapped_column(Id)
    trained_on: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    from_labels: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    metrics: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[float] = mapped_column(default=now())

    __table_args__ = (Index("ix_models_tenant_created_at", "tenant", "created_at", "id"),)


class Alias(TenantOwned, Base):
    """A name that can be used wherever a model's id can."""

    __tablename__ = "aliases"

    tenant: Mapped[str] = mapped_column(Id, primary_key=True, default=LOCAL_TENANT, server_default=LOCAL_TENANT)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    updated_at: Mapped[float] = mapped_column(default=now())


class Idempotency(TenantOwned, Base):
    """The resource that was created with an `Idempotency-Key`: repeating key and request returns it again."""

    __tablename__ = "idempotency"

    tenant: Mapped[str] = mapped_column(Id, primary_key=True, default=LOCAL_TENANT, server_default=LOCAL_TENANT)
    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    created: Mapped[str] = mapped_column(Id)
    created_at: Mapped[float] = mapped_column(default=now())
