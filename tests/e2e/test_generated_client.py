"""A Python client that openapi-python-client makes of the served document does the main job, and reads each answer."""

import importlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from app.core.specs.defaults import random_rates
from examples.digits import digits, zipped
from tests.documented_answers import DocumentedAnswers
from tests.e2e.service import Service

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
CONFIG = Path(__file__).parents[1] / "clients" / "python" / "config.yml"
PACKAGE = "imprint_client"
TRAINING = {"epochs": 2, "augmentation": {"crop": 0.7, "flip": False}}


class Client:
    """The generated package: its models, and its operations by the module that each is in."""

    def __init__(self, package: ModuleType, url: str, watch: Callable[[httpx.Response], None]) -> None:
        self.models = importlib.import_module(f"{package.__name__}.models")
        self.types = importlib.import_module(f"{package.__name__}.types")
        hooks = {"response": [watch]}
        self.connection = package.Client(base_url=url, timeout=60, httpx_args={"event_hooks": hooks})

    def call(self, operation: str, *path: str, **arguments: Any) -> Any:
        """The parsed answer of an operation, such as `jobs.get_job`, which must be a success."""
        module = importlib.import_module(f"{PACKAGE}.api.{operation}")
        answer = module.sync_detailed(*path, client=self.connection, **arguments)
        assert 200 <= answer.status_code < 300, answer.content
        assert answer.parsed is not None
        return answer.parsed

    def until(self, operation: str, id_: str, status: str) -> Any:
        """Poll until it has this status."""
        deadline = time.monotonic() + 120
        while (found := self.call(operation, id_)).status != status:
            assert found.status in ("preparing", "queued", "running"), found.error
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found

    def upload(self, name: str, files: dict[str, bytes]) -> Any:
        """A dataset, uploaded as a form, once it is ready."""
        archive = self.types.File(io.BytesIO(zipped(files)), "images.zip", "application/zip")
        body = self.models.CreateDatasetFilesBody(file=archive, name=name)
        made = self.call("datasets.create_dataset", body=body)
        return self.until("datasets.get_dataset", made.id, "ready")

    def job(self, spec: Any) -> Any:
        """A job, once it has succeeded."""
        made = self.call("jobs.create_job", body=spec)
        return self.until("jobs.get_job", made.id, "succeeded")


@pytest.fixture(scope="module")
def answers(embedded: Service) -> DocumentedAnswers:
    return DocumentedAnswers(embedded.get("/openapi.json"))


@pytest.fixture(scope="module")
def client(embedded: Service, answers: DocumentedAnswers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The client, generated without a warning: no operation and no schema of the document is left out."""
    folder = tmp_path_factory.mktemp("generated")
    document = folder / "openapi.json"
    document.write_text(json.dumps(embedded.get("/openapi.json")))
    options = ["--path", document, "--output-path", folder / PACKAGE, "--meta", "none", "--config", CONFIG]
    command = [GENERATOR, "generate", "--fail-on-warning", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        made = Client(importlib.import_module(PACKAGE), str(embedded.http.base_url), answers.check)
        yield made
        made.connection.get_httpx_client().close()
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
            del sys.modules[name]


def test_every_operation_has_a_function(embedded: Service, client: Client) -> None:
    for operations in embedded.get("/openapi.json")["paths"].values():
        for operation in operations.values():
            module = importlib.import_module(f"{PACKAGE}.api.{operation['tags'][0]}.{operation['operationId']}")
            assert callable(module.sync_detailed)


def test_the_main_job(client: Client, embedded: Service, answers: DocumentedAnswers) -> None:
    models = client.models
    source_files, target_files = digits()
    source = client.upload("digits 0 to 6", dict(list(source_files.items())[:150]))
    target = client.upload("digits 7 to 9", target_files)
    assert source.splits.train + source.splits.val + source.splits.test == source.images == 150
    assert [one.name for one in target.classes] == ["7", "8", "9"]
    training = models.Training.from_dict(TRAINING)

    pretraining = client.job(
        models.Pretrain(
            type_="pretrain",
            dataset=source.id,
            backbone="squeezenet1_1",
            image_size=32,
            method=models.SupervisedSpec(kind="supervised"),
            training=training,
        )
    )
    assert isinstance(pretraining, models.PretrainJob)
    job = client.job(
        models.Finetune(
            type_="finetune",
            dataset=target.id,
            init=pretraining.result.model,
            penalty=models.L2SPSpec(kind="l2_sp", strength=200),
            baselines=[models.FinetuneBaselinesItem.RANDOM],
            training=training,
        )
    )
    check_job(client, job, target)
    check_events(client, embedded, job)
    check_lists(client, job)
    check_prediction(client, job, target_files)
    check_judgements(client, job, target)
    assert answers.called >= {"create_dataset", "create_job", "get_job", "list_events", "predict", "list_metrics"}


def check_job(client: Client, job: Any, target: Any) -> None:
    models, result = client.models, job.result
    assert isinstance(job, models.FinetuneJob)
    assert isinstance(job.spec.penalty, models.L2SPSpec)
    assert isinstance(result, models.FinetuneResult)
    assert result.metrics.images == target.splits.test
    assert sum(map(sum, result.metrics.confusion_matrix)) == target.splits.test
    assert [one.class_ for one in result.metrics.per_class] == ["7", "8", "9"]
    yardstick = result.baselines["random"].metrics
    assert result.comparisons["random"].difference == pytest.approx(result.metrics.accuracy - yardstick.accuracy)
    assert result.verdict.endswith(".")
    assert result.domain_gap.images.target > 0
    assert result.input_.stored_images.smallest == [32, 32]
    assert job.created_at < job.started_at < job.finished_at


def check_events(client: Client, embedded: Service, job: Any) -> None:
    models = client.models
    listed = client.call("jobs.list_events", job.id, limit=200).data
    assert isinstance(listed[0], models.QueuedEvent)
    assert isinstance(listed[-1], models.SucceededEvent)
    started = [event for event in listed if isinstance(event, models.RunStartedEvent)]
    rates = {f"random_rate={rate:g}" for rate in random_rates("squeezenet1_1", "adamw")}
    # the head is trained before the rest
    assert {event.data.run for event in started} == {"head", "main", *rates, "refit_head", "refit"}
    epochs = [event.data for event in listed if isinstance(event, models.EpochEvent)]
    assert all(0 <= epoch.val_accuracy <= 1 for epoch in epochs)
    accept = {"Accept": "text/event-stream"}
    with embedded.http.stream("GET", f"/v1/jobs/{job.id}/events", headers=accept) as stream:
        told = [line.partition(": ")[2] for line in stream.iter_lines() if line.startswith("event: ")]
    # `progress` is of the stream alone: it says how far the job is now, and is not kept
    assert [kind for kind in told if kind != "progress"] == [event.type_ for event in listed]


def check_lists(client: Client, job: Any) -> None:
    """The other operations on the job; each answer is checked against the document as it comes."""
    for run in ("main", "random"):
        series = client.call("jobs.list_metrics", job.id, run=run).data
        assert [(row.run, row.epoch) for row in series] == [(run, 1), (run, 2)]
    client.call("jobs.list_checkpoints", job.id)
    for artifact in client.call("jobs.list_artifacts", job.id).data:
        assert artifact.bytes_ > 0
    assert job.id in [one.id for one in client.call("jobs.list_jobs", limit=200).data]
    kinds = {type(one) for one in client.call("jobs.list_jobs", type_=client.models.ListJobsTypeType0.PREPARE).data}
    assert kinds == {client.models.PrepareJob}
    client.call("datasets.list_datasets")
    assert job.result.model in [one.id for one in client.call("models.list_models").data]
    model = client.call("models.get_model", job.result.model)
    assert (model.job, model.classes, model.input_.size) == (job.id, ["7", "8", "9"], 32)


def check_prediction(client: Client, job: Any, files: dict[str, bytes]) -> None:
    image = next(content for name, content in files.items() if name.startswith("test/"))
    form = client.models.PredictFilesBody(file=[client.types.File(io.BytesIO(image), "digit.png", "image/png")])
    raw = client.types.File(io.BytesIO(image))
    (asked,), (again,) = (
        client.call("predictions.predict", job.result.model, body=body).results for body in (form, raw)
    )
    assert asked == again
    assert isinstance(asked, client.models.Prediction)
    assert asked.label in ("7", "8", "9")
    assert asked.top[0].probability == asked.confidence
    broken = client.types.File(io.BytesIO(b"not an image"), "broken.png", "image/png")
    two = client.models.PredictFilesBody(file=[broken, client.types.File(io.BytesIO(image), "digit.png", "image/png")])
    failure, right = client.call("predictions.predict", job.result.model, body=two).results
    assert isinstance(failure, client.models.Failure)
    assert right.label == asked.label


def check_judgements(client: Client, job: Any, target: Any) -> None:
    models = client.models
    evaluation = client.job(models.Evaluate(type_="evaluate", model=job.result.model, dataset=target.id))
    assert evaluation.result.metrics.accuracy == pytest.approx(job.result.refit.metrics.accuracy, abs=0.01)
    assert all(one.share > 0 for one in evaluation.result.most_confused)
    ranking = client.job(models.Rank(type_="rank", dataset=target.id, candidates=[job.result.model]))
    assert [one.model for one in ranking.result.ranking] == [job.result.model]
