"""kill -9 at each step of writing a checkpoint, and a disk that is really full: what is there afterwards is whole."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.measurements import Measurements
from worker.training.engine.checkpoint import State, load, save

NUMBERS = 100_000
# How the writer dies, by the step that it does not get past.
FAULTS = {
    "open": "checkpoint.Path.open = die",
    "half of the bytes": "checkpoint._write = half",
    "fsync": "checkpoint.os.fsync = die",
    "rename": "checkpoint.Path.replace = die",
    "fsync of the folder": "checkpoint._sync_folder = die",
}
WRITER = """
import os, signal, sys
from pathlib import Path
import torch
from worker.training.engine import checkpoint

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def half(path, payload):
    path.write_bytes(payload[: len(payload) // 2])
    die()

exec(sys.argv[2])
checkpoint.save(Path(sys.argv[1]), checkpoint.State({{"weight": torch.full(({numbers},), 2.0)}}, {{"step": 2}}))
"""


def write(path: Path, step: int) -> None:
    save(path, State({"weight": torch.full((NUMBERS,), float(step))}, {"step": step}))


def holds(path: Path, step: int) -> bool:
    found = load(path)
    return found.meta == {"step": step} and set(found.tensors["weight"].tolist()) == {float(step)}


def test_a_kill_leaves_the_old_state_or_the_new_one(tmp_path: Path, measurements: Measurements) -> None:
    for number, (step, fault) in enumerate(FAULTS.items()):
        path = tmp_path / f"{number}.safetensors"
        write(path, 1)
        command = [sys.executable, "-c", WRITER.format(numbers=NUMBERS), path, fault]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL, step
        assert holds(path, 2 if step == "fsync of the folder" else 1), step
        write(path, 3)
        assert holds(path, 3), step
    measurements.record("kill -9 while a checkpoint is written", {"steps": len(FAULTS), "torn": 0, "states lost": 0})


def test_a_disk_that_is_full_keeps_the_state_before(small_disk: Path, measurements: Measurements) -> None:
    path = small_disk / "state.safetensors"
    write(path, 1)
    (small_disk / "other").write_bytes(bytes(400_000))
    with pytest.raises(OSError, match="No space left"):
        write(path, 2)
    assert holds(path, 1)
    assert sorted(file.name for file in small_disk.iterdir()) == ["other", "state.safetensors"]
    (small_disk / "other").unlink()
    write(path, 2)
    assert holds(path, 2)
    told = {"states lost": 0, "partial files left": 0, "written once there was room again": 1}
    measurements.record("a checkpoint on a disk of 1 MiB that is full", told)
