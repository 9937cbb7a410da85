"""SQL about datasets."""

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app.core.database.tables import Dataset, Job
from app.core.errors import not_found
from app.core.jobs.references import is_referred_to
from app.core.jobs.states import TERMINAL


def get(session: Session, dataset_id: str) -> Dataset:
    """The dataset, or 404."""
    dataset = session.get(Dataset, dataset_id)
    if dataset is None:
        raise not_found("dataset", dataset_id)
    return dataset


def get_locked(session: Session, dataset_id: str) -> Dataset:
    """The dataset, which nobody else can take into use before this transaction ends; or 404."""
    dataset = session.get(Dataset, dataset_id, with_for_update=True)
    if dataset is None:
        raise not_found("dataset", dataset_id)
    return dataset


def is_used(session: Session, dataset: Dataset) -> bool:
    """Return whether a job that has not ended uses the dataset."""
    by_job = exists().where(Job.status.not_in(TERMINAL), Job.id == dataset.job)
    return bool(session.scalar(select(or_(by_job, is_referred_to("dataset", dataset.id)))))
