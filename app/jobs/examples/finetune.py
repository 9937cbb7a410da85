"""A fine-tuning, in the queue and done."""

from typing import Any

from app.http.response_examples import DATASET, FINETUNING_JOB, MODEL, PRETRAINED_MODEL, SOURCE_DATASET
from app.models.response_examples import INPUT, METRICS

TRAINING: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 32,
    "learning_rate": 0.0001,
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "warmup": 0.05,
    "label_smoothing": 0.0,
    "layer_decay": 1.0,
    "mixup": 0.0,
    "cutmix": 0.0,
    "ema": 0.0,
    "batch_norm": "frozen",
    "patience": None,
    "class_balance": "auto",
    "augmentation": {"crop": 0.35, "flip": True},
    "seed": 0,
    "device": "auto",
}

# Images of 32 pixels are enlarged to 37, then cropped.
IMAGES = {"stored_images": {"smallest": [32, 32], "largest": [32, 32], "enlarged": 1.0}, "converted": {}}

HEAD = {
    "metrics": {
        "split": "test",
        "dataset": DATASET,
        "images": 200,
        "loss": 0.6174,
        "accuracy": 0.745,
        "accuracy_interval": [0.6804, 0.8004],
        "top5_accuracy": None,
        "macro_f1": 0.741,
        "roc_auc": 0.8233,
        "per_class": [
            {"class": "ship", "precision": 0.8267, "recall": 0.62, "f1": 0.7086, "support": 100},
            {"class": "truck", "precision": 0.696, "recall": 0.87, "f1": 0.7733, "support": 100},
        ],
        "confusion_matrix": [[62, 38], [13, 87]],
        "expected_calibration_error": 0.1351,
        "calibration": {
            "temperature": 1.1365,
            "before": {"expected_calibration_error": 0.1295, "loss": 0.6576},
            "after": {"expected_calibration_error": 0.1351, "loss": 0.6174},
        },
        "best_epoch": 100,
        "epochs": 100,
        "validation": {"loss": 0.3676, "accuracy": 0.8, "standard_error": 0.0968},
    },
    "seconds": 6.64,
}

RANDOM = {
    "metrics": {
        "split": "test",
        "dataset": DATASET,
        "images": 200,
        "loss": 0.6537,
        "accuracy": 0.665,
        "accuracy_interval": [0.597, 0.7268],
        "top5_accuracy": None,
        "macro_f1": 0.6649,
        "roc_auc": 0.6994,
        "per_class": [
            {"class": "ship", "precision": 0.6701, "recall": 0.65, "f1": 0.6599, "support": 100},
            {"class": "truck", "precision": 0.6602, "recall": 0.68, "f1": 0.67, "support": 100},
        ],
        "confusion_matrix": [[65, 35], [32, 68]],
        "expected_calibration_error": 0.0714,
        "calibration": {
            "temperature": 4.0387,
            "before": {"expected_calibration_error": 0.1799, "loss": 1.024},
            "after": {"expected_calibration_error": 0.0714, "loss": 0.6537},
        },
        "best_epoch": 20,
        "epochs": 20,
        "validation": {"loss": 1.482, "accuracy": 0.65, "standard_error": 0.1083},
    },
    "seconds": 27.19,
}

FINETUNED: dict[str, Any] = {
    "object": "job",
    "id": FINETUNING_JOB,
    "type": "finetune",
    "name": "harbour",
    "status": "succeeded",
    "queue_position": None,
    "progress": {"epoch": 20, "epochs": 20, "step": 280, "steps": 280, "fraction": 1.0, "eta_seconds": 0.0},
    "metrics": {
        "run": "random",
        "epoch": 20,
        "step": 40,
        "train_loss": 0.3585,
        "train_risk": 0.3585,
        "train_penalty": 0.0,
        "val_loss": 1.482,
        "val_accuracy": 0.65,
        "val_standard_error": 0.1083,
    },
    "error": None,
    "attempts": 1,
    "pause_requested": False,
    "created_at": "2026-11-29T10:28:10.616Z",
    "started_at": "2026-11-29T10:28:10.751Z",
    "finished_at": "2026-11-29T10:29:29.353Z",
    "spec": {
        "type": "finetune",
        "name": "harbour",
        "dataset": DATASET,
        "init": PRETRAINED_MODEL,
        "backbone": "resnet18",
        "image_size": 32,
        "trainable": "head_then_all",
        "penalty": {"kind": "l2_sp", "strength": 200.0, "head_strength": 10.0},
        "adapt": {"kind": "none", "source": None},
        "baselines": ["random"],
        "random_epochs": 20,
        "refit": "none",
        "repeats": 1,
        "training": TRAINING,
    },
    "result": {
        "metrics": METRICS,
        "seconds": 33.21,
        "model": MODEL,
        "input": INPUT | IMAGES,
        "class_balance": {"ratio": 1.0, "remedy": "none"},
        "baselines": {"head": HEAD, "random": RANDOM},
        "comparisons": {
            "head": {"difference": -0.025, "interval": [-0.0823, 0.0309], "p_value": 0.4731},
            "random": {"difference": 0.055, "interval": [-0.0111, 0.1223], "p_value": 0.1352},
        },
        "seen_images": None,
        "verdict": "Training the whole network made no certain difference: 0.720 against 0.745 for a new output layer "
        "alone on the same start on the same 200 images (difference of these two trained networks -0.025, 95 % "
        "interval -0.082 to +0.031, p = 0.473). "
        "Transfer made no certain difference: 0.720 against 0.665 for the same training from random weights "
        "on the same 200 images (difference of these two trained networks +0.055, 95 % interval -0.011 to +0.122, "
        "p = 0.135). Before any training the "
        "start's features already told these classes apart: the nearest images were of the same class for 82%"
        " of the training images (the largest class alone: 50%).",
        "start": {"knn_accuracy": 0.825, "chance": 0.5, "logme": -0.5889, "images": 40},
        "domain_gap": {
            "source": SOURCE_DATASET,
            "proxy_a_distance": 0.9,
            "error": 0.275,
            "images": {"source": 300, "target": 40},
            "large": False,
            "advice": None,
            "reason": None,
        },
        "strength": None,
    },
}

QUEUED = FINETUNED | {
    "status": "queued",
    "queue_position": 1,
    "progress": None,
    "metrics": None,
    "attempts": 0,
    "started_at": None,
    "finished_at": None,
    "result": None,
}
