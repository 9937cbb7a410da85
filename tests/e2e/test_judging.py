"""Over HTTP and through real workers: see what is learnt, adapt, evaluate, rank."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from examples.digits import digits
from tests.e2e.service import Service

SHORT = {"epochs": 2, "augmentation": {"crop": 0.7, "flip": False}}
NETWORK = {"backbone": "resnet18", "image_size": 32}


def negative(content: bytes) -> bytes:
    """The same digit, black on white."""
    file = io.BytesIO()
    Image.fromarray(255 - np.asarray(Image.open(io.BytesIO(content)))).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def sevens(embedded: Service) -> dict[str, Any]:
    """Digits 7 to 9, labelled."""
    return embedded.upload("digits 7 to 9", digits()[1])


@pytest.fixture(scope="module")
def pretrained(embedded: Service) -> dict[str, Any]:
    """A job that turned digits 0 to 6, whose labels it was never told."""
    files = {f"{number}.png": content for number, content in enumerate(list(digits()[0].values())[:200])}
    dataset = embedded.upload("unlabelled digits", files)
    return embedded.job(
        type="pretrain",
        dataset=dataset["id"],
        method={"kind": "rotation"},
        training={**SHORT, "augmentation": {"crop": 0.7}},
        **NETWORK,
    )


@pytest.fixture(scope="module")
def finetuned(embedded: Service, sevens: dict[str, Any], pretrained: dict[str, Any]) -> dict[str, Any]:
    """A job that said nothing but what it is."""
    spec = {"type": "finetune", "dataset": sevens["id"], "init": pretrained["result"]["model"]}
    return embedded.job(**spec, training={"augmentation": SHORT["augmentation"]})


def test_a_picture_of_what_is_learnt_can_be_fetched(embedded: Service, pretrained: dict[str, Any]) -> None:
    (shown,) = embedded.get(f"/v1/jobs/{pretrained['id']}/artifacts")["data"]
    answer = embedded.http.get(f"/v1/jobs/{pretrained['id']}/artifacts/{shown['name']}")
    assert answer.headers["content-type"] == shown["media_type"] == "image/png"
    assert len(answer.content) == shown["bytes"]
    assert Image.open(io.BytesIO(answer.content)).size > (200, 200)


def test_the_defaults_are_filled_in_and_said(finetuned: dict[str, Any]) -> None:
    spec, result = finetuned["spec"], finetuned["result"]
    assert (spec["trainable"], spec["training"]["batch_norm"]) == ("head_then_all", "train")
    assert spec["training"]["epochs"] == result["metrics"]["epochs"] == 100
    assert list(result["baselines"]) == ["head"]
    assert "a new output layer alone" in result["verdict"]


def test_an_evaluation_agrees_with_the_job_that_made_the_model(
    embedded: Service, sevens: dict[str, Any], finetuned: dict[str, Any]
) -> None:
    made = finetuned["result"]
    found = embedded.job(type="evaluate", model=made["model"], dataset=sevens["id"])["result"]
    assert (found["split"], found["images"]) == ("test", 300)
    assert found["metrics"]["accuracy"] == pytest.approx(made["refit"]["metrics"]["accuracy"], abs=0.004)
    assert all(suspect["image"].startswith(f"test/{suspect['class']}/") for suspect in found["suspects"])


def test_the_order_of_starts_is_told_without_training(
    embedded: Service, sevens: dict[str, Any], pretrained: dict[str, Any], finetuned: dict[str, Any]
) -> None:
    made = finetuned["result"]["model"]
    embedded.http.put("/v1/aliases/reader", json={"model": made}).raise_for_status()
    candidates = [pretrained["result"]["model"], "reader"]
    result = embedded.job(type="rank", dataset=sevens["id"], candidates=candidates)["result"]
    assert [one["model"] for one in result["ranking"]] == [made, pretrained["result"]["model"]]


def test_a_model_adapts_to_images_without_labels(embedded: Service, sevens: dict[str, Any]) -> None:
    """The target: the same digits as negatives. Their labels are there for the test figures alone."""
    target = embedded.upload("negatives", {name: negative(content) for name, content in digits()[1].items()})
    job = embedded.job(
        type="finetune", dataset=target["id"], adapt={"kind": "coral", "source": sevens["id"]},
        baselines=["source_only"], training=SHORT, **NETWORK,
    )  # fmt: skip
    result = job["result"]
    assert (result["metrics"]["dataset"], result["metrics"]["images"]) == (target["id"], 300)
    assert set(result["baselines"]) == {"source_only"}
    assert "Adaptation" in result["verdict"]


def test_a_diverged_job_names_its_step_and_keeps_its_last_good_checkpoint(
    embedded: Service, sevens: dict[str, Any], pretrained: dict[str, Any]
) -> None:
    """A penalty of 10,000 is stable up to a learning rate that the warm-up passes in one of the first epochs."""
    job = embedded.post(
        "/v1/jobs",
        json={
            "type": "finetune", "dataset": sevens["id"], "init": pretrained["result"]["model"], "trainable": "all",
            "penalty": {"kind": "function", "strength": 10000},
            "training": {"epochs": 40, "batch_size": 4, "optimizer": "sgd", "learning_rate": 0.1, "warmup": 0.9},
        },
    )  # fmt: skip
    ended = embedded.until(job, lambda now: now["status"] in ("succeeded", "failed"))
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "diverged"
    step = int(ended["error"]["message"].split(" at step ")[1].split(".")[0])
    saved = embedded.get(f"/v1/jobs/{job['id']}/checkpoints")["data"]
    assert saved
    assert max(checkpoint["step"] for checkpoint in saved) <= step
