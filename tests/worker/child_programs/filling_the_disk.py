"""A child that saves checkpoints until the disk is full."""

import threading

import torch

from app.core.jobs.leases import Lease
from worker.context import Context
from worker.jobs.entry_point import main
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.training.engine.checkpoint import State


def save(context: Context, lease: Lease, _stop: threading.Event) -> None:
    for step in range(1, 5):
        state = State({"weight": torch.full((100_000,), float(step))}, {"step": step})
        JobRecorder(context, lease).checkpoint(state, RunPosition("main", 1, step, {}))


if __name__ == "__main__":
    main(save)
