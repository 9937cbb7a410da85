"""Celery's filesystem transport for a folder that somebody may delete.

kombu's own lists the folder of messages a few times a second and ends the worker where it is gone, and with it the
training that the worker watches over. Messages are hints: what was in the folder is no loss, so it is made again.
"""

from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem


class Channel(filesystem.Channel):
    """kombu's, with a folder that comes back."""

    def _get(self, queue: str) -> Any:  # type: ignore[override] # as kombu's own channel has it
        try:
            return super()._get(queue)  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            Path(self.data_folder_in).mkdir(parents=True, exist_ok=True)
            raise Empty from None


class Transport(filesystem.Transport):
    """kombu's, with our channel."""

    Channel = Channel


def install() -> None:
    """Have every connection of this process to `filesystem://` use it."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
