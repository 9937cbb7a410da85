"""Images per second of a training loop as in torchvision's references: PIL, v1 transforms, DataLoader.

python -m benchmarks.performance.peers.torchvision_loop FOLDER BACKBONE SIZE STEPS WORKERS
"""

import sys

import torch
from torchvision import datasets, models, transforms

from benchmarks.performance.peers.stepping import BATCH, rate


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
    return rate(model, loader, optimizer, int(steps))


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
