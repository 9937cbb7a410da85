"""Publishes the model of a training job: files, row and the job's end, all or nothing."""

from collections.abc import Mapping
from typing import Any

import torch

from app.core.database.tables import Model
from app.core.files import storage_keys
from app.core.files.storage import sha256
from app.core.ids import new_id
from app.core.jobs import leases
from app.core.jobs.leases import Lease
from app.core.specs import JOB_TYPES
from worker.context import Context
from worker.data.job_data import JobData
from worker.data.lineage import job_lineage
from worker.data.preprocessing import to_input
from worker.data.seen_images import write_seen_images
from worker.evaluation.batch_inference import BatchInference
from worker.evaluation.known_images import MIN_BANK_IMAGES, fit_novelty, known_rows
from worker.models.initial_weights import with_weights
from worker.models.onnx_cache import OnnxCache
from worker.models.servable import write_graph, write_weights
from worker.runs.choices import winners
from worker.runs.job_result import job_result
from worker.runs.job_state import NOVELTY, JobState
from worker.runs.plan import MAIN, REFIT, RunPlan, TrainingSpec
from worker.training.metrics.novelty import Novelty, novelty_with_thresholds
from worker.training.models.backbones import Network


def publish(
    context: Context, lease: Lease, spec: TrainingSpec, data: JobData, state: JobState, runs: Mapping[str, RunPlan]
) -> None:
    """Write the model of the chosen trial, or of its refit, and end the job with it.

    Raises:
        StaleLease: the job has moved on; nothing is left behind.
    """
    model_id = new_id("mdl")
    result = {"model": model_id, **job_result(spec, data, state, runs)}
    judged = winners(runs, state.summaries)[MAIN]
    published = REFIT if REFIT in runs else judged
    network = with_weights(str(spec.backbone), data.preprocessing.size, state.weights[published])
    novelty = _novelty(network, data, runs[published], state.summaries[judged])
    with context.storage.incoming() as scratch:
        weights = scratch / storage_keys.WEIGHTS
        write_weights(network, data.classes, weights)
        cache = OnnxCache(context.storage)
        write_graph(network, data.preprocessing, data.classes, scratch, _temperature(result), novelty, cache)
        write_seen_images(context, spec, scratch / storage_keys.SEEN_IMAGES)
        model = _model_row(model_id, lease, spec, data, result["metrics"])
        lineage = job_lineage(context, spec)
        model.trained_on, model.from_labels = lineage.trained_on, lineage.from_labels
        model.sha256, model.bytes = sha256(weights), weights.stat().st_size
        with context.database.writing() as session:
            leases.fence(session, lease)
            context.storage.keep(scratch, storage_keys.model(model_id))
            session.add(model)
            leases.succeed(session, lease, JOB_TYPES[lease.type].result.model_validate(result))


def _novelty(network: Network, data: JobData, run: RunPlan, judged: Mapping[str, Any]) -> Novelty | None:
    """Novelty of the published network: a refit compares images with all of its own, at the judged run's thresholds."""
    seed = run.spec.training.seed
    if run.judged:
        return fit_novelty(network, data, seed)
    thresholds, rows = judged[NOVELTY], known_rows(data, run.splits, seed)
    if thresholds is None or len(rows) < MIN_BANK_IMAGES:
        return None
    features = BatchInference(network, data.preprocessing, data.device).features(data.known, rows)
    return novelty_with_thresholds(features, torch.tensor(thresholds), seed)


def _temperature(result: dict[str, Any]) -> float:
    return float(result["metrics"].get("calibration", {}).get("temperature", 1.0))


def _model_row(model_id: str, lease: Lease, spec: TrainingSpec, data: JobData, metrics: dict[str, Any]) -> Model:
    return Model(
        id=model_id,
        tenant=lease.tenant,
        name=spec.name or f"{spec.type} of {spec.backbone}",
        status="ready",
        backbone=spec.backbone,
        classes=data.classes,
        input=to_input(data.preprocessing).model_dump(),
        parent=None if spec.init == "random" else spec.init,
        job=lease.job_id,
        dataset=spec.dataset,
        metrics=metrics,
    )
