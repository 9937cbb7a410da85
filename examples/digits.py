"""The main job on real input, through HTTP alone.

Learn from some digits, then tell the others apart from five labels each.

scikit-learn's handwritten digits come with its pip install. Digits 0 to 4, all labelled, are the source; of 5 to 9
there are five labelled images each to train with. The same job trains the yardstick: the same network from random
weights.

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

import httpx
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

DATA = Path("demo-data")
IMPRINT = Path(sys.executable).with_name("imprint")
ENDED = ("succeeded", "failed", "cancelled", "ready")
SIZE = 32
TRAINING = {"augmentation": {"crop": 0.7, "flip": False}}  # a mirrored digit is no digit
LABELS_EACH, VALIDATION_EACH, TEST_EACH = 5, 5, 60


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
    """The source's files (0 to 4) and the target's (5 to 9, in split folders)."""
    images, labels = load_digits(return_X_y=True)
    source, target, seen = {}, {}, dict.fromkeys(range(10), 0)
    for number, (pixels, label) in enumerate(zip(images.reshape(-1, 8, 8), labels, strict=True)):
        place, seen[int(label)] = seen[int(label)], seen[int(label)] + 1
        if label < 5:
            source[f"{label}/{number}.png"] = png(pixels)
        elif split := split_of(place):
            target[f"{split}/{label}/{number}.png"] = png(pixels)
    return source, target


class Imprint:
    """Imprint's HTTP interface, as far as this job needs it."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=60)

    def post(self, path: str, **content: object) -> dict:
        """What a POST answers; an error ends the demo with what the server says."""
        answer = self.http.post(path, **content)
        if answer.is_error:
            raise SystemExit(f"POST {path}: {answer.text}")
        return answer.json()

    def upload(self, name: str, files: dict[str, bytes]) -> dict:
        """A dataset, once it is ready."""
        body = zipped(files)
        print(f"uploading {name}: {len(files)} images, {len(body) // 1024} KiB")
        headers = {"Content-Type": "application/zip"}
        return self.followed(
            "/v1/datasets", self.post("/v1/datasets", params={"name": name}, content=body, headers=headers)
        )

    def job(self, **spec: object) -> dict:
        """A job, once it has succeeded."""
        return self.followed("/v1/jobs", self.post("/v1/jobs", json=spec))

    def followed(self, path: str, made: dict) -> dict:
        """Poll a dataset or a job until it has ended, showing how far it is."""
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


@contextmanager
def server() -> Iterator[str]:
    """A server on a free port with an empty data folder, ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shutil.rmtree(DATA, ignore_errors=True)
    process = subprocess.Popen([IMPRINT, "serve", "--port", str(port), "--data", DATA])
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    """Until the server answers; it is given a minute."""
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
    """Share of test images that the prediction endpoint gets right, asked in batches of 50."""
    tests = [(name, content) for name, content in files.items() if name.startswith("test/")]
    right = 0
    for start in range(0, len(tests), 50):
        part = tests[start : start + 50]
        parts = [("file", (name.rsplit("/", 1)[1], content, "image/png")) for name, content in part]
        results = imprint.post(f"/v1/models/{model}/predictions", files=parts)["results"]
        right += sum(result["label"] == name.split("/")[1] for result, (name, _) in zip(results, part, strict=True))
    return right / len(tests)


def run(url: str) -> None:
    """The main job."""
    imprint = Imprint(url)
    began = time.monotonic()
    source_files, target_files = digits()
    source = imprint.upload("digits 0 to 4", source_files)
    target = imprint.upload("digits 5 to 9, five labels each", target_files)
    pretraining = imprint.job(
        type="pretrain", dataset=source["id"], backbone="resnet18", image_size=SIZE,
        method={"kind": "supervised"}, training=TRAINING | {"epochs": 6},
    )  # fmt: skip
    finetuning = imprint.job(
        type="finetune", dataset=target["id"], init=pretraining["result"]["model"],
        penalty={"kind": "l2_sp", "strength": 0.01}, baselines=["random"], training=TRAINING | {"epochs": 30},
    )  # fmt: skip
    result = finetuning["result"]
    served = predicted(imprint, result["model"], target_files)
    without = result["baselines"]["random"]
    print(f"\n{5 * TEST_EACH} test images of digits 5 to 9, after {5 * LABELS_EACH} labelled ones\n")
    print(f"{'':26}{'accuracy':>10}{'95% interval':>16}{'seconds':>10}")
    for name, outcome in (("with transfer", result), ("without (random weights)", without)):
        low, high = outcome["metrics"]["accuracy_interval"]
        accuracy, interval = outcome["metrics"]["accuracy"], f"{low:.2f} to {high:.2f}"
        print(f"{name:26}{accuracy:>10.3f}{interval:>16}{outcome['seconds']:>10.1f}")
    print(f"{'at the HTTP endpoint':26}{served:>10.3f}\n\nthe whole job: {time.monotonic() - began:.0f} s")


def main() -> None:
    """With a server that runs, or with one of its own."""
    if len(sys.argv) > 1:
        run(sys.argv[1])
        return
    with server() as url:
        run(url)


if __name__ == "__main__":
    main()
