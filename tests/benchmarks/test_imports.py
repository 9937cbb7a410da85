"""Benchmarks run rarely: a name that was moved away from under them must not be found by the next `make bench`."""

import importlib
import pkgutil

import pytest

import benchmarks

# Peers run in an environment of their own.
MODULES = [
    module.name
    for module in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")
    if ".peers." not in module.name and not module.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_a_benchmark_can_be_imported(name: str) -> None:
    assert importlib.import_module(name)
