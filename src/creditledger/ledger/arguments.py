"""What a program may hand to a ledger: slips are named here, where the argument has its name, and not deep inside.

Every check raises `UsageError` saying which argument, what was found, and what to write instead. Values of a form that
belongs to an act or entry are left to those who know the form.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import Subject
from creditledger.acts.registry import ACT_TYPES
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.receipt import ContentItem

ACT_CLASSES = tuple(kind.cls for kind in ACT_TYPES.values())
_EARLIEST = 10**13
"""In April 1970, as microseconds; as milliseconds, centuries ahead. Below are moments in seconds or milliseconds."""
_LATEST = 2**53 - 1
_SHOWN = 60


def _show(value: object) -> str:
    """The value, cut short, and its type."""
    text = repr(value)
    return f"{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'} ({type(value).__name__})"


def check_acts(act: object) -> list[acts.Act]:
    """One act or several, as a list."""
    if isinstance(act, ACT_CLASSES):
        return [act]
    several: list[acts.Act] = []
    for one in act if isinstance(act, Iterable) and not isinstance(act, str | bytes | Subject) else (act,):
        if not isinstance(one, ACT_CLASSES):
            raise UsageError(
                f"an act is one of the classes of the catalogue, such as ListingAdd(...), or a list of them; "
                f"found {_show(one)}"
            )
        several.append(one)
    if not several:
        raise UsageError("there is no act to record: give at least one")
    return several


def check_signer(signer: object, name: str) -> None:
    """Something that signs: it has a public key and a method `sign`."""
    if not isinstance(getattr(signer, "public_key", None), bytes) or not callable(getattr(signer, "sign", None)):
        raise UsageError(f"{name} is a signer, such as Signer.load('court.key'); found {_show(signer)}")


def check_signers(signers: object, name: str) -> None:
    """Several signers."""
    if not isinstance(signers, Iterable) or isinstance(signers, str | bytes):
        raise UsageError(f"{name} is a list of signers; found {_show(signers)}")
    if isinstance(signers, Sequence):
        for one in signers:
            check_signer(one, f"each of {name}")


def check_log_signers(signers: object) -> tuple[Signer, ...]:
    """The signer of a log key, or several."""
    several = signers if isinstance(signers, Sequence) and not isinstance(signers, str | bytes) else (signers,)
    for one in several:
        check_signer(one, "log_signer")
    if not several:
        raise UsageError("log_signer is empty: give the signer of a log key, or leave it out to open to read")
    return tuple(several)


def check_cosigners(cosigners: object) -> None:
    """Pairs of authority and signer."""
    if not isinstance(cosigners, Sequence) or isinstance(cosigners, str | bytes):
        raise UsageError(f"cosigners is a list of pairs (authority, signer); found {_show(cosigners)}")
    for pair in cosigners:
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not isinstance(pair[0], str):
            raise UsageError(f"each of cosigners is a pair such as ('high-court', signer); found {_show(pair)}")
        check_signer(pair[1], f"the signer of cosigner {pair[0]!r}")


def check_contents(contents: object) -> tuple[ContentItem, ...]:
    """Items of detached content."""
    if not isinstance(contents, Iterable) or isinstance(contents, str | bytes | ContentItem):
        raise UsageError(f"contents is a list of ContentItem; found {_show(contents)}")
    items = tuple(contents)
    for item in items:
        if not isinstance(item, ContentItem):
            raise UsageError(f"each of contents is a ContentItem(list, subject, …); found {_show(item)}")
    return items


def check_signed(data: object, signatures: object) -> None:
    """An entry's bytes with its signatures."""
    if type(data) is not bytes:
        raise UsageError(f"a signed entry is given as its bytes; found {_show(data)}")
    if not isinstance(signatures, Iterable) or isinstance(signatures, str | bytes):
        raise UsageError(f"the signatures of an entry are a list, each 64 bytes; found {_show(signatures)}")


def check_pairs(entries: object) -> None:
    """A list of entries, each with its signatures."""
    if not isinstance(entries, Sequence) or isinstance(entries, str | bytes):
        raise UsageError(f"entries is a list of pairs (bytes, signatures); found {_show(entries)}")
    for _ in checked_pairs(entries):
        pass


def checked_pairs(entries: object) -> Iterator[tuple[bytes, Sequence[bytes]]]:
    """Any number of entries, each with its signatures; each is looked at when it is asked for."""
    if not isinstance(entries, Iterable) or isinstance(entries, str | bytes):
        raise UsageError(f"entries are pairs (bytes, signatures); found {_show(entries)}")
    for pair in entries:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UsageError(f"each of entries is a pair (bytes, signatures); found {_show(pair)}")
        check_signed(*pair)
        yield pair[0], pair[1]


def check_list(name: object) -> None:
    """The name of a list."""
    if not isinstance(name, str):
        raise UsageError(f"list is the name of a list, such as 'judgment-defaulters'; found {_show(name)}")


def check_subject(subject: object) -> None:
    """A subject; whether its value is one of its scheme is looked at elsewhere."""
    if not isinstance(subject, Subject):
        raise UsageError(
            "the question is not well formed: subject is a Subject, such as Subject.uscc('91110000600037341L'); "
            f"found {_show(subject)}"
        )


def check_day(day: object, name: str = "valid_at") -> None:
    """A day as text; its form is looked at elsewhere."""
    if day is None or isinstance(day, str):
        return
    if isinstance(day, date):
        text = (day.date() if isinstance(day, datetime) else day).isoformat()
        raise UsageError(f"{name} is a day written as text: '{text}', not {_show(day)}")
    raise UsageError(f"{name} is a day written as text, 'YYYY-MM-DD'; found {_show(day)}")


def check_moment(moment: object, name: str) -> None:
    """A moment in microseconds since the Unix epoch."""
    if moment is None:
        return
    if isinstance(moment, datetime):
        raise UsageError(
            f"{name} is in microseconds since the Unix epoch, a whole number; "
            f"of a datetime that knows its offset: int(moment.timestamp() * 1_000_000); found {_show(moment)}"
        )
    if type(moment) is not int:
        raise UsageError(f"{name} is in microseconds since the Unix epoch, a whole number; found {_show(moment)}")
    if not _EARLIEST <= moment <= _LATEST:
        raise UsageError(
            f"{name} is in microseconds since the Unix epoch, such as {1_772_452_800_000_000} for noon of 2026-03-02 "
            f"UTC; {moment} looks like another unit (seconds are to be multiplied by 1,000,000, milliseconds by 1,000)"
        )


def check_point(point: object, name: str) -> tuple[str, int | None]:
    """A day and a moment of knowledge."""
    if not isinstance(point, tuple | list) or len(point) != 2:
        raise UsageError(
            f"{name} is a pair: a day, and a moment of knowledge or None, such as ('2026-03-10', None); "
            f"found {_show(point)}"
        )
    day, known_at = point
    if not isinstance(day, str):
        check_day(day, f"the day of {name}")
        raise UsageError(f"the day of {name} is missing: write it as text, 'YYYY-MM-DD'")
    check_moment(known_at, f"the moment of {name}")
    return day, known_at


def check_seen(seen: object) -> None:
    """A checkpoint that an author saw: its size and root."""
    if seen is not None and not (
        isinstance(seen, tuple | list) and len(seen) == 2 and type(seen[0]) is int and type(seen[1]) is bytes
    ):
        raise UsageError(f"seen is the size and the root (32 bytes) of a checkpoint, (size, root); found {_show(seen)}")


def check_count(number: object, name: str) -> None:
    """A record number or a size."""
    if number is not None and type(number) is not int:
        raise UsageError(f"{name} is a whole number; found {_show(number)}")


def check_bytes(value: object, name: str) -> None:
    """Bytes, not their hexadecimal text."""
    if type(value) is not bytes:
        raise UsageError(f"{name} is given as bytes (of a hexadecimal text: bytes.fromhex(…)); found {_show(value)}")


def check_directory(directory: object) -> None:
    """A path."""
    if not isinstance(directory, str | os.PathLike):
        raise UsageError(f"directory is the path of a ledger; found {_show(directory)}")
