"""Predictions over HTTP, on a tiny network that tells colours apart."""

import base64
import io
import math
import threading
import time
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update

from app.core.database.sessions import Database
from app.core.database.tables import Model
from app.core.files.images import decode_image, evaluation_view
from app.core.models.model_card import ModelCard
from app.core.models.preprocessing import imagenet_input
from app.core.settings import Settings
from app.predictions.service import decode_view
from tests.app.conftest import Serve
from tests.app.image_archives import image_bytes
from tests.app.problem_assertions import problem
from tests.app.row_factories import add_model

PNG = {"content-type": "image/png"}
TOP = math.exp(4) / (math.exp(4) + 2)


def predict(client: httpx.Client, model: str, color: str = "red", **options: Any) -> httpx.Response:
    return client.post(f"/v1/models/{model}/predictions", content=image_bytes(color), headers=PNG, **options)


def labels(response: httpx.Response) -> list[str]:
    return [result.get("label") or result["error"]["code"] for result in response.json()["results"]]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_raw_body(client: httpx.Client, database: Database, settings: Settings) -> None:
    model_id = add_model(database, settings)
    found = predict(client, model_id).json()
    assert (found["object"], found["model"]) == ("prediction", model_id)
    (result,) = found["results"]
    assert result["label"] == "red"
    assert result["confidence"] == pytest.approx(TOP)
    assert [guess["label"] for guess in result["top"]] == ["red", "green", "blue"]
    assert sum(guess["probability"] for guess in result["top"]) == pytest.approx(1)
    response = client.post(
        f"/v1/models/{model_id}/predictions?top=1",
        content=image_bytes("blue"),
        headers={"content-type": "application/octet-stream"},
    )
    assert response.json()["results"][0]["top"] == [{"label": "blue", "probability": pytest.approx(TOP)}]


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_confidence_is_the_softmax_at_the_models_temperature(
    client: httpx.Client, database: Database, settings: Settings, temperature: float
) -> None:
    """Red's logit is 4, the others' are 0. A model that is too sure of itself is cooled down, the order stays."""
    (result,) = predict(client, add_model(database, settings, temperature=temperature)).json()["results"]
    shares = [math.exp(logit / temperature) for logit in (4, 0, 0)]
    expected = [share / sum(shares) for share in shares]
    assert result["confidence"] == pytest.approx(expected[0])
    assert [guess["probability"] for guess in result["top"]] == pytest.approx(expected)
    assert [guess["label"] for guess in result["top"]] == ["red", "green", "blue"]


def test_a_form_and_json_keep_the_order_and_a_bad_image_fails_alone(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    url = f"/v1/models/{add_model(database, settings)}/predictions"
    images = [image_bytes("blue"), b"nonsense", image_bytes("red"), b"", image_bytes("lime", kind="JPEG")]
    expected = ["blue", "not_an_image", "red", "not_an_image", "green"]
    form = client.post(url, files=[("file", ("x", image)) for image in images])
    assert (form.status_code, labels(form)) == (200, expected)
    assert labels(client.post(url, files={"file": image_bytes("lime")})) == ["green"]
    texts = [*map(encoded, images), "!!!", encoded(image_bytes("blue"))[:-3], "é"]
    json = client.post(url, json={"images": texts})
    assert (json.status_code, labels(json)) == (200, [*expected, "invalid_base64", "invalid_base64", "invalid_base64"])


def test_one_bad_raw_image_is_refused(client: httpx.Client, database: Database, settings: Settings) -> None:
    url = f"/v1/models/{add_model(database, settings)}/predictions"
    problem(client.post(url, content=b"nonsense", headers=PNG), 422, "not_an_image")
    problem(client.post(url, content=image_bytes(size=(20, 1)), headers=PNG), 422, "image_too_small")


def test_embeddings(client: httpx.Client, database: Database, settings: Settings) -> None:
    for model_id in (add_model(database, settings), add_model(database, settings, classes=())):
        found = client.post(f"/v1/models/{model_id}/embeddings", content=image_bytes("blue"), headers=PNG).json()
        assert found == {"object": "embedding", "model": model_id, "results": [{"embedding": [0, 0, 1]}]}
    problem(predict(client, model_id), 409, "model_has_no_classes")


def test_each_result_says_how_unfamiliar_its_image_is(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    url = f"/v1/models/{add_model(database, settings, unfamiliar=True)}/predictions"
    images = [image_bytes("black"), b"nonsense", image_bytes("white"), image_bytes("red")]
    results = client.post(url, files=[("file", ("x", image)) for image in images]).json()["results"]
    assert [result.get("unfamiliar") for result in results] == [0, None, 1, pytest.approx(1 / 3)]


def test_a_model_without_that_output_does_not_know(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    (result,) = predict(client, add_model(database, settings)).json()["results"]
    assert result["unfamiliar"] is None


def test_an_alias_answers_as_its_model(client: httpx.Client, database: Database, settings: Settings) -> None:
    first = add_model(database, settings)
    second = add_model(database, settings, classes=("a", "b", "c"))
    client.put("/v1/aliases/best", json={"model": first})
    assert predict(client, "best").json()["model"] == first
    client.put("/v1/aliases/best", json={"model": second})
    found = predict(client, "best").json()
    assert (found["model"], found["results"][0]["label"]) == (second, "a")


def test_a_model_that_is_not_there_or_not_ready(client: httpx.Client, database: Database, settings: Settings) -> None:
    problem(predict(client, "mdl_nope"), 404, "model_not_found")
    problem(predict(client, add_model(database, settings, status="failed")), 409, "model_failed")
    preparing = add_model(database, settings, status="preparing")
    start = time.monotonic()
    response = predict(client, preparing)
    problem(response, 409, "model_not_ready")
    assert response.headers["retry-after"]
    assert settings.ready_patience_seconds <= time.monotonic() - start < settings.ready_patience_seconds + 2


def test_a_new_model_is_waited_for(client: httpx.Client, database: Database, settings: Settings) -> None:
    model_id = add_model(database, settings, status="preparing")

    def finish() -> None:
        time.sleep(0.4)
        with database.writing() as session:
            session.execute(update(Model).values(status="ready"))

    worker = threading.Thread(target=finish)
    worker.start()
    assert predict(client, model_id).status_code == 200
    worker.join()


def test_a_deleted_model_is_gone(client: httpx.Client, database: Database, settings: Settings) -> None:
    model_id = add_model(database, settings)
    assert predict(client, model_id).status_code == 200
    assert client.delete(f"/v1/models/{model_id}").status_code == 204
    problem(predict(client, model_id), 404, "model_not_found")


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"content": b""}, 415, "unsupported_media_type"),
    ({"content": b"", "headers": PNG}, 422, "no_images"),
    ({"data": {"images": "x"}}, 415, "unsupported_media_type"),
    ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415, "unsupported_media_type"),
    ({"json": {}}, 422, "invalid_request"),
    ({"json": {"images": "x"}}, 422, "invalid_request"),
    ({"json": {"images": [1]}}, 422, "invalid_request"),
    ({"json": {"images": [], "top": 3}}, 422, "invalid_request"),
    ({"json": []}, 422, "invalid_request"),
    ({"json": {"images": []}}, 422, "no_images"),
    ({"json": {"images": ["x"] * 5}}, 422, "too_many_images"),
    ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "invalid_json"),
    ({"files": {"fiel": b"x"}}, 422, "invalid_request"),
    ({"files": [("file", b"x")] * 5}, 422, "too_many_images"),
    ({"content": bytes(50_001), "headers": PNG}, 413, "body_too_large"),
    ({"content": (bytes(1000) for _ in range(60)), "headers": PNG}, 413, "body_too_large"),
    ({"files": {"file": bytes(50_001)}}, 413, "body_too_large"),
    ({"content": bytes(20_000), "headers": PNG}, 422, "file_too_large"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_wrong_requests(serve: Serve, database: Database, settings: Settings) -> None:
    client = serve(prediction_images=4, max_prediction_bytes=50_000, max_image_bytes=10_000)
    model_id = add_model(database, settings)
    for request, status, code in WRONG:
        problem(client.post(f"/v1/models/{model_id}/predictions", **request), status, code)
    found = problem(client.post(f"/v1/models/{model_id}/predictions", json={"images": ["", 1]}), 422, "invalid_request")
    assert [error["pointer"] for error in found["errors"]] == ["/images/1"]
    for query in ("top=0", "top=x", "tpo=1"):
        problem(
            client.post(f"/v1/models/{model_id}/predictions?{query}", content=b"x", headers=PNG), 422, "invalid_request"
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_broken_servable_is_our_fault_and_the_server_goes_on(
    client: httpx.Client, database: Database, settings: Settings
) -> None:
    broken, fine = add_model(database, settings), add_model(database, settings)
    (settings.data / "models" / broken / "model.onnx").write_bytes(b"nonsense")
    found = problem(predict(client, broken), 500, "internal_error")
    assert "onnx" not in found["detail"].lower()
    assert predict(client, fine).status_code == 200


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_large_photograph_is_decoded_at_a_fraction_of_its_size_and_seen_alike(settings: Settings) -> None:
    """Smooth colours, as a photograph has them: at full size and at the reduced one the views are the same."""
    ramp = np.linspace(0, 255, 1600, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(ramp, (1200, 1)), np.tile(ramp[:1200, None], (1, 1600)),
                                      np.full((1200, 1600), 90, np.uint8)], axis=2))  # fmt: skip
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    card = ModelCard(backbone="resnet18", classes=["a", "b"], input=imagenet_input(224), features=512)
    seen = decode_view(buffer.getvalue(), card, settings)
    assert isinstance(seen, np.ndarray)
    decoded = decode_image(buffer.getvalue(), settings.max_image_pixels)
    whole = evaluation_view(decoded.image, card.input.size, card.input.resize, card.input.interpolation)
    assert np.abs(seen.astype(int) - whole).max() <= 2
    assert decode_image(buffer.getvalue(), settings.max_image_pixels, 2 * card.input.resize).image.size == (800, 600)
