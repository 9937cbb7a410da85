"""Checks of imported weights: they must fit the backbone. Reads their classes, without torch."""

import json
from pathlib import Path
from typing import Any

from app.core.errors import ServiceError, invalid
from app.core.models.backbones import BACKBONES, Backbone, fingerprint
from app.core.validation_messages import alternatives
from app.models.safetensors import BadSafetensors, SafetensorsDirectory, check_finite, read_directory

LINEAR, CONVOLUTION = 2, 4  # dimensions of an output layer's weight


def check_backbone(name: str | None) -> str:
    """A backbone's name, or 422."""
    if not name:
        raise invalid("backbone_required", "Say which backbone these weights are of.", "?backbone")
    if name not in BACKBONES:
        message = f"'{name}' is not one of torchvision's classifiers.{alternatives(name, BACKBONES)}"
        raise invalid("unknown_backbone", message, "?backbone")
    return name


def read_classes(path: Path, backbone: str) -> list[str]:
    """The classes of a file of weights that fit the backbone. ServiceError for everything else."""
    try:
        contents = read_directory(path)
        outputs = _check_fit(contents, backbone)
        check_finite(path, contents.tensors)
    except BadSafetensors as error:
        raise invalid(error.code, str(error)) from error
    return _classes(contents.metadata, outputs)


def _check_fit(contents: SafetensorsDirectory, backbone: str) -> int:
    """Number of outputs of the weights; 422 `weights_do_not_fit` when they are not the backbone's."""
    shapes = {name: tensor.shape for name, tensor in contents.tensors.items()}
    architecture = BACKBONES[backbone]
    if fingerprint(shapes, architecture.head) != architecture.fingerprint:
        raise _weights_error(f"The tensors are not those of torchvision's {backbone}{_suggest_backbones(shapes)}.")
    prefix = f"{architecture.head}."
    head = {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
    weight, dimensions = head.get("weight", ()), CONVOLUTION if backbone.startswith("squeezenet") else LINEAR
    expected = (architecture.features, 1, 1)[: dimensions - 1]
    if set(head) != {"weight", "bias"} or len(weight) != dimensions or weight[1:] != expected:
        message = (
            f"The output layer '{architecture.head}' needs a weight of (classes, {architecture.features}) and a bias."
        )
        raise _weights_error(message)
    if weight[0] < 1 or head["bias"] != (weight[0],):
        raise _weights_error(
            f"The weight and the bias of the output layer '{architecture.head}' have different numbers of classes."
        )
    return weight[0]


def _weights_error(message: str) -> ServiceError:
    return invalid("weights_do_not_fit", message, "?backbone")


def _suggest_backbones(shapes: dict[str, tuple[int, ...]]) -> str:
    fitting = [name for name, backbone in BACKBONES.items() if _matches(shapes, backbone)]
    return f", but of {' or '.join(fitting)}" if fitting else ", nor of any other of its classifiers"


def _matches(shapes: dict[str, tuple[int, ...]], backbone: Backbone) -> bool:
    return fingerprint(shapes, backbone.head) == backbone.fingerprint


def _classes(metadata: dict[str, str], outputs: int) -> list[str]:
    """The names that the file's metadata gives, where they are right; else numbers."""
    try:
        names = json.loads(metadata.get("classes", "null"))
    except (ValueError, RecursionError):
        names = None
    if isinstance(names, list) and all(map(_is_name, names)) and len(names) == len(set(names)) == outputs:
        return names
    return [str(number) for number in range(outputs)]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value and value.isprintable()
