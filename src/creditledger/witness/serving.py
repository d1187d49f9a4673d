"""Serving a WSGI application with waitress until the process is told to stop.

Waitress (an optional extra, `creditledger[server]`) is pure Python without dependencies. It reads a whole request
before a thread is given to it, so slow clients take no thread, only one of the connections there are; it bounds
headers, bodies, connections and idleness, and `channels` how long a request may take to come in. Somebody who opens
hundreds of connections, again and again, can still keep others out: against that, the server in front that speaks TLS
has to bound the connections of each address. Nothing here sees addresses.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from creditledger.errors import StoreError, UsageError
from creditledger.tlog.add_checkpoint import MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

MAX_HEADER_BYTES: Final = 16_384
MAX_CONNECTIONS: Final = 256
IDLE_SECONDS: Final = 30
THREADS: Final = 4


def require_server() -> None:
    """Return if the server is installed; raise UsageError, which says how to install it, if not."""
    try:
        import waitress  # noqa: F401 - whether it is there is the question
    except ImportError:
        raise UsageError(
            "serving needs the package waitress, which is not installed: pip install 'creditledger[server]'"
        ) from None


def require_port(host: str, port: int) -> None:
    """Return if somebody can listen there now; raise StoreError, which says why, if not."""
    import socket

    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found[:1]:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
    except OSError as error:
        raise _nobody(host, port, error) from error


def _nobody(host: str, port: int, error: OSError | ValueError) -> StoreError:
    why = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return StoreError(f"nobody can listen on {host}:{port}: {why}; name another address with --listen")


def serve(application: WSGIApplication, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve until SIGTERM or an interrupt, then end cleanly; to be called in the main thread.

    Args:
        application: what answers.
        host: an address or name of this machine.
        port: 0 for any that is free.
        ready: called with the port once requests are taken.

    Raises:
        UsageError: waitress is not installed.
        StoreError: nobody can listen there; the message says why.
    """
    require_server()
    from waitress.server import create_server

    from creditledger.witness.channels import use_timely_channels

    sockets: dict[int, Any] = {}
    try:
        server = create_server(
            application,
            map=sockets,
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_REQUEST_BYTES + 1,  # Waitress refuses from there on.
            ident=None,
        )
    except (OSError, ValueError) as error:
        raise _nobody(host, port, error) from error
    use_timely_channels(sockets)
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        listening = getattr(server, "effective_listen", None) or [(host, server.effective_port)]
        ready(int(listening[0][1]))
        server.run()
    finally:
        signal.signal(signal.SIGTERM, before)
        server.close()


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
