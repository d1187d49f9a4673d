"""The trust file: which log, which ledger, which log keys and which witnesses a verifier goes by.

It comes from the verifier, never from the ledger under test: whoever could alter the ledger could alter what lies
beside it.

    format = "creditledger/trust/v1"
    origin = "registry.example.org/defaulters"
    ledger_id = "9f2c…"                         the leaf hash of record 0, in hexadecimal
    log_keys = ["registry.example.org/defaulters+33d7b496+AeHZzq4hwTEgfLJGMiwCyJNcIW8DCfcEjUqf…"]

Version 2 has the same settings and up to two more. Its log keys may be ML-DSA-44 keys beside Ed25519 ones; if there is
one, a checkpoint proves something only with a signature by one of them. `witnesses` is a policy in the format of
c2sp.org/tlog-policy, without logs: whose cosignatures a checkpoint must bear. `acknowledgement_keys` are those of the
desk where entries are handed in.

    format = "creditledger/trust/v2"
    …
    acknowledgement_keys = ["registry.example.org/desk+…"]
    witnesses = '''
    witness ombudsman witness.ombudsman.example+a0059f11+BAOhB7…
    witness press press.example/witness+…
    group both all ombudsman press
    quorum both
    '''
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from creditledger.audit.outside import read_regular
from creditledger.codec.toml import load_toml
from creditledger.errors import CannotVerify, FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.store.files import disk_error
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.cosignature import (
    ED25519_COSIGNATURE_TYPE,
    MLDSA44_TYPE,
    MlDsaVerifier,
    parse_verifier,
    timestamp,
)
from creditledger.tlog.note import (
    ED25519_TYPE,
    NoteVerifier,
    Signature,
    Verifier,
    check_name,
    key_id,
    open_note,
    parse_vkey,
)
from creditledger.tlog.policy import Policy

FORMAT: Final = "creditledger/trust/v1"
FORMAT_2: Final = "creditledger/trust/v2"
MAX_BYTES: Final = 65_536
MAX_BYTES_2: Final = 262_144
"""So much has room for the ML-DSA-44 keys of 64 witnesses."""
MAX_LOG_KEYS: Final = 64
CLOCK_SKEW: Final = 300
"""Seconds by which the clocks of a log and of its witnesses may differ. It is no setting, so that verdicts agree."""

_OTHER = re.compile("creditledger/trust/v[1-9][0-9]{0,8}").fullmatch
_FIELDS = ("format", "origin", "ledger_id", "log_keys")
_FIELDS_2 = (*_FIELDS, "acknowledgement_keys", "witnesses")
_Id = tuple[str, bytes]


class Opened(NamedTuple):
    """A checkpoint of which every signature by a key of the trust file was found to be right.

    Attributes:
        checkpoint: origin, size and root, signed by an Ed25519 log key at least.
        note: the signed note as it was opened.
        log_signatures: those by log keys, of either type.
        cosignatures: those by witnesses of the policy.
        times: of each cosignature the name that the policy gives the witness, and the time in POSIX seconds.
    """

    checkpoint: Checkpoint
    note: bytes
    log_signatures: tuple[Signature, ...]
    cosignatures: tuple[Signature, ...]
    times: tuple[tuple[str, int], ...]


class _Keys(NamedTuple):
    """The keys of a trust file, parsed; those in mappings by name and key id, of witnesses the names in the policy.

    `known` are those of the log and of witnesses; `lattice` names the ML-DSA-44 keys among them.
    """

    log: Mapping[_Id, NoteVerifier] = {}
    post_quantum: Mapping[_Id, MlDsaVerifier] = {}
    acknowledgement: tuple[NoteVerifier, ...] = ()
    witnesses: Mapping[_Id, str] = {}
    known: tuple[Verifier, ...] = ()
    lattice: frozenset[_Id] = frozenset()


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier goes by.

    Attributes:
        origin: the name of the log.
        ledger_id: 32 bytes, the leaf hash of record 0.
        log_keys: the keys that may sign its checkpoints, as C2SP verifier keys (vkeys). Each Ed25519 key (type 01) of
            them suffices; with ML-DSA-44 keys (06) among them, a signature by one of those is required, too.
        acknowledgement_keys: the Ed25519 keys that sign acknowledgements of what was handed in, as vkeys.
        witnesses: whose cosignatures are required; None: nobody's.
    """

    origin: str
    ledger_id: bytes
    log_keys: tuple[str, ...]
    acknowledgement_keys: tuple[str, ...] = ()
    witnesses: Policy | None = None
    _keys: _Keys = field(default=_Keys(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be gone by: FormatError, or UnsupportedError for a key of a type not known here."""
        _check_identity(self.origin, self.ledger_id)
        _check_vkeys(self.log_keys, "log key")
        if self.acknowledgement_keys:
            _check_vkeys(self.acknowledgement_keys, "acknowledgement key")
        if self.witnesses is not None and self.witnesses.logs:
            raise FormatError("the policy of the witnesses names logs: in a trust file those stand under log_keys")
        # What is malformed is never merely unsupported, so keys of other types come after it.
        _check_types(self.log_keys, (ED25519_TYPE, MLDSA44_TYPE))
        _check_types(self.acknowledgement_keys, (ED25519_TYPE,))
        _check_roles(self)
        object.__setattr__(self, "_keys", _parse_keys(self))
        if not self._keys.log:
            raise FormatError("none of the log keys is an Ed25519 key (type 01), which every checkpoint is signed by")

    def verifiers(self) -> tuple[NoteVerifier, ...]:
        """The Ed25519 log keys, each of which suffices to open a checkpoint; `open` and `require` ask for all."""
        return tuple(self._keys.log.values())

    def acknowledgement_verifiers(self) -> tuple[NoteVerifier, ...]:
        """The keys that sign acknowledgements."""
        return self._keys.acknowledgement

    @property
    def has_witnesses(self) -> bool:
        """Whether witnesses are named."""
        return bool(self._keys.witnesses)

    @property
    def is_post_quantum(self) -> bool:
        """Whether an ML-DSA-44 key of the log is named, and so its signature required."""
        return bool(self._keys.post_quantum)

    @property
    def has_post_quantum_keys(self) -> bool:
        """Whether an ML-DSA-44 key is named, be it the log's or a witness's."""
        return bool(self._keys.lattice)

    @property
    def asks_for_more(self) -> bool:
        """Whether a checkpoint must bear more than the signature of an Ed25519 log key."""
        return self.is_post_quantum or (self.witnesses is not None and not self.witnesses.is_none)

    def open(self, note: bytes) -> Opened:
        """Verify every signature on a checkpoint that is by a key named here; other lines are ignored.

        Whether enough have signed is for `require` to say.

        Raises:
            FormatError: it is not a signed checkpoint in the one form that is allowed.
            VerificationFailed: finding `LED-CKPT`; a signature by a log key or a witness is wrong, none is by an
                Ed25519 log key, or it is the checkpoint of another log.
        """
        keys = self._keys
        opened = open_note(note, keys.known)
        checkpoint = Checkpoint.from_bytes(opened.text)
        cosigned = tuple(one for one in opened.signatures if _id(one) in keys.witnesses)
        logs = tuple(one for one in opened.signatures if _id(one) not in keys.witnesses)
        if not any(_id(one) in keys.log for one in logs):
            raise VerificationFailed(
                "LED-CKPT", "the checkpoint is not signed by an Ed25519 key of the log",
                expected=f"a signature by one of: {', '.join(one.vkey[:300] for one in self.verifiers()[:5])}",
                found=f"only: {', '.join(repr(one.name) for one in opened.signatures[:5])}",
            )  # fmt: skip
        if checkpoint.origin != self.origin:
            raise VerificationFailed(
                "LED-CKPT", "the checkpoint is of another log", expected=self.origin, found=checkpoint.origin
            )
        times = tuple((keys.witnesses[_id(one)], timestamp(one)) for one in cosigned)
        return Opened(checkpoint, note, logs, cosigned, times)

    def may_be_another_log(self, note: bytes) -> bool:
        """Whether a note that does not open may be that of another log, rather than one of this log that was altered:
        no line of it says that it is by one of these log keys, or such a line is right."""
        keys: list[Verifier] = [*self._keys.log.values(), *self._keys.post_quantum.values()]
        # Five characters are the first 30 bits of the key id; the signature has the rest of its last character.
        if not any(f"\n— {one.name} ".encode() + b64encode(one.key_id)[:5] in note for one in keys):
            return True
        try:
            open_note(note, keys)
        except (FormatError, VerificationFailed):
            return False
        return True

    def require(self, opened: Opened) -> None:
        """Return if a checkpoint bears all the signatures that are asked for here.

        Raises:
            CannotVerify: it lacks the log's ML-DSA-44 signature, or cosignatures; the message says which. That is no
                evidence of tampering: whoever passes a checkpoint on can leave lines out.
        """
        missing = []
        quantum = self._keys.post_quantum
        if quantum and not any(_id(one) in quantum for one in opened.log_signatures):
            missing.append("it lacks the ML-DSA-44 signature of the log")
        if self.witnesses is not None:
            try:
                self.witnesses.require(opened.cosignatures)
            except CannotVerify as error:
                missing.append(str(error))
        if missing:
            raise CannotVerify(
                f"the checkpoint of size {opened.checkpoint.size} is signed by the log, but not as the trust file "
                f"asks: {'; '.join(missing)}"
            )

    def signers(self, opened: Opened) -> tuple[bytes, ...]:
        """The Ed25519 log keys, 32 bytes each, that signed a checkpoint."""
        signed = set(map(_id, opened.log_signatures))
        return tuple(one.public_key for known, one in self._keys.log.items() if known in signed)

    def count_post_quantum(self, opened: Opened) -> int:
        """How many of the signatures on a checkpoint are of type ML-DSA-44, be they the log's or of witnesses."""
        lattice = self._keys.lattice
        return sum(_id(one) in lattice for one in (*opened.log_signatures, *opened.cosignatures)) if lattice else 0

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trust:
        """Read a trust file.

        Raises:
            UsageError: there is no such file.
            StoreError: it cannot be read.
            FormatError, UnsupportedError: it is not a trust file of this version; the message says where.
        """
        try:
            data = read_regular(Path(path), MAX_BYTES_2)
        except FileNotFoundError:
            raise UsageError(f"there is no trust file {os.fspath(path)}; get it from whom you trust") from None
        except OSError as error:
            raise disk_error("read the trust file", Path(path), error.errno, str(error)) from error
        try:
            return cls.from_bytes(data)
        except UnsupportedError as error:
            raise UnsupportedError(f"the trust file {os.fspath(path)}: {error}") from None
        except FormatError as error:
            raise FormatError(f"{os.fspath(path)} is no trust file: {error}") from None

    @classmethod
    def from_bytes(cls, data: bytes) -> Trust:
        """Read the content of a trust file; raises FormatError or UnsupportedError. Unknown settings are refused."""
        if len(data) > MAX_BYTES_2:
            raise FormatError(f"it is larger than {MAX_BYTES_2} bytes")
        values = load_toml(data)
        form = values.get("format")
        if form != FORMAT_2 and len(data) > MAX_BYTES:
            raise FormatError(f"it is larger than {MAX_BYTES} bytes")
        if form not in (FORMAT, FORMAT_2):
            other = isinstance(form, str) and _OTHER(form)
            raise (UnsupportedError if other else FormatError)(
                f"its format is {form!r:.80}; this version reads {FORMAT!r} and {FORMAT_2!r}"
            )
        fields = _FIELDS if form == FORMAT else _FIELDS_2
        surplus = sorted(set(values) - set(fields))
        if surplus:
            raise FormatError(f"{surplus[0]!r:.80} is not a setting of a trust file; those are {', '.join(fields)}")
        origin, ledger_id, log_keys = (values.get(name) for name in _FIELDS[1:])
        if not isinstance(origin, str) or not isinstance(ledger_id, str):
            raise FormatError("origin and ledger_id must be texts")
        vkeys = _texts(log_keys, "log_keys")
        try:
            identity = bytes.fromhex(ledger_id)
        except ValueError:
            identity = b""
        if identity.hex() != ledger_id or len(identity) != 32:
            raise FormatError("ledger_id must be 64 hexadecimal digits in lower case")
        if form == FORMAT:
            _check_identity(origin, identity)
            _check_vkeys(vkeys, "log key", looked_into=(ED25519_TYPE,))
            _check_types(vkeys, (ED25519_TYPE,))
            return cls(origin, identity, vkeys)
        acknowledging = values.get("acknowledgement_keys")
        desk = () if acknowledging is None else _texts(acknowledging, "acknowledgement_keys")
        if acknowledging == []:
            raise FormatError("acknowledgement_keys is empty; leave it out")
        policy = values.get("witnesses")
        if not isinstance(policy, str | None):
            raise FormatError("witnesses must be a text: the lines of a policy")
        try:
            witnesses = None if policy is None else Policy.from_bytes(policy.encode())
        except UnsupportedError as error:
            cls(origin, identity, vkeys, desk)  # What is malformed is never merely unsupported.
            raise UnsupportedError(f"witnesses: {error}") from None
        except FormatError as error:
            raise FormatError(f"witnesses: {error}") from None
        return cls(origin, identity, vkeys, desk, witnesses)

    def to_text(self) -> str:
        """The trust file's text, which `from_bytes` reads back: of version 1 if that can say it."""
        desk, policy = self.acknowledgement_keys, self.witnesses
        form = FORMAT if not (desk or self._keys.post_quantum) and policy is None else FORMAT_2
        lines = [
            f"format = {_quote(form)}",
            f"origin = {_quote(self.origin)}",
            f"ledger_id = {_quote(self.ledger_id.hex())}",
            f"log_keys = [{', '.join(map(_quote, self.log_keys))}]",
        ]
        if desk:
            lines.append(f"acknowledgement_keys = [{', '.join(map(_quote, desk))}]")
        if policy is not None:
            text = policy.to_text().replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'witnesses = """\n{text}"""')
        return "\n".join([*lines, ""])


def _check_identity(origin: str, ledger_id: bytes) -> None:
    check_name(origin)
    if len(ledger_id) != 32:
        raise FormatError(f"a ledger id has 32 bytes, this one {len(ledger_id)}")


def _check_vkeys(
    vkeys: tuple[str, ...],
    what: str,
    looked_into: tuple[int, ...] = (ED25519_TYPE, ED25519_COSIGNATURE_TYPE, MLDSA44_TYPE),
) -> None:
    """Refuse keys that are malformed or named twice. The same public key under two names is two keys of one role."""
    if not 1 <= len(vkeys) <= MAX_LOG_KEYS:
        raise FormatError(f"a trust file names 1 to {MAX_LOG_KEYS} {what}s, this one {len(vkeys)}")
    known = set()
    for vkey in vkeys:
        name, key_type, key = parse_vkey(vkey)
        known.add((name, key_id(name, key_type, key)))
        if key_type in looked_into:
            parse_verifier(vkey)
    if len(known) < len(vkeys):
        raise FormatError(f"a {what} is named twice")


def _check_types(vkeys: tuple[str, ...], types: tuple[int, ...]) -> None:
    """Refuse keys of a type other than these, as unsupported."""
    for vkey in vkeys:
        name, key_type, _ = parse_vkey(vkey)
        if key_type not in types:
            also = " or 06, ML-DSA-44," if MLDSA44_TYPE in types else ","
            raise UnsupportedError(f"the key of {name!r} has type {key_type:02x}; only 01, Ed25519{also} can sign here")


def _check_roles(trust: Trust) -> None:
    """A key has one role: whoever signs as the log does not witness itself."""
    vkeys = {
        "a log key": trust.log_keys,
        "an acknowledgement key": trust.acknowledgement_keys,
        "the key of a witness": [one.vkey for one in trust.witnesses.witnesses] if trust.witnesses else (),
    }
    roles: dict[bytes, str] = {}
    for role, keys in vkeys.items():
        for vkey in keys:
            name, _, key = parse_vkey(vkey)
            if roles.setdefault(key, role) != role:
                raise FormatError(f"the key of {name!r} is named as {roles[key]} and as {role}; a key has one role")


def _parse_keys(trust: Trust) -> _Keys:
    parsed = [(parse_vkey(vkey), vkey) for vkey in trust.log_keys]
    log = tuple(NoteVerifier.parse(vkey) for (_, key_type, _), vkey in parsed if key_type == ED25519_TYPE)
    quantum = tuple(MlDsaVerifier(name, key) for (name, key_type, key), _ in parsed if key_type == MLDSA44_TYPE)
    desk = tuple(map(NoteVerifier.parse, trust.acknowledgement_keys))
    witnesses = () if trust.witnesses is None else trust.witnesses.witnesses
    cosigning = tuple(one.verifier() for one in witnesses)
    known: tuple[Verifier, ...] = (*log, *quantum, *cosigning)
    if len(set(map(_id, known))) < len(known):
        raise FormatError("two of the keys have the same name and key id, so that a signature could be by either")
    names = {_id(key): one.name for one, key in zip(witnesses, cosigning, strict=True)}
    return _Keys(
        log={_id(one): one for one in log},
        post_quantum={_id(one): one for one in quantum},
        acknowledgement=desk,
        witnesses=names,
        known=known,
        lattice=frozenset(_id(key) for key in known if isinstance(key, MlDsaVerifier)),
    )


def _id(key: Verifier | Signature) -> _Id:
    return key.name, key.key_id


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise FormatError(f"{name} must be an array of texts")
    return tuple(value)


def _quote(text: str) -> str:
    """A TOML basic string: what JSON escapes, TOML reads the same way."""
    return json.dumps(text, ensure_ascii=False)
