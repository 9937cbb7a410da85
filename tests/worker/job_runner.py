"""Adds small prepared datasets, and runs jobs in this process instead of in a child."""

import csv
import io
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from app.core.database.tables import Artifact, Dataset, Job
from app.core.ids import new_id
from app.core.jobs import transitions
from app.core.jobs.leases import Lease, claim
from app.core.jobs.states import Status
from app.core.specs import ASKED_SPEC, LANES, JobSpec, Prepare
from app.jobs.resolve.resolve import resolve
from tests.app.core.jobs.job_rows import end, row
from tests.worker.training.packed_fixtures import pack
from worker.context import Context
from worker.jobs.entry_point import JobFunction

SIDE = 16
SPLITS = (0, 0, 0, 0, 1, 1, 2, 2)  # of each class: four images to train, two to validate, two to test


def coloured(shade: int, count: int, noise: float, seed: int) -> list[np.ndarray]:
    """Noise images with more of one of the three colours, which is what the classes differ in."""
    random = np.random.default_rng((seed, shade))
    images = random.normal(110, noise, (count, SIDE, SIDE, 3))
    images[..., shade % 3] += 60
    return list(images.clip(0, 255).astype(np.uint8))


def add_dataset(
    context: Context,
    classes: Sequence[str] = ("blue", "green", "red"),
    *,
    splits: Sequence[int] = SPLITS,
    labelled: bool = True,
    noise: float = 30,
    seed: int = 0,
) -> str:
    """Add a dataset that is ready, with `len(splits)` images of each class, in that order. Returns its id."""
    dataset_id = new_id("ds")
    images = [image for number in range(len(classes)) for image in coloured(number, len(splits), noise, seed)]
    labels = [number for number in range(len(classes)) for _ in splits] if labelled else [-1] * len(images)
    folder = context.storage.path(f"datasets/{dataset_id}")
    folder.mkdir(parents=True)
    pack(folder, images, labels, list(splits) * len(classes))
    names = [f"{classes[label] if label >= 0 else 'all'}/{number}.png" for number, label in enumerate(labels)]
    (folder / "names.json").write_text(json.dumps(names))
    counts = [{"name": name, "count": len(splits)} for name in classes] if labelled else []
    shares = {name: list(splits).count(code) * len(classes) for code, name in enumerate(("train", "val", "test"))}
    with context.database.writing() as session:
        job = transitions.create(session, Prepare(dataset=dataset_id))
        session.add(
            Dataset(
                id=dataset_id, name="n", status="ready", job=job.id, sha256="0", bytes=1, images=len(images),
                labelled=labelled, classes=counts, splits=shares,
            )
        )  # fmt: skip
    end(context.database, job.id)
    return dataset_id


def predictions(context: Context, job: Job, run: str = "main") -> list[dict[str, str]]:
    """The rows of a run's predictions."""
    with context.database.reading() as session:
        shown = session.get_one(Artifact, (job.id, f"{run}.csv"))
    assert shown.media_type.startswith("text/csv")
    return list(csv.DictReader(io.StringIO(context.storage.path(shown.key).read_text("utf-8"))))


def relabel(context: Context, dataset: str, labels: Sequence[int]) -> None:
    """Replace the labels of a dataset's images."""
    path = context.storage.path(f"datasets/{dataset}/index.npz")
    with np.load(path) as index:
        columns: dict[str, np.ndarray] = dict(index)
    np.savez(path, **columns | {"labels": np.array(labels, np.int64)})  # type: ignore[arg-type]


def result_of(job: Job) -> dict[str, Any]:
    """The result of a job, which must have one."""
    assert job.result is not None
    return job.result


def weights(context: Context, job: Job) -> dict[str, bytes]:
    """Every tensor's bytes of the job's model; the file's own also hold its metadata, in any order."""
    path = context.storage.path(f"models/{result_of(job)['model']}/model.safetensors")
    return {name: array.tobytes() for name, array in load_file(path).items()}


def run_job(context: Context, work: JobFunction, asked: Mapping[str, Any]) -> Job:
    """Create, claim and run a job whose spec is completed as the API does; it must succeed."""
    with context.database.reading() as session:
        spec = resolve(session, ASKED_SPEC.validate_python(dict(asked)))
    return run_spec(context, work, spec)


def run_spec(context: Context, work: JobFunction, spec: JobSpec) -> Job:
    """Create, claim and run a job with the spec as it is, which the API might have refused; it must succeed."""
    return run_claimed(context, work, claim_new(context, spec))


def claim_new(context: Context, spec: JobSpec) -> Lease:
    """Create a job and claim it."""
    with context.database.writing() as session:
        created = transitions.create(session, spec)
        lease = claim(session, LANES[spec.type], "w1", 600)
    assert lease is not None
    assert lease.job_id == created.id
    return lease


def run_claimed(context: Context, work: JobFunction, lease: Lease) -> Job:
    """Run a claimed job, from its last checkpoint if it has one; it must succeed."""
    work(context, lease, threading.Event())
    job = row(context.database, lease.job_id)
    assert (job.status, job.error) == (Status.SUCCEEDED, None)
    return job
