"""Every Python process of a storm imports this at its start: it notes each write of a lease, and which were stale.

`IMPRINT_TEST_WITNESS` is the file to note it in; with `IMPRINT_TEST_UNFENCED` the fence is switched off, which is the
control: a storm that sees no stale write refused must not be one in which there was none.
"""

import os
from pathlib import Path

from sqlalchemy import select

from app.core.database.tables import Job
from app.core.jobs import leases
from app.core.jobs.leases import Lease, StaleLease

NOTES = os.environ.get("IMPRINT_TEST_WITNESS")
fenced = leases.fence


def note(word: str) -> None:
    """One line, whole: appending so little is atomic."""
    descriptor = os.open(NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{word}\n".encode())
    os.close(descriptor)


def witnessed(session, lease, **values):
    """The fence, watched from inside its own transaction."""
    epoch = session.scalar(select(Job.epoch).where(Job.id == lease.job_id))
    try:
        fenced(session, lease, **values)
    except StaleLease:
        note("refused")
        raise
    note("accepted" if epoch == lease.epoch else "stale and accepted")


if NOTES:
    Path(NOTES).touch()
    leases.fence = witnessed
    if os.environ.get("IMPRINT_TEST_UNFENCED"):
        Lease.held = lambda self: (Job.id == self.job_id,)
