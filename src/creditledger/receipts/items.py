"""What records in a proof say by themselves and beside each other, once they were shown to be in the tree.

Only what follows from the bytes at hand is checked: form, number, links to records that are there too, times, ledger
and signatures. That a key was in force and an act lawful depends on the records before, which a proof does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from creditledger.acts.catalogue import EntryConfirm, KeyRevoke
from creditledger.acts.kinds import ActRef
from creditledger.acts.registry import act_to_json
from creditledger.audit.trust import Trust
from creditledger.client.words import describe
from creditledger.codec.dates import clock_time
from creditledger.errors import FormatError, UnsupportedError, VerificationFailed
from creditledger.receipts.formats import About
from creditledger.receipts.report import ShownAct
from creditledger.record.entry import ZERO_HASH, Entry, check_signatures, decode_entry, entry_hash
from creditledger.record.record import Record, decode_record
from creditledger.tlog.tree import EMPTY_ROOT, leaf_hash


class ProvedRecord(NamedTuple):
    """A record that holds by itself: its number, its leaf hash, what it says, and the hash of its entry."""

    seq: int
    leaf: bytes
    record: Record
    entry: Entry
    digest: bytes


def read_record(data: bytes, seq: int, trust: Trust) -> ProvedRecord:
    """Check a record that the tree holds as number `seq`, by its bytes alone.

    Raises:
        VerificationFailed: what is wrong with it: a log that signs such a record is at fault.
        UnsupportedError: a version of records or entries, or an act type, that this version does not know.
    """
    try:
        record = decode_record(data)
        if record.seq != seq:
            raise _failure("LED-CHAIN", "the record has another number", seq, str(seq), str(record.seq))
        leaf = leaf_hash(data)
        if seq == 0 and leaf != trust.ledger_id:
            raise _failure("LED-LEDGER", "record 0 founds another ledger", seq, trust.ledger_id.hex(), leaf.hex())
        if seq == 0 and record.prev != ZERO_HASH:
            raise _failure("LED-CHAIN", "nothing comes before record 0", seq, ZERO_HASH.hex(), record.prev.hex())
        entry = decode_entry(record.entry)
        own = ZERO_HASH if seq == 0 else trust.ledger_id
        if entry.ledger_id != own:
            raise _failure("LED-LEDGER", "the entry is for another ledger", seq, own.hex(), entry.ledger_id.hex())
        check_signatures(record.entry, entry, record.signatures)
    except UnsupportedError as error:
        raise UnsupportedError(f"record {seq}: {error}") from None
    except FormatError as error:
        raise VerificationFailed("LED-ENC", str(error), seq=seq) from None
    except VerificationFailed as error:
        if error.seq is None:
            raise VerificationFailed(
                error.finding, f"a signature of the entry is not valid: {error}", found=error.found, seq=seq
            ) from None
        raise
    if record.recorded_at > entry.not_after:
        raise _failure(
            "LED-TIME", "the record is dated after its entry expired", seq,
            f"{clock_time(entry.not_after)} or earlier", clock_time(record.recorded_at),
        )  # fmt: skip
    size, root = entry.seen or (0, EMPTY_ROOT)
    if size > seq or (size == 0 and root != EMPTY_ROOT):
        raise _failure("LED-SEEN", "the entry pins a size that the log had not", seq, f"at most {seq}", str(size))
    return ProvedRecord(seq, leaf, record, entry, entry_hash(record.entry))


def check_together(records: list[ProvedRecord]) -> None:
    """Check what records, in ascending order, say about each other; raises VerificationFailed."""
    last_of: dict[bytes, ProvedRecord] = {}
    before: ProvedRecord | None = None
    for one in records:
        if before is not None:
            if one.seq == before.seq + 1 and one.record.prev != before.leaf:
                raise _failure(
                    "LED-CHAIN", "the record does not link to the one before it", one.seq,
                    before.leaf.hex(), one.record.prev.hex(),
                )  # fmt: skip
            if one.record.recorded_at < before.record.recorded_at:
                raise _failure(
                    "LED-TIME", f"the record is dated before record {before.seq}", one.seq,
                    f"{clock_time(before.record.recorded_at)} or later", clock_time(one.record.recorded_at),
                )  # fmt: skip
        before = one
        last = last_of.get(one.entry.key)
        if last is not None:
            _check_author(last, one)
        last_of[one.entry.key] = one


def _check_author(last: ProvedRecord, one: ProvedRecord) -> None:
    """The key's own chain goes on, as far as two of its entries can show."""
    if one.entry.author_seq <= last.entry.author_seq:
        raise _failure(
            "LED-AUTHOR", f"the key's entry in record {last.seq} has a number that is not lower", one.seq,
            f"more than {last.entry.author_seq}", str(one.entry.author_seq),
        )  # fmt: skip
    if one.entry.author_seq == last.entry.author_seq + 1 and one.entry.author_prev != last.digest:
        raise _failure(
            "LED-AUTHOR", f"the entry does not follow the key's one in record {last.seq}", one.seq,
            last.digest.hex(), one.entry.author_prev.hex(),
        )  # fmt: skip


def check_about(records: list[ProvedRecord], about: About) -> None:
    """Check that each record holds an act about that subject on that list, or one that decides whether such an act
    counts (see `_concern`); raises VerificationFailed."""
    concern = _concern(records, about)
    for one in records:
        if not any(concern(act) for act in one.entry.acts):
            raise _failure(
                "LED-STRUCT", "the receipt says that the record is about somebody whom it does not concern", one.seq,
                f"an act about {about.subject} on {about.list}", "none",
            )  # fmt: skip


def show(records: list[ProvedRecord], about: About | None) -> tuple[ShownAct, ...]:
    """The acts in words; where the receipt is about somebody, those that concern him. Acts refer to those shown."""
    concern = _everything if about is None else _concern(records, about)
    places = {
        ActRef(one.digest, index): f"{one.seq}.{index}" for one in records for index in range(len(one.entry.acts))
    }

    return tuple(
        ShownAct(
            f"{one.seq}.{index}", f"{one.digest.hex()}#{index}", one.record.recorded_at, one.entry.authority,
            describe(act, one.entry.authority, address=places.get),
            act_to_json(act),
        )
        for one in records
        for index, act in enumerate(one.entry.acts)
        if concern(act)
    )  # fmt: skip


def _everything(_act: object) -> bool:
    return True


def _concern(records: list[ProvedRecord], about: About) -> Callable[[object], bool]:
    """Whether an act concerns a subject: it is about him, or it decides whether such an act counts.

    That do the end of a key that signed one, and the confirmation of an entry that holds one.
    """
    own = [one for one in records if any(_is_about(act, about) for act in one.entry.acts)]
    keys, entries = {one.entry.key for one in own}, {one.digest for one in own}

    def concerns(act: object) -> bool:
        match act:
            case KeyRevoke():
                return act.key in keys
            case EntryConfirm():
                return act.entry[1] in entries
        return _is_about(act, about)

    return concerns


def _is_about(act: object, about: About) -> bool:
    return (getattr(act, "list", None), getattr(act, "subject", None)) == about


def _failure(finding: str, message: str, seq: int, expected: str, found: str) -> VerificationFailed:
    return VerificationFailed(finding, message, expected=expected, found=found, seq=seq)
