"""Accuracy of a job's estimate of its remaining time, beside the time that really passed."""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.performance.inputs import ARCHIVE, BenchmarkInputs
from benchmarks.performance.measure import Goal, Section, Series
from benchmarks.performance.serving import warm_server
from examples.digits import Imprint

POLL_SECONDS = 0.5
SHARES = (0.2, 0.5, 0.8)  # of a job's time, at which its estimate is looked at
MOST = 1.5  # times the truth, or the truth times the estimate
SIZE = 64
CASES: dict[str, dict[str, Any]] = {
    "default": {},
    "with baselines": {"baselines": ["random", "head"]},
    "function penalty": {"penalty": {"kind": "function"}, "trainable": "all"},
}


@dataclass(frozen=True)
class Moment:
    """What a running job said.

    Attributes:
        seconds: since the job was claimed.
        estimate: its `eta_seconds`.
    """

    seconds: float
    estimate: float | None


ABOUT = f"""\
`eta_seconds` of fine-tunings from MobileNetV2's ImageNet weights at {SIZE} px, divided by the seconds that then really
passed, when {", ".join(f"{share:.0%}" for share in SHARES)} of the job's time were over; the job is polled every
{POLL_SECONDS} s. `default` sets nothing but the image size: the head alone first, then every weight, then the refit.
The factor is the ratio or its inverse, whichever is larger; a job that said nothing yet has none."""


def run(inputs: BenchmarkInputs) -> Section:
    """Run each case once and compare its estimates with the truth."""
    series, factors = [], []
    with TemporaryDirectory() as name, warm_server(Path(name, "data")) as url:
        imprint = Imprint(url)
        dataset = imprint.archive(ARCHIVE, inputs.archive.read_bytes())["id"]
        model = imported(imprint, inputs.weights)
        for case, changes in CASES.items():
            spec = {"type": "finetune", "dataset": dataset, "init": model, "image_size": SIZE, **changes}
            found = ratios_at(SHARES, *watched(imprint, spec))
            print(f"  {case}: {found}", flush=True)
            for share, ratio in found.items():
                series.append(Series(f"{case}, {share:.0%}", "times the truth", [ratio]))
            if case == "default" and SHARES[0] in found:
                factors.append(max(found[SHARES[0]], 1 / max(found[SHARES[0]], 1e-9)))
    goal = Goal(f"factor between estimate and truth, default, {SHARES[0]:.0%}", factors or [float("inf")], most=MOST)
    return Section("Estimated time of a job", ABOUT, series, [goal])


def imported(imprint: Imprint, weights: Path) -> str:
    """The id of a model of these weights."""
    query = {"name": weights.stem, "backbone": "mobilenet_v2"}
    headers = {"Content-Type": "application/octet-stream"}
    model: str = imprint.post("/v1/models", params=query, content=weights.read_bytes(), headers=headers)["id"]
    while imprint.http.get(f"/v1/models/{model}").raise_for_status().json()["status"] == "preparing":
        time.sleep(POLL_SECONDS)
    return model


def watched(imprint: Imprint, spec: dict[str, Any]) -> tuple[list[Moment], float]:
    """Every moment of a job, and its length in seconds."""
    job, moments = imprint.post("/v1/jobs", json=spec)["id"], []
    began: float | None = None
    while True:
        now = imprint.http.get(f"/v1/jobs/{job}").raise_for_status().json()
        if began is None and now["started_at"] is not None:
            began = time.monotonic()
        if now["status"] == "failed":
            raise SystemExit(f"the job failed: {now['error']}")
        if began is not None:
            seconds = time.monotonic() - began
            if now["status"] == "succeeded":
                return moments, seconds
            moments.append(Moment(seconds, (now["progress"] or {}).get("eta_seconds")))
        time.sleep(POLL_SECONDS)


def ratios_at(shares: tuple[float, ...], moments: list[Moment], length: float) -> dict[float, float]:
    """Estimate / truth at the first moment after each share of the job's time, where there was an estimate."""
    found = {}
    for share in shares:
        moment = next((one for one in moments if one.seconds >= share * length), None)
        if moment is not None and moment.estimate is not None:
            found[share] = moment.estimate / (length - moment.seconds)
    return found
