"""What a job is asked to do, checked field by field. Every default that a user can see lives here and nowhere else."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from app.core.backbones import BACKBONES

RANDOM = "random"
WEIGHTS_NAME = r"^[A-Za-z0-9_]+_Weights\.[A-Z0-9_]+$"
DEFAULT_BACKBONE = "resnet18"
DEFAULT_IMAGE_SIZE = 128
PRETRAINED_IMAGE_SIZE = 224  # of weights that come from elsewhere

# Learning rates by optimizer: from nothing, fine-tuning every weight, and a linear layer on fixed features.
SCRATCH_RATE = {"adamw": 1e-3, "sgd": 0.1}
FINETUNE_RATE = {"adamw": 3e-4, "sgd": 0.01}
HEAD_RATE = {"adamw": 3e-3, "sgd": 0.1}
DEFAULT_EPOCHS = 10
HEAD_EPOCHS = 100  # an epoch over cached features costs milliseconds


class Strict(BaseModel):
    """Unknown fields are refused, numbers must be finite, and a spec never changes once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Augmentation(Strict):
    """How training images are varied.

    A random crop of at least `crop` of the area, mirrored half of the time with `flip`.
    """

    crop: float = Field(0.35, gt=0, le=1)
    flip: bool = True


class Training(Strict):
    """How to optimise; what is left out depends on the job and is filled in by its spec."""

    epochs: int | None = Field(None, ge=1, le=10_000)
    batch_size: int = Field(32, ge=1, le=4096)
    learning_rate: float | None = Field(None, gt=0, le=10)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    weight_decay: float = Field(0.01, ge=0, le=1)
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps that the learning rate rises")
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    augmentation: Augmentation = Augmentation()
    seed: int = Field(0, ge=0, lt=2**32)
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")

    def filled(self, epochs: int, rates: dict[str, float]) -> "Training":
        """The same options with the job's own defaults where nothing was said."""
        rate = self.learning_rate or rates[self.optimizer]
        return self.model_copy(update={"epochs": self.epochs or epochs, "learning_rate": rate})


class Supervised(Strict):
    """Cross-entropy on the dataset's labels."""

    kind: Literal["supervised"]


class NoPenalty(Strict):
    """Nothing holds the network to the pre-trained one."""

    kind: Literal["none"] = "none"


class L2SP(Strict):
    """strength * |w - w_s|^2 over the shared weights + head_strength * |v|^2 over the new head (Li 2018, eq. 2)."""

    kind: Literal["l2_sp"]
    strength: float = Field(0.01, ge=0, le=1e6)
    head_strength: float = Field(0.01, ge=0, le=1e6)


Penalty = Annotated[NoPenalty | L2SP, Field(discriminator="kind")]


class NoAdaptation(Strict):
    """Source and target are taken to come from one distribution."""

    kind: Literal["none"] = "none"


class Pretrain(Strict):
    """f_s = argmin R(f, D_s): a backbone from source data."""

    type: Literal["pretrain"]
    dataset: str
    method: Supervised
    name: str | None = Field(None, min_length=1, max_length=200)
    backbone: str | None = None
    image_size: int | None = Field(None, ge=8, le=1024)
    init: str = RANDOM
    training: Training = Training()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        rates = SCRATCH_RATE if self.init == RANDOM else FINETUNE_RATE
        complete(self, self.training.filled(DEFAULT_EPOCHS, rates))
        return self


class Finetune(Strict):
    """f_t = argmin R(f, D_t) + strength * distance(f, f_s), with a new output layer."""

    type: Literal["finetune"]
    dataset: str
    name: str | None = Field(None, min_length=1, max_length=200)
    init: str = RANDOM
    backbone: str | None = None
    image_size: int | None = Field(None, ge=8, le=1024)
    trainable: Literal["all", "head"] = "all"
    penalty: Penalty = NoPenalty()
    adapt: NoAdaptation = NoAdaptation()
    baselines: list[Literal["random", "head"]] = Field(default_factory=list, max_length=2)
    training: Training = Training()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(set(self.baselines)) < len(self.baselines):
            raise ValueError("baselines: each may be named once")
        if self.init == RANDOM and self.penalty.kind != "none":
            raise ValueError("penalty: init 'random' has no pre-trained function to stay near to")
        if self.trainable == "head" and self.penalty.kind == "l2_sp":
            raise ValueError("penalty: with trainable 'head' the shared weights do not move, l2_sp has nothing to hold")
        head_only = self.trainable == "head"
        rates = HEAD_RATE if head_only else SCRATCH_RATE if self.init == RANDOM else FINETUNE_RATE
        complete(self, self.training.filled(HEAD_EPOCHS if head_only else DEFAULT_EPOCHS, rates))
        return self


class Prepare(Strict):
    """Turn an uploaded archive into a dataset (made by an upload, never by a user's POST)."""

    type: Literal["prepare"] = "prepare"
    dataset: str


class Publish(Strict):
    """Make an imported model's weights servable (made by an import, never by a user's POST)."""

    type: Literal["publish"] = "publish"
    model: str


AnySpec = Pretrain | Finetune | Prepare | Publish
Spec = Annotated[AnySpec, Field(discriminator="type")]
SPEC: TypeAdapter[AnySpec] = TypeAdapter(Spec)

# Preparing must not wait behind a training of hours, so each lane has workers of its own.
LANES = {"prepare": "short", "publish": "short", "pretrain": "long", "finetune": "long"}
USER_TYPES = ("pretrain", "finetune")


def complete(spec: Pretrain | Finetune, training: Training) -> None:
    """Fill in what depends on other fields, and refuse a backbone that cannot take the image size.

    From a model, the backbone and the size are not known here: the jobs service fills them in from the model's row.
    """
    values: dict[str, Any] = {"training": training}
    if spec.init == RANDOM:
        values["backbone"] = spec.backbone or DEFAULT_BACKBONE
        values["image_size"] = spec.image_size or DEFAULT_IMAGE_SIZE
    for name, value in values.items():
        object.__setattr__(spec, name, value)
    if spec.backbone is not None and spec.backbone not in BACKBONES:
        raise ValueError(f"backbone: '{spec.backbone}' is not one of torchvision's classifiers")
    if spec.backbone is not None and spec.image_size is not None:
        BACKBONES[spec.backbone].check_size(spec.image_size)
