"""A witness over HTTP (c2sp.org/tlog-witness), as a WSGI application (PEP 3333).

    POST PREFIX/add-checkpoint               judges, stores, cosigns
    POST PREFIX/sign-subtree                 signs a part of a checkpoint that was cosigned, with ML-DSA-44
    GET  PREFIX/<SHA-256(origin)>/checkpoint the latest checkpoint, with the log's signatures and its own
    GET  PREFIX/healthz                      200 if it can cosign, 503 if it cannot

What is judged, and how, is in `cosigner`; here are the ways of HTTP: paths, methods, bounds, and one line for each
request in a log that says nothing of who sent it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from creditledger.errors import StoreError
from creditledger.tlog.add_checkpoint import MAX_REQUEST_BYTES, SIZE_TYPE, format_size
from creditledger.witness.cosigner import Cosigner, Granted, Rejected

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_TEXT: Final = "text/plain; charset=utf-8"
_LENGTH: Final = re.compile(r"[0-9]{1,9}").fullmatch
_MONITORING: Final = re.compile(r"/([0-9a-f]{64})/checkpoint").fullmatch

_TOLD: Final = frozenset({422, 503})
"""Refusals whose reason is logged: by then the log's signature is verified, so no stranger's words get there."""

Log = Callable[[dict[str, Any]], None]
"""Takes what is to be logged of a request: `what`, `status`, `ms`, and, where they are known, `origin`, `size`, `why`.

`origin` is only ever one of the logs of this witness, so that nobody can write into its log what they like.
"""


class Answer(NamedTuple):
    """An answer: status, body, content type, and further headers."""

    status: int
    body: bytes
    kind: str = _TEXT
    headers: tuple[tuple[str, str], ...] = ()


class Application:
    """The WSGI application; safe to call from many threads."""

    def __init__(self, cosigner: Cosigner, *, prefix: str = "", log: Log | None = None) -> None:
        """Take the witness, the path below which it is served (empty, or as `/w1`), and where requests are logged."""
        self._cosigner = cosigner
        self._prefix = prefix.rstrip("/")
        self._log = log or (lambda _entry: None)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        begun = time.monotonic()
        entry: dict[str, Any] = {}
        answer = self._answer(environ, entry)
        entry |= {"status": answer.status, "ms": round(1000 * (time.monotonic() - begun), 1)}
        self._log(entry)
        headers = [("Content-Type", answer.kind), ("Content-Length", str(len(answer.body))), *answer.headers]
        headers.append(("X-Content-Type-Options", "nosniff"))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [answer.body]

    def _answer(self, environ: WSGIEnvironment, entry: dict[str, Any]) -> Answer:
        path = str(environ.get("PATH_INFO", ""))
        if not path.startswith(f"{self._prefix}/"):
            entry["what"] = "other"
            return _plain(404, "there is nothing at this path")
        path = path.removeprefix(self._prefix)
        method = str(environ.get("REQUEST_METHOD", ""))
        posts = {"/add-checkpoint": self._cosigner.add_checkpoint, "/sign-subtree": self._cosigner.sign_subtree}
        try:
            if path in posts:
                entry["what"] = path.removeprefix("/")
                return self._post(environ, method, posts[path], entry)
            if path == "/healthz":
                entry["what"] = "healthz"
                return _allow(method, "GET", "HEAD") or self._healthz()
            if match := _MONITORING(path):
                entry["what"] = "checkpoint"
                return _allow(method, "GET", "HEAD") or self._checkpoint(bytes.fromhex(match[1]), entry)
        except StoreError as error:
            # What went wrong is the operator's business, and may name paths; the log has it.
            entry["why"] = str(error)
            return _plain(503, "this witness cannot read or write its memory at the moment")
        entry["what"] = "other"
        return _plain(404, "there is nothing at this path")

    def _post(
        self, environ: WSGIEnvironment, method: str, judge: Callable[[bytes], Granted], entry: dict[str, Any]
    ) -> Answer:
        if refusal := _allow(method, "POST"):
            return refusal
        body = _read_body(environ)
        if isinstance(body, Answer):
            return body
        try:
            granted = judge(body)
        except Rejected as rejected:
            entry |= {"origin": rejected.origin} if rejected.origin else {}
            if rejected.status in _TOLD:
                entry["why"] = str(rejected)
            if rejected.size is not None:
                entry["size"] = rejected.size
                return Answer(rejected.status, format_size(rejected.size), SIZE_TYPE)
            return _plain(rejected.status, str(rejected))
        entry |= {"origin": granted.origin, "size": granted.size}
        return Answer(200, granted.lines)

    def _checkpoint(self, origin_hash: bytes, entry: dict[str, Any]) -> Answer:
        seen = self._cosigner.state.latest(origin_hash)
        if seen is None:
            return _plain(404, "this witness has cosigned no checkpoint of such a log")
        entry |= {"origin": seen.origin, "size": seen.size}
        return Answer(200, seen.note, headers=(("Cache-Control", "public, max-age=5"),))

    def _healthz(self) -> Answer:
        self._cosigner.state.require_usable()
        return Answer(200, b"ok\n", headers=(("Cache-Control", "no-store"),))


def log_line(entry: dict[str, Any]) -> str:
    """Return a request's line for the log: JSON, with the time (UTC) first."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return json.dumps({"at": now, **entry}, ensure_ascii=True, separators=(",", ":"))


def _read_body(environ: WSGIEnvironment) -> bytes | Answer:
    """Return the body of a request, or the answer to one that is not to be read."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    if not length:
        return _plain(411, "the request must say how long its body is (Content-Length)")
    if _LENGTH(length) is None or int(length) > MAX_REQUEST_BYTES:
        return _plain(413, f"the body may have at most {MAX_REQUEST_BYTES} bytes")
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except (OSError, ValueError):
        body = b""
    if len(body) != int(length):
        return _plain(400, f"the body was to have {length} bytes, and {len(body)} came")
    return body


def _allow(method: str, *allowed: str) -> Answer | None:
    """Return the answer to a method that is not allowed, or None."""
    if method in allowed:
        return None
    return Answer(405, b"this method is not allowed here\n", headers=(("Allow", ", ".join(allowed)),))


def _plain(status: int, message: str) -> Answer:
    return Answer(status, f"{message}\n".encode())
