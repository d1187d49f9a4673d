"""Connections to a witness that are slow, stuck or ambiguous: they end in time, and keep nobody else out for long."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from creditledger.witness.serving import MAX_CONNECTIONS
from witness.hasty import BIG

TESTS = Path(__file__).parents[1]
GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@contextmanager
def server(patience: int) -> Iterator[int]:
    """A server that waits so many seconds for the end of a request; its port."""
    environment = os.environ | {"PYTHONPATH": f"{TESTS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-m", "witness.hasty", str(patience)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def hasty() -> Iterator[int]:
    with server(1) as port:
        yield port


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def everything(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(65_536):
            found += more
    return found


def told(port: int, data: bytes) -> bytes:
    """Everything that is answered to these bytes until the server closes the connection."""
    with connected(port) as connection:
        connection.sendall(data)
        return everything(connection)


def dripping(several: list[socket.socket], over: threading.Event) -> None:
    """Sends a byte on each of them, again and again."""
    while not over.wait(0.2):
        for one in several:
            with suppress(OSError):
                one.sendall(b"y")


def test_more_drips_than_there_are_places_keep_nobody_out_for_long(hasty: int) -> None:
    over = threading.Event()
    with ExitStack() as stack:
        several = [stack.enter_context(connected(hasty)) for _ in range(MAX_CONNECTIONS + 6)]
        for number, one in enumerate(several):
            one.sendall(b"GET / HTTP/1.1\r\nX: " if number % 2 else POST + b"\r\n1")
        drip = threading.Thread(target=dripping, args=([one for n, one in enumerate(several) if n % 2], over))
        drip.start()
        try:
            assert b"200 OK" in told(hasty, GET)
        finally:
            over.set()
            drip.join()


def test_a_request_has_its_time_from_its_own_first_byte(hasty: int) -> None:
    """What was answered on the connection before is not counted, and what is complete in time is answered."""
    kept = GET.replace(b"close", b"keep-alive")
    with connected(hasty) as connection, connection.makefile("rb") as answer:
        for _ in range(3):
            connection.sendall(kept[:9])
            assert not threading.Event().wait(0.6)
            connection.sendall(kept[9:])
            assert answer.readline().startswith(b"HTTP/1.1 200")
            while answer.readline() != b"\r\n":
                pass
            assert answer.read(6) == b"came: "
        connection.sendall(kept + kept[:9])
        assert b"came: " in answer.read(), "the second one is closed, as it does not end"


def test_an_answer_that_is_not_taken_is_given_up(hasty: int) -> None:
    with connected(hasty) as connection:
        connection.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not threading.Event().wait(3.5)
        assert len(everything(connection)) < BIG


@pytest.mark.parametrize(
    "head",
    [
        POST + CHUNKED,
        POST + CHUNKED.swapcase(),
        POST + b"Transfer-Encoding:\r\n",
        POST.replace(b"1.1", b"1.0") + CHUNKED,
        POST + b"Content-Length: 6\r\n",
        POST + b"Transfer-Encoding : chunked\r\n",
    ],
)
def test_a_request_that_can_be_read_in_two_ways_is_answered_400_and_nothing_after_it_is(
    hasty: int, head: bytes
) -> None:
    for body in (b"hello", b"5\r\nhello\r\n0\r\n\r\n"):
        found = told(hasty, head + b"\r\n" + body + GET)
        assert found.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
        assert found.count(b"HTTP/1.") == 1
    assert b"came: hello" in told(hasty, POST + b"Connection: close\r\n\r\nhello")
