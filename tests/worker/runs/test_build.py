"""From a spec to training objects."""

from typing import Any

import pytest

from app.core.specs import Pretrain
from tests.worker.job_runner import SIDE, add_photographs
from worker.context import Context
from worker.runs.build import experiment, material
from worker.runs.plan import MAIN, plan
from worker.training.engine.run import Recipe

TRAINING: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 5,
    "learning_rate": 0.02,
    "weight_decay": 0.3,
    "optimizer": "sgd",
    "warmup": 0.4,
    "ema": 0.6,
    "patience": 7,
    "seed": 8,
}


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_how_to_train_is_what_was_asked_for(context: Context) -> None:
    """None of it is a default, so what is not handed over is missed."""
    small = {"backbone": "resnet18", "image_size": SIDE, "training": {**TRAINING, "device": "cpu"}}
    dataset = add_photographs(context)
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": dataset, "method": {"kind": "rotation"}, **small})
    shared = material(context, spec)
    made = experiment(context, plan(spec, shared.longest)[MAIN], shared, None)
    assert made.recipe == Recipe(**TRAINING, checkpoint_seconds=context.settings.checkpoint_seconds)
