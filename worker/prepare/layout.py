"""What a path in an archive says of its image: its split and its class.

`<class>/<image>`, `train|val|test/<class>/<image>`, or images without folders; one enclosing folder is looked through.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.core.member_names import parts

TRAIN, VAL, TEST = 0, 1, 2
SPLIT_FOLDERS = {"train": TRAIN, "val": VAL, "test": TEST, "valid": VAL, "validation": VAL}


@dataclass(frozen=True, slots=True)
class Place:
    """One image's place.

    `split` is None where the archive does not say, `label` is None for an image without a class folder.
    """

    path: str
    split: int | None
    label: str | None


def places(paths: Sequence[str]) -> list[Place]:
    """The place of each path, in the same order."""
    parted = [parts(path) for path in paths]
    skip = _enclosing(parted)
    split = all(len(p) > skip + 1 and p[skip].lower() in SPLIT_FOLDERS for p in parted)
    return [_place(path, p[skip:], split) for path, p in zip(paths, parted, strict=True)]


def _enclosing(parts: list[tuple[str, ...]]) -> int:
    """1 when one folder holds everything and has folders itself, so that it is neither a class nor a split."""
    tops = {p[0] for p in parts}
    inside = min(len(p) for p in parts) > 2
    return int(len(tops) == 1 and inside and next(iter(tops)).lower() not in SPLIT_FOLDERS)


def _place(path: str, parts: tuple[str, ...], split: bool) -> Place:
    folders = parts[:-1]
    where = SPLIT_FOLDERS[folders[0].lower()] if split else None
    folders = folders[1:] if split else folders
    return Place(path, where, folders[0] if folders else None)
