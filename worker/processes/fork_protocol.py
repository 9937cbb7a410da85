"""The messages between a worker and its fork server: requests over a socket, a child's status over a pipe."""

import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Environment variables of the server, comma separated: modules to import before the first fork, and when idle.
PRELOAD, IDLE_PRELOAD = "IMPRINT_PRELOAD", "IMPRINT_IDLE_PRELOAD"
LENGTH = struct.Struct("!I")
DESCRIPTORS = 3
PID, STATUS = "pid", "status"


@dataclass(frozen=True)
class Request:
    """A request to run `python -m MODULE ARGUMENTS` in this environment.

    The other fields are file descriptors. Into `report`, a pipe, the child writes its PID once it leads a process group
    of its own, and the server writes the child's STATUS once it has reaped it. Both keep it open: end of file means
    that both are gone.
    """

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stderr: int
    lifeline: int
    report: int

    def send(self, control: socket.socket) -> None:
        """Send the request and duplicates of its descriptors. Raises OSError when the receiver is gone."""
        body = json.dumps([self.module, self.arguments, dict(self.environment)]).encode()
        socket.send_fds(control, [LENGTH.pack(len(body))], [self.stderr, self.lifeline, self.report])
        control.sendall(body)

    @classmethod
    def receive(cls, control: socket.socket) -> "Request | None":
        """Wait for the next request; None when the sender is gone."""
        header, descriptors, _, _ = socket.recv_fds(control, LENGTH.size, DESCRIPTORS)
        if len(header) < LENGTH.size:
            return None
        body = bytearray()
        while missing := LENGTH.unpack(header)[0] - len(body):
            if not (piece := control.recv(missing)):
                return None
            body += piece
        return cls(*json.loads(body), *descriptors)


def write_status(report: int, key: str, value: int) -> None:
    """Write a status message; the worker that reads the pipe may be gone."""
    try:
        os.write(report, f"{key} {value}\n".encode())
    except BrokenPipeError:
        return


def read_status(report: int) -> dict[str, int]:
    """Read the status messages written since the last call, by key. Blocks; returns {} at end of file."""
    lines = os.read(report, 4096).decode().splitlines()
    return {key: int(value) for key, value in map(str.split, lines)}
