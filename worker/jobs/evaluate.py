"""The child process that evaluates a model on a labelled dataset."""

import json
import threading
from collections.abc import Callable
from typing import Any

from app.core.database.tables import Model
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.specs import Evaluate
from worker.context import Context
from worker.data.evaluation_set import ALL, Exam, best_split, exam, marks
from worker.evaluation.batch_inference import Observer
from worker.evaluation.predictions_csv import table
from worker.jobs.entry_point import JobError, Stopped, main, spec_of
from worker.models.initial_weights import stored
from worker.reporting.progress import Progress
from worker.reporting.recorder import Journal, Mark
from worker.runs.build import device, questions
from worker.runs.plan import MAIN
from worker.training.data.packed import PackedImages
from worker.training.metrics.calibration import calibration
from worker.training.metrics.error_analysis import most_confused, suspects

SEED = 0  # of the interval's bootstrap


def evaluate(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Every image of the split once; the figures are the job's result."""
    spec = spec_of(lease)
    if not isinstance(spec, Evaluate):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for evaluating.")
    model = _model(context, spec.model)
    asked = questions(context, spec.dataset)
    paper = exam(asked, model.classes, _split(context, spec, model, asked.images))
    network, view = stored(context, model)
    observer = Observer(network, view, device(context, spec.device), tick=_tick(context, lease, stop))
    logits = observer.logits(paper.images, paper.rows)
    card = json.loads(context.storage.path(f"models/{model.id}/model.json").read_text("utf-8"))
    metrics = marks(logits, paper, model.classes, SEED)
    metrics["calibration"] = calibration(logits, paper.answers, card["temperature"])
    answers = table(logits, paper, model.classes, card["temperature"])
    Journal(context, lease).answers(Mark(MAIN, 0, 0, {}), answers)
    result = {
        "model": model.id,
        "dataset": spec.dataset,
        "split": paper.split,
        "images": len(paper.rows),
        "metrics": metrics,
        "most_confused": most_confused(metrics["confusion_matrix"], model.classes),
        "suspects": [_suspect(one, paper, model.classes) for one in suspects(logits, paper.answers)],
    }
    with context.database.writing() as session:
        leases.fence(session, lease)
        leases.succeed(session, lease, result)


def _model(context: Context, model_id: str) -> Model:
    with context.database.reading() as session:
        model = session.get(Model, model_id)
    if model is None:
        raise JobError("model_not_found", f"The model '{model_id}' has been deleted.")
    return model


def _split(context: Context, spec: Evaluate, model: Model, images: PackedImages) -> str:
    """What was asked for; "auto": the images that the model and its ancestors were not trained on."""
    if spec.split != "auto":
        return spec.split
    return best_split(images) if spec.dataset in _lineage(context, model) else ALL


def _lineage(context: Context, model: Model) -> set[str]:
    """The datasets that a model and what it came from were trained on."""
    seen, found, parent = {model.id}, {model.dataset}, model.parent
    while parent is not None and parent not in seen:
        seen.add(parent)
        with context.database.reading() as session:
            ancestor = session.get(Model, parent)
        if ancestor is None:
            break
        found.add(ancestor.dataset)
        parent = ancestor.parent
    return {dataset for dataset in found if dataset}


def _tick(context: Context, lease: Lease, stop: threading.Event) -> Callable[[int, int], None]:
    progress = Progress(context, lease)

    def tick(done: int, of: int) -> None:
        if stop.is_set():
            raise Stopped
        progress.report(done, of)

    return tick


def _suspect(found: dict[str, Any], paper: Exam, classes: list[str]) -> dict[str, Any]:
    """An image that the model is sure is something else than its folder says: likely a wrong label."""
    return {
        "image": paper.names[found["row"]],
        "class": classes[found["label"]],
        "predicted": classes[found["predicted"]],
        "confidence": found["confidence"],
        "class_confidence": found["label_confidence"],
    }


if __name__ == "__main__":
    main(evaluate)
