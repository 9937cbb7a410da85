"""Every type of job has a module that can be run, and tells whether it needs torch."""

import importlib.util
import subprocess
import sys

import pytest

from app.core.specs import LANES
from worker.job_modules import JOB_MODULES


def test_every_type_of_job_has_a_module() -> None:
    assert JOB_MODULES.keys() == LANES.keys()


@pytest.mark.parametrize("type_", JOB_MODULES)
def test_a_module_runs_as_main(type_: str) -> None:
    found = importlib.util.find_spec(JOB_MODULES[type_].module)
    assert found is not None
    assert found.loader is not None
    source = found.loader.get_source(found.name)  # type: ignore[attr-defined]
    assert 'if __name__ == "__main__":' in source


@pytest.mark.parametrize("module", sorted({row.module for row in JOB_MODULES.values() if not row.needs_torch}))
def test_what_needs_no_torch_imports_none(module: str) -> None:
    """Its limit of address space would count torch's libraries."""
    code = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
