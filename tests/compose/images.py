"""The images that cannot be pulled here, made here; one that is there already is left as it is.

The base is what debootstrap makes of Debian, which is what the official image is made of as well. PostgreSQL and Redis
are Debian's packages under the official images' names (`standins/`).
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.compose.debian import SOURCES, mirror, run

STANDINS = Path(__file__).parent / "standins"
LEFT_OUT = ("doc", "man", "locale")  # of the slim images


def make(environment: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """Make what is not there of the images that our files name; which were made."""
    missing = [name for name in names if not _is_there(name, environment)]
    base = next(name for name in names if name.startswith("debian:"))
    for name in sorted(missing, key=lambda name: name != base):
        if name == base:
            _bootstrap(name, environment)
        else:
            _stand_in(name, base, environment)
    return missing


def _is_there(name: str, environment: Mapping[str, str]) -> bool:
    command = ["docker", "image", "inspect", name]
    return subprocess.run(command, capture_output=True, env=environment, timeout=60, check=False).returncode == 0


def _bootstrap(name: str, environment: Mapping[str, str]) -> None:
    suite = name.removeprefix("debian:").partition("-")[0]
    with tempfile.TemporaryDirectory(prefix="debootstrap-") as folder:
        run("debootstrap", "--variant=minbase", suite, folder, mirror())
        _as_official(Path(folder))
        command = f"tar --create --directory {folder} . | docker import --change 'CMD [\"bash\"]' - {name}"
        run("bash", "-o", "pipefail", "-c", command, env=environment)


def _as_official(root: Path) -> None:
    """Leave out what the slim image leaves out, and take packages from where this machine does."""
    folders = ["var/lib/apt/lists", "var/cache/apt", *(f"usr/share/{folder}" for folder in LEFT_OUT)]
    for folder in folders:
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    rules = [f"path-exclude /usr/share/{folder}/*\n" for folder in LEFT_OUT]
    (root / "etc/dpkg/dpkg.cfg.d/docker").write_text("".join(rules))
    (root / "etc/apt/sources.list").unlink()
    shutil.copy(SOURCES, root / "etc/apt/sources.list.d")


def _stand_in(name: str, base: str, environment: Mapping[str, str]) -> None:
    file = STANDINS / f"{name.partition(':')[0]}.Dockerfile"
    options = ("--network", "host", "--build-arg", f"BASE={base}", "--tag", name, "--file", file)
    run("docker", "build", *options, STANDINS, env={**environment, "DOCKER_BUILDKIT": "0"})
