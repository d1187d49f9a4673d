"""A small HTTP client that nobody on the far side can fill, stall or send elsewhere.

Every answer is bounded in bytes, inflated ones too, and in time: the far side must begin to answer within the time-out,
and send at a pace from then on. Redirects are followed within the same origin only. Connections are kept, one for each
thread and origin.
"""

from __future__ import annotations

import http.client
import io
import random
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

from creditledger._version import __version__
from creditledger.errors import FormatError, StoreError, UsageError
from creditledger.web.url import Target, parse_url

TIMEOUT: Final = 10.0
"""Seconds to wait for a connection, for the beginning of an answer, and for each part of it."""

SLOWEST: Final = 16_384
"""Bytes per second below which an answer that is under way is given up."""

ATTEMPTS: Final = 4
MAX_REDIRECTS: Final = 5
MAX_MEMBERS: Final = 8
"""Members that the gzip data of an answer may consist of; servers write one."""
MAX_WAIT: Final = 5.0
"""Seconds to wait at most before the next attempt, whatever the far side asks for."""

_FIRST_WAIT: Final = 0.2
_PIECE: Final = 1 << 16
_HEADERS: Final = 1 << 18
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_USER_AGENT: Final = f"creditledger/{__version__}"


class Response(NamedTuple):
    """An answer: status code, headers by their names in lower case, and the body as it is without any encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Broken(Exception):
    """The connection failed, or the answer broke off: another attempt may succeed. Says what happened."""


class Client:
    """Fetches from any origin; to be shared by threads.

    Args:
        timeout: seconds, see `TIMEOUT`.
        attempts: how often a GET is sent before it is given up.
    """

    def __init__(self, timeout: float = TIMEOUT, attempts: int = ATTEMPTS) -> None:
        self._timeout = timeout
        self._attempts = attempts
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: set[http.client.HTTPConnection] = set()
        self._closed = False
        self._context: ssl.SSLContext | None = None

    def get(self, url: str, most: int) -> Response:
        """Fetch a URL.

        Answers 429 and 5xx, and connections that fail, are tried again after a while.

        Returns:
            The last answer, whatever its status, but for redirects, which are followed.

        Raises:
            UsageError: it is not an address to fetch from.
            FormatError: the body has more than `most` bytes, or is not encoded as it says.
            StoreError: there was no answer, or it leads to another origin or nowhere.
        """
        target = parse_url(url)
        for _ in range(MAX_REDIRECTS + 1):
            response = self._persist(target, url, most)
            if response.status not in _REDIRECTS:
                return response
            target = _redirected(target, url, response.headers.get("location", ""))
        raise StoreError(f"{url} redirects more than {MAX_REDIRECTS} times; check the address")

    def post(self, url: str, body: bytes, most: int) -> Response:
        """Send a body to a URL, once: no redirect is followed, and nothing is tried again.

        Raises as `get` does.
        """
        target = parse_url(url)
        try:
            return self._send(self._connect(target), target, "POST", body, most)
        except _Broken as error:
            raise StoreError(f"{url} cannot be reached: {error}") from error

    def close(self) -> None:
        """Close every connection, whichever thread opened it or waits for it, for good."""
        with self._lock:
            opened, self._opened = self._opened, set()
            self._closed = True
        for connection in opened:
            if connection.sock is not None:
                # Who is reading is woken; until then, closing would wait for it.
                with suppress(OSError):
                    socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            connection.close()

    def _persist(self, target: Target, url: str, most: int) -> Response:
        """GET until there is an answer that will do, or none is to be hoped for."""
        for attempt in range(1, self._attempts + 1):
            wait = _FIRST_WAIT * 3 ** (attempt - 1)
            try:
                response = self._get(target, most)
            except _Broken as error:
                if attempt == self._attempts:
                    raise StoreError(f"{url} cannot be fetched, tried {attempt} times: {error}") from error
            else:
                if response.status not in _TRY_AGAIN or attempt == self._attempts:
                    return response
                asked = response.headers.get("retry-after", "")
                wait = max(wait, float(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 0.0)
            # Spread out, so that many who were turned away together do not return together.
            time.sleep(min(wait, MAX_WAIT) * random.uniform(0.7, 1.0))  # noqa: S311 - no secret
        raise AssertionError("the last attempt returns or raises")

    def _get(self, target: Target, most: int) -> Response:
        """GET by the connection that is kept, which the far side may have closed meanwhile, or by a new one."""
        kept: dict[tuple[str, str, int], http.client.HTTPConnection] = vars(self._local).setdefault("kept", {})
        connection = kept.pop(target.origin, None)
        if connection is not None and connection.sock is not None:
            try:
                response = self._send(connection, target, "GET", None, most, keep=True)
            except _Broken as error:
                if isinstance(error.__cause__, TimeoutError):
                    raise  # It was not closed: waiting again at once would be one more attempt.
            else:
                kept[target.origin] = connection
                return response
        connection = self._connect(target)
        response = self._send(connection, target, "GET", None, most, keep=True)
        kept[target.origin] = connection
        return response

    def _connect(self, target: Target) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if target.scheme == "https":
            if self._context is None:
                self._context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(
                target.host, target.port, timeout=self._timeout, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(target.host, target.port, timeout=self._timeout)
        return connection

    def _send(
        self,
        connection: http.client.HTTPConnection,
        target: Target,
        method: str,
        body: bytes | None,
        most: int,
        *,
        keep: bool = False,
    ) -> Response:
        """One request and its answer. The connection is closed unless it can be kept, and always after an error."""
        headers = {"User-Agent": _USER_AGENT, "Accept-Encoding": "gzip, identity"}
        sound = False
        with self._lock:
            self._opened.add(connection)
        try:
            if connection.sock is None and not self._closed:
                connection.connect()
            if self._closed:
                raise StoreError(f"{target.host} is asked for no more: the client was closed")
            watch = _Watch(connection.sock, self._timeout, most)
            cast("Any", connection).response_class = watch.response
            connection.request(method, target.path, body, headers)
            with connection.getresponse() as answer:
                response = Response(answer.status, _headers(answer), _read(answer, most))
                sound = keep and not answer.will_close
        except TimeoutError as error:
            raise _Broken(f"no answer within {self._timeout:.3g} s, or one too slow") from error
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise _Broken(f"{type(error).__name__}: {_shown(error)}") from error
        finally:
            if not sound:
                connection.close()
                with self._lock:
                    self._opened.discard(connection)
        return response


def get(url: str, most: int, timeout: float = TIMEOUT) -> Response:
    """Fetch one URL; see `Client.get`."""
    client = Client(timeout)
    try:
        return client.get(url, most)
    finally:
        client.close()


def post(url: str, body: bytes, most: int, timeout: float = TIMEOUT) -> Response:
    """Send a body to one URL; see `Client.post`."""
    return Client(timeout).post(url, body, most)


def _redirected(target: Target, url: str, location: str) -> Target:
    """Where a redirect leads, which must be the same origin."""
    if location.startswith("/") and not location.startswith("//"):
        host = f"[{target.host}]" if ":" in target.host else target.host
        location = f"{target.scheme}://{host}:{target.port}{location}"
    try:
        found = parse_url(location)
    except UsageError:
        where = f"'{_shown(location, 200)}'" if location else "nowhere"
        raise StoreError(f"{url} redirects to {where}, which is no address to fetch from") from None
    if found.origin != target.origin:
        raise StoreError(f"{url} redirects to {location:.200}, another origin; if that is right, give its address")
    return found


def _shown(words: object, most: int = 300) -> str:
    """What the far side said, or may have said, in printable ASCII and cut: it must not steer a terminal."""
    return ascii(str(words))[1:-1][:most]


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _read(answer: http.client.HTTPResponse, most: int) -> bytes:
    """The body, decoded; raises FormatError beyond `most` bytes."""
    encoding = (answer.getheader("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise FormatError(f"the answer is encoded as '{_shown(encoding, 40)}', which was not asked for")
    if encoding == "identity":
        if answer.length is not None and answer.length > most:
            raise FormatError(f"the answer has {answer.length} bytes; at most {most} are expected")
        body = _read_raw(answer, most)
    else:
        packed = _read_raw(answer, most + _PIECE)
        body = _inflate(packed, most) if packed else b""
    return body


def _read_raw(answer: http.client.HTTPResponse, most: int) -> bytes:
    body = bytearray()
    while piece := answer.read(min(_PIECE, most + 1 - len(body))):
        body += piece
        if len(body) > most:
            raise FormatError(f"the answer has more than the {most} bytes that are expected at most")
    if answer.length:
        raise _Broken(f"the answer broke off, {answer.length} bytes before its end")
    return bytes(body)


def _inflate(data: bytes, most: int) -> bytes:
    """The content of gzip data, of one member or a few: for thousands of them one would copy the rest as often."""
    body = b""
    for _ in range(MAX_MEMBERS):
        inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            body += inflater.decompress(data, most + 1 - len(body))
        except zlib.error as error:
            raise FormatError(f"the answer is not the gzip data that it says it is: {error}") from None
        if len(body) > most:
            raise FormatError(f"the answer has more than the {most} bytes that are expected at most")
        if not inflater.eof:
            raise _Broken("the gzip data of the answer broke off")
        data = inflater.unused_data
        if not data:
            return body
    raise FormatError(f"the answer is gzip data of more than {MAX_MEMBERS} members")


class _Watch:
    """How long, and how many bytes, an answer may still take, from its first line on."""

    def __init__(self, sock: socket.socket, timeout: float, most: int) -> None:
        self._sock = sock
        self._timeout = timeout
        self._left = 2 * most + _HEADERS
        self._due = time.monotonic() + timeout

    def response(self, _sock: object, **more: Any) -> http.client.HTTPResponse:
        """The answer that arrives on the socket, read under this watch."""
        return http.client.HTTPResponse(cast("socket.socket", self), **more)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What an answer is read from: all that `http.client` asks of a socket."""
        return io.BufferedReader(_Timed(self, self._sock.makefile("rb", buffering=0)), _PIECE)

    def wait(self) -> None:
        """Let the next read wait as long as it may; raises TimeoutError if the answer is too slow already."""
        left = self._due - time.monotonic()
        if left <= 0:
            raise TimeoutError("too slow")
        self._sock.settimeout(min(left, self._timeout))

    def took(self, count: int) -> None:
        """Note what was read; raises FormatError if headers and framing are beyond all bounds."""
        self._due += count / SLOWEST
        self._left -= count
        if self._left < 0:
            raise FormatError("the answer has far more bytes than are expected at most")


class _Timed(io.RawIOBase):
    """What a socket receives, under a watch."""

    def __init__(self, watch: _Watch, raw: io.RawIOBase) -> None:
        self._watch = watch
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._watch.wait()
        count = self._raw.readinto(buffer) or 0
        self._watch.took(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
