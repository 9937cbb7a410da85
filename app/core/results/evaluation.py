"""Results of an evaluation and a ranking."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from app.core.results.base import Record
from app.core.results.metrics import ClassificationMetrics
from app.core.results.seen_images import SeenImages
from app.core.splits import Split


class Confusion(Record):
    """Two classes that the model confuses."""

    class_name: str = Field(alias="class", description="the true class")
    predicted: str = Field(description="the class that was predicted instead")
    images: int = Field(description="how many images")
    share: float = Field(description="share of the true class's images, from 0 to 1")


class Suspect(Record):
    """An image whose label is likely wrong: another class is more probable than all the rest together, out of fold."""

    image: str = Field(description="the image's path in the dataset's archive")
    class_name: str = Field(alias="class", description="the class that its folder says")
    predicted: str = Field(description="the class that classifiers predict which have not seen the label")
    confidence: float = Field(description="probability of the predicted class, by these classifiers")
    class_confidence: float = Field(description="probability of the class that its folder says, by these classifiers")


class EvaluateResult(Record):
    """Quality of a model on a labelled dataset."""

    model: str = Field(description="id of the model")
    dataset: str = Field(description="id of the dataset")
    split: Split | Literal["all"] = Field(description="the split that was evaluated")
    images: int = Field(description="images evaluated")
    seen_images: SeenImages | None = Field(
        None,
        description="images that the model, or one that it came from, was trained on or chosen by: left out where the"
        " split is `auto`, else evaluated with the others; null for none",
    )
    metrics: ClassificationMetrics = Field(description="all metrics")
    most_confused: list[Confusion] = Field(description="pairs of classes, the most images first")
    suspects: list[Suspect] = Field(
        description="evaluated images whose label is likely wrong, the surest first; the artifact `suspects.csv` has"
        " all images of the dataset"
    )


class CandidateError(Record):
    """Reason why a candidate could not be ranked."""

    code: str = Field(description="stable")
    message: str = Field(description="one sentence for people")


class RankedCandidate(TypedDict):
    """A candidate and the quality of its features on the dataset; `error` if it could not be loaded."""

    rank: Annotated[int, Field(description="from 1, the best")]
    model: Annotated[str, Field(description="the candidate: a model's id or torchvision's name of weights")]
    backbone: NotRequired[Annotated[str, Field(description="its architecture")]]
    logme: NotRequired[Annotated[float, Field(description="LogME (You 2021, arXiv 2102.11005); higher is better")]]
    knn_accuracy: NotRequired[
        Annotated[float, Field(description="leave-one-out k-nearest-neighbour accuracy of its features")]
    ]
    images: NotRequired[Annotated[int, Field(description="training images looked at")]]
    seen_images: NotRequired[
        Annotated[
            SeenImages | None,
            Field(description="of these, images that the candidate has been trained on or chosen by; null for none"),
        ]
    ]
    error: NotRequired[Annotated[CandidateError, Field(description="why it could not be ranked")]]


class RankResult(Record):
    """Candidates for the initial model of a fine-tuning on the dataset, the best first."""

    dataset: str = Field(description="id of the dataset")
    chance: float = Field(
        description="the share of the largest class among the training images: the accuracy of always guessing it"
    )
    ranking: list[RankedCandidate] = Field(description="the best candidate first; those with an error last")
