"""Client of the experiments: a dedicated server with an empty data folder, and calls to it."""

import csv
import hashlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from app.core.processes.cpu_count import count_cores
from benchmarks.quality.subsets import Files
from examples.digits import Imprint, server, zipped

POLL_SECONDS = 0.25
LOG_LINES = 30
# A training for each core: a small network's steps are hardly faster with two threads than with one.
LANES = ",".join(["long"] * count_cores() + ["short"])
Spec = dict[str, Any]
Job = dict[str, Any]


class Service(Imprint):
    """The calls of the experiments. An error ends the benchmark with the server's message."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.ids: dict[str, str] = {}

    def dataset(self, name: str, files: Files) -> str:
        """The id of a dataset, uploaded and ready; of one of this name that was uploaded before, where there is one."""
        return self._once("/v1/datasets", {"name": name}, "application/zip", lambda: zipped(files))

    def weights(self, file: Path, backbone: str) -> str:
        """The id of a model of these weights, ready; they are imported once."""
        query = {"name": file.stem, "backbone": backbone}
        return self._once("/v1/models", query, "application/octet-stream", file.read_bytes)

    def jobs(self, specs: Mapping[str, Spec]) -> dict[str, Job]:
        """Create all jobs at once and wait for them in order, so that no worker idles.

        What has been asked for before is not done again, whoever asked.
        """
        began = time.monotonic()
        made = {name: self.post("/v1/jobs", json=spec, headers=_key(spec)) for name, spec in specs.items()}
        done: dict[str, Job] = {}
        for name, job in made.items():
            done[name] = self.ended(f"/v1/jobs/{job['id']}")
            spent = time.monotonic() - began
            left = spent / len(done) * (len(made) - len(done))
            print(f"  {len(done)}/{len(made)} {name}: {outcome(done[name])}; about {left:.0f} s left", flush=True)
        return done

    def models(self, specs: Mapping[str, Spec]) -> dict[str, str]:
        """The ids of the models that these jobs train."""
        made = {name: str(job["result"]["model"]) for name, job in self.jobs(specs).items()}
        self.ids |= made
        return made

    def correct(self, job: Job, run: str) -> str:
        """A 1 for each test image that a run of the job recognised and a 0 for each other, by the images' names."""
        answer = self.http.get(f"/v1/jobs/{job['id']}/artifacts/{run}.csv").raise_for_status()
        rows = sorted(csv.DictReader(io.StringIO(answer.text)), key=lambda row: row["image"])
        return "".join("1" if row["predicted"] == row["class"] else "0" for row in rows)

    def with_names(self, spec: Spec) -> dict[str, Any]:
        """The spec with names in place of ids, for readers."""
        text = json.dumps(spec)
        for name, id_ in self.ids.items():
            text = text.replace(id_, name)
        asked: dict[str, Any] = json.loads(text)
        return asked

    def ended(self, path: str) -> dict[str, Any]:
        """Poll a dataset, a model or a job until it is ready or has succeeded."""
        while True:
            made: dict[str, Any] = self.http.get(path).raise_for_status().json()
            if made["status"] in ("ready", "succeeded"):
                return made
            if made["status"] in ("failed", "cancelled"):
                raise SystemExit(f"{path} {made['status']}: {made['error']}, asked for: {made.get('spec')}")
            time.sleep(POLL_SECONDS)

    def _once(self, path: str, query: dict[str, str], media_type: str, content: Callable[[], bytes]) -> str:
        name = query["name"]
        if name not in self.ids:
            made = self.post(path, params=query, content=content(), headers={"Content-Type": media_type})
            self.ids[name] = str(self.ended(f"{path}/{made['id']}")["id"])
        return self.ids[name]


def _key(spec: Spec) -> dict[str, str]:
    text = json.dumps(spec, sort_keys=True)
    return {"Idempotency-Key": hashlib.sha256(text.encode()).hexdigest()}


def outcome(job: Job) -> str:
    """One phrase that describes an ended job."""
    accuracy = job["result"].get("metrics", {}).get("accuracy")
    figure = "" if accuracy is None else f"accuracy {accuracy:.3f}, "
    return f"{figure}{wall_seconds(job):.0f} s"


def wall_seconds(job: Job) -> float:
    """From a job's start to its end."""
    return (datetime.fromisoformat(job["finished_at"]) - datetime.fromisoformat(job["started_at"])).total_seconds()


@contextmanager
def fresh_server() -> Iterator[str]:
    """Run a server with a temporary data folder; its URL. On an error, print the end of its log."""
    with tempfile.TemporaryDirectory(prefix="imprint-quality-", ignore_cleanup_errors=True) as folder:
        log = Path(folder, "log.txt")
        try:
            with log.open("wb") as output, server(Path(folder, "data"), output, "--lanes", LANES) as url:
                yield url
        except BaseException:
            print("\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:]), file=sys.stderr)
            raise
