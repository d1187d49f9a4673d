"""Limits that the system sets to this process, for a while: how tests make a disk full."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited(what: int, value: int) -> Iterator[None]:
    """Within the block, the soft limit `what` (`resource.RLIMIT_...`) is `value`."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (value, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))
