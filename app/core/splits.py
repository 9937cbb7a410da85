"""The splits of a dataset. A stored image's split is its index in SPLITS."""

from typing import Literal, get_args

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
