"""Images per second of LightlyTrain's SimCLR on a folder of photographs, by its own `pretrain`.

python -m benchmarks.performance.peers.lightly_loop FOLDER BACKBONE SIZE STEPS WORKERS
"""

import sys
import tempfile
import time

import lightly_train
from torch.optim.optimizer import register_optimizer_step_post_hook
from torchvision import models

from benchmarks.performance.peers.stepping import BATCH, WARM


def main(folder: str, backbone: str, size: str, steps: str, workers: str) -> float:
    """The rate after the first steps. It accepts no callbacks, so a hook of the optimizer records each step's end."""
    ends: list[float] = []
    register_optimizer_step_post_hook(lambda *_: ends.append(time.perf_counter()))
    with tempfile.TemporaryDirectory() as out:
        lightly_train.pretrain(
            out=out, data=folder, model=models.get_model(backbone), method="simclr", overwrite=True, epochs=1000,
            batch_size=BATCH, num_workers=int(workers), accelerator="cpu", devices=1, precision="32-true",
            transform_args={"image_size": (int(size), int(size))}, loggers={"tensorboard": None},
            trainer_args={"max_steps": WARM + int(steps)},
        )  # fmt: skip
    return BATCH * int(steps) / (ends[-1] - ends[WARM - 1])


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
