"""Results of a pre-training and a fine-tuning."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from app.core.results.base import Record
from app.core.results.dataset import ConvertedCounts
from app.core.results.metrics import OPEN, Interval, RunMetrics, ValidationMetrics
from app.core.results.model import ModelInput
from app.core.results.seen_images import SeenImages

ImageSides = Annotated[list[int], Field(min_length=2, max_length=2, description="width and height in pixels")]


class RunSummary(Record):
    """One finished run."""

    metrics: RunMetrics = Field(description="how good the run's weights are")
    seconds: float = Field(description="seconds it took, over all attempts")


class Trial(ValidationMetrics, total=False):
    """A run that was tried, with the validation metrics by which one was chosen."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    run: Required[Annotated[str, Field(description="name of the run")]]
    test_accuracy: Required[
        Annotated[float, Field(description="accuracy on the split that judges, which chose nothing")]
    ]


class RatePoint(Trial):
    """A learning rate that was tried."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    learning_rate: Required[Annotated[float, Field(description="highest learning rate of the run")]]


class RateCurve(Record):
    """The learning rates that a baseline tried, and the one that validation chose."""

    chosen: float = Field(description="the learning rate whose validation metrics were best")
    curve: list[RatePoint] = Field(description="one entry for each rate")


class BaselineSummary(RunSummary):
    """A baseline's run; of several learning rates the chosen one's."""

    learning_rates: RateCurve | None = Field(None, description="null for a baseline with one learning rate")
    accuracies: list[float] = Field(default_factory=list, description="accuracy by seed, of each of its `repeats`")


class SplitImages(TypedDict, total=False):
    """Images by split."""

    train: Annotated[int, Field(description="images of `train`")]
    val: Annotated[int, Field(description="images of `val`")]
    test: Annotated[int, Field(description="images of `test`")]


class RefitSummary(RunSummary):
    """The training of the published model. Its metrics are on `test` images if it was not trained on these."""

    judged_on: SplitImages = Field(description="labelled images that the judged network trained on")
    published_on: SplitImages = Field(description="labelled images that the published network trained on")


class StoredImages(Record):
    """Sizes of the dataset's images as they are stored."""

    smallest: ImageSides = Field(description="the image with the shortest side")
    largest: ImageSides = Field(description="the image with the longest short side")
    enlarged: float = Field(description="share of the images that are smaller than what the network sees, from 0 to 1")


class TrainingInput(ModelInput):
    """Preprocessing of every image, and the sizes of the stored images."""

    stored_images: StoredImages = Field(description="sizes of the images before")
    converted: ConvertedCounts = Field(description="images that were converted to upright RGB, by what they were")


class ClassBalance(Record):
    """Class sizes of the training split, and the remedy for their imbalance."""

    ratio: float = Field(description="images of the largest class / images of the smallest")
    remedy: Literal["none", "weights", "sampling"] = Field(
        description="`weights` in the loss, balanced `sampling`, or `none`"
    )


class Comparison(Record):
    """The job's model beside a baseline, on the same images."""

    difference: float = Field(description="accuracy of the job's model less that of the baseline")
    interval: Interval = Field(
        description="95 % interval of the difference (Tango 1998): it excludes 0 if and only if `p_value` is below 0.05"
    )
    p_value: float | None = Field(
        None,
        description="probability of so large a difference between two networks that are equally good (exact McNemar"
        " test); null where trainings with several seeds are compared, and in jobs of versions that did not compute it",
    )
    seeds: int = Field(
        1,
        description="trainings of either that are compared, each with a seed of its own. With 1 it is two trained"
        " networks that are compared; with more, the interval covers other seeds and other images",
    )


class InitialFeatures(Record):
    """Quality of the initial model's features on the job's classes, before any training."""

    knn_accuracy: float = Field(description="leave-one-out k-nearest-neighbour accuracy on training images")
    chance: float = Field(description="share of the largest class: the accuracy of always guessing it")
    logme: float = Field(description="LogME (You 2021, arXiv 2102.11005); higher is better")
    images: int = Field(description="training images looked at")


class GapImages(Record):
    """Number of images that were compared."""

    source: int = Field(description="images of the domain that the initial model was trained on")
    target: int = Field(description="images of the job")


class DomainGap(Record):
    """Distance of the job's images to those that the initial model was trained on; `reason` if it is unknown."""

    source: str | None = Field(description="id of the dataset on the other side")
    proxy_a_distance: float | None = Field(description="2 * (1 - 2 * error), from 0 (the same) to 2 (Ben-David 2007)")
    error: float | None = Field(description="error of a linear classifier that tells the two domains apart")
    images: GapImages | None = Field(description="images looked at")
    large: bool | None = Field(description="whether the distance is a reason to act")
    advice: str | None = Field(description="what to do about a large gap")
    reason: str | None = Field(description="why the gap is unknown; null where it is known")


class StrengthPoint(Trial):
    """A strength of the penalty that was tried."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    strength: Required[Annotated[float, Field(description="the penalty's weight in the objective")]]


class StrengthCurve(Record):
    """The strengths that `strength: "auto"` tried, and the one that it chose."""

    chosen: float = Field(description="the strength whose validation metrics were best")
    curve: list[StrengthPoint] = Field(description="one entry for each strength")


class TrainingResult(RunSummary):
    """Result of a training."""

    model: str = Field(description="id of the model that the job made")
    input: TrainingInput = Field(description="what the network saw of every image")
    class_balance: ClassBalance | None = Field(None, description="null where no labels were trained on")


class PretrainResult(TrainingResult):
    """Result of a pre-training."""

    baselines: dict[str, RunSummary] = Field(default_factory=dict, description="always empty: a pre-training has none")


class FinetuneResult(TrainingResult):
    """Result of a fine-tuning, with its comparison to the baselines."""

    baselines: dict[str, BaselineSummary] = Field(
        description="each baseline's run, by name: random, head, source_only, target_statistics"
    )
    comparisons: dict[str, Comparison] = Field(description="the job's model beside each baseline, by name")
    seen_images: SeenImages | None = Field(
        None,
        description="images of the evaluation that the initial model, or another dataset of this training, has seen"
        " already; null for none",
    )
    verdict: str = Field(description="whether transfer helped and why, in sentences for people")
    start: InitialFeatures | None = Field(description="of the initial model; null for random weights")
    domain_gap: DomainGap = Field(description="how far the initial model's images are from the job's")
    strength: StrengthCurve | None = Field(description="null unless the penalty's strength was `auto`")
    accuracies: list[float] = Field(
        default_factory=list,
        description="accuracy of the judged training by seed, of each of its `repeats`; `metrics` are of the first",
    )
    refit: RefitSummary | None = Field(
        None,
        description="how the published model was trained on more labels, after the judged network whose figures all"
        " others are; null where the judged network is the published one",
    )
