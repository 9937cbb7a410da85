"""Warnings about a dataset, for the user to read before training on it."""

from collections import Counter
from typing import Any

from app.core.database.tables import CONVERTED
from worker.jobs.prepare.collect import Collection

FEW_IMAGES = 10
IMBALANCE = 10
CONVERSION_TEXT = {
    "grey": "grey",
    "palette": "with a palette",
    "cmyk": "CMYK",
    "sixteen_bit": "of more than 8 bits, which were scaled",
    "colour_space": "of another colour space",
    "transparency": "transparent, which were laid on white",
    "turned": "turned upright as their EXIF says",
}


def warnings(collection: Collection) -> list[dict[str, Any]]:
    """Each warning has a stable code and a sentence; that about conversions also has their counts."""
    counts = collection.counts()
    facts = {
        "one_class": len(counts) == 1 and f"All images are in one folder, so there is one class, '{min(counts)}'.",
        "few_images": _few_images(counts),
        "imbalanced": _imbalanced(counts),
        "conflicting_labels": collection.conflicting
        and f"{collection.conflicting} duplicates are in another class too.",
        "rejections": collection.rejections and f"{collection.rejections} files were left out; see the rejections.",
    }
    result: list[dict[str, Any]] = [{"code": code, "message": message} for code, message in facts.items() if message]
    return result + _conversion_warnings(collection.converted)


def _conversion_warnings(counts: Counter[str]) -> list[dict[str, Any]]:
    if not counts:
        return []
    listed = ", ".join(f"{counts[kind]} {words}" for kind, words in CONVERSION_TEXT.items() if counts[kind])
    return [
        {"code": CONVERTED, "message": f"All images are upright RGB now; there were {listed}.", "images": dict(counts)}
    ]


def _few_images(counts: dict[str, int]) -> str | None:
    few = sorted(name for name, count in counts.items() if count < FEW_IMAGES)
    return f"Fewer than {FEW_IMAGES} images: {', '.join(few[:10])}." if few else None


def _imbalanced(counts: dict[str, int]) -> str | None:
    if not counts or max(counts.values()) < IMBALANCE * min(counts.values()):
        return None
    return f"The largest class has over {IMBALANCE} times the images of the smallest."
