"""A picture of a run's training data, for people to look at while it trains."""

import io
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from worker.training.data.batches import Batch, BatchSource
from worker.training.inference import evaluating
from worker.training.methods.base import Method


@dataclass(frozen=True)
class Preview:
    """The method's image grid for the first batch of `source`, always the same images."""

    method: Method
    source: BatchSource

    @cached_property
    def _batch(self) -> Batch:
        with closing(self.source.epoch(0, 0)) as batches:
            return next(batches).to(self.method.network.device)

    def png(self) -> bytes | None:
        """The grid as a PNG file; None for a method without one."""
        with evaluating(self.method):
            grid = self.method.preview(self._batch)
        if grid is None:
            return None
        out = io.BytesIO()
        Image.fromarray(grid.cpu().numpy()).save(out, "PNG")
        return out.getvalue()
