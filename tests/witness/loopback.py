"""Servers on loopback sockets for the tests of witnessing: honest ones, and ones that write whatever they like."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.validate import validator

Behaviour = Callable[[socket.socket, bytes, bytes], None]
"""Given a connection, the request's first line and its body, writes what it likes; then the connection is closed."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(application: Any) -> Iterator[str]:
    """Serve a WSGI application, whose every step is held against PEP 3333; yields its URL."""
    server = make_server("127.0.0.1", 0, validator(application), _Server, _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Liar:
    """A server that does to each connection what its behaviour says.

    Attributes:
        url: where it listens.
        requests: the first lines of the requests that it got.
        over: set when the test is over; who stalls waits for it.
    """

    def __init__(self, behaviour: Callable[[Liar, socket.socket, bytes, bytes], None]) -> None:
        self._behaviour = behaviour
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.requests: list[bytes] = []
        self.over = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(10)
            data = b""
            while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                data += more
            head, _, body = data.partition(b"\r\n\r\n")
            first, *fields = head.split(b"\r\n")
            lengths = [int(one.split(b":")[1]) for one in fields if one.lower().startswith(b"content-length:")]
            while len(body) < sum(lengths) and (more := connection.recv(65536)):
                body += more
            self.requests.append(first)
            self._behaviour(self, connection, first, body)

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def lying(behaviour: Callable[[Liar, socket.socket, bytes, bytes], None]) -> Iterator[Liar]:
    """A liar, until the block ends."""
    liar = Liar(behaviour)
    try:
        yield liar
    finally:
        liar.close()


def answer(status: str, body: bytes = b"", kind: str = "text/plain", *more: str) -> bytes:
    """A well-formed HTTP answer."""
    fields = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", *more]
    return "\r\n".join([*fields, "", ""]).encode() + body
