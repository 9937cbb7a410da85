"""What a user should know about a dataset before training on it."""

from worker.prepare.collect import Collection

FEW_IMAGES = 10
IMBALANCE = 10


def warnings(found: Collection) -> list[dict[str, str]]:
    """Each as a stable code and a sentence."""
    counts = found.counts()
    facts = {
        "one_class": len(counts) == 1 and f"All images are in one folder, so there is one class, '{min(counts)}'.",
        "few_images": _few(counts),
        "imbalanced": _imbalanced(counts),
        "conflicting_labels": found.conflicting and f"{found.conflicting} duplicates stood in another class too.",
        "rejections": found.refused and f"{len(found.refused)} files were left out; see the rejections.",
    }
    return [{"code": code, "message": message} for code, message in facts.items() if message]


def _few(counts: dict[str, int]) -> str | None:
    few = sorted(name for name, count in counts.items() if count < FEW_IMAGES)
    return f"Fewer than {FEW_IMAGES} images: {', '.join(few[:10])}." if few else None


def _imbalanced(counts: dict[str, int]) -> str | None:
    if not counts or max(counts.values()) < IMBALANCE * min(counts.values()):
        return None
    return f"The largest class has over {IMBALANCE} times the images of the smallest."
