"""Something done again and again beside a process's own work."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)


class PeriodicThread(threading.Thread):
    """Runs an action now and every `seconds`, until stopped; a database or disk that is away is waited for."""

    def __init__(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._seconds, self._action = seconds, action
        self._stopped = threading.Event()

    def run(self) -> None:
        """Act, wait, act again."""
        while not self._stopped.is_set():
            try:
                self._action()
            except (SQLAlchemyError, OSError):
                logger.warning("the %s could not do its work; it will try again", self.name, exc_info=True)
            self._stopped.wait(self._seconds)

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the action in progress, for which this waits so long at most."""
        self._stopped.set()
        self.join(timeout=seconds)
