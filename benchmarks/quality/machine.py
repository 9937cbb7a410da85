"""Describe the machine and the package versions of a run."""

import os
import platform
from importlib.metadata import version

PACKAGES = ("imprint", "torch", "torchvision", "openvino", "numpy")
GIB = 2**30


def machine() -> str:
    """The machine, without its name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, {platform.system()}"


def versions() -> str:
    """Versions of Python and the packages that results depend on."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)])
