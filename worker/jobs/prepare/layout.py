"""What a path in an archive says of its image: its split and its class.

`<class>/<image>`, `train|val|test/<class>/<image>`, or images without folders; one enclosing folder is looked through.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.files.archive_paths import parts

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


@dataclass(frozen=True)
class Layout:
    """How the folders of one archive are meant.

    `enclosing`: how many folders hold everything, `split`: whether those inside are splits, `labelled`: whether any
    image is in a class.
    """

    enclosing: int
    split: bool
    labelled: bool

    @classmethod
    def of(cls, paths: Iterable[str]) -> "Layout":
        """The layout of an archive that has these images, of which there may be more than memory holds."""
        tops: set[str] = set()
        splits, depths = [True, True], set[int]()
        for path in paths:
            found = parts(path)
            depths.add(len(found))
            if len(tops) < 2:
                tops.add(found[0])
            for enclosing in (0, 1):
                splits[enclosing] &= len(found) > enclosing + 1 and found[enclosing].lower() in SPLIT_FOLDERS
        enclosing = int(_enclose(tops, min(depths, default=0)))
        split = bool(depths) and splits[enclosing]
        return cls(enclosing, split, max(depths, default=0) > enclosing + split + 1)

    def place(self, path: str) -> Place:
        """Where one of the images belongs."""
        folders = parts(path)[self.enclosing : -1]
        where = SPLIT_FOLDERS[folders[0].lower()] if self.split else None
        folders = folders[self.split :]
        return Place(path, where, folders[0] if folders else None)


def _enclose(tops: set[str], shallowest: int) -> bool:
    """Whether the one folder that there is holds folders itself, so that it is neither a class nor a split."""
    return len(tops) == 1 and shallowest > 2 and next(iter(tops)).lower() not in SPLIT_FOLDERS
