"""Fine-tuning, with or without adaptation to another domain."""

from typing import Literal, Self

from pydantic import Field, model_validator

from app.core.specs.adaptation import Adaptation, NoAdaptationSpec
from app.core.specs.base import RANDOM, TYPE
from app.core.specs.defaults import HEAD_EPOCHS, HEAD_RATE, SCRATCH_RATE, default_steps, finetune_rate
from app.core.specs.penalties import NoPenaltySpec, Penalty
from app.core.specs.training_job import TrainingJobSpec
from app.core.specs.training_options import MOST_ASKED_EPOCHS

# Names of baselines, beside RANDOM: the output layer alone trained, the same training without adaptation, and the
# adaptation of batch norm's statistics alone.
HEAD, SOURCE_ONLY, TARGET_STATISTICS = "head", "source_only", "target_statistics"
# Splits that the published model trains on, beside those that train, once the judged network is finished.
REFIT = "train_val"
MOST_REPEATS = 10


class Finetune(TrainingJobSpec):
    """f_t = argmin R(f, D_t) + strength * distance(f, f_s), with a new output layer."""

    type: Literal["finetune"] = Field(description=TYPE)
    trainable: Literal["all", "head", "head_then_all"] | None = Field(
        None,
        description="which weights move: all; the new output layer (head) alone, on features that are computed once; or"
        " the head first and then all (Kumar 2022). By default head_then_all from a model, all from random weights",
    )
    penalty: Penalty = Field(NoPenaltySpec(), description="what holds the network near to the pre-trained one")
    adapt: Adaptation = Field(
        NoAdaptationSpec(),
        description="how a labelled source dataset and the job's own, the target, are drawn together",
    )
    baselines: list[Literal["random", "head", "source_only", "target_statistics"]] = Field(
        default_factory=list,
        max_length=4,
        description="yardsticks that are trained besides and compared on the same images: the same training from"
        " random weights, at several learning rates of which validation chooses one; the output layer alone; the same"
        " training without adaptation; and the adaptation of batch norm's statistics alone",
    )
    random_epochs: int | None = Field(
        None,
        ge=1,
        le=MOST_ASKED_EPOCHS,
        description="epochs of the baseline 'random'; by default the job's own where epochs are asked for,"
        " else as many as random weights need",
    )
    refit: Literal["none", "train_val", "all"] | None = Field(
        None,
        description="what the published model trains on. The judged network trains on `train`, and all figures are its"
        " own; then the same training is repeated on `train` and `val` (`train_val`, the default where there are"
        " validation images), or on every image (`all`), with the judged network's epochs, strength and temperature."
        " `none` publishes the judged network",
    )

    repeats: int = Field(
        1,
        ge=1,
        le=MOST_REPEATS,
        description="times that the judged training and each baseline are run, with the seeds `seed`, `seed` + 1 and"
        " so on. With 1 the verdict is about two trained networks; with more, about the training, whatever its seed",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_baselines()
        self._check_penalty()
        self._check_adaptation()
        object.__setattr__(self, "trainable", self.trainable or self._usual)
        head_only = self.trainable == "head"
        if head_only and (self.training.mixes or self.training.layer_decay < 1):
            raise ValueError("training: mixup, cutmix and layer_decay are for moving weights; 'head' moves none")
        if head_only:
            whole = self.training.filled(HEAD_EPOCHS, HEAD_RATE)
            # nothing to resolve: the statistics are never updated
            self._complete(whole.model_copy(update={"batch_norm": self.training.batch_norm}))
        else:
            self._complete(self.training.filled(None, SCRATCH_RATE) if self.init == RANDOM else self.training)
        return self

    def with_init_defaults(self, *, from_labels: bool) -> Self:
        """Fill in the defaults that depend on the initial model.

        Batch-norm statistics are kept if the model was trained on labels, but never when adapting, which needs the
        target's.

        Args:
            from_labels: the initial model was trained on labels.

        Returns:
            The complete spec.
        """
        if self.trainable == "head" or self.init == RANDOM:
            return self
        adapts = self.adapt.kind != "none"
        rates = finetune_rate(from_labels=from_labels, adapts=adapts)
        training = self.training.filled(None, rates, frozen=from_labels and not adapts)
        return self.model_copy(update={"training": training})

    def over(self, images: int, *, from_labels: bool = False) -> Self:
        """Fill in default epochs, also those of the baseline from random weights.

        An epoch over cached features is not comparable to one over images, so a head's epochs do not apply to the
        baseline.

        Args:
            images: training images.
            from_labels: the initial model was trained on labels.

        Returns:
            The spec with epochs.
        """
        own = self.training.model_copy(update={"epochs": None}) if self.trainable == "head" else self.training
        epochs = self.random_epochs or own.over(images, default_steps(random=True, from_labels=False)).epochs
        whole = super().over(images, from_labels=from_labels)
        return whole.model_copy(update={"random_epochs": epochs if RANDOM in self.baselines else None})

    @property
    def _usual(self) -> str:
        return "all" if self.init == RANDOM else "head_then_all"

    def _check_baselines(self) -> None:
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("baselines: each may be named once")
        for name in (SOURCE_ONLY, TARGET_STATISTICS):
            if name in self.baselines and self.adapt.kind == "none":
                raise ValueError(f"baselines: '{name}' is a yardstick of adapt, and this job does not adapt")
        if self.random_epochs is not None and RANDOM not in self.baselines:
            raise ValueError("random_epochs: they are of the baseline 'random', which this job does not ask for")

    def _check_penalty(self) -> None:
        if self.init == RANDOM and self.penalty.kind != "none":
            raise ValueError("penalty: init 'random' has no pre-trained function to stay near to")
        if self.trainable == "head" and self.penalty.kind != "none":
            raise ValueError("penalty: with trainable 'head' the shared weights do not move, there is nothing to hold")

    def _check_adaptation(self) -> None:
        if self.adapt.kind != "none" and self.trainable == "head":
            raise ValueError("adapt: with trainable 'head' the features do not move, they cannot adapt")
        if self.adapt.source == self.dataset:
            raise ValueError("adapt.source: this is the dataset itself; the source has labels, the target is another")

    @property
    def labels_from(self) -> str:
        """The dataset that provides the labels: the source of an adaptation, else the job's own."""
        return self.adapt.source or self.dataset

    @property
    def learns_labels(self) -> bool:
        """Always true: the output layer is for the dataset's classes."""
        return True
