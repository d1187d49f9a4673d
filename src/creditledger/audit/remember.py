"""What a verifier remembers of an audit that found nothing wrong, so that the next one need not start anew.

The file is the verifier's own: whoever can write it can make an audit skip records. It holds the size and root that
were verified, and the checkpoint that proves them to others.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

from creditledger._version import __version__
from creditledger.audit.outside import read_regular
from creditledger.audit.trust import Trust
from creditledger.errors import FormatError, UsageError
from creditledger.store.files import disk_error, sync_dir
from creditledger.tlog.tree import MAX_SIZE

FORMAT: Final = "creditledger/audit/v1"
MAX_BYTES: Final = 65_536


class Remembered(NamedTuple):
    """The log as it was verified: its size, its root (32 bytes), its rule set, its checkpoint, and by which version."""

    size: int
    root: bytes
    rule_set: str
    checkpoint: str
    version: str

    @property
    def suffices(self) -> bool:
        """Whether what it verified is what this program would verify: it was written by the same version."""
        return self.version == __version__


def load(path: Path, trust: Trust) -> Remembered | None:
    """Read what is remembered of a ledger; None if there is no file.

    Raises:
        UsageError: it is about another ledger.
        FormatError: it is not such a file.
        StoreError: it cannot be read.
    """
    try:
        data = read_regular(path, MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error("read", path, error.errno, str(error)) from error
    try:
        values, found = _parse(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"{path} does not hold what an audit remembers: {error}; remove it, and the next audit checks everything"
        ) from None
    if (values.get("origin"), values.get("ledger_id")) != (trust.origin, trust.ledger_id.hex()):
        raise UsageError(f"{path} is about another ledger than the trust file; each ledger needs a file of its own")
    return found


def _parse(data: bytes) -> tuple[dict[str, Any], Remembered]:
    """What the file holds, and what it says; raises ValueError."""
    if len(data) > MAX_BYTES:
        raise ValueError("it is too large")
    values = json.loads(data)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(f"it does not say that it is of format {FORMAT}")
    size, root, rule_set, checkpoint, version = (values.get(name) for name in Remembered._fields)
    if type(size) is not int or not 0 < size <= MAX_SIZE:
        raise ValueError("its size is not a number of records")
    if not all(isinstance(text, str) for text in (root, rule_set, checkpoint, version)):
        raise ValueError("root, rule_set, checkpoint and version must be texts")
    hash_ = bytes.fromhex(str(root))
    if len(hash_) != 32:
        raise ValueError("its root does not have 32 bytes")
    return values, Remembered(size, hash_, str(rule_set), str(checkpoint), str(version))


def store(path: Path, trust: Trust, found: Remembered) -> None:
    """Write the file whole or not at all, mode 0600; raises StoreError."""
    values = {
        "format": FORMAT,
        "origin": trust.origin,
        "ledger_id": trust.ledger_id.hex(),
        **found._asdict(),
        "root": found.root.hex(),
    }
    try:
        # Such a file is made with mode 0600.
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(fd, "w", encoding="utf-8") as file:
                json.dump(values, file, ensure_ascii=False, indent=1)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
        sync_dir(path.parent)
    except OSError as error:
        raise disk_error("write", path, error.errno, str(error)) from error


def current(size: int, root: bytes, rule_set: str, checkpoint: bytes) -> Remembered:
    """What this version is to remember."""
    return Remembered(size, root, rule_set, checkpoint.decode(), __version__)
