"""The child process that trains.

Spec -> plan -> build -> fit -> publish, going on from the last checkpoint where there is one.
"""

import threading
from dataclasses import replace
from typing import Any

from app.core.jobs.leases import Lease
from app.core.specs import Finetune, Pretrain
from worker.context import Context
from worker.evaluation.evaluate_run import Judgement, judge
from worker.evaluation.transfer_diagnostics import before
from worker.jobs.entry_point import JobError, Stopped, main, spec_of
from worker.reporting.recorder import Journal
from worker.runs.build import CORES, Experiment, Material, experiment, material
from worker.runs.callbacks import JobWatcher, Span
from worker.runs.job_state import Ledger, Weights, unwrap
from worker.runs.plan import HEAD, Planned, plan
from worker.runs.previews import Pictures
from worker.runs.publish_model import publish
from worker.training.devices import settle
from worker.training.engine.checkpoint import State
from worker.training.engine.loop import Diverged, Fitted, Interrupted, fit
from worker.training.models.weights import torchvision_state

CHOSEN = "chosen"


def train(context: Context, lease: Lease, stop: threading.Event) -> None:
    """All runs of a job, then its model. Raises Stopped when asked to stop, with everything saved."""
    spec = spec_of(lease)
    if not isinstance(spec, Pretrain | Finetune):
        raise JobError("wrong_type", f"A job of type {spec.type} is not for training.")
    journal = Journal(context, lease)
    shared = material(context, spec)
    runs = plan(spec, shared.longest)
    _check_choice(runs, shared)
    ledger, state = unwrap(journal.latest())
    if not ledger.notes:
        ledger.notes |= _look(context, spec, shared, journal)
    watcher = JobWatcher(context, lease, journal, ledger, stop)
    spans = Span.row(runs, shared.longest)
    for name, planned in runs.items():
        if name not in ledger.summaries:
            made = experiment(context, planned, shared, _head(ledger, planned))
            watcher.begin(name, spans[name], Pictures(made.method, made.validation or made.train))
            fitted = _fit(made, watcher, state if ledger.run == name else None)
            watcher.finish(_judged(made, shared, fitted))
            _keep(ledger, name, planned, made)
    publish(context, lease, spec, shared, ledger, ledger.notes[CHOSEN])


def _check_choice(runs: dict[str, Planned], shared: Material) -> None:
    candidates = [run for run in runs.values() if run.candidate]
    if len(candidates) > 1 and not len(shared.images.indices("val")):
        raise JobError("no_validation_images", "strength 'auto' is chosen on validation images, and there are none.")


def _look(context: Context, spec: Pretrain | Finetune, shared: Material, journal: Journal) -> dict[str, Any]:
    """What is seen once, before any training, and told at once where it is a reason to act."""
    notes = before(context, spec, shared) if isinstance(spec, Finetune) else {}
    if (gap := notes.get("domain_gap")) and gap["large"]:
        journal.event("domain_gap", gap)
    if shared.balance is not None:
        notes["class_balance"] = {"ratio": shared.balance.ratio, "remedy": shared.balance.remedy}
        if shared.balance.remedy != "none":
            journal.event("class_imbalance", notes["class_balance"])
    return notes


def _head(ledger: Ledger, planned: Planned) -> Weights | None:
    return ledger.weights[HEAD] if planned.from_head else None


def _fit(made: Experiment, watcher: JobWatcher, state: State | None) -> Fitted:
    settle(made.threads)
    try:
        return fit(made.method, made.train, made.validation, made.recipe, watcher, state)
    except Interrupted as interrupted:
        raise Stopped from interrupted
    except Diverged as diverged:
        raise JobError("diverged", f"Training diverged: {diverged}. A lower learning rate may help.") from diverged
    finally:
        settle(CORES)


def _judged(made: Experiment, shared: Material, fitted: Fitted) -> Judgement:
    """What the run's best weights are worth; without labels, the figures of its validation."""
    told = {"best_epoch": fitted.epoch + 1, "epochs": fitted.epochs, "validation": fitted.metrics}
    if shared.paper is None:
        return Judgement({"split": "val", **fitted.metrics, **told})
    judged = judge(made.method.network, shared.paper, shared, made.recipe.seed)
    return replace(judged, figures=judged.figures | told)


def _keep(ledger: Ledger, name: str, planned: Planned, made: Experiment) -> None:
    """Hold on to what is needed later: the head that candidates start from, and the best candidate's weights."""
    if name == HEAD:
        ledger.keep(made.method.network.head.state_dict())
    if planned.candidate and _score(ledger, name) > _score(ledger, ledger.notes.get(CHOSEN)):
        ledger.weights.pop(ledger.notes.get(CHOSEN, ""), None)
        ledger.notes[CHOSEN] = name
        ledger.keep(torchvision_state(made.method.network))


def _score(ledger: Ledger, name: str | None) -> tuple[float, float]:
    """By which candidates are chosen: validation accuracy, then loss; never the test figures."""
    if name is None:
        return (-1.0, 0.0)
    figures = ledger.summaries[name]["metrics"]["validation"]
    return figures.get("accuracy", 0.0), -figures.get("loss", 0.0)


if __name__ == "__main__":
    main(train)
