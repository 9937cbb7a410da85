"""Images a second of a training loop as torchvision's references have it: PIL, v1 transforms, DataLoader.

python -m benchmarks.performance.peers.torchvision_loop FOLDER BACKBONE SIZE STEPS WORKERS
"""

import sys
import time
from itertools import chain, repeat

import torch
from torch import nn
from torchvision import datasets, models, transforms

BATCH, WARM = 32, 3


def main(folder: str, backbone: str, size: str, steps: str, workers: str) -> float:
    """The rate after the first steps."""
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(int(size), scale=(0.35, 1)),
            transforms.RandomHorizontalFlip(),
            transforms.PILToTensor(),
            transforms.ConvertImageDtype(torch.float),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    images = datasets.ImageFolder(folder, view)
    loader = torch.utils.data.DataLoader(
        images, BATCH, shuffle=True, drop_last=True, num_workers=int(workers), persistent_workers=int(workers) > 0
    )
    model = models.get_model(backbone, num_classes=len(images.classes)).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    criterion = nn.CrossEntropyLoss()
    batches = chain.from_iterable(repeat(loader))
    for step, (inputs, labels) in enumerate(batches):
        if step == WARM:
            began = time.perf_counter()
        loss = criterion(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step + 1 == WARM + int(steps):
            break
    return BATCH * int(steps) / (time.perf_counter() - began)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
