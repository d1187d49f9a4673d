"""Which logs are trusted, and which witnesses together suffice: a policy (c2sp.org/tlog-policy).

    log example.com/registry+033de0ae+Ac4z... https://example.com/registry
    witness X1 witness.example/x1+a0059f11+BAOh... https://witness.example/x1
    witness X2 x2.example+77d2b8a0+BBq9...
    group X any X1 X2                                              or `all`, or how many of them
    quorum X                                                       or `none`

A policy is written by whoever relies on a log. The names of witnesses and groups mean something within it only.

The file is made of octets. Here names and URLs are text: read as UTF-8 if the whole file is UTF-8, and otherwise
octet by octet (Latin-1); either way different octets stay different. Keys are read as UTF-8 always.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from creditledger.errors import CannotVerify, FormatError, UnsupportedError
from creditledger.tlog.cosignature import CosignatureVerifier, MlDsaVerifier, parse_verifier, parse_witness_verifier
from creditledger.tlog.note import NoteVerifier, Signature, key_id, parse_vkey

MAX_POLICY_BYTES: Final = 524_288
MAX_LOGS: Final = 64
MAX_WITNESSES: Final = 64
MAX_GROUPS: Final = 64
MAX_NAME_CHARACTERS: Final = 255
MAX_URL_CHARACTERS: Final = 2048
NONE: Final = "none"
"""The quorum that asks for nothing; no witness and no group can have this name."""

_FORBIDDEN: Final = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_NOT_IN_WORDS: Final = re.compile("[\x00-\x20\x7f]")
_threshold = re.compile(r"[1-9][0-9]{0,3}").fullmatch


class PolicyLog(NamedTuple):
    """A log that is accepted: its key as a vkey of type 01 or 06, and where it can be reached, if that is said."""

    vkey: str
    url: str | None = None

    def verifier(self) -> NoteVerifier | MlDsaVerifier:
        """Return the key.

        Raises:
            FormatError: malformed, or the key of a witness.
            UnsupportedError: a key of a type that is not known.
        """
        verifier = parse_verifier(self.vkey)
        if isinstance(verifier, CosignatureVerifier):
            raise FormatError(f"the key of the log {verifier.name!r} has type 04, which is for witnesses")
        return verifier


class Witness(NamedTuple):
    """A witness: its name in the policy, its key as a vkey of type 04 or 06, and its submission prefix, if said."""

    name: str
    vkey: str
    url: str | None = None

    def verifier(self) -> CosignatureVerifier | MlDsaVerifier:
        """Return the key; cosignatures without a time do not count.

        Raises:
            FormatError: malformed, or the key of a log.
            UnsupportedError: a key of a type that is not known.
        """
        return parse_witness_verifier(self.vkey)


class Group(NamedTuple):
    """A group counts as having cosigned if at least `threshold` of its members, witnesses or groups, have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy whose every rule has been checked: names are defined once, and before they are used.

    Attributes:
        logs: the logs, each with a public key of its own; at most 64.
        witnesses: the witnesses, each with a public key of its own; at most 64.
        groups: the groups; each refers to witnesses and to groups before it; at most 64.
        quorum: the name of the witness or group that must have cosigned, or `none`.
    """

    logs: tuple[PolicyLog, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE
    _verifiers: dict[str, CosignatureVerifier | MlDsaVerifier] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what tlog-policy does not allow, with FormatError, or UnsupportedError for a key of unknown type."""
        for what, items, most in (
            ("logs", self.logs, MAX_LOGS),
            ("witnesses", self.witnesses, MAX_WITNESSES),
            ("groups", self.groups, MAX_GROUPS),
        ):
            if len(items) > most:
                raise FormatError(f"a policy has at most {most} {what}, this one has {len(items)}")
        defined: set[str] = set()
        used: set[str] = set()
        keys: tuple[PolicyLog | Witness, ...] = (*self.logs, *self.witnesses)
        for item in keys:
            _check_url(item.url)
        for witness in self.witnesses:
            _define(witness.name, defined)
        for group in self.groups:
            _check_group(group, defined, used)
            _define(group.name, defined)
        if self.quorum not in defined | {NONE}:
            raise FormatError(f"the quorum {_show(self.quorum)} is neither a witness nor a group of the policy")
        _check_keys([log.vkey for log in self.logs], [witness.vkey for witness in self.witnesses])
        verifiers, unsupported = {}, []
        # What is malformed is never called merely unsupported, so keys of unknown types are told of last.
        for item in keys:
            try:
                verifier = item.verifier()
            except UnsupportedError as error:
                unsupported.append(error)
            else:
                if isinstance(item, Witness) and not isinstance(verifier, NoteVerifier):
                    verifiers[item.name] = verifier
        if unsupported:
            raise unsupported[0]
        object.__setattr__(self, "_verifiers", verifiers)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a policy.

        Raises:
            FormatError: it is not a policy, or one beyond the bounds of this module; the message names the line.
            UnsupportedError: a key in it has a type that is not known.
        """
        if len(data) > MAX_POLICY_BYTES:
            raise FormatError(f"a policy has at most {MAX_POLICY_BYTES} bytes, this one has {len(data)}")
        if match := _FORBIDDEN.search(data):
            raise FormatError(f"a policy must not hold the octet {match[0].hex()}; it does at byte {match.start()}")
        if data and not data.endswith(b"\n"):
            raise FormatError("the last line of a policy must end with a line feed; perhaps the end of it is missing")
        reader = _Reader(_encoding(data))
        for number, line in enumerate(data.split(b"\n"), 1):
            words = line.split()
            if words and not words[0].startswith(b"#"):
                try:
                    reader.read(words)
                except FormatError as error:
                    raise FormatError(f"line {number} of the policy: {error}") from None
        if reader.quorum is None:
            raise FormatError("a policy says its quorum in a line 'quorum NAME' or 'quorum none'; this one does not")
        return cls(tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum)

    def to_text(self) -> str:
        """Return the policy as text that `from_bytes` reads; comments are gone, and logs come first."""
        lines: list[list[str | None]] = [["log", log.vkey, log.url] for log in self.logs]
        lines += [["witness", witness.name, witness.vkey, witness.url] for witness in self.witnesses]
        lines += [["group", group.name, _words(group), *group.members] for group in self.groups]
        lines.append(["quorum", self.quorum])
        return "".join([" ".join(filter(None, line)) + "\n" for line in lines])

    def without_urls(self) -> Policy:
        """Return the policy for those who only verify: no URL says where a log or a witness is."""
        return Policy(
            tuple(PolicyLog(log.vkey) for log in self.logs),
            tuple(Witness(witness.name, witness.vkey) for witness in self.witnesses),
            self.groups,
            self.quorum,
        )

    @property
    def is_none(self) -> bool:
        """True if no cosignature is asked for."""
        return self.quorum == NONE

    def verifiers(self) -> tuple[CosignatureVerifier | MlDsaVerifier, ...]:
        """Return the keys of the witnesses, for `note.open_note`, in the order of the policy."""
        return tuple(self._verifiers.values())

    def require(self, signatures: Iterable[Signature]) -> None:
        """Return if those who signed make up the quorum.

        Args:
            signatures: signatures of one checkpoint that have been *verified*, by `note.open_note` with `verifiers()`.
                Those by keys that are not witnesses of this policy do not count.

        Raises:
            CannotVerify: they do not; the message says who cosigned, and what is missing.
        """
        if self.is_none:
            return
        signed = {(signature.name, signature.key_id) for signature in signatures}
        met = {name for name, verifier in self._verifiers.items() if (verifier.name, verifier.key_id) in signed}
        cosigned = [witness.name for witness in self.witnesses if witness.name in met]
        # A group comes after its members, so one pass settles them all.
        for group in self.groups:
            if len(met.intersection(group.members)) >= group.threshold:
                met.add(group.name)
        if self.quorum in met:
            return
        raise CannotVerify(
            f"the witness quorum {_show(self.quorum)} is not met: cosigned by {_list(cosigned)}; "
            f"missing: {'; '.join(self._missing(self.quorum, met))}"
        )

    def _missing(self, name: str, met: set[str]) -> list[str]:
        """Say what a witness or group that is not met lacks, from the top down; a few lines of it."""
        groups = {group.name: group for group in self.groups}
        said: list[str] = []
        waiting = [name]
        while waiting and len(said) < _MOST_SHOWN:
            group = groups.get(waiting.pop(0))
            if group is None:
                continue
            lacking = [member for member in group.members if member not in met]
            said.append(
                f"{_show(group.name)} has {len(group.members) - len(lacking)} of the {group.threshold} it needs, "
                f"without {_list(lacking)}"
            )
            waiting += lacking
        return said or [_show(name)]


class _Reader:
    """The lines of a policy, as they are read: what each refers to stands on a line before it."""

    def __init__(self, encoding: str) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._encoding = encoding
        self._defined: set[str] = set()
        self._used: set[str] = set()

    def read(self, words: list[bytes]) -> None:
        """Read one line that says something."""
        match words:
            case [b"log", vkey, *url] if len(url) <= 1:
                log = PolicyLog(_vkey(vkey), self._url(url))
                _check_key(log)
                self.logs.append(log)
            case [b"witness", name, vkey, *url] if len(url) <= 1:
                witness = Witness(self._text(name), _vkey(vkey), self._url(url))
                _check_key(witness)
                _define(witness.name, self._defined)
                self.witnesses.append(witness)
            case [b"group", name, threshold, *members] if members:
                names = tuple(self._text(member) for member in members)
                group = Group(self._text(name), _read_threshold(threshold, len(names)), names)
                _check_group(group, self._defined, self._used)
                _define(group.name, self._defined)
                self.groups.append(group)
            case [b"quorum", name]:
                if self.quorum is not None:
                    raise FormatError("the quorum is said a second time")
                self.quorum = self._text(name)
                if self.quorum not in self._defined | {NONE}:
                    raise FormatError(f"the quorum {_show(self.quorum)} is not defined on a line before this one")
            case _:
                raise FormatError(
                    "a line is 'log VKEY [URL]', 'witness NAME VKEY [URL]', 'group NAME all|any|K MEMBER...' or "
                    f"'quorum NAME', with nothing after it; this one is {_show(self._text(b' '.join(words)))}"
                )

    def _text(self, word: bytes) -> str:
        return word.decode(self._encoding)

    def _url(self, words: list[bytes]) -> str | None:
        url = self._text(words[0]) if words else None
        _check_url(url)
        return url


_MOST_SHOWN: Final = 8


def _encoding(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _vkey(word: bytes) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError:
        raise FormatError(f"the key {word[:80]!r} is not UTF-8") from None


def _read_threshold(word: bytes, members: int) -> int:
    """Return how many of its members a group needs; whether that is possible is checked with the group."""
    if word in (b"all", b"any"):
        return members if word == b"all" else 1
    text = word.decode("latin-1")
    if _threshold(text) is None:
        raise FormatError(f"a group needs 'all', 'any' or a number of its members, not {_show(text)}")
    return int(text)


def _words(group: Group) -> str:
    if group.threshold == len(group.members):
        return "all"
    return "any" if group.threshold == 1 else str(group.threshold)


def _define(name: str, defined: set[str]) -> None:
    """Take up the name of a witness or group."""
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or _NOT_IN_WORDS.search(name) or not _is_text(name):
        raise FormatError(
            f"{_show(name)} cannot be the name of a witness or group: 1 to {MAX_NAME_CHARACTERS} characters, no space"
        )
    if name == NONE:
        raise FormatError(f"{NONE!r} cannot be the name of a witness or group: it is what asks for no quorum")
    if name in defined:
        raise FormatError(f"the name {_show(name)} is defined twice")
    defined.add(name)


def _check_group(group: Group, defined: set[str], used: set[str]) -> None:
    """Check a group, given the names defined before it, and those that are members of groups before it."""
    for member in group.members:
        if member not in defined:
            raise FormatError(
                f"the member {_show(member)} of the group {_show(group.name)} is not defined on a line before it"
            )
        if member in used:
            raise FormatError(f"{_show(member)} is a member of a group a second time, in {_show(group.name)}")
        used.add(member)
    if not 1 <= group.threshold <= len(group.members):
        raise FormatError(
            f"the group {_show(group.name)} of {len(group.members)} members cannot need {group.threshold} of them"
        )


def _check_url(url: str | None) -> None:
    if url is not None and (not 1 <= len(url) <= MAX_URL_CHARACTERS or _NOT_IN_WORDS.search(url) or not _is_text(url)):
        raise FormatError(f"a URL has 1 to {MAX_URL_CHARACTERS} characters and no space; {_show(url)} does not fit")


def _check_key(item: PolicyLog | Witness) -> None:
    """Refuse a malformed key where it stands; one of unknown type may pass until the whole policy has been read."""
    with suppress(UnsupportedError):
        item.verifier()


def _check_keys(logs: list[str], witnesses: list[str]) -> None:
    """Refuse keys of which two could count for one signature line, or one party for two.

    Two logs, or two witnesses, must not have the same public key, under whatever name and type. No two keys at all may
    have the same name and key id: a signature line could not tell whose it is.
    """
    labels: set[tuple[str, bytes]] = set()
    for what, vkeys in (("logs", logs), ("witnesses", witnesses)):
        owners: dict[bytes, str] = {}
        for vkey in vkeys:
            name, key_type, public_key = parse_vkey(vkey)
            if public_key in owners:
                raise FormatError(f"two {what}, {owners[public_key]!r} and {name!r}, have the same public key")
            owners[public_key] = name
            label = name, key_id(name, key_type, public_key)
            if label in labels:
                raise FormatError(f"two keys of the policy are called {name!r} and have the key id {label[1].hex()}")
            labels.add(label)


def _is_text(word: str) -> bool:
    """Tell whether it can be written as UTF-8; a policy that a program puts together might hold anything."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _show(name: str) -> str:
    return ascii(name[:80]) + ("..." if len(name) > 80 else "")


def _list(names: list[str]) -> str:
    """Name some; a policy may have many."""
    shown = ", ".join([_show(name) for name in names[:_MOST_SHOWN]]) or "nobody"
    return shown + (f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else "")
