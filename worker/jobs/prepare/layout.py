"""Derives an image's split and class from its path in the archive.

`<class>/<image>`, `train|val|test/<class>/<image>`, or images without folders; one enclosing folder is ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.files.archive_paths import parts
from app.core.splits import SPLITS

TRAIN, VAL, TEST = range(len(SPLITS))
SPLIT_FOLDERS = {name: split for split, name in enumerate(SPLITS)} | {"valid": VAL, "validation": VAL}


@dataclass(frozen=True, slots=True)
class Place:
    """An image's path, split and class.

    `split` is None if the archive has no split folders, `label` is None for an image without a class folder.
    """

    path: str
    split: int | None
    label: str | None


@dataclass(frozen=True)
class Layout:
    """The meaning of an archive's folder levels.

    `enclosing`: number of folders around everything, `split`: whether the next level are splits, `labelled`: whether
    any image is in a class folder.
    """

    enclosing: int
    split: bool
    labelled: bool

    @classmethod
    def of(cls, paths: Iterable[str]) -> "Layout":
        """Infer the layout from the paths of all images, in one pass and without keeping them."""
        tops: set[str] = set()
        splits, depths = [True, True], set[int]()
        for path in paths:
            found = parts(path)
            depths.add(len(found))
            if len(tops) < 2:
                tops.add(found[0])
            for enclosing in (0, 1):
                splits[enclosing] &= len(found) > enclosing + 1 and found[enclosing].lower() in SPLIT_FOLDERS
        enclosing = int(_has_enclosing_folder(tops, min(depths, default=0)))
        split = bool(depths) and splits[enclosing]
        return cls(enclosing, split, max(depths, default=0) > enclosing + split + 1)

    def place(self, path: str) -> Place:
        """The place of one of the images."""
        folders = parts(path)[self.enclosing : -1]
        where = SPLIT_FOLDERS[folders[0].lower()] if self.split else None
        folders = folders[self.split :]
        return Place(path, where, folders[0] if folders else None)


def _has_enclosing_folder(tops: set[str], shallowest: int) -> bool:
    """Whether the only top folder contains folders itself, so that it is neither a class nor a split."""
    return len(tops) == 1 and shallowest > 2 and next(iter(tops)).lower() not in SPLIT_FOLDERS
