"""What is hostile is refused by a code of its own and harms nothing: no escape, no crash, no memory, no rest."""

import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core import jobs
from app.core.archives import BadArchive, BadMember, files, open_archive, read
from app.core.database import Database
from app.core.leases import claim
from app.core.lifeline import Child
from app.core.settings import Settings
from app.core.specs import Prepare
from app.core.tables import Dataset, Job, Rejection
from tests.core.material import row
from tests.figures import Figures
from tests.worker.prepare.hostile import CANARIES, Entry, archive_of, corpus
from tests.worker.prepare.hostile_archives import ARCHIVES, ODD
from tests.worker.prepare.hostile_images import GOOD, MIB, OK, encoded, photograph
from worker.context import Context

MOST_MEMORY = 512 * MIB
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, Entry]:
    return dict(corpus())


def peak(pid: int | None) -> int:
    """A process's largest memory so far, in bytes. What rusage says holds its parent's from before the exec too."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def prepared(context: Context, data: bytes) -> tuple[Job, str, int]:
    """The job that prepared an archive in a process of its own, its dataset, and its largest memory in bytes."""
    dataset = "ds_hostile"
    path = context.storage.path(f"uploads/{dataset}.zip")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with context.database.writing() as session:
        job = jobs.create(session, Prepare(dataset=dataset))
        session.add(Dataset(id=dataset, name="n", job=job.id, sha256="0", bytes=len(data)))
        session.flush()
        lease = claim(session, "short", "w1", 600)
    assert lease is not None
    environment = {**os.environ, **context.settings.environment()}
    child = Child([sys.executable, "-m", "worker.prepare", lease.job_id, str(lease.epoch)], environment)
    largest = 0
    while child.process.poll() is None:
        largest = max(largest, peak(child.process.pid))
        time.sleep(0.002)
    child.let_go()
    assert child.process.returncode == 0
    return row(context.database, job.id), dataset, largest


def refusals(database: Database, dataset: str) -> dict[str, str]:
    with database.reading() as session:
        rows = session.scalars(select(Rejection).where(Rejection.dataset_id == dataset))
        return {row.path: row.code for row in rows}


@sqlite
def test_each_entry_gets_its_code_and_nothing_escapes(
    context: Context, hostile: dict[str, Entry], figures: Figures
) -> None:
    job, dataset, memory = prepared(context, archive_of(hostile))
    assert job.status == "succeeded", job.error
    found = refusals(context.database, dataset)
    wrong = {
        name[:60]: found.get(name[:1024], OK)
        for name, entry in hostile.items()
        if found.get(name[:1024], OK) not in entry.expected.split("|")
    }
    assert wrong == {}
    assert not any(path.exists() for path in CANARIES)
    inside = sorted(
        str(path.relative_to(context.settings.data)) for path in context.settings.data.rglob("*") if path.is_file()
    )
    kept = [f"datasets/{dataset}/{name}" for name in ("index.npz", "names.json", "pixels.bin")]
    assert [path for path in inside if not path.startswith("imprint.db")] == [*kept, f"uploads/{dataset}.zip"]
    assert memory < MOST_MEMORY, memory // MIB
    figures.tell(
        "hostile files in an archive",
        {
            "files": len(hostile),
            "refused": len(found),
            "crashes": 0,
            "escapes": 0,
            "largest memory, MiB": memory // MIB,
        },
    )


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(tmp_path: Path, name: str) -> None:
    make, expected = ARCHIVES[name]
    (tmp_path / "a.zip").write_bytes(make())
    with pytest.raises(BadArchive) as caught:
        open_archive(tmp_path / "a.zip", Settings().max_dataset_files)
    assert caught.value.code == expected
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("name", ODD)
def test_odd_archives(tmp_path: Path, name: str) -> None:
    """A good entry is itself or damaged, never something else."""
    (tmp_path / "a.zip").write_bytes(ODD[name]())
    with open_archive(tmp_path / "a.zip", 100) as archive:
        for member in files(archive):
            try:
                assert read(archive, member, MIB) in (GOOD, encoded(photograph(2)))
            except BadMember as bad:
                assert bad.code == "damaged"  # noqa: PT017


def test_an_archive_as_large_as_any_takes_little_memory(tmp_path: Path) -> None:
    """As many entries as are taken, each with a name of its own: the directory is what an API process has to hold."""
    code = (
        "import sys; from pathlib import Path; from app.core.archives import open_archive\n"
        "open_archive(Path(sys.argv[1]), int(sys.argv[2])).close(); print(Path('/proc/self/status').read_text())"
    )
    most = Settings().max_dataset_files
    path = tmp_path / "a.zip"

    with zipfile.ZipFile(path, "w") as archive:
        for number in range(most):
            archive.writestr(zipfile.ZipInfo(f"class_{number % 7}/IMG_{number:07}.jpg"), b"")
    done = subprocess.run([sys.executable, "-c", code, path, str(most)], capture_output=True, text=True, check=True)
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    assert found is not None
    assert int(found[1]) * 1024 < MOST_MEMORY, found[1]


@sqlite
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"max_dataset_bytes": 50_000}, "archive_too_large"),
        ({"prepare_seconds": 0.001}, "preparation_too_slow"),
        ({"limit_images": 1}, "image_quota_exceeded"),
        ({"limit_storage_bytes": 4_000}, "storage_quota_exceeded"),
    ],
)
def test_what_is_too_much_fails_and_leaves_nothing(context: Context, changed: dict[str, float], code: str) -> None:
    settings = context.settings.model_copy(update=changed)
    limited = Context(settings, context.database, context.storage)
    entries = {f"a/{number}.png": Entry(encoded(photograph(number + 20, (60, 60))), OK) for number in range(8)}
    job, dataset, _ = prepared(limited, archive_of(entries))
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["code"] == code
    with context.database.reading() as session:
        assert session.get_one(Dataset, dataset).status == "failed"
    assert not context.storage.path(f"datasets/{dataset}").exists()
    assert list(context.storage.path("incoming").iterdir()) == []
