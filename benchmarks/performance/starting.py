"""From a submission to the first step of its training, on a worker that is warm."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.performance.material import ARCHIVE, Material
from benchmarks.performance.measure import OURS, Goal, Section, Series, told
from examples.digits import Imprint, server

ROUNDS, POLL = 5, 0.02
MODULE = "benchmarks.performance.first_step"
SPEC = {"type": "finetune", "backbone": "resnet18", "image_size": 64, "training": {"epochs": 2}}


def run(material: Material) -> Section:
    """Jobs one after the other, with an imported process in between."""
    ours, bare = Series("submission to first step", "s", []), Series("an imported process to its first step", "s", [])
    with TemporaryDirectory() as name, server(Path(name, "data")) as url:
        imprint = Imprint(url)
        spec = SPEC | {"dataset": imprint.archive(ARCHIVE, material.archive.read_bytes())["id"]}
        imprint.job(**spec)  # the worker is warm after it
        for _ in range(ROUNDS):
            ours.values.append(first_step(imprint, spec))
            bare.values.append(told(OURS, MODULE, (material.packed, "resnet18", 64)))
            print(f"  {ours.values[-1]:.3g} s, {bare.values[-1]:.3g} s", flush=True)
    more = [mine - theirs for mine, theirs in zip(ours.values, bare.values, strict=True)]
    about = (
        "ResNet-18, 64 px: from the POST to the first step that `GET /v1/jobs/{id}` tells of, asked every "
        "20 ms; and from its first line to its first step of a process that has imported everything already. A "
        "difference in seconds."
    )
    return Section(
        "Start of a job", about, [ours, bare], [Goal("seconds more than an imported process", more, most=1.5)]
    )


def first_step(imprint: Imprint, spec: dict[str, object]) -> float:
    """Seconds from the submission of one job to its first step; the job is then awaited."""
    began = time.monotonic()
    job = imprint.post("/v1/jobs", json=spec)
    while not ((told := imprint.http.get(f"/v1/jobs/{job['id']}").json()).get("progress") or {}).get("step"):
        if told["status"] in ("failed", "succeeded"):
            break
        time.sleep(POLL)
    seconds = time.monotonic() - began
    imprint.followed("/v1/jobs", told)
    return seconds
