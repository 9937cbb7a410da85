"""Writes a running job's metrics, events, checkpoints and artifacts. Every write is fenced by the lease."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.core.database.tables import Artifact, Checkpoint, Job, Metric
from app.core.files import storage_keys
from app.core.ids import new_id
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.jobs.transitions import record_event
from worker.context import Context
from worker.training.engine.checkpoint import CorruptCheckpoint, State, load, save

logger = logging.getLogger(__name__)

CSV = "text/csv; charset=utf-8"
CHECKPOINTS_KEPT = 2  # the newest, and the one before it in case the newest turns out damaged


@dataclass(frozen=True)
class RunPosition:
    """A position in a job: the run, its epoch (from 1), the optimizer step, and the epoch's metrics."""

    run: str
    epoch: int
    step: int
    metrics: dict[str, float]


class JobRecorder:
    """Writes for one lease. Every method raises StaleLease when the job has moved on."""

    def __init__(self, context: Context, lease: Lease) -> None:
        self._context, self._lease = context, lease

    def event(self, kind: str, data: dict[str, Any]) -> None:
        """Append an event to the job's history."""
        with self._context.database.writing() as session:
            leases.fence(session, self._lease)
            record_event(session, self._lease.job_id, kind, data)

    def metrics(self, position: RunPosition, *, own: bool) -> None:
        """Write an epoch's metrics; a resumed run overwrites those of the same step.

        `own`: they are also the job's latest metrics.
        """
        payload = _payload(position.run, position.epoch, position.step, position.metrics)
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, **({"metrics": payload} if own else {}))
            self._replace_metric(session, position)
            record_event(session, self._lease.job_id, "epoch", payload)

    def _replace_metric(self, session: Session, position: RunPosition) -> None:
        job_id, run, step = self._lease.job_id, position.run, position.step
        session.execute(delete(Metric).where(Metric.job_id == job_id, Metric.run == run, Metric.step == step))
        session.add(Metric(job_id=job_id, run=run, epoch=position.epoch, step=step, figures=position.metrics))

    def choose_metrics(self, run: str) -> None:
        """Make a run's last metrics the job's: those of the trial that was chosen."""
        of_run = select(Metric).where(Metric.job_id == self._lease.job_id, Metric.run == run)
        with self._context.database.writing() as session:
            last = session.scalars(of_run.order_by(Metric.step.desc()).limit(1)).first()
            if last is not None:
                payload = _payload(run, last.epoch, last.step, last.figures)
                leases.fence(session, self._lease, metrics=payload)

    def checkpoint(self, state: State, position: RunPosition) -> None:
        """Save a state: the file first, whole and durable, then the row that points at it; old files go last."""
        key = storage_keys.checkpoint(self._lease.job_id, new_id("ckpt"))
        path = self._context.storage.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, state)
        try:
            stale = self._insert_checkpoint(key, path, position)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        for old in stale:
            self._context.storage.delete(old)

    def _insert_checkpoint(self, key: str, path: Path, position: RunPosition) -> list[str]:
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, checkpoint=Job.checkpoint + 1)
            number = session.get_one(Job, self._lease.job_id, populate_existing=True).checkpoint
            session.add(
                Checkpoint(
                    job_id=self._lease.job_id,
                    number=number,
                    run=position.run,
                    epoch=position.epoch,
                    step=position.step,
                    key=key,
                    bytes=path.stat().st_size,
                    figures=position.metrics,
                )
            )
            of_job = Checkpoint.job_id == self._lease.job_id
            old = (
                delete(Checkpoint)
                .where(of_job, Checkpoint.number <= number - CHECKPOINTS_KEPT)
                .returning(Checkpoint.key)
            )
            return list(session.scalars(old))

    def rename_run(self, run: str, name: str) -> None:
        """Give a run's metrics and artifacts another name; nothing happens where it has that name already."""
        job_id = self._lease.job_id
        with self._context.database.writing() as session:
            leases.fence(session, self._lease)
            session.execute(update(Metric).where(Metric.job_id == job_id, Metric.run == run).values(run=name))
            for artifact in session.scalars(select(Artifact).where(Artifact.job_id == job_id, Artifact.run == run)):
                artifact.run, artifact.name = name, artifact.name.replace(run, name, 1)

    def artifact(self, name: str, position: RunPosition, media_type: str, data: bytes) -> None:
        """Publish a file: the file first, then its row. The previous artifact of this name is deleted last."""
        key = storage_keys.artifact(self._lease.job_id, new_id("art"))
        path = self._context.storage.path(key)
        with self._context.storage.incoming() as scratch:
            (scratch / "artifact").write_bytes(data)
            self._context.storage.keep(scratch / "artifact", key)
        try:
            old_keys = self._replace_artifact(
                Artifact(name=name, key=key, bytes=len(data), media_type=media_type), position
            )
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        for old_key in old_keys:
            self._context.storage.delete(old_key)

    def predictions(self, position: RunPosition, csv: bytes) -> None:
        """Publish a run's predictions (`predictions_csv`) as the artifact `<run>.csv`."""
        self.artifact(f"{position.run}.csv", position, CSV, csv)

    def suspects(self, position: RunPosition, csv: bytes) -> None:
        """Publish the labels that are likely wrong (`suspects_csv`) as the artifact `suspects.csv`."""
        self.artifact("suspects.csv", position, CSV, csv)

    def _replace_artifact(self, artifact: Artifact, position: RunPosition) -> list[str]:
        artifact.job_id, artifact.run, artifact.epoch = self._lease.job_id, position.run, position.epoch
        same_name = Artifact.job_id == artifact.job_id, Artifact.name == artifact.name
        with self._context.database.writing() as session:
            leases.fence(session, self._lease)
            old_keys = list(session.scalars(delete(Artifact).where(*same_name).returning(Artifact.key)))
            session.add(artifact)
        return old_keys

    def latest_checkpoint(self) -> State | None:
        """Load the newest intact checkpoint. A damaged one is recorded as an event, and the one before it is tried."""
        with self._context.database.reading() as session:
            of_job = select(Checkpoint).where(Checkpoint.job_id == self._lease.job_id)
            rows = list(session.scalars(of_job.order_by(Checkpoint.number.desc())))
        for row in rows:
            try:
                return load(self._context.storage.path(row.key))
            except (CorruptCheckpoint, OSError) as error:
                logger.warning("checkpoint %d of %s cannot be used: %s", row.number, row.job_id, error)
                self.event("checkpoint_damaged", {"number": row.number, "reason": str(error)[:300]})
        return None


def _payload(run: str, epoch: int, step: int, metrics: dict[str, float]) -> dict[str, Any]:
    return {"run": run, "epoch": epoch, "step": step, **metrics}
