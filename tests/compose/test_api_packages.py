"""The API image's packages, installed as the Dockerfile installs them: no torch, and the application starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose.files import ROOT

UV = Path(sys.executable).with_name("uv")
CODE = """
import sys
from app.cli.main import cli
from app.main import create_app
create_app()
print("torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment, which has the lock's packages and nothing else."""
    folder = tmp_path_factory.mktemp("api")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    install = [UV, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--require-hashes", "-r", ROOT / "requirements" / "api.txt"], check=True)
    pinned = ("--require-hashes", "--build-constraint", ROOT / "requirements" / "dev.txt")
    subprocess.run([UV, "build", "--quiet", "--wheel", *pinned, "--out-dir", folder / "wheel", ROOT], check=True)
    subprocess.run([*install, "--no-deps", *(folder / "wheel").glob("*.whl")], check=True)
    return python


def test_the_application_needs_no_torch(python: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-c", CODE], capture_output=True, text=True, cwd=tmp_path, env=environment, check=True
    )
    assert done.stdout == "False\n"
    packages = {path.name.partition("-")[0] for path in python.parents[1].glob("lib/*/site-packages/*.dist-info")}
    assert "fastapi" in packages
    assert not packages & {"torch", "torchvision", "onnx", "triton"}
