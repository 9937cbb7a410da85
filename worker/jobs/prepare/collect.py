"""From an archive to a pack: which images are in, which are out and why.

Two walks over the archive's directory, for its layout and for what is to be decoded, and one over its images.
"""

from array import array
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipInfo

import numpy as np

from app.core.files.archive_paths import looks_like_image, path_error
from app.core.files.archives import ImageArchive
from app.core.settings import Settings
from worker.jobs.entry_point import JobError
from worker.jobs.prepare.decoding import Decoded, Decoder, Outcome
from worker.jobs.prepare.dedup_index import Register
from worker.jobs.prepare.layout import TEST, VAL, Layout, Place
from worker.jobs.prepare.pack import PackWriter
from worker.jobs.prepare.splits import UNKNOWN, Ints, assign

Tick = Callable[[int, int], None]  # (files seen, files in all): told after every file; may raise to stop

# Where the same photograph is in two splits, the one kept is the one that does not make the figures look better.
KEEP_FIRST = {TEST: 0, VAL: 1}
REFUSALS_KEPT, PATH_LENGTH, REASON_LENGTH = 10_000, 1024, 500


@dataclass(frozen=True)
class Refused:
    """A file that was left out."""

    path: str
    code: str
    reason: str


@dataclass
class Collection:
    """What was found in an archive; 9 bytes for each image in the pack, in its order, and the names of the classes.

    `refused`: the first of the `refusals` files that were left out. `converted`: how many of the images in the pack
    were made upright RGB from what.
    """

    refused: list[Refused] = field(default_factory=list)
    refusals: int = 0
    duplicates: int = 0
    conflicting: int = 0
    converted: Counter[str] = field(default_factory=Counter)
    file_bytes: int = 0
    pixel_bytes: int = 0
    _classes: dict[str | None, int] = field(default_factory=dict)  # in the order in which they came
    _labels: "array[int]" = field(default_factory=lambda: array("q"))
    _given: "array[int]" = field(default_factory=lambda: array("b"))

    def refuse(self, refused: Refused) -> None:
        """Leave a file out."""
        self.refusals += 1
        if len(self.refused) < REFUSALS_KEPT:
            path = refused.path.encode(errors="replace").decode()[:PATH_LENGTH]
            self.refused.append(Refused(path, refused.code, refused.reason[:REASON_LENGTH]))

    def append(self, place: Place, outcome: Decoded) -> None:
        """Count one image that is in the pack."""
        self.pixel_bytes += outcome.pixels.nbytes
        self.converted.update(outcome.converted)
        self._labels.append(self._classes.setdefault(place.label, len(self._classes)))
        self._given.append(UNKNOWN if place.split is None else place.split)

    def __len__(self) -> int:
        """How many images are in the pack."""
        return len(self._labels)

    @property
    def classes(self) -> list[str]:
        """Class names in alphabetical order; a class's number is its place here."""
        return sorted(name for name in self._classes if name is not None)

    def numbers(self) -> Ints:
        """(n,) class numbers, -1 without classes."""
        number = {name: i for i, name in enumerate(self.classes)}
        numbers: Ints = np.array([number.get(name or "", -1) for name in self._classes], np.int64)
        return numbers[np.array(self._labels, np.int64)]

    def splits(self) -> Ints:
        """(n,) every image's split."""
        return assign(np.array(self._given, np.int64), self.numbers())

    def counts(self) -> Counter[str]:
        """Images by class."""
        numbers = self.numbers()
        return Counter(dict(zip(self.classes, np.bincount(numbers[numbers >= 0]).tolist(), strict=True)))


def collect(archive: ImageArchive, folder: Path, settings: Settings, tick: Tick) -> Collection:
    """Write the archive's usable images to a pack in `folder`. One bad file is refused; it never stops the others.

    There may be no usable image at all. Raises JobError when more than `max_dataset_bytes` come out of the archive.
    """
    found = Collection()
    layout = Layout.of(member.filename for _, member in archive.files() if _refusal(member) is None)
    with PackWriter(folder) as writer, Register(folder / "register.db") as register:
        _expect(archive, layout, register, found)
        expected = register.expected()
        members = (archive.directory.entry(entry) for entry in expected)
        with closing(Decoder(archive, settings).outcomes(members)) as outcomes:
            for seen, (member, outcome) in enumerate(outcomes, 1):
                tick(seen, len(expected))
                _enter(found, layout.place(member.filename), outcome, register, writer)
                if max(found.file_bytes, found.pixel_bytes) > settings.max_dataset_bytes:
                    raise too_large(settings)
        writer.finish(found.numbers(), found.splits())
    return found


def too_large(settings: Settings) -> JobError:
    """More comes out of the archive, as files or as pixels, than a dataset may have."""
    return JobError("archive_too_large", f"More than {settings.max_dataset_bytes} bytes come out of the zip.")


def _refusal(member: ZipInfo) -> Refused | None:
    """Why a file is not worth decoding, as far as its name says."""
    if fault := path_error(member.filename):
        return Refused(member.filename, "unsafe_path", fault)
    if not looks_like_image(member.filename):
        return Refused(member.filename, "not_an_image", "The file's name is not that of an image.")
    return None


def _expect(archive: ImageArchive, layout: Layout, register: Register, found: Collection) -> None:
    """Register the files worth decoding, in the order in which duplicates are kept, and refuse the others."""
    for entry, member in archive.files():
        if refusal := _refusal(member):
            found.refuse(refusal)
            continue
        place = layout.place(member.filename)
        if layout.labelled and place.label is None:
            reason = "The image lies outside every class folder, while others lie inside one."
            found.refuse(Refused(place.path, "outside_class_folder", reason))
        else:
            register.expect(KEEP_FIRST.get(place.split or 0, 2), place.path, entry)


def _enter(found: Collection, place: Place, outcome: Outcome, register: Register, writer: PackWriter) -> None:
    """Take one file's outcome in: to the pack, to the duplicates, or to the refused."""
    if not isinstance(outcome, Decoded):
        found.refuse(Refused(place.path, outcome.code, str(outcome)))
        return
    found.file_bytes += outcome.file_bytes
    if register.is_new(outcome.digest, place.label):
        writer.append(outcome.pixels, place.path)
        found.append(place, outcome)
    else:
        found.duplicates += 1
        found.conflicting += register.label_of(outcome.digest) != place.label
