"""Many requests, one network: what is waiting is shared among its threads, and nothing ever waits for company.

Everything here runs on the event loop; only the network's own work is in a thread, so there are no locks.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.files.images import Pixels
from app.serving.admission import overloaded_error

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Output:
    """A network's output for one image: `logits` (C,), None without classes, and `features` (D,).

    `unfamiliar`: None where the network does not know.
    """

    logits: FloatArray | None
    features: FloatArray
    unfamiliar: float | None = None


Run = Callable[[list[Pixels]], list[Output]]


class Batcher:
    """The bounded queue in front of one network. `run` is called in threads, for up to `parallel` batches at a time."""

    def __init__(self, run: Run, parallel: int, batch: int, capacity: int) -> None:
        self._run, self._parallel, self._batch, self._capacity = run, parallel, batch, capacity
        self._queue: deque[tuple[Pixels, asyncio.Future[Output]]] = deque()
        self._reserved = 0
        self._workers: list[asyncio.Task[None]] = []

    @contextmanager
    def reserve(self, images: int) -> Iterator[None]:
        """Places for a whole request, until it is answered; 503 `overloaded` at once when there are too few."""
        if self._reserved + images > self._capacity:
            raise overloaded_error()
        self._reserved += images
        try:
            yield
        finally:
            self._reserved -= images

    async def infer(self, views: list[Pixels]) -> list[Output]:
        """The network's answers, in order. Call it within `room`."""
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Output]] = [loop.create_future() for _ in views]
        self._queue.extend(zip(views, futures, strict=True))
        self._workers = [worker for worker in self._workers if not worker.done()]
        for _ in range(min(len(views), self._parallel - len(self._workers))):
            self._workers.append(asyncio.create_task(self._run_batches()))
        return list(await asyncio.gather(*futures))

    async def _run_batches(self) -> None:
        """Take an equal share of what is waiting, up to a batch, until nothing is."""
        while self._queue:
            count = min(self._batch, math.ceil(len(self._queue) / self._parallel))
            batch = [self._queue.popleft() for _ in range(count)]
            batch = [(view, future) for view, future in batch if not future.done()]
            if batch:
                await self._run_batch(batch)

    async def _run_batch(self, batch: list[tuple[Pixels, asyncio.Future[Output]]]) -> None:
        try:
            outputs = await asyncio.to_thread(self._run, [view for view, _ in batch])
        except Exception as error:  # it belongs to those who wait, not to the loop
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), output in zip(batch, outputs, strict=True):
            if not future.done():
                future.set_result(output)
