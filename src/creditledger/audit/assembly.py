"""Ranges of records put together: the links between them, one tree over all, every checkpoint against its roots."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator

from creditledger.audit.findings import Finding, finding
from creditledger.audit.passes import Sealed, Summary
from creditledger.audit.report import Findings
from creditledger.audit.spine import antedated, blame, earlier
from creditledger.record.entry import ZERO_HASH
from creditledger.rules.governance_state import Governance
from creditledger.tlog.tiles import WIDTH
from creditledger.tlog.tree import EMPTY_ROOT, HASH_BYTES, Frontier


class LogKeyUses:
    """Which log keys (32 bytes) signed which checkpoints: their sizes, and for each key the runs of those it signed."""

    def __init__(self) -> None:
        self._sizes = array("Q")
        self._runs: dict[bytes, list[list[int]]] = {}

    def add(self, size: int, keys: tuple[bytes, ...]) -> None:
        """The next checkpoint, by its size and who signed it."""
        number = len(self._sizes)
        self._sizes.append(size)
        for key in keys:
            runs = self._runs.setdefault(key, [])
            if runs and runs[-1][1] == number:
                runs[-1][1] = number + 1
            else:
                runs.append([number, number + 1])

    def upto(self, size: int) -> Iterator[tuple[bytes, int, int, int]]:
        """Of each key that signed a checkpoint up to this size: the key, the sizes of its first and last such
        checkpoint, and that of the one before the last, whoever signed it (0: none)."""
        end = bisect_right(self._sizes, size)
        for key, runs in self._runs.items():
            last = next((min(stop, end) - 1 for start, stop in reversed(runs) if start < end), None)
            if last is not None:
                yield key, self._sizes[runs[0][0]], self._sizes[last], self._sizes[last - 1] if last else 0


class Assembly:
    """What is known of the log from its beginning up to the last range that was added.

    Attributes:
        size: the number of records.
        sealed: the size of the last checkpoint whose root is that of the records.
        note: that checkpoint, as signed.
        sufficing, sufficing_note: the same of the last one that bears all signatures that the trust file asks for.
        first: the leaf hash of record 0, which is the ledger's id.
        uses: which log keys signed, and when.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._frontier = Frontier()
        self._tiles = bytearray()
        self._tail = b""
        self._last_leaf = ZERO_HASH
        self._last_at = 0
        self._broken: list[tuple[int, bytes, bytes]] = []
        self._newest = Sealed(0, EMPTY_ROOT, b"", (), suffices=False)
        self._agrees = True
        self._unreadable: list[int] = []
        self.size = 0
        self.sealed = 0
        self.note = b""
        self.sufficing = 0
        self.sufficing_note = b""
        self._latest: tuple[str, int] | None = None
        self.uses = LogKeyUses()
        self.acts = 0
        self.signatures = 0
        self.checkpoints = 0
        self.cosignatures = 0
        self.post_quantum = 0

    def add(self, part: Summary) -> None:
        """Join the next range on."""
        self._findings.add(*part.findings)
        self._findings.add_counts(part.untold)
        if part.first_prev is not None and part.first_prev != self._last_leaf:
            self._broken.append((part.start, self._last_leaf, part.first_prev))
        self._broken += part.broken
        if part.first_at is not None and part.last_at is not None:
            if part.first_at < self._last_at:
                self._findings.add(earlier(part.start, self._last_at, part.first_at))
            if self._latest is not None:
                self._findings.add(*antedated(part.start, part.first_at, *self._latest))
            self._last_at, self._latest = part.last_at, None
        if part.latest is not None and (self._latest is None or self._latest[1] < part.latest[1]):
            self._latest = part.latest
        for sealed in part.sealed:
            self._grow(part, sealed.size // WIDTH)
            self._compare(sealed, part)
        self._grow(part, part.stop // WIDTH)
        self._tail = part.tail
        if part.stop > part.start:
            self._last_leaf = part.last_leaf
        self.size = part.stop
        if part.readable < part.stop:
            self._unreadable.append(part.readable)
        self.acts += part.acts
        self.signatures += part.signatures
        self.cosignatures += part.cosignatures
        self.post_quantum += part.post_quantum

    def _grow(self, part: Summary, tiles: int) -> None:
        """Let full tiles of the range into the tree until it has so many."""
        first = part.start // WIDTH
        while self._frontier.size < tiles:
            at = (self._frontier.size - first) * HASH_BYTES
            tile = part.tiles[at : at + HASH_BYTES]
            self._frontier.push(tile)
            self._tiles += tile

    def _compare(self, sealed: Sealed, part: Summary) -> None:
        self.checkpoints += 1
        self._newest = sealed
        self.uses.add(sealed.size, sealed.keys)
        root = _with_tail(self._frontier, sealed.tail)
        if root == sealed.root:
            if self._agrees:
                self.sealed, self.note = sealed.size, part.note
                if sealed.suffices:
                    self.sufficing, self.sufficing_note = sealed.size, part.sufficing
        elif self._agrees:
            self._agrees = False
            if self._findings.first_record("LED-TREE") is not None:
                return  # A published log's tiles tell which record it is.
            records = f"record {self.sealed} is" if sealed.size == self.sealed + 1 else (
                f"one of the records {self.sealed} to {sealed.size - 1} is"
            )  # fmt: skip
            message = f"{records} not the one that the signed checkpoint of size {sealed.size} covers"
            self._findings.add(finding("LED-TREE", self.sealed, message, expected=sealed.root, found=root))

    def finish(self) -> None:
        """Say which records the broken links point at: what checkpoints and tiles prove is known only now."""
        proven = self._findings.first_record("LED-TREE") or 0
        self._findings.add(*blame(self._broken, max(self.sealed, proven)))

    def root(self) -> bytes:
        """The root over all records, 32 bytes."""
        return _with_tail(self._frontier, self._tail)

    @property
    def readable(self) -> int:
        """The first record from which on nothing can be judged, or the number of records."""
        return self._unreadable[0] if self._unreadable else self.size

    @property
    def last_signed(self) -> int:
        """The size of the last checkpoint with a valid signature, whether or not the records agree with it."""
        return self._newest.size

    @property
    def tiles(self) -> bytes:
        """The hash over each full tile of leaves, 32 bytes each."""
        return bytes(self._tiles)


class RootReader:
    """Roots of the tree at sizes asked for in ascending order, from the hashes over its full tiles."""

    def __init__(self, tiles: bytes) -> None:
        self._tiles = tiles
        self._frontier = Frontier()

    def root(self, size: int, tail: bytes) -> bytes:
        """The root at a size; `tail` is the hash over its leaves after the last full tile, or empty."""
        while self._frontier.size < size // WIDTH:
            at = self._frontier.size * HASH_BYTES
            self._frontier.push(self._tiles[at : at + HASH_BYTES])
        return _with_tail(self._frontier, tail)


def _with_tail(frontier: Frontier, tail: bytes) -> bytes:
    """The root over full tiles and a last one that is not full.

    The tree splits at powers of two of leaves, so all that lies beyond the full tiles hangs from it like one more tile.
    """
    if not tail:
        return frontier.root()
    whole = frontier.copy()
    whole.push(tail)
    return whole.root()


def check_log_keys(uses: LogKeyUses, governance: Governance, size: int) -> list[Finding]:
    """Hold every key that signed checkpoints up to a size against the ledger's own register as of that size.

    A log key must be registered by a record that the checkpoint covers; and once a checkpoint covers its revocation, it
    no longer signs.
    """
    found = []
    for key, first, last, before_last in uses.upto(size):
        row = governance.keys.get(b"\x01" + key)
        if row is None or row.role != "log" or row.added >= first:
            at, reason = first, f"{key.hex()}, which the ledger has not registered as a log key at that size"
        elif row.revoked is not None and row.revoked < before_last:
            at, reason = last, f"{key.hex()}, revoked by record {row.revoked}"
        else:
            continue
        message = f"the checkpoint of size {at} is signed by a key that the ledger does not let sign"
        found.append(finding("LED-KEY", at - 1, message, expected="a log key in force", found=reason))
    return found
