"""Examples of answers about models and aliases."""

from typing import Any

from app.http.response_examples import (
    ALIAS,
    DATASET,
    FINETUNING_JOB,
    IMPORTED_MODEL,
    MODEL,
    PRETRAINED_MODEL,
    PUBLICATION_JOB,
    SOURCE_DATASET,
    listing,
)

METRICS: dict[str, Any] = {
    "split": "test",
    "dataset": DATASET,
    "images": 200,
    "loss": 0.8164,
    "accuracy": 0.72,
    "accuracy_interval": [0.6541, 0.7776],
    "top5_accuracy": None,
    "macro_f1": 0.7144,
    "roc_auc": 0.7863,
    "per_class": [
        {"class": "ship", "precision": 0.8056, "recall": 0.58, "f1": 0.6744, "support": 100},
        {"class": "truck", "precision": 0.6719, "recall": 0.86, "f1": 0.7544, "support": 100},
    ],
    "confusion_matrix": [[58, 42], [14, 86]],
    "expected_calibration_error": 0.1789,
    "calibration": {
        "temperature": 1.0944,
        "before": {"expected_calibration_error": 0.1855, "loss": 0.868},
        "after": {"expected_calibration_error": 0.1789, "loss": 0.8164},
    },
    "best_epoch": 20,
    "epochs": 20,
    "validation": {"loss": 0.3222, "accuracy": 0.85, "standard_error": 0.0908},
}
INPUT: dict[str, Any] = {
    "size": 32,
    "resize": 37,
    "crop": "center",
    "interpolation": "bilinear",
    "channels": "rgb",
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}
FINETUNED = {
    "object": "model",
    "id": MODEL,
    "name": "harbour",
    "status": "ready",
    "backbone": "resnet18",
    "classes": ["ship", "truck"],
    "parent": PRETRAINED_MODEL,
    "job": FINETUNING_JOB,
    "dataset": DATASET,
    "trained_on": [DATASET, SOURCE_DATASET],
    "from_labels": True,
    "error": None,
    "bytes": 44759552,
    "created_at": "2026-11-29T10:29:29.347Z",
    "metrics": METRICS,
    "input": INPUT,
}
IMPORTED = {
    "object": "model",
    "id": IMPORTED_MODEL,
    "name": "pets",
    "status": "preparing",
    "backbone": "mobilenet_v2",
    "classes": ["cat", "dog"],
    "parent": None,
    "job": PUBLICATION_JOB,
    "dataset": None,
    "trained_on": [],
    "from_labels": True,
    "metrics": None,
    "error": None,
    "bytes": 9072456,
    "created_at": "2026-11-29T10:20:35.068Z",
    "input": INPUT | {"size": 224, "resize": 256},
}
MODELS = listing(FINETUNED)
LEADS_TO_MODEL = {"object": "alias", "name": ALIAS, "model": MODEL, "updated_at": "2026-11-29T10:29:29.707Z"}
ALIASES = listing(LEADS_TO_MODEL)
