"""What a worker asks of its fork server, what it hears of the child, and how both travel."""

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The environment variables that tell the server what to import at once, and what when it has time; with commas.
PRELOAD, LATER = "IMPRINT_PRELOAD", "IMPRINT_LATER"
LENGTH = struct.Struct("!I")
DESCRIPTORS = 3
PID, STATUS = "pid", "status"


@dataclass(frozen=True)
class Request:
    """`python -m MODULE ARGUMENTS` in this environment. The rest are descriptors.

    `report` is where the child tells its PID once it leads a group of its own, and the server its STATUS once it has
    reaped it. Both hold it open: at its end of file, both are gone.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stderr: int
    lifeline: int
    report: int

    def send(self, control: socket.socket) -> None:
        """The receiver gets duplicates of the descriptors. Raises OSError when it is gone."""
        body = json.dumps([self.module, self.arguments, dict(self.environment)]).encode()
        socket.send_fds(control, [LENGTH.pack(len(body))], [self.stderr, self.lifeline, self.report])
        control.sendall(body)

    @classmethod
    def receive(cls, control: socket.socket) -> "Request | None":
        """The next one; None when the sender is gone."""
        header, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, DESCRIPTORS)
        if len(header) < LENGTH.size:
            return None
        body = bytearray()
        while missing := LENGTH.unpack(header)[0] - len(body):
            if not (piece := control.recv(missing)):
                return None
            body += piece
        return cls(*json.loads(body), *descriptors)


def tell(report: int, word: str, number: int) -> None:
    """Write to the report of a worker that may be gone."""
    try:
        os.write(report, f"{word} {number}\n".encode())
    except BrokenPipeError:
        return


def heard(report: int) -> dict[str, int]:
    """What has been told since the last time, by word; nothing at the end of file. Waits for one or the other."""
    lines = os.read(report, 4096).decode().splitlines()
    return {word: int(number) for word, number in map(str.split, lines)}
