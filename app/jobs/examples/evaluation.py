"""An evaluation and a ranking."""

from typing import Any

from app.http.response_examples import DATASET, EVALUATION_JOB, MODEL, PRETRAINED_MODEL, RANKING_JOB, WEIGHTS
from app.models.response_examples import METRICS

# What a training says of a classifier beyond an evaluation.
OF_TRAINING = ("best_epoch", "epochs", "validation")

EVALUATED: dict[str, Any] = {
    "object": "job",
    "id": EVALUATION_JOB,
    "type": "evaluate",
    "name": None,
    "status": "succeeded",
    "queue_position": None,
    "progress": {"epoch": None, "epochs": None, "step": 200, "steps": 200, "fraction": 1.0, "eta_seconds": None},
    "metrics": None,
    "error": None,
    "attempts": 1,
    "pause_requested": False,
    "created_at": "2026-11-29T10:29:29.939Z",
    "started_at": "2026-11-29T10:29:30.003Z",
    "finished_at": "2026-11-29T10:29:31.040Z",
    "spec": {"type": "evaluate", "name": None, "model": MODEL, "dataset": DATASET, "split": "auto", "device": "auto"},
    "result": {
        "model": MODEL,
        "dataset": DATASET,
        "split": "test",
        "images": 200,
        "seen_images": None,
        "most_confused": [
            {"class": "ship", "predicted": "truck", "images": 42, "share": 0.42},
            {"class": "truck", "predicted": "ship", "images": 14, "share": 0.14},
        ],
        "suspects": [
            {
                "image": "test/ship/0631.jpg",
                "class": "ship",
                "predicted": "truck",
                "confidence": 0.9996,
                "class_confidence": 0.0004,
            },
            {
                "image": "test/ship/0972.jpg",
                "class": "ship",
                "predicted": "truck",
                "confidence": 0.9994,
                "class_confidence": 0.0006,
            },
        ],
        "metrics": {name: value for name, value in METRICS.items() if name not in OF_TRAINING},
    },
}

RANKED: dict[str, Any] = {
    "object": "job",
    "id": RANKING_JOB,
    "type": "rank",
    "name": None,
    "status": "succeeded",
    "queue_position": None,
    "progress": {"epoch": None, "epochs": None, "step": 2, "steps": 2, "fraction": 1.0, "eta_seconds": 0.0},
    "metrics": None,
    "error": None,
    "attempts": 1,
    "pause_requested": False,
    "created_at": "2026-11-29T10:29:31.129Z",
    "started_at": "2026-11-29T10:29:31.158Z",
    "finished_at": "2026-11-29T10:29:33.887Z",
    "spec": {
        "type": "rank",
        "name": None,
        "dataset": DATASET,
        "candidates": [PRETRAINED_MODEL, WEIGHTS],
        "device": "auto",
    },
    "result": {
        "dataset": DATASET,
        "chance": 0.5,
        "ranking": [
            {
                "rank": 1,
                "model": WEIGHTS,
                "backbone": "mobilenet_v2",
                "logme": -0.4829,
                "knn_accuracy": 0.9,
                "images": 40,
                "seen_images": None,
            },
            {
                "rank": 2,
                "model": PRETRAINED_MODEL,
                "backbone": "resnet18",
                "logme": -0.5889,
                "knn_accuracy": 0.825,
                "images": 40,
                "seen_images": None,
            },
        ],
    },
}
