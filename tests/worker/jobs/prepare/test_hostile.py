"""Hostile uploads are refused by a code of their own and harm nothing: no escape, no crash, no memory, no leftovers."""

import io
import os
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.database.sessions import Database
from app.core.database.tables import Dataset, Job, Rejection
from app.core.files.archives import BadArchive, BadMember, open_archive
from app.core.jobs import transitions
from app.core.jobs.leases import claim
from app.core.processes.lifeline import Child
from app.core.processes.process_names import PREPARE_JOB
from app.core.settings import Settings
from app.core.specs import Prepare
from tests.app.core.jobs.job_rows import row
from tests.measurements import Measurements
from tests.memory import measured, peak
from tests.worker.jobs.prepare.hostile_archives import ARCHIVES, ODD, quoting
from tests.worker.jobs.prepare.hostile_images import GOOD, MIB, OK, encoded, photograph, zeros
from tests.worker.jobs.prepare.hostile_uploads import CANARIES, Entry, archive_of, corpus
from worker.context import Context

MOST_MEMORY = 512 * MIB
OPENING_MEMORY = 128 * MIB  # the interpreter included: a directory is not taken in as a whole
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def hostile(tmp_path: Path) -> dict[str, Entry]:
    return dict(corpus())


def prepared(context: Context, data: bytes) -> tuple[Job, str, int]:
    """The job that prepared an archive in a process of its own, its dataset, and its largest memory in bytes."""
    dataset = "ds_hostile"
    path = context.storage.path(f"uploads/{dataset}.zip")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with context.database.writing() as session:
        job = transitions.create(session, Prepare(dataset=dataset))
        session.add(Dataset(id=dataset, name="n", job=job.id, sha256="0", bytes=len(data)))
        session.flush()
        lease = claim(session, "short", "w1", 600)
    assert lease is not None
    environment = {**os.environ, **context.settings.environment()}
    child = Child([sys.executable, "-m", PREPARE_JOB, lease.job_id, str(lease.epoch)], environment)
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
    context: Context, hostile: dict[str, Entry], measurements: Measurements
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
    kept = [f"datasets/{dataset}/{name}" for name in ("digests.bin", "index.npz", "names.json", "pixels.bin")]
    assert [path for path in inside if not path.startswith("imprint.db")] == [*kept, f"uploads/{dataset}.zip"]
    assert memory < MOST_MEMORY, memory // MIB
    measurements.record(
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
    with pytest.raises(BadArchive) as caught, open_archive(tmp_path / "a.zip", Settings().max_dataset_files):
        pass
    assert caught.value.code == expected
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_files_that_quote_each_other_are_whole() -> None:
    """The control: nothing else is wrong with that archive, so nothing else can be why it is refused."""
    whole = quoting()
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = archive.infolist()
    for member in members:
        begin = member.header_offset + 30 + len(member.filename)
        plain = zlib.decompress(whole[begin : begin + member.compress_size], -zlib.MAX_WBITS)
        assert (len(plain), zlib.crc32(plain)) == (member.file_size, member.CRC)
    assert sum(member.file_size for member in members) > 1000 * len(whole)


@pytest.mark.parametrize("name", ODD)
def test_odd_archives(tmp_path: Path, name: str) -> None:
    """A good entry is itself or damaged, never something else."""
    (tmp_path / "a.zip").write_bytes(ODD[name]())
    with open_archive(tmp_path / "a.zip", 100) as archive:
        for _, member in archive.files():
            try:
                assert archive.read(member, MIB) in (GOOD, encoded(photograph(2)))
            except BadMember as bad:
                assert bad.code == "damaged"  # noqa: PT017


def test_an_archive_as_large_as_any_takes_little_memory(tmp_path: Path) -> None:
    """As many entries as are taken, each with a name of its own: an API process looks through the directory."""
    code = (
        "import sys; from pathlib import Path; from app.core.files.archives import open_archive\n"
        "with open_archive(Path(sys.argv[1]), int(sys.argv[2])): pass"
    )
    most = Settings().max_dataset_files
    path = tmp_path / "a.zip"

    with zipfile.ZipFile(path, "w") as archive:
        for number in range(most):
            archive.writestr(zipfile.ZipInfo(f"class_{number % 7}/IMG_{number:07}.jpg"), b"")
    _, memory = measured(code, path, most)
    assert memory < OPENING_MEMORY, memory // MIB


OPEN_ALL = """
import sys
from pathlib import Path
from app.core.files.archives import BadArchive, open_archive
from app.core.settings import Settings

for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        with open_archive(path, Settings().max_dataset_files):
            pass
    except BadArchive as bad:
        print(path.name, bad.code, sep=": ")
"""


def test_all_archives_together_take_little_memory(tmp_path: Path, measurements: Measurements) -> None:
    """One process after the other would hide what is not given back."""
    for name, (make, _) in ARCHIVES.items():
        (tmp_path / name).write_bytes(make())
    said, memory = measured(OPEN_ALL, tmp_path)
    assert said.splitlines() == [f"{name}: {code}" for name, (_, code) in sorted(ARCHIVES.items())]
    assert memory < OPENING_MEMORY, memory // MIB
    told = {"archives": len(ARCHIVES), "refused": len(ARCHIVES), "crashes": 0, "largest memory, MiB": memory // MIB}
    measurements.record("hostile archives", told)


@sqlite
@pytest.mark.parametrize(
    ("mebibytes", "error", "refused"),
    [(400, None, {"a/large.png": "image_too_large"}), (100, "preparation_out_of_memory", {})],
)
def test_memory_is_really_limited(
    context: Context, monkeypatch: pytest.MonkeyPatch, mebibytes: int, error: str | None, refused: dict[str, str]
) -> None:
    """What the image asks for (200 MiB) is refused to it, or the whole preparation has too little; neither crashes."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # each takes of the address space, on a machine with many cores
    settings = context.settings.model_copy(update={"prepare_memory_bytes": mebibytes * MIB})
    entries = {"a/large.png": Entry(zeros(8192, 6144, 3), OK), "a/small.png": Entry(encoded(photograph(20)), OK)}
    job, dataset, _ = prepared(Context(settings, context.database, context.storage), archive_of(entries))
    assert (job.error or {}).get("code") == error
    assert refusals(context.database, dataset) == refused


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
