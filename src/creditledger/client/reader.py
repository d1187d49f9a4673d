"""Reading a draft: every field from its JSON form, with all mistakes reported at once, each under its path.

Content may be given in clear, as `{"text": ...}`, `{"file": ...}` or `{"from": name}` (one of the draft's `contents`):
a nonce is drawn, the act gets the commitment, and the clear content goes beside the entry. `"handle:new"` and, for a
case, `"new"` are drawn as well, which `notes` tell. A reference may be written `17.0`, as acts are displayed, where the
ledger can be asked which act that is. Whatever was left as the template had it is a mistake.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from creditledger.acts.catalogue import Act, ListingAdd, ListingOpeningBalance
from creditledger.acts.content import MAX_CONTENT_BYTES, NONCE_BYTES, commit
from creditledger.acts.identifiers import HANDLE_BYTES
from creditledger.acts.kinds import CONTENT, MAX_CONTENT, MAX_ENTRY_ACTS, ActRef, Kind, Subject
from creditledger.acts.registry import ActType, act_type, decode_act
from creditledger.client.files import read_bounded
from creditledger.client.placeholders import is_placeholder, unfilled
from creditledger.codec.canonical import MAX_ARRAY
from creditledger.codec.text import check_identifier
from creditledger.errors import FormatError, LedgerError, UsageError
from creditledger.keys.keyfile import parse_public_key
from creditledger.ledger.receipt import ContentItem
from creditledger.record.entry import MAX_COSIGNERS, Cosigner, check_key

Random = Callable[[int], bytes]
"""Returns so many random bytes, fit for secrets."""

Resolve = Callable[[int, int], ActRef]
"""Returns the reference to act n of record m, given m and n; raises `LedgerError` if there is none."""

MAX_DRAFT_CONTENT = 15 << 20
"""Bytes of content that one draft may give in clear, so that its submission stays within bounds."""

CASE_BYTES = 16
NEW_HANDLE = "handle:new"
NEW_CASE = "new"
PARTS = ("authority", "cosigners", "acts", "contents", "help")

_MAX_MISTAKES = 50
_KEY_FIELDS = frozenset({"key", "log_keys", "root_keys"})
_TEXT_KEY = "ed25519:"
_PRIVATE_KEY = b"PRIVATE KEY-----"
_address = re.compile(r"([0-9]{1,15})\.([0-9]{1,4})").fullmatch


class DraftReader:
    """Reads the parts of a draft and collects their mistakes; what is returned beside a mistake is never used.

    Without `random` nothing is drawn, and no content in clear is accepted; without `resolve`, no display reference.
    """

    def __init__(self, random: Random | None, folder: Path | None, resolve: Resolve | None = None) -> None:
        self.contents: list[ContentItem] = []
        self.notes: list[str] = []
        self.drawn: list[tuple[str, str]] = []
        self._random = random
        self._folder = folder
        self._resolve = resolve
        self._mistakes: list[str] = []
        self._named: dict[str, bytes | None] = {}
        self._unused: set[str] = set()
        self._size = 0

    def blame(self, path: str, message: object) -> None:
        """Note a mistake."""
        self._mistakes.append(f"{path}: {message}")

    def finish(self, what: str) -> None:
        """Raise `FormatError` with all mistakes, if there are any."""
        for name in sorted(self._unused) if self._size <= MAX_DRAFT_CONTENT else ():
            self.blame(f"contents.{_shown(name)}", "no act attaches it; remove it, or write its name where it belongs")
        if len(self.contents) > MAX_ARRAY:
            self.blame("acts", f"{len(self.contents)} items of content, where {MAX_ARRAY} fit; make several drafts")
        if not self._mistakes:
            return
        shown = self._mistakes[:_MAX_MISTAKES]
        if len(shown) < len(self._mistakes):
            shown.append(f"and {len(self._mistakes) - len(shown)} more")
        if len(shown) == 1:
            raise FormatError(f"{what} has a mistake: {shown[0]}")
        raise FormatError(f"{what} has {len(self._mistakes)} mistakes:\n  " + "\n  ".join(shown))

    def document(self, raw: dict[str, Any]) -> tuple[str, tuple[Cosigner, ...], tuple[Act, ...]]:
        """Read a whole draft: who acts, beside whom, and what; its content is in `contents` then."""
        for name in raw:
            if name not in PARTS:
                self.blame(_shown(name), f"not part of a draft, which has: {', '.join(PARTS)}")
        authority: str = self._checked("authority", raw.get("authority"), check_identifier)
        cosigners = self._cosigners(raw.get("cosigners", []))
        self._name_contents(raw.get("contents", {}))
        return authority, cosigners, self._acts(raw.get("acts"))

    def _checked(self, path: str, value: Any, check: Callable[[Any], None]) -> Any:
        """Return the value, its mistake noted if it was never filled in or `check` raises `FormatError`."""
        if is_placeholder(value):
            self.blame(path, "not filled in yet")
            return value
        try:
            check(value)
        except FormatError as error:
            self.blame(path, "missing" if value is None else error)
        return value

    def _cosigners(self, raw: Any) -> tuple[Cosigner, ...]:
        if type(raw) is not list or len(raw) > MAX_COSIGNERS:
            self.blame("cosigners", f"an array of at most {MAX_COSIGNERS} objects with authority and key")
            return ()
        found = []
        for index, one in enumerate(raw):
            path = f"cosigners[{index}]"
            if type(one) is not dict or one.keys() != {"authority", "key"}:
                self.blame(path, "an object with authority and key, nothing else")
                continue
            authority = self._checked(f"{path}.authority", one["authority"], check_identifier)
            found.append(Cosigner(authority, self._key(f"{path}.key", one["key"])))
        return tuple(found)

    def _key(self, path: str, raw: Any) -> bytes:
        try:
            raw = _hexadecimal(raw)
            key = bytes.fromhex(raw) if type(raw) is str else b""
            check_key(key)
        except (FormatError, ValueError) as error:
            self.blame(path, error if isinstance(error, FormatError) else "a key is ed25519:... or hexadecimal")
            return b""
        return key

    def _name_contents(self, raw: Any) -> None:
        """Read the contents that acts attach by name."""
        if type(raw) is not dict:
            self.blame("contents", "an object of names and contents")
            return
        for name, one in raw.items():
            path = f"contents.{_shown(name)}"
            self._checked(path, name, check_identifier)
            self._named[name] = self._clear(path, one)
            self._unused.add(name)

    def _acts(self, raw: Any) -> tuple[Act, ...]:
        if type(raw) is not list or not 1 <= len(raw) <= MAX_ENTRY_ACTS:
            self.blame("acts", "missing" if raw is None else f"an array of 1 to {MAX_ENTRY_ACTS} acts")
            return ()
        acts = [self.act(f"acts[{index}]", one) for index, one in enumerate(raw)]
        return tuple(act for act in acts if act is not None)

    def act(self, path: str, raw: Any) -> Act | None:
        """Read one act from its JSON object."""
        if type(raw) is not dict or "type" not in raw:
            self.blame(path, 'an act is an object with "type" and the fields of that type')
            return None
        try:
            kind = act_type(raw["type"])
        except FormatError as error:
            self.blame(f"{path}.type", error)
            return None
        before = len(self._mistakes)
        names = [name for name, _ in kind.fields]
        for name in raw:
            if name not in names and name != "type":
                self.blame(f"{path}.{_shown(name)}", f"not a field of {kind.name}")
        values: dict[str, Any] = {}
        for name, what in kind.fields:
            if name not in raw:
                self.blame(f"{path}.{name}", "missing (write null if it does not apply)")
            elif what is CONTENT:
                values[name] = self._content(f"{path}.{name}", raw[name], values.get("list"), values.get("subject"))
            else:
                values[name] = self._field(f"{path}.{name}", kind, name, what, raw[name])
        if len(self._mistakes) > before:
            return None
        return decode_act((kind.name, *(_plain(values[name]) for name in names)))

    def _field(self, path: str, kind: ActType, name: str, what: Kind, raw: Any) -> Any:
        if self._random is not None and name == "subject" and raw == NEW_HANDLE:
            if kind.cls not in (ListingAdd, ListingOpeningBalance):
                self.blame(path, "a new handle begins a listing; write the handle of the person concerned")
            handle = Subject.handle(self._random(HANDLE_BYTES))
            self.drawn.append((path, str(handle)))
            self.notes.append(
                f"{path}: drew the new handle {handle}; keep it with the person's file, since nothing else leads from "
                "the person to the listing"
            )
            return handle
        if self._random is not None and name == "case" and raw == NEW_CASE:
            case = self._random(CASE_BYTES)
            self.drawn.append((path, case.hex()))
            self.notes.append(f"{path}: drew the new case mark {case.hex()}; keep it with the file of the case")
            return case
        if next(unfilled(raw), None) is not None:
            self.blame(path, f"not filled in yet: {what.describe}")
            return None
        if type(raw) is str and what.describe.endswith("act reference") and (found := _address(raw)) is not None:
            return self._act_at(path, int(found[1]), int(found[2]))
        if type(raw) is str and what.describe.endswith("act reference") and raw.isascii() and raw.isdecimal():
            self.blame(path, f"{_shown(raw)} is a record, and the reference is to an act: its first is {_shown(raw)}.0")
            return None
        try:
            value = what.from_json(_hexadecimal(raw) if name in _KEY_FIELDS else raw)
            what.check(_plain(value))
        except FormatError as error:
            self.blame(path, error)
            return None
        except TypeError:
            # An array is sorted before its members are checked, and members of different types have no order.
            self.blame(path, f"expected {what.describe}")
            return None
        return value

    def _act_at(self, path: str, seq: int, index: int) -> ActRef | None:
        """Return the reference to an act by where it stands in the ledger."""
        if self._resolve is None:
            self.blame(
                path,
                f"{seq}.{index} says where an act stands in the ledger, and no ledger is at hand to look it up: give "
                "--ledger, or write the reference <entry hash>#<act index> that `creditledger show` prints",
            )
            return None
        try:
            return self._resolve(seq, index)
        except LedgerError as error:
            self.blame(path, error)
            return None

    def _content(self, path: str, raw: Any, list_id: Any, subject: Any) -> tuple[tuple[str, bytes], ...]:
        """Read the content of an act about a subject: commitments, and content in clear, which gets one."""
        if type(raw) is not dict or len(raw) > MAX_CONTENT:
            self.blame(path, f"an object of at most {MAX_CONTENT} labels with content")
            return ()
        found = []
        for label, one in sorted(raw.items()):
            inner = f"{path}.{_shown(label)}"
            self._checked(inner, label, check_identifier)
            if type(one) is str:
                found.append((label, self._commitment(inner, label, one)))
            elif self._random is None:
                self.blame(inner, "a commitment in hexadecimal; content in clear belongs in a draft")
            elif (content := self._clear(inner, one)) is not None:
                nonce = self._random(NONCE_BYTES)
                digest = commit(nonce, content)
                found.append((label, digest))
                self.contents.append(ContentItem(list_id, subject, digest, nonce, content))
        return tuple(found)

    def _commitment(self, path: str, label: str, raw: str) -> bytes:
        try:
            return CONTENT.from_json({label: raw})[0][1]  # type: ignore[no-any-return]  # kinds convert Any to Any
        except FormatError as error:
            self.blame(path, error)
            return b""

    def _clear(self, path: str, raw: Any) -> bytes | None:
        """Read content in clear; once there is too much of it in the draft, nothing more is read."""
        if self._size > MAX_DRAFT_CONTENT:
            return None
        if type(raw) is not dict or len(raw) != 1:
            self.blame(path, 'expected {"text": ...}, {"file": ...} or {"from": ...}, or a commitment')
            return None
        way, value = next(iter(raw.items()))
        if type(value) is not str or way not in ("text", "file", "from"):
            self.blame(path, 'expected "text", "file" or "from", with a text')
            return None
        try:
            content = value.encode() if way == "text" else self._file(value) if way == "file" else self._by_name(value)
        except UnicodeEncodeError:
            self.blame(path, "the text holds a lone surrogate, which UTF-8 cannot express")
            return None
        except LedgerError as error:
            self.blame(path, error)
            return None
        if content is None:
            return None
        if not 1 <= len(content) <= MAX_CONTENT_BYTES:
            self.blame(path, f"{len(content)} bytes of content, where 1 to {MAX_CONTENT_BYTES} are allowed")
            return None
        self._size += len(content)
        if self._size > MAX_DRAFT_CONTENT:
            self.blame(path, f"more than {MAX_DRAFT_CONTENT} bytes of content in one draft; make several")
        return content

    def _by_name(self, name: str) -> bytes | None:
        self._unused.discard(name)
        if name not in self._named:
            raise UsageError(f"nothing is named {_shown(name)} in contents")
        return self._named[name]

    def _file(self, name: str) -> bytes:
        """Read a content file. It lies in the draft's folder, so that somebody else's draft cannot pick up a secret."""
        if self._folder is None:
            raise UsageError("a draft that is not a file itself cannot name files; write the text, or save the draft")
        folder = os.path.realpath(self._folder)
        try:
            target = os.path.realpath(os.path.join(folder, name))
        except ValueError:
            raise UsageError(f"{_shown(name)} is not a file name") from None
        if os.path.commonpath([folder, target]) != folder or target == folder:
            raise UsageError(f"{_shown(name)} does not lie in the draft's folder; copy the file there")
        content = read_bounded(target, MAX_CONTENT_BYTES, "the content file")
        if _PRIVATE_KEY in content[:200]:
            raise UsageError(f"{_shown(name)} is a private key, which never leaves its owner")
        return content


def _plain(value: Any) -> Any:
    """Named tuples and lists as bare tuples, the one form that the checks know."""
    return tuple(map(_plain, value)) if isinstance(value, tuple | list) else value


def _hexadecimal(raw: Any) -> Any:
    """A public key's text form, or an array of them, in the hexadecimal that fields take; anything else as it is."""
    if type(raw) is list:
        return [_hexadecimal(one) for one in raw]
    return parse_public_key(raw).hex() if type(raw) is str and raw.startswith(_TEXT_KEY) else raw


def _shown(name: str) -> str:
    """A name from outside for a message, in ASCII and not too long."""
    return name if name.isascii() and name.isprintable() and len(name) <= 64 else ascii(name[:64])
