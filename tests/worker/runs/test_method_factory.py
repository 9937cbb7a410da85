"""Every kind of spec becomes a method of the training core, and takes a real step."""

from typing import Any, get_args

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from app.core.specs import SPEC, Finetune, Pretrain
from app.core.specs import Method as MethodSpec
from worker.data.class_balance import ClassBalance
from worker.runs.method_factory import METHODS, method
from worker.training.data.batches import LoaderOptions
from worker.training.data.packed import PackedImages
from worker.training.data.paired_batches import PairedBatches
from worker.training.losses.penalties import L2SP, FunctionDistance
from worker.training.methods.base import Method
from worker.training.methods.byol import BYOL
from worker.training.methods.continuation import Continuation
from worker.training.methods.domain_adaptation import DomainAdaptation
from worker.training.methods.imputation import Imputation
from worker.training.methods.selfsupervised import SelfSupervised
from worker.training.methods.simclr import SimCLR
from worker.training.methods.supervised import Supervised
from worker.training.models.backbones import build_backbone
from worker.training.transforms.geometric import Preprocessing

VIEW = Preprocessing(32, 37, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
BALANCE = ClassBalance(4.0, "weights", torch.tensor([0.5, 2.0]))
SPECS: list[dict[str, Any]] = [
    {"type": "pretrain", "method": {"kind": "supervised"}},
    {"type": "pretrain", "method": {"kind": "rotation"}},
    {"type": "pretrain", "method": {"kind": "imputation", "mask": "random", "mask_ratio": 0.5, "patch_size": 8}},
    {"type": "pretrain", "method": {"kind": "imputation", "mask": "center", "mask_ratio": 0.25}},
    {"type": "pretrain", "method": {"kind": "simclr", "denominator": "negatives"}},
    {"type": "pretrain", "method": {"kind": "byol", "hidden_dim": 32}},
    {"type": "pretrain", "init": "mdl_1", "method": {"kind": "supervised"}, "penalty": {"kind": "l2_sp"}},
    {"type": "pretrain", "init": "mdl_1", "method": {"kind": "rotation"}, "penalty": {"kind": "l2_sp"}},
    {"type": "pretrain", "init": "mdl_1", "method": {"kind": "simclr"}, "penalty": {"kind": "function"}},
    {"type": "finetune", "init": "mdl_1"},
    {"type": "finetune", "init": "mdl_1", "penalty": {"kind": "l2_sp"}},
    {"type": "finetune", "init": "mdl_1", "penalty": {"kind": "function", "strength": 2}},
    {"type": "finetune", "init": "mdl_1", "trainable": "head"},
    {"type": "finetune", "init": "mdl_1", "trainable": "head_then_all"},
    {"type": "finetune", "init": "mdl_1", "training": {"mixup": 0.2, "cutmix": 1, "layer_decay": 0.7}},
    {"type": "finetune", "init": "mdl_1", "adapt": {"kind": "none", "source": "ds_2"}},
    {"type": "finetune", "init": "mdl_1", "adapt": {"kind": "coral", "source": "ds_2"}},
    {"type": "finetune", "init": "mdl_1", "adapt": {"kind": "mmd", "source": "ds_2"}, "penalty": {"kind": "l2_sp"}},
    {"type": "finetune", "init": "mdl_1", "adapt": {"kind": "dann", "source": "ds_2", "strength": 0.5}},
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
    spec = spec.over(len(images))
    learner = method(spec, build_backbone("resnet18", 2, 32, seed=0), VIEW, BALANCE)
    feed = LoaderOptions(training=True, batch_size=4, seed=0, workers=0)
    source = learner.batches(images, np.arange(8), feed)
    if isinstance(learner, DomainAdaptation):
        source = PairedBatches(source, learner.unlabelled_batches(images, np.arange(8), feed))
    learner.begin_epoch(0)
    learner.train()
    loss = learner.training_step(next(source.epoch(0, 0)), torch.Generator().manual_seed(0))["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert any(parameter.grad is not None for parameter in learner.parameters())


def test_every_method_of_the_api_is_here() -> None:
    """The registry holds every spec of the union, and SPECS has each kind."""
    asked = [given["method"] for given in SPECS if given["type"] == "pretrain"]
    specs = {type(TypeAdapter(MethodSpec).validate_python(one)) for one in asked}
    assert specs == set(METHODS) == set(get_args(get_args(MethodSpec)[0]))


def test_the_options_arrive() -> None:
    """The method has the options that the spec asks for."""
    asked = {
        "penalty": {"kind": "l2_sp", "strength": 0.3, "head_strength": 0.7},
        "adapt": {"kind": "coral", "source": "ds_2", "strength": 5},
        "training": {"label_smoothing": 0.1, "mixup": 0.2, "layer_decay": 0.7, "augmentation": {"flip": False}},
    }
    spec = SPEC.validate_python({"type": "finetune", "dataset": "ds_1", "init": "mdl_1", **asked})
    assert isinstance(spec, Finetune)
    learner = method(spec.over(8), build_backbone("resnet18", 2, 32, seed=0), VIEW, BALANCE)
    assert isinstance(learner, DomainAdaptation)
    assert isinstance(learner.penalty, L2SP)
    assert (learner.penalty.strength, learner.penalty.head_strength) == (0.3, 0.7)
    assert (learner.label_smoothing, learner.mixup, learner.cutmix, learner.layer_decay) == (0.1, 0.2, 0.0, 0.7)
    assert (learner.flip, learner.alignment.strength) == (0.0, 5.0)
    assert learner.class_weights is not None
    assert learner.class_weights.tolist() == [0.5, 2.0]


@pytest.mark.parametrize(("optimizer", "unit"), [("adamw", 1.0), ("sgd", 0.01)])
def test_a_strength_of_l2_sp_holds_as_much_with_either_optimizer(optimizer: str, unit: float) -> None:
    """SGD's default rate for fine-tuning is a hundred times AdamW's, and the pull is in units of the rate."""
    penalty = {"kind": "l2_sp", "strength": 50, "head_strength": 20}
    training = {"optimizer": optimizer}
    spec = SPEC.validate_python(
        {"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": penalty, "training": training}
    )
    assert isinstance(spec, Finetune)
    learner = method(spec.over(8), build_backbone("squeezenet1_1", 2, 32, seed=0), VIEW, None)
    assert isinstance(learner, Supervised)
    assert learner.penalty.strength == pytest.approx(50 * unit)
    assert learner.penalty.head_strength == pytest.approx(20 * unit)


def pretraining(asked: dict[str, Any]) -> Method:
    training = {"augmentation": {"crop": 0.6}}
    spec = SPEC.validate_python({"type": "pretrain", "dataset": "ds_1", "method": asked, "training": training})
    assert isinstance(spec, Pretrain)
    return method(spec.over(8), build_backbone("resnet18", 1, 32, seed=0), VIEW, None)


def test_the_options_of_simclr_arrive() -> None:
    asked = {"temperature": 0.2, "denominator": "negatives", "projection_dim": 24, "colour_strength": 0.9}
    learner = pretraining({"kind": "simclr", **asked})
    assert isinstance(learner, SimCLR)
    assert (learner.temperature, learner.denominator, learner.colour_strength) == (0.2, "negatives", 0.9)
    assert learner.projection(torch.zeros(1, learner.network.feature_dim)).shape == (1, 24)
    assert learner.crop_scale == (0.6, 1.0)


def test_the_options_of_byol_arrive() -> None:
    asked = {"projection_dim": 24, "hidden_dim": 40, "momentum": 0.9, "colour_strength": 0.2}
    learner = pretraining({"kind": "byol", **asked})
    assert isinstance(learner, BYOL)
    assert (learner.momentum, learner.colour_strength, learner.crop_scale) == (0.9, 0.2, (0.6, 1.0))
    assert learner.projector[0].out_features == 40
    assert learner.eval().predictor(torch.zeros(1, 24)).shape == (1, 24)


def test_the_options_of_imputation_arrive() -> None:
    learner = pretraining({"kind": "imputation", "mask": "center", "mask_ratio": 0.3, "patch_size": 4})
    assert isinstance(learner, Imputation)
    assert (learner.mask, learner.mask_ratio, learner.patch_size) == ("center", 0.3, 4)
    assert learner.crop_scale == (0.6, 1.0)


@pytest.mark.parametrize("kind", ["rotation", "imputation", "simclr", "byol"])
def test_how_the_initial_model_is_treated_arrives(kind: str) -> None:
    asked: dict[str, Any] = {
        "method": {"kind": kind},
        "head_warmup": 0.25,
        "training": {"batch_norm": "frozen", "epochs": 8},
    }
    penalty = {"kind": "l2_sp", "strength": 0.3, "head_strength": 0.7}
    start = {"dataset": "ds_1", "init": "mdl_1", "image_size": 32}
    spec = SPEC.validate_python({"type": "pretrain", **start, "penalty": penalty, **asked})
    assert isinstance(spec, Pretrain)
    learner = method(spec, build_backbone("resnet18", 1, 32, seed=0), VIEW, None)
    assert isinstance(learner, SelfSupervised)
    assert learner.continuation == Continuation("l2_sp", 0.3, 0.7, frozen_norms=True, head_epochs=2)


def test_a_supervised_pretraining_stays_near_too() -> None:
    penalty = {"kind": "function", "strength": 3}
    asked = {"type": "pretrain", "dataset": "ds_1", "init": "mdl_1", "method": {"kind": "supervised"}}
    spec = SPEC.validate_python(asked | {"penalty": penalty})
    assert isinstance(spec, Pretrain)
    learner = method(spec, build_backbone("resnet18", 2, 32, seed=0), VIEW, None)
    assert isinstance(learner, Supervised)
    assert isinstance(learner.penalty, FunctionDistance)
    assert learner.penalty.strength == 3


def test_a_strength_that_is_still_to_be_chosen_is_refused() -> None:
    penalty = {"kind": "function", "strength": "auto"}
    spec = SPEC.validate_python({"type": "finetune", "dataset": "ds_1", "init": "mdl_1", "penalty": penalty})
    assert isinstance(spec, Finetune)
    with pytest.raises(ValueError, match="auto"):
        method(spec, build_backbone("resnet18", 2, 32, seed=0), VIEW, None)
