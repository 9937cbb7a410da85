"""What a job is asked to do, checked field by field. Every default that a user can see lives here and nowhere else."""

from app.core.specs.adaptation import DANN, MMD, Adaptation, Coral, NoAdaptation
from app.core.specs.base import AUTO, RANDOM, AskedSpec, JobSpec
from app.core.specs.evaluation import MAX_CANDIDATES, Evaluate, Rank
from app.core.specs.finetune import HEAD, SOURCE_ONLY, Finetune
from app.core.specs.internal import Prepare, Publish
from app.core.specs.job_types import ASKED_SPEC, ASKED_UNION, JOB_TYPES, LANES, SPEC, USER_TYPES
from app.core.specs.methods import Imputation, Method, Rotation, SimCLR, Supervised
from app.core.specs.penalties import L2SP, STRENGTHS, FunctionDistance, NoPenalty, Penalty
from app.core.specs.pretrain import Pretrain
from app.core.specs.training_job import PRETRAINED_IMAGE_SIZE, WEIGHTS_NAME, Learning
from app.core.specs.training_options import (
    ADAPTING_RATE,
    FINETUNE_RATE,
    HEAD_EPOCHS,
    HEAD_RATE,
    SCRATCH_RATE,
    UNLABELLED_RATE,
    Augmentation,
    Training,
)

__all__ = [
    "ADAPTING_RATE",
    "ASKED_SPEC",
    "ASKED_UNION",
    "AUTO",
    "DANN",
    "FINETUNE_RATE",
    "HEAD",
    "HEAD_EPOCHS",
    "HEAD_RATE",
    "JOB_TYPES",
    "L2SP",
    "LANES",
    "MAX_CANDIDATES",
    "MMD",
    "PRETRAINED_IMAGE_SIZE",
    "RANDOM",
    "SCRATCH_RATE",
    "SOURCE_ONLY",
    "SPEC",
    "STRENGTHS",
    "UNLABELLED_RATE",
    "USER_TYPES",
    "WEIGHTS_NAME",
    "Adaptation",
    "AskedSpec",
    "Augmentation",
    "Coral",
    "Evaluate",
    "Finetune",
    "FunctionDistance",
    "Imputation",
    "JobSpec",
    "Learning",
    "Method",
    "NoAdaptation",
    "NoPenalty",
    "Penalty",
    "Prepare",
    "Pretrain",
    "Publish",
    "Rank",
    "Rotation",
    "SimCLR",
    "Supervised",
    "Training",
]
