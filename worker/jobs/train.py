"""The job that trains: spec -> plan -> build -> fit -> publish, resumed from the last checkpoint if there is one."""

import threading
from dataclasses import replace

from app.core.jobs.leases import Lease
from app.core.specs import Finetune, Pretrain
from worker.context import Context
from worker.data.datasets import image_names
from worker.data.job_data import JobData, load_job_data
from worker.errors import JobError, Stopped
from worker.evaluation.batch_inference import OnProgress
from worker.evaluation.evaluate_run import Evaluation, evaluate_run, evaluate_with_temperature
from worker.evaluation.known_images import fit_novelty
from worker.evaluation.suspects_csv import suspects_csv
from worker.evaluation.transfer_diagnostics import diagnose
from worker.jobs.entry_point import main, parse_spec
from worker.reporting.recorder import JobRecorder, RunPosition
from worker.runs.build import CORES, Experiment, build_experiment
from worker.runs.callbacks import JobCallback
from worker.runs.choices import Summaries, best, decided_facts, winners
from worker.runs.job_state import Diagnostics, JobState, Weights, unwrap
from worker.runs.plan import MAIN, REFIT, Purpose, RunPlan, TrainingSpec, groups, plan
from worker.runs.previews import Preview
from worker.runs.publish_model import publish
from worker.runs.schedule import RunSteps, Schedule, run_steps
from worker.training.devices import configure_torch
from worker.training.engine.checkpoint import State
from worker.training.engine.loop import Diverged, FitResult, Interrupted, fit
from worker.training.models.weights import torchvision_state

Runs = dict[str, RunPlan]


def train(context: Context, lease: Lease, stop: threading.Event) -> None:
    """Train all runs of a job and publish its model. Raises Stopped on a stop request, with everything saved."""
    spec = parse_spec(lease)
    if not isinstance(spec, Pretrain | Finetune):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for training.")
    recorder = JobRecorder(context, lease)
    data = load_job_data(context, spec)
    job_state, training_state = unwrap(recorder.latest_checkpoint())
    runs = _runs(spec, data, job_state.summaries)
    _check_trials(runs, data)
    interrupted = job_state.run  # the one that the training state is of
    callback = JobCallback(context, lease, recorder, job_state, Schedule(_steps(runs, data)), stop)
    if job_state.diagnostics is None:
        job_state.diagnostics = _diagnose(context, spec, data, recorder, callback.on_preparing)
    while (name := next((each for each in runs if each not in job_state.summaries), None)) is not None:
        run = runs[name]
        callback.schedule.begin(name)
        experiment = build_experiment(context, run, data, _initial_head(job_state, run))
        callback.begin(name, Preview(experiment.method, experiment.validation or experiment.train))
        fitted = _fit(experiment, callback, training_state if name == interrupted else None)
        callback.schedule.finish()
        evaluation = _evaluate(experiment, run, data, fitted, job_state.summaries)
        callback.finish(evaluation, _novelty_thresholds(experiment, run, runs, data))
        _keep_weights(job_state, name, runs, experiment)
        runs = _runs(spec, data, job_state.summaries)
        callback.schedule.runs = _steps(runs, data)
    _name_winners(winners(runs, job_state.summaries), recorder)
    callback.publish()
    publish(context, lease, spec, data, job_state, runs)


def _name_winners(chosen: dict[str, str], recorder: JobRecorder) -> None:
    """Make the chosen trial's metrics the job's, and give a baseline's chosen trial the baseline's name."""
    recorder.choose_metrics(chosen.pop(MAIN))
    for baseline, trial in chosen.items():
        if trial != baseline:
            recorder.rename_run(trial, baseline)


def _runs(spec: TrainingSpec, data: JobData, summaries: Summaries) -> Runs:
    """The job's runs, the later of which depend on what the earlier ones decided."""
    return plan(spec, decided_facts(spec, data, summaries))


def _steps(runs: Runs, data: JobData) -> dict[str, RunSteps]:
    return {name: run_steps(run, data) for name, run in runs.items()}


def _check_trials(runs: Runs, data: JobData) -> None:
    if len(groups(runs)[MAIN]) > 1 and not len(data.images.indices("val")):
        raise JobError("no_validation_images", "strength 'auto' is chosen on validation images, and there are none.")


def _diagnose(
    context: Context, spec: Pretrain | Finetune, data: JobData, recorder: JobRecorder, on_progress: OnProgress
) -> Diagnostics:
    """Look at the data once before any training, and record an event for each result that asks for action."""
    results = diagnose(context, spec, data, on_progress) if isinstance(spec, Finetune) else {}
    if (gap := results.get("domain_gap")) and gap["large"]:
        recorder.event("domain_gap", gap)
    if isinstance(spec, Finetune) and (suspects := results["suspects"]) is not None:
        names = image_names(context, spec.labels_from, len(data.images))
        recorder.suspects(RunPosition(MAIN, 0, 0, {}), suspects_csv(suspects, names, data.classes))
    balance = None
    if data.balance is not None:
        balance = {"ratio": data.balance.ratio, "remedy": data.balance.remedy}
        if data.balance.remedy != "none":
            recorder.event("class_imbalance", balance)
    return Diagnostics(results.get("start"), results.get("domain_gap"), balance)


def _initial_head(job_state: JobState, run: RunPlan) -> Weights | None:
    return None if run.head is None else job_state.weights[run.head]


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


def _evaluate(
    experiment: Experiment, run: RunPlan, data: JobData, fitted: FitResult, summaries: Summaries
) -> Evaluation:
    """Evaluate the run's best weights, on images that it was not trained on.

    Without labels, the metrics are those of its validation. A refit has no images to fit a temperature on, so it has
    that of the judged run.
    """
    training = {"best_epoch": fitted.epoch + 1, "epochs": fitted.epochs, "validation": fitted.metrics}
    network, seed = experiment.method.network, experiment.recipe.seed
    if run.judged:
        if data.evaluation is None:
            return Evaluation({"split": "val", **fitted.metrics, **training})
        evaluation = evaluate_run(network, data.evaluation, data, seed)
    elif run.trial is None or data.evaluation is None or data.evaluation.split in run.splits:
        return Evaluation(training)
    else:
        temperature = summaries[run.trial]["metrics"]["calibration"]["temperature"]
        evaluation = evaluate_with_temperature(network, data.evaluation, data, temperature)
    return replace(evaluation, metrics=evaluation.metrics | training)


def _novelty_thresholds(experiment: Experiment, run: RunPlan, runs: Runs, data: JobData) -> list[float] | None:
    """Distances of held-out images, for a refit that will have none."""
    if REFIT not in runs or run.purpose is not Purpose.MAIN:
        return None
    novelty = fit_novelty(experiment.method.network, data, experiment.recipe.seed)
    return None if novelty is None else novelty.thresholds.tolist()


def _keep_weights(job_state: JobState, name: str, runs: Runs, experiment: Experiment) -> None:
    """Keep the weights needed later: heads that other runs start from, and those of the model to be published."""
    run = runs[name]
    if any(other.head == name for other in runs.values()):
        job_state.keep(experiment.method.network.head.state_dict())
    trials = [trial for trial in groups(runs)[MAIN] if trial in job_state.summaries]
    best_so_far = run.purpose is Purpose.MAIN and best(trials, job_state.summaries) == name
    if name == REFIT or (REFIT not in runs and best_so_far):
        for trial in trials:
            job_state.weights.pop(trial, None)
        job_state.keep(torchvision_state(experiment.method.network))


if __name__ == "__main__":
    main(train)
