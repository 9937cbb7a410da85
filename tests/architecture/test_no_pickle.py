"""The lint must fail on what could run code out of a file."""

import ast
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
        "import _pickle",
        "from _pickle import loads",
        "from pickle import loads",
        "import joblib",
        "import dill",
        "import shelve",
        "import marshal",
        "import torch; torch.load('f')",
        "from torch import load",
        "import torch as t; t.save(1, 'f')",
        "import torch; torch.jit.load('f')",
        "from torch.jit import load",
        "from torch import jit; jit.load('f')",
        "import torch.package",
        "from torch.package import PackageImporter",
        "import torch; torch.package.PackageImporter('f')",
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


def allowing(source: str) -> list[int]:
    """Lines that may let numpy unpickle an array: `allow_pickle` other than the literal False, however it is told."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if _allows(node)]  # type: ignore[attr-defined]


def _allows(node: ast.AST) -> bool:
    match node:
        case ast.keyword(arg="allow_pickle", value=value):
            return not (isinstance(value, ast.Constant) and value.value is False)
        case ast.Constant(value="allow_pickle"):  # a name in a dict that becomes arguments
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="load" | "save"), args=[_, _, _, *_]):
            return True  # the third has no name there
    return False


@pytest.mark.parametrize(
    "line",
    [
        "np.load('f', allow_pickle=True)",
        "np.load('f', allow_pickle=1)",
        "np.load('f', allow_pickle=trusted)",
        "np.load('f', allow_pickle=not False)",
        "np.load('f', None, True)",
        "np.load('f', **{'allow_pickle': True})",
        "np.lib.format.read_array(f, allow_pickle=True)",
        "read = partial(np.load, allow_pickle=True)",
    ],
)
def test_an_array_that_may_be_pickled_is_seen(line: str) -> None:
    assert allowing(f"import numpy as np\n{line}\n") == [2]


@pytest.mark.parametrize("line", ["np.load('f')", "np.load('f', 'r')", "np.load('f', allow_pickle=False)"])
def test_other_arrays_are_not(line: str) -> None:
    assert allowing(line) == []


def test_nothing_allows_pickled_arrays() -> None:
    """No rule of ruff's knows this one."""
    for folder in ("app", "worker", "migrations", "benchmarks", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            assert allowing(path.read_text("utf-8")) == [], path
