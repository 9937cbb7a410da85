"""Penalties on the distance of a fine-tuned network to the pre-trained one."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from app.core.specs.base import Strict

# Strengths that "auto" tries; 0 is no penalty, so that the curve shows the effect of one.
STRENGTHS = {"l2_sp": (0.0, 0.1, 1.0, 10.0), "function": (0.0, 0.1, 1.0, 10.0)}

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


class NoPenaltySpec(Strict):
    """No penalty on the distance to the pre-trained network."""

    kind: Literal["none"] = Field("none", description=KIND)


class L2SPSpec(Strict):
    """strength * |w - w_s|^2 over the shared weights + head_strength * |v|^2 over the new head.

    Li 2018 (arXiv:1802.01483, equation 2).
    """

    kind: Literal["l2_sp"] = Field(description=KIND)
    strength: Strength = Field(0.01, description=STRENGTH)
    head_strength: float = Field(
        0.01, ge=0, le=1e6, description="weight of the squared norm of the new output layer in the training loss"
    )


class FunctionDistanceSpec(Strict):
    """strength * mean squared distance of the features to those of the pre-trained network on the same batch."""

    kind: Literal["function"] = Field(description=KIND)
    strength: Strength = Field(1.0, description=STRENGTH)


Penalty = Annotated[NoPenaltySpec | L2SPSpec | FunctionDistanceSpec, Field(discriminator="kind")]
