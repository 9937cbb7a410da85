"""A service as a tree of processes: started together, restarted when one crashes, ended together, no orphan left."""

import logging
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import FrameType

from app.core.processes.lifeline import Child

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
# A process that ends sooner than this never worked: starting it again would only hide why.
MIN_UPTIME_SECONDS = 5.0


@dataclass(frozen=True)
class Command:
    """One process of the tree."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


class ProcessTree:
    """Runs commands as children of this process until a signal comes or one of them cannot be kept alive."""

    def __init__(self, commands: Sequence[Command], grace_seconds: float) -> None:
        self._commands = commands
        self._grace = grace_seconds
        self._stopping = threading.Event()
        self._children: dict[str, tuple[Child, float]] = {}

    def run(self) -> int:
        """Start everything, wait, end everything. Returns an exit status: 0 after SIGINT or SIGTERM."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        try:
            for command in self._commands:
                self._start(command)
            return self._watch()
        finally:
            self._end()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():  # asked twice: no more patience
            for child, _ in self._children.values():
                child.signal(signal.SIGKILL)
        self._stopping.set()

    def _start(self, command: Command) -> None:
        self._children[command.name] = (Child(command.arguments, command.environment), time.monotonic())

    def _watch(self) -> int:
        while not self._stopping.wait(POLL_SECONDS):
            for command in self._commands:
                child, started_at = self._children[command.name]
                if child.process.poll() is None or self._stopping.is_set():
                    continue
                if time.monotonic() - started_at < MIN_UPTIME_SECONDS:
                    logger.error("%s ended at once with status %d; stopping", command.name, child.process.returncode)
                    return 1
                logger.warning("%s ended with status %d; starting it again", command.name, child.process.returncode)
                child.end()
                self._start(command)
        return 0

    def _end(self) -> None:
        with ThreadPoolExecutor(max(1, len(self._children))) as pool:
            list(pool.map(lambda entry: entry[0].stop(self._grace), self._children.values()))
