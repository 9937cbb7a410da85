"""The one contract of all training methods (after DomainBed): the loop knows nothing else about them."""

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
    """A way to train `network`. What else a method holds (projection heads, anchors) is thrown away afterwards.

    A subclass implements `training_transform`, `training_step`, `validate` and `score`; the rest has defaults.
    Everything in `frozen()` stays in evaluation mode, so that its batch-norm statistics do not drift.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.preprocessing = preprocessing

    def training_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """uint8 (H, W, 3) to what is stacked into a training batch, uint8 (3, S, S) or (V, 3, S, S)."""
        raise NotImplementedError

    def validation_transform(self, image: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG002 - some methods draw
        """The same for validation: by default the fixed view of serving."""
        return resize_and_center_crop(image, self.preprocessing.size, self.preprocessing.resize)

    def training_step(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Scalars of one batch; "loss" is minimised, the others are reported.

        Changes nothing but batch-norm statistics. `generator` is on the CPU and a function of the step.
        """
        raise NotImplementedError

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Figures of the validation batches, called in evaluation mode without gradients."""
        raise NotImplementedError

    def score(self, metrics: dict[str, float]) -> float:
        """How good `validate`'s figures are, more being better; chooses the epoch to keep (`RunProgress.keeps`)."""
        raise NotImplementedError

    def tolerance(self, metrics: dict[str, float]) -> float:  # noqa: ARG002 - some read it from the figures
        """By how much a later epoch's score may be lower and still count as good, these figures being the best ones.

        0, the default, means that it must be strictly better: right for figures that are not a noisy count.
        """
        return 0.0

    def preview(self, batch: Batch) -> Tensor | None:  # noqa: ARG002 - most have nothing to show
        """A grid for a person who wants to see what is being learnt: uint8 (H, W, 3), or None, the default.

        Of a validation batch, called in evaluation mode without gradients. Nothing in it is left to chance, so that the
        grids of two epochs can be compared.
        """
        return None

    def begin_epoch(self, epoch: int) -> None:
        """Called before each epoch (0-based) and after a resume: a method with phases changes over here.

        Its views must not: the first ones of the epoch were taken beforehand.
        """

    def after_step(self, step: int, steps: int) -> None:
        """Update what follows the weights, such as a teacher network; by default nothing.

        Called without gradients, exactly once after each step of the optimizer: not for each micro-batch of gradient
        accumulation, and not for a step that is repeated with smaller ones. What it changes must be in the module's
        state (parameters or persistent buffers), which is what a checkpoint holds.

        Args:
            step: number of optimizer steps before this one.
            steps: optimizer steps of the whole run.
        """

    def frozen(self) -> list[nn.Module]:
        """The parts that stay in evaluation mode; what they learn is for `parameter_groups` to say."""
        return []

    def parameter_groups(self, weight_decay: float) -> Groups:
        """Optimizer groups; by default everything that is learnt, no weight decay on biases and norms."""
        return decay_groups([self], weight_decay)

    def batches(self, images: PackedImages, indices: npt.NDArray[np.int64], feed: LoaderOptions) -> BatchStream:
        """What this method wants to be fed from these images, for training or for validation."""
        transform = self.training_transform if feed.training else self.validation_transform
        return ImageBatches(images, indices, transform, feed)

    def normalised(self, inputs: Tensor) -> Tensor:
        """uint8 images on the device as the network takes them."""
        return normalise(inputs, self.preprocessing.mean, self.preprocessing.std)

    def train(self, mode: bool = True) -> "Method":
        """Training mode for all but the frozen parts."""
        super().train(mode)
        for part in self.frozen():
            part.eval()
        return self
