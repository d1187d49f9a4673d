"""Connections of the server that end in time, and requests that can be read in one way only.

Waitress closes a connection that is idle, but not one on which a byte comes now and then; a few hundred of those would
take all the places there are. It must be installed for this module to be imported.
"""

from __future__ import annotations

import re
import time
from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer

REQUEST_SECONDS: Final = 20
"""From the first byte of a request until its last, and as long for an answer of which nothing more is taken."""

_FRAMING: Final = re.compile(rb"\r\n(content-length|transfer-encoding):", re.IGNORECASE)


class OneReading(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Refuses requests that say in two ways where they end (RFC 9112, section 6.3): a server in front may differ."""

    def parse_header(self, header_plus: bytes) -> None:
        """Take the head of a request apart; what this raises is answered 400, and the connection closed."""
        if len({one.lower() for one in _FRAMING.findall(header_plus)}) > 1:
            raise ParsingError("Content-Length and Transfer-Encoding exclude each other")
        super().parse_header(header_plus)


class TimelyChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that is closed when a request does not end, or an answer is not taken, in the time there is."""

    parser_class = OneReading
    _incomplete: HTTPRequestParser | None = None
    _begun = 0.0

    def received(self, data: bytes) -> bool:
        """Take what has come; of a request that is not complete by then, the time when it began is noted."""
        taken: bool = super().received(data)
        if self.request is not self._incomplete:
            self._incomplete, self._begun = self.request, time.monotonic()
        return taken

    def readable(self) -> Any:
        """Whether to read; asked by the server's loop at least once a second, so here it is seen what is overdue."""
        slow = self._incomplete is not None and time.monotonic() - self._begun > REQUEST_SECONDS
        stuck = self.total_outbufs_len and time.time() - self.last_activity > REQUEST_SECONDS
        if self.connected and (slow or stuck):
            self.handle_close()  # At once: to be told first, it would have to become writable.
        return self.connected and super().readable()

    def writable(self) -> Any:
        """Whether to write."""
        return self.connected and super().writable()


def use_timely_channels(sockets: dict[int, Any]) -> None:
    """Have the servers among these sockets (of `waitress.create_server`'s `map`) make such connections."""
    for one in sockets.values():
        if isinstance(one, BaseWSGIServer):
            one.channel_class = TimelyChannel
