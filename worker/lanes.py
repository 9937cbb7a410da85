"""A lane's jobs, one at a time in this process, whether a message asks for it or the clock does.

A broker that was away may leave a consumer that is connected and hears nothing. So the worker looks at the table by
itself as well: messages make it quick, nothing depends on them.
"""

import threading

from worker import supervisor
from worker.context import Context

stopping = threading.Event()
_busy = threading.Lock()


def drain(context: Context, lane: str) -> None:
    """Do what is queued; whoever does so already is waited for, and may have done it all."""
    with _busy:
        supervisor.work(context, lane, stopping)


def drain_if_idle(context: Context, lane: str) -> None:
    """The same, unless somebody does so already."""
    if _busy.acquire(blocking=False):
        try:
            supervisor.work(context, lane, stopping)
        finally:
            _busy.release()
