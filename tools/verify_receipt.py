#!/usr/bin/env python3
"""Check a proof that somebody was handed from a creditledger ledger, with a program that shares nothing with it.

    python verify_receipt.py FILE --trust FILE [--record FILE] [--json]

FILE is a receipt, an extension, evidence of a fork, an acknowledgement, or a C2SP .tlog-proof (with the bytes of its
record). Written from the specification alone: standard library, msgpack and PyNaCl. Exits: 0 it holds; 1 it is no proof
in the form that is allowed; 3 it does not hold, or a fork is proved; 4 it lacks what the trust file asks for; 13 it is
of a version not known here. It does not check ML-DSA-44 signatures, nor the fields of acts, and says so.
"""

import argparse
import datetime as dt
import hashlib
import itertools
import json
import re
import sys
import tomllib
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

try:
    import msgpack
    from nacl.bindings import crypto_core_ed25519_is_valid_point as is_prime_order
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError
except ImportError as missing:
    sys.exit(f"cannot verify: {missing}; install what is needed with: pip install msgpack 'pynacl>=1.6.2'")

ED25519, COSIGNATURE, MLDSA = 1, 4, 6
SKEW = 300
EMPTY = hashlib.sha256().digest()
ZEROS = bytes(32)
MAX_INT = 2**53 - 1
MAX_FILE = 16 << 20


ACT_TYPES = re.compile(
    r"(ledger\.create|rules\.activate|authority\.(register|close)|mandate\.(grant|revoke)|key\.(add|revoke)|entry\.confirm"
    r"|(law|ground|measure)\.register|list\.(define|open|close)|source\.cite"
    r"|listing\.(opening_balance|add|correct|suspend|restore|remove|annul)|appeal\.(file|decide|withdraw)|content\.erase)/1"
)


class End(Exception):
    """What ends a check short of its end; the message says why."""

    code, verdict = 1, "NO PROOF:"


class Malformed(End):
    """The file is not in the one form that is allowed, and so proves nothing."""


class Unknown(End):
    """A version that this program does not know."""

    code, verdict = 13, "UNKNOWN VERSION:"


class Fails(End):
    """A check does not hold."""

    code, verdict = 3, "FAILED:"


class Lacking(End):
    """Something that the trust file asks for is not there, or cannot be checked here."""

    code, verdict = 4, "NOT FULLY CHECKED: it lacks"


def form(holds: object, what: str) -> None:
    """What the form demands."""
    if not holds:
        raise Malformed(what)


def demand(finding: str, what: str, expected: object, found: object) -> None:
    """What a proof must show."""
    if expected is True and not found:
        raise Fails(f"{finding}: this should be so, and is not: {what}")
    if expected != found:
        raise Fails(f"{finding}: {what}: expected {show(expected)}, found {show(found)}")


def show(value: object) -> str:
    """A value in printable ASCII and bounded: what a proof holds must not steer a terminal."""
    if isinstance(value, list):
        return f"[{', '.join(map(show, value[:20]))}]"
    text = value.hex() if isinstance(value, bytes) else "nil" if value is None else ascii(str(value))[1:-1]
    return text if len(text) <= 400 else text[:397] + "..."


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# -- encoding and text ---------------------------------------------------------------------------------------------


def decode(data: bytes, most: int) -> Any:
    """The value of bytes in the canonical encoding (format v1, section 2.1); arrays as lists."""
    form(len(data) <= most, f"more than {most} bytes")
    try:
        value = msgpack.unpackb(data, max_array_len=4096, max_map_len=0, max_ext_len=0)
        form(msgpack.packb(value) == data, "not the shortest encoding")
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise Malformed(f"not MessagePack: {error!r}") from None
    level, depth = [value], 0
    while level:
        for one in level:
            scalar = one is None or type(one) in (str, bytes, bool) or (type(one) is int and 0 <= one <= MAX_INT)
            form(scalar or (type(one) is list and depth < 8), "a value that the encoding does not allow")
        level, depth = [element for one in level if type(one) is list for element in one], depth + 1
    return value


SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
HOST = r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"


def is_bytes(value: Any, least: int, most: int) -> bool:
    return type(value) is bytes and least <= len(value) <= most


def is_subject(value: Any) -> bool:
    """A subject with its check digits (format v1, section 8)."""
    match value:
        case ["handle", bytes(handle)]:
            return len(handle) == 32
        case ["uscc", str(code)] if re.fullmatch(f"[{SYMBOLS}]{{18}}", code):
            return SYMBOLS[-sum(SYMBOLS.index(code[i]) * 3**i for i in range(17)) % 31] == code[17]
        case ["lei", str(code)] if re.fullmatch("[0-9A-Z]{18}(?!00|01|99)[0-9]{2}", code):
            return int("".join(str(int(one, 36)) for one in code)) % 97 == 1
        case ["host", str(name)]:
            return re.fullmatch(HOST, name) is not None
    return False


def is_list(*kinds: str, least: int = 0, most: int = 0) -> Callable[[Any], bool]:
    """Arrays of exactly these kinds, or of `least` to `most` elements of one kind."""
    if not most:
        return lambda value: type(value) is list and len(value) == len(kinds) and all(map(fits, kinds, value))
    return lambda value: (
        type(value) is list and least <= len(value) <= most and all(fits(kinds[0], one) for one in value)
    )


# The kinds of elements that arrays have (format v1, sections 2.4, 3 and 4; here, section 6.1).
KINDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "id": lambda value: type(value) is str and re.fullmatch("[a-z0-9._-]{1,64}", value) is not None,
    "key": lambda value: is_bytes(value, 33, 33) and value[0] == 1,
    "hash": lambda value: is_bytes(value, 32, 32),
    "signature": lambda value: is_bytes(value, 64, 64),
    "signatures": is_list("signature", least=1, most=17),
    "entry": lambda value: is_bytes(value, 1, 60_000),
    "signer": is_list("id", "key"),
    "signers": is_list("signer", most=16),
    "pin": is_list("int", "hash"),
    "act": lambda value: type(value) is list and len(value) > 0 and type(value[0]) is str,
    "acts": is_list("act", least=1, most=1024),
    "note": lambda value: is_bytes(value, 1, 65_535),
    "long note": lambda value: is_bytes(value, 1, 1_000_000),
    "head": lambda value: is_bytes(value, 1, 4096),
    "record": lambda value: is_bytes(value, 1, 65_535),
    "item": is_list("record", "head"),
    "items": is_list("item", least=1, most=4096),
    "hashes": is_list("hash", most=64),
    "subject": is_subject,
    "about": is_list("id", "subject"),
}


def fits(kind: str, value: Any) -> bool:
    """Whether a value is of a kind; `?` before it: or nil."""
    return (kind[0] == "?" and value is None) or KINDS[kind.lstrip("?")](value)


def read_array(data: bytes, most: int, name: str, version: int | str, *kinds: str) -> list[Any]:
    """The elements, of these kinds, of an array that begins with its version."""
    value = decode(data, most)
    form(type(value) is list and value and type(value[0]) is type(version), f"no {name}")
    if value[0] != version:
        known = isinstance(version, int) or re.fullmatch(f"creditledger/{name}/v[1-9][0-9]{{0,8}}", value[0])
        raise Unknown(f"{name} {show(value[0])}") if known else Malformed(f"no {name}")
    elements: list[Any] = value[1:]
    form(len(elements) == len(kinds) and all(map(fits, kinds, elements)), f"the elements of a {name}")
    return elements


def base64(text: str) -> bytes:
    """Base64 in its one spelling."""
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise Malformed("not base64") from None
    form(b64encode(data).decode() == text, "base64 in another spelling")
    return data


def number(text: str, most: int = MAX_INT) -> int:
    form(re.fullmatch("0|[1-9][0-9]{0,15}", text) and int(text) <= most, f"{text[:20]!r} is no number of the format")
    return int(text)


NOT_IN_NAMES = re.compile("[+\0-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
NOT_IN_ORIGINS = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")


def check_name(name: str) -> None:
    form(1 <= len(name.encode(errors="replace")) <= 255 and not NOT_IN_NAMES.search(name), "this cannot name a key")


# -- trust -----------------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """A public key with what signature lines call it."""

    name: str
    key_id: bytes
    type: int
    key: bytes

    @property
    def who(self) -> tuple[str, bytes]:
        return self.name, self.key_id


def read_vkey(vkey: Any, *types: int) -> Key:
    """A key, in its form; into keys of other types than these nobody looks."""
    form(type(vkey) is str and len(vkey) <= 4096 and vkey.count("+") >= 2, "a vkey is name+key id+key")
    name, key_id, encoded = vkey.split("+", 2)
    check_name(name)
    key = base64(encoded)
    form(len(key) >= 2 and key_id == sha256(name.encode(), b"\n", key)[:4].hex(), "a vkey with a wrong key id")
    if key[0] in types:
        ed25519_key = key[0] in (ED25519, COSIGNATURE)
        form(len(key) == (33 if ed25519_key else 1313), "a key of the wrong length")
        form(not ed25519_key or is_prime_order(key[1:]), "no Ed25519 key")
    return Key(name, bytes.fromhex(key_id), key[0], key[1:])


TEXT_OR_COMMENT = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*+(?:"{3,5}|\\?\Z)'
    r"|'''(?:[^']|'{1,2}(?!'))*+(?:'{3,5}|\Z)"
    r"""|"(?:[^"\\\n]|\\[^\n])*+"?|'[^'\n]*+'?|\#[^\n]*+""",
    re.DOTALL,
)


class Trust:
    """A trust file, version 1 or 2."""

    def __init__(self, data: bytes) -> None:
        form(len(data) <= 262_144, "the trust file is too large")
        try:
            text = data.decode()
            nested = any(line.count(".") > 16 for line in TEXT_OR_COMMENT.sub("", text).split("\n"))
            form(not nested, "the trust file has more than 16 dots in a line, outside of texts and comments")
            values = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise Malformed(f"the trust file is not TOML: {error}") from None
        version = str(values.get("format"))
        form(re.fullmatch("creditledger/trust/v[1-9][0-9]{0,8}", version), "the trust file does not say its format")
        second = version == "creditledger/trust/v2"
        form(second or len(data) <= 65_536, "the trust file is too large")
        if not second and version != "creditledger/trust/v1":
            raise Unknown(f"trust file {version}")
        more = {"acknowledgement_keys", "witnesses"} if second else set()
        known = {"format", "origin", "ledger_id", "log_keys"}
        form(known <= set(values) <= known | more, "the trust file has other settings than its format")
        self.origin, ledger_id = values["origin"], values["ledger_id"]
        form(type(self.origin) is str and re.fullmatch("[0-9a-f]{64}", str(ledger_id)), "origin or ledger_id")
        check_name(self.origin)
        lists = [values["log_keys"], values.get("acknowledgement_keys", [""])]
        form(all(type(one) is list and 1 <= len(one) <= 64 for one in lists), "1 to 64 keys in an array")
        form(type(values.get("witnesses", "")) is str, "witnesses are a text")
        self.ledger_id = bytes.fromhex(ledger_id)
        known_types = (ED25519, COSIGNATURE, MLDSA) if second else (ED25519,)
        self.log = [read_vkey(one, *known_types) for one in values["log_keys"]]
        self.desk = [read_vkey(one, *known_types) for one in values.get("acknowledgement_keys", [])]
        self.witnesses: dict[str, Key] = {}
        self.groups: list[tuple[str, int, list[str]]] = []
        self.quorum = "none"
        self.policy(values.get("witnesses", "quorum none\n"))
        witnesses = list(self.witnesses.values())
        form(all(len({*own}) == len(own) for own in (self.log, self.desk)), "a key twice")
        form(len({one.key for one in witnesses}) == len(witnesses), "two witnesses with one key")
        # What is malformed is never merely unknown, so keys of other types come after it.
        of_log = {one.type for one in self.log} - ({ED25519, MLDSA} if second else {ED25519})
        if of_log or {one.type for one in self.desk} - {ED25519}:
            raise Unknown("a key of another type")
        roles = [{one.key for one in own} for own in (self.log, self.desk, witnesses)]
        form(len(set[bytes]().union(*roles)) == sum(map(len, roles)), "a key with two roles")
        form(any(one.type == ED25519 for one in self.log), "no Ed25519 log key")
        if {one.type for one in witnesses} - {COSIGNATURE, MLDSA}:
            raise Unknown("a witness with a key of another type")

    def policy(self, text: str) -> None:
        """C2SP tlog-policy without logs."""
        said, used = False, set[str]()
        form(text.endswith("\n") and not re.search("[\0-\x08\x0b-\x1f\x7f]", text), "the lines of a policy")
        for line in text.split("\n"):
            words = [word for word in re.split("[ \t]+", line) if word]
            match words:
                case []:
                    continue
                case [first, *_] if first.startswith("#"):
                    continue
                case ["witness", name, vkey, *url] if len(url) <= 1 and all(len(one) <= 2048 for one in url):
                    self.witnesses[self.fresh(name)] = key = read_vkey(vkey, ED25519, COSIGNATURE, MLDSA)
                    form(key.type != ED25519, "the key of a witness")
                case ["group", name, least, *members] if members:
                    form({*members} <= self.names() and not used & {*members}, "a member is unknown, or used before")
                    form(len({*members}) == len(members), "a member twice")
                    used |= {*members}
                    count = {"all": len(members), "any": 1}.get(least) or number(least)
                    form(1 <= count <= len(members), "more than there are members")
                    self.groups.append((self.fresh(name), count, members))
                case ["quorum", name]:
                    form(not said and name in self.names() | {"none"}, "the quorum")
                    said, self.quorum = True, name
                case _:
                    raise Malformed(f"a line of the witness policy: {line[:80]!r}")
        form(said, "the policy says no quorum")
        form(len(self.witnesses) <= 64 and len(self.groups) <= 64, "at most 64 witnesses and 64 groups")

    def names(self) -> set[str]:
        return {*self.witnesses, *(name for name, _, _ in self.groups)}

    def fresh(self, name: str) -> str:
        form(len(name) <= 255 and name != "none" and name not in self.names(), "a name in the policy, each once")
        return name

    def met(self, signed: set[tuple[str, bytes]]) -> bool:
        """Whether the keys that signed make up the quorum."""
        done = {name for name, key in self.witnesses.items() if key.who in signed} | {"none"}
        for name, least, members in self.groups:
            if len(done & {*members}) >= least:
                done.add(name)
        return self.quorum in done


# -- notes and checkpoints -------------------------------------------------------------------------------------------


Lines = list[tuple[tuple[str, bytes], bytes]]
"""Signature lines: by whom (name, key id), and the signature."""


def read_note(data: bytes, most: int) -> tuple[bytes, Lines]:
    """The text and the signature lines of a signed note, its form alone."""
    form(len(data) <= most, "the note is too large")
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Malformed("the note is not UTF-8") from None
    end = data.rfind(b"\n\n") + 1
    text, block = data[:end], data[end + 1 :]
    form(end and not re.search(rb"[\0-\x09\x0b-\x1f]", text) and block.endswith(b"\n"), "no signed note")
    lines = block[:-1].decode().split("\n")
    form(len(lines) <= 100, "more than 100 signatures")
    found = []
    for line in lines:
        form(line.startswith("\u2014 "), "no signature line")
        name, _, encoded = line[2:].partition(" ")
        check_name(name)
        blob = base64(encoded)
        form(len(blob) > 4, "a signature without signature")
        found.append(((name, blob[:4]), blob[4:]))
    return text, found


class Head(NamedTuple):
    """A checkpoint: what it says, and who signed it as far as that could be checked."""

    size: int
    root: bytes
    signed: dict[tuple[str, bytes], int]
    mldsa: set[tuple[str, bytes]]
    unknown: int


def read_head(text: bytes) -> tuple[str, int, bytes]:
    lines = text.decode().split("\n")
    form(len(lines) == 4 and len(text) <= 320, "a checkpoint has three lines")
    origin, size, root = lines[0], number(lines[1]), base64(lines[2])
    form(1 <= len(origin.encode()) <= 255 and not NOT_IN_ORIGINS.search(origin), "an origin")
    form(len(root) == 32 and (size or root == EMPTY), "a root")
    return origin, size, root


def ed25519(finding: str, key: bytes, message: bytes, signature: bytes, what: str) -> None:
    """The strict verdict of libsodium (format v1, section 6)."""
    try:
        demand(finding, what, 64, len(signature))
        crypto_sign_open(signature + message, key)
    except BadSignatureError:
        raise Fails(f"{finding}: {what}: expected a signature by {key.hex()}, found {signature.hex()}") from None


def open_head(note: bytes, trust: Trust) -> Head:
    """Verify every signature by a key of the log or of a witness, but those of ML-DSA-44."""
    text, lines = read_note(note, 1_000_000)
    origin, size, root = read_head(text)
    known = {one.who: one for one in (*trust.log, *trust.witnesses.values())}
    signed, mldsa, unknown = dict[tuple[str, bytes], int](), set[tuple[str, bytes]](), 0
    for who, signature in lines:
        key = known.get(who)
        if key is None:
            unknown += 1
            continue
        form(who not in signed and who not in mldsa, "two signatures by one key")
        time = int.from_bytes(signature[:8])
        if key.type == ED25519:
            ed25519("LED-CKPT", key.key, text, signature, "signature of the checkpoint")
            signed[who] = 0
        elif key.type == COSIGNATURE:
            demand("LED-CKPT", "time of a cosignature", True, 0 < time < 2**63)
            ed25519("LED-CKPT", key.key, b"cosignature/v1\ntime %d\n" % time + text, signature[8:], "cosignature")
            signed[who] = time
        else:
            demand("LED-CKPT", "length of an ML-DSA-44 signature", 2428, len(signature))
            mldsa.add(who)
    demand("LED-CKPT", "signature by an Ed25519 key of the log", True, any(one.who in signed for one in trust.log))
    demand("LED-CKPT", "origin", trust.origin, origin)
    return Head(size, root, signed, mldsa, unknown)


# -- the tree (RFC 9162 sections 2.1.3.1 and 2.1.4.1, from the root down) ----------------------------------------------


def check_inclusion(hashes: list[bytes], index: int, leaf: bytes, head: Head) -> None:
    demand("LED-TREE", f"record {index} below the size {head.size}", True, index < head.size)
    path = list(hashes)

    def climb(index: int, size: int) -> bytes:
        """The root of so many leaves; what stands beside the way up to it is taken from the end of the proof."""
        if size == 1:
            return leaf
        beside, left = take(path), largest_power(size)
        if index < left:
            return sha256(b"\1", climb(index, left), beside)
        return sha256(b"\1", beside, climb(index - left, size - left))

    root = climb(index, head.size)
    demand("LED-TREE", "hashes left over in the inclusion proof", 0, len(path))
    demand("LED-TREE", f"root to which the proof of record {index} leads", head.root.hex(), root.hex())


def check_consistency(hashes: list[bytes], old: int, old_root: bytes, new: int, new_root: bytes) -> None:
    demand("LED-TREE", "sizes from 1 on, the older one first", True, 1 <= old <= new)
    path = list(hashes)

    def climb(old: int, new: int, *, known: bool) -> tuple[bytes, bytes]:
        """The roots of the older and of the newer leaves; `known`: of those that all are old, it is the old root."""
        if old == new:
            root = old_root if known else take(path)
            return root, root
        beside, left = take(path), largest_power(new)
        if old <= left:
            first, second = climb(old, left, known=known)
            return first, sha256(b"\1", second, beside)
        first, second = climb(old - left, new - left, known=False)
        return sha256(b"\1", beside, first), sha256(b"\1", beside, second)

    first, second = climb(old, new, known=True)
    demand("LED-TREE", "hashes left over in the consistency proof", 0, len(path))
    demand("LED-TREE", "roots to which the proof leads", [old_root.hex(), new_root.hex()], [first.hex(), second.hex()])


def take(path: list[bytes]) -> bytes:
    demand("LED-TREE", "another hash in the proof", True, bool(path))
    return path.pop()


def largest_power(size: int) -> int:
    """The largest power of two below a size: so many leaves are on the left."""
    return 1 << (size - 1).bit_length() - 1


# -- records ---------------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    seq: int
    time: int
    prev: bytes
    leaf: bytes
    digest: bytes
    author: str
    key: bytes
    author_seq: int
    author_prev: bytes
    acts: list[list[Any]]


def read_record(data: bytes, index: int, trust: Trust) -> Record:
    """A record that the tree holds: its form, chain fields, ledger and signatures (format v1, sections 3 and 4)."""
    try:
        record = read_array(data, 65_535, "record", 1, "int", "int", "hash", "entry", "signatures")
        seq, time, prev, body, signatures = record
        demand("LED-CHAIN", "number of the record", index, seq)
        leaf, own = sha256(b"\0", data), trust.ledger_id if seq else ZEROS
        demand("LED-LEDGER", "leaf 0", trust.ledger_id.hex(), leaf.hex() if seq == 0 else trust.ledger_id.hex())
        demand("LED-CHAIN", "link of record 0", True, bool(seq) or prev == ZEROS)
        kinds = ("hash", "id", "key", "int", "hash", "signers", "int", "?pin", "acts")
        entry = read_array(body, 60_000, "entry", "creditledger/entry/v1", *kinds)
        ledger_id, author, key, author_seq, author_prev, cosigners, not_after, seen, acts = entry
        keys = [key, *(one[1] for one in cosigners)]
        form(sorted(cosigners) == cosigners and len({*keys}) == len(keys), "cosigners in order, each key once")
        if unknown := [one[0] for one in acts if not ACT_TYPES.fullmatch(one[0])]:
            raise Unknown(f"act type {show(unknown[0])}")
    except Malformed as error:
        raise Fails(f"LED-ENC: record {index}, {data[:40].hex()}: {error}") from None
    demand("LED-LEDGER", "ledger of the entry", own.hex(), ledger_id.hex())
    demand("LED-ENC", "signatures of the entry", len(keys), len(signatures))
    for signer, signature in zip(keys, signatures, strict=True):
        ed25519("LED-SIG", signer[1:], body, signature, f"signature in record {index}")
    demand("LED-TIME", "recorded before the entry expired", True, time <= not_after)
    size, root = seen or [0, EMPTY]
    demand("LED-SEEN", "size seen", True, size <= seq and (size > 0 or root == EMPTY))
    return Record(seq, time, prev, leaf, sha256(body), author, key, author_seq, author_prev, acts)


def check_together(records: list[Record]) -> None:
    for before, one in itertools.pairwise(records):
        if one.seq == before.seq + 1:
            demand("LED-CHAIN", f"link of record {one.seq}", before.leaf.hex(), one.prev.hex())
        demand("LED-TIME", f"record {one.seq} dated after record {before.seq}", True, before.time <= one.time)
    last: dict[bytes, Record] = {}
    for one in records:
        former = last.get(one.key)
        if former is not None:
            demand("LED-AUTHOR", "numbers of one key's entries", True, former.author_seq < one.author_seq)
            if one.author_seq == former.author_seq + 1:
                demand("LED-AUTHOR", "link of one key's entries", former.digest.hex(), one.author_prev.hex())
        last[one.key] = one


def is_about(act: list[Any], about: list[Any]) -> bool:
    """Acts about a subject begin: type, list, subject (format v1, section 7.2)."""
    return act[0].startswith(("listing.", "appeal.", "content.erase/")) and act[1:3] == about


def concerning(records: list[Record], about: list[Any] | None) -> Callable[[list[Any]], bool]:
    """Acts that concern a subject: about it, or by their third field revoking the key, confirming the entry of one."""
    if about is None:
        return lambda _: True
    own = [one for one in records if any(is_about(act, about) for act in one.acts)]
    keys, entries = [[one.key] for one in own], [[one.digest] for one in own]
    return lambda act: (
        is_about(act, about)
        or (act[0] == "key.revoke/1" and act[2:3] in keys)
        or (act[0] == "entry.confirm/1" and any(type(mark) is list and mark[1:] in entries for mark in act[3:4]))
    )


# -- the proofs ------------------------------------------------------------------------------------------------------


class Case:
    """One file under check: what it says, and what was not looked at."""

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.facts: list[tuple[str, str]] = [("ledger", f"{trust.origin} {trust.ledger_id.hex()}")]
        self.unchecked: list[str] = []
        self.lacking: list[str] = []
        self.fork = False

    def same_ledger(self, ledger_id: bytes) -> None:
        demand("LED-LEDGER", "ledger", self.trust.ledger_id.hex(), ledger_id.hex())

    def head(self, note: bytes, *, require: bool = True) -> Head:
        head = open_head(note, self.trust)
        self.facts.append(("checkpoint", f"size {head.size} root {head.root.hex()}"))
        names = {key.who: name for name, key in self.trust.witnesses.items()}
        for who, time in head.signed.items():
            if who in names:
                self.facts.append(("cosigned", f"by {names[who]} at {second(time)}"))
        if head.mldsa:
            self.unchecked.append(f"{count(len(head.mldsa), 'ML-DSA-44 signature')}: only presence and length")
        if head.unknown:
            self.unchecked.append(f"{count(head.unknown, 'signature')} by keys that the trust file does not name")
        if require:
            quantum = {one.who for one in self.trust.log if one.type == MLDSA}
            if quantum and not quantum & head.mldsa:
                self.lacking.append("the ML-DSA-44 signature of the log")
            if not self.trust.met({*head.signed}):
                self.lacking.append(f"the quorum {self.trust.quorum} of witnesses, of those that can be checked here")
        return head

    def records(self, head: Head, proofs: list[tuple[int, list[bytes], bytes]], about: list[Any] | None) -> None:
        for index, hashes, data in proofs:
            check_inclusion(hashes, index, sha256(b"\0", data), head)
        records = [read_record(data, index, self.trust) for index, _, data in proofs]
        check_together(records)
        concerns = concerning(records, about)
        for one in records:
            demand("LED-STRUCT", f"record {one.seq} is about them", True, any(map(concerns, one.acts)))
            self.facts.append(("record", f"{one.seq} recorded at {moment(one.time)} by {one.author}"))
            for place, act in enumerate(one.acts):
                if concerns(act):
                    self.facts.append(("act", f"{one.seq}.{place} {show(act)}"))
        self.times(head, max(one.time for one in records))
        self.unchecked += [
            "the fields of the acts, their lawfulness, and whether the keys were in force",
            "anything that is not in this file, and the truth of what was recorded",
        ]
        if about is not None:
            self.unchecked.append("that these are all acts about them: whoever made the receipt claims it")

    def times(self, head: Head, recorded: int) -> None:
        """No record is dated more than 300 s after a witness of the trust file cosigned."""
        names = {key.who: name for name, key in self.trust.witnesses.items()}
        for who, time in head.signed.items():
            if who in names and recorded > (time + SKEW) * 1_000_000:
                raise Fails(
                    f"LED-TIME: {moment(recorded)} is after {second(time + SKEW)}, by the witness {show(names[who])}"
                )


def count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def second(seconds: int) -> str:
    """A witness's time; a witness can sign any number."""
    return moment(seconds * 1_000_000).replace(".000000", "") if seconds < 2**37 else f"{seconds} s after 1970"


def moment(microseconds: int) -> str:
    since = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=microseconds)  # noqa: DTZ001 -- it is printed as UTC
    return since.isoformat(timespec="microseconds") + "Z"


def read_proof(data: bytes) -> tuple[int, list[bytes], bytes, bool]:
    """A C2SP .tlog-proof: index, hashes, checkpoint, and whether it has extra data."""
    head, _, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("the head of a proof is not ASCII") from None
    form(note and note[:1] != b"\n" and lines.pop(0) == "c2sp.org/tlog-proof@v1", "no tlog-proof")
    extra = bool(lines) and lines[0].startswith("extra ")
    if extra:
        form(1 <= len(base64(lines.pop(0)[6:])) <= 49_146, "extra data")
    form(lines and lines[0].startswith("index "), "no index")
    index, hashes = number(lines[0][6:], MAX_INT - 1), [base64(line) for line in lines[1:]]
    form(len(hashes) <= 63 and all(len(one) == 32 for one in hashes), "hashes of 32 bytes, at most 63")
    return index, hashes, note, extra


def receipt(case: Case, data: bytes) -> None:
    kinds = ("hash", "?about", "note", "items")
    ledger_id, about, note, items = read_array(data, MAX_FILE, "receipt", "creditledger/receipt/v1", *kinds)
    proofs: list[tuple[int, list[bytes], bytes]] = []
    for record, head in items:
        index, hashes, rest, extra = read_proof(head + note)
        form(rest == note and not extra, "the head of a proof")
        form(not proofs or proofs[-1][0] < index, "records in ascending order")
        proofs.append((index, hashes, record))
    case.same_ledger(ledger_id)
    case.records(case.head(note), proofs, about)


def extension(case: Case, data: bytes) -> None:
    kinds = ("hash", "note", "note", "hashes")
    ledger_id, old, new, hashes = read_array(data, MAX_FILE, "extension", "creditledger/extension/v1", *kinds)
    case.same_ledger(ledger_id)
    before, after = case.head(old, require=False), case.head(new)
    check_consistency(hashes, before.size, before.root, after.size, after.root)
    case.facts.append(("shown", f"size {after.size} continues size {before.size}"))


def fork(case: Case, data: bytes) -> None:
    """Whatever does not hold here shows nothing against the log, and is an error of form."""
    kinds = ("hash", "long note", "long note", "hash", "hashes")
    ledger_id, one, other, root, hashes = read_array(data, 2_004_096, "fork", "creditledger/fork/v1", *kinds)
    try:
        case.same_ledger(ledger_id)
        first, second = signed_by_log(one, case.trust), signed_by_log(other, case.trust)
        form(first[0] <= second[0] and root != first[1], "they do not contradict each other")
        check_consistency(hashes, first[0], root, second[0], second[1])
    except Fails as error:
        raise Malformed(f"it proves nothing: {error}") from None
    case.facts.append(("fork", f"root {first[1].hex()} and {root.hex()} at size {first[0]}"))
    case.fork = True


def signed_by_log(note: bytes, trust: Trust) -> tuple[int, bytes]:
    """Size and root of a checkpoint that at least one Ed25519 log key signed; wrong lines beside it do not matter."""
    text, lines = read_note(note, 1_000_000)
    for key in trust.log:
        own = [signature for who, signature in lines if who == key.who]
        if key.type == ED25519 and len(own) == 1:
            try:
                ed25519("LED-CKPT", key.key, text, own[0], "signature")
            except Fails:
                continue
            origin, size, root = read_head(text)
            demand("LED-CKPT", "origin", trust.origin, origin)
            return size, root
    raise Malformed("a checkpoint that the log did not sign")


UNSEEN = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
    "\U000e01f0-\U000e0fff"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}-{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
    + "]"
)  # fmt: skip
SPACES = "\x20\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def acknowledgement(case: Case, data: bytes) -> None:
    form(len(data) <= 16_384, "too large")
    text, lines = read_note(data, 16_384)
    said = text.decode().split("\n")
    form(re.fullmatch("creditledger/acknowledgement/v[1-9][0-9]{0,8}", said[0]), "no acknowledgement")
    if said[0] != "creditledger/acknowledgement/v1":
        raise Unknown(said[0])
    form(7 <= len(said) <= 9, "6 to 8 lines")
    _, origin, ledger_id, digest, received, outcome, *words = said[:-1]
    check_name(origin)
    form(re.fullmatch("[0-9a-f]{64}", ledger_id) and re.fullmatch("(entry|bytes) [0-9a-f]{64}", digest), "hashes")
    form(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", received), "a moment")
    try:
        form(dt.datetime.fromisoformat(received).year >= 1970, "a moment from 1970 on")
    except ValueError:
        raise Malformed("a moment that does not exist") from None
    for line in words:
        form(1 <= len(line.encode()) <= 2000 and not UNSEEN.search(line) and line.strip(SPACES) == line, "words")
    if recorded := re.fullmatch("recorded (0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15})", outcome):
        form(not words and int(recorded[1]) < int(recorded[2]) <= MAX_INT and digest[0] == "e", "recorded")
    elif refused := re.fullmatch("refused (R(?:-[A-Z0-9]+)+) (-|0|[1-9][0-9]{0,3})", outcome):
        form(len(words) == 2 and len(refused[1]) <= 64 and (refused[2] == "-" or int(refused[2]) <= 1023), "refused")
    else:
        form(outcome in ("malformed", "unrecorded") and len(words) == 1, "an outcome")
    same = (origin, ledger_id) == (case.trust.origin, case.trust.ledger_id.hex())
    demand("LED-LEDGER", "ledger of the acknowledgement", True, same)
    if not case.trust.desk:
        raise Lacking("the trust file names no acknowledgement_keys")
    known, signers = {one.who: one for one in case.trust.desk}, set[tuple[str, bytes]]()
    for who, signature in lines:
        if who in known:
            form(who not in signers, "two signatures by one key")
            ed25519("LED-SIG", known[who].key, text, signature, "signature of the acknowledgement")
            signers.add(who)
        else:
            case.unchecked.append("a signature by a key that the trust file does not name")
    demand("LED-SIG", "a signature by a key for acknowledgements", True, bool(signers))
    case.facts += [("received", received), ("of", digest), ("outcome", outcome), *(("words", line) for line in words)]
    case.unchecked.append("everything but who said it")


def tlog_proof(case: Case, data: bytes, record: bytes) -> None:
    index, hashes, note, extra = read_proof(data)
    case.records(case.head(note), [(index, hashes, record)], None)
    if extra:
        case.unchecked.append("the extra data of the proof file")


PROOFS = {"receipt": receipt, "extension": extension, "fork": fork}


def run(case: Case, data: bytes, record: bytes | None) -> None:
    """Check a file of any kind."""
    array = re.match(rb"[\x90-\x9f](?:[\xa0-\xbf]|\xd9.)creditledger/(receipt|extension|fork)/", data, re.DOTALL)
    if array:
        PROOFS[array[1].decode()](case, data)
    elif data.startswith(b"creditledger/acknowledgement/"):
        acknowledgement(case, data)
    elif data.startswith(b"c2sp.org/tlog-proof@"):
        form(record is not None, "a .tlog-proof goes with --record")
        tlog_proof(case, data, record or b"")
    else:
        raise Malformed("neither receipt, extension, fork, acknowledgement nor .tlog-proof")
    if case.lacking:
        raise Lacking("; ".join(case.lacking))


def verify(data: bytes, trust: bytes, record: bytes | None = None) -> tuple[int, dict[str, Any]]:
    """The exit code, and the report."""
    report: dict[str, Any] = {"verdict": "", "exit": 0, "facts": [], "NOT CHECKED": []}
    case = None
    try:
        try:
            trusted = Trust(trust)
        except End as end:
            raise type(end)(f"in the trust file, not in the proof: {end}") from None
        case = Case(trusted)
        run(case, data, record)
        report["exit"], report["verdict"] = (3, "FORK") if case.fork else (0, "HOLDS")
    except End as end:
        verdict = "NO TRUST FILE:" if case is None and isinstance(end, Malformed) else end.verdict
        report |= {"exit": end.code, "verdict": f"{verdict} {ascii(str(end))[1:-1][:1500]}"}
    if case is not None and report["exit"] in (0, 3, 4):
        report["facts"] = [f"{name}: {show(value)}" for name, value in case.facts]
        report["NOT CHECKED"] = [*case.unchecked, "ML-DSA-44 signatures; the log's clock, but against witnesses"]
    return report["exit"], report


def main(arguments: list[str] | None = None) -> int:
    """Verify, print a report, return the exit code."""
    parser = argparse.ArgumentParser(description="Check a proof from a creditledger ledger, offline.")
    parser.add_argument("file", type=Path, help="the proof")
    parser.add_argument("--trust", type=Path, required=True, help="the trust file, from a source other than the proof")
    parser.add_argument("--record", type=Path, help="the record that a .tlog-proof file is about")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    options = parser.parse_args(arguments)
    paths = [options.file, options.trust, *filter(None, [options.record])]
    if wrong := [path for path in paths if not path.is_file() or path.stat().st_size > MAX_FILE]:
        why = "is no regular file of at most 16 MiB" if wrong[0].exists() else "is not there: check the path"
        print(f"cannot verify: {wrong[0]} {why}", file=sys.stderr)
        return 1
    record = options.record.read_bytes() if options.record else None
    code, report = verify(options.file.read_bytes(), options.trust.read_bytes(), record)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        print(f"verdict: {report['verdict']} (exit {code})")
        for fact in report["facts"]:
            print(fact)
        for words in report["NOT CHECKED"]:
            print(f"NOT CHECKED: {words}")
    return code


if __name__ == "__main__":
    sys.exit(main())
