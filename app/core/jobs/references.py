"""Protection of datasets and models that unfinished jobs refer to, which must not be deleted."""

from sqlalchemy import ColumnElement, exists, or_

from app.core.database.tables import Job
from app.core.jobs.states import TERMINAL
from app.core.specs.job_types import JOB_TYPES
from app.core.specs.references import Reference, Thing


def is_referred_to(thing: Thing, id_: str) -> ColumnElement[bool]:
    """Build the SQL condition that a job that has not ended names a dataset or a model in its spec.

    Args:
        thing: "dataset" or "model".
        id_: its id.

    Returns:
        The condition.
    """
    places = {place for row in JOB_TYPES.values() for place in row.spec.references() if place.thing == thing}
    return exists().where(Job.status.not_in(TERMINAL), or_(*(_names(place, id_) for place in places)))


def _names(place: Reference, id_: str) -> ColumnElement[bool]:
    value: ColumnElement[str] = Job.spec[place.path if len(place.path) > 1 else place.path[0]].as_string()
    return value.contains(f'"{id_}"', autoescape=True) if place.many else value == id_  # a list is its JSON text
