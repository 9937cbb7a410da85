"""A safetensors file read without trust: its directory is checked to the last byte before any tensor is looked at.

https://github.com/huggingface/safetensors#format: 8 bytes of length, a JSON object, then the tensors without gaps.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

LENGTH_BYTES = 8
# The format allows 100 MB; torchvision's largest classifier needs a quarter of one. What JSON becomes in memory can be
# thirty times as large.
MAX_HEADER_BYTES = 2 * 1024 * 1024
MAX_DIMENSIONS = 8
CHUNK_ITEMS = 4 * 1024 * 1024  # numbers
METADATA = "__metadata__"
ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
BF16_EXPONENT = 0x7F80  # all ones: infinite or not a number


class BadSafetensors(ValueError):
    """Not a usable safetensors file; `code` is stable."""

    def __init__(self, message: str, code: str = "not_safetensors") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Tensor:
    """The position of a tensor; `start` and `end` are offsets from the file's first byte."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class SafetensorsDirectory:
    """A file's directory."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def read_directory(path: Path) -> SafetensorsDirectory:
    """The file's directory. Raises BadSafetensors unless every byte is accounted for."""
    with path.open("rb") as file:
        header, data_start = _header(file, path.stat().st_size)
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise BadSafetensors("The metadata must be an object of strings.")
    tensors = {name: _tensor(name, entry, data_start) for name, entry in header.items()}
    end = data_start
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.end)):
        if tensor.start != end:
            raise BadSafetensors("The tensors overlap or leave gaps.")
        end = tensor.end
    if end != path.stat().st_size:
        raise BadSafetensors("The tensors do not fill the file exactly; it may have been cut off.")
    return SafetensorsDirectory(tensors, metadata)


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if size < LENGTH_BYTES + 2 or not 2 <= length <= min(MAX_HEADER_BYTES, size - LENGTH_BYTES):
        raise BadSafetensors("The file is not safetensors: its first 8 bytes are not the length of a header.")
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise BadSafetensors(f"The header cannot be read: {error}"[:300]) from error
    if not isinstance(header, dict):
        raise BadSafetensors("The header is not an object.")
    return header, LENGTH_BYTES + length


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        raise ValueError("a name occurs twice")
    return parsed


def _tensor(name: str, entry: Any, data_start: int) -> Tensor:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise BadSafetensors(f"'{name[:100]}' is not described by dtype, shape and data_offsets.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise BadSafetensors(f"'{name[:100]}' has a dtype that is not taken; {', '.join(ITEM_BYTES)} are.")
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS or not _are_sizes(offsets) or len(offsets) != 2:
        raise BadSafetensors(f"'{name[:100]}' has an impossible shape or place.")
    if offsets[1] - offsets[0] != math.prod(shape) * ITEM_BYTES[dtype]:
        raise BadSafetensors(f"'{name[:100]}' has another size than its shape says.")
    return Tensor(dtype, tuple(shape), data_start + offsets[0], data_start + offsets[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**48 for value in values)


def check_finite(path: Path, tensors: dict[str, Tensor]) -> None:
    """Raise BadSafetensors `weights_not_finite` for the first tensor with an infinity or NaN. Reads in pieces."""
    for name, tensor in tensors.items():
        count = math.prod(tensor.shape)
        if tensor.dtype not in FLOATS or not count:
            continue
        numbers = np.memmap(path, FLOATS[tensor.dtype], "r", tensor.start, (count,))
        if not all(_finite(numbers[at : at + CHUNK_ITEMS], tensor.dtype) for at in range(0, count, CHUNK_ITEMS)):
            raise BadSafetensors(
                f"'{name[:100]}' holds numbers that are infinite or not numbers.", "weights_not_finite"
            )


def _finite(numbers: "np.ndarray[Any, Any]", dtype: str) -> bool:
    if dtype == "BF16":
        return bool(np.all(numbers & BF16_EXPONENT != BF16_EXPONENT))
    return bool(np.isfinite(numbers).all())
