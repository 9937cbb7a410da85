"""Metrics of an epoch, of a run and of a labelled split. All shares are from 0 to 1; losses are in nats.

The dictionaries are open: a training method may report further loss terms, which are passed on as they are.
"""

from typing import Annotated, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from app.core.results.base import Record

Interval = Annotated[list[float], Field(min_length=2, max_length=2, description="lower and upper limit")]
OPEN = ConfigDict(extra="allow")


class ClassMetrics(Record):
    """One class against all others."""

    class_name: str = Field(alias="class", description="the class's name")
    precision: float = Field(description="share of the images predicted as this class that are of it; 0 for none")
    recall: float = Field(description="share of the class's images that were predicted as it; 0 for none")
    f1: float = Field(description="harmonic mean of precision and recall")
    support: int = Field(description="images of the class in the split")


class Confidence(Record):
    """Agreement of the model's confidence with its accuracy."""

    expected_calibration_error: float = Field(
        description="mean gap between confidence and accuracy over 15 bins (Guo 2017, arXiv 1706.04599), from 0 to 1"
    )
    loss: float = Field(description="mean cross-entropy, in nats")


class Calibration(Record):
    """Temperature scaling (Guo 2017, arXiv 1706.04599), measured on the same images before and after."""

    temperature: float = Field(description="the logits are divided by it before the softmax; 1 changes nothing")
    before: Confidence = Field(description="of the logits as they are")
    after: Confidence = Field(description="of the logits over the temperature")


class EpochMetrics(TypedDict, total=False):
    """Metrics of one epoch: means of the training terms as `train_*`, validation metrics as `val_*`.

    Their selection depends on the method; further `train_*` and `val_*` are possible.
    """

    __pydantic_config__ = OPEN  # type: ignore[misc]

    train_loss: Annotated[float, Field(description="mean of the whole objective over the epoch's training batches")]
    train_risk: Annotated[float, Field(description="its cross-entropy part, in nats")]
    train_penalty: Annotated[
        float,
        Field(
            description="strength * distance to the pre-trained network: a part of the objective with the penalty"
            " `function`; of `l2_sp`, which pulls the weights beside the objective, strength * squared distance"
        ),
    ]
    train_alignment: Annotated[float, Field(description="its part that draws source and target domain together")]
    train_domain_accuracy: Annotated[
        float,
        Field(
            description="share of the training images whose domain the classifier of `dann` recognises, each domain"
            " counted as half; at 0.5 it cannot tell them apart"
        ),
    ]
    train_rotation_accuracy: Annotated[float, Field(description="share of rotations recognised while training")]
    val_loss: Annotated[float, Field(description="the method's loss on the validation split")]
    val_accuracy: Annotated[float, Field(description="share of validation images predicted rightly")]
    val_standard_error: Annotated[float, Field(description="binomial standard error of `val_accuracy`")]
    val_rotation_accuracy: Annotated[float, Field(description="share of rotations recognised in validation images")]
    val_feature_std: Annotated[
        float, Field(description="spread of the unit-length features relative to a healthy one of 1; 0 is a collapse")
    ]
    val_knn_accuracy: Annotated[
        float, Field(description="k-nearest-neighbour accuracy of the features, where the dataset has labels")
    ]


class ValidationMetrics(TypedDict, total=False):
    """Metrics of the validation split at the epoch whose weights were kept; their selection depends on the method."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    loss: Annotated[float, Field(description="the method's loss")]
    accuracy: Annotated[float, Field(description="share of images predicted rightly")]
    standard_error: Annotated[float, Field(description="binomial standard error of `accuracy`")]
    rotation_accuracy: Annotated[float, Field(description="share of rotations recognised")]
    feature_std: Annotated[float, Field(description="spread of the features; 1 is healthy, 0 is a collapse")]
    knn_accuracy: Annotated[float, Field(description="k-nearest-neighbour accuracy of the features")]


# Fields that a classifier's metrics and a run's metrics share: all are there in the former, any may be in the latter.
Dataset = Annotated[str, Field(description="id of the dataset that was evaluated")]
Images = Annotated[int, Field(description="images evaluated")]
Accuracy = Annotated[float, Field(description="share of images predicted rightly")]
AccuracyInterval = Annotated[Interval, Field(description="95 % interval of `accuracy` (Wilson 1927)")]
Top5Accuracy = Annotated[
    float | None, Field(description="share of images whose class is among the five likeliest; null up to 5 classes")
]
MacroF1 = Annotated[float, Field(description="unweighted mean F1 of the classes that have images or predictions")]
RocAuc = Annotated[
    float | None, Field(description="one-vs-rest area under the ROC curve, mean over classes; null for one class")
]
PerClass = Annotated[list[ClassMetrics], Field(description="in the order of the model's classes")]
ConfusionMatrix = Annotated[
    list[list[int]], Field(description="images; row: the true class, column: the predicted one")
]
ExpectedCalibrationError = Annotated[float, Field(description="after temperature scaling, from 0 to 1")]


class ClassificationMetrics(TypedDict):
    """Metrics of a classifier on one labelled split."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    split: Annotated[str, Field(description="the split that was evaluated: test, val, train or all")]
    dataset: Dataset
    images: Images
    loss: Annotated[float, Field(description="mean cross-entropy after temperature scaling, in nats")]
    accuracy: Accuracy
    accuracy_interval: AccuracyInterval
    top5_accuracy: Top5Accuracy
    macro_f1: MacroF1
    roc_auc: RocAuc
    per_class: PerClass
    confusion_matrix: ConfusionMatrix
    expected_calibration_error: ExpectedCalibrationError
    calibration: NotRequired[Annotated[Calibration, Field(description="what the model's temperature does")]]
    best_epoch: NotRequired[Annotated[int, Field(description="the epoch whose weights were kept, from 1")]]
    epochs: NotRequired[Annotated[int, Field(description="epochs trained")]]
    validation: NotRequired[Annotated[ValidationMetrics, Field(description="metrics by which the epoch was chosen")]]


class RunMetrics(TypedDict, total=False):
    """Metrics of one run: of a classifier on the evaluation split, or, without labels, of validation."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    split: Annotated[str, Field(description="the split that was evaluated: test, val or train")]
    dataset: Dataset
    images: Images
    loss: Annotated[
        float,
        Field(
            description="mean cross-entropy after temperature scaling, in nats; of a self-supervised method, its own"
            " loss"
        ),
    ]
    accuracy: Accuracy
    standard_error: Annotated[float, Field(description="binomial standard error of `accuracy`")]
    accuracy_interval: AccuracyInterval
    top5_accuracy: Top5Accuracy
    macro_f1: MacroF1
    roc_auc: RocAuc
    per_class: PerClass
    confusion_matrix: ConfusionMatrix
    expected_calibration_error: ExpectedCalibrationError
    calibration: Annotated[Calibration, Field(description="what the model's temperature does")]
    rotation_accuracy: Annotated[float, Field(description="share of rotations recognised")]
    feature_std: Annotated[float, Field(description="spread of the features; 1 is healthy, 0 is a collapse")]
    knn_accuracy: Annotated[float, Field(description="k-nearest-neighbour accuracy of the features")]
    best_epoch: Annotated[int, Field(description="the epoch whose weights were kept, from 1")]
    epochs: Annotated[int, Field(description="epochs trained")]
    validation: Annotated[ValidationMetrics, Field(description="metrics by which the epoch was chosen")]


class LatestMetrics(EpochMetrics, total=False):
    """Metrics of the newest epoch, and its position in the job."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    run: Annotated[str, Field(description="`main`, a baseline's name, or `strength=<number>`")]
    epoch: Annotated[int, Field(description="epoch of the run, from 1")]
    step: Annotated[int, Field(description="optimizer steps of the run so far")]
