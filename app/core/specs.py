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
HEAD_RATE = {"adamw": 2e-3, "sgd": 0.1}
DEFAULT_EPOCHS = 10
HEAD_SHARE = 1 / 3  # of the epochs of head_then_all train the head alone
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


class Rotation(Strict):
    """Which of 0, 90, 180, 270 degrees was the image turned (Gidaris 2018)."""

    kind: Literal["rotation"]


class Imputation(Strict):
    """Predict the hidden part of the image from the rest: random patches, or a centre block (Pathak 2016; He 2022)."""

    kind: Literal["imputation"]
    mask: Literal["random", "center"] = "random"
    mask_ratio: float = Field(0.5, gt=0, lt=1)
    patch_size: int = Field(8, ge=1, le=256)


class SimCLR(Strict):
    """Two views of an image close together, far from those of the other images (Chen 2020).

    `denominator` "all" is NT-Xent, the positive pair below the line too; "negatives" leaves it out.
    """

    kind: Literal["simclr"]
    temperature: float = Field(0.5, gt=0, le=100)
    denominator: Literal["all", "negatives"] = "all"
    projection_dim: int = Field(128, ge=1, le=4096)
    colour_strength: float = Field(0.5, ge=0, le=1)


Method = Annotated[Supervised | Rotation | Imputation | SimCLR, Field(discriminator="kind")]


class NoPenalty(Strict):
    """Nothing holds the network to the pre-trained one."""

    kind: Literal["none"] = "none"


class L2SP(Strict):
    """strength * |w - w_s|^2 over the shared weights + head_strength * |v|^2 over the new head (Li 2018, eq. 2)."""

    kind: Literal["l2_sp"]
    strength: float = Field(0.01, ge=0, le=1e6)
    head_strength: float = Field(0.01, ge=0, le=1e6)


class FunctionDistance(Strict):
    """strength * mean squared distance of the features to those of the pre-trained network on the same batch."""

    kind: Literal["function"]
    strength: float = Field(1.0, ge=0, le=1e6)


Penalty = Annotated[NoPenalty | L2SP | FunctionDistance, Field(discriminator="kind")]


class NoAdaptation(Strict):
    """Source and target are taken to come from one distribution."""

    kind: Literal["none"] = "none"


class Pretrain(Strict):
    """f_s = argmin R(f, D_s): a backbone from source data."""

    type: Literal["pretrain"]
    dataset: str
    method: Method
    name: str | None = Field(None, min_length=1, max_length=200)
    backbone: str | None = None
    image_size: int | None = Field(None, ge=8, le=1024)
    init: str = RANDOM
    training: Training = Training()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.method.kind == "simclr" and self.training.batch_size < 2:
            raise ValueError(
                "training: SimCLR needs the other images of a batch as negatives; batch_size must be 2 or more"
            )
        rates = SCRATCH_RATE if self.init == RANDOM else FINETUNE_RATE
        complete(self, self.training.filled(DEFAULT_EPOCHS, rates))
        return self

    @property
    def learns_labels(self) -> bool:
        """Whether the model will tell the dataset's classes apart."""
        return self.method.kind == "supervised"


class Finetune(Strict):
    """f_t = argmin R(f, D_t) + strength * distance(f, f_s), with a new output layer."""

    type: Literal["finetune"]
    dataset: str
    name: str | None = Field(None, min_length=1, max_length=200)
    init: str = RANDOM
    backbone: str | None = None
    image_size: int | None = Field(None, ge=8, le=1024)
    trainable: Literal["all", "head", "head_then_all"] = "all"
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
        if self.trainable == "head" and self.penalty.kind != "none":
            raise ValueError("penalty: with trainable 'head' the shared weights do not move, there is nothing to hold")
        if self.trainable == "head_then_all" and self.training.epochs == 1:
            raise ValueError("training: head_then_all needs at least 2 epochs")
        head_only = self.trainable == "head"
        rates = HEAD_RATE if head_only else SCRATCH_RATE if self.init == RANDOM else FINETUNE_RATE
        complete(self, self.training.filled(HEAD_EPOCHS if head_only else DEFAULT_EPOCHS, rates))
        return self

    @property
    def learns_labels(self) -> bool:
        """Always: the output layer is for the dataset's classes."""
        return True

    @property
    def head_epochs(self) -> int:
        """How many epochs train the head alone before everything moves (Kumar 2022)."""
        epochs = self.training.epochs or DEFAULT_EPOCHS
        return max(1, round(epochs * HEAD_SHARE)) if self.trainable == "head_then_all" else 0


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
    check_image_size(spec)


def check_image_size(spec: Pretrain | Finetune) -> None:
    """Raise ValueError where the backbone or the method cannot take the image size, once both are known."""
    if spec.backbone is None or spec.image_size is None:
        return
    BACKBONES[spec.backbone].check_size(spec.image_size)
    if isinstance(spec, Pretrain) and isinstance(spec.method, Imputation) and spec.image_size % spec.method.patch_size:
        raise ValueError(f"image_size: patches of {spec.method.patch_size} px do not divide {spec.image_size} px")
