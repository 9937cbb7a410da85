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


class NoPenaltySpec(Strict):
    """No penalty on the distance to the pre-trained network."""

    kind: Literal["none"] = "none"


class L2SPSpec(Strict):
    """strength * |w - w_s|^2 over the shared weights + head_strength * |v|^2 over the new head.

    Li 2018 (arXiv:1802.01483, equation 2).
    """

    kind: Literal["l2_sp"]
    strength: Strength = 0.01
    head_strength: float = Field(0.01, ge=0, le=1e6)


class FunctionDistanceSpec(Strict):
    """strength * mean squared distance of the features to those of the pre-trained network on the same batch."""

    kind: Literal["function"]
    strength: Strength = 1.0


Penalty = Annotated[NoPenaltySpec | L2SPSpec | FunctionDistanceSpec, Field(discriminator="kind")]
