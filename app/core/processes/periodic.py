"""A background thread for periodic work."""

import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

logger = logging.getLogger(__name__)


class PeriodicThread(threading.Thread):
    """Runs an action now and every `seconds`, until stopped; retries if a database or disk is unavailable."""

    def __init__(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        """Prepare the thread.

        Args:
            name: of the thread, and in the log.
            seconds: pause between two runs.
            action: the work; other errors than those of a database or disk end the thread.
        """
        super().__init__(name=name, daemon=True)
        self._seconds, self._action = seconds, action
        self._stopped = threading.Event()

    def run(self) -> None:
        """Run the action, wait, repeat."""
        while not self._stopped.is_set():
            try:
                self._action()
            except (SQLAlchemyError, OSError):
                logger.warning("the %s could not do its work; it will try again", self.name, exc_info=True)
            self._stopped.wait(self._seconds)

    def stop(self, seconds: float = 10.0) -> None:
        """Stop after the run in progress, and wait for it.

        Args:
            seconds: maximum wait.
        """
        self._stopped.set()
        self.join(timeout=seconds)
