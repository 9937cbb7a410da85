"""Penalties on the distance of a fine-tuned network to the pre-trained one."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from app.core.specs.base import Strict
from app.core.specs.defaults import FINETUNE_RATE

# Strengths that "auto" tries; 0 is no penalty, so that the curve shows the effect of one. The middle one of l2_sp about
# halves the distance that ImageNet weights move in a fine-tuning on photographs.
STRENGTHS = {"l2_sp": (0.0, 60.0, 200.0, 600.0), "function": (0.0, 0.1, 1.0, 10.0)}

LARGEST = 1e6


def _in_one_message(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Report one error instead of one for each member of the union."""
    try:
        return handler(value)
    except ValidationError as error:
        raise ValueError(f"'strength' must be a number from 0 to {LARGEST:g}, or 'auto'.") from error


Number = Annotated[float, Field(ge=0, le=LARGEST)]
Strength = Annotated[Number | Literal["auto"], WrapValidator(_in_one_message)]


KIND = "selects the penalty"
STRENGTH = (
    "weight of the distance to the pre-trained network in the training loss; 'auto' tries some and keeps the best"
)
PULL = (
    "share of its distance from the pre-trained value that each shared weight gives up in a step, per unit of the"
    " learning rate: 200 at 1e-4 is 2 %; with `sgd`, whose rates are a hundred times as large, per hundred units;"
    " 'auto' tries some and keeps the best"
)


class NoPenaltySpec(Strict):
    """No penalty on the distance to the pre-trained network."""

    kind: Literal["none"] = Field("none", description=KIND)


class L2SPSpec(Strict):
    """A pull of the shared weights to the pre-trained ones, and of the new head to 0, in place of weight decay.

    strength * |w - w_s|^2 + head_strength * |v|^2 (Li 2018, arXiv:1802.01483, equation 2), decoupled from the loss as
    weight decay is in AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101): w -= lr * strength * (w - w_s).
    """

    kind: Literal["l2_sp"] = Field(description=KIND)
    strength: Strength = Field(200.0, description=PULL)
    head_strength: float = Field(
        10.0, ge=0, le=1e6, description="the same for the new output layer, which is pulled towards 0"
    )


class FunctionDistanceSpec(Strict):
    """strength * mean squared distance of the features to those of the pre-trained network on the same batch."""

    kind: Literal["function"] = Field(description=KIND)
    strength: Strength = Field(1.0, description=STRENGTH)


def pull_unit(optimizer: str) -> float:
    """Return what a strength of l2_sp is multiplied by: SGD's learning rates are a hundred times AdamW's."""
    return FINETUNE_RATE["adamw"] / FINETUNE_RATE[optimizer]


Penalty = Annotated[NoPenaltySpec | L2SPSpec | FunctionDistanceSpec, Field(discriminator="kind")]
