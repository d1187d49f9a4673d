"""The trust file: which log, which ledger and which log keys a verifier goes by.

It comes from the verifier, never from the ledger under test: whoever could alter the ledger could alter what lies
beside it.

    format = "creditledger/trust/v1"
    origin = "registry.example.org/defaulters"
    ledger_id = "9f2c…"                         the leaf hash of record 0, in hexadecimal
    log_keys = ["registry.example.org/defaulters+33d7b496+AeHZzq4hwTEgfLJGMiwCyJNcIW8DCfcEjUqf…"]
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from creditledger.audit.outside import read_regular
from creditledger.errors import FormatError, UnsupportedError, UsageError
from creditledger.store.files import disk_error
from creditledger.tlog.note import ED25519_TYPE, NoteVerifier, check_name, key_id, parse_vkey

FORMAT = "creditledger/trust/v1"
MAX_BYTES = 65_536
MAX_LOG_KEYS = 64

_OTHER = re.compile("creditledger/trust/v[1-9][0-9]{0,8}").fullmatch
_FIELDS = ("format", "origin", "ledger_id", "log_keys")


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier goes by.

    Attributes:
        origin: the name of the log.
        ledger_id: 32 bytes, the leaf hash of record 0.
        log_keys: the keys that may sign its checkpoints, as C2SP verifier keys (vkeys); each of them suffices.
    """

    origin: str
    ledger_id: bytes
    log_keys: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be gone by: FormatError, or UnsupportedError for a key of a type not known here."""
        check_name(self.origin)
        if len(self.ledger_id) != 32:
            raise FormatError(f"a ledger id has 32 bytes, this one {len(self.ledger_id)}")
        if not 1 <= len(self.log_keys) <= MAX_LOG_KEYS:
            raise FormatError(f"a trust file names 1 to {MAX_LOG_KEYS} log keys, this one {len(self.log_keys)}")
        known = set()
        for vkey in self.log_keys:
            name, key_type, key = parse_vkey(vkey)
            known.add((name, key_id(name, key_type, key)))
            if key_type == ED25519_TYPE:
                NoteVerifier.parse(vkey)
        if len(known) < len(self.log_keys):
            raise FormatError("a log key is named twice")
        self.verifiers()  # What is malformed is never merely unsupported, so keys of other types come last.

    def verifiers(self) -> tuple[NoteVerifier, ...]:
        """The log keys, ready to verify checkpoints."""
        return tuple(map(NoteVerifier.parse, self.log_keys))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trust:
        """Read a trust file.

        Raises:
            UsageError: there is no such file.
            StoreError: it cannot be read.
            FormatError, UnsupportedError: it is not a trust file of this version; the message says where.
        """
        try:
            data = read_regular(Path(path), MAX_BYTES)
        except FileNotFoundError:
            raise UsageError(f"there is no trust file {os.fspath(path)}; get it from whom you trust") from None
        except OSError as error:
            raise disk_error("read the trust file", Path(path), error.errno, str(error)) from error
        try:
            return cls.from_bytes(data)
        except UnsupportedError as error:
            raise UnsupportedError(f"the trust file {os.fspath(path)}: {error}") from None
        except FormatError as error:
            raise FormatError(f"the trust file {os.fspath(path)}: {error}") from None

    @classmethod
    def from_bytes(cls, data: bytes) -> Trust:
        """Read the content of a trust file; raises FormatError or UnsupportedError. Unknown settings are refused."""
        if len(data) > MAX_BYTES:
            raise FormatError(f"it is larger than {MAX_BYTES} bytes")
        try:
            values: dict[str, Any] = tomllib.loads(data.decode())
        except ValueError as error:  # Also a number of thousands of digits.
            raise FormatError(f"it is not TOML: {error}") from None
        except RecursionError:
            raise FormatError("it is nested too deep") from None
        form = values.get("format")
        if form != FORMAT:
            other = isinstance(form, str) and _OTHER(form)
            raise (UnsupportedError if other else FormatError)(
                f"its format is {form!r:.80}; this version reads {FORMAT!r}"
            )
        surplus = sorted(set(values) - set(_FIELDS))
        if surplus:
            raise FormatError(f"{surplus[0]!r:.80} is not a setting of a trust file; those are {', '.join(_FIELDS)}")
        origin, ledger_id, log_keys = (values.get(name) for name in _FIELDS[1:])
        if not isinstance(origin, str) or not isinstance(ledger_id, str):
            raise FormatError("origin and ledger_id must be texts")
        if not isinstance(log_keys, list) or not all(isinstance(key, str) for key in log_keys):
            raise FormatError("log_keys must be an array of texts")
        try:
            identity = bytes.fromhex(ledger_id)
        except ValueError:
            identity = b""
        if identity.hex() != ledger_id or len(identity) != 32:
            raise FormatError("ledger_id must be 64 hexadecimal digits in lower case")
        return cls(origin, identity, tuple(log_keys))

    def to_text(self) -> str:
        """The trust file's text, which `from_bytes` reads back."""
        keys = ", ".join(_quote(key) for key in self.log_keys)
        return (
            f"format = {_quote(FORMAT)}\norigin = {_quote(self.origin)}\n"
            f"ledger_id = {_quote(self.ledger_id.hex())}\nlog_keys = [{keys}]\n"
        )


def _quote(text: str) -> str:
    """A TOML basic string: what JSON escapes, TOML reads the same way."""
    return json.dumps(text, ensure_ascii=False)
