"""The interface of all training methods; the training loop knows nothing else about them.

After DomainBed's `Algorithm`: In Search of Lost Domain Generalization (Gulrajani & Lopez-Paz 2020, arXiv:2007.01434).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from worker.training.data.batches import Batch, BatchStream, ImageBatches, LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.models.backbones import Network
from worker.training.optim.optimizers import Groups, decay_groups
from worker.training.transforms.geometric import Preprocessing, normalise, resize_and_center_crop


class Method(nn.Module):
    """A way to train `network`. Other parts of a method (projection heads, anchors) are discarded after training.

    A subclass implements `training_transform`, `training_step`, `validate` and `score`; the rest has defaults.
    Everything in `frozen()` stays in evaluation mode, so that its batch-norm statistics do not drift.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing) -> None:
        """Store the network and the preprocessing.

        Args:
            network: the network to train, in place.
            preprocessing: of validation images; its mean and deviation normalise every input.
        """
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Transform one image for a training batch.

        Args:
            image: uint8 (H, W, 3).
            generator: source of the randomness, a function of seed, epoch and step.

        Returns:
            uint8 (3, S, S), or (V, 3, S, S) for V views.
        """
        raise NotImplementedError

    def validation_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - some methods draw
        """Transform one image for a validation batch; by default the deterministic preprocessing of serving.

        Args:
            image: uint8 (H, W, 3).
            generator: source of the randomness, for methods that draw views.

        Returns:
            uint8 (3, S, S), or (V, 3, S, S) for V views.
        """
        return resize_and_center_crop(image, self.preprocessing)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Compute the loss terms of one batch.

        Must change nothing but batch-norm statistics.

        Args:
            batch: on the network's device.
            generator: source of the randomness, on the CPU, a function of the step.

        Returns:
            Scalars by name; "loss" is minimised, the others are reported.
        """
        raise NotImplementedError

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Compute the metrics of the validation split; called in evaluation mode without gradients.

        Args:
            batches: all validation batches, on the network's device.

        Returns:
            Metrics by name.
        """
        raise NotImplementedError

    def score(self, metrics: dict[str, float]) -> float:
        """Rate `validate`'s metrics, higher being better; the score chooses the epoch to keep (`RunProgress.keeps`)."""
        raise NotImplementedError

    def tolerance(self, metrics: dict[str, float]) -> float:  # noqa: ARG002 - some read it from the figures
        """Return how far below the best score a later epoch's score may lie and still count as equally good.

        Args:
            metrics: `validate`'s metrics of the epoch with the best score.

        Returns:
            0, the default, if it must be strictly better: right for metrics that are not a noisy count.
        """
        return 0.0

    def preview(self, batch: Batch) -> Tensor | None:  # noqa: ARG002 - most have nothing to show
        """Draw an image grid that shows what is being learnt; called in evaluation mode without gradients.

        Deterministic, so that the grids of two epochs can be compared.

        Args:
            batch: a validation batch.

        Returns:
            uint8 (H, W, 3), or None, the default, if there is nothing to show.
        """
        return None

    def begin_epoch(self, epoch: int) -> None:
        """Prepare for an epoch; called before each one and after a resume, for methods with phases.

        Must not change the transforms: the first batches of the epoch were assembled before.

        Args:
            epoch: the epoch, from 0.
        """

    def pull_weights(self, groups: Groups) -> None:
        """Move weights beside the gradient, as decoupled weight decay does; by default none.

        Called without gradients, exactly once after each optimizer step and before anything that follows the weights.

        Args:
            groups: the optimizer's groups, with the learning rate "lr" of the step.
        """

    def after_step(self, step: int, steps: int) -> None:
        """Update what follows the weights, such as a teacher network; by default nothing.

        Called without gradients, exactly once after each optimizer step: not for each micro-batch of gradient
        accumulation, and not for a step that is repeated with smaller ones. What it changes must be in the module's
        state (parameters or persistent buffers), which is what a checkpoint holds.

        Args:
            step: number of optimizer steps before this one.
            steps: optimizer steps of the whole run.
        """

    def frozen(self) -> list[nn.Module]:
        """Return the parts that stay in evaluation mode; `parameter_groups` decides which parameters are trained."""
        return []

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Build the optimizer's groups; by default all parameters, without weight decay on biases and norms.

        Args:
            weight_decay: decay of the groups that decay.

        Returns:
            Parameter groups, see `optimizers.decay_groups`.
        """
        return decay_groups([self], weight_decay)

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """Build the batches that this method trains or validates on.

        Args:
            images: the dataset.
            indices: rows of the dataset to use.
            feed: options of the assembly; `feed.training` chooses the transform.

        Returns:
            The batches.

        Raises:
            ValueError: if the method cannot use these images.
        """
        transform = self.training_transform if feed.training else self.validation_transform
        return ImageBatches(images, indices, transform, feed)

    def normalised(self, inputs: Tensor) -> Tensor:
        """Normalise uint8 images (B, 3, S, S) to the network's float32 input, on their device."""
        return normalise(inputs, self.preprocessing.mean, self.preprocessing.std)

    def train(self, mode: bool = True) -> "Method":
        """Set training mode for all but the frozen parts.

        Args:
            mode: training mode if true, else evaluation mode.

        Returns:
            The method itself.
        """
        super().train(mode)
        for part in self.frozen():
            part.eval()
        return self
