"""A fine-tuning as PyTorch's tutorial on transfer learning has it: SGD, a tenth of the rate every seven epochs.

python -m benchmarks.performance.peers.torchvision_finetuning FOLDER WEIGHTS SIZE RATE EPOCHS WORKERS
"""

import json
import sys
from pathlib import Path

import torch
from torchvision import datasets, transforms

from benchmarks.performance.peers.finetuning import MEAN, STD, Curve, curve, judging, start

BATCH, EVERY = 32, 7


def main(folder: str, weights: str, size: str, rate: str, epochs: str, workers: str) -> Curve:
    """The accuracy by the seconds."""
    torch.manual_seed(0)
    root, side = Path(folder), int(size)
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(side), transforms.RandomHorizontalFlip(), transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )  # fmt: skip
    images = datasets.ImageFolder(str(root / "train"), view)
    loader = torch.utils.data.DataLoader(
        images, BATCH, shuffle=True, num_workers=int(workers), persistent_workers=int(workers) > 0
    )
    model = start(weights, len(images.classes))
    rates = [float(rate) * 0.1 ** (epoch // EVERY) for epoch in range(int(epochs))]
    optimizer = torch.optim.SGD(model.parameters(), float(rate), momentum=0.9)
    return curve(model, loader, judging(root, side), optimizer, rates)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
