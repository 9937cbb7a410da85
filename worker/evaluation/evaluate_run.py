"""How good are a run's weights? Its figures on the job's exam, and how far its confidence can be believed."""

from dataclasses import dataclass
from typing import Any

import torch

from worker.data.evaluation_set import Exam, marks, right
from worker.evaluation.batch_inference import Observer, sample
from worker.evaluation.predictions_csv import table
from worker.runs.build import Material
from worker.training.metrics.calibration import calibration, fit_temperature
from worker.training.models.backbones import Network

MOST = 5000  # validation images are enough for one number
CORRECT = "correct"


@dataclass(frozen=True)
class Judgement:
    """What weights are worth, in figures, and what they answered, as a table (CSV); none where nothing could be asked.

    Of the figures, `correct` has a 1 for each right answer and a 0 for each wrong one: what two runs are compared by.
    """

    figures: dict[str, Any]
    answers: bytes | None = None


def judge(network: Network, paper: Exam, shared: Material, seed: int) -> Judgement:
    """The exam's; `calibration` is before and after the temperature that validation images ask for."""
    observer = Observer(network, shared.view, shared.device)
    logits = observer.logits(paper.images, paper.rows)
    figures = marks(logits, paper, shared.classes, seed)
    fitted = temperature(observer, shared, seed)
    figures["calibration"] = calibration(logits, paper.answers, fitted)
    figures[CORRECT] = "".join("1" if one else "0" for one in right(logits, paper).tolist())
    return Judgement(figures, table(logits, paper, shared.classes, fitted))


def temperature(observer: Observer, shared: Material, seed: int) -> float:
    """What the logits are divided by, fitted on validation images; 1 where there are none (Guo 2017)."""
    rows = sample(shared.images.indices("val"), MOST, seed)
    if not len(rows):
        return 1.0
    return fit_temperature(observer.logits(shared.images, rows), torch.from_numpy(shared.images.labels[rows]))
