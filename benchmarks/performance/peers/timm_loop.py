"""Images a second of timm's way: its model, loader, augmentation and optimizer, stepped as its train script does.

python -m benchmarks.performance.peers.timm_loop FOLDER BACKBONE SIZE STEPS WORKERS
"""

import sys
import time
from itertools import chain, repeat

import timm
import torch
from timm.data import create_dataset, create_loader
from timm.optim import create_optimizer_v2

BATCH, WARM = 32, 3
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
    criterion = torch.nn.CrossEntropyLoss()
    for step, (inputs, labels) in enumerate(chain.from_iterable(repeat(loader))):
        if step == WARM:
            began = time.perf_counter()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step + 1 == WARM + int(steps):
            break
    return BATCH * int(steps) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
