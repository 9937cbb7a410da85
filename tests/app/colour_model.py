"""A servable that tells the colours of an image apart: its logits are the mean of each channel."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, FEATURES = 8, 3
INPUT = {"size": SIZE, "resize": 9, "crop": "center", "mean": [0, 0, 0], "std": [1, 1, 1]}


def publish(folder: Path, classes: tuple[str, ...], *, unfamiliar: bool = False, temperature: float = 1.0) -> None:
    """The two files of a servable, with the names that the worker gives to things. What is bright is `unfamiliar`."""
    mean = helper.make_node("ReduceMean", ["scaled", "axes"], ["features"], keepdims=0)
    nodes = [
        helper.make_node("Cast", ["pixels"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["real", "top"], ["scaled"]),
        mean,
    ]
    constants = [
        numpy_helper.from_array(np.float32(255), "top"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
    ]
    outputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURES])]
    if classes:
        nodes.append(helper.make_node("Mul", ["features", "gain"], ["logits"]))
        constants.append(numpy_helper.from_array(np.float32(4), "gain"))
        outputs.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(classes)]))
    if unfamiliar:
        nodes.append(helper.make_node("ReduceMean", ["features", "channels"], ["unfamiliar"], keepdims=0))
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "channels"))
        outputs.append(helper.make_tensor_value_info("unfamiliar", TensorProto.FLOAT, ["n"]))
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", SIZE, SIZE, 3])
    graph = helper.make_graph(nodes, "colours", [pixels], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "model.onnx")
    card = {"backbone": "resnet18", "classes": list(classes), "input": INPUT, "features": FEATURES}
    (folder / "model.json").write_text(json.dumps(card | {"temperature": temperature}))
    (folder / "model.safetensors").write_bytes(b"weights")
