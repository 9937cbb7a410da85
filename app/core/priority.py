"""Who goes first where more wants to compute than there are cores: answers, then predictions, then jobs.

Answering takes microseconds, and a refusal is worth nothing if it comes late; a training of minutes does not mind.
"""

import os
import sys
import threading

PREDICTIONS, JOBS = 5, 10  # niceness
MOST = 19


def give_way(niceness: int) -> None:
    """Make the calling thread, and all threads and processes that it starts from now on, nicer by so much.

    Linux counts niceness by thread. Elsewhere it is the whole process that would step back: then nothing is done.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        nicer = min(MOST, os.getpriority(os.PRIO_PROCESS, thread) + niceness)
        os.setpriority(os.PRIO_PROCESS, thread, nicer)
