"""What there is about a job, in pages; and jobs by type."""

import json

from app.http.response_examples import FINETUNING_JOB, listing
from app.jobs.examples.evaluation import EVALUATED, RANKED
from app.jobs.examples.finetune import FINETUNED
from app.jobs.examples.pretrain import PRETRAINED

JOBS = listing(FINETUNED)
BY_TYPE = {"finetune": FINETUNED, "pretrain": PRETRAINED, "evaluate": EVALUATED, "rank": RANKED}

EVENTS = listing(
    {"object": "event", "id": 1, "type": "queued", "created_at": "2026-11-29T10:28:10.624Z", "data": {}},
    {
        "object": "event",
        "id": 2,
        "type": "started",
        "created_at": "2026-11-29T10:28:10.758Z",
        "data": {"attempt": 1, "owner": "gpu-1:2744"},
    },
    {
        "object": "event",
        "id": 3,
        "type": "run_started",
        "created_at": "2026-11-29T10:28:12.771Z",
        "data": {"run": "head", "epochs": 100},
    },
    {
        "object": "event",
        "id": 4,
        "type": "epoch",
        "created_at": "2026-11-29T10:28:12.864Z",
        "data": {
            "run": "head",
            "epoch": 1,
            "step": 2,
            "train_loss": 0.6727,
            "val_loss": 0.6606,
            "val_accuracy": 0.45,
            "val_standard_error": 0.1114,
        },
    },
    next_="WzRd",
)
METRICS = listing(
    {
        "object": "metric",
        "run": "main",
        "epoch": 1,
        "step": 2,
        "train_loss": 0.2957,
        "train_risk": 0.2868,
        "train_penalty": 0.0089,
        "val_loss": 0.5118,
        "val_accuracy": 0.75,
        "val_standard_error": 0.1016,
    },
    {
        "object": "metric",
        "run": "main",
        "epoch": 2,
        "step": 4,
        "train_loss": 0.2834,
        "train_risk": 0.2741,
        "train_penalty": 0.0094,
        "val_loss": 0.7798,
        "val_accuracy": 0.65,
        "val_standard_error": 0.1083,
    },
    next_="WyJtYWluIiwgNF0",
)
CHECKPOINTS = listing(
    {
        "object": "checkpoint",
        "number": 5,
        "run": "random",
        "epoch": 13,
        "step": 26,
        "bytes": 223735040,
        "created_at": "2026-11-29T10:29:11.267Z",
        "metrics": {
            "train_loss": 0.274,
            "train_risk": 0.274,
            "train_penalty": 0.0,
            "val_loss": 2.8149,
            "val_accuracy": 0.7,
            "val_standard_error": 0.1054,
        },
    },
    {
        "object": "checkpoint",
        "number": 6,
        "run": "random",
        "epoch": 20,
        "step": 40,
        "bytes": 223735040,
        "created_at": "2026-11-29T10:29:19.163Z",
        "metrics": {
            "train_loss": 0.3585,
            "train_risk": 0.3585,
            "train_penalty": 0.0,
            "val_loss": 1.482,
            "val_accuracy": 0.65,
            "val_standard_error": 0.1083,
        },
    },
)
ARTIFACTS = listing(
    {
        "object": "artifact",
        "name": "head.csv",
        "media_type": "text/csv; charset=utf-8",
        "bytes": 7558,
        "run": "head",
        "epoch": 100,
        "created_at": "2026-11-29T10:28:19.387Z",
        "url": f"/v1/jobs/{FINETUNING_JOB}/artifacts/head.csv",
    },
    {
        "object": "artifact",
        "name": "main.csv",
        "media_type": "text/csv; charset=utf-8",
        "bytes": 7561,
        "run": "main",
        "epoch": 20,
        "created_at": "2026-11-29T10:28:52.926Z",
        "url": f"/v1/jobs/{FINETUNING_JOB}/artifacts/main.csv",
    },
    {
        "object": "artifact",
        "name": "suspects.csv",
        "media_type": "text/csv; charset=utf-8",
        "bytes": 24120,
        "run": "main",
        "epoch": 0,
        "created_at": "2026-11-29T10:28:15.104Z",
        "url": f"/v1/jobs/{FINETUNING_JOB}/artifacts/suspects.csv",
    },
)

EVENT_STREAM = (
    "".join(f"id: {event['id']}\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS["data"])
    + f"event: progress\ndata: {json.dumps(FINETUNED['progress'])}\n\n"
)
