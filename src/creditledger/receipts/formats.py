"""The files of proofs, format v1: a receipt for acts, and an extension from one checkpoint to a later one.

    ["creditledger/receipt/v1", ledger_id, about, note, [[record, proof head], ...]]
    ["creditledger/extension/v1", ledger_id, old note, new note, [hash, ...]]

`note` is a checkpoint as it was signed and cosigned. `proof head` is a C2SP tlog-proof without its checkpoint, so that
*proof head ‖ note* is the `.tlog-proof` file of the record for any program that reads those. `about` is nil, or
`[list, [scheme, value]]`: then each record holds an act about that subject on that list, and whoever made the receipt
says that these are all of them. Every text of C2SP stands as bytes, since its form is its own.

Reading settles the form of the container alone, and each form has one spelling; whether a proof *holds* is for
`receipts.check`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from creditledger.acts.identifiers import check_value
from creditledger.acts.kinds import Subject
from creditledger.codec.canonical import MAX_ARRAY, decode, encode
from creditledger.codec.text import check_identifier
from creditledger.errors import FormatError, UnsupportedError, VerificationFailed
from creditledger.record.record import MAX_RECORD_BYTES
from creditledger.tlog.note import open_note
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tree import HASH_BYTES

RECEIPT: Final = "receipt"
EXTENSION: Final = "extension"
FORK: Final = "fork"
ACKNOWLEDGEMENT: Final = "acknowledgement"
TLOG_PROOF: Final = "tlog-proof"

MAX_PROOF_BYTES: Final = 16 << 20
"""No file of a proof is larger; looked at before anything is decoded."""
MAX_ITEMS: Final = MAX_ARRAY
MAX_NOTE_BYTES: Final = 65_535
MAX_HEAD_BYTES: Final = 4096
MAX_PROOF_HASHES: Final = 64

_VERSION = re.compile(r"creditledger/([a-z]+)/v([1-9][0-9]{0,8})").fullmatch
# The header of an array of up to 15 elements, then that of its first one, a text.
_ARRAY = re.compile(rb"[\x90-\x9f](?:[\xa0-\xbf]|\xd9.)creditledger/(receipt|extension|fork)/", re.DOTALL).match


class About(NamedTuple):
    """What a receipt is about: one subject on one list."""

    list: str
    subject: Subject


class Item(NamedTuple):
    """One record as it stands in the log, and the head of the proof that it does."""

    record: bytes
    head: bytes


class ReceiptFile(NamedTuple):
    """What a receipt holds. `ledger_id` has 32 bytes; the items ascend by the number of their record."""

    ledger_id: bytes
    about: About | None
    note: bytes
    items: tuple[Item, ...]

    def proofs(self) -> list[TlogProof]:
        """The proof of each item, in order, as a `.tlog-proof` file has it; FormatError if one is not in its form."""
        return [_proof(item.head, self.note) for item in self.items]

    def to_bytes(self) -> bytes:
        """The file; FormatError for what cannot stand in one."""
        about = None if self.about is None else (self.about.list, tuple(self.about.subject))
        data = encode((_name(RECEIPT), self.ledger_id, about, self.note, tuple(map(tuple, self.items))))
        self.from_bytes(data)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> ReceiptFile:
        """Read a receipt, its form alone.

        Raises:
            FormatError: it is no receipt, or not in its one form; the message says where.
            UnsupportedError: a receipt of another version.
        """
        _, ledger_id, about, note, items = read_array(data, RECEIPT, 5)
        check_bytes(ledger_id, 32, 32, "the ledger id")
        check_bytes(note, 1, MAX_NOTE_BYTES, "the checkpoint")
        if type(items) is not tuple or not items:
            raise FormatError("a receipt holds at least one record with its proof")
        for item in items:
            if type(item) is not tuple or len(item) != 2:
                raise FormatError("an item of a receipt is an array of a record and the head of its proof")
            check_bytes(item[0], 1, MAX_RECORD_BYTES, "a record")
            check_bytes(item[1], 1, MAX_HEAD_BYTES, "the head of a proof")
        receipt = cls(ledger_id, _about(about), note, tuple(map(Item._make, items)))
        proofs = receipt.proofs()
        for before, after in pairwise(proofs):
            if before.index >= after.index:
                raise FormatError(
                    f"the records of a receipt ascend, each once; {after.index} comes after {before.index}"
                )
        return receipt


class ExtensionFile(NamedTuple):
    """What an extension holds: two checkpoints of one log, and the consistency proof from the old to the new."""

    ledger_id: bytes
    old: bytes
    new: bytes
    hashes: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """The file; FormatError for what cannot stand in one."""
        data = encode((_name(EXTENSION), *self))
        self.from_bytes(data)
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> ExtensionFile:
        """Read an extension, its form alone; raises as `ReceiptFile.from_bytes` does."""
        _, ledger_id, old, new, hashes = read_array(data, EXTENSION, 5)
        check_bytes(ledger_id, 32, 32, "the ledger id")
        check_bytes(old, 1, MAX_NOTE_BYTES, "the old checkpoint")
        check_bytes(new, 1, MAX_NOTE_BYTES, "the new checkpoint")
        return cls(ledger_id, old, new, read_hashes(hashes))


def kind_of(data: bytes) -> str | None:
    """Tell by its first bytes (128 suffice) what kind of proof a file means to be; None: no proof."""
    if match := _ARRAY(data):
        return match[1].decode()
    if data.startswith(b"creditledger/acknowledgement/"):
        return ACKNOWLEDGEMENT
    return TLOG_PROOF if data.startswith(b"c2sp.org/tlog-proof@") else None


def read_array(data: bytes, kind: str, length: int, most: int = MAX_PROOF_BYTES) -> tuple[Any, ...]:
    """The elements of a file that is an array of so many, its version the first; of at most `most` bytes.

    Raises:
        FormatError: too large, not in the canonical encoding, or something else.
        UnsupportedError: another version of this kind of file.
    """
    try:
        raw = decode(data, most)
    except FormatError as error:
        raise FormatError(f"this is no {kind}, or a damaged one: {error}") from None
    if type(raw) is not tuple or not raw or type(raw[0]) is not str or not (match := _VERSION(raw[0])):
        raise FormatError(f"this is no {kind}: it does not begin with {_name(kind)!r}")
    if match[1] != kind:
        raise FormatError(f"this is no {kind}: it begins with {raw[0]!r}")
    if match[2] != "1":
        raise UnsupportedError(f"the {kind} is of version {raw[0]!r}; this version reads {_name(kind)!r}")
    if len(raw) != length:
        raise FormatError(f"a {kind} has {length} elements, this one {len(raw)}")
    return raw


def read_hashes(raw: Any) -> tuple[bytes, ...]:
    """The hashes of a proof: an array of at most 64, 32 bytes each. Raises FormatError."""
    if type(raw) is not tuple or len(raw) > MAX_PROOF_HASHES:
        raise FormatError(f"the hashes of a proof are an array of at most {MAX_PROOF_HASHES}")
    for one in raw:
        check_bytes(one, HASH_BYTES, HASH_BYTES, "a hash")
    return tuple(raw)


def check_bytes(value: Any, least: int, most: int, what: str) -> None:
    """Raise FormatError for what is not bytes of a length within the bounds, both included."""
    if type(value) is not bytes or not least <= len(value) <= most:
        size = f"{least}" if least == most else f"{least} to {most}"
        found = f"{len(value)}" if type(value) is bytes else f"a value of type {type(value).__name__}"
        raise FormatError(f"{what} has {size} bytes, not {found}")


def note_text(note: bytes) -> bytes:
    """The text of a signed note, of which the form alone is checked; FormatError for what is none."""
    try:
        return open_note(note, ()).text
    except VerificationFailed:  # Its form is right, and nobody is known whose signature could be.
        return note[: note.rfind(b"\n\n") + 1]


def _proof(head: bytes, note: bytes) -> TlogProof:
    proof = TlogProof.from_bytes(head + note)
    if proof.extra is not None or proof.head() != head:
        raise FormatError(
            f"the head of the proof of record {proof.index} is not what it must be: format, index, hashes, an empty "
            "line, and no extra data"
        )
    # What was parsed is a copy of the note, which must not be kept for each of 4,096 items.
    return replace(proof, checkpoint=note)


def _name(kind: str) -> str:
    return f"creditledger/{kind}/v1"


def _about(raw: Any) -> About | None:
    if raw is None:
        return None
    if type(raw) is not tuple or len(raw) != 2 or type(raw[1]) is not tuple or len(raw[1]) != 2:
        raise FormatError("what a receipt is about is nil, or an array of list and subject")
    check_identifier(raw[0])
    check_value(*raw[1])
    return About(raw[0], Subject._make(raw[1]))
