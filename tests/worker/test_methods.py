"""Every kind of spec becomes a method of the training core, and takes a real step."""

from typing import Any

import numpy as np
import pytest
import torch

from app.core.specs import SPEC, Finetune, Pretrain
from worker.methods import PRETRAINING, method
from worker.training.augment import View
from worker.training.backbones import build
from worker.training.batches import Feed
from worker.training.data import PackedImages

VIEW = View(32, 37, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
SPECS: list[dict[str, Any]] = [
    {"type": "pretrain", "method": {"kind": "supervised"}},
    {"type": "pretrain", "method": {"kind": "rotation"}},
    {"type": "pretrain", "method": {"kind": "imputation", "mask": "random", "mask_ratio": 0.5, "patch_size": 8}},
    {"type": "pretrain", "method": {"kind": "imputation", "mask": "center", "mask_ratio": 0.25}},
    {"type": "pretrain", "method": {"kind": "simclr", "denominator": "negatives"}},
    {"type": "finetune", "init": "mdl_1"},
    {"type": "finetune", "init": "mdl_1", "penalty": {"kind": "l2_sp"}},
    {"type": "finetune", "init": "mdl_1", "penalty": {"kind": "function", "strength": 2}},
    {"type": "finetune", "init": "mdl_1", "trainable": "head"},
    {"type": "finetune", "init": "mdl_1", "trainable": "head_then_all"},
]


@pytest.fixture(scope="module")
def images() -> PackedImages:
    pixels = np.random.default_rng(0).integers(0, 256, 8 * 32 * 32 * 3, dtype=np.uint8)
    side = np.full(8, 32, np.int32)
    labels = np.arange(8) % 2
    return PackedImages(pixels, np.arange(8) * 3072, side, side, labels, np.zeros(8, np.int8))


@pytest.mark.parametrize("given", SPECS, ids=str)
def test_every_spec_steps(given: dict[str, Any], images: PackedImages) -> None:
    spec = SPEC.validate_python({"dataset": "ds_1", **given})
    assert isinstance(spec, Pretrain | Finetune)
    learner = method(spec, build("resnet18", 2, 32, seed=0), VIEW)
    source = learner.batches(images, np.arange(8), Feed(training=True, batch_size=4, seed=0, workers=0))
    learner.begin_epoch(0)
    learner.train()
    loss = learner.training_step(next(source.epoch(0, 0)), torch.Generator().manual_seed(0))["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert any(parameter.grad is not None for parameter in learner.parameters())


def test_every_method_of_the_api_is_here() -> None:
    kinds = {given["method"]["kind"] for given in SPECS if given["type"] == "pretrain"}
    assert kinds == set(PRETRAINING)


def test_head_then_all_trains_the_head_first() -> None:
    spec = SPEC.validate_python(
        {
            "type": "finetune",
            "dataset": "ds_1",
            "init": "mdl_1",
            "trainable": "head_then_all",
            "training": {"epochs": 9},
        }
    )
    assert isinstance(spec, Finetune)
    assert spec.head_epochs == 3
