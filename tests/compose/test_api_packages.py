"""The API image's packages, installed and trimmed as the Dockerfile does it: no torch, and everything still works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.core.files.storage import Storage
from app.core.models.onnx_graph import Graph
from tests.compose.files import ROOT, stages
from worker.models.onnx_cache import OnnxCache
from worker.models.servable import write_graph
from worker.training.models.backbones import build_backbone
from worker.training.transforms.geometric import Preprocessing

pytestmark = pytest.mark.xdist_group("api_packages")  # the environment takes half a minute: made once
UV = Path(sys.executable).with_name("uv")
PREPROCESSING = Preprocessing(32, 37, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
REQUIREMENTS = ROOT / "requirements"
CODE = """
import sys
from app.cli.main import cli
from app.main import create_app
create_app()
print("torch" in sys.modules)
"""
ANSWER = """
import sys
from pathlib import Path
import numpy as np
from app.core.models.onnx_graph import Graph
np.savez(sys.argv[3], **Graph(Path(sys.argv[1])).answer(np.load(sys.argv[2])))
"""


def unused() -> list[str]:
    """The patterns of what the image leaves out."""
    lines = (REQUIREMENTS / "api-unused.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def remove(path: Path) -> None:
    """Delete a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment: the lock's packages without what the image leaves out, and the project."""
    folder = tmp_path_factory.mktemp("api")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--require-hashes", "-r", REQUIREMENTS / "api.txt"], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    for pattern in unused():
        found = list(packages.glob(pattern))
        assert found, pattern
        for path in found:
            remove(path)
    for path in list(packages.rglob("tests")):
        if path.exists():
            remove(path)
    pinned = ("--require-hashes", "--build-constraint", REQUIREMENTS / "dev.txt")
    subprocess.run([UV, "build", "--quiet", "--wheel", *pinned, "--out-dir", folder / "wheel", ROOT], check=True)
    subprocess.run([*install, "--no-deps", *(folder / "wheel").glob("*.whl")], check=True)
    return python


def run(python: Path, folder: Path, *arguments: str | Path) -> str:
    """The output of the environment's Python, outside the repository and with its own packages alone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, *arguments], capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_application_needs_no_torch(python: Path, tmp_path: Path) -> None:
    assert run(python, tmp_path, "-c", CODE) == "False\n"
    packages = {path.name.partition("-")[0] for path in python.parents[1].glob("lib/*/site-packages/*.dist-info")}
    assert "fastapi" in packages
    assert not packages & {"torch", "torchvision", "onnx", "triton"}


def test_the_build_check_passes(python: Path, tmp_path: Path) -> None:
    run(python, tmp_path, REQUIREMENTS / "check_api.py")


def test_the_build_check_fails_without_the_reader_of_onnx(python: Path, tmp_path: Path) -> None:
    (reader,) = python.parents[1].glob("lib/*/site-packages/openvino/libs/libopenvino_onnx_frontend.so.*")
    reader.rename(reader.with_name("hidden"))
    try:
        with pytest.raises(AssertionError):
            run(python, tmp_path, REQUIREMENTS / "check_api.py")
    finally:
        reader.with_name("hidden").rename(reader)


@pytest.mark.filterwarnings("ignore")  # the exporter's, about its own internals
@pytest.mark.parametrize("backbone", ["shufflenet_v2_x0_5", "vit_b_32"])
def test_a_published_graph_is_answered_as_with_all_packages(python: Path, tmp_path: Path, backbone: str) -> None:
    cache = OnnxCache(Storage(tmp_path / "data"))
    write_graph(
        build_backbone(backbone, 3, 32, seed=0).eval(), PREPROCESSING, ["a", "b", "c"], tmp_path, 1.0, None, cache
    )
    pixels = np.random.default_rng(1).integers(0, 256, (5, 32, 32, 3), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    run(python, tmp_path, "-c", ANSWER, tmp_path / "model.onnx", tmp_path / "pixels.npy", tmp_path / "answers.npz")
    expected = Graph(tmp_path / "model.onnx").answer(pixels)
    with np.load(tmp_path / "answers.npz") as answers:
        assert set(answers) == {"features", "logits"}
        for name, values in expected.items():
            np.testing.assert_allclose(answers[name], values, atol=1e-5)


def test_the_image_leaves_out_what_the_list_names() -> None:
    stage = stages()["api-packages"]
    assert "rm -r $(grep -v '^#' /source/requirements/api-unused.txt)" in stage
    assert "&& python /source/requirements/check_api.py" in stage
