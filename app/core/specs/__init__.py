"""Job specs, checked field by field. Every default that a user can see is defined here and nowhere else."""

from app.core.specs.adaptation import Adaptation, CORALSpec, DANNSpec, MMDSpec, NoAdaptationSpec
from app.core.specs.base import AUTO, RANDOM, AskedSpec, JobSpec
from app.core.specs.defaults import (
    ADAPTING_RATE,
    FINETUNE_RATE,
    HEAD_EPOCHS,
    HEAD_RATE,
    PRETRAINED_IMAGE_SIZE,
    SCRATCH_RATE,
    UNLABELLED_RATE,
)
from app.core.specs.evaluation import MAX_CANDIDATES, Evaluate, Rank
from app.core.specs.finetune import HEAD, REFIT, SOURCE_ONLY, TARGET_STATISTICS, Finetune
from app.core.specs.internal import Prepare, Publish
from app.core.specs.job_types import ASKED_SPEC, ASKED_UNION, JOB_TYPES, LANES, SPEC, USER_TYPES
from app.core.specs.methods import BYOLSpec, ImputationSpec, Method, RotationSpec, SimCLRSpec, SupervisedSpec
from app.core.specs.penalties import STRENGTHS, FunctionDistanceSpec, L2SPSpec, NoPenaltySpec, Penalty, pull_unit
from app.core.specs.pretrain import Pretrain
from app.core.specs.training_job import WEIGHTS_NAME, TrainingJobSpec
from app.core.specs.training_options import Augmentation, Training

__all__ = [
    "ADAPTING_RATE",
    "ASKED_SPEC",
    "ASKED_UNION",
    "AUTO",
    "FINETUNE_RATE",
    "HEAD",
    "HEAD_EPOCHS",
    "HEAD_RATE",
    "JOB_TYPES",
    "LANES",
    "MAX_CANDIDATES",
    "PRETRAINED_IMAGE_SIZE",
    "RANDOM",
    "REFIT",
    "SCRATCH_RATE",
    "SOURCE_ONLY",
    "SPEC",
    "STRENGTHS",
    "TARGET_STATISTICS",
    "UNLABELLED_RATE",
    "USER_TYPES",
    "WEIGHTS_NAME",
    "Adaptation",
    "AskedSpec",
    "Augmentation",
    "BYOLSpec",
    "CORALSpec",
    "DANNSpec",
    "Evaluate",
    "Finetune",
    "FunctionDistanceSpec",
    "ImputationSpec",
    "JobSpec",
    "L2SPSpec",
    "MMDSpec",
    "Method",
    "NoAdaptationSpec",
    "NoPenaltySpec",
    "Penalty",
    "Prepare",
    "Pretrain",
    "Publish",
    "Rank",
    "RotationSpec",
    "SimCLRSpec",
    "SupervisedSpec",
    "Training",
    "TrainingJobSpec",
    "pull_unit",
]
