import errno
import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from tests.measurements import Measurements
from worker.training.engine.checkpoint import CorruptCheckpoint, State, load, save

STATE = State(
    {
        "weight": torch.arange(12.0).view(3, 4),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "scalar": torch.tensor(7),
        "turned": torch.arange(6).view(2, 3).T,
        "random": torch.get_rng_state(),
        "empty": torch.zeros(0, 3),
    },
    {"progress": {"epoch": 3, "sums": {"loss": 0.1 + 0.2}}, "name": "käfer"},
)


def test_comes_back_the_same(tmp_path: Path) -> None:
    save(tmp_path / "state.safetensors", STATE)
    back = load(tmp_path / "state.safetensors")
    assert back.meta == STATE.meta
    assert back.tensors.keys() == STATE.tensors.keys()
    for name, tensor in STATE.tensors.items():
        assert back.tensors[name].dtype == tensor.dtype
        assert torch.equal(back.tensors[name], tensor)


def test_saving_again_replaces_and_leaves_one_file(tmp_path: Path) -> None:
    for epoch in range(3):
        save(tmp_path / "state.safetensors", State(STATE.tensors, {"epoch": epoch}))
    assert load(tmp_path / "state.safetensors").meta == {"epoch": 2}
    assert len(list(tmp_path.iterdir())) == 1


def flipped(payload: bytes, seed: int) -> bytes:
    """One bit of it: of every second file in the header, where a reader could go astray, of the others anywhere."""
    changed, draw = bytearray(payload), random.Random(seed)
    place = draw.randrange(1200 if seed % 2 else len(payload))
    changed[place] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(payload: bytes, seed: int) -> bytes:
    """Or lengthened, or with a block that was never written."""
    place = random.Random(seed).randrange(len(payload) - 512)
    torn = payload[:place] + bytes(512) + payload[place + 512 :]
    return [payload[:place], payload + b"\0" * (1 + place), torn][seed % 3]


@pytest.mark.parametrize(
    ("damage", "files", "what"), [(flipped, 60, "with a bit flipped"), (cut, 40, "cut, lengthened or torn")]
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, damage: Callable[[bytes, int], bytes], files: int, what: str, measurements: Measurements
) -> None:
    path = tmp_path / "state.safetensors"
    save(path, STATE)
    payload, loaded = path.read_bytes(), []
    for seed in range(files):
        path.write_bytes(damage(payload, seed))
        with suppress(CorruptCheckpoint):
            load(path)
            loaded.append(seed)
    assert loaded == []
    measurements.record(f"checkpoints {what}", {"files": files, "refused": files, "loaded": 0})


@pytest.mark.parametrize("payload", [b"", b"\0" * 8, b"not a checkpoint at all"])
def test_another_file_is_refused(tmp_path: Path, payload: bytes) -> None:
    (tmp_path / "state").write_bytes(payload)
    with pytest.raises(CorruptCheckpoint):
        load(tmp_path / "state")


def test_an_absent_file_is_absent_not_corrupt(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "state")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "state"
    save(path, STATE)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync", full), "replace": (Path, "replace", full)}[call])
    with pytest.raises(OSError, match="No space left"):
        save(path, State(STATE.tensors, {}))
    monkeypatch.undo()
    assert load(path).meta == STATE.meta
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_disk_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "with_name", lambda self, name: tmp_path / "full.tmp")
    (tmp_path / "full.tmp").symlink_to("/dev/full")
    monkeypatch.setattr(Path, "open", lambda self, mode: open(self, "wb", buffering=0))  # noqa: PTH123, SIM115
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / "state", STATE)
    assert list(tmp_path.iterdir()) == []
