"""Training state in one safetensors file, read completely or refused. Never pickle.

The metadata carries the JSON part of the state and a sha256 over both parts. A file appears under its name only after
all of it is on disk: temporary name in the same folder, fsync, rename, fsync of the folder.
"""

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor


@dataclass(frozen=True)
class State:
    """The complete state of a run.

    Attributes:
        tensors: tensors by name.
        meta: everything else, serialisable to JSON.
    """

    tensors: dict[str, Tensor]
    meta: dict[str, Any]


class CorruptCheckpoint(ValueError):
    """The file differs from what was written: truncated, partial or changed."""


def save(path: Path, state: State) -> None:
    """Write a state to a file, atomically.

    Args:
        path: the file; replaced if it exists.
        state: the state, on any device.

    Raises:
        OSError: for example a full disk; neither a partial nor a temporary file remains.
    """
    meta = json.dumps(state.meta, sort_keys=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.tensors.items()}
    payload = to_bytes(tensors, metadata={"meta": meta, "sha256": _digest(tensors, meta)})
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        _write(temporary, payload)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def load(path: Path) -> State:
    """Read a state.

    Args:
        path: a file written by `save`.

    Returns:
        The state, on the CPU.

    Raises:
        CorruptCheckpoint: if a single byte of the state differs from what was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - the handle is no mapping
        meta, digest = metadata["meta"], metadata["sha256"]
    except (SafetensorError, KeyError, UnicodeDecodeError) as error:
        raise CorruptCheckpoint(f"{path.name} is not a whole checkpoint: {error}") from error
    if _digest(tensors, meta) != digest:
        raise CorruptCheckpoint(f"{path.name} does not have the bytes that were written")
    return State(tensors, json.loads(meta))


def _digest(tensors: dict[str, Tensor], meta: str) -> str:
    """The sha256 over names, dtypes, shapes and bytes of all tensors in the order of their names, and the JSON part."""
    sha = hashlib.sha256(meta.encode())
    for name, tensor in sorted(tensors.items()):
        sha.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


def _write(path: Path, payload: bytes) -> None:
    with path.open("xb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename durable: it is a change of the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
