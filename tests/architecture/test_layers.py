"""The import contracts of pyproject.toml hold, and notice modules that they do not list."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")
# What the training core may import beside the standard library: it must run alone on a machine with a GPU.
TRAINING_IMPORTS = {"numpy", "PIL", "safetensors", "torch", "torchvision"}  # Pillow comes with torchvision

# Modules that break a contract: the file, its text, and the contract.
PLANTED = {
    "a module that no layer of the API lists": ("app/unlisted.py", "", "Layers of the API"),
    "a package that no layer of the API lists": ("app/unlisted_package/__init__.py", "", "Layers of the API"),
    "a module that no layer of the kernel lists": ("app/core/unlisted.py", "", "Layers of the kernel"),
    "a package that no layer of the kernel lists": (
        "app/core/unlisted_package/__init__.py",
        "",
        "Layers of the kernel",
    ),
    "a kernel with HTTP": ("app/core/jobs/upwards.py", "import app.http.pagination", "Layers of the API"),
    "HTTP with the application's context": ("app/http/upwards.py", "import app.context", "Layers of the API"),
    "a slice with the command line": ("app/jobs/upwards.py", "import app.cli.keys", "Layers of the API"),
    "a slice with a slice beside it": ("app/keys/sideways.py", "import app.uploads.service", "Layers of the API"),
    "a kernel's result with the database": (
        "app/core/results/upwards.py",
        "import app.core.database.sessions",
        "Layers of the kernel",
    ),
    "a slice with torch": ("app/predictions/heavy.py", "import torch", "The API never imports the worker or torch"),
    "an unlisted package with the worker": (
        "app/unlisted_heavy/__init__.py",
        "import worker.runs.build",
        "The API never imports the worker or torch",
    ),
    "a kernel with a framework": ("app/core/files/framework.py", "import fastapi", "The kernel knows no framework"),
    "an unlisted package of the kernel with a framework": (
        "app/core/unlisted_framework/__init__.py",
        "import celery",
        "The kernel knows no framework",
    ),
    "a module that no layer of the worker lists": ("worker/unlisted.py", "", "Layers of the worker"),
    "a package that no layer of the training core lists": (
        "worker/training/unlisted/__init__.py",
        "",
        "Layers of the training core",
    ),
    "an import of a higher layer": ("worker/models/upwards.py", "import worker.jobs.train", "Layers of the worker"),
    "an import of the API": ("worker/runs/http.py", "import app.main", "The worker takes only app.core from app"),
    "a supervisor with torch": (
        "worker/queue/heavy.py",
        "import torch",
        "The queue never imports what runs in a job's process",
    ),
    "a training core with a project import": (
        "worker/training/optim/settings.py",
        "from app.core import settings",
        "The training core imports nothing of the project",
    ),
}


def broken_contracts(folder: Path) -> dict[str, str]:
    """The broken contracts of the sources in a folder, with the linter's report on each."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    checked = subprocess.run(
        [LINTER, "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    broken = [line.partition(" BROKEN")[0] for line in checked.stdout.splitlines() if " BROKEN" in line]
    assert bool(broken) == bool(checked.returncode), checked.stdout + checked.stderr
    reports = {}
    for name in broken:
        heading = f"\n{name}\n{'-' * len(name)}\n"
        report = checked.stdout.partition(heading)[2]
        reports[name] = re.split(r"\n\n[^\n]+\n-{3,}\n", report)[0]
    return reports


def project_copy(folder: Path) -> Path:
    """The project's sources, for modules to be planted in."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in ("app", "worker"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The linter's reports with all modules planted at once: a run takes seconds."""
    folder = project_copy(tmp_path_factory.mktemp("planted"))
    for name, text, _ in PLANTED.values():
        assert not (folder / name).exists()
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return broken_contracts(folder)


def test_every_contract_holds(tmp_path: Path) -> None:
    assert broken_contracts(project_copy(tmp_path)) == {}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_module_breaks_its_contract(reports: dict[str, str], planted: str) -> None:
    name, _, contract = PLANTED[planted]
    module = name.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
    assert re.search(rf"^- +{re.escape(module)}( ->|$)", reports[contract], re.MULTILINE)


def imported_packages(file: Path) -> set[str]:
    """The top-level packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names if not name.startswith("worker.training")}


@pytest.mark.parametrize("file", sorted((ROOT / "worker/training").rglob("*.py")), ids=lambda file: file.stem)
def test_the_training_core_imports_no_other_library(file: Path) -> None:
    assert imported_packages(file) - sys.stdlib_module_names <= TRAINING_IMPORTS
