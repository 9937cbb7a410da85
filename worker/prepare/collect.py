"""From an archive to a pack: which images are in, which are out and why, in one pass."""

import zipfile
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.core.archives import files
from app.core.member_names import fault_of, looks_like_image
from app.core.settings import Settings
from worker.child import JobError
from worker.prepare.decoding import Decoded, Decoder, Outcome
from worker.prepare.layout import TEST, VAL, Place, places
from worker.prepare.pack import PackWriter
from worker.prepare.splits import UNKNOWN, Ints, assign

Tick = Callable[[int, int], None]  # (files seen, files in all): told after every file; may raise to stop

# Where the same photograph is in two splits, the one kept is the one that does not make the figures look better.
KEEP_FIRST = {TEST: 0, VAL: 1}


@dataclass(frozen=True)
class Refused:
    """A file that was left out."""

    path: str
    code: str
    reason: str


@dataclass
class Collection:
    """What was found in an archive. `labels` (class names, or None) and `paths` are in the order of the pack.

    `converted`: how many of the images in the pack were made upright RGB from what.
    """

    labels: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    duplicates: int = 0
    conflicting: int = 0
    converted: Counter[str] = field(default_factory=Counter)
    file_bytes: int = 0
    pixel_bytes: int = 0
    _first: dict[bytes, str | None] = field(default_factory=dict)

    def enter(self, place: Place, outcome: Outcome, writer: PackWriter) -> None:
        """Take one file's outcome in: to the pack, to the duplicates, or to the refused."""
        if not isinstance(outcome, Decoded):
            self.refused.append(Refused(place.path, outcome.code, str(outcome)))
            return
        self.file_bytes += outcome.file_bytes
        if outcome.digest in self._first:
            self.duplicates += 1
            self.conflicting += self._first[outcome.digest] != place.label
            return
        self._first[outcome.digest] = place.label
        self.pixel_bytes += outcome.pixels.nbytes
        self.converted.update(outcome.converted)
        writer.append(outcome.pixels)
        self.labels.append(place.label)
        self.paths.append(place.path)
        self.given.append(UNKNOWN if place.split is None else place.split)

    @property
    def classes(self) -> list[str]:
        """Class names in alphabetical order; a class's number is its place here."""
        return sorted({label for label in self.labels if label is not None})

    def numbers(self) -> Ints:
        """(n,) class numbers, -1 without classes."""
        number = {name: i for i, name in enumerate(self.classes)}
        return np.array([-1 if label is None else number[label] for label in self.labels], dtype=np.int64)

    def splits(self) -> Ints:
        """(n,) every image's split."""
        return assign(np.array(self.given, dtype=np.int64), self.numbers())

    def counts(self) -> Counter[str]:
        """Images by class."""
        return Counter(label for label in self.labels if label is not None)


def collect(archive: zipfile.ZipFile, folder: Path, settings: Settings, tick: Tick) -> Collection:
    """Write the archive's usable images to a pack in `folder`. One bad file is refused; it never stops the others.

    There may be no usable image at all. Raises JobError when more than `max_dataset_bytes` come out of the archive.
    """
    found = Collection()
    candidates = _candidates(archive, found)
    outcomes = Decoder(archive, settings).outcomes(member for member, _ in candidates)
    with PackWriter(folder) as writer, closing(outcomes):
        for seen, ((_, place), outcome) in enumerate(zip(candidates, outcomes, strict=True), 1):
            tick(seen, len(candidates))
            found.enter(place, outcome, writer)
            if max(found.file_bytes, found.pixel_bytes) > settings.max_dataset_bytes:
                raise too_large(settings)
        writer.index(found.numbers(), found.splits())
        writer.names(found.paths)
    return found


def too_large(settings: Settings) -> JobError:
    """More comes out of the archive, as files or as pixels, than a dataset may have."""
    return JobError("archive_too_large", f"More than {settings.max_dataset_bytes} bytes come out of the zip.")


def _candidates(archive: zipfile.ZipFile, found: Collection) -> list[tuple[zipfile.ZipInfo, Place]]:
    """The members worth decoding, with their places, in the order in which duplicates are kept."""
    members = []
    for member in files(archive):
        if fault := fault_of(member.filename):
            found.refused.append(Refused(member.filename, "unsafe_path", fault))
        elif not looks_like_image(member.filename):
            found.refused.append(Refused(member.filename, "not_an_image", "The file's name is not that of an image."))
        else:
            members.append(member)
    if not members:
        return []
    placed = list(zip(members, places([member.filename for member in members]), strict=True))
    if any(place.label is not None for _, place in placed):
        reason = "The image lies outside every class folder, while others lie inside one."
        found.refused += [Refused(p.path, "outside_class_folder", reason) for _, p in placed if p.label is None]
        placed = [(member, place) for member, place in placed if place.label is not None]
    return sorted(placed, key=lambda pair: (KEEP_FIRST.get(pair[1].split or 0, 2), pair[1].path))
