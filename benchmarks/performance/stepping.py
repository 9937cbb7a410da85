"""Images per second of Imprint's training core.

python -m benchmarks.performance.stepping PACKED BACKBONE SIZE METHOD STEPS real|synthetic [DEVICE]

real: the whole loop on a prepared dataset, augmentation and all. synthetic: nothing but the steps, on one batch that is
in memory already, which is as fast as this model can be trained. Imports nothing that a bare machine with torch does
not have; of an accelerator it also tells the peak of its memory, on stderr.
"""

import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from app.core.processes.cpu_count import count_cores
from worker.training.data.batches import LoaderOptions
from worker.training.data.packed import PackedImages, open_packed
from worker.training.devices import configure_torch, select_device, uses_pinned_memory
from worker.training.engine.loop import Interrupted, fit
from worker.training.engine.mixed_precision import training_precision
from worker.training.engine.run import Recipe
from worker.training.methods.base import Method
from worker.training.methods.continuation import Continuation
from worker.training.methods.simclr import SimCLR
from worker.training.methods.supervised import Supervised
from worker.training.models import backbones
from worker.training.optim import optimizers
from worker.training.transforms.geometric import Preprocessing

BATCH, WARM, RATE = 32, 3, 1e-3
CORES = count_cores()
CROP = (0.35, 1.0)
VIEW = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Clock:
    """A watcher that stops the run after so many steps, and knows when each of them was over."""

    def __init__(self, steps: int) -> None:
        self.ends: list[float] = []
        self._steps = steps

    def on_step(self, epoch: int, step: int, steps: int, losses: dict[str, float]) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())

    def on_out_of_memory(self, epoch: int, step: int, micro_batch_size: int) -> None:
        """Never, on a CPU."""

    def on_epoch(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Nothing to do."""

    def save(self, take: object, last: bool) -> None:
        """Nothing is kept."""

    def interrupted(self) -> bool:
        """Whether there are enough."""
        return len(self.ends) >= self._steps


def method(kind: str, images: PackedImages, backbone: str, size: int) -> Method:
    """What a job of this kind trains."""
    preprocessing = Preprocessing(size, round(size * 256 / 224), *VIEW)
    network = backbones.build_backbone(backbone, int(images.labels.max()) + 1, size, seed=0)
    if kind == "simclr":
        return SimCLR(
            network, preprocessing, temperature=0.2, denominator="negatives", projection_dim=64, colour_strength=0.5,
            crop_scale=(0.2, 1), continuation=Continuation(), seed=0,
        )  # fmt: skip
    return Supervised(
        network, preprocessing, penalty="none", strength=0, head_strength=0, label_smoothing=0, class_weights=None,
        crop_scale=CROP, flip=0.5, mixup=0, cutmix=0, layer_decay=1, frozen_norms=False,
    )  # fmt: skip


def loop(learner: Method, images: PackedImages, steps: int) -> tuple[list[float], int]:
    """The loop that jobs run: when each step was over, and how many make an epoch."""
    feed = _feed(learner, workers=CORES)
    train = learner.batches(images, np.arange(len(images)), feed)
    recipe = Recipe(
        epochs=1000, batch_size=BATCH, learning_rate=RATE, weight_decay=0.01, optimizer="adamw", warmup=0.05, ema=0,
        patience=None, seed=0, checkpoint_seconds=1e9,
    )  # fmt: skip
    clock = Clock(steps)
    with suppress(Interrupted):
        fit(learner, train, None, recipe, clock, None)
    return clock.ends, len(train)


def real(learner: Method, images: PackedImages, steps: int) -> float:
    """Images a second of the loop; the last batch of an epoch is a smaller one."""
    ends, epoch = loop(learner, images, WARM + steps)
    taken = sum(min(BATCH, len(images) - BATCH * (step % epoch)) for step in range(WARM, WARM + steps))
    return taken / (ends[-1] - ends[WARM - 1])


def synthetic(learner: Method, images: PackedImages, steps: int) -> float:
    """The steps alone."""
    source = learner.batches(images, np.arange(BATCH), _feed(learner, workers=0))
    batch = next(source.epoch(0, 0)).to(learner.network.device)
    optimizer = optimizers.build_optimizer("adamw", learner.parameter_groups(0.01), RATE)
    generator = torch.Generator()
    learner.train()
    with training_precision(learner):
        for step in range(WARM + steps):
            if step == WARM:
                began = time.perf_counter()
            optimizer.zero_grad()
            loss = learner.training_step(batch, generator)["loss"]
            loss.backward()
            optimizer.step()
            if step in (WARM - 1, WARM + steps - 1):
                loss.item()  # an accelerator is waited for
    return BATCH * steps / (time.perf_counter() - began)


def _feed(learner: Method, workers: int) -> LoaderOptions:
    return LoaderOptions(
        training=True, batch_size=BATCH, seed=0, workers=workers, pinned=uses_pinned_memory(learner.network.device)
    )


def main(packed: str, backbone: str, size: str, kind: str, steps: str, feeding: str, device: str = "cpu") -> float:
    """The rate after the first steps."""
    configure_torch(CORES)
    torch.manual_seed(0)
    images = open_packed(Path(packed))
    learner = method(kind, images, backbone, int(size)).to(select_device(device))
    rate = (real if feeding == "real" else synthetic)(learner, images, int(steps))
    if learner.network.device.type == "cuda":
        print(f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MiB", file=sys.stderr)
    return rate


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
