"""Celery's filesystem transport, made robust against deletion of its folder.

kombu's own transport lists the message folder several times a second, and a missing folder ends the worker together
with the training that it supervises. Messages are only hints, so nothing is lost: the folder is created again.
"""

from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem


class Channel(filesystem.Channel):
    """kombu's channel; recreates its folder."""

    def _get(self, queue: str) -> Any:  # type: ignore[override] # as kombu's own channel has it
        try:
            return super()._get(queue)  # type: ignore[no-untyped-call]
        except FileNotFoundError:
            Path(self.data_folder_in).mkdir(parents=True, exist_ok=True)
            raise Empty from None


class Transport(filesystem.Transport):
    """kombu's transport with the channel above."""

    Channel = Channel


def install() -> None:
    """Make every connection of this process to `filesystem://` use this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
