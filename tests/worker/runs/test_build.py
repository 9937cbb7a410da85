"""From a spec to training objects."""

from typing import Any

import pytest

from app.core.specs import Pretrain
from tests.worker.job_runner import SIDE, add_dataset
from worker.context import Context
from worker.data.job_data import load_job_data
from worker.runs.build import build_experiment
from worker.runs.plan import MAIN, Facts, plan
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
    dataset = add_dataset(context)
    spec = Pretrain.model_validate({"type": "pretrain", "dataset": dataset, "method": {"kind": "rotation"}, **small})
    data = load_job_data(context, spec)
    experiment = build_experiment(context, plan(spec, Facts(data.epoch_images("train")))[MAIN], data, None)
    assert experiment.recipe == Recipe(**TRAINING, checkpoint_seconds=context.settings.checkpoint_seconds)
