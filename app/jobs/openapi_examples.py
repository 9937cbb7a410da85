"""Examples of `POST /v1/jobs` for the OpenAPI document."""

from fastapi.openapi.models import Example

EXAMPLES: dict[str, Example] = {
    "pretrain": {
        "summary": "A backbone from unlabelled images",
        "value": {
            "type": "pretrain",
            "dataset": "ds_1",
            "backbone": "resnet18",
            "image_size": 64,
            "method": {"kind": "simclr", "temperature": 0.5, "denominator": "all"},
            "training": {"epochs": 10, "batch_size": 64},
        },
    },
    "finetune": {
        "summary": "Held near to the pre-trained weights, as much as validation data ask for, beside two yardsticks",
        "value": {
            "type": "finetune",
            "dataset": "ds_2",
            "init": "mdl_1",
            "penalty": {"kind": "l2_sp", "strength": "auto"},
            "baselines": ["random", "head"],
        },
    },
    "adapt": {
        "summary": "Labels from one domain (source), for images of another (dataset)",
        "value": {
            "type": "finetune",
            "dataset": "ds_3",
            "init": "mdl_1",
            "adapt": {"kind": "coral", "source": "ds_2"},
            "baselines": ["source_only"],
        },
    },
    "evaluate": {
        "summary": "How good is a model on a labelled dataset?",
        "value": {"type": "evaluate", "model": "mdl_2", "dataset": "ds_3", "split": "auto"},
    },
    "rank": {
        "summary": "What should a fine-tuning on this dataset start from?",
        "value": {
            "type": "rank",
            "dataset": "ds_2",
            "candidates": ["mdl_1", "best", "MobileNet_V2_Weights.IMAGENET1K_V1"],
        },
    },
}
