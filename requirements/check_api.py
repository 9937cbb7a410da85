"""Build check of the API image: its trimmed packages load, and OpenVINO still reads and computes an ONNX graph.

`requirements/api-unused.txt` lists what the image leaves out. This runs on the image's packages alone, without the
project and without the `onnx` package, so the graph is encoded here (github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

import tempfile
from pathlib import Path

import httptools
import numpy as np
import openvino
import psycopg
import sqlalchemy.engine._result_cy
import sqlalchemy.util._collections_cy
import uvloop
from PIL import features

LOADED = (httptools, psycopg, sqlalchemy.engine._result_cy, sqlalchemy.util._collections_cy, uvloop)
IMAGE_FORMATS = ("jpg", "zlib", "webp", "avif", "libtiff")
FLOAT32, UINT8 = 1, 2
# ModelProto, GraphProto, NodeProto, ValueInfoProto and AttributeProto: the field numbers used below.
IR_VERSION, GRAPH, OPERATORS = 1, 7, 8
NODE, INITIALIZER, INPUT, OUTPUT = 1, 5, 11, 12


def field(number: int, value: int | bytes) -> bytes:
    """One protobuf field: a number, or anything that is counted by its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def tensor_info(name: bytes, element: int, *sides: int) -> bytes:
    """A ValueInfoProto: a tensor's name, type and shape."""
    shape = b"".join(field(1, field(1, side)) for side in sides)
    return field(1, name) + field(2, field(1, field(1, element) + field(2, shape)))


def node(operator: bytes, inputs: list[bytes], output: bytes, attributes: bytes = b"") -> bytes:
    """A NodeProto."""
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, operator) + attributes


def graph() -> bytes:
    """A ModelProto: bytes to floats, one 1x1 convolution with weights 1, 2 and 3, ReLU, mean over the image."""
    weights = np.array([1, 2, 3], np.float32).tobytes()
    kernel = b"".join(field(1, side) for side in (1, 3, 1, 1)) + field(2, FLOAT32) + field(8, b"w") + field(9, weights)
    to_float = field(5, field(1, b"to") + field(3, FLOAT32) + field(20, 2))
    nodes = [
        node(b"Cast", [b"pixels"], b"floats", to_float),
        node(b"Conv", [b"floats", b"w"], b"maps"),
        node(b"Relu", [b"maps"], b"positive"),
        node(b"GlobalAveragePool", [b"positive"], b"features"),
    ]
    body = b"".join(field(NODE, each) for each in nodes) + field(2, b"check") + field(INITIALIZER, kernel)
    body += field(INPUT, tensor_info(b"pixels", UINT8, 1, 3, 8, 8))
    body += field(OUTPUT, tensor_info(b"features", FLOAT32, 1, 1, 1, 1))
    return field(IR_VERSION, 8) + field(GRAPH, body) + field(OPERATORS, field(2, 17))


def main() -> None:
    """Raise on the first thing that does not work."""
    missing = [name for name in IMAGE_FORMATS if not features.check(name)]
    if missing:
        raise SystemExit(f"Pillow lost {missing}")
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        Path(file.name).write_bytes(graph())
        compiled = openvino.Core().compile_model(file.name, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    answer = compiled(np.full((1, 3, 8, 8), 10, np.uint8))[0].item()
    if answer != 60:
        raise SystemExit(f"OpenVINO answers {answer}, not 60")


if __name__ == "__main__":
    main()
