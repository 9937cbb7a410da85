"""The job that evaluates a model on a labelled dataset."""

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.models.model_card import ModelCard
from app.core.results.evaluation import EvaluateResult
from app.core.specs import AUTO, Evaluate
from worker.context import Context
from worker.data.datasets import open_labelled
from worker.data.evaluation_set import (
    ALL,
    EvaluationSet,
    LabelledDataset,
    best_split,
    compute_metrics,
    evaluation_set,
)
from worker.data.job_data import resolve_device
from worker.data.seen_images import seen_by
from worker.errors import JobError, Stopped
from worker.evaluation.batch_inference import BatchInference, OnProgress
from worker.evaluation.predictions_csv import predictions_csv
from worker.evaluation.suspects import infer_and_judge
from worker.evaluation.suspects_csv import suspects_csv
from worker.jobs.entry_point import main, parse_spec
from worker.models.initial_weights import load_model
from worker.reporting.progress import Progress
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.runs.plan import MAIN
from worker.training.data.packed import PackedImages
from worker.training.metrics.calibration import calibration_metrics
from worker.training.metrics.error_analysis import most_confused
from worker.training.metrics.label_issues import LabelJudgement

SURE, MOST_SUSPECTS = 0.5, 25


def evaluate(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Evaluate every image of the split; the metrics are the job's result."""
    spec = parse_spec(lease)
    if not isinstance(spec, Evaluate):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for evaluating.")
    model = _model(context, spec.model)
    dataset = open_labelled(context, spec.dataset)
    requested = evaluation_set(dataset, model.classes, _split(spec, model, dataset.images))
    seen = seen_by(context, model, spec.dataset, requested.rows)
    evaluation = _without_seen(requested, seen) if spec.split == AUTO else requested
    network, preprocessing = load_model(context, model)
    on_progress = _progress_callback(context, lease, stop)
    inference = BatchInference(network, preprocessing, resolve_device(context, spec.device), on_progress)
    card = ModelCard.read(context.storage.path(storage_keys.model_file(model.id, storage_keys.CARD)))
    logits, judged = infer_and_judge(context, model, dataset, evaluation, inference, card.temperature)
    calibrated = logits / card.temperature  # every confidence in the result is that of a prediction
    metrics = compute_metrics(calibrated, evaluation, model.classes)
    metrics["calibration"] = calibration_metrics(logits, evaluation.labels, card.temperature)
    predictions = predictions_csv(logits, evaluation, model.classes, card.temperature)
    recorder, position = JobRecorder(context, lease), RunPosition(MAIN, 0, 0, {})
    recorder.predictions(position, predictions)
    recorder.suspects(position, suspects_csv(judged, dataset.names, model.classes))
    result = {
        "model": model.id,
        "dataset": spec.dataset,
        "split": evaluation.split,
        "images": len(evaluation.rows),
        "seen_images": _seen_images(spec, int(seen.sum()), len(seen)),
        "metrics": metrics,
        "most_confused": most_confused(metrics["confusion_matrix"], model.classes),
        "suspects": _suspects(judged, dataset, evaluation, model.classes),
    }
    with context.database.writing() as session:
        leases.fence(session, lease)
        leases.succeed(session, lease, EvaluateResult.model_validate(result))


def _model(context: Context, model_id: str) -> Model:
    with context.database.reading() as session:
        model = session.get(Model, model_id)
    if model is None:
        raise JobError("model_not_found", f"The model '{model_id}' has been deleted.")
    return model


def _split(spec: Evaluate, model: Model, images: PackedImages) -> str:
    """The requested split; "auto": the best one of a dataset of the model's lineage, all of any other."""
    if spec.split != AUTO:
        return spec.split
    return best_split(images) if spec.dataset in model.trained_on else ALL


def _without_seen(evaluation: EvaluationSet, seen: npt.NDArray[np.bool_]) -> EvaluationSet:
    if seen.all():
        message = (
            f"The model, or one that it came from, was trained on all {len(seen)} images or chosen by them, so none of"
            " them can judge it. Evaluate on other images, or ask for a split by name, such as 'all'."
        )
        raise JobError("all_images_seen", message)
    return evaluation.without(seen)


def _seen_images(spec: Evaluate, seen: int, of: int) -> dict[str, Any] | None:
    if not seen:
        return None
    learnt = "the model, or one that it came from, was trained on them or chosen by them"
    if spec.split == AUTO:
        return {"images": seen, "message": f"{seen} of {of} images were left out: {learnt}."}
    message = f"{seen} of these {of} images are not new: {learnt}. The figures are better than on new images."
    return {"images": seen, "message": message}


def _progress_callback(context: Context, lease: Lease, stop: threading.Event) -> OnProgress:
    progress = Progress(context, lease)

    def on_progress(done: int, total: int) -> None:
        if stop.is_set():
            raise Stopped
        progress.count(done, total)

    return on_progress


def _suspects(
    judged: list[LabelJudgement], dataset: LabelledDataset, evaluation: EvaluationSet, classes: list[str]
) -> list[dict[str, Any]]:
    """The evaluated images for which another class is more probable than all others together."""
    evaluated = set(evaluation.rows.tolist())
    return [
        {
            "image": dataset.names[one.row],
            "class": classes[one.label],
            "predicted": classes[one.suggestion],
            "confidence": one.confidence,
            "class_confidence": one.label_confidence,
        }
        for one in judged
        if one.row in evaluated and one.confidence > SURE
    ][:MOST_SUSPECTS]


if __name__ == "__main__":
    main(evaluate)
