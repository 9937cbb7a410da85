"""What holds a fine-tuned network near to the pre-trained one."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from app.core.specs.base import Strict

# What strength "auto" tries; 0 is no penalty at all, so that the curve shows whether one helps.
STRENGTHS = {"l2_sp": (0.0, 0.1, 1.0, 10.0), "function": (0.0, 0.1, 1.0, 10.0)}

LARGEST = 1e6


def _in_one_message(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """One refusal instead of one for each thing that it could have been."""
    try:
        return handler(value)
    except ValidationError as error:
        raise ValueError(f"'strength' must be a number from 0 to {LARGEST:g}, or 'auto'.") from error


Number = Annotated[float, Field(ge=0, le=LARGEST)]
Strength = Annotated[Number | Literal["auto"], WrapValidator(_in_one_message)]


class NoPenaltySpec(Strict):
    """Nothing holds the network to the pre-trained one."""

    kind: Literal["none"] = "none"


class L2SPSpec(Strict):
    """strength * |w - w_s|^2 over the shared weights + head_strength * |v|^2 over the new head (Li 2018, eq. 2)."""

    kind: Literal["l2_sp"]
    strength: Strength = 0.01
    head_strength: float = Field(0.01, ge=0, le=1e6)


class FunctionDistanceSpec(Strict):
    """strength * mean squared distance of the features to those of the pre-trained network on the same batch."""

    kind: Literal["function"]
    strength: Strength = 1.0


Penalty = Annotated[NoPenaltySpec | L2SPSpec | FunctionDistanceSpec, Field(discriminator="kind")]
