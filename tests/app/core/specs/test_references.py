"""Specs say themselves what they refer to."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.core.specs import JOB_TYPES
from app.core.specs.references import DatasetId, ModelName, Reference, references_of


class Inner(BaseModel):
    source: DatasetId | None = None


class Other(BaseModel):
    strength: float = 0


class Outer(BaseModel):
    plain: str
    dataset: DatasetId
    described: DatasetId = Field("ds_1", description="with metadata of its own")
    nested: Annotated[Inner | Other, Field(description="a union")]
    models: list[ModelName] = Field(min_length=1)


def test_fields_are_found_wherever_they_are() -> None:
    assert references_of(Outer) == {
        Reference("dataset", ("dataset",)),
        Reference("dataset", ("described",)),
        Reference("dataset", ("nested", "source")),
        Reference("model", ("models",), many=True),
    }


def test_what_each_type_of_job_refers_to() -> None:
    found = {name: {"/".join(at.path) for at in row.spec.references()} for name, row in JOB_TYPES.items()}
    assert found == {
        "pretrain": {"dataset", "init"},
        "finetune": {"dataset", "init", "adapt/source"},
        "evaluate": {"dataset", "model"},
        "rank": {"dataset", "candidates"},
        "prepare": {"dataset"},
        "publish": {"model"},
    }
