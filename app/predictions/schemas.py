"""What the API says of images. Each has its own result, in the order in which they came, or an `error`."""

from typing import Literal

from pydantic import BaseModel

from app.http.answers import Trouble


class Failure(BaseModel):
    """What is wrong with one image; the others are answered all the same."""

    error: Trouble


class Guess(BaseModel):
    """A class and how probable it is."""

    label: str
    probability: float


class Prediction(BaseModel):
    """The most probable class, and the `top` ones."""

    label: str
    confidence: float
    top: list[Guess]


class Embedding(BaseModel):
    """The network's features of an image."""

    embedding: list[float]


class PredictionAnswer(BaseModel):
    """`model` is the id, also where an alias was asked."""

    object: Literal["prediction"] = "prediction"
    model: str
    results: list[Prediction | Failure]


class EmbeddingAnswer(BaseModel):
    """`model` is the id, also where an alias was asked."""

    object: Literal["embedding"] = "embedding"
    model: str
    results: list[Embedding | Failure]
