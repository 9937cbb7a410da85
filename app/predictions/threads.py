"""The threads that compute predictions. They give way to the event loop, which has to refuse others meanwhile.

Decoding has threads of its own, so that files that wait for a core do not keep a batch from the network.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.core.cores import count_cores
from app.core.priority import PREDICTIONS, give_way

T = TypeVar("T")

# A decoded photograph takes 4 bytes for each of up to 64 million pixels: never more at a time than there are cores.
DECODERS = ThreadPoolExecutor(count_cores(), "decoder", initializer=give_way, initargs=(PREDICTIONS,))
# One for each model that is being asked or loaded; a graph's own threads are started by the one that loads it.
NETWORKS = ThreadPoolExecutor(32, "network", initializer=give_way, initargs=(PREDICTIONS,))


async def computed(threads: ThreadPoolExecutor, work: Callable[..., T], *args: object) -> T:
    """What `work` returns or raises, done in one of the threads."""
    return await asyncio.get_running_loop().run_in_executor(threads, work, *args)
