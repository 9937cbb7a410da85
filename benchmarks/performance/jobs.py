"""Fill a database with rows of ended jobs, as after years of use."""

from pathlib import Path

from sqlalchemy import create_engine, insert, text

from app.core.database.tables import Job

CHUNK = 20_000


def fill(database: Path, count: int) -> str:
    """Insert `count` ended jobs into a database that has the schema; the id of one in the middle."""
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
