import json
import math
from dataclasses import asdict

import pytest

from worker.training.engine.run import RunProgress


def test_a_checkpoint_of_version_0_2_opens() -> None:
    fields = asdict(RunProgress(epoch=2, micro_batch_size=8))
    fields["room"] = fields.pop("micro_batch_size")
    assert RunProgress.from_json(fields) == RunProgress(epoch=2, micro_batch_size=8)


def kept(scores: list[float], tolerances: list[float]) -> list[int]:
    """The epoch that is kept after each of them, the state passing through JSON on the way."""
    progress, found = RunProgress(), []
    for score, tolerance in zip(scores, tolerances, strict=True):
        if progress.keeps(score):
            progress.kept_epoch = progress.epoch
        progress.close(score, tolerance)
        found.append(progress.kept_epoch)
        progress = RunProgress(**json.loads(json.dumps(asdict(progress), allow_nan=False)))
    return found


@pytest.mark.parametrize(
    ("scores", "tolerances", "after"),
    [
        ([0.5, 0.9, 0.6], [0.0] * 3, [0, 1, 1]),
        ([0.9, 0.9, 0.9], [0.0] * 3, [0, 0, 0]),
        ([0.9, 0.9, 0.9], [0.1] * 3, [0, 1, 2]),
        ([0.9, 0.85, 0.7, 0.81], [0.1] * 4, [0, 1, 1, 3]),
        # The tolerance is that of the best epoch, neither the latest nor the kept one's.
        ([0.9, 0.85, 0.81], [0.06, 0.5, 0.5], [0, 1, 1]),
        # Always against the best, so that the kept score cannot sink step by step.
        ([0.9, 0.85, 0.8, 0.75], [0.06] * 4, [0, 1, 1, 1]),
        # A new best one raises the bar.
        ([0.8, 0.75, 0.95, 0.76], [0.1] * 4, [0, 1, 2, 2]),
        ([math.nan, math.nan, -2.0, math.nan, -math.inf, -3.0], [0.0] * 6, [0, 1, 2, 2, 2, 2]),
    ],
)
def test_the_epoch_to_keep(scores: list[float], tolerances: list[float], after: list[int]) -> None:
    assert kept(scores, tolerances) == after
