"""Exponential moving average of the parameters, less noisy than the weights of any one step.

Acceleration of Stochastic Approximation by Averaging (Polyak & Juditsky 1992); the exponential form as in Mean teachers
are better role models (Tarvainen & Valpola 2017, arXiv:1703.01780).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """Exponential moving average of parameters, empty if the decay is 0.

    Buffers are not averaged: batch norm's statistics are running averages already, and the network's own are used.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], decay: float) -> None:
        """Start the average at the present values.

        Args:
            parameters: the parameters to average, always in the same order.
            decay: weight of the average in an update, from 0 to below 1; 0 keeps no average.
        """
        self._parameters = parameters if decay > 0 else ()
        self._decay = decay
        self._averages = [parameter.detach().clone() for parameter in self._parameters]

    def update(self, step: int) -> None:
        """Include the parameters after a step.

        average = d * average + (1 - d) * parameter, with d = min(decay, (1 + step) / (10 + step)), so that the random
        start is soon forgotten (the ramp of d is TensorFlow's).

        Args:
            step: the step, from 0.
        """
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for average, parameter in zip(self._averages, self._parameters, strict=True):
            average.lerp_(parameter.detach(), share)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Exchange parameters and averages inside the block, without copying."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def tensors(self) -> dict[str, Tensor]:
        """Return the averages under the parameters' indices."""
        return {str(number): average for number, average in enumerate(self._averages)}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Restore averages by copy.

        Args:
            tensors: the result of `tensors`.

        Raises:
            KeyError: if it is of other parameters.
        """
        for number, average in enumerate(self._averages):
            average.copy_(tensors[str(number)])

    def _exchange(self) -> None:
        with torch.no_grad():
            for number, parameter in enumerate(self._parameters):
                self._averages[number], parameter.data = parameter.data, self._averages[number]
