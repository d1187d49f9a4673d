"""What others claim to know of the log: its label, an earlier audit, authors who pin checkpoints, outside heads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from creditledger.acts.catalogue import LedgerCreate
from creditledger.acts.registry import restore_act
from creditledger.audit.assembly import Assembly, RootReader
from creditledger.audit.crew import Crew
from creditledger.audit.findings import finding
from creditledger.audit.forms import read_entry, read_record
from creditledger.audit.rehash import Pinned
from creditledger.audit.remember import Remembered
from creditledger.audit.report import Findings
from creditledger.audit.spine import antedated, cut_off, lacking, misplaced
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
    label = Layout(path).description
    if label.exists() and not label.is_file():
        findings.add(finding("LED-STRUCT", None, f"{label} is no regular file", derived=True))
        return
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


def check_first(first: bytes | None, trust: Trust, findings: Findings) -> bool:
    """Record 0 is the ledger: its leaf hash is the ledger's id. Returns whether there is any point in going on.

    There is none in a ledger that was founded under another origin, or for none of the log keys that are trusted: the
    trust file is that of another ledger, and every record and checkpoint would be found at fault.
    """
    if first is None or leaf_hash(first) == trust.ledger_id:
        return True
    founded = _founding_act(first)
    trusted = {b"\x01" + one.public_key for one in trust.verifiers()}
    if founded is None or (founded.origin == trust.origin and trusted & set(founded.log_keys)):
        message = "this is another ledger, or its first record was altered"
        findings.add(finding("LED-LEDGER", 0, message, expected=trust.ledger_id, found=leaf_hash(first)))
        return True
    message = "the trust file is not for this ledger: get the one that belongs to it, or the ledger that it names"
    expected, found = f"{trust.origin}, {trust.ledger_id.hex()}", f"{founded.origin}, {leaf_hash(first).hex()}"
    findings.put_first(finding("LED-LEDGER", 0, message, expected=expected, found=found))
    return False


def _founding_act(record: bytes) -> LedgerCreate | None:
    """The act of record 0, if it can be read and founds a ledger."""
    try:
        act = restore_act(read_entry(read_record(record)[4])[9][0])
    except FormatError:
        return None
    return act if isinstance(act, LedgerCreate) else None


def check_beyond(note: bytes, place: int, size: int, trust: Trust, findings: Findings) -> None:
    """A checkpoint that is stored as one of size `place`, which is more records than there are."""
    try:
        opened = trust.open(note)
    except (FormatError, VerificationFailed) as error:
        findings.add(finding("LED-CKPT", None, f"the last checkpoint does not hold: {error}"))
        return
    findings.add(misplaced(opened.checkpoint.size, place, size))


def check_policy(assembly: Assembly, trust: Trust) -> str:
    """Whether the newest checkpoint is signed by all whom the trust file asks for; if not, what is to be said."""
    if assembly.sufficing == assembly.sealed:
        return ""
    covered, sealed = assembly.sufficing, assembly.sealed
    records = f"record {covered}" if sealed == covered + 1 else f"records {covered} to {sealed - 1}"
    asked = [
        word for word, named in (("witnesses", trust.has_witnesses), ("ML-DSA-44", trust.is_post_quantum)) if named
    ]
    return f"{' and '.join(asked)}, for {records}: {lacking(trust, trust.open(assembly.note))}"


def check_remembered(remembered: Remembered, crew: Crew, findings: Findings, tell: Callable[[int, int], None]) -> int:
    """Hash again what an earlier audit verified; return how many records need not be verified once more."""
    size = crew.extent.size
    if remembered.size > size:
        findings.add(cut_off("an earlier audit verified", remembered.size, "verified before", size))
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
        findings.add(cut_off("the head kept outside the ledger covers", head.size, "signed here", assembly.size))
        return
    tail = dict(crew.call("tails", [head.size]))[head.size]
    root = RootReader(assembly.tiles).root(head.size, tail)
    if root != head.root:
        message = f"the log contradicts the head of size {head.size} that is kept outside the ledger"
        findings.add(finding("LED-HEAD", None, message, expected=head.root, found=root))


def check_seen(seen: Head, assembly: Assembly, crew: Crew, findings: Findings) -> None:
    """A checkpoint that the verifier has verified before, and that is no larger than the log, is one of this log.

    If the log has signed what it says now, it has signed two histories.
    """
    tail = dict(crew.call("tails", [seen.size]))[seen.size]
    root = RootReader(assembly.tiles).root(seen.size, tail) if seen.size else EMPTY_ROOT
    if root == seen.root:
        return
    if seen.size <= assembly.sealed:
        message = (
            f"the log signed two histories: the one here, and one that was verified before, up to size {seen.size}"
        )
        findings.add(finding("LED-FORK", None, message, expected=seen.root, found=root))
    else:
        message = f"the log contradicts the checkpoint of size {seen.size} that was verified before"
        findings.add(finding("LED-HEAD", None, message, expected=seen.root, found=root))


def check_witnessed(notes: Sequence[bytes], trust: Trust, assembly: Assembly, crew: Crew, findings: Findings) -> int:
    """The times at which witnesses cosigned checkpoints that the verifier knows, against the first record after each.

    A log shows what checkpoint it likes, and a published one only the newest; what the verifier has from before is
    what binds the records that came since. A note that is not of this log's history, or does not hold, binds nothing:
    others say so. Returns how many notes were looked at.
    """
    newest: dict[tuple[int, bytes], tuple[str, int]] = {}
    for note in notes:
        try:
            opened = trust.open(note)
        except (FormatError, VerificationFailed):
            continue
        head = opened.checkpoint
        if opened.times and 0 < head.size < assembly.size:
            known = newest.get((head.size, head.root), ("", 0))
            newest[head.size, head.root] = max(known, *opened.times, key=lambda one: one[1])
    reader = RootReader(assembly.tiles)
    tails = dict(crew.call("tails", sorted({size for size, _ in newest}))) if newest else {}
    for (size, root), latest in sorted(newest.items()):
        dated = crew.call("dated", size, assembly.size) if reader.root(size, tails[size]) == root else None
        if dated is not None:
            seq, recorded_at = dated
            findings.add(*antedated(seq, recorded_at, *latest))
    return len(newest)
