"""Weights that lie, are broken, or belong to something else."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load_file

from app.core.settings import Settings
from app.models import weights
from app.models.safetensors import MAX_HEADER_BYTES, BadSafetensors, check_finite, read_directory
from tests.app.conftest import Serve
from tests.app.models.safetensors_files import safetensors, with_header
from tests.app.problem_assertions import problem
from tests.app.stored_files import files_in
from tests.measurements import Measurements
from tests.memory import measured

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OCTETS = {"content-type": "application/octet-stream"}
ONE = {"a": np.zeros((2, 3), np.float32)}


@pytest.fixture(autouse=True)
def _nothing_is_left(settings: Settings) -> Iterator[None]:
    yield
    assert [path for path in files_in(settings) if path.endswith("safetensors") or "incoming/" in path] == []


def header(**entry: Any) -> bytes:
    described = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24], **entry}
    return json.dumps({"a": described}).encode()


BROKEN = {
    "short": b"abc",
    "text": b"hello, this is no safetensors file at all",
    "zip": b"PK\x03\x04" + bytes(100),
    "length beyond the file": (10**6).to_bytes(8, "little") + b"{}",
    "enormous length": b"\xff" * 8 + b"{}",
    "no object": with_header(b"[]", b""),
    "not json": with_header(b"{nope", b""),
    "deep": with_header(b"[" * 50_000, b""),
    "two of a name": with_header(b'{"a":' + header()[5:-1] + b',"a":' + header()[5:], bytes(24)),
    "cut off": safetensors(ONE)[:-1],
    "too long": safetensors(ONE) + b"x",
    "unknown dtype": with_header(header(dtype="F4"), bytes(24)),
    "dtype of another type": with_header(header(dtype=["F32"]), bytes(24)),
    "negative shape": with_header(header(shape=[-2, -3]), bytes(24)),
    "shape of booleans": with_header(header(shape=[True, 6]), bytes(24)),
    "wrong size": with_header(header(shape=[2, 4]), bytes(24)),
    "overflowing shape": with_header(header(shape=[2**62, 4]), bytes(24)),
    "backwards": with_header(header(data_offsets=[24, 0]), bytes(24)),
    "out of range": with_header(header(data_offsets=[8, 32]), bytes(24)),
    "extra field": with_header(header(more=1), bytes(24)),
    "missing field": with_header(b'{"a":{"dtype":"F32","shape":[6]}}', bytes(24)),
    "metadata of numbers": with_header(b'{"__metadata__":{"a":1}}', b""),
}


@pytest.fixture
def url() -> str:
    return "/v1/models?name=n&backbone=resnet18"


def test_broken_files(client: httpx.Client, url: str) -> None:
    for body in BROKEN.values():
        problem(client.post(url, content=body, headers=OCTETS), 422, "not_safetensors")
    problem(client.post(url, content=b"", headers=OCTETS), 422, "file_required")


def test_what_is_asked_wrongly(client: httpx.Client) -> None:
    data = safetensors(ONE)
    for query, status, code in (
        ("?backbone=resnet18", 422, "name_required"),
        ("?name=n", 422, "backbone_required"),
        ("?name=n&backbone=resnet19", 422, "unknown_backbone"),
        ("?name=n&backbone=resnet18", 422, "weights_do_not_fit"),
        ("?name=n&backbone=resnet18&x=1", 422, "invalid_request"),
    ):
        problem(client.post(f"/v1/models{query}", content=data, headers=OCTETS), status, code)
    problem(client.post("/v1/models?name=n&backbone=resnet18", content=data), 415, "unsupported_media_type")


def test_too_large(serve: Serve, url: str) -> None:
    client = serve(max_model_bytes=1000)
    problem(client.post(url, content=bytes(1001), headers=OCTETS), 413, "upload_too_large")
    problem(client.post(url, content=(bytes(100) for _ in range(20)), headers=OCTETS), 413, "upload_too_large")


@pytest.mark.parametrize(
    ("numbers", "finite"),
    [
        (np.array([1, np.nan], np.float32), False),
        (np.array([1, -np.inf], np.float16), False),
        (np.array([1, 2], np.float32), True),
        (np.array([2**62], np.int64), True),
        (np.array([0x3F80, 0x7F80], np.uint16), False),  # bfloat16: one, infinity
        (np.array([0x3F80, 0xFFC0], np.uint16), False),  # one, not a number
        (np.array([0x3F80, 0x7F7F], np.uint16), True),  # one, the largest
        (np.zeros((0, 3), np.float32), True),
    ],
)
def test_finite_numbers(tmp_path: Any, numbers: Any, finite: bool) -> None:
    path = tmp_path / "f"
    path.write_bytes(safetensors({"skew": np.zeros(1, np.uint16), "a": numbers}))
    tensors = read_directory(path).tensors
    if finite:
        check_finite(path, tensors)
        return
    with pytest.raises(BadSafetensors) as caught:
        check_finite(path, tensors)
    assert caught.value.code == "weights_not_finite"


@pytest.mark.parametrize(
    ("head", "fits"),
    [
        ({"fc.weight": (3, 4), "fc.bias": (3,)}, True),
        ({"fc.weight": (3, 4)}, False),
        ({}, False),
        ({"fc.weight": (3, 5), "fc.bias": (3,)}, False),
        ({"fc.weight": (3, 4), "fc.bias": (2,)}, False),
        ({"fc.weight": (0, 4), "fc.bias": (0,)}, False),
        ({"fc.weight": (3, 4, 1, 1), "fc.bias": (3,)}, False),
        ({"fc.weight": (3, 4), "fc.bias": (3,), "fc.more": (3,)}, False),
    ],
)
def test_output_layers(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, head: dict[str, tuple[int, ...]], fits: bool
) -> None:
    small = weights.Backbone("fc", 4, 8, 1, weights.fingerprint({"conv.weight": (2, 2)}, "fc"))
    monkeypatch.setitem(weights.BACKBONES, "small", small)
    path = tmp_path / "f"
    shapes = {"conv.weight": (2, 2), **head}
    path.write_bytes(safetensors({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}))
    if fits:
        assert weights.read_classes(path, "small") == ["0", "1", "2"]
        return
    with pytest.raises(weights.ServiceError) as caught:
        weights.read_classes(path, "small")
    assert caught.value.code == "weights_do_not_fit"


def mutant(whole: bytes, draw: random.Random) -> bytes:
    """The file with one thing wrong: bits flipped, a piece cut out, doubled or zeroed, or a number changed."""
    data = bytearray(whole)
    length = int.from_bytes(data[:8], "little")
    end = 8 + length if draw.random() < 0.7 else len(data)  # the header is where a reader could go astray
    place, size = draw.randrange(end), draw.randrange(1, 40)
    match draw.randrange(6):
        case 0:
            for _ in range(draw.randrange(1, 4)):
                data[draw.randrange(end)] ^= 1 << draw.randrange(8)
        case 1:
            del data[place : place + size]
        case 2:
            data[place:place] = data[place : place + size]
        case 3:
            data[place : place + size] = bytes(min(size, len(data) - place))
        case 4:
            data[:8] = draw.choice((length + draw.randrange(-9, 9), draw.getrandbits(63), 0)).to_bytes(8, "little")
        case 5:
            digits = [at for at in range(8, 8 + length) if 48 <= data[at] <= 57]
            at = draw.choice(digits)
            data[at : at + 1] = draw.choice((b"9" * draw.randrange(1, 30), b"-1", b"1e9", b"0.5", b"", b"null"))
    return bytes(data)


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.storm)])
def test_mutants_are_refused_or_whole(tmp_path: Path, count: int, measurements: Measurements) -> None:
    """What is taken, the format's own library takes too, and every number in it is finite."""
    draw, path, refused = random.Random(count), tmp_path / "mutant", 0
    numbers = np.random.default_rng(0).normal(size=(40, 7))
    whole = safetensors(
        {"a": numbers.astype(np.float32), "b": numbers.astype(np.float16), "c": np.arange(9)}, {"classes": '["x","y"]'}
    )
    for _ in range(count):
        path.write_bytes(mutant(whole, draw))
        try:
            check_finite(path, read_directory(path).tensors)
        except BadSafetensors as error:
            assert error.code in ("not_safetensors", "weights_not_finite")  # noqa: PT017
            refused += 1
        else:
            assert all(np.isfinite(each).all() for each in load_file(path).values())
    assert count / 2 < refused < count
    measurements.record(
        "mutated model files", {"files": count, "refused": refused, "accepted and valid": count - refused, "crashes": 0}
    )


GIB = 1024**3
READ_DIRECTORY = """
import sys
from pathlib import Path
from app.models.safetensors import BadSafetensors, read_directory

try:
    print(*read_directory(Path(sys.argv[1])).tensors)
except BadSafetensors as bad:
    print(bad.code)
"""
GIANTS = {
    "a tensor": (header(shape=[3 * GIB // 4], data_offsets=[0, 3 * GIB]), None, "a"),
    "a header": (b"{}", 3 * GIB, "not_safetensors"),
    "a header of nothing but lists": (b'{"a":[' + b"[]," * (16 * 1024**2 // 3) + b"0]}", None, "not_safetensors"),
    "the largest header": (b'{"a":[' + b"[]," * (MAX_HEADER_BYTES // 3 - 4) + b"0]}", None, "not_safetensors"),
}


def test_a_giant_is_known_by_its_header(tmp_path: Path, measurements: Measurements) -> None:
    """Three gigabytes, sparse on the disk, or a header whose JSON would take hundreds of megabytes."""
    path, peaks = tmp_path / "giant", []
    for head, length, expected in GIANTS.values():
        path.write_bytes((length or len(head)).to_bytes(8, "little") + head)
        os.truncate(path, path.stat().st_size + 3 * GIB)
        said, memory = measured(READ_DIRECTORY, path)
        assert said.strip() == expected
        peaks.append(memory // 1024**2)
    assert max(peaks) < 150, peaks
    measurements.record("model files of 3 GiB", {"files": len(GIANTS), "crashes": 0, "largest memory, MiB": max(peaks)})
