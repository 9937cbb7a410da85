"""The stack as a user deploys it: a copy of the repository, the deployment guide's commands, then HTTP alone."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from examples.digits import Imprint
from tests.compose.debian import run
from tests.compose.files import ROOT, commands

# Beside the user's own files, for this machine and for people in a hurry; never what the containers may do.
HURRY = {
    "IMPRINT_LEASE_SECONDS": "20",
    "IMPRINT_RENEW_SECONDS": "2",
    "IMPRINT_WAKE_SECONDS": "5",
    "IMPRINT_CHECKPOINT_SECONDS": "1",
}
BUILT = ("migrate", "api", "worker")
CERTIFICATES = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
URL = "http://127.0.0.1:8000"


class Stack(Imprint):
    """One deployment, in a folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.here = folder / "imprint", folder / "here.yml"
        files = (self.folder / "docker-compose.yml", self.here)
        told = {"COMPOSE_PROJECT_NAME": "imprint-proof", "COMPOSE_FILE": ":".join(map(str, files))}
        self.environment = {**environment, **told}
        self.here.write_text(yaml.safe_dump(_here()))
        copy(self.folder)
        super().__init__(URL)

    def install(self) -> None:
        """Run the deployment guide's commands, word for word; later calls use the key that they made."""
        script = f'set -e\n{commands()}\necho "KEY=$KEY"'
        said = run("bash", "-c", script, cwd=self.folder, env=self.environment)
        self.http.headers["Authorization"] = f"Bearer {said.rpartition('KEY=')[2].strip()}"

    def compose(self, *arguments: str) -> str:
        """Run `docker compose` and return its output. Raises CannotBe when it fails."""
        return run("docker", "compose", *arguments, cwd=self.folder, env=self.environment)

    def refusal(self, *arguments: str, **environment: str) -> str:
        """Run `docker compose`, which must fail, and return its output."""
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.folder, env={**self.environment, **environment}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode, done.stdout
        return done.stderr

    def up(self, *options: str) -> float:
        """Start what is not running; the seconds until all of it was healthy."""
        began = time.monotonic()
        self.compose("up", "--detach", "--wait", *options)
        return time.monotonic() - began

    def inspect(self, service: str) -> list[dict[str, Any]]:
        """Docker's state of a service's containers, also of those that have ended."""
        ids = self.compose("ps", "--all", "--quiet", service).split()
        return json.loads(run("docker", "inspect", *ids, env=self.environment)) if ids else []

    def health(self, service: str) -> set[str]:
        """Of each of its containers: starting, healthy or unhealthy."""
        return {found["State"]["Health"]["Status"] for found in self.inspect(service)}

    def python(self, service: str, code: str) -> str:
        """The output of Python code in a running container."""
        return self.compose("exec", "--no-TTY", service, "python", "-c", code)

    def megabytes(self, image: str) -> int:
        """An image's size, as `docker images` has it."""
        return round(int(run("docker", "image", "inspect", "--format", "{{.Size}}", image, env=self.environment)) / 1e6)

    def get(self, path: str, **parameters: object) -> Any:
        """The JSON answer of a GET."""
        answer = self.http.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def until(self, path: str, what: Callable[[Any], object], seconds: float = 240) -> Any:
        """Poll something until `what` is true of it."""
        return until(lambda: self.get(path), what, seconds)

    def begin_again(self, **here: Any) -> None:
        """From nothing, with more of what Compose is told about this machine."""
        self.forget()
        self.here.write_text(yaml.safe_dump(_here() | here))
        self.install()

    def close(self) -> None:
        """End everything. The images stay."""
        self.http.close()
        self.forget()

    def forget(self) -> None:
        """Take it down, with all that it has stored."""
        self.compose("--profile", "gpu", "down", "--volumes", "--remove-orphans", "--timeout", "5")


def until(look: Callable[[], Any], what: Callable[[Any], object], seconds: float) -> Any:
    """Look until `what` is true of what is seen."""
    deadline = time.monotonic() + seconds
    while not what(seen := look()):
        assert time.monotonic() < deadline, seen
        time.sleep(0.5)
    return seen


def copy(folder: Path) -> None:
    """The repository as it would be committed now, without anybody's `.env`."""
    names = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def _here() -> dict[str, Any]:
    """Overrides for this machine: its network while building, its certificates, and shorter times."""
    build = {"build": {"network": "host", "secrets": ["certificates"]}}
    hurry = {"environment": HURRY, "healthcheck": {"interval": "3s"}}
    services: dict[str, Any] = {name: dict(build) for name in BUILT}
    for name in ("api", "worker"):
        services[name] |= hurry
    return {"services": services, "secrets": {"certificates": {"file": str(CERTIFICATES)}}}
