"""Predictions and embeddings: one result per image, in the order of the request, or an `error`."""

from typing import Literal

from pydantic import BaseModel, Field

from app.http.responses import OBJECT, ErrorDetail, ResponseModel


class Failure(BaseModel):
    """The error of one image; the others are answered all the same."""

    error: ErrorDetail = Field(description="why this image has no result")


class Guess(BaseModel):
    """A class and how probable it is."""

    label: str = Field(description="the class")
    probability: float = Field(description="from 0 to 1")


class Prediction(BaseModel):
    """The most probable class, and the `top` ones."""

    label: str = Field(description="the most probable class")
    confidence: float = Field(
        description="The probability of `label`: the softmax of the logits over the model's temperature, which is"
        " fitted on validation images, so that of the answers with confidence 0.8 about 80 % are right."
        " Imported weights have temperature 1."
    )
    top: list[Guess] = Field(description="the most probable classes, the likeliest first")
    unfamiliar: float | None = Field(
        description="How little the image resembles those that the model was trained on, from 0 to 1: the share of"
        " known images that are nearer to the training images than this one is. Near 1, the confidence says little."
        " null where the model does not know, such as with imported weights."
    )


class Embedding(BaseModel):
    """The network's features of an image."""

    embedding: list[float] = Field(description="one number for each feature of the network")


class PredictionResponse(ResponseModel):
    """`model` is the id, also where an alias was asked."""

    object: Literal["prediction"] = Field("prediction", description=OBJECT)
    model: str = Field(description="the model's id, also where an alias was asked")
    results: list[Prediction | Failure] = Field(description="one for each image, in their order")


class EmbeddingResponse(ResponseModel):
    """`model` is the id, also where an alias was asked."""

    object: Literal["embedding"] = Field("embedding", description=OBJECT)
    model: str = Field(description="the model's id, also where an alias was asked")
    results: list[Embedding | Failure] = Field(description="one for each image, in their order")
