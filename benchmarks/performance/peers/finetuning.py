"""Shared by the peers' fine-tunings: the network, and accuracy and time after each epoch."""

import time
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn
from torchvision import datasets, transforms

from benchmarks.performance.peers.network import network

Curve = list[tuple[float, float]]  # seconds since the beginning, accuracy
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def start(weights: str, classes: int) -> nn.Module:
    """MobileNetV2 from ImageNet with a new output layer."""
    model = network(weights)
    model.classifier[1] = nn.Linear(model.last_channel, classes)
    return model


def judging(folder: Path, size: int) -> torch.utils.data.DataLoader:
    """The validation photographs, in batches of 64."""
    view = transforms.Compose(
        [
            transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size), transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )  # fmt: skip
    return torch.utils.data.DataLoader(datasets.ImageFolder(str(folder / "val"), view), 64)


def curve(
    model: nn.Module, train: Iterable, val: Iterable, optimizer: torch.optim.Optimizer, rates: list[float]
) -> Curve:
    """Train one epoch per learning rate; the curve of accuracies."""
    criterion, began, found = nn.CrossEntropyLoss(), time.perf_counter(), []
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        for inputs, labels in train:
            optimizer.zero_grad()
            criterion(model(inputs), labels).backward()
            optimizer.step()
        found.append((time.perf_counter() - began, accuracy(model.eval(), val)))
    return found


@torch.inference_mode()
def accuracy(model: nn.Module, loader: Iterable) -> float:
    """Share of correct predictions."""
    right = [model(inputs).argmax(1) == labels for inputs, labels in loader]
    return float(torch.cat(right).float().mean())
