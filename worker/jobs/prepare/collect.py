"""Collects the usable images of an archive into a pack, and the reasons for which the other files are rejected.

Two passes over the archive's directory, for its layout and for the files to decode, and one pass over its images.
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
from worker.errors import JobError
from worker.jobs.prepare.decoding import Decoded, Decoder, Outcome
from worker.jobs.prepare.dedup_index import DedupIndex
from worker.jobs.prepare.layout import TEST, VAL, Layout, Place
from worker.jobs.prepare.pack import PackWriter
from worker.jobs.prepare.splits import UNKNOWN, Ints, assign

OnProgress = Callable[[int, int], None]  # (files done, files in all), after every file; may raise to stop

# Of the same photograph in two splits, keep the one that does not make the metrics look better.
SPLIT_RANK = {TEST: 0, VAL: 1}
REJECTIONS_KEPT, PATH_LENGTH, REASON_LENGTH = 10_000, 1024, 500


@dataclass(frozen=True)
class RejectedFile:
    """A file that is not in the pack, with a stable code."""

    path: str
    code: str
    reason: str


@dataclass
class Collection:
    """The images in the pack and the rejected files. Holds 9 bytes for each image, in the pack's order.

    `rejected`: the first of the `rejections` files that were rejected. `converted`: how many images in the pack were
    converted to upright RGB, by kind of conversion.
    """

    rejected: list[RejectedFile] = field(default_factory=list)
    rejections: int = 0
    duplicates: int = 0
    conflicting: int = 0
    converted: Counter[str] = field(default_factory=Counter)
    file_bytes: int = 0
    pixel_bytes: int = 0
    _classes: dict[str | None, int] = field(default_factory=dict)  # in the order in which they came
    _labels: "array[int]" = field(default_factory=lambda: array("q"))
    _given: "array[int]" = field(default_factory=lambda: array("b"))

    def reject(self, file: RejectedFile) -> None:
        """Count a rejected file, and remember it if it is among the first."""
        self.rejections += 1
        if len(self.rejected) < REJECTIONS_KEPT:
            path = file.path.encode(errors="replace").decode()[:PATH_LENGTH]
            self.rejected.append(RejectedFile(path, file.code, file.reason[:REASON_LENGTH]))

    def append(self, place: Place, outcome: Decoded) -> None:
        """Count an image that was added to the pack."""
        self.pixel_bytes += outcome.pixels.nbytes
        self.converted.update(outcome.converted)
        self._labels.append(self._classes.setdefault(place.label, len(self._classes)))
        self._given.append(UNKNOWN if place.split is None else place.split)

    def __len__(self) -> int:
        """The number of images in the pack."""
        return len(self._labels)

    @property
    def classes(self) -> list[str]:
        """Class names in alphabetical order; a class's number is its index here."""
        return sorted(name for name in self._classes if name is not None)

    def labels(self) -> Ints:
        """(n,) class numbers, -1 without classes."""
        number = {name: i for i, name in enumerate(self.classes)}
        numbers: Ints = np.array([number.get(name or "", -1) for name in self._classes], np.int64)
        return numbers[np.array(self._labels, np.int64)]

    def splits(self) -> Ints:
        """(n,) the split of each image."""
        return assign(np.array(self._given, np.int64), self.labels())

    def counts(self) -> Counter[str]:
        """Images by class."""
        labels = self.labels()
        return Counter(dict(zip(self.classes, np.bincount(labels[labels >= 0]).tolist(), strict=True)))


def collect(archive: ImageArchive, folder: Path, settings: Settings, on_progress: OnProgress) -> Collection:
    """Write the archive's usable images to a pack in `folder`. A bad file is rejected and never stops the others.

    The pack may be empty.

    Raises:
        JobError: more than `max_dataset_bytes` come out of the archive.
    """
    collection = Collection()
    layout = Layout.of(member.filename for _, member in archive.files() if _rejection(member) is None)
    with PackWriter(folder) as writer, DedupIndex(folder / "register.db") as index:
        _index_files(archive, layout, index, collection)
        entries = index.entries()
        members = (archive.directory.entry(entry) for entry in entries)
        with closing(Decoder(archive, settings).outcomes(members)) as outcomes:
            for done, (member, outcome) in enumerate(outcomes, 1):
                on_progress(done, len(entries))
                _add_outcome(collection, layout.place(member.filename), outcome, index, writer)
                if max(collection.file_bytes, collection.pixel_bytes) > settings.max_dataset_bytes:
                    raise too_large(settings)
        writer.finish(collection.labels(), collection.splits())
    return collection


def too_large(settings: Settings) -> JobError:
    """The error for an archive whose files or pixels have more bytes than a dataset may have."""
    return JobError("archive_too_large", f"The zip unpacks to more than {settings.max_dataset_bytes} bytes; split it.")


def _rejection(member: ZipInfo) -> RejectedFile | None:
    """The reason to reject a file by its name, before decoding it."""
    if fault := path_error(member.filename):
        return RejectedFile(member.filename, "unsafe_path", fault)
    if not looks_like_image(member.filename):
        return RejectedFile(member.filename, "not_an_image", "The file's name is not that of an image.")
    return None


def _index_files(archive: ImageArchive, layout: Layout, index: DedupIndex, collection: Collection) -> None:
    """Add the files to decode to the index, ranked among duplicates, and reject the others."""
    for entry, member in archive.files():
        if rejected := _rejection(member):
            collection.reject(rejected)
            continue
        place = layout.place(member.filename)
        if layout.labelled and place.label is None:
            reason = "The image lies outside every class folder, while others lie inside one."
            collection.reject(RejectedFile(place.path, "outside_class_folder", reason))
        else:
            index.add_file(SPLIT_RANK.get(place.split or 0, 2), place.path, entry)


def _add_outcome(collection: Collection, place: Place, outcome: Outcome, index: DedupIndex, writer: PackWriter) -> None:
    """Add one file's outcome to the pack, the duplicates or the rejected files."""
    if not isinstance(outcome, Decoded):
        collection.reject(RejectedFile(place.path, outcome.code, str(outcome)))
        return
    collection.file_bytes += outcome.file_bytes
    if index.add_image(outcome.digest, place.label):
        writer.append(outcome.pixels, place.path, outcome.digest)
        collection.append(place, outcome)
    else:
        collection.duplicates += 1
        collection.conflicting += index.label_of(outcome.digest) != place.label
