"""What the passes of an audit hand to each other: the plan, what a range of records came to, the temporary sections."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

from creditledger.audit.findings import Finding

HEADER: Final = 0
"""Section of a range's temporary file: what the sequential pass judges."""
AUTHORS: Final = 1
"""Section: which key signed each record."""
PARTITIONS: Final = 2
"""First of the sections that hold acts in blocks, one for each partition of subjects; pinned checkpoints follow."""

FIELDS: Final = 7
"""Values by which an act stands in a partition: seq, index, class, author_seq, entry hash, subject key, the act."""

ABSENT, OTHER, DAMAGED = "absent", "other", "damaged"
"""Why a ledger's derived state is not compared: it is not there, of another format, or damaged."""

CITE: Final = b""
"""Stands where an act has its subject key: a citation of a source, to be judged."""
CITED: Final = b"\x00"
"""The same: a citation that is judged elsewhere, and that later acts of its entry may refer to."""


class Plan(NamedTuple):
    """What is the same for every range of records.

    `size` is the number of records that there are; `ledger_id` is the leaf hash of record 0, `utc_offset` the ledger's;
    `trust` is the text of the trust file. `bounds` are the subject keys at which partitions begin, but for the
    first. Checkpoints that entries pin are divided by size into `spans` ranges of `span` leaves. Of the records, the
    first `verified` are known from an earlier audit. `marks` are numbers of records after which the keys' heads are
    wanted. `scratch` is where temporary files go.
    """

    size: int
    ledger_id: bytes
    utc_offset: str
    trust: str
    bounds: tuple[bytes, ...]
    span: int
    spans: int
    verified: int
    marks: tuple[int, ...]
    scratch: str

    def file(self, start: int) -> Path:
        """The temporary file of the range that begins with record `start`."""
        return Path(self.scratch, f"range-{start:x}")

    def expected(self, size: int) -> Path:
        """The temporary file of derived rows as of a number of records."""
        return Path(self.scratch, f"state-{size:x}")

    def span_of(self, size: int) -> int:
        """The range that a pinned size falls in."""
        return min(size // self.span, self.spans - 1)


class Sealed(NamedTuple):
    """A checkpoint whose signature holds.

    `size` and `root`; `tail`, the hash over the leaves of that size after the last full tile (empty: there are none);
    `keys`, the 32-byte Ed25519 keys of the log that signed it; `suffices`, whether all that the trust file asks for,
    witnesses and ML-DSA-44, signed it too.
    """

    size: int
    root: bytes
    tail: bytes
    keys: tuple[bytes, ...]
    suffices: bool


class Summary(NamedTuple):
    """What a range of records came to.

    `start` and `stop`: the records that were read. `first_prev`, `last_leaf`, `first_at`, `last_at`: links and times at
    both ends (None where they cannot be read). `tiles`: the hash over each full tile; `tail`: that over the leaves
    after them. `sealed`: its checkpoints, `note` the last of them as signed, `sufficing` the last that all signed
    whom the trust file asks for. `latest`: the witness, and the time in POSIX seconds, of the latest cosignature that
    no record of the range follows. `cosignatures`, `post_quantum`: how many of them, and of ML-DSA-44 signatures, were
    verified. `readable`: the first record from which
    on nothing can be judged, or `stop`. `broken`: where a link within the range does not hold: record, hash due, link
    found. `past`: entries that acts name by key and number. `spans`: where its pinned checkpoints fall.
    """

    start: int
    stop: int
    first_prev: bytes | None
    last_leaf: bytes
    first_at: int | None
    last_at: int | None
    tiles: bytes
    tail: bytes
    sealed: tuple[Sealed, ...]
    note: bytes
    sufficing: bytes
    latest: tuple[str, int] | None
    cosignatures: int
    post_quantum: int
    readable: int
    broken: tuple[tuple[int, bytes, bytes], ...]
    findings: tuple[Finding, ...]
    untold: dict[str, int]
    acts: int
    signatures: int
    past: tuple[tuple[bytes, int], ...]
    spans: tuple[int, ...]

    @classmethod
    def restore(cls, raw: tuple[Any, ...]) -> Summary:
        """The summary that came through a pipe as bare arrays."""
        found = cls._make(raw)
        return found._replace(
            sealed=tuple(map(Sealed._make, found.sealed)), findings=tuple(map(Finding._make, found.findings))
        )


class Header(NamedTuple):
    """The section HEADER: what the sequential pass judges of a range, each part in the order of the log.

    `classes`: (seq, recorded_at, day, authority, key, cosigners, apart): all entries of one signer on one day between
    two changes of governance count as one, of which the first is given; `apart` ones are among the `entries`.
    `openings`: (seq, key, author_seq, author_prev) of each key's first entry in the range; `pins`: (seq, key, size) of
    the first checkpoint that it pins. `entries`: (seq, recorded_at, leaf hash, entry bytes, whether it changes
    governance), to be judged one by one. `heads`: (key, next author_seq, hash of the last entry, largest size pinned or
    -1) after the last record; `marks`: (size, heads at that size).
    """

    classes: tuple[tuple[int, int, str, str, bytes, tuple[tuple[str, bytes], ...], bool], ...]
    openings: tuple[tuple[int, bytes, int, bytes], ...]
    pins: tuple[tuple[int, bytes, int], ...]
    entries: tuple[tuple[int, int, bytes, bytes, bool], ...]
    heads: tuple[tuple[bytes, int, bytes, int], ...]
    marks: tuple[tuple[int, tuple[tuple[bytes, int, bytes, int], ...]], ...]
