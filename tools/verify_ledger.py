#!/usr/bin/env python3
# ruff: noqa: E401, E501, ARG005, I001 -- one act, one rule per line of a table; every rule is a function of state and act.
"""Verify an exported creditledger ledger with a program that shares nothing with the one that wrote it.

    python verify_ledger.py EXPORT --trust FILE [--json]

Written from the specification alone: § is a section of format-v1, R § one of rules-1. One pass, one frame at a time,
keeping some 150 bytes per record and commitment, and the rows that govern. Findings and exits are those of §13.
"""

# fmt: off
import argparse, base64, calendar, hashlib, itertools, json, os, re, sys, tomllib
import datetime as dt
from types import SimpleNamespace as Row
from typing import Any, BinaryIO

try:
    import msgpack
    from nacl.bindings import crypto_core_ed25519_is_valid_point as is_prime_order, crypto_sign_open
    from nacl.exceptions import BadSignatureError
except ImportError as missing:
    sys.exit(f"cannot verify: {missing}; install what is needed with: pip install msgpack 'pynacl>=1.6.2'")

MIXED_ORDER = bytes.fromhex("ea5ef8400c31ef41e28f22e718b43f66981b29cf645af2a0e223799bedaace47")  # no key of §6
RULE_SETS = {"rules-1": "2f360b2a955e65c2f12251a3d94f3a7a1c26e214761d10017281b52470ee1459"}  # SHA-256 of the text
UNCHECKED = [
    "LED-RULE beyond keys, authorities and mandates: of rules-1 section 7 what grounds, measures and lists say, R-SEPARATION, R-INDEPENDENT, R-TRANSCRIPT, R-SCHEME, R-CONFIRM; section 8 beyond role, mandate and area (of appeal.decide and content.erase: the area, too)",
    "LED-HEAD against remembered heads (a tail cut off at a checkpoint, another history shown to somebody else); LED-FORK against a checkpoint verified before; LED-STATE and stored tiles; LED-CONTENT of what no P frame holds; witnesses that the trust file names: whether they cosigned, and their times against those of the records; ML-DSA-44 signatures, and whether those that the trust file asks for are there; the truth of what is recorded, and of the log's clock",
]

class Fault(Exception):
    """A check of §13.2 failed. The arguments: finding, what was looked at, what was expected, what was found."""

def demand(holds: object, finding: str, what: str, expected: object, found: object) -> None:
    if not holds:
        raise Fault(finding, what, expected, found)
def sha256(*parts: bytes) -> bytes: return hashlib.sha256(b"".join(parts)).digest()
def decode(data: bytes, finding: str = "LED-ENC") -> Any:
    """The value that `data`, bounded by the caller, encodes (§2.1). That encoding it gives `data` again settles the
    headers; what it cannot settle (maps, floats, extensions, ranges, depth) is looked at level by level."""
    try:
        value = msgpack.unpackb(data, raw=False, max_array_len=4096, max_map_len=0, max_ext_len=0)
    except (ValueError, msgpack.UnpackException) as error:
        raise Fault(finding, "encoding", "a value of section 2.1", repr(error)) from None
    level, depth = [value], 0
    while level:
        for v in level:
            scalar = v is None or type(v) in (str, bytes, bool) or (type(v) is int and 0 <= v < 2**53)
            demand(scalar or (type(v) is list and depth < 8), finding, "encoding", "values of section 2.1, 8 deep", v)
        level, depth = [element for v in level if type(v) is list for element in v], depth + 1
    demand(msgpack.packb(value) == data, finding, "encoding", "the shortest form", "another form of the same value")
    return value

# Code points (§2.3, 5.2): the tables as they stand there, and as patterns.
FORBIDDEN = """U+0000-U+001F, U+007F-U+009F, U+00AD, U+034F, U+061C, U+115F-U+1160, U+17B4-U+17B5, U+200B, U+200E-U+200F,
U+2028-U+202E, U+2060-U+206F, U+3164, U+D800-U+DFFF, U+FDD0-U+FDEF, U+FEFF, U+FFA0, U+FFF0-U+FFFC, U+FFFE-U+FFFF,
U+1BCA0-U+1BCA3, U+1D173-U+1D17A, U+1FFFE-U+1FFFF, U+2FFFE-U+2FFFF, U+3FFFE-U+3FFFF, U+4FFFE-U+4FFFF, U+5FFFE-U+5FFFF,
U+6FFFE-U+6FFFF, U+7FFFE-U+7FFFF, U+8FFFE-U+8FFFF, U+9FFFE-U+9FFFF, U+AFFFE-U+AFFFF, U+BFFFE-U+BFFFF, U+CFFFE-U+CFFFF,
U+DFFFE-U+DFFFF, U+EFFFE-U+EFFFF, U+FFFFE-U+FFFFF, U+10FFFE-U+10FFFF, U+E0000-U+E00FF, U+E01F0-U+E0FFF"""
AT_NO_END = "U+0020, U+00A0, U+1680, U+2000-U+200A, U+202F, U+205F, U+3000"
IN_NO_NAME = f"{AT_NO_END}, U+002B, U+0000-U+001F, U+007F-U+009F, U+2028, U+2029"
BAD, BAD_END, BAD_NAME = (re.sub(r"[,\s]*U\+([0-9A-F]+)", lambda m: f"\\U{int(m[1], 16):08x}", t) for t in (FORBIDDEN, AT_NO_END, IN_NO_NAME))
# Kinds of fields (§2.2 to 2.4, 7.1, 8): the type after decoding, or the pattern of a text, and what more must hold.
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
KINDS: dict[str, tuple[type | str, Any]] = {
    "id": ("[a-z0-9._-]{1,64}", bool),
    "text": (f"(?![{BAD_END}])[^{BAD}]+(?<![{BAD_END}])", lambda v, most: len(v.encode()) <= most),
    "keyname": (f"[^{BAD_NAME}]+", lambda v: len(v.encode()) <= 255),
    "name": (f"[^{BAD_NAME}{BAD}]+", lambda v, most: len(v.encode()) <= most),
    "int": (int, lambda v, low=0, high=2**53 - 1: low <= v <= high),
    "bytes": (bytes, lambda v, low, high=None: low <= len(v) <= (high or low)),
    "key": (bytes, lambda v: len(v) == 33 and v[0] == 1),
    "date": (r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", lambda v: int(v[8:]) <= calendar.monthrange(int(v[:4]), int(v[5:7]))[1]),
    "digest": ("[0-9a-f]{64}", bool),
    "offset": (r"(?!-00:00)(\+(0[0-9]|1[0-3]):[0-5][0-9]|\+14:00|-(0[0-9]|1[01]):[0-5][0-9]|-12:00)", bool),
    "uscc": (f"[{USCC}]{{18}}", lambda v: USCC[-sum(USCC.index(v[i]) * 3**i for i in range(17)) % 31] == v[17]),
    "lei": ("[0-9A-Z]{18}(?!00|01|99)[0-9]{2}", lambda v: int("".join(str(int(c, 36)) for c in v)) % 97 == 1),
    "host": (r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", bool),
    "subject": (list, lambda v: len(v) == 2 and v[0] in ("handle", "uscc", "lei", "host") and fits({"handle": "bytes32"}.get(v[0], v[0]), v[1])),
    "ref": (list, lambda v: len(v) == 2 and fits("?bytes32", v[0]) and fits("int0-1023", v[1])),
    "commitment": (list, lambda v: len(v) == 2 and fits("id", v[0]) and fits("bytes32", v[1])),
    "mark": (list, lambda v: len(v) == 2 and fits("int", v[0]) and fits("bytes32", v[1])),
    "signer": (list, lambda v: len(v) == 2 and fits("id", v[0]) and fits("key", v[1])),
    "signatures": (list, lambda v: 1 <= len(v) <= 17 and all(fits("bytes64", signature) for signature in v)),
    "item": (list, lambda v: len(v) == 5 and all(map(fits, ("id", "subject", "bytes32", "bytes32", "bytes0-1048576"), v))),
    "acts": (list, lambda v: 1 <= len(v) <= 1024 and all(type(a) is list and a and type(a[0]) is str for a in v)),
}

def fits(words: str, v: Any) -> bool:
    """Is `v` of this kind? `?x`: nil or x. `a|b`: one of these. `x{a..b}`: a to b x, strictly ascending."""
    if words[0] == "?":
        return v is None or fits(words[1:], v)
    if words[-1] == "}":
        one, low, high = re.split(r"\{|\.\.", words[:-1])
        formed = type(v) is list and int(low) <= len(v) <= int(high) and all(fits(one, element) for element in v)
        order = [element[0] for element in v] if formed and one == "commitment" else v  # These ascend by their labels.
        return formed and all(a < b for a, b in itertools.pairwise(order))
    if "|" in words:
        return type(v) is str and v in words.split("|")
    name, *bounds = re.findall(r"[a-z]+|\d+", words)
    form, holds = KINDS[name]
    formed = type(v) is form if isinstance(form, type) else type(v) is str and re.fullmatch(form, v) is not None
    return formed and bool(holds(v, *map(int, bounds)))

def civil_day(microseconds: int, offset: str) -> str:
    """The day of a moment at an offset (§2.4)."""
    shift = dt.timedelta(hours=int(offset[:3]), minutes=int(offset[0] + offset[4:]), microseconds=microseconds)
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + shift).date().isoformat()

# What an array holds after its version or type (§3, 4, 7.2). A field without a kind is of the usual one, or an `id`.
USUAL = "subject:subject key:key effective:date decided:date until:?date document:text200 title:text300 article:text100 polarity:incentive|restriction|supervision listing:ref source:?ref area:?id case:?bytes16 content:commitment{0..16}"
TABLE = """
record seq:int recorded_at:int prev:bytes32 entry:bytes1-60000 signatures:signatures
creditledger/entry/v1 ledger_id:bytes32 authority key author_seq:int author_prev:bytes32 cosigners:signer{0..16} not_after:int seen:?mark acts:acts
ledger.create/1 origin:name255 utc_offset:offset log_keys:key{1..8} root_keys:key{1..16} threshold:int1-16 rule_set rule_set_hash:bytes32
rules.activate/1 rule_set rule_set_hash:bytes32
authority.register/1 authority name:text300 law article parent:?id area identity:?subject
authority.close/1 authority effective document successor:?id
mandate.grant/1 mandate authority list:?id actions:add|annul|catalogue|correct|define|delegate|erase|lodge|remove|review|suspend|transcribe{1..12} effective law article until areas:id{0..256}
mandate.revoke/1 mandate effective document
key.add/1 authority key role:act|admin|log|root until
key.revoke/1 authority key reason:compromised|lost|retired|superseded stands_behind:?mark
entry.confirm/1 authority key entry:mark
law.register/1 law title number:text200 issuer:text300 effective until
ground.register/1 ground title polarity nature:conduct|judgment|merit|offence|score|status law article max_months:?int1-1200
measure.register/1 measure title polarity law article agency target:text300
list.define/1 list title polarity law article grounds:id{1..256} schemes:handle|host|lei|uscc{1..4} notice_days:int0-36600 appeal_days:int0-36600 decide_days:int0-36600 measures:id{0..256} lodgers:id{0..256} reviewers:id{0..256} consent:none|parent source:?text300
list.open/1 list effective
list.close/1 list effective document
source.cite/1 list name:text300 sha256:bytes32 rows:int dated:date
listing.opening_balance/1 list subject ground:?id effective:?date until case area content source
listing.add/1 list subject ground decided effective until case area measures:id{0..256} content source
listing.correct/1 list subject listing decided effective:?date until area content source
listing.suspend/1 list subject listing decided effective appeal:?ref
listing.restore/1 list subject listing decided effective
listing.remove/1 list subject listing reason:appeal_quashed|basis_revoked|conditions_met|creditor_request|deceased_or_dissolved|deemed|early_cure|enforcement_terminated|listed_in_error|no_assets|performed|repaired|settled|stayed|superseded|term_expired|unenforceable decided effective appeal:?ref source
listing.annul/1 list subject listing reason:listed_in_error|quashed_ex_tunc decided appeal:?ref
appeal.file/1 list subject listing filed:date content
appeal.decide/1 list subject appeal:ref outcome:quash_ex_nunc|quash_ex_tunc|remit|uphold|vary decided effective until content
appeal.withdraw/1 list subject appeal:ref withdrawn:date
content.erase/1 list subject commitments:bytes32{1..64} decided law article"""
_usual, _rows = dict(word.split(":") for word in USUAL.split()), [row.split() for row in TABLE.strip().split("\n")]
FIELDS = {name: [(f + ":" + _usual.get(f, "id")).split(":")[:2] for f in fields] for name, *fields in _rows}
ENTRY, ACT_TYPES = "creditledger/entry/v1", {name for name in FIELDS if name.endswith("/1")}

def read_fields(name: str, value: list[Any]) -> Row:
    """The array with its fields by name, each of its kind."""
    demand(len(value) == len(FIELDS[name]) + 1, "LED-ENC", name, f"{len(FIELDS[name])} fields", len(value) - 1)
    for (field, words), element in zip(FIELDS[name], value[1:], strict=True):
        demand(fits(words, element), "LED-ENC", f"{name} {field}", words, element)
    return Row(type=name, **{field: v for (field, _), v in zip(FIELDS[name], value[1:], strict=True)})

def read_array(name: str, version: int | str, most: int, data: bytes) -> Row:
    """The record (§4) or entry (§3) in `data`. What is malformed is never merely unsupported (§3.1)."""
    demand(len(data) <= most, "LED-ENC", name, f"at most {most} bytes", len(data))
    value = decode(data)
    formed = type(value) is list and value and type(value[0]) is type(version)
    demand(formed, "LED-ENC", name, f"[{version}, ...]", value)
    demand(value[0] == version, "LED-VERSION", f"version of {name}", version, value[0])
    return read_fields(name, value)

def read_entry(data: bytes) -> Row:
    """An entry with its acts (§3, 3.1), and what is `unknown` among their types."""
    entry = read_array(ENTRY, ENTRY, 60_000, data)
    keys = {entry.key, *(key for _, key in entry.cosigners)}
    demand(len(keys) == len(entry.cosigners) + 1, "LED-ENC", "entry", "each key once", "a key twice")
    entry.unknown = [act[0] for act in entry.acts if act[0] not in ACT_TYPES]
    entry.acts = [read_fields(act[0], act) for act in entry.acts if act[0] in ACT_TYPES]
    return entry

def check_signature(finding: str, key: bytes, message: bytes, signature: bytes) -> None:
    """The verdict of §6 is libsodium's: S < L; A canonical, A and R not of small order; R compared as bytes, so that it
    is canonical and the cofactor plays no part. (OpenSSL accepts small orders, other libraries multiply by 8.)"""
    try:
        demand(len(key) == 33 and len(signature) == 64, finding, "signature", "64 bytes", len(signature))
        crypto_sign_open(signature + message, key[1:])
    except BadSignatureError:
        raise Fault(finding, "signature", f"one by key {key.hex()}", signature) from None

def item_id(commitment: bytes, list_: str, subject: list[Any]) -> bytes:
    """§9, with the subject key of §8."""
    value = subject[1] if type(subject[1]) is bytes else subject[1].encode()
    return sha256(b"\3", commitment, b"\0".join([list_.encode(), subject[0].encode(), value]))

def show(value: object) -> str:
    """A value in printable ASCII, as people write it."""
    if isinstance(value, Row):
        return " ".join(f"{name} {show(field)}," for name, field in vars(value).items()).removeprefix("type ").rstrip(",")
    if isinstance(value, list):
        return f"[{', '.join(map(show, value[:20]))}]"
    return value.hex() if isinstance(value, bytes) else "nil" if value is None else ascii(value).strip("'")

def read_trust(path: str) -> Row:
    """§12.2, and version 2: origin, ledger_id (32 bytes), keys (name, key id → 33 bytes). ValueError for another form. Of
    version 2, type-06 log keys are passed over, and of witnesses and acknowledgement keys only the type is looked at."""
    with open(path, "rb") as file:
        raw = file.read(262_145)
    form: Any = tomllib.loads(raw.decode()) if len(raw) <= 262_144 else {}
    version, origin, ledger_id, vkeys = map(form.get, ("format", "origin", "ledger_id", "log_keys"))
    two, keys = version == "creditledger/trust/v2", dict[tuple[str, bytes], bytes]()
    if type(version) is str and len(raw) <= 65_536 and (other := re.fullmatch("creditledger/trust/v(?![12](?![0-9]))[1-9][0-9]{0,8}", version)):
        raise Fault("LED-VERSION", "format of the trust file", "creditledger/trust/v1 or v2", other[0])
    surplus = [name for name in form.keys() - {"format", "origin", "ledger_id", "log_keys"} if not two or not isinstance(form[name], {"witnesses": str, "acknowledgement_keys": list}.get(name, ()))]
    formed = not surplus and len(raw) <= (262_144 if two else 65_536) and (two or version == "creditledger/trust/v1") and fits("keyname", origin) and fits("digest", ledger_id)
    for vkey in vkeys if formed and type(vkeys) is list and 1 <= len(vkeys) <= 64 else ():
        m = re.fullmatch(f"([^+]+)\\+([0-9a-f]{{8}})\\+({BASE64})", vkey if type(vkey) is str and len(vkey) <= 4096 else "")
        key = base64.b64decode(m[3]) if m else b""
        named = m and len(key) > 1 and fits("keyname", m[1]) and m[2] == sha256(m[1].encode(), b"\n", key)[:4].hex()
        if m and named and (len(key) == 33 and is_prime_order(key[1:]) if key[0] == 1 else not two or key[0] != 6 or len(key) == 1313):
            keys[m[1], bytes.fromhex(m[2])] = key
    if not keys or len(keys) != len(vkeys) or (two and all(key[0] != 1 for key in keys.values())):
        raise ValueError("the trust file is not of its form: its settings, 1 to 64 vkeys, each once, an Ed25519 key among them")
    demand(all(key[0] in (1, 6 if two else 1) for key in keys.values()), "LED-VERSION", "type of a log key", "01, Ed25519", "another")
    return Row(origin=origin, ledger_id=bytes.fromhex(ledger_id), keys={who: key for who, key in keys.items() if key[0] == 1})

BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
LINE = f"\u2014 ([^{BAD_NAME}]+) ({BASE64})\n"
NOTE = f"([^{BAD_NAME}]+)\n(0|[1-9][0-9]{{0,15}})\n([A-Za-z0-9+/]{{42}}[AEIMQUYcgkosw048]=)\n\n(?:{LINE}){{1,100}}"

def read_checkpoint(data: bytes, trust: Row) -> tuple[int, bytes, list[bytes]]:
    """Size, root, and the trusted keys that signed the note (§5.2)."""
    note = data.decode(errors="ignore")
    m: Any = re.fullmatch(NOTE, note) if note.encode() == data else None
    demand(m and int(m[2]) < 2**53 and (int(m[2]) or base64.b64decode(m[3]) == sha256()), "LED-CKPT", "note", "the form of section 5.2", data)
    demand(m[1] == trust.origin, "LED-CKPT", "origin", trust.origin, m[1])
    signers: dict[tuple[str, bytes], bytes] = {}
    for name, code in re.findall(LINE, note):
        raw = base64.b64decode(code)
        demand(len(name.encode()) <= 255 and len(raw) > 4, "LED-CKPT", "signature", "name, key id and more", code)
        who = (name, raw[:4])
        if who in trust.keys:
            demand(who not in signers, "LED-CKPT", "signatures", "one by each key", "two by one")
            check_signature("LED-CKPT", trust.keys[who], note[: m.end(3) + 1].encode(), raw[4:])
            signers[who] = trust.keys[who]
    demand(signers, "LED-CKPT", "signatures", "one by a trusted key", "none")
    return int(m[2]), base64.b64decode(m[3]), [*signers.values()]

ADDS = {"authority.register/1": "authority", "mandate.grant/1": "mandate", "key.add/1": "key", "law.register/1": "law", "list.define/1": "list"}
ACTIONS = {"listing.opening_balance/1": "add", "listing.add/1": "add", "listing.correct/1": "correct", "listing.suspend/1": "suspend", "listing.restore/1": "suspend", "listing.remove/1": "remove",
    "listing.annul/1": "annul", "appeal.file/1": "lodge", "appeal.withdraw/1": "lodge", "appeal.decide/1": "review", "content.erase/1": "erase", "source.cite/1": "add"}
USES = " ".join(ACTIONS)
RULES: list[tuple[str, str, Any]] = [  # R §6 to 8.1: of which acts, what is demanded, whether it holds in state s of act a
    ("ledger.create/1", "R-GENESIS", lambda s, a: s.seq == 0 and sorted(s.signers) == [["root", key] for key in a.root_keys] and a.threshold <= len(a.root_keys)),
    ("ledger.create/1", "R-KEY-UNIQUE, R-KEY-FORM", lambda s, a: not {*a.root_keys} & {*a.log_keys} and all(is_prime_order(key[1:]) for key in a.root_keys + a.log_keys)),
    ("rules.activate/1", "R-ROOT", lambda s, a: s.rooted),
    (" ".join(ADDS), "R-ID-TAKEN, R-KEY-UNIQUE", lambda s, a: getattr(a, ADDS[a.type]) not in s.rows[ADDS[a.type]]),
    ("authority.register/1 mandate.grant/1 ground.register/1 measure.register/1 list.define/1", "R-LEGAL-BASIS", lambda s, a: s.holds(s.laws.get(a.law))),
    ("authority.register/1", "parent open, R-ADMIN", lambda s, a: (a.parent is None or s.open(a.parent)) and s.admin(a.parent)),
    ("authority.close/1", "R-AUTHORITY-CLOSED: authority open, or an heir named by root", lambda s, a: s.orphaned(a) or (s.open(a.authority) and (s.bodies[a.authority].closed is None or a.effective < s.bodies[a.authority].closed))),
    ("authority.close/1", "successor open, R-SELF", lambda s, a: a.successor is None or (s.open(a.successor) and a.authority not in s.line(a.successor))),
    ("authority.close/1", "R-CONSENT", lambda s, a: s.role == "root" or a.successor == s.bodies[a.authority].successor or (s.bodies[a.authority].successor is None and a.successor in s.consenting | {s.author})),
    ("authority.close/1 mandate.grant/1", "R-ADMIN, and so R-SELF", lambda s, a: s.admin(s.parent(a.authority))),
    ("mandate.grant/1 law.register/1", "R-MANDATE-TERM, R-DATES", lambda s, a: a.until is None or a.effective < a.until),
    ("mandate.grant/1", "R-MANDATE: delegated", lambda s, a: s.role == "root" or any(s.passes_on(m, a) for m in s.held(a.list, "delegate"))),
    ("mandate.grant/1", "authority open; R-UNKNOWN, R-MANDATE: its list or the catalogue", lambda s, a: s.open(a.authority) and (a.list in s.lists if a.list else {*a.actions} <= {"catalogue", "define", "delegate"})),
    ("mandate.revoke/1", "R-UNKNOWN, R-MANDATE-TERM", lambda s, a: a.mandate in s.mandates and (s.mandates[a.mandate].revoked is None or s.mandates[a.mandate].revoked > max(s.day, a.effective))),
    ("mandate.revoke/1", "R-ADMIN", lambda s, a: s.admin(s.mandates[a.mandate].by, s.parent(s.mandates[a.mandate].authority))),
    ("key.add/1", "R-ROLE, authority open", lambda s, a: a.role in ("root", "log") and a.until is None if a.authority == "root" else a.role in ("act", "admin") and s.open(a.authority)),
    ("key.add/1", "R-KEY-FORM, R-KEY-POSSESSION", lambda s, a: is_prime_order(a.key[1:]) and (a.role == "log" or [a.authority, a.key] in s.signers[1:])),
    ("key.revoke/1", "R-UNKNOWN, R-KEY-REVOKED", lambda s, a: a.key in s.keys and s.keys[a.key].authority == a.authority and (s.keys[a.key].revoked is None or (a.reason == "compromised" and (s.keys[a.key].stands is None or s.keys[a.key].stands > s.stands(a))))),
    ("key.revoke/1", "R-KEY-REVOKED: enough left", lambda s, a: s.spares(s.keys[a.key])),
    ("key.revoke/1", "R-KEY-STANDS", lambda s, a: (a.stands_behind is None or s.keys[a.key].entries[a.stands_behind[0] :][:1] == a.stands_behind[1:]) and (a.reason == "compromised" or len(s.keys[a.key].entries) == s.stands(a))),
    ("key.add/1 key.revoke/1", "R-ADMIN", lambda s, a: s.admin(a.authority, s.parent(a.authority))),
    ("law.register/1 ground.register/1 measure.register/1", "R-MANDATE: catalogue", lambda s, a: s.power("catalogue", None)),
    ("list.define/1 list.open/1 list.close/1", "R-MANDATE: define", lambda s, a: s.power("define", a.list, None)),
    (f"list.open/1 list.close/1 {USES}", "R-UNKNOWN", lambda s, a: a.list in s.lists),
    (USES, "R-ROLE: act; R-MANDATE", lambda s, a: s.role == "act" and s.used(a)),
    (USES, "R-MANDATE-AREA", lambda s, a: all(any(s.covers(m, area) for m in s.used(a)) for area in s.places)),
]
RULES_OF = {name: [(rule, holds) for names, rule, holds in RULES if name in names.split()] for name in ACT_TYPES}

class Verifier:
    """One pass over an export: the tree, the state of R §2 as far as it governs, and of each finding the first. A row of
    the state is the act that made it, with what has befallen it since."""
    def __init__(self, trust: Row) -> None:
        self.trust, self.findings, self.unjudged = trust, dict[str, dict[str, Any]](), sys.maxsize
        self.size, self.subtrees, self.roots, self.leaf = 0, list[bytes](), [sha256()], bytes(32)
        self.frames, self.sealed, self.time, self.author = {b"R": 0, b"C": 0, b"P": 0}, 0, 0, "root"
        self.early, self.items, self.erased = list[tuple[int, int]](), set[bytes](), set[bytes]()
        self.rows: dict[str, dict[Any, Any]] = {table: {} for table in ADDS.values()}
        self.bodies, self.mandates, self.keys, self.laws, self.lists = self.rows.values()
        self.bodies["root"] = Row(parent=None, closed="", successor="")  # Its name is taken; it is never open.
        self.granted: dict[tuple[str, str | None], list[Row]] = {}  # the mandates of an authority for a list
        self.areas: dict[tuple[bytes, int], str | None] = {}  # of the listings
    def run(self, file: BinaryIO) -> None:
        """The frames of an export (§12.1). After a record that fails a check, or is not understood, no entry is judged."""
        line, before = file.readline(64), b""
        if not re.fullmatch(rb"creditledger/export/v[1-9][0-9]{0,8}\n", line):
            raise ValueError("this is no export: its first line is another")
        demand(line == b"creditledger/export/v1\n", "LED-VERSION", "first line", "creditledger/export/v1", line)
        digest, after = hashlib.sha256(line), {b"R": (b"", b"R", b"C"), b"C": (b"R",), b"P": (b"", b"R", b"C", b"P")}
        most = {b"R": 65_535, b"C": 65_535, b"P": 1_153_434, b"E": 256}
        while before != b"E":
            head = file.read(5)
            kind, size = head[:1], int.from_bytes(head[1:])
            demand(len(head) == 5 and size <= most.get(kind, -1), "LED-STRUCT", "frame", "R, C, P or E, of its size", head)
            payload = file.read(size)
            demand(len(payload) == size, "LED-STRUCT", "frame", f"{size} bytes", f"the end after {len(payload)}")
            if kind != b"E":
                demand(before in after[kind], "LED-STRUCT", "order of frames", "records, each with its checkpoint", kind)
                digest.update(head + payload)
                self.frames[kind] += 1
                try:
                    {b"R": self.record, b"C": self.checkpoint, b"P": self.item}[kind](payload)
                except Fault as fault:
                    self.note(None if kind == b"P" else max(self.size - 1, 0), *fault.args)
                    self.unjudged = min(self.unjudged, self.size - 1) if kind == b"R" else self.unjudged
            before = kind
        end = msgpack.packb([*self.frames.values(), digest.digest()])
        demand([payload, file.read(1)] == [end, b""], "LED-STRUCT", "frame E", f"{end.hex()}, the last", payload)
        demand(self.size, "LED-STRUCT", "records", "at least record 0", 0)
    def note(self, record: int | None, finding: str, *details: object) -> None:
        """Keep the first of each, in printable ASCII and bounded: what a ledger holds must not steer a terminal."""
        what, expected, found = (text if len(text) <= 160 else text[:157] + "..." for text in map(show, details))
        self.findings.setdefault(finding, {"record": record, "what": what, "expected": expected, "found": found})
    def record(self, data: bytes) -> None:
        """One record: its leaf and the tree (§5.1), ledger id and chain (§4), what its entry says by itself; and that."""
        seq, prev, self.leaf = self.size, self.leaf, sha256(b"\0", data)
        node, merged, self.size = self.leaf, seq, seq + 1
        while merged & 1:  # `subtrees` are the complete ones, the largest first.
            node, merged = sha256(b"\1", self.subtrees.pop(), node), merged >> 1
        self.subtrees.append(node)
        for left in self.subtrees[-2::-1]:
            node = sha256(b"\1", left, node)
        self.roots.append(node)
        demand(seq or self.leaf == self.trust.ledger_id, "LED-LEDGER", "leaf 0", self.trust.ledger_id, self.leaf)
        record = read_array("record", 1, 65_535, data)
        demand([record.seq, record.prev] == [seq, prev], "LED-CHAIN", "seq and prev", [seq, prev], [record.seq, record.prev])
        demand(self.time <= record.recorded_at, "LED-TIME", "time", f"{self.time} or later", record.recorded_at)
        self.time, ledger_id = record.recorded_at, self.trust.ledger_id if seq else bytes(32)
        entry = read_entry(record.entry)
        demand(self.time <= entry.not_after, "LED-TIME", "time", f"{entry.not_after} or earlier", self.time)
        demand(entry.ledger_id == ledger_id, "LED-LEDGER", "ledger_id", ledger_id, entry.ledger_id)
        self.signers = [[entry.authority, entry.key], *entry.cosigners]
        demand(len(self.signers) == len(record.signatures), "LED-SIG", "signatures", len(self.signers), len(record.signatures))
        for (_, key), signature in zip(self.signers, record.signatures, strict=True):
            check_signature("LED-SIG", key, record.entry, signature)
        size, root = entry.seen or [0, self.roots[0]]
        due = self.roots[min(size, seq)]
        demand(size <= seq and root == due, "LED-SEEN", "size and root seen", [f"at most {seq}", due], [size, root])
        demand(not entry.unknown, "LED-VERSION", "act type", "a type of section 7", entry.unknown)
        if seq < self.unjudged:
            self.hash = sha256(record.entry)
            self.entry(seq, entry)
    def checkpoint(self, data: bytes) -> None:
        """One checkpoint: its place and root, and that its keys were log keys (§5.2, 12.1, 13.2)."""
        size, root, signers = read_checkpoint(data, self.trust)
        if size != self.size:
            self.early.append((size, self.size))
            return
        before, self.sealed = self.sealed, size
        demand(root == self.roots[size], "LED-TREE", f"root of size {size}", root, self.roots[size])
        for key in signers if self.unjudged == sys.maxsize else ():
            row = self.keys.get(key)
            holds = row and row.role == "log" and (row.revoked is None or row.revoked >= before)
            demand(holds, "LED-KEY", "key of a checkpoint", "a log key, not revoked before", key)
    def item(self, data: bytes) -> None:
        """One item of content (§9): it opens its commitment, which an act about its subject made and none has erased."""
        value = decode(data, "LED-CONTENT")
        demand(fits("item", value), "LED-CONTENT", "item", "the form of section 12.1", value)
        list_, subject, commitment, nonce, content = value
        opened, name = sha256(b"\2", nonce, content), item_id(commitment, list_, subject)
        demand(opened == commitment, "LED-CONTENT", "item", commitment, opened)
        stands = name not in self.erased and (name in self.items or self.unjudged < sys.maxsize)
        demand(stands, "LED-CONTENT", "item", "one that an act commits to and none has erased", commitment)
    def entry(self, seq: int, entry: Row) -> None:
        """What of §13.2 depends on the entries before, and its effect."""
        self.seq, self.author = seq, entry.authority
        if seq == 0:
            demand([a.type for a in entry.acts] == ["ledger.create/1"], "LED-RULE", "record 0", "R-GENESIS", entry.acts)
            self.judge(0, entry.acts.pop())
        self.day = civil_day(self.time, self.offset)
        self.check_keys(entry.acts)
        key = self.keys[entry.key]
        due = [len(key.entries), key.entries[-1] if key.entries else key.first if seq else bytes(32)]
        demand([entry.author_seq, entry.author_prev] == due, "LED-AUTHOR", "author_seq and author_prev", due, [entry.author_seq, entry.author_prev])
        size = entry.seen[0] if entry.seen else key.seen
        demand(key.seen <= size, "LED-SEEN", "size seen", f"at least {key.seen}", size)
        for index, act in enumerate(entry.acts):
            self.judge(index, act)
        key.entries.append(self.hash)
        key.seen = size
    def check_keys(self, acts: list[Row]) -> None:
        """All who sign may (R §5), but for a key that this entry adds, which shows that its holder has it."""
        added, roles = [[a.authority, a.key] for a in acts if a.type == "key.add/1" and a.role != "log"], list[str]()
        for authority, key in self.signers:
            row: Any = self.keys.get(key)
            if row or not roles or [authority, key] not in added:
                known = row and row.authority == authority and row.role != "log"
                holds = known and row.revoked is None and self.lasts(row.until) and (authority == "root" or self.open(authority))
                demand(holds, "LED-KEY", "signer", f"a key of {authority} that signs entries, both in force on {self.day}", key)
                roles.append(row.role)
        self.consenting = {authority for authority, key in self.signers[1:] if key in self.keys}
        self.role, self.rooted = roles[0], roles[0] == "root" and roles.count("root") >= self.threshold
    def judge(self, index: int, a: Row) -> None:
        """One act: the rules on it, then its effect."""
        entry_hash, number = getattr(a, "listing", [None, index])
        listing = (entry_hash or self.hash, number)
        self.places = [self.areas.get(listing)] * hasattr(a, "listing") + [v for k, v in vars(a).items() if k == "area"]
        for rule, holds in RULES_OF[a.type]:
            demand(holds(self, a), "LED-RULE", f"act {index}, {a.type}, by {self.author}", rule, a)
        if a.type in ADDS:
            self.add(a)
        self.items |= {item_id(commitment, a.list, a.subject) for _, commitment in getattr(a, "content", ())}
        match a.type:
            case "ledger.create/1" | "rules.activate/1":
                demand(self.seq or a.origin == self.trust.origin, "LED-LEDGER", "origin", self.trust.origin, a)
                demand(a.rule_set in RULE_SETS, "LED-VERSION", "rule set", [*RULE_SETS], a.rule_set)
                named = self.seq == 0 and RULE_SETS[a.rule_set] == a.rule_set_hash.hex()
                demand(named, "LED-RULE", a.type, "R-RULE-SET: by its hash, and not the one in force", a.rule_set_hash)
                self.offset, self.threshold = a.utc_offset, a.threshold
                for role, key in [("root", key) for key in a.root_keys] + [("log", key) for key in a.log_keys]:
                    self.add(Row(type="key.add/1", authority="root", key=key, role=role, until=None))
            case "authority.close/1":
                body, orphaned = self.bodies[a.authority], self.orphaned(a)
                body.closed, body.successor = body.closed if orphaned else a.effective, a.successor
            case "mandate.grant/1":
                self.granted.setdefault((a.authority, a.list), []).append(a)
            case "mandate.revoke/1":
                self.mandates[a.mandate].revoked = a.effective
            case "key.revoke/1":
                key, stands = self.keys[a.key], self.stands(a)
                key.revoked, key.stands = self.seq if key.revoked is None else key.revoked, stands if a.reason == "compromised" else key.stands
            case "listing.opening_balance/1" | "listing.add/1" | "listing.correct/1":
                self.areas[listing] = a.area
            case "content.erase/1":
                self.erased |= {item_id(commitment, a.list, a.subject) for commitment in a.commitments}
    def add(self, a: Row) -> None:
        a.closed = a.successor = a.revoked = a.stands = None
        a.by, a.first, a.entries, a.seen = self.author, self.leaf, [], 0
        self.rows[ADDS[a.type]][getattr(a, ADDS[a.type])] = a
    # The words of the rules (R §3, 6, 8.1), for the author, day and state of this entry.
    def lasts(self, end: Any) -> bool: return end is None or self.day < end
    def holds(self, row: Any) -> bool: return bool(row and row.effective <= self.day and self.lasts(row.until))
    def open(self, name: str) -> bool: return name in self.bodies and self.lasts(self.bodies[name].closed)
    def orphaned(self, a: Row) -> bool: return self.role == "root" and a.authority in self.bodies and not self.open(a.authority) and self.bodies[a.authority].successor is None and a.successor is not None
    def line(self, name: Any) -> list[Any]:
        line = [name]
        while line[-1] in self.bodies:
            line.append(self.bodies[line[-1]].successor)
        return line
    def parent(self, name: str) -> Any: return self.bodies[name].parent if name in self.bodies else None
    def admin(self, *names: Any) -> bool: return self.rooted or (self.role == "admin" and self.author in names)
    def power(self, action: str, *lists: Any) -> bool: return self.admin(self.author if any(self.held(name, action) for name in lists) else None)
    def held(self, name: Any, action: str) -> list[Row]:
        return [m for m in self.granted.get((self.author, name), []) if action in m.actions and self.holds(m) and self.lasts(m.revoked) and self.holds(self.laws[m.law])]
    def used(self, a: Row) -> list[Row]:
        return self.held(a.list, "transcribe" if self.lists[a.list].source and ACTIONS[a.type] not in ("lodge", "review", "erase") else ACTIONS[a.type])
    def covers(self, m: Row, area: str | None) -> bool:
        return not m.areas or (area is not None and any(area == q or area.startswith((q + "-", q + ".")) for q in m.areas))
    def passes_on(self, m: Row, a: Row) -> bool:
        until = m.until is None or (a.until is not None and a.until <= m.until)
        return bool(m.effective <= a.effective and until and all(self.covers(m, area) for area in a.areas or [None]) and {*a.actions} <= {*m.actions} - {"delegate"})
    def stands(self, a: Row) -> int: return a.stands_behind[0] + 1 if a.stands_behind else 0
    def spares(self, key: Row) -> bool: return bool(sum(k.role == key.role and k.revoked is None and self.lasts(k.until) for k in self.keys.values() if k is not key) >= {"log": 1, "root": self.threshold}.get(key.role, 0))
    def report(self) -> dict[str, Any]:
        """What is printed, with the exit of §13.3: evidence before what is unsupported before what is unsealed."""
        for size, place in self.early:  # Only now is it known whether they lie beyond the end of the log.
            misplaced = (place - 1, "LED-CKPT", "size of a checkpoint", place, size)
            self.note(*((self.size, "LED-HEAD", "records", size, self.size) if size > self.size else misplaced))
        if self.sealed < self.size:
            self.note(self.sealed, "LED-UNSEALED", "size of the last checkpoint", self.size, self.sealed)
        evidence = self.findings.keys() - {"LED-VERSION", "LED-UNSEALED"}
        code = 3 if evidence else 13 if "LED-VERSION" in self.findings else 4 if self.findings else 0
        return {"verdict": {0: "intact, as far as this report says", 3: "A CHECK FAILED", 4: "unsealed", 13: "unsupported"}[code], "exit": code, "records": self.size, "root": self.roots[-1].hex(), "checkpoints": self.frames[b"C"],
            "first bad record": min((at for name in evidence if (at := self.findings[name]["record"]) is not None), default=None), "entries judged up to record": min(self.unjudged, self.size) - 1,
            "findings": self.findings, "NOT CHECKED": UNCHECKED}

def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an exported creditledger ledger.")
    parser.add_argument("export", help="the export file")
    parser.add_argument("--trust", required=True, help="the trust file, from a source other than the ledger")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    options = parser.parse_args(arguments)
    verifier = Verifier(Row(origin="", ledger_id=b"", keys={}))
    try:
        if wrong := [path for path in (options.trust, options.export) if not os.path.isfile(path)] or is_prime_order(MIXED_ORDER):
            raise ValueError("PyNaCl is older than 1.6.2" if wrong is True else f"{wrong[0]} is no regular file; of a ledger's directory, make an export first")  # noqa: TRY301 -- one way out
        verifier.trust = read_trust(options.trust)
        with open(options.export, "rb") as file:
            verifier.run(file)
    except Fault as fault:
        verifier.note(None if fault.args[0] == "LED-VERSION" else verifier.size, *fault.args)
    except (OSError, ValueError, RecursionError) as error:
        print(f"cannot verify: {show(str(error) or type(error).__name__)}", file=sys.stderr)
        return 1
    report = verifier.report()
    lines = [f"{name}: {value}" for name, value in report.items() if name not in ("findings", "NOT CHECKED")]
    for name, at in verifier.findings.items():
        where = "" if at["record"] is None else f" at record {at['record']}"
        lines.append(f"{name}{where}: {at['what']}: expected {at['expected']}; found {at['found']}")
    lines += [f"NOT CHECKED: {words}" for words in UNCHECKED]
    try:
        print(json.dumps(report, indent=1) if options.json else "\n".join(lines), flush=True)
    except OSError:  # Whoever stops reading does not change the verdict.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(report["exit"])

if __name__ == "__main__":
    sys.exit(main())
