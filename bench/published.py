"""Publishing a log and verifying what was published, against plainly hashing the same bytes.

`measure` is for `bench/run.py`; alone: `python bench/published.py LEDGER TRUST SCRATCH`.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.publish.mirroring import mirror
from creditledger.publish.publishing import publish


def measure(ledger: Path, trust: Trust, scratch: Path) -> dict[str, Any]:
    """Publish a ledger's log, verify and mirror the result, and hash the same bytes.

    Args:
        ledger: the ledger's directory.
        trust: the trust to verify by.
        scratch: a directory for the files; what is made in it is removed.

    Returns:
        `records`, `bytes` (published), `files`; seconds: `publish` (every file synced), `audit` (the ledger itself),
        `verify` (the directory), `mirror` (a copy of it, checked and synced), `hash` (SHA-256 of every record, from
        the published files, in one process).
    """
    out, copy = scratch / "published", scratch / "copy"
    try:
        done, publishing = _timed(lambda: publish(ledger, out))
        _, auditing = _timed(lambda: verify(ledger, trust=trust))
        _, verifying = _timed(lambda: verify(out, trust=trust))
        _, mirroring = _timed(lambda: mirror(out, copy, trust=trust))
        _, hashing = _timed(lambda: _hash(out))
    finally:
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(copy, ignore_errors=True)
    return {
        "records": done.size, "bytes": done.bytes, "files": done.files, "publish": publishing, "audit": auditing,
        "verify": verifying, "mirror": mirroring, "hash": hashing,
    }  # fmt: skip


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def _hash(out: Path) -> bytes:
    """Hash every record as a leaf: what anybody must at least do who checks it."""
    last = b""
    for bundle in _bundles(out / "tile" / "entries"):
        position = 0
        while position < len(bundle):
            end = position + 2 + int.from_bytes(bundle[position : position + 2], "big")
            last = sha256(b"\x00" + bundle[position + 2 : end]).digest()
            position = end
    return last


def _bundles(directory: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), Trust.load(sys.argv[2]), Path(sys.argv[3])), indent=1))
