"""Predictions over HTTP: a photograph in, the five most probable of 1000 classes out.

python -m benchmarks.performance.predictions MODEL PHOTOGRAPH    images per second of decoding and inference alone
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from app.core.files.images import BadImage
from app.core.processes.cpu_count import count_cores
from app.core.settings import Settings
from app.predictions.service import decode_view
from app.serving.loaded_model import LoadedModel
from benchmarks.load import HttpRequest, load
from benchmarks.performance.inputs import BenchmarkInputs
from benchmarks.performance.measure import OURS, PEERS, Goal, Section, Series, ratios, run_module
from benchmarks.performance.serving import percentile, publish_weights, rate, running, warm_server
from examples.digits import Imprint, free_port, server

CLIENTS, SECONDS, ROUNDS, WARM = (1, 8, 32), 5.0, 3, 1.0
MODULE = "benchmarks.performance.predictions"
NOTES = [
    """\
Nine times a naive server is out of reach on this machine with this network in 32-bit floats: decoding and inference
alone, without any HTTP, are some four and a half times its rate. In bfloat16 OpenVINO computes this network twice
as fast (361 images/s instead of 178, batches of 8), and the probability of one class of a thousand then differs
from torch's by up to 0.08 (eight photographs; the most probable class is the same). Thresholds and temperatures are
fitted to torch's outputs, and agreement to 1e-4 is promised, so bfloat16 is not offered.""",
]
PEER = "benchmarks.performance.peers"
BOUNDARY = "imprint-benchmark"
ALONE, NAIVE, LITSERVE, BENTOML = "alone", "FastAPI with torch", "LitServe", "BentoML"
WANTED = {NAIVE: 9, LITSERVE: 1.5, BENTOML: 1}
IMAGES = 240


Served = Callable[[], AbstractContextManager[HttpRequest]]


ABOUT = """\
MobileNetV2 with ImageNet's weights at 224 px: a JPEG of {size} KiB in, the five most probable classes out. 1, 8 and
32 clients in a process of their own send the next request as soon as the last is answered, for {SECONDS:.0f} s each.
Each server is alone on the machine, with one process that answers. `alone` is decoding and inference without HTTP,
with one thread per core."""


def run(inputs: BenchmarkInputs) -> Section:
    """Measure every server in turn, alone on the machine."""
    with TemporaryDirectory() as name:
        series = measured(inputs, Path(name))
    size = inputs.photograph.stat().st_size // 1024
    return Section(
        "Predictions over HTTP",
        ABOUT.format(size=size, SECONDS=SECONDS),
        list(series.values()),
        goals(series),
        NOTES,
    )


def measured(inputs: BenchmarkInputs, folder: Path) -> dict[str, Series]:
    """Measure every server with every number of clients, and decoding and inference without a server."""
    series: dict[str, Series] = {}

    def note(name: str, unit: str, value: float) -> None:
        series.setdefault(name, Series(name, unit, [])).values.append(value)
        print(f"  {name}: {value:.4g} {unit}", flush=True)

    model, files = servable(folder, "mobilenet_v2", inputs.weights, inputs.photograph)
    for _ in range(ROUNDS):
        note(ALONE, "images/s", run_module(OURS, MODULE, (files, inputs.photograph)))
        for name, served in servers(inputs, folder, model).items():
            with served() as request:
                load(request, "closed", 8, WARM)
                for clients in CLIENTS:
                    replies = load(request, "closed", clients, SECONDS)
                    note(f"{name}, {clients} at a time", "requests/s", rate(replies))
                    note(f"{name}, {clients} at a time, 99 %", "ms", percentile(replies, 99))
    return series


def goals(series: Mapping[str, Series]) -> list[Goal]:
    """The targets, for the largest number of clients."""
    most = f"{CLIENTS[-1]} at a time"
    mine, late = series[f"imprint, {most}"], series[f"imprint, {most}, 99 %"]
    found = [Goal(f"{most}: imprint / {ALONE}", ratios(mine, series[ALONE]), least=0.8)]
    for name, least in WANTED.items():
        theirs, theirs_late = series[f"{name}, {most}"], series[f"{name}, {most}, 99 %"]
        found.append(Goal(f"{most}: imprint / {name}", ratios(mine, theirs), least=least))
        found.append(Goal(f"{most}, 99 %: imprint / {name}", ratios(late, theirs_late), most=1.0))
    return found


def servers(inputs: BenchmarkInputs, folder: Path, model: str) -> dict[str, Served]:
    """A function to start each server, by name."""
    forms = {name: folder / f"{name}.form" for name in ("request", "images")}
    for name, form in forms.items():
        form.write_bytes(multipart(name, inputs.photograph))
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return {
        "imprint": partial(_imprint, folder / "data", model, inputs.photograph),
        NAIVE: partial(_peer, "naive_server", inputs.weights, inputs.photograph, "image/jpeg"),
        LITSERVE: partial(_peer, "litserve_server", inputs.weights, forms["request"], kind),
        BENTOML: partial(_peer, "bentoml_server", inputs.weights, forms["images"], kind),
    }


@contextmanager
def _imprint(data: Path, model: str, photograph: Path) -> Iterator[HttpRequest]:
    with warm_server(data) as url:
        yield HttpRequest(f"{url}/v1/models/{model}/predictions", photograph)


@contextmanager
def _peer(module: str, weights: Path, file: Path, media_type: str) -> Iterator[HttpRequest]:
    port = free_port()
    request = HttpRequest(f"http://127.0.0.1:{port}/predict", file, media_type)
    with running(PEERS, ["-m", f"{PEER}.{module}", weights, port], request):
        yield request


def multipart(name: str, file: Path) -> bytes:
    """A form with one file."""
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="{file.name}"'
    head = f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: image/jpeg\r\n\r\n"
    return head.encode() + file.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()


def servable(folder: Path, backbone: str, weights: Path, photograph: Path) -> tuple[str, Path]:
    """The id of an imported model that is ready, and its folder in the data folder of `folder`."""
    folder.mkdir(exist_ok=True)
    data = folder / "data"
    with (folder / "log.txt").open("wb") as log, server(data, log) as url:
        model = publish_weights(Imprint(url), backbone, weights, photograph)
    return model, next(data.rglob("model.onnx")).parent


def main(model: str, photograph: str) -> float:
    """Images per second with one thread per core that decodes an image and runs the network."""
    network, content, settings = LoadedModel(Path(model)), Path(photograph).read_bytes(), Settings()

    def answer(_: int) -> None:
        view = decode_view(content, network.card, settings)
        if isinstance(view, BadImage):
            raise view
        network.run([view])

    with ThreadPoolExecutor(count_cores()) as pool:
        for images in (IMAGES // 8, IMAGES):  # the first to warm up
            began = time.perf_counter()
            list(pool.map(answer, range(images)))
    return images / (time.perf_counter() - began)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
