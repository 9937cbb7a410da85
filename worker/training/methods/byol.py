"""BYOL: an online network predicts a slowly moving target network's projection of another view of the same image.

Bootstrap your own latent: A new approach to self-supervised learning (Grill et al. 2020, arXiv:2006.07733).
"""

import copy
import math

import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch
from worker.training.losses.byol import byol_loss
from worker.training.methods.continuation import Continuation
from worker.training.methods.two_views import TwoViews
from worker.training.models.backbones import Network
from worker.training.models.batch_norm import batch_norms
from worker.training.randomness import seeded
from worker.training.transforms.geometric import Preprocessing


class BYOL(TwoViews):
    """Trains `network` (online) against `target_network`, an exponential moving average of it.

    The target gets no gradients and is not in the optimizer. It is in the checkpoint, as part of the module's state,
    but not in the published model: only `network` is. The loss is measured against a moving target and is lowest for
    collapsed features, so it does not choose the epoch: the last one is kept.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        projection_dim: int,
        hidden_dim: int,
        momentum: float,
        colour_strength: float,
        crop_scale: tuple[float, float],
        continuation: Continuation,
        seed: int,
    ) -> None:
        """Build the projector and the predictor, and copy the target from the online network.

        Args:
            network: the online backbone.
            preprocessing: of validation images; its mean and deviation normalise both views.
            projection_dim: outputs of the projector and the predictor.
            hidden_dim: hidden units of both.
            momentum: tau_base, the target's decay at the first step; it rises to 1 by a cosine.
            colour_strength: strength of the colour jitter.
            crop_scale: smallest and largest area of a random crop, as a share of the image's.
            continuation: how the network's initial weights are treated.
            seed: seed of the projector's and the predictor's weights.

        Raises:
            ValueError: if the momentum is outside [0, 1).
        """
        super().__init__(
            network,
            preprocessing,
            colour_strength=colour_strength,
            crop_scale=crop_scale,
            continuation=continuation,
        )
        if not 0 <= momentum < 1:
            raise ValueError(f"the momentum must be at least 0 and below 1, not {momentum}")
        self.momentum = momentum
        with seeded(seed):
            self.projector = mlp(network.feature_dim, hidden_dim, projection_dim)
            self.predictor = mlp(projection_dim, hidden_dim, projection_dim)
        self.target_network = copy.deepcopy(network).requires_grad_(False)
        self.target_projector = copy.deepcopy(self.projector).requires_grad_(False)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the symmetric loss: each view predicts the target's projection of the other one."""
        x = self.views(batch, generator)
        views = x.chunk(2)  # one at a time: batch norm takes its statistics from either
        with torch.no_grad():
            targets = [self.target_projector(self.target_network.features(view)) for view in views]
        encoded = [self.network.encode(view) for view in views]
        predictions = [self.predictor(self.projector(self.network.pool(one))) for one in encoded]
        loss = byol_loss(predictions[0], targets[1]) + byol_loss(predictions[1], targets[0])
        return self.with_penalty({"loss": loss}, x, torch.cat(encoded))

    def after_step(self, step: int, steps: int) -> None:
        """Move the target towards the online network: target = tau * target + (1 - tau) * online."""
        share = 1 - target_momentum(self.momentum, step, steps)
        pairs = ((self.target_network, self.network), (self.target_projector, self.projector))
        for target, online in pairs:
            for average, parameter in zip(target.parameters(), online.parameters(), strict=True):
                average.lerp_(parameter, share)

    def new_layers(self) -> nn.Module:
        """Return the projector and the predictor; the target is not optimised."""
        return nn.ModuleList([self.projector, self.predictor])

    def frozen(self) -> list[nn.Module]:
        """Return also the target's batch norms, if the network's keep their statistics."""
        return [*super().frozen(), *(batch_norms(self.target_network) if self.continuation.frozen_norms else [])]

    def score(self, metrics: dict[str, float]) -> float:  # noqa: ARG002
        """Return the same score for every epoch."""
        return 0.0

    def tolerance(self, metrics: dict[str, float]) -> float:  # noqa: ARG002
        """Return a tolerance that lets the later of two epochs with the same score be kept."""
        return 1.0


def mlp(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Build Linear, batch norm, ReLU, Linear, without biases: batch norm cancels the first layer's.

    Args:
        inputs: input width.
        hidden: hidden width.
        outputs: output width.

    Returns:
        A module from (B, inputs) to (B, outputs).
    """
    return nn.Sequential(
        nn.Linear(inputs, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, outputs, bias=False),
    )


def target_momentum(base: float, step: int, steps: int) -> float:
    """Compute tau = 1 - (1 - base) * (cos(pi * step / steps) + 1) / 2, which rises from `base` to 1 (section 3.2).

    Args:
        base: tau at the first step.
        step: number of optimizer steps before this one.
        steps: optimizer steps of the whole run.

    Returns:
        tau, from `base` to 1.
    """
    return 1 - (1 - base) * (math.cos(math.pi * step / steps) + 1) / 2
