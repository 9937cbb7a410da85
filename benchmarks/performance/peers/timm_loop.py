"""Images per second of timm's model, loader, augmentation and optimizer, stepped as in its train script.

python -m benchmarks.performance.peers.timm_loop FOLDER BACKBONE SIZE STEPS WORKERS
"""

import sys

import timm
import torch
from timm.data import create_dataset, create_loader
from timm.optim import create_optimizer_v2

from benchmarks.performance.peers.stepping import BATCH, rate

NAMES = {"mobilenet_v2": "mobilenetv2_100"}


def main(folder: str, backbone: str, size: str, steps: str, workers: str) -> float:
    """The rate after the first steps."""
    images = create_dataset("", root=folder)
    loader = create_loader(
        images, (3, int(size), int(size)), BATCH, is_training=True, num_workers=int(workers), use_prefetcher=False,
        device=torch.device("cpu"), scale=(0.35, 1), color_jitter=None, persistent_workers=int(workers) > 0,
    )  # fmt: skip
    model = timm.create_model(NAMES.get(backbone, backbone), num_classes=len(images.reader.class_to_idx)).train()
    optimizer = create_optimizer_v2(model, "adamw", lr=1e-3)
    return rate(model, loader, optimizer, int(steps))


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
