"""A fine-tuning with timm's loader, augmentation and optimizer, the learning rate along a cosine after one epoch.

python -m benchmarks.performance.peers.timm_finetuning FOLDER WEIGHTS SIZE RATE EPOCHS WORKERS

The network is torchvision's, whose weights there are.
"""

import json
import math
import sys
from pathlib import Path

import torch
from timm.data import create_dataset, create_loader
from timm.optim import create_optimizer_v2

from benchmarks.performance.peers.finetuning import Curve, curve, judging, start

BATCH, FIRST = 32, 0.1  # the share of the rate in the first epoch


def main(folder: str, weights: str, size: str, rate: str, epochs: str, workers: str) -> Curve:
    """The accuracy by the seconds."""
    torch.manual_seed(0)
    root, side, count = Path(folder), int(size), int(epochs)
    images = create_dataset("", root=str(root / "train"))
    loader = create_loader(
        images, (3, side, side), BATCH, is_training=True, num_workers=int(workers), use_prefetcher=False,
        device=torch.device("cpu"), scale=(0.35, 1), color_jitter=None, persistent_workers=int(workers) > 0,
    )  # fmt: skip
    model = start(weights, len(images.reader.class_to_idx))
    rates = [float(rate) * (math.cos(math.pi * epoch / count) + 1) / 2 for epoch in range(count)]
    optimizer = create_optimizer_v2(model, "adamw", lr=float(rate))
    return curve(model, loader, judging(root, side), optimizer, [FIRST * float(rate), *rates[1:]])


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
