"""Base class of everything that a job reports."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A stored record. Fields that a later version adds are ignored, so that rows of any version can be read."""

    model_config = ConfigDict(frozen=True, protected_namespaces=(), populate_by_name=True)
