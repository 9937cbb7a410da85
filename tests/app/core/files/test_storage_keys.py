"""Keys are those under which the versions before stored their files, and no module builds one of its own."""

import re
from pathlib import Path

import pytest

import app
import worker
from app.core.files import storage_keys as keys

SOURCES = [path for package in (app, worker) for path in Path(package.__path__[0]).rglob("*.py")]
# A folder of the storage at the beginning of a string, or one of a model's files.
FOLDERS = "incoming|partial|uploads|datasets|jobs|models|graphs"
KEY = re.compile(rf'"(?:(?:{FOLDERS})/[^"]*|model\.(?:json|onnx|safetensors))"')


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (keys.partial_upload("upl_1"), "partial/upl_1"),
        (keys.archive("ds_1"), "uploads/ds_1.zip"),
        (keys.dataset("ds_1"), "datasets/ds_1"),
        (keys.image_names("ds_1"), "datasets/ds_1/names.json"),
        (keys.image_digests("ds_1"), "datasets/ds_1/digests.bin"),
        (keys.job("job_1"), "jobs/job_1"),
        (keys.checkpoint("job_1", "ckpt_1"), "jobs/job_1/ckpt_1.safetensors"),
        (keys.artifact("job_1", "art_1"), "jobs/job_1/artifacts/art_1"),
        (keys.model("mdl_1"), "models/mdl_1"),
        (keys.model_file("mdl_1", keys.CARD), "models/mdl_1/model.json"),
        (keys.graph("abc"), "graphs/abc.onnx"),
    ],
)
def test_keys(key: str, expected: str) -> None:
    assert key == expected


def test_no_other_module_builds_a_key() -> None:
    assert len(SOURCES) > 200
    own = Path(keys.__file__)
    assert [path for path in SOURCES if path != own and KEY.search(path.read_text("utf-8"))] == []
