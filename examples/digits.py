"""The main job over HTTP on real images: pre-train on some digits, then fine-tune on others with five labels each.

scikit-learn's handwritten digits come with its pip install. Digits 0 to 6, all labelled, are the source; of 7, 8 and 9
there are five labelled images each to train with, and five to validate. The same job trains the yardstick: the same
network from random weights, with the same images, as many epochs as random weights need, and the best of three learning
rates. The model that is published is then trained on the validation images too.

    python examples/digits.py            starts a server of its own, and ends it
    python examples/digits.py URL        uses one that runs
"""

import io
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

DATA = Path("demo-data")
IMPRINT = Path(sys.executable).with_name("imprint")
ENDED = ("succeeded", "failed", "cancelled", "ready")
SIZE = 32
TRAINING = {"augmentation": {"crop": 0.7, "flip": False}}  # a mirrored digit is no digit
SOURCE_DIGITS = range(7)
TARGET_DIGITS = range(7, 10)
SEEDS = (0, 1, 2)
LABELS_EACH, VALIDATION_EACH, TEST_EACH = 5, 5, 100


def png(pixels: np.ndarray) -> bytes:
    """An 8 x 8 digit with values 0 to 16 as a PNG file."""
    file = io.BytesIO()
    Image.fromarray((pixels * (255 / 16)).astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(
        file, "PNG"
    )
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive of these files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def split_of(place: int) -> str | None:
    """Which split the nth image of a target class goes to."""
    edges = {
        "train": LABELS_EACH,
        "val": LABELS_EACH + VALIDATION_EACH,
        "test": LABELS_EACH + VALIDATION_EACH + TEST_EACH,
    }
    return next((name for name, edge in edges.items() if place < edge), None)


def digits() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The source's files, and the target's in split folders."""
    images, labels = load_digits(return_X_y=True)
    source, target, seen = {}, {}, dict.fromkeys(range(10), 0)
    for number, (pixels, label) in enumerate(zip(images.reshape(-1, 8, 8), labels, strict=True)):
        place, seen[int(label)] = seen[int(label)], seen[int(label)] + 1
        if label in SOURCE_DIGITS:
            source[f"{label}/{number}.png"] = png(pixels)
        elif split := split_of(place):
            target[f"{split}/{label}/{number}.png"] = png(pixels)
    return source, target


class Imprint:
    """Imprint's HTTP interface, as far as this job needs it."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)

    def post(self, path: str, **content: object) -> dict:
        """POST; an error ends the demo with the server's message."""
        answer = self.http.post(path, **content)
        if answer.is_error:
            raise SystemExit(f"POST {path}: {answer.text}")
        return answer.json()

    def upload(self, name: str, files: dict[str, bytes]) -> dict:
        """Upload files; the dataset once it is ready."""
        body = zipped(files)
        print(f"uploading {name}: {len(files)} images, {len(body) // 1024} KiB")
        return self.archive(name, body)

    def archive(self, name: str, body: bytes) -> dict:
        """Upload a zip archive; the dataset once it is ready."""
        headers = {"Content-Type": "application/zip"}
        return self.followed(
            "/v1/datasets", self.post("/v1/datasets", params={"name": name}, content=body, headers=headers)
        )

    def job(self, **spec: object) -> dict:
        """Create a job; the job once it has succeeded."""
        return self.followed("/v1/jobs", self.post("/v1/jobs", json=spec))

    def followed(self, path: str, made: dict) -> dict:
        """Poll a dataset or a job until it has ended, printing its progress."""
        shown = ""
        while made["status"] not in ENDED:
            time.sleep(0.5)
            made = self.http.get(f"{path}/{made['id']}").json()
            if (line := describe(made)) != shown:
                print(f"  {line}")
                shown = line
        if made["status"] not in ("succeeded", "ready"):
            raise SystemExit(f"{made['id']} {made['status']}: {made['error']}")
        return made


def describe(made: dict) -> str:
    """One line on a dataset or a job."""
    progress, figures = made.get("progress") or {}, made.get("metrics") or {}
    line = f"{made.get('type', 'dataset')} {made['status']}"
    if made["status"] == "running" and progress:
        line += f" {progress['fraction']:4.0%}"
    if "val_accuracy" in figures:
        line += f", {figures['run']} epoch {figures['epoch']}: validation accuracy {figures['val_accuracy']:.2f}"
    return line


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def server(data: Path, output: IO[bytes] | None = None, *options: str) -> Iterator[str]:
    """Run a server on a free port with this data folder; its URL. Its log goes to `output`."""
    port = free_port()
    command = [IMPRINT, "serve", "--port", str(port), "--data", data, *options]
    process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    """Wait for a minute at most until the server answers."""
    for _ in range(300):
        if process.poll() is not None:
            raise SystemExit("the server did not start")
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit("the server did not become ready")


def predicted(imprint: Imprint, model: str, files: dict[str, bytes]) -> float:
    """Accuracy of the prediction endpoint on the test images, in batches of 50."""
    tests = [(name, content) for name, content in files.items() if name.startswith("test/")]
    right = 0
    for start in range(0, len(tests), 50):
        part = tests[start : start + 50]
        parts = [("file", (name.rsplit("/", 1)[1], content, "image/png")) for name, content in part]
        results = imprint.post(f"/v1/models/{model}/predictions", files=parts)["results"]
        right += sum(result["label"] == name.split("/")[1] for result, (name, _) in zip(results, part, strict=True))
    return right / len(tests)


def learnt(imprint: Imprint, source: str, target: str, seed: int) -> dict:
    """Pre-train on the source and fine-tune on the target with one seed; the result of the fine-tuning.

    How well features transfer differs more from one pre-training to the next than from one fine-tuning to the next.
    """
    pretraining = imprint.job(
        type="pretrain", dataset=source, backbone="resnet18", image_size=SIZE,
        method={"kind": "supervised"}, training=TRAINING | {"epochs": 4, "seed": seed},
    )  # fmt: skip
    finetuning = imprint.job(
        type="finetune", dataset=target, init=pretraining["result"]["model"],
        penalty={"kind": "l2_sp"}, baselines=["random"], training=TRAINING | {"batch_size": 8, "seed": seed},
    )  # fmt: skip
    return finetuning["result"]


def run(url: str) -> None:
    """Run the main job for each seed, and predict with the first model."""
    imprint = Imprint(url)
    began = time.monotonic()
    source_files, target_files = digits()
    source = imprint.upload("digits 0 to 6", source_files)
    target = imprint.upload("digits 7 to 9, five labels each", target_files)
    results = [learnt(imprint, source["id"], target["id"], seed) for seed in SEEDS]
    table(results, predicted(imprint, results[0]["model"], target_files))
    print(f"\nthe whole job: {time.monotonic() - began:.0f} s")


def table(results: list[dict], served: float) -> None:
    """Print the accuracy with transfer and without, by seed, and that of the published models."""
    tests, labels = (len(TARGET_DIGITS) * each for each in (TEST_EACH, LABELS_EACH))
    print(f"\n{tests} test images of digits 7 to 9, after {labels} labelled ones, seeds {SEEDS}\n")
    print(f"{'':26}{'accuracy':>9}   {'by seed':23}{'seconds':>7}")
    rows = {
        "with transfer": results,
        "without (random weights)": [each["baselines"]["random"] for each in results],
        "published, all labels": [each["refit"] for each in results],
    }
    for name, outcomes in rows.items():
        found = [outcome["metrics"]["accuracy"] for outcome in outcomes]
        seconds = sum(outcome["seconds"] for outcome in outcomes) / len(outcomes)
        by_seed = ", ".join(f"{accuracy:.3f}" for accuracy in found)
        print(f"{name:26}{sum(found) / len(found):>9.3f}   {by_seed:23}{seconds:>7.1f}")
    print(f"{'the first of them, HTTP':26}{served:>9.3f}")


def main() -> None:
    """Use the server of the command line, or start one."""
    if len(sys.argv) > 1:
        run(sys.argv[1])
        return
    shutil.rmtree(DATA, ignore_errors=True)
    with server(DATA) as url:
        run(url)


if __name__ == "__main__":
    main()
