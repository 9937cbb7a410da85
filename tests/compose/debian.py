"""Commands, and Debian's packages from the mirror that this machine is set up for."""

import re
import shutil
import subprocess
from pathlib import Path

SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
COMMANDS = {"docker.io": "dockerd"}  # by which a package is recognised, where it has another name
RUN_SECONDS = 1800


class CannotBe(Exception):
    """Docker cannot be had here; the message says why."""


def run(*command: str | Path, **options: object) -> str:
    """Run a command and return its output. Raises CannotBe, with its last words, when it fails."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(part) for part in command], capture_output=True, text=True, timeout=RUN_SECONDS, check=False, **options
    )
    if done.returncode:
        raise CannotBe(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-800:]}")
    return str(done.stdout)


def install(*packages: str) -> None:
    """Debian's packages, those that are not there."""
    missing = [name for name in packages if not shutil.which(COMMANDS.get(name, name))]
    if missing:
        run("apt-get", "update")
        run("apt-get", "install", "--yes", "--no-install-recommends", *missing)


def newer(package: str, suite: str, folder: Path) -> Path:
    """A package file of another suite; this machine's own sources stay as they are."""
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "newer.sources").write_text(
        f"Types: deb\nURIs: {mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {_value('Signed-By')}\n"
    )
    settings = {
        "Dir::Etc::sourcelist": folder / "newer.sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "APT::Sandbox::User": "root",
    }
    options = [f"--option={name}={value}" for name, value in settings.items()]
    run("apt-get", *options, "update")
    run("apt-get", *options, "download", package, cwd=folder)
    return next(folder.glob(f"{package}_*.deb"))


def mirror() -> str:
    """The package sources of this machine."""
    return _value("URIs")


def _value(field: str) -> str:
    found = re.search(rf"^{field}: (\S+)", SOURCES.read_text(), re.MULTILINE) if SOURCES.exists() else None
    if found is None:
        raise CannotBe(f"{SOURCES} names no {field}: this is for Debian as it is set up since version 12")
    return found[1]
