"""Examples of `POST /v1/jobs` for the OpenAPI document."""

from fastapi.openapi.models import Example

from app.http.response_examples import (
    ALIAS,
    DATASET,
    MODEL,
    OTHER_DATASET,
    PRETRAINED_MODEL,
    SOURCE_DATASET,
    WEIGHTS,
)

EXAMPLES: dict[str, Example] = {
    "pretrain": {
        "summary": "A backbone from unlabelled images",
        "value": {
            "type": "pretrain",
            "dataset": SOURCE_DATASET,
            "backbone": "resnet18",
            "image_size": 64,
            "method": {"kind": "simclr"},
            "training": {"epochs": 20},
        },
    },
    "finetune": {
        "summary": "Held near to the pre-trained weights, beside the same training from random weights",
        "value": {
            "type": "finetune",
            "name": "harbour",
            "dataset": DATASET,
            "init": PRETRAINED_MODEL,
            "penalty": {"kind": "l2_sp", "strength": 200},
            "baselines": ["random"],
            "training": {"epochs": 20},
        },
    },
    "strength": {
        "summary": "The strength that validation images ask for, from published weights, beside two yardsticks",
        "value": {
            "type": "finetune",
            "dataset": DATASET,
            "init": WEIGHTS,
            "penalty": {"kind": "l2_sp", "strength": "auto"},
            "baselines": ["random", "head"],
        },
    },
    "adapt": {
        "summary": "Labels from one domain (source), for images of another (dataset)",
        "value": {
            "type": "finetune",
            "dataset": OTHER_DATASET,
            "init": PRETRAINED_MODEL,
            "adapt": {"kind": "coral", "source": DATASET},
            "baselines": ["source_only"],
        },
    },
    "evaluate": {
        "summary": "How good is a model on a labelled dataset?",
        "value": {"type": "evaluate", "model": MODEL, "dataset": DATASET, "split": "auto"},
    },
    "rank": {
        "summary": "What should a fine-tuning on this dataset start from?",
        "value": {
            "type": "rank",
            "dataset": DATASET,
            "candidates": [PRETRAINED_MODEL, ALIAS, WEIGHTS],
        },
    },
}
