"""The witness's server with another application and less patience: `python -m witness.hasty SECONDS`; tells its port.

The application answers GET /big with much, and anything else with the body that came.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from creditledger.witness import channels
from creditledger.witness.serving import serve

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

BIG = 8_000_000
"""Bytes: more than the buffers between two sockets take."""


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = b"x" * BIG if environ["PATH_INFO"] == "/big" else b"came: " + environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    channels.REQUEST_SECONDS = int(sys.argv[1])  # type: ignore[misc]  # final for everybody else
    serve(application, "127.0.0.1", 0, lambda port: print(port, flush=True))
