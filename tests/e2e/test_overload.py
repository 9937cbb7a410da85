"""Three times as many predictions asked as can be answered: as many answered as ever, the others refused at once."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.load import HttpRequest, Reply, load
from tests.e2e.service import Service
from tests.e2e.storm import kind_of
from tests.measurements import Measurements

MIB = 2**20


@pytest.fixture
def url(embedded: Service, imagenet: dict[str, Any]) -> str:
    """A service with a network of real size."""
    return f"{embedded.http.base_url}/v1/models/{imagenet['id']}/predictions"


@pytest.fixture
def photograph(shared_data: Path, tmp_path: Path) -> Path:
    """One photograph of a bird."""
    with zipfile.ZipFile(shared_data / "ponce_birds_train.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".jpg"))
        return Path(archive.extract(name, tmp_path))


@dataclass(frozen=True)
class Bounds:
    """Bounds of the two forms; the short one runs beside other tests, whose load is in its figures."""

    share: float  # of the peak rate
    refusal_ms: float  # for 99 of 100


SHORT = Bounds(0.3, 5000)
LONG = Bounds(0.9, 50)


@pytest.mark.parametrize(("seconds", "bounds"), [(3.0, SHORT), pytest.param(30.0, LONG, marks=pytest.mark.storm)])
def test_overload_refuses_at_once_and_answers_as_much_as_ever(
    embedded: Service, url: str, photograph: Path, seconds: float, bounds: Bounds, measurements: Measurements
) -> None:
    asked = HttpRequest(url, photograph)
    load(asked, "closed", 32, 1.0)  # the first request waits for the model, and the first full batch takes its memory
    peak = answered(load(asked, "closed", 8, seconds)) / seconds
    process = psutil.Process(answering(embedded))
    before = process.memory_info().rss
    replies = load(asked, "open", 3 * peak, seconds)
    grown = process.memory_info().rss - before
    refused = sorted(each.seconds for each in replies if each.status == 503)
    useful = answered(replies) / max(each.due + each.seconds for each in replies)
    assert {each.status for each in replies} == {200, 503}
    slowest = 1000 * refused[int(0.99 * len(refused))]
    assert useful >= bounds.share * peak
    assert slowest <= bounds.refusal_ms
    assert grown < 64 * MIB
    measurements.record(
        f"three times as many predictions as can be answered, {seconds:.0f} seconds",
        {
            "requests": len(replies),
            "answered, as a share of the peak rate": f"{useful / peak:.0%}",
            "refused with 503": len(refused),
            "milliseconds to a refusal, median": round(1000 * refused[len(refused) // 2]),
            "milliseconds to a refusal, 99 %": round(slowest),
            "the API's memory, MiB more": round(grown / MIB),
        },
    )


def answering(service: Service) -> int:
    """The process that answers, which is a child of the command that was started."""
    return next(pid for pid, line in service.processes_alive().items() if kind_of(line) == "API")


def answered(replies: list[Reply]) -> int:
    """Number of requests that were answered with predictions."""
    return sum(each.status == 200 for each in replies)
