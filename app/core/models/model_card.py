"""`model.json`: properties of a published model that its weights and its graph do not contain."""

from pathlib import Path
from typing import Self

from pydantic import Field

from app.core.results.base import Record
from app.core.results.model import ModelInput


class ModelCard(Record):
    """Properties of a model, written with its graph, and read by the server and by evaluations."""

    backbone: str = Field(description="torchvision's name of the architecture")
    classes: list[str] = Field(description="in the order of the logits; empty for a model without an output layer")
    input: ModelInput = Field(description="the preprocessing of every image")
    features: int = Field(description="length of the feature vector")
    temperature: float = Field(
        1.0, gt=0, description="the logits are divided by it before the softmax (Guo 2017, arXiv:1706.04599)"
    )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card; those of old versions have no temperature.

        Args:
            path: the file.

        Returns:
            The card.

        Raises:
            FileNotFoundError: if the model is not published yet, or is deleted.
            ValidationError: if the file is damaged.
        """
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write the card."""
        path.write_text(self.model_dump_json(indent=2), "utf-8")
