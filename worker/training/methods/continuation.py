"""Options of a pre-training that continues from trained weights and must not destroy what these know."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Continuation:
    """How a method without labels treats the network that it starts from; the default is for random weights.

    Attributes:
        penalty: a key of PENALTIES, on the distance to the network at the time of construction.
        strength: factor on the penalty's distance.
        head_strength: factor on the squared norm of the method's new layers, for penalties that have such a term.
        frozen_norms: batch norm uses the initial network's statistics, in training too.
        head_epochs: in the first epochs only the method's new layers train, so that the gradients of random ones do not
            distort the features (Kumar et al. 2022, arXiv:2202.10054, shows this for fine-tuning).

    Raises:
        ValueError: if head_epochs is negative.
    """

    penalty: str = "none"
    strength: float = 0.0
    head_strength: float = 0.0
    frozen_norms: bool = False
    head_epochs: int = 0

    def __post_init__(self) -> None:
        if self.head_epochs < 0:
            raise ValueError(f"the epochs of the new layers alone cannot be negative: {self.head_epochs}")
