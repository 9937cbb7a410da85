"""Cost of augmenting a photograph for training, beside PIL with torchvision's v1 transforms.

python -m benchmarks.performance.augmentation PACKED FOLDER SIZE imprint|pillow|pillow-decoding
"""

import sys
import time
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from torchvision import transforms

from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import OURS, Goal, Section, prefixed, ratios, rounds, run_module
from benchmarks.performance.stepping import CROP, VIEW
from worker.training.data.packed import open_packed
from worker.training.methods.supervised import RATIO
from worker.training.transforms.geometric import horizontal_flip, normalise, random_resized_crop, stack_channels_last

SIZES = (64, 128, 224)
BATCH, IMAGES, ROUNDS = 32, 320, 3
MODULE = "benchmarks.performance.augmentation"
NOTES = [
    """\
Beside a data loader of files, which decodes in every epoch, the target is met; beside Pillow on images that are
already decoded it is not. What remains is torch's antialiased resize of uint8 pixels with AVX2: of 134 µs at 128 px
some 67. Both filter alike (`tests/worker/training/transforms/test_geometric.py` compares the statistics); a cheaper
filter would be faster and would produce a different view. For a training it is little: 0.24 ms of the 25 that a
step of MobileNetV2 takes per image at 224 px, in other threads than the step's.

From the photograph to the convolution the channels of a pixel are adjacent in memory (channels last). The resize
then need not reorder its result into planes (224 px: 94 instead of 151 µs), and the convolution need not reorder it
back.""",
]


ABOUT = """\
Microseconds of one thread from a photograph to its place in a normalised batch: random resized crop, horizontal flip,
conversion to float, normalisation. `pillow` is torchvision's v1 transforms on a decoded image; `pillow-decoding`
opens the JPEG as well, as a data loader of files does in every epoch."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure every size with one thread."""
    series, goals = [], []
    for size in SIZES:
        candidates = {
            name: partial(run_module, OURS, MODULE, (inputs.packed, inputs.folder, size, name), OMP_NUM_THREADS="1")
            for name in ("imprint", "pillow", "pillow-decoding")
        }
        found = rounds(candidates, ROUNDS, "µs/image")
        goals.append(Goal(f"{size} px: imprint / pillow", ratios(found["imprint"], found["pillow"]), most=0.2))
        goals.append(
            Goal(f"{size} px: imprint / pillow-decoding", ratios(found["imprint"], found["pillow-decoding"]), most=0.2)
        )
        series += prefixed(f"{size} px", found)
    return Section("Augmentation", ABOUT, series, goals, NOTES)


def imprint(packed: Path, folder: Path, size: int) -> float:
    """Seconds per image, from the packed dataset."""
    images, generator = open_packed(packed), torch.Generator().manual_seed(0)
    began = time.perf_counter()
    for start in range(0, IMAGES, BATCH):
        crops = [
            horizontal_flip(random_resized_crop(images.image(row), size, CROP, RATIO, generator), 0.5, generator)
            for row in range(start, start + BATCH)
        ]
        normalise(stack_channels_last(crops), *VIEW)
    return (time.perf_counter() - began) / IMAGES


def pillow(packed: Path, folder: Path, size: int, *, decoding: bool = False) -> float:
    """Seconds per image, with or without decoding."""
    view = transforms.Compose(
        [
            transforms.RandomResizedCrop(size, CROP, RATIO),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(*VIEW),
        ]
    )
    paths = sorted(folder.rglob("*.jpg"))[:IMAGES]
    opened = paths if decoding else [Image.open(path).convert("RGB") for path in paths]
    began = time.perf_counter()
    for start in range(0, IMAGES, BATCH):
        torch.stack([view(_image(each)) for each in opened[start : start + BATCH]])
    return (time.perf_counter() - began) / IMAGES


def _image(source: Path | Image.Image) -> Image.Image:
    return source if isinstance(source, Image.Image) else Image.open(source).convert("RGB")


def main(packed: str, folder: str, size: str, name: str) -> float:
    """Microseconds per image, after one run to warm up."""
    torch.manual_seed(0)
    candidate = {"imprint": imprint, "pillow": pillow, "pillow-decoding": partial(pillow, decoding=True)}[name]
    arguments = Path(packed), Path(folder), int(size)
    candidate(*arguments)
    return 1e6 * candidate(*arguments)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
