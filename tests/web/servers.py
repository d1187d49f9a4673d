"""Real HTTP servers on the loopback interface, honest and hostile, for tests.

with serving(directory) as server:
    server.act["/tile/0/000"] = stall                 # what happens to a path; the others are served as files
    verify(server.url, ...)
    assert server.asked["/checkpoint"] == 1
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server(ThreadingHTTPServer):
    """A server of the files in a directory, below which it never looks.

    `act` says what is done to a request for a path instead, `asked` counts the requests by path, `headers` keeps the
    request headers of the last one, `bodies` what was posted, `connections` counts those.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, directory: Path, family: int = socket.AF_INET) -> None:
        self.address_family = family
        self.directory = directory
        self.act: dict[str, Callable[[Handler], None]] = {}
        self.asked: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.bodies: list[bytes] = []
        self.connections = 0
        self.over = threading.Event()
        super().__init__(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        host = "[::1]" if self.address_family == socket.AF_INET6 else "127.0.0.1"
        return f"http://{host}:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        server = self.server
        server.asked[self.path] += 1
        server.headers = dict(self.headers.items())
        act = server.act.get(self.path)
        if act is not None:
            act(self)
            return
        file = server.directory / self.path.lstrip("/")
        if file.is_file():
            self.answer(200, file.read_bytes())
        else:
            self.answer(404, b"not here")

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.do_GET()

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[Handler], None]:
    """Answer with a status, a body, and headers (`_` stands for a hyphen)."""
    return lambda handler: handler.answer(status, body, **headers)


def stall(handler: Handler) -> None:
    """Say nothing."""
    handler.server.over.wait(30)


def drip(handler: Handler) -> None:
    """Send header lines, one byte at a time, for ever."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()


def endless(handler: Handler) -> None:
    """Send a body without an end."""
    handler.close_connection = True
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not handler.server.over.is_set():
            handler.wfile.write(bytes(65536))


def endless_headers(handler: Handler) -> None:
    """Send interim answers without an end."""
    handler.close_connection = True
    with suppress(OSError):
        while not handler.server.over.is_set():
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def cut_short(handler: Handler) -> None:
    """Promise a body and break off in the middle of it."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n" + bytes(10))


def hang_up(handler: Handler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def garbage(handler: Handler) -> None:
    """Answer in no protocol."""
    handler.close_connection = True
    handler.wfile.write(b"\x00\xff" * 100)


def in_turn(*acts: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """Do one thing after the other; the last one from then on."""
    left = list(acts)

    def act(handler: Handler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return act


@contextmanager
def serving(directory: Path, family: int = socket.AF_INET) -> Iterator[Server]:
    """Serve a directory until the block ends."""
    server = Server(directory, family)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
        time.sleep(0)  # Lets handlers that were waiting see that it is over.
