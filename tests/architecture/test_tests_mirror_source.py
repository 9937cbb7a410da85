"""Every module with code has a test module of its mirrored path: `app/core/ids.py` has `tests/app/core/test_ids.py`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "worker")

DECLARATIONS = "declares names, fields or columns and has no behaviour of its own"
ENDPOINTS = "tested over HTTP by the test_endpoints of its slice"
SPECS = "tested by tests/app/core/specs, whose modules are named for the jobs"
TRAINING = "tested by the tests of the methods and models that use it"
# Modules without a test module, and the reason.
WITHOUT_TEST = {
    "app/auth/queries.py": ENDPOINTS,
    "app/core/database/tables.py": DECLARATIONS,
    "app/core/errors.py": DECLARATIONS,
    "app/core/ids.py": DECLARATIONS,
    "app/core/results/base.py": DECLARATIONS,
    "app/core/results/dataset.py": DECLARATIONS,
    "app/core/results/evaluation.py": DECLARATIONS,
    "app/core/results/events.py": DECLARATIONS,
    "app/core/results/metrics.py": DECLARATIONS,
    "app/core/results/model.py": DECLARATIONS,
    "app/core/results/progress.py": DECLARATIONS,
    "app/core/results/seen_images.py": DECLARATIONS,
    "app/core/results/training.py": DECLARATIONS,
    "app/core/retry_after.py": DECLARATIONS,
    "app/core/specs/__init__.py": SPECS,
    "app/core/specs/adaptation.py": SPECS,
    "app/core/specs/base.py": SPECS,
    "app/core/specs/internal.py": SPECS,
    "app/core/specs/methods.py": SPECS,
    "app/core/specs/penalties.py": SPECS,
    "app/core/splits.py": DECLARATIONS,
    "app/datasets/queries.py": ENDPOINTS,
    "app/datasets/response_examples.py": DECLARATIONS,
    "app/datasets/schemas.py": DECLARATIONS,
    "app/datasets/service.py": ENDPOINTS,
    "app/http/display_names.py": DECLARATIONS,
    "app/http/responses.py": DECLARATIONS,
    "app/jobs/examples/evaluation.py": DECLARATIONS,
    "app/jobs/examples/finetune.py": DECLARATIONS,
    "app/jobs/examples/lists.py": DECLARATIONS,
    "app/jobs/examples/pretrain.py": DECLARATIONS,
    "app/jobs/examples/requests.py": DECLARATIONS,
    "app/jobs/queries.py": ENDPOINTS,
    "app/jobs/resolve/datasets.py": ENDPOINTS,
    "app/jobs/resolve/initial_weights.py": ENDPOINTS,
    "app/jobs/resolve/models.py": ENDPOINTS,
    "app/jobs/schemas.py": DECLARATIONS,
    "app/jobs/service.py": ENDPOINTS,
    "app/keys/response_examples.py": DECLARATIONS,
    "app/keys/schemas.py": DECLARATIONS,
    "app/keys/service.py": ENDPOINTS,
    "app/models/download.py": ENDPOINTS,
    "app/models/queries.py": ENDPOINTS,
    "app/models/response_examples.py": DECLARATIONS,
    "app/models/safetensors.py": ENDPOINTS,
    "app/models/schemas.py": DECLARATIONS,
    "app/models/service.py": ENDPOINTS,
    "app/predictions/admission_route.py": ENDPOINTS,
    "app/predictions/inputs.py": ENDPOINTS,
    "app/predictions/readiness.py": ENDPOINTS,
    "app/predictions/response_examples.py": DECLARATIONS,
    "app/predictions/schemas.py": DECLARATIONS,
    "app/predictions/service.py": ENDPOINTS,
    "app/uploads/partial.py": ENDPOINTS,
    "app/uploads/protocol.py": ENDPOINTS,
    "app/uploads/response_examples.py": DECLARATIONS,
    "app/uploads/schemas.py": DECLARATIONS,
    "app/uploads/service.py": ENDPOINTS,
    "worker/errors.py": DECLARATIONS,
    "worker/training/methods/labelled.py": TRAINING,
    "worker/training/methods/simclr.py": TRAINING,
    "worker/training/methods/two_views.py": TRAINING,
    "worker/training/models/batch_norm.py": TRAINING,
    "worker/training/randomness.py": TRAINING,
}


def has_code(file: Path) -> bool:
    """Return whether a module holds more than a docstring."""
    statements = ast.parse(file.read_text("utf-8")).body
    return any(not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)) for one in statements)


def mirrored_test(module: str) -> Path:
    """The test module of a module."""
    path = Path(module)
    return ROOT / "tests" / path.parent / f"test_{path.stem}.py"


MODULES = [
    file.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
    if has_code(file)
]


@pytest.mark.parametrize("module", [module for module in MODULES if module not in WITHOUT_TEST])
def test_a_module_has_a_test_module(module: str) -> None:
    assert mirrored_test(module).exists()


@pytest.mark.parametrize("module", WITHOUT_TEST)
def test_an_exception_is_still_one(module: str) -> None:
    assert module in MODULES
    assert not mirrored_test(module).exists()
