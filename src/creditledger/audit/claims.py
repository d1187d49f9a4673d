"""What others claim to know of the log: its label, an earlier audit, authors who pin checkpoints, outside heads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from creditledger.audit.assembly import Assembly, RootReader
from creditledger.audit.crew import Crew
from creditledger.audit.findings import finding
from creditledger.audit.rehash import Pinned
from creditledger.audit.remember import Remembered
from creditledger.audit.report import Findings
from creditledger.audit.spine import open_sealed
from creditledger.audit.trust import Trust
from creditledger.errors import FormatError, UnsupportedError, VerificationFailed
from creditledger.ledger.layout import Description, Layout
from creditledger.store.head import Head
from creditledger.tlog.tree import EMPTY_ROOT, leaf_hash

_AT_ONCE = 16_384


def check_label(path: Path, trust: Trust, findings: Findings) -> None:
    """The label on a ledger's directory is no evidence, but it should name the ledger that is asked for.

    Raises NoLedger if there is none, UnsupportedError for a directory of another format.
    """
    try:
        said = Description.read(Layout(path))
    except UnsupportedError:
        raise
    except FormatError as error:
        findings.add(finding("LED-STRUCT", None, str(error), derived=True))
        return
    if (said.origin, said.ledger_id) != (trust.origin, trust.ledger_id):
        message = "ledger.toml names another ledger than the trust file"
        expected, found = f"{trust.origin}, {trust.ledger_id.hex()}", f"{said.origin}, {said.ledger_id.hex()}"
        findings.add(finding("LED-LEDGER", None, message, expected=expected, found=found, derived=True))


def check_first(first: bytes | None, trust: Trust, findings: Findings) -> None:
    """Record 0 is the ledger: its leaf hash is the ledger's id."""
    if first is not None and leaf_hash(first) != trust.ledger_id:
        message = "this is another ledger, or its first record was altered"
        findings.add(finding("LED-LEDGER", 0, message, expected=trust.ledger_id, found=leaf_hash(first)))


def check_beyond(note: bytes, size: int, trust: Trust, findings: Findings) -> None:
    """A checkpoint that is stored under more records than there are."""
    try:
        sealed = open_sealed(note, trust.verifiers(), trust.origin)
    except (FormatError, VerificationFailed) as error:
        findings.add(finding("LED-CKPT", None, f"the last checkpoint does not hold: {error}"))
        return
    _add_cut(findings, "a signed checkpoint covers", sealed.size, size)


def check_remembered(remembered: Remembered, crew: Crew, findings: Findings, tell: Callable[[int, int], None]) -> int:
    """Hash again what an earlier audit verified; return how many records need not be verified once more."""
    size = crew.extent.size
    if remembered.size > size:
        _add_cut(findings, "an earlier audit verified", remembered.size, size)
        return 0
    ranges = [(start, min(start + _AT_ONCE, remembered.size)) for start in range(0, remembered.size, _AT_ONCE)]
    tiles, rest = bytearray(), b""
    try:
        for (_, stop), (part, tail) in zip(ranges, crew.map("hash_tiles", ranges), strict=True):
            tiles += part
            rest = tail
            tell(stop, remembered.size)
    except VerificationFailed:
        return 0  # The pass over the records says what is wrong.
    root = RootReader(bytes(tiles)).root(remembered.size, rest)
    if root != remembered.root:
        message = f"the first {remembered.size} records are not those that an earlier audit verified"
        findings.add(finding("LED-HEAD", None, message, expected=remembered.root, found=root))
        return 0
    return remembered.size if remembered.suffices else 0


def check_pinned(starts_by_span: dict[int, list[int]], assembly: Assembly, crew: Crew, findings: Findings) -> None:
    """R-ENTRY-SEEN: every checkpoint that an entry pins is one of this log."""
    reader = RootReader(assembly.tiles)
    for raw in crew.map("pinned", [(span, starts_by_span[span]) for span in sorted(starts_by_span)]):
        for size, tail, claims in map(Pinned._make, raw):
            root = reader.root(size, tail) if size else EMPTY_ROOT
            for claimed, seq in claims:
                if claimed != root:
                    message = f"R-ENTRY-SEEN: the entry pins a checkpoint of size {size} that is not this log's"
                    findings.add(finding("LED-SEEN", seq, message, expected=root, found=claimed))


def check_head(head: Head, assembly: Assembly, crew: Crew, findings: Findings) -> None:
    """The last signed head, as the machine that signs keeps it outside the ledger's directory."""
    if head.size > assembly.size:
        _add_cut(findings, "the head kept outside the ledger covers", head.size, assembly.size)
        return
    tail = dict(crew.call("tails", [head.size]))[head.size]
    root = RootReader(assembly.tiles).root(head.size, tail)
    if root != head.root:
        message = f"the log contradicts the head of size {head.size} that is kept outside the ledger"
        findings.add(finding("LED-HEAD", None, message, expected=head.root, found=root))


def _add_cut(findings: Findings, who: str, due: int, size: int) -> None:
    message = f"{who} more records than the log has: its end was cut off"
    findings.add(finding("LED-HEAD", size, message, expected=f"{due} records", found=f"{size} records"))
