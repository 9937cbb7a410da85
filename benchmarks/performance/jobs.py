"""Rows of jobs without the work: a database as it is after years."""

from pathlib import Path

from sqlalchemy import create_engine, insert, text

from app.core.database.tables import Job

CHUNK = 20_000


def fill(database: Path, count: int) -> str:
    """That many ended jobs in a database whose schema stands; the id of one in their middle."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        for start in range(0, count, CHUNK):
            connection.execute(insert(Job), [_row(number) for number in range(start, min(start + CHUNK, count))])
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()
    return _id(count // 2)


def _id(number: int) -> str:
    return f"job_{number:020d}"


def _row(number: int) -> dict[str, object]:
    at = 1.7e9 + number
    return {
        "id": _id(number), "type": "finetune", "lane": "long", "status": "succeeded",
        "spec": {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "training": {"epochs": 10}},
        "progress": {"epoch": 10, "epochs": 10}, "metrics": {"run": "main", "val_accuracy": 0.5}, "result": {},
        "created_at": at, "queued_at": at, "woken_at": at, "started_at": at + 1, "finished_at": at + 60,
    }  # fmt: skip
