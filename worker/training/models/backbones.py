"""All torchvision classifiers with one interface: a trunk that computes features, a head that computes logits."""

from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from worker.training.randomness import seeded

NAMES: tuple[str, ...] = tuple(torchvision.models.list_models(module=torchvision.models))
# Options beside the number of classes: no auxiliary heads; explicit initialisation, since torchvision warns that its
# default will change; and the input rescaled inside, as its pre-trained weights expect.
INCEPTION = {"aux_logits": False, "init_weights": True, "transform_input": True}
OPTIONS: dict[str, dict[str, Any]] = {"googlenet": INCEPTION, "inception_v3": INCEPTION}
# Smaller images leave a pooling layer without input, by family (torchvision's own `min_size`).
SMALLEST = {
    "alexnet": 63,
    "convnext": 32,
    "densenet": 29,
    "googlenet": 15,
    "inception_v3": 75,
    "squeezenet1_0": 21,
    "squeezenet1_1": 17,
    "vgg": 32,
}
HEAD_STD = 0.01


class Network(nn.Module):
    """A torchvision model split at its last layer: `head(dropout(trunk(x)))` equals the model's own output.

    The trunk is the model with an Identity at `head_name`, so its parameters keep torchvision's names. Dropout directly
    before the output layer belongs to the classifier, not to the features: two passes of `encode` in training mode
    agree, unless there is dropout further inside.

    Attributes:
        name: torchvision's name of the backbone.
        image_size: side S of the input, in pixels.
        trunk: computes the head's input before dropout.
        head_name: the output layer's name in torchvision's model.
        dropout: dropout before the output layer, with probability 0 if torchvision's model has none.
        head: the output layer.
        half_precision: the trunk computes in bfloat16; its output is float32 all the same.
        feature_dim: dimension D of `features`.
    """

    def __init__(
        self, name: str, image_size: int, trunk: nn.Module, head_name: str, head: nn.Module, dropout: float = 0.0
    ) -> None:
        """Store the parts.

        Args:
            name: torchvision's name of the backbone.
            image_size: side S of the input, in pixels.
            trunk: the model with an Identity at `head_name`.
            head_name: the output layer's name in torchvision's model.
            head: the output layer, linear or a 1x1 convolution.
            dropout: probability of the dropout before the output layer.
        """
        super().__init__()
        self.name = name
        self.image_size = image_size
        self.head_name = head_name
        self.trunk = trunk
        self.dropout = nn.Dropout(dropout)
        self.head = head
        self.half_precision = False
        self.feature_dim = int(head.weight.shape[1])  # type: ignore[index]

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return int(self.head.weight.shape[0])  # type: ignore[index]

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    def encode(self, x: Tensor) -> Tensor:
        """Compute the head's input; `classify(encode(x))` equals `forward(x)`, which allows features to be cached.

        Args:
            x: normalised images, float (N, 3, S, S).

        Returns:
            float32 (N, D), or a feature map (N, D, h, w) for a `ConvolutionalHead`.
        """
        if not self.half_precision:
            return self._encode(x)
        with torch.autocast(x.device.type, torch.bfloat16):
            return self._encode(x).float()

    def pool(self, encoded: Tensor) -> Tensor:
        """Compute the features (N, D) from the result of `encode`."""
        return encoded

    def classify(self, encoded: Tensor) -> Tensor:
        """Compute the logits (N, outputs) from the result of `encode`, with dropout in training mode."""
        logits: Tensor = self.head(self.dropout(encoded))
        return logits

    def features(self, x: Tensor) -> Tensor:
        """Compute the features (N, D) of normalised images (N, 3, S, S)."""
        return self.pool(self.encode(x))

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits (N, outputs) of normalised images (N, 3, S, S)."""
        return self.classify(self.encode(x))

    def _encode(self, x: Tensor) -> Tensor:
        encoded: Tensor = self.trunk(x)
        return encoded


class ConvolutionalHead(Network):
    """SqueezeNet, whose head is a 1x1 convolution of the feature map, then ReLU and mean."""

    def _encode(self, x: Tensor) -> Tensor:
        """Compute the feature map (N, D, h, w)."""
        encoded: Tensor = self.trunk.get_submodule("features")(x)
        return encoded

    def pool(self, encoded: Tensor) -> Tensor:
        """Compute the features (N, D): the mean of the map (N, D, h, w) over positions."""
        return encoded.mean(dim=(2, 3))

    def classify(self, encoded: Tensor) -> Tensor:
        """Compute the logits (N, outputs) as torchvision does, with dropout in training mode."""
        return F.adaptive_avg_pool2d(F.relu(self.head(self.dropout(encoded))), 1).flatten(1)


def build_backbone(name: str, outputs: int, image_size: int, seed: int) -> Network:
    """Build a backbone with random weights, leaving torch's global generator unchanged.

    Args:
        name: one of NAMES.
        outputs: number of logits.
        image_size: side of the input, in pixels.
        seed: seed of the weights.

    Returns:
        The network, on the CPU, in channels-last memory layout.

    Raises:
        ValueError: for an unknown name, fewer than one output, or an image size that the backbone cannot take.
    """
    if name not in NAMES:
        raise ValueError(f"there is no backbone {name!r}")
    if outputs < 1:
        raise ValueError(f"a network needs at least one output, not {outputs}")
    with seeded(seed):
        model = torchvision.models.get_model(name, num_classes=outputs, **_options(name, image_size))
    head_name, head = _output_layer(model)
    dropout = _take_dropout(model, head_name)
    model.set_submodule(head_name, nn.Identity())
    kind = ConvolutionalHead if isinstance(head, nn.Conv2d) else Network
    model.to(memory_format=torch.channels_last)  # the fastest layout for convolutions, whatever their input's
    return kind(name, image_size, model, head_name, head, dropout)


def new_head(network: Network, outputs: int, seed: int) -> None:
    """Replace the output layer by one with near-zero weights, so that training starts from even probabilities.

    A head followed by ReLU starts with a positive bias, equal for all classes: softmax ignores it, and no class starts
    with zero gradient.

    Args:
        network: the network, changed in place.
        outputs: number of logits.
        seed: seed of the weights.

    Raises:
        ValueError: for fewer than one output.
    """
    if outputs < 1:
        raise ValueError(f"a network needs at least one output, not {outputs}")
    old = network.head
    bias = old.bias is not None
    head: nn.Linear | nn.Conv2d = (
        nn.Conv2d(network.feature_dim, outputs, kernel_size=1, bias=bias)
        if isinstance(old, nn.Conv2d)
        else nn.Linear(network.feature_dim, outputs, bias=bias)
    )
    nn.init.normal_(head.weight, std=HEAD_STD, generator=torch.Generator().manual_seed(seed))
    if head.bias is not None:
        nn.init.constant_(head.bias, float(isinstance(head, nn.Conv2d)))
    network.head = head.to(network.device)


def _options(name: str, image_size: int) -> dict[str, Any]:
    """Constructor arguments of a backbone; ValueError where the image size does not fit it."""
    if name.startswith("vit_"):
        _check_multiple(name, image_size, int(name.rsplit("_", 1)[1]))
        return {"image_size": image_size}
    if name.startswith("maxvit"):
        _check_multiple(name, image_size, 224)
        return {"input_size": (image_size, image_size)}
    smallest = next((size for family, size in SMALLEST.items() if name.startswith(family)), 1)
    if image_size < smallest:
        raise ValueError(f"{name} needs images of at least {smallest} pixels, not {image_size}")
    return OPTIONS.get(name, {})


def _check_multiple(name: str, image_size: int, step: int) -> None:
    if image_size < 1 or image_size % step:
        raise ValueError(f"{name} needs an image size that is a multiple of {step}, not {image_size}")


def _output_layer(model: nn.Module) -> tuple[str, nn.Module]:
    """Find the output layer and its name: in every torchvision classifier the last linear or convolutional layer."""
    layers = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    return layers[-1]


def _take_dropout(model: nn.Module, head_name: str) -> float:
    """Remove the dropout directly before the output layer, in order of definition; return its probability, or 0."""
    modules = list(model.named_modules())
    before = next(number for number, (name, _) in enumerate(modules) if name == head_name) - 1
    name, module = modules[before]
    if not isinstance(module, nn.Dropout):
        return 0.0
    model.set_submodule(name, nn.Identity())
    return module.p
