"""Acknowledgements: what the desk that takes entries in says it received, when, and what became of it; signed.

    creditledger/acknowledgement/v1
    registry.example.org/defaulters                                the ledger's origin
    9f2c...                                                        the ledger id, in hexadecimal
    entry 5be1...                                                  SHA-256 of the entry; `bytes` of what was no entry
    2026-11-23T21:30:12.123456Z                                    when it was received
    refused R-MANDATE 0                                            the outcome, and for some of them
    the conflict, on one line                                      one or two lines of words
    what would be needed, on one line

This is the text of a signed note (module `tlog.note`) by a desk key, whose name is `<origin>/acknowledgements`: a log
key signs checkpoints and nothing else. Whoever submitted something can show later that it was received, and that it was
refused; a desk that says `recorded` while the log holds something else under that number has contradicted the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from creditledger.audit.trust import Trust
from creditledger.codec.dates import clock_time
from creditledger.codec.text import FORBIDDEN, SPACES, check_text
from creditledger.errors import (
    CannotVerify,
    FormatError,
    LedgerError,
    Refused,
    SequenceConflict,
    UnsupportedError,
    UsageError,
    VerificationFailed,
)
from creditledger.keys.signer import Signer
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.receipt import Receipt
from creditledger.receipts.formats import note_text
from creditledger.tlog.note import check_name, open_note, sign_note
from creditledger.tlog.tree import MAX_SIZE

VERSION: Final = "creditledger/acknowledgement/v1"
MAX_BYTES: Final = 16_384
MAX_WORDS_BYTES: Final = 2_000
NAME_SUFFIX: Final = "/acknowledgements"
SEQUENCE_RULE: Final = "R-ENTRY-CHAIN"
"""The rule under which another entry in the same place of a key's chain is refused."""

_OWN_FAULT = "the desk could not record it, for a reason that lies with the desk; it may be sent again"

_VERSIONS = re.compile(r"creditledger/acknowledgement/v[1-9][0-9]{0,8}").fullmatch
_ID = re.compile(r"[0-9a-f]{64}").fullmatch
_DIGEST = re.compile(r"(entry|bytes) ([0-9a-f]{64})").fullmatch
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z").fullmatch
_NUMBER = r"(0|[1-9][0-9]{0,15})"
_RECORDED = re.compile(f"recorded {_NUMBER} {_NUMBER}").fullmatch
_REFUSED = re.compile(r"refused (R(?:-[A-Z0-9]+)+) (-|0|[1-9][0-9]{0,3})").fullmatch
_MAX_RULE = 64
_MAX_INDEX = 1023
_UNSEEN = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in FORBIDDEN) + "]")
_SPACES = "".join(map(chr, SPACES))


class Recorded(NamedTuple):
    """It stands in the log as record `seq`, covered by the signed checkpoint of `size` records."""

    seq: int
    size: int


class Refusal(NamedTuple):
    """A rule forbids it: the rule's id, the act (None: the entry as a whole), the conflict, what would be needed."""

    rule: str
    act_index: int | None
    conflict: str
    remedy: str


class Malformed(NamedTuple):
    """It is no entry of this ledger's format, or a signature in it does not hold; `why` says it in words."""

    why: str


class Unrecorded(NamedTuple):
    """Nothing was decided about it, and it may be sent again; `why` says it in words."""

    why: str


Outcome = Recorded | Refusal | Malformed | Unrecorded


class Acknowledgement(NamedTuple):
    """What a desk says of one submission.

    `digest` (32 bytes) is SHA-256 of the entry, or where `is_entry` is false of the bytes that were received;
    `received_at` is in microseconds since the Unix epoch.
    """

    origin: str
    ledger_id: bytes
    is_entry: bool
    digest: bytes
    received_at: int
    outcome: Outcome

    def to_text(self) -> bytes:
        """The text that is signed; FormatError for what cannot stand in one."""
        text = "\n".join(
            [
                VERSION, self.origin, self.ledger_id.hex(), f"{_kind(self)} {self.digest.hex()}",
                clock_time(self.received_at), *_outcome_lines(self.outcome), "",
            ]
        ).encode()  # fmt: skip
        self.from_text(text)
        return text

    @classmethod
    def from_text(cls, text: bytes) -> Acknowledgement:
        """Read the text of an acknowledgement, of which only the spelling of `to_text` is accepted.

        Raises FormatError, and UnsupportedError for another version.
        """
        try:
            lines = text.decode().split("\n")
        except UnicodeDecodeError as error:
            raise FormatError(f"the acknowledgement is not UTF-8, from byte {error.start} on") from None
        if not _VERSIONS(lines[0]):
            raise FormatError(f"this is no acknowledgement: it does not begin with {VERSION!r}")
        if lines[0] != VERSION:
            raise UnsupportedError(f"the acknowledgement is of version {lines[0]!r}; this version reads {VERSION!r}")
        if not 7 <= len(lines) <= 9 or lines[-1]:
            raise FormatError(f"an acknowledgement has 6 to 8 lines, this one {len(lines) - 1}")
        _, origin, ledger_id, digest, received, outcome, *words = lines[:-1]
        check_name(origin)
        kind = _DIGEST(digest)
        if not _ID(ledger_id) or kind is None:
            raise FormatError("ledger id and SHA-256 are 64 hexadecimal digits in lower case, after `entry` or `bytes`")
        said = cls(
            origin, bytes.fromhex(ledger_id), kind[1] == "entry", bytes.fromhex(kind[2]), _moment(received),
            _outcome(outcome, words),
        )  # fmt: skip
        if isinstance(said.outcome, Recorded) and not said.is_entry:
            raise FormatError("what was recorded is an entry")
        return said


def outcome_of(found: Receipt | LedgerError, reword: Callable[[str], str] = str) -> Outcome:
    """The outcome that a receipt or an error stands for.

    Its words pass through `reword`, which can leave out what concerns nobody else, and are made fit to stand on one
    line. Everything that is neither a rule's refusal nor the submission's own fault was not decided about.
    """

    def words(text: str) -> str:
        return neutral(reword(text))

    match found:
        case Receipt():
            return Recorded(found.seq, found.size)
        case Refused():
            return Refusal(found.rule, found.act_index, words(found.conflict), words(found.remedy))
        case SequenceConflict():
            return Refusal(SEQUENCE_RULE, None, words(str(found)), "an entry signed under the key's next number")
        case FormatError():
            return Malformed(words(str(found)))
        case VerificationFailed(finding="LED-SIG" | "LED-CONTENT"):
            return Malformed(words(str(found)))
        case UsageError():
            return Unrecorded(words(str(found)))
        case _:  # What is wrong at the desk's own place is not for others to read.
            return Unrecorded(_OWN_FAULT)


def sign_acknowledgement(said: Acknowledgement, signer: Signer) -> bytes:
    """The acknowledgement as a note, signed by the desk key.

    Raises FormatError for what cannot stand in one, such as an origin too long for the name of the desk's key.
    """
    return sign_note(said.to_text(), LogSigner(desk_name(said.origin), signer))


def desk_name(origin: str) -> str:
    """The name of the key that signs acknowledgements for a ledger."""
    return f"{origin}{NAME_SUFFIX}"


def desk_vkey(origin: str, signer: Signer) -> str:
    """The desk key as it stands in a trust file, under `acknowledgement_keys`."""
    return LogSigner(desk_name(origin), signer).verifier.vkey


def open_acknowledgement(data: bytes, trust: Trust) -> Acknowledgement:
    """Verify an acknowledgement by the trust file.

    Raises:
        FormatError, UnsupportedError: it is none, or of another version.
        CannotVerify: the trust file names no key for acknowledgements.
        VerificationFailed: LED-SIG, no such key has signed it, or not this; LED-LEDGER, it is of another ledger.
    """
    if len(data) > MAX_BYTES:
        raise FormatError(f"an acknowledgement has at most {MAX_BYTES} bytes, this one has {len(data)}")
    said = Acknowledgement.from_text(note_text(data))
    if (said.origin, said.ledger_id) != (trust.origin, trust.ledger_id):
        raise VerificationFailed(
            "LED-LEDGER", "this acknowledgement is of another ledger",
            expected=f"{trust.origin} {trust.ledger_id.hex()}", found=f"{said.origin} {said.ledger_id.hex()}",
        )  # fmt: skip
    if not trust.acknowledgement_keys:
        raise CannotVerify("the trust file names no key for acknowledgements (acknowledgement_keys)")
    try:
        open_note(data, trust.acknowledgement_verifiers())
    except VerificationFailed as error:
        raise VerificationFailed(
            "LED-SIG", "the acknowledgement is not signed by a key that the trust file names for it",
            expected=error.expected, found=error.found,
        ) from None  # fmt: skip
    return said


def neutral(words: str) -> str:
    """Words on one line, the lines of several set apart by semicolons; cut at 2,000 bytes.

    What cannot be seen, or reorders text, becomes U+FFFD.
    """
    lines = [one for one in map(str.strip, words.replace("\t", " ").splitlines()) if one]
    line = "".join(one + (" " if one[-1] in ":;,." else "; ") for one in lines).rstrip("; ")
    line = _UNSEEN.sub("\ufffd", line)
    line = line.encode("utf-8", "replace")[:MAX_WORDS_BYTES].decode("utf-8", "ignore").strip(_SPACES)
    return line or "no words were given"


def sentence(said: Acknowledgement) -> str:
    """What the desk says, as a sentence without subject and full stop."""
    what = "an entry" if said.is_entry else "a file that is no signed entry (a draft that was to be signed, perhaps)"
    begin = f"received {what} on {clock_time(said.received_at)} and"
    match said.outcome:
        case Recorded(seq, size):
            return f"{begin} says that it is record {seq}, under the checkpoint of size {size}"
        case Refusal(rule, act_index, conflict, remedy):
            where = "" if act_index is None else f", act {act_index}"
            return f"{begin} refused it ({rule}{where}): {conflict}. Needed: {remedy}"
        case Malformed(why):
            return f"{begin} could not read it as a sound entry: {why}"
        case Unrecorded(why):
            return f"{begin} decided nothing about it: {why}"


def facts(said: Acknowledgement) -> list[tuple[str, str]]:
    """What it says, by name."""
    outcome = _outcome_lines(said.outcome)
    return [
        ("entry" if said.is_entry else "bytes received", f"SHA-256 {said.digest.hex()}"),
        ("received", clock_time(said.received_at)),
        ("outcome", outcome[0]),
        *(("words", line) for line in outcome[1:]),
    ]


def limits(said: Acknowledgement) -> tuple[str, ...]:
    """What an acknowledgement does not show."""
    word = ("the desk's word alone: its clock, and", "signatures that withstand quantum computers")
    if isinstance(said.outcome, Recorded):
        return (f"{word[0]} that the log holds the entry; a receipt proves that (--with)", word[1])
    return (f"{word[0]} whether what it says of the submission is right", word[1])


def _kind(said: Acknowledgement) -> str:
    return "entry" if said.is_entry else "bytes"


def _outcome_lines(outcome: Outcome) -> list[str]:
    match outcome:
        case Recorded(seq, size):
            return [f"recorded {seq} {size}"]
        case Refusal(rule, act_index, conflict, remedy):
            return [f"refused {rule} {'-' if act_index is None else act_index}", conflict, remedy]
        case Malformed(why):
            return ["malformed", why]
        case Unrecorded(why):
            return ["unrecorded", why]


def _outcome(line: str, words: list[str]) -> Outcome:
    for one in words:
        check_text(one, MAX_WORDS_BYTES)
    if (match := _RECORDED(line)) and not words:
        seq, size = int(match[1]), int(match[2])
        if seq < size <= MAX_SIZE:
            return Recorded(seq, size)
    elif (match := _REFUSED(line)) and len(words) == 2 and len(match[1]) <= _MAX_RULE:
        index = None if match[2] == "-" else int(match[2])
        if index is None or index <= _MAX_INDEX:
            return Refusal(match[1], index, *words)
    elif line == "malformed" and len(words) == 1:
        return Malformed(*words)
    elif line == "unrecorded" and len(words) == 1:
        return Unrecorded(*words)
    raise FormatError(f"the outcome {line[:80]!r} with {len(words)} lines of words is not one of the format")


def _moment(text: str) -> int:
    """Microseconds since the Unix epoch of a moment in the one spelling that is allowed."""
    if _TIME(text):
        try:
            since = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00Z")
        except ValueError:
            raise FormatError(f"there is no moment {text}") from None
        moment = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if moment >= 0 and clock_time(moment) == text:
            return moment
    raise FormatError(f"{text[:40]!r} is not a moment, written like 2026-11-23T21:30:12.123456Z, from 1970 on")
