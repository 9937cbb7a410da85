"""The real service in processes of its own, driven over HTTP by the client that the example uses."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from app.core.processes.process_names import CELERY_WORKER
from examples.digits import Imprint, free_port, wait_until_ready

IMPRINT = Path(sys.executable).with_name("imprint")
HURRY = {
    "IMPRINT_LEASE_SECONDS": "6",
    "IMPRINT_RENEW_SECONDS": "1",
    "IMPRINT_RECONCILE_SECONDS": "0.5",
    "IMPRINT_WAKE_SECONDS": "3",
    "IMPRINT_GRACE_SECONDS": "5",
    "IMPRINT_POLL_SECONDS": "0.1",
    "IMPRINT_CHECKPOINT_SECONDS": "0.5",
    "IMPRINT_READY_PATIENCE_SECONDS": "60",
}


class Service(Imprint):
    """An API and, separately, workers, so that either can be killed."""

    def __init__(self, data: Path, environment: Mapping[str, str]) -> None:
        self.data = data
        self.port = free_port()
        self.environment = {**os.environ, **HURRY, **environment, "IMPRINT_DATA": str(data)}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        super().__init__(f"http://127.0.0.1:{self.port}")

    def start(self, command: str, *options: str, name: str | None = None) -> None:
        """Start `imprint <command>` as the leader of a process group; `name` tells two of a command apart."""
        arguments = [IMPRINT, command, *options]
        process = subprocess.Popen(arguments, env=self.environment, start_new_session=True)
        self.processes[name or command] = process

    def start_all(self) -> None:
        """Schema, API, workers."""
        subprocess.run([IMPRINT, "migrate"], env=self.environment, check=True)
        self.start("api", "--port", str(self.port))
        self.start("worker")
        wait_until_ready(str(self.http.base_url), self.processes["api"])

    def kill(self, command: str) -> None:
        """SIGKILL to the command's whole process group."""
        process = self.processes.pop(command)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, command: str, number: int = signal.SIGTERM) -> int:
        """Ask a command to end; its exit status."""
        process = self.processes.pop(command)
        process.send_signal(number)
        return process.wait(60)

    def close(self) -> None:
        """End everything that still runs."""
        for command in list(self.processes):
            self.stop(command)
        self.http.close()

    def revive(self) -> None:
        """Start again what has died, as an init system does."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                command = name.split()[0]
                self.start(command, *(("--port", str(self.port)) if command == "api" else ()), name=name)

    def get(self, path: str, **parameters: object) -> Any:
        """The JSON answer of a GET."""
        answer = self.http.get(path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def until(self, job: Mapping[str, Any], what: Callable[[dict[str, Any]], object], seconds: float = 120) -> Any:
        """Poll a job until `what` is true of it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = self.get(f"/v1/jobs/{job['id']}")
            if what(now):
                return now
            time.sleep(0.1)
        raise AssertionError(f"after {seconds} s: {now}")

    def kill_workers(self) -> None:
        """SIGKILL to the worker command and its Celery process at once; only its children are left alone."""
        process = self.processes.pop("worker")
        celery = [pid for pid, line in self.processes_alive().items() if CELERY_WORKER in line]
        assert celery, self.alive()
        for pid in (process.pid, *celery):
            os.kill(pid, signal.SIGKILL)
        process.wait()

    def alive(self) -> list[str]:
        """The command lines of every process that works on this data folder."""
        return list(self.processes_alive().values())

    def processes_alive(self) -> dict[int, str]:
        """The same by process id."""
        marker = f"IMPRINT_DATA={self.data}".encode()
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if marker in (process / "environ").read_bytes().split(b"\0"):
                    found[int(process.name)] = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended while we looked
                continue
        return {pid: line for pid, line in found.items() if line}


@contextmanager
def running(data: Path, environment: Mapping[str, str]) -> Iterator[Service]:
    """API and workers, until the block ends."""
    with closing(Service(data, environment)) as service:
        service.start_all()
        yield service


def eventually(what: Callable[[], bool], seconds: float) -> bool:
    """Return whether `what` becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.1)
    return what()
