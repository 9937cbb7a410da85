"""The job that evaluates a model on a labelled dataset."""

import threading
from typing import Any

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.models.model_card import ModelCard
from app.core.results.evaluation import EvaluateResult
from app.core.specs import Evaluate
from worker.context import Context
from worker.data.datasets import open_labelled
from worker.data.evaluation_set import ALL, EvaluationSet, best_split, compute_metrics, evaluation_set
from worker.data.job_data import resolve_device
from worker.errors import JobError, Stopped
from worker.evaluation.batch_inference import BatchInference, OnProgress
from worker.evaluation.predictions_csv import predictions_csv
from worker.jobs.entry_point import main, parse_spec
from worker.models.initial_weights import load_model
from worker.reporting.progress import Progress
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.runs.plan import MAIN
from worker.training.data.packed import PackedImages
from worker.training.metrics.calibration import calibration_metrics
from worker.training.metrics.error_analysis import find_label_issues, most_confused

SEED = 0  # of the bootstrap


def evaluate(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Evaluate every image of the split; the metrics are the job's result."""
    spec = parse_spec(lease)
    if not isinstance(spec, Evaluate):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for evaluating.")
    model = _model(context, spec.model)
    dataset = open_labelled(context, spec.dataset)
    evaluation = evaluation_set(dataset, model.classes, _split(spec, model, dataset.images))
    network, preprocessing = load_model(context, model)
    on_progress = _progress_callback(context, lease, stop)
    inference = BatchInference(network, preprocessing, resolve_device(context, spec.device), on_progress)
    logits = inference.logits(evaluation.images, evaluation.rows)
    card = ModelCard.read(context.storage.path(storage_keys.model_file(model.id, storage_keys.CARD)))
    metrics = compute_metrics(logits, evaluation, model.classes, SEED)
    metrics["calibration"] = calibration_metrics(logits, evaluation.labels, card.temperature)
    predictions = predictions_csv(logits, evaluation, model.classes, card.temperature)
    JobRecorder(context, lease).predictions(RunPosition(MAIN, 0, 0, {}), predictions)
    result = {
        "model": model.id,
        "dataset": spec.dataset,
        "split": evaluation.split,
        "images": len(evaluation.rows),
        "metrics": metrics,
        "most_confused": most_confused(metrics["confusion_matrix"], model.classes),
        "suspects": [_suspect(one, evaluation, model.classes) for one in find_label_issues(logits, evaluation.labels)],
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
    """The requested split; "auto": the images that neither the model nor its ancestors were trained on."""
    if spec.split != "auto":
        return spec.split
    return best_split(images) if spec.dataset in model.trained_on else ALL


def _progress_callback(context: Context, lease: Lease, stop: threading.Event) -> OnProgress:
    progress = Progress(context, lease)

    def on_progress(done: int, total: int) -> None:
        if stop.is_set():
            raise Stopped
        progress.count(done, total)

    return on_progress


def _suspect(suspect: dict[str, Any], evaluation: EvaluationSet, classes: list[str]) -> dict[str, Any]:
    """An image for which the model is confident of another class than its label: likely a wrong label."""
    return {
        "image": evaluation.names[suspect["row"]],
        "class": classes[suspect["label"]],
        "predicted": classes[suspect["predicted"]],
        "confidence": suspect["confidence"],
        "class_confidence": suspect["label_confidence"],
    }


if __name__ == "__main__":
    main(evaluate)
