"""A trained job's end: the servable, the model's row and the result, all of it or nothing."""

from typing import Any

import numpy as np

from app.core.database.tables import Model
from app.core.files.storage import sha256
from app.core.ids import new_id
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.specs import Finetune
from worker.context import Context
from worker.evaluation.batch_inference import Observer, sample
from worker.evaluation.comparison import comparisons, verdict
from worker.evaluation.evaluate_run import CORRECT
from worker.models.initial_weights import loaded
from worker.models.onnx_cache import Graphs
from worker.models.servable import input_of, write_graph, write_weights
from worker.runs.build import Material
from worker.runs.job_state import Ledger
from worker.runs.plan import Planned, Trainable, plan
from worker.training.metrics.novelty import Familiarity, familiarity
from worker.training.models.backbones import Network

BANK = 1024  # training images that an unknown one is compared with
FEWEST_KNOWN = 2
HELD_OUT = 1000  # validation images that say how far a known one may be


def publish(context: Context, lease: Lease, spec: Trainable, shared: Material, ledger: Ledger, chosen: str) -> None:
    """Write the model of the run `chosen`, and end the job with it. Raises StaleLease, and leaves nothing then."""
    model_id = new_id("mdl")
    result = {"model": model_id, **outcome(spec, shared, ledger, chosen)}
    network = loaded(str(spec.backbone), shared.view.size, ledger.weights[chosen])
    known = _known(network, shared, spec.training.seed)
    with context.storage.incoming() as scratch:
        weights = scratch / "model.safetensors"
        write_weights(network, shared.classes, weights)
        graphs = Graphs(context.storage)
        write_graph(network, shared.view, shared.classes, scratch, _temperature(result), known, graphs)
        model = _model(model_id, lease, spec, shared, result["metrics"])
        model.sha256, model.bytes = sha256(weights), weights.stat().st_size
        with context.database.writing() as session:
            leases.fence(session, lease)
            context.storage.keep(scratch, f"models/{model_id}")
            session.add(model)
            leases.succeed(session, lease, result)


def outcome(spec: Trainable, shared: Material, ledger: Ledger, chosen: str) -> dict[str, Any]:
    """What the job has come to, as the API tells it."""
    told = {name: _told(summary) for name, summary in ledger.summaries.items()}
    result = {**told[chosen], "input": _input(shared), "class_balance": ledger.notes.get("class_balance")}
    if not isinstance(spec, Finetune):
        return result | {"baselines": {}}
    runs = plan(spec, shared.longest)
    others = [name for name, run in runs.items() if not run.candidate]
    correct = {name: ledger.summaries[name]["metrics"][CORRECT] for name in (chosen, *others)}
    against = comparisons(correct[chosen], {name: correct[name] for name in others}, spec.training.seed)
    baselines, start = {name: told[name] for name in others}, ledger.notes["start"]
    tried = [name for name, run in runs.items() if run.candidate]
    return result | {
        "baselines": baselines,
        "comparisons": against,
        "verdict": verdict(told[chosen]["metrics"], against, baselines, start),
        "start": start,
        "domain_gap": ledger.notes["domain_gap"],
        "strength": _curve(runs, ledger, tried, chosen) if len(tried) > 1 else None,
    }


def _told(summary: dict[str, Any]) -> dict[str, Any]:
    metrics = {name: figure for name, figure in summary["metrics"].items() if name != CORRECT}
    return {**summary, "metrics": metrics}


def _curve(runs: dict[str, Planned], ledger: Ledger, tried: list[str], chosen: str) -> dict[str, Any]:
    """Each strength's validation figures, by which it was chosen, and the test accuracy, by which it was not."""
    curve = []
    for name in tried:
        metrics = ledger.summaries[name]["metrics"]
        figures = {"run": name, **metrics["validation"], "test_accuracy": metrics["accuracy"]}
        curve.append({"strength": _strength(runs[name].spec), **figures})
    return {"chosen": _strength(runs[chosen].spec), "curve": curve}


def _strength(spec: Trainable) -> float:
    return float(getattr(getattr(spec, "penalty", None), "strength", 0.0))


def _input(shared: Material) -> dict[str, Any]:
    """What every image was made into, and from what."""
    heights, widths = shared.images.heights, shared.images.widths
    short = np.minimum(heights, widths)
    sizes = {
        "smallest": [int(widths[short.argmin()]), int(heights[short.argmin()])],
        "largest": [int(widths[short.argmax()]), int(heights[short.argmax()])],
        "enlarged": round(float((short < shared.view.resize).mean()), 4),
    }
    return input_of(shared.view) | {"stored_images": sizes, "converted": shared.converted}


def _known(network: Network, shared: Material, seed: int) -> Familiarity | None:
    """How near the images are to each other that the model was trained on, or, when adapting, will be used on."""
    images = shared.images if shared.target is None else shared.target
    observer = Observer(network, shared.view, shared.device)
    train, val = sample(images.indices("train"), BANK, seed), sample(images.indices("val"), HELD_OUT, seed)
    if len(train) < FEWEST_KNOWN:
        return None
    bank = observer.features(images, train)
    return familiarity(bank, observer.features(images, val) if len(val) else bank[:0], seed)


def _temperature(result: dict[str, Any]) -> float:
    return float(result["metrics"].get("calibration", {}).get("temperature", 1.0))


def _model(model_id: str, lease: Lease, spec: Trainable, shared: Material, metrics: dict[str, Any]) -> Model:
    return Model(
        id=model_id,
        tenant=lease.tenant,
        name=spec.name or f"{spec.type} of {spec.backbone}",
        status="ready",
        backbone=spec.backbone,
        classes=shared.classes,
        input=input_of(shared.view),
        parent=None if spec.init == "random" else spec.init,
        job=lease.job_id,
        dataset=spec.dataset,
        metrics=metrics,
    )
