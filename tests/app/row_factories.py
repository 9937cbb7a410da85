"""Rows of datasets and models, with the files of the models, as the worker leaves them."""

from typing import Any

from app.core.database.sessions import Database
from app.core.database.tables import Dataset, Model
from app.core.ids import new_id
from app.core.jobs import transitions
from app.core.settings import Settings
from app.core.specs import Prepare
from tests.app.colour_model import INPUT, publish
from tests.app.core.jobs.job_rows import end


def add_dataset(database: Database, **changed: Any) -> str:
    """A dataset that is ready, as a preparation leaves it."""
    values = {
        "status": "ready",
        "images": 20,
        "labelled": True,
        "classes": [{"name": "cat", "count": 10}, {"name": "dog", "count": 10}],
        "splits": {"train": 14, "val": 2, "test": 4},
        "rejected": 0,
        "duplicates": 0,
        "warnings": [],
    }
    dataset_id = new_id("ds")
    with database.writing() as session:
        job = transitions.create(session, Prepare(dataset=dataset_id))
        session.add(Dataset(id=dataset_id, name="n", job=job.id, sha256="0", bytes=1, **{**values, **changed}))
    end(database, job.id)
    return dataset_id


def add_model(
    database: Database,
    settings: Settings,
    classes: tuple[str, ...] = ("red", "green", "blue"),
    *,
    unfamiliar: bool = False,
    temperature: float = 1.0,
    **changed: Any,
) -> str:
    """A published model that tells the colours of an image apart: logits are the mean of each channel."""
    model_id = new_id("mdl")
    values = {"status": "ready", "backbone": "resnet18", "input": INPUT, "sha256": "0", "bytes": 1}
    values["from_labels"] = bool(classes)
    with database.writing() as session:
        session.add(Model(id=model_id, name="n", classes=list(classes), **{**values, **changed}))
    folder = settings.data / "models" / model_id
    folder.mkdir(parents=True)
    publish(folder, classes, unfamiliar=unfamiliar, temperature=temperature)
    return model_id
