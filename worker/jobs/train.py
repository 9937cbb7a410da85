"""The job that trains: spec -> plan -> build -> fit -> publish, resumed from the last checkpoint if there is one."""

import threading
from dataclasses import replace

from app.core.jobs.leases import Lease
from app.core.specs import HEAD, Finetune, Pretrain
from worker.context import Context
from worker.data.job_data import JobData, load_job_data
from worker.errors import JobError, Stopped
from worker.evaluation.evaluate_run import Evaluation, evaluate_run
from worker.evaluation.transfer_diagnostics import diagnose
from worker.jobs.entry_point import main, parse_spec
from worker.reporting.recorder import JobRecorder
from worker.runs.build import CORES, Experiment, build_experiment
from worker.runs.callbacks import JobCallback, StepRange
from worker.runs.job_state import Diagnostics, JobState, Weights, unwrap
from worker.runs.plan import RunPlan, plan
from worker.runs.previews import Preview
from worker.runs.publish_model import publish
from worker.training.devices import configure_torch
from worker.training.engine.checkpoint import State
from worker.training.engine.loop import Diverged, FitResult, Interrupted, fit
from worker.training.models.weights import torchvision_state


def train(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Train all runs of a job and publish its model. Raises Stopped on a stop request, with everything saved."""
    spec = parse_spec(lease)
    if not isinstance(spec, Pretrain | Finetune):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for training.")
    recorder = JobRecorder(context, lease)
    data = load_job_data(context, spec)
    runs = plan(spec, data.epoch_images)
    _check_candidates(runs, data)
    job_state, training_state = unwrap(recorder.latest_checkpoint())
    interrupted = job_state.run  # the one that the training state is of
    if job_state.diagnostics is None:
        job_state.diagnostics = _diagnose(context, spec, data, recorder)
    callback = JobCallback(context, lease, recorder, job_state, stop)
    ranges = StepRange.consecutive(runs, data.epoch_images)
    for name, run in runs.items():
        if name not in job_state.summaries:
            experiment = build_experiment(context, run, data, _initial_head(job_state, run))
            callback.begin(name, ranges[name], Preview(experiment.method, experiment.validation or experiment.train))
            fitted = _fit(experiment, callback, training_state if name == interrupted else None)
            callback.finish(_evaluate(experiment, data, fitted))
            _keep_weights(job_state, name, run, experiment)
    publish(context, lease, spec, data, job_state, _chosen(job_state))


def _check_candidates(runs: dict[str, RunPlan], data: JobData) -> None:
    candidates = [run for run in runs.values() if run.candidate]
    if len(candidates) > 1 and not len(data.images.indices("val")):
        raise JobError("no_validation_images", "strength 'auto' is chosen on validation images, and there are none.")


def _diagnose(context: Context, spec: Pretrain | Finetune, data: JobData, recorder: JobRecorder) -> Diagnostics:
    """Look at the data once before any training, and record an event for each result that asks for action."""
    results = diagnose(context, spec, data) if isinstance(spec, Finetune) else {}
    if (gap := results.get("domain_gap")) and gap["large"]:
        recorder.event("domain_gap", gap)
    balance = None
    if data.balance is not None:
        balance = {"ratio": data.balance.ratio, "remedy": data.balance.remedy}
        if data.balance.remedy != "none":
            recorder.event("class_imbalance", balance)
    return Diagnostics(results.get("start"), results.get("domain_gap"), balance)


def _initial_head(job_state: JobState, run: RunPlan) -> Weights | None:
    return job_state.weights[HEAD] if run.starts_from_head else None


def _fit(experiment: Experiment, callback: JobCallback, state: State | None) -> FitResult:
    configure_torch(experiment.threads)
    try:
        return fit(experiment.method, experiment.train, experiment.validation, experiment.recipe, callback, state)
    except Interrupted as interrupted:
        raise Stopped from interrupted
    except Diverged as diverged:
        raise JobError("diverged", f"Training diverged: {diverged}. A lower learning rate may help.") from diverged
    finally:
        configure_torch(CORES)


def _evaluate(experiment: Experiment, data: JobData, fitted: FitResult) -> Evaluation:
    """Evaluate the run's best weights; without labels, the metrics are those of its validation."""
    training = {"best_epoch": fitted.epoch + 1, "epochs": fitted.epochs, "validation": fitted.metrics}
    if data.evaluation is None:
        return Evaluation({"split": "val", **fitted.metrics, **training})
    evaluation = evaluate_run(experiment.method.network, data.evaluation, data, experiment.recipe.seed)
    return replace(evaluation, metrics=evaluation.metrics | training)


def _keep_weights(job_state: JobState, name: str, run: RunPlan, experiment: Experiment) -> None:
    """Keep the weights needed later: the head that candidates start from, and the best candidate's weights."""
    if name == HEAD:
        job_state.keep(experiment.method.network.head.state_dict())
    if run.candidate and _score(job_state, name) > _score(job_state, job_state.chosen):
        job_state.weights.pop(job_state.chosen or "", None)
        job_state.chosen = name
        job_state.keep(torchvision_state(experiment.method.network))


def _score(job_state: JobState, name: str | None) -> tuple[float, float]:
    """The criterion between candidates: validation accuracy, then loss; never the test metrics."""
    if name is None:
        return (-1.0, 0.0)
    metrics = job_state.summaries[name]["metrics"]["validation"]
    return metrics.get("accuracy", 0.0), -metrics.get("loss", 0.0)


def _chosen(job_state: JobState) -> str:
    if job_state.chosen is None:
        raise RuntimeError("no candidate has finished")
    return job_state.chosen


if __name__ == "__main__":
    main(train)
