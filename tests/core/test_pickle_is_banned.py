"""The lint must fail on what could run code out of a file."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUFF = Path(sys.executable).with_name("ruff")


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "import joblib",
        "import dill",
        "import shelve",
        "import marshal",
        "import torch; torch.load('f')",
        "from torch import load",
        "import torch as t; t.save(1, 'f')",
    ],
)
def test_the_lint_fails(tmp_path: Path, line: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "innocent.py").write_text(f'"""Innocent."""\n\n{line}\n')
    command = [RUFF, "check", "--no-cache", "--select", "TID251", "--output-format", "concise", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "TID251" in done.stdout


def test_nothing_allows_pickled_arrays() -> None:
    """No rule of ruff's knows this one."""
    for folder in ("app", "worker", "migrations", "benchmarks", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            assert "allow_pickle=True" not in path.read_text("utf-8"), path
