"""Shared by the peers' servers: torchvision's network and preprocessing."""

import io

import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision import models, transforms

VIEW = transforms.Compose(
    [
        transforms.Resize(256),
        transforms.CenterCrop(224),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
TOP = 5


def network(weights: str) -> torch.nn.Module:
    """MobileNetV2, ready to answer."""
    model = models.mobilenet_v2()
    model.load_state_dict(load_file(weights))
    return model.eval()


def seen(content: bytes) -> torch.Tensor:
    """The view of a file."""
    return VIEW(Image.open(io.BytesIO(content)).convert("RGB"))


def top(logits: torch.Tensor) -> list[list[float]]:
    """The most probable classes of one image, with their probabilities."""
    found = logits.softmax(-1).topk(TOP)
    return [found.indices.tolist(), found.values.tolist()]
