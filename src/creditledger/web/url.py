"""The addresses that are spoken to: `http` and `https`, without user names, queries or fragments."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from creditledger.errors import UsageError

MAX_URL_CHARACTERS: Final = 2048

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<address>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
)
_IS_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,31}://").match


class Target(NamedTuple):
    """Where a URL leads: scheme (`http` or `https`), host (an IPv6 address without brackets), port, and path."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: who answers."""
        return self.scheme, self.host, self.port


def is_url(text: str) -> bool:
    """Whether a text is meant as a URL, be it one that is spoken to or not, rather than as the name of a file."""
    return _IS_URL(text) is not None


def parse_url(url: str) -> Target:
    """Read a URL.

    Raises:
        UsageError: it is none that is spoken to; the message says what one looks like.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_URL_CHARACTERS else None
    port = 0 if match is None else int(match["port"] or _PORTS[match["scheme"]])
    if match is None or not 0 < port < 65536:
        raise UsageError(
            f"{url!r:.200} is not an address to fetch from; give one like https://registry.example.org/log, in ASCII, "
            "without a user name, a query or a fragment"
        )
    return Target(match["scheme"], (match["host"] or match["address"]).lower(), port, match["path"] or "/")


def below(prefix: str, path: str) -> str:
    """The URL of a path below a URL prefix, which may end with a slash or not."""
    return f"{prefix.rstrip('/')}/{path}"
