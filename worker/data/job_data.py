"""The data that all runs of one training job share."""

from dataclasses import dataclass, replace

import torch

from app.core.database.tables import Model
from app.core.specs import RANDOM, Finetune, Pretrain
from worker.context import Context
from worker.data.class_balance import ClassBalance, choose_class_balance
from worker.data.datasets import class_names, conversions, open_dataset, open_labelled
from worker.data.evaluation_set import EvaluationSet, best_split, evaluation_set
from worker.data.preprocessing import job_preprocessing
from worker.data.seen_images import count_seen_before
from worker.training.data.packed import PackedImages, without_labels
from worker.training.devices import select_device
from worker.training.transforms.geometric import Preprocessing


@dataclass(frozen=True)
class JobData:
    """Images, classes, preprocessing and device of a job.

    Args:
        images: the images to train on.
        target: the images to adapt to, without labels, whatever their dataset has; None without adaptation.
        classes: the model's classes; empty for a method that uses no labels.
        evaluation: the images to evaluate on; None without classes.
        balance: of the training labels; None without classes.
        preprocessing: of the images.
        device: where the job computes.
        converted: how many of `images` were converted to upright RGB when they were prepared, by kind of conversion.
        from_labels: the initial weights have learnt from labels.
    """

    images: PackedImages
    target: PackedImages | None
    classes: list[str]
    evaluation: EvaluationSet | None
    balance: ClassBalance | None
    preprocessing: Preprocessing
    device: torch.device
    converted: dict[str, int]
    from_labels: bool

    @property
    def known(self) -> PackedImages:
        """The images that the model is for: those of the target of an adaptation, else the job's own."""
        return self.images if self.target is None else self.target

    def epoch_images(self, *splits: str) -> int:
        """The number of images in an epoch over these splits: all of the larger of the two domains."""
        return max(len(images.indices(*splits)) for images in (self.images, self.target) if images is not None)


def load_job_data(context: Context, spec: Pretrain | Finetune) -> JobData:
    """Open a job's datasets and choose its device. Raises ValueError when the device is absent."""
    source = spec.labels_from if isinstance(spec, Finetune) else spec.dataset
    images, names = open_dataset(context, source), class_names(context, source)
    classes = names if spec.learns_labels else []
    initial = _initial_model(context, spec)
    return JobData(
        images,
        without_labels(open_dataset(context, spec.dataset)) if source != spec.dataset else None,
        classes,
        _with_seen(context, spec, _evaluation_set(context, spec, source, classes)) if classes else None,
        _class_balance(spec, images, classes) if classes else None,
        job_preprocessing(spec, initial),
        resolve_device(context, spec.training.device),
        conversions(context, source),
        spec.init != RANDOM and (initial is None or initial.from_labels),
    )


def resolve_device(context: Context, requested: str) -> torch.device:
    """The requested device; the worker's own for "auto". Raises ValueError when it is absent."""
    return select_device(context.settings.device if requested == "auto" else requested)


def _with_seen(context: Context, spec: Pretrain | Finetune, evaluation: EvaluationSet) -> EvaluationSet:
    return replace(evaluation, seen=count_seen_before(context, spec, evaluation))


def _class_balance(spec: Pretrain | Finetune, images: PackedImages, classes: list[str]) -> ClassBalance:
    return choose_class_balance(spec.training, images.labels[images.indices("train")], len(classes))


def _initial_model(context: Context, spec: Pretrain | Finetune) -> Model | None:
    with context.database.reading() as session:
        return None if spec.init == RANDOM else session.get(Model, spec.init)


def _evaluation_set(context: Context, spec: Pretrain | Finetune, source: str, classes: list[str]) -> EvaluationSet:
    """From the job's own dataset if it has labels: the labels of an adaptation's target are used for this alone."""
    dataset = open_labelled(context, spec.dataset if class_names(context, spec.dataset) else source)
    return evaluation_set(dataset, classes, best_split(dataset.images))
