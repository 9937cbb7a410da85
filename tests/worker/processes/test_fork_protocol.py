"""The messages between worker and fork server, over real sockets and pipes."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from worker.processes.fork_protocol import LENGTH, PID, STATUS, Request, read_status, write_status

Sockets = tuple[socket.socket, socket.socket]


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    worker, server = socket.socketpair()
    with closing(worker), closing(server):
        yield worker, server


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_a_request_arrives_with_duplicates_of_its_descriptors(sockets: Sockets, pipe: tuple[int, int]) -> None:
    worker, server = sockets
    read_end, write_end = pipe
    sent = Request("some.module", ["job_1", "2"], {"NAME": "käfer\n"}, write_end, write_end, write_end)
    sent.send(worker)
    received = Request.receive(server)
    assert received is not None
    assert (received.module, received.arguments, received.environment) == (
        "some.module",
        ["job_1", "2"],
        {"NAME": "käfer\n"},
    )
    descriptors = [received.stderr, received.lifeline, received.report]
    assert len({*descriptors, write_end}) == 4
    for number, descriptor in enumerate(descriptors):
        os.write(descriptor, bytes([number]))
        os.close(descriptor)
    assert os.read(read_end, 10) == bytes([0, 1, 2])


def test_a_request_larger_than_the_socket_buffer_arrives_whole(sockets: Sockets, pipe: tuple[int, int]) -> None:
    worker, server = sockets
    request = Request("module", [], {"LARGE": "x" * 5_000_000}, *[pipe[1]] * 3)
    sender = threading.Thread(target=request.send, args=(worker,))
    sender.start()
    received = Request.receive(server)
    sender.join(10)
    assert received is not None
    assert received.environment == request.environment
    for descriptor in (received.stderr, received.lifeline, received.report):
        os.close(descriptor)


def test_requests_arrive_one_by_one_and_then_none(sockets: Sockets, pipe: tuple[int, int]) -> None:
    worker, server = sockets
    for name in ("first", "second"):
        Request(name, [], {}, *[pipe[1]] * 3).send(worker)
    worker.close()
    modules = []
    while (request := Request.receive(server)) is not None:
        modules.append(request.module)
        for descriptor in (request.stderr, request.lifeline, request.report):
            os.close(descriptor)
    assert modules == ["first", "second"]


def test_a_request_cut_off_in_the_middle_is_none(sockets: Sockets) -> None:
    worker, server = sockets
    worker.sendall(LENGTH.pack(100) + b'["module"')
    worker.close()
    assert Request.receive(server) is None


def test_a_receiver_that_is_gone_is_an_error(sockets: Sockets, pipe: tuple[int, int]) -> None:
    worker, server = sockets
    server.close()
    with pytest.raises(OSError, match="Broken pipe"):
        Request("module", [], {}, *[pipe[1]] * 3).send(worker)


def test_status_messages_are_read_since_the_last_call(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    write_status(write_end, PID, 4711)
    assert read_status(read_end) == {PID: 4711}
    write_status(write_end, PID, 4711)
    write_status(write_end, STATUS, -9)
    assert read_status(read_end) == {PID: 4711, STATUS: -9}
    os.close(write_end)
    assert read_status(read_end) == {}


def test_a_status_for_a_worker_that_is_gone_is_dropped(pipe: tuple[int, int]) -> None:
    read_end, write_end = pipe
    os.close(read_end)
    write_status(write_end, STATUS, 0)
    with pytest.raises(BrokenPipeError):  # the control: the pipe really is broken
        os.write(write_end, b"status 0\n")
