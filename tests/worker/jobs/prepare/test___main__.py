"""A preparation limits its own resources, and records what it has collected."""

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.database.tables import Dataset, Job, Rejection
from app.core.jobs import transitions
from app.core.jobs.leases import claim
from app.core.processes.process_names import PREPARE_JOB
from app.core.specs import Prepare
from tests.app.core.jobs.job_rows import row
from tests.worker.jobs.prepare.hostile_images import encoded, photograph
from worker.context import Context
from worker.jobs.prepare.__main__ import SPARE_CPU_SECONDS, SPARE_FILE_BYTES

LIMITS = """
import resource
from app.core.settings import Settings
from worker.jobs.prepare.__main__ import limit_resources
limit_resources(Settings(prepare_seconds=100, prepare_memory_bytes=2**31, max_dataset_bytes=1000))
names = ("RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_CORE", "RLIMIT_AS")
print({name: resource.getrlimit(getattr(resource, name)) for name in names})
"""


def test_a_preparation_limits_its_own_process() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, check=True, env=environment)
    limits = ast.literal_eval(done.stdout)
    assert limits["RLIMIT_FSIZE"] == (1000 + SPARE_FILE_BYTES,) * 2
    assert limits["RLIMIT_CPU"] == (3 * 100 + SPARE_CPU_SECONDS,) * 2
    assert limits["RLIMIT_CORE"] == (0, 0)
    assert limits["RLIMIT_AS"][0] == 2**31


def prepare(context: Context, files: dict[str, bytes]) -> tuple[Job, Dataset, list[Rejection]]:
    """Prepare a zip of these files in a process of its own."""
    path = context.storage.path("uploads/ds_1.zip")
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with context.database.writing() as session:
        job = transitions.create(session, Prepare(dataset="ds_1"))
        session.add(Dataset(id="ds_1", name="n", job=job.id, sha256="0", bytes=path.stat().st_size))
        session.flush()
        lease = claim(session, "short", "w1", 600)
    assert lease is not None
    command = [sys.executable, "-m", PREPARE_JOB, lease.job_id, str(lease.epoch)]
    subprocess.run(command, env={**os.environ, **context.settings.environment()}, check=True)
    with context.database.reading() as session:
        rejections = list(session.scalars(select(Rejection).order_by(Rejection.number)))
        return row(context.database, job.id), session.get_one(Dataset, "ds_1"), rejections


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_row_tells_what_is_in_the_pack(context: Context) -> None:
    classes = enumerate(("owl", "puffin"))
    images = {f"{name}/{n}.png": encoded(photograph(10 * number + n)) for number, name in classes for n in range(8)}
    job, dataset, rejections = prepare(context, {**images, "owl/copy.png": images["owl/0.png"], "owl/notes.txt": b"x"})
    assert (job.status, job.error) == ("succeeded", None)
    assert (dataset.status, dataset.images, dataset.labelled, dataset.duplicates) == ("ready", 16, True, 1)
    assert dataset.classes == [{"name": "owl", "count": 8}, {"name": "puffin", "count": 8}]
    assert dataset.splits == {"train": 12, "val": 2, "test": 2}
    assert [(rejected.path, rejected.code, rejected.number) for rejected in rejections] == [
        ("owl/notes.txt", "not_an_image", 1)
    ]
    folder: Path = context.storage.path("datasets/ds_1")
    assert dataset.packed_bytes == sum(file.stat().st_size for file in folder.iterdir())
    assert {warning["code"] for warning in dataset.warnings} == {"few_images", "rejections"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_a_usable_image_the_job_fails_and_the_rejections_say_why(context: Context) -> None:
    job, dataset, rejections = prepare(context, {"owl/1.png": b"no image", "owl/2.jpg": b"none either"})
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("failed", "no_usable_images")
    assert (dataset.status, dataset.images, dataset.rejected) == ("failed", 0, 2)
    assert [rejected.path for rejected in rejections] == ["owl/1.png", "owl/2.jpg"]
    assert not context.storage.path("datasets/ds_1").exists()
