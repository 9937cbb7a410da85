"""Who goes first where more wants to compute than there are cores."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.priority import give_way
from app.predictions.threads import DECODERS, NETWORKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts niceness by thread")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.parametrize("threads", [DECODERS, NETWORKS])
def test_what_computes_predictions_gives_way_to_what_answers(threads: ThreadPoolExecutor) -> None:
    own = niceness()
    assert threads.submit(niceness).result() == min(19, own + 5)
    assert niceness() == own


def test_what_a_thread_starts_is_as_nice_and_nobody_is_nicer_than_can_be() -> None:
    def inherited() -> tuple[int, int]:
        give_way(7)
        inner = ThreadPoolExecutor(1).submit(niceness).result()
        give_way(40)
        told = subprocess.run([sys.executable, "-c", "import os; print(os.nice(0))"], check=True, capture_output=True)
        return inner, int(told.stdout)

    assert ThreadPoolExecutor(1).submit(inherited).result() == (min(19, niceness() + 7), 19)
