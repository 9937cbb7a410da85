"""A running average of what is learnt: less noisy than the weights of any one step (Polyak & Juditsky 1992)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """The exponential moving average of parameters; none are averaged where `decay` is 0.

    Buffers are no part of it: batch norm's statistics are running averages already, and the network's own serve.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        self._parameters = parameters if decay > 0 else ()
        self._decay = decay
        self._averages = [parameter.detach().clone() for parameter in self._parameters]

    def update(self, step: int) -> None:
        """Take in the parameters after `step` (0-based).

        average = d * average + (1 - d) * parameter, d = min(decay, (1 + step) / (10 + step)), so that the random start
        is soon forgotten (Tarvainen & Valpola 2017; the rise of d is TensorFlow's).
        """
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for average, parameter in zip(self._averages, self._parameters, strict=True):
            average.lerp_(parameter.detach(), share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the parameters hold the averages; afterwards, their own values again. Nothing is copied."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def tensors(self) -> dict[str, Tensor]:
        """The averages by the parameters' numbers."""
        return {str(number): average for number, average in enumerate(self._averages)}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Put back copies of what `tensors` gave; KeyError when it is of other parameters."""
        for number, average in enumerate(self._averages):
            average.copy_(tensors[str(number)])

    def _exchange(self) -> None:
        with torch.no_grad():
            for number, parameter in enumerate(self._parameters):
                self._averages[number], parameter.data = parameter.data, self._averages[number]
