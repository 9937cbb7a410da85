"""A lane's jobs, one at a time in this process, whether a message asks for it or the clock does.

A broker that was away may leave a consumer that is connected and hears nothing. So the worker looks at the table by
itself as well: messages make it quick, nothing depends on them.

Nobody waits here for a lane that is busy: the threads are few, and the next message may be of another lane.
"""

import threading

from app.core.specs import LANES
from worker.context import Context
from worker.queue import supervisor

stopping = threading.Event()


class Lane:
    """Whether somebody works in a lane, and whether anybody has asked since they last looked."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._busy = threading.Lock()
        self._asked = threading.Event()

    def drain(self, context: Context) -> None:
        """Do what is queued. Where somebody does so already, they look once more, unless a fault ends them."""
        self._asked.set()
        while self._asked.is_set() and self._busy.acquire(blocking=False):
            try:
                self._asked.clear()
                supervisor.work(context, self._name, stopping)
            finally:
                self._busy.release()


_lanes = {name: Lane(name) for name in set(LANES.values())}


def drain(context: Context, name: str) -> None:
    """`Lane.drain` of this process's lane of that name."""
    _lanes[name].drain(context)
