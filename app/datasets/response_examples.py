"""Examples of answers about datasets."""

from typing import Any

from app.http.response_examples import DATASET, PREPARATION_JOB, listing

READY: dict[str, Any] = {
    "object": "dataset",
    "id": DATASET,
    "name": "harbour",
    "status": "ready",
    "job": PREPARATION_JOB,
    "images": 260,
    "labelled": True,
    "classes": [{"name": "ship", "count": 130}, {"name": "truck", "count": 130}],
    "splits": {"train": 40, "val": 20, "test": 200},
    "rejected": 2,
    "duplicates": 1,
    "warnings": [{"code": "rejections", "message": "2 files were left out; see the rejections."}],
    "error": None,
    "sha256": "cf11be11739e2fd7db7e82d5e5b2fa0ec51d4e7174cc618e2a0e9655beecdbb6",
    "bytes": 271732,
    "created_at": "2026-11-29T10:20:21.556Z",
}
FOUND_BY_PREPARING = ("images", "labelled", "classes", "splits", "rejected", "duplicates", "warnings")
PREPARING = READY | {"status": "preparing"} | dict.fromkeys(FOUND_BY_PREPARING)
LIST = listing(READY)
REJECTIONS = listing(
    {
        "object": "rejection",
        "path": "README.txt",
        "code": "not_an_image",
        "reason": "The file's name is not that of an image.",
    },
    {
        "object": "rejection",
        "path": "train/truck/cut.jpg",
        "code": "image_damaged",
        "reason": "The image cannot be decoded: Truncated File Read",
    },
)
