"""What a running job writes down: figures by epoch, events, checkpoints. Every write is fenced by the lease."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.database.tables import Artifact, Checkpoint, Job, Metric
from app.core.ids import new_id
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.jobs.transitions import record_event
from worker.context import Context
from worker.training.engine.checkpoint import CorruptCheckpoint, State, load, save

logger = logging.getLogger(__name__)

KEPT = 2  # the newest, and the one before it in case the newest turns out damaged


@dataclass(frozen=True)
class Mark:
    """Where in a job a checkpoint was taken."""

    run: str
    epoch: int
    step: int
    figures: dict[str, float]


class Journal:
    """Writes for one lease. Every method raises StaleLease when the job has moved on."""

    def __init__(self, context: Context, lease: Lease) -> None:
        self._context, self._lease = context, lease

    def event(self, kind: str, data: dict[str, Any]) -> None:
        """Something worth telling."""
        with self._context.database.writing() as session:
            leases.fence(session, self._lease)
            record_event(session, self._lease.job_id, kind, data)

    def figures(self, run: str, epoch: int, step: int, figures: dict[str, float]) -> None:
        """An epoch's figures.

        A resumed run that comes by again writes over its own. The main run's are the job's latest.
        """
        shown = {"run": run, "epoch": epoch, "step": step, **figures}
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, metrics=shown)
            self._replace_metric(session, run, epoch, step, figures)
            record_event(session, self._lease.job_id, "epoch", shown)

    def _replace_metric(self, session: Session, run: str, epoch: int, step: int, figures: dict[str, float]) -> None:
        job_id = self._lease.job_id
        session.execute(delete(Metric).where(Metric.job_id == job_id, Metric.run == run, Metric.step == step))
        session.add(Metric(job_id=job_id, run=run, epoch=epoch, step=step, figures=figures))

    def checkpoint(self, state: State, mark: Mark) -> None:
        """Save a state: the file first, whole and durable, then the row that points at it; old ones go last."""
        key = f"jobs/{self._lease.job_id}/{new_id('ckpt')}.safetensors"
        path = self._context.storage.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path, state)
        try:
            stale = self._point_at(key, path, mark)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        for old in stale:
            self._context.storage.delete(old)

    def _point_at(self, key: str, path: Path, mark: Mark) -> list[str]:
        with self._context.database.writing() as session:
            leases.fence(session, self._lease, checkpoint=Job.checkpoint + 1)
            number = session.get_one(Job, self._lease.job_id, populate_existing=True).checkpoint
            session.add(
                Checkpoint(
                    job_id=self._lease.job_id,
                    number=number,
                    run=mark.run,
                    epoch=mark.epoch,
                    step=mark.step,
                    key=key,
                    bytes=path.stat().st_size,
                    figures=mark.figures,
                )
            )
            of_job = Checkpoint.job_id == self._lease.job_id
            old = delete(Checkpoint).where(of_job, Checkpoint.number <= number - KEPT).returning(Checkpoint.key)
            return list(session.scalars(old))

    def artifact(self, name: str, mark: Mark, media_type: str, data: bytes) -> None:
        """Something to look at; the file first, then the row. The one that had this name before goes last."""
        key = f"jobs/{self._lease.job_id}/artifacts/{new_id('art')}"
        path = self._context.storage.path(key)
        with self._context.storage.incoming() as scratch:
            (scratch / "artifact").write_bytes(data)
            self._context.storage.keep(scratch / "artifact", key)
        try:
            old = self._show(Artifact(name=name, key=key, bytes=len(data), media_type=media_type), mark)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        for gone in old:
            self._context.storage.delete(gone)

    def answers(self, mark: Mark, table: bytes) -> None:
        """Publish a run's answers, image by image (`predictions_csv.table`), as the artifact `<run>.csv`."""
        self.artifact(f"{mark.run}.csv", mark, "text/csv; charset=utf-8", table)

    def _show(self, artifact: Artifact, mark: Mark) -> list[str]:
        artifact.job_id, artifact.run, artifact.epoch = self._lease.job_id, mark.run, mark.epoch
        ours = Artifact.job_id == artifact.job_id, Artifact.name == artifact.name
        with self._context.database.writing() as session:
            leases.fence(session, self._lease)
            old = list(session.scalars(delete(Artifact).where(*ours).returning(Artifact.key)))
            session.add(artifact)
        return old

    def latest(self) -> State | None:
        """The newest state that is whole; a damaged one is told of and the one before it taken."""
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
