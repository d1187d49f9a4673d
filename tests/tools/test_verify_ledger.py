# ruff: noqa: E501 -- tables of attacks: one attack, one line.
"""The verifier in tools/ against the specification's vectors, and against ledgers built and attacked here.

Nothing of the package is imported: the ledgers are encoded, signed and hashed by the few functions below, written from
the specification like the verifier itself, so that the three can disagree.
"""

import base64
import functools
import hashlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

REPOSITORY = Path(__file__).parents[2]
SPECIFICATION = REPOSITORY / "src" / "creditledger" / "spec"
_spec = importlib.util.spec_from_file_location("verify_ledger", REPOSITORY / "tools" / "verify_ledger.py")
assert _spec is not None
assert _spec.loader is not None
tool: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tool)

ORIGIN = "test.example/defaulters"
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
HOUR = 3_600_000_000
RULES_HASH = hashlib.sha256((SPECIFICATION / "rules-1.md").read_bytes()).digest()
MIXED = b"\1" + tool.MIXED_ORDER
Verify = Callable[..., dict[str, Any]]


def vectors(name: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads((SPECIFICATION / "vectors" / name).read_text())
    assert items
    return items


def encode(value: Any) -> bytes:
    """The encoding of section 2.1, written out."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        for most, head, size in ((0x7F, b"", 1), (0xFF, b"\xcc", 1), (0xFFFF, b"\xcd", 2), (2**32 - 1, b"\xce", 4)):
            if value <= most:
                return head + value.to_bytes(size)
        return b"\xcf" + value.to_bytes(8)
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        if isinstance(value, str) and len(data) <= 31:
            return bytes([0xA0 + len(data)]) + data
        width = 0 if len(data) < 2**8 else 1 if len(data) < 2**16 else 2
        heads = b"\xd9\xda\xdb" if isinstance(value, str) else b"\xc4\xc5\xc6"
        return heads[width : width + 1] + len(data).to_bytes(1 << width) + data
    head = bytes([0x90 + len(value)]) if len(value) <= 15 else b"\xdc" + len(value).to_bytes(2)
    return head + b"".join(map(encode, value))


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def merkle(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1 as it stands."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1", merkle(leaves[:k]), merkle(leaves[k:]))


@functools.cache
def secret(name: str) -> SigningKey:
    return SigningKey(sha(name.encode()))


def public(name: str) -> bytes:
    return b"\1" + bytes(secret(name).verify_key)


def key_id(name: str) -> bytes:
    return sha(ORIGIN.encode(), b"\n", public(name))[:4]


def vkey(name: str) -> str:
    return f"{ORIGIN}+{key_id(name).hex()}+{base64.b64encode(public(name)).decode()}"


def note(size: int, root: bytes, key: str = "log", origin: str = ORIGIN) -> bytes:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    line = base64.b64encode(key_id(key) + secret(key).sign(text.encode()).signature).decode()
    return f"{text}\n\u2014 {ORIGIN} {line}\n".encode()


class Ledger:
    """A ledger as its operator would write it, with every means to write it wrongly."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []
        self.leaves: list[bytes] = []
        self.hashes: list[bytes] = []
        self.heads: dict[bytes, tuple[int, bytes]] = {}
        self.time = START

    def entry(self, signers: list[str], *acts: Any, **changes: Any) -> tuple[bytes, list[bytes]]:
        """An entry signed by `authority:key` names, the author first, and its signatures."""
        author, *others = [(s.split(":")[0], public(s.split(":")[1]), secret(s.split(":")[1])) for s in signers]
        others.sort(key=lambda o: o[:2])
        seq, prev = self.heads.get(author[1], (0, bytes(32)))
        ledger_id = self.leaves[0] if self.leaves else bytes(32)
        cosigners = [[authority, key] for authority, key, _ in others]
        fields: dict[str, Any] = {
            "version": "creditledger/entry/v1",
            "ledger_id": ledger_id,
            "authority": author[0],
            "key": author[1],
        }
        fields |= {"author_seq": seq, "author_prev": prev, "cosigners": cosigners, "not_after": self.time + HOUR}
        data = encode([*(fields | {"seen": None, "acts": [*acts]} | changes).values()])
        return data, [key.sign(data).signature for _, _, key in (author, *others)]

    def write(self, entry: bytes, signatures: list[bytes], **changes: Any) -> None:
        """Record an entry as it is, and seal it."""
        fields: dict[str, Any] = {"version": 1, "seq": len(self.leaves), "recorded_at": self.time}
        fields |= {"prev": self.leaves[-1] if self.leaves else bytes(32), "entry": entry, "signatures": signatures}
        record = encode([*(fields | changes).values()])
        self.frames.append((b"R", record))
        self.leaves.append(sha(b"\0", record))
        self.hashes.append(sha(entry))
        self.time += HOUR
        self.frames.append((b"C", note(len(self.leaves), merkle(self.leaves))))

    def add(self, signers: list[str], *acts: Any, **changes: Any) -> None:
        """Sign and record; the heads move on as section 3 says."""
        self.write(*self.entry(signers, *acts, **changes))
        author = public(signers[0].split(":")[1])
        new = [act[2] for act in acts if act[0] == "key.add/1"] + [
            k for act in acts[:1] if act[0] == "ledger.create/1" for k in act[4]
        ]
        self.heads |= dict.fromkeys(new, (0, self.leaves[-1]))
        self.heads[author] = (self.heads.get(author, (0,))[0] + 1, self.hashes[-1])

    def records(self) -> list[list[Any]]:
        return [tool.decode(payload) for kind, payload in self.frames if kind == b"R"]

    def rechain(self, records: list[list[Any]]) -> None:
        """What an operator with the log key can do: records written anew, each with its place and link, and sealed."""
        self.frames, self.leaves = [], []
        for _, _, time, _, entry, signatures in records:
            self.write(entry, signatures, recorded_at=time)

    def edit(self, number: int, field: int, change: Callable[[Any], Any], *, rechain: bool = True) -> None:
        """Change a field of a record, and either nothing else or all that the log key can put right."""
        records = self.records()
        records[number][field] = change(records[number][field])
        if rechain:
            self.rechain(records)
        else:
            self.frames[2 * number] = (b"R", encode(records[number]))

    def frame(self, number: int, change: Callable[[bytes], bytes]) -> None:
        kind, payload = self.frames[number]
        self.frames[number] = (kind, change(payload))

    def export(self) -> bytes:
        data = b"creditledger/export/v1\n"
        for kind, payload in self.frames:
            data += kind + len(payload).to_bytes(4) + payload
        end = encode([*(sum(kind == k for kind, _ in self.frames) for k in (b"R", b"C", b"P")), sha(data)])
        return data + b"E" + len(end).to_bytes(4) + end

    def trust(self) -> str:
        settings = {"format": "creditledger/trust/v1", "origin": ORIGIN, "ledger_id": self.leaves[0].hex()}
        return "".join(f'{k} = "{v}"\n' for k, v in settings.items()) + f"log_keys = {[vkey('log'), vkey('log-2')]}\n"


ROOT, ALL_ROOT = ["root:root-1", "root:root-2"], ["root:root-1", "root:root-2", "root:root-3"]
LOW, LOW_ADMIN, HIGH_ADMIN = ["low:low-act-2"], ["low:low-admin"], ["high:high-admin"]
THIRD = ["authority.register/1", "third", "Third", "act", "1", None, None, None]


# fmt: off
def create(**changes: Any) -> list[Any]:
    fields = {"origin": ORIGIN, "utc_offset": "+08:00", "log_keys": [public("log")], "root_keys": sorted(public(f"root-{n}") for n in (1, 2, 3))}
    return ["ledger.create/1", *(fields | {"threshold": 2, "rule_set": "rules-1", "rule_set_hash": RULES_HASH} | changes).values()]


def law(name: str, until: str | None = None) -> list[Any]:
    return ["law.register/1", name, "Enforcement Act", "No. 7", "Parliament", "2013-10-01", until]


def listing(subject: int = 3, area: str | None = "cn-11-01") -> list[Any]:
    return ["listing.add/1", "evaders", ["handle", bytes([subject]) * 32], "sham", "2026-01-01", "2026-01-01", None, None, area, [], [], None]


def suspend(reference: list[Any]) -> list[Any]:
    return ["listing.suspend/1", "evaders", ["handle", b"\2" * 32], reference, "2026-01-01", "2026-01-01", None]


def grant(mandate: str, authority: str, *actions: str, **changes: Any) -> list[Any]:
    fields = {"list": "evaders", "actions": [*actions], "effective": "2026-01-01", "law": "act", "article": "1", "until": None, "areas": ["cn-11"]}
    return ["mandate.grant/1", mandate, authority, *(fields | changes).values()]


def withdraw(mandate: str, effective: str = "2026-01-01") -> list[Any]:
    return ["mandate.revoke/1", mandate, effective, "Order 7"]


def key_add(authority: str, key: str, role: str = "act", until: str | None = None) -> list[Any]:
    return ["key.add/1", authority, public(key), role, until]


def key_revoke(authority: str, key: str, stands_behind: Any = None, reason: str = "retired") -> list[Any]:
    return ["key.revoke/1", authority, public(key), reason, stands_behind]


def close(authority: str, effective: str = "2026-01-01", successor: str | None = None) -> list[Any]:
    return ["authority.close/1", authority, effective, "Order 8", successor]


@functools.cache
def _built() -> Ledger:
    ledger = Ledger()
    ledger.add(ALL_ROOT, create())
    bodies = [["authority.register/1", name, name.title(), "act", "1", parent, None, None] for name, parent in (("high", None), ("low", "high"))]
    keys = [(body, f"{body}-{role}", role) for body in ("high", "low") for role in ("admin", "act")]
    ledger.add([*ROOT, *(f"{body}:{key}" for body, key, _ in keys)], law("act"), *bodies, *(key_add(*key) for key in keys))
    ledger.add(
        ROOT,
        ["ground.register/1", "sham", "Sham", "supervision", "conduct", "act", "1", None],
        ["list.define/1", "evaders", "Evaders", "supervision", "act", "1", ["sham"], ["handle"], 0, 60, 15, [], ["low"], ["high"], "none", None],
        grant("m-high", "high", "add", "correct", "delegate", "remove"),
        grant("m-catalogue", "high", "catalogue", "define", list=None, areas=[]),
        ["list.open/1", "evaders", "2026-01-01"],
    )
    ledger.add(HIGH_ADMIN, grant("m-low", "low", "add", "correct", "remove", until="2026-06-01"))
    ledger.add(["low:low-act"], listing(1), listing(2), seen=[4, merkle(ledger.leaves[:4])])
    about = ["evaders", ["handle", b"\1" * 32], [ledger.hashes[4], 0]]
    ledger.add(["low:low-act"], ["listing.correct/1", *about, "2026-01-01", "2026-01-01", None, "cn-11", [], None])
    ledger.add([*LOW_ADMIN, *LOW], key_add("low", "low-act-2", until="2026-02-01"), key_revoke("low", "low-act", [1, ledger.hashes[5]]))
    ledger.add(LOW, ["listing.remove/1", *about, "settled", "2026-01-01", "2026-01-02", None, None])
    ledger.add(["root:root-3", "root:root-1"], key_add("root", "log-2", "log"))
    ledger.add(HIGH_ADMIN, ["measure.register/1", "no-flights", "No flights", "restriction", "act", "2", "high", "air travel"])
    return ledger
# fmt: on


def good() -> Ledger:
    """Ten records: founding, bodies and keys, a list, mandates granted and delegated, a key revoked, listings."""
    ledger, built = Ledger(), _built()
    ledger.frames, ledger.leaves, ledger.hashes = [*built.frames], [*built.leaves], [*built.hashes]
    ledger.heads, ledger.time = {**built.heads}, built.time
    return ledger


@pytest.fixture(name="verify")
def _verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    def run(data: bytes, trust: str) -> dict[str, Any]:
        """Run the command on files; its report."""
        (tmp_path / "trust").write_text(trust)
        (tmp_path / "export").write_bytes(data)
        code = tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust"), "--json"])
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert report["exit"] == code
        return report

    return run


def verdict(data: bytes, ledger: Ledger) -> int:
    """The exit, without files and without the command, for many inputs."""
    keys = {(ORIGIN, key_id(name)): public(name) for name in ("log", "log-2")}
    verifier = tool.Verifier(tool.Row(origin=ORIGIN, ledger_id=(ledger.leaves or _built().leaves)[0], keys=keys))
    try:
        verifier.run(io.BytesIO(data))
    except tool.Fault as fault:
        verifier.note(verifier.size, *fault.args)
    except ValueError:
        assert not data.startswith(b"creditledger/export/v1\n")
        return 1
    assert verifier.size <= len(ledger.leaves) + 2
    return int(verifier.report()["exit"])


# The vectors of the specification.


@pytest.mark.parametrize("item", vectors("codec.json"), ids=lambda item: item["desc"])
def test_codec_vectors(item: dict[str, Any]) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return {"bin": value.hex()}
        return [plain(element) for element in value] if isinstance(value, list) else value

    if item["ok"]:
        assert plain(tool.decode(bytes.fromhex(item["hex"]))) == item["value"]
    else:
        with pytest.raises(tool.Fault, match="LED-ENC"):
            tool.decode(bytes.fromhex(item["hex"]))


def test_value_vectors() -> None:
    kinds = {"identifier": "id", "text": "text60", "utc-offset": "offset"}
    judged = set()
    for item in vectors("values.json"):
        judged.add(item["kind"])
        if "ok" in item:
            assert tool.fits(kinds.get(item["kind"], item["kind"]), item["value"]) == item["ok"], item
        elif item["kind"] == "day-at":
            assert tool.civil_day(*item["arguments"]) == item["result"], item
        elif item["kind"] == "day-number":
            assert tool.civil_day(item["result"] * 24 * HOUR, "+00:00") == item["arguments"][0], item
    unused = {"add-months"}  # Only the terms of listings need it, which the verifier says that it does not check.
    assert judged - unused == {
        "identifier",
        "text",
        "date",
        "utc-offset",
        "uscc",
        "lei",
        "host",
        "day-at",
        "day-number",
    }


@pytest.mark.parametrize("item", vectors("entries.json"), ids=lambda item: item["desc"])
def test_entry_vectors(item: dict[str, Any]) -> None:
    found = None
    try:
        if "entry_hex" in item:
            found = "LED-VERSION" if tool.read_entry(bytes.fromhex(item["entry_hex"])).unknown else None
        else:
            tool.read_array("record", 1, 65_535, bytes.fromhex(item["record_hex"]))
    except tool.Fault as fault:
        found = fault.args[0]
    assert found == {None: None, "FormatError": "LED-ENC", "UnsupportedError": "LED-VERSION"}[item["error_class"]]


@pytest.mark.parametrize("item", vectors("ed25519.json"), ids=lambda item: item["desc"])
def test_signature_vectors(item: dict[str, Any]) -> None:
    key, valid = b"\1" + bytes.fromhex(item["public_key"]), True
    try:
        tool.check_signature("LED-SIG", key, bytes.fromhex(item["message"]), bytes.fromhex(item["signature"]))
    except tool.Fault:
        valid = False
    assert valid == item["valid"]
    assert (len(key) == 33 and tool.is_prime_order(key[1:])) == item["key_ok"]


def judged(item: dict[str, Any], tmp_path: Path) -> int:
    """The verdict on a name, key, trust file or checkpoint."""

    def trusted(text: str) -> int:
        (tmp_path / "trust").write_text(text, encoding="utf-8")
        try:
            tool.read_trust(str(tmp_path / "trust"))
        except tool.Fault as fault:
            return {"LED-VERSION": 13}.get(fault.args[0], 3)
        except (ValueError, RecursionError):
            return 1
        return 0

    match item["kind"]:
        case "origin" | "name":
            return int(not tool.fits({"origin": "name255", "name": "keyname"}[item["kind"]], item["name"]))
        case "vkey":
            return trusted(good().trust().partition("log_keys")[0] + f"log_keys = {json.dumps([item['vkey']])}\n")
        case "trust":
            return trusted(item["trust"])
    key = base64.b64decode(item["vkey"].split("+", 2)[2])
    keys = {(item["origin"], sha(item["origin"].encode(), b"\n", key)[:4]): key}
    try:
        tool.read_checkpoint(bytes.fromhex(item["note_hex"]), tool.Row(origin=item["origin"], keys=keys))
    except tool.Fault as fault:
        return {"LED-CKPT": 3}.get(fault.args[0], 13)
    return 0


@pytest.mark.parametrize(
    "item",
    [item for item in vectors("notes.json") if item["kind"] != "export"],
    ids=lambda item: f"{item['kind']}: {item['desc']}",
)
def test_note_vectors(item: dict[str, Any], tmp_path: Path) -> None:
    assert judged(item, tmp_path) == item["exit"]


@pytest.mark.parametrize(
    "item", [item for item in vectors("notes.json") if item["kind"] == "export"], ids=lambda item: item["desc"]
)
def test_export_vectors(item: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "export").write_bytes(bytes.fromhex(item["export_hex"]))
    (tmp_path / "trust").write_text(item["trust"], encoding="utf-8")
    code = tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust"), "--json"])
    printed = capsys.readouterr().out
    assert code == item["exit"], printed
    if code != 1:
        found = set(json.loads(printed)["findings"])
        assert found <= set(item["findings"]), printed
        assert bool(found) == (code != 0)


def test_the_tables_are_those_of_the_specification() -> None:
    text = (SPECIFICATION / "format-v1.md").read_text()

    def words(kind: str) -> str:
        """A kind in the words of section 7.1, in those of the verifier."""
        if kind.startswith("nil or "):
            return "?" + words(kind.removeprefix("nil or "))
        if m := re.fullmatch(r"sorted array of (\d+) to (\d+): (.*)", kind):
            return f"{words(m[3])}{{{m[1]}..{m[2]}}}"
        if kind.startswith("one of "):
            return "|".join(re.findall("`([a-z_]+)`", kind))
        kind = re.sub(r"(text|log name), 1 to (\d+) bytes", r"\1\2", kind).replace("log name", "name")
        kind = re.sub(r"integer (\d+) to (\d+)", r"int\1-\2", kind).replace("int0-9007199254740991", "int")
        names = {"identifier": "id", "UTC offset": "offset", "key (33 bytes)": "key", "act reference": "ref"}
        names |= {"[label, commitment]": "commitment", "[author_seq, entry hash]": "mark"}
        return names.get(kind, re.sub(r"(\d+) bytes", r"bytes\1", kind))

    acts = re.findall(r"#### `([a-z._/0-9]+)`\n(.*?)(?=\n####|<!-- END)", text, flags=re.DOTALL)
    rows = {name: re.findall(r"\| \d+ \| `(\w+)` \| (.*?) \| .*? \|\n", body) for name, body in acts}
    table = {name: [[field, words(kind)] for field, kind in fields] for name, fields in rows.items()}
    assert {name: tool.FIELDS[name] for name in tool.ACT_TYPES} == table
    assert tool.FORBIDDEN + "." in text
    assert tool.AT_NO_END + "." in text
    assert {"rules-1": RULES_HASH.hex()} == tool.RULE_SETS


def test_worked_example_of_the_specification(verify: Verify) -> None:
    text = (SPECIFICATION / "format-v1.md").read_text()
    ledger = Ledger()
    for block in re.findall(r"^record \d:\n((?:  [0-9a-f]+\n)+)", text, flags=re.MULTILINE):
        record = bytes.fromhex(re.sub(r"\s", "", block))
        ledger.frames.append((b"R", record))
        ledger.leaves.append(sha(b"\0", record))
    [signed], [key] = (
        re.findall(r"checkpoint of size 2:\n\n```\n(.*?)```", text, re.DOTALL),
        re.findall("log vkey: (.*)", text),
    )
    ledger.frames.append((b"C", signed.encode()))
    trust = ledger.trust().replace(ORIGIN, key.split("+")[0])
    report = verify(ledger.export(), re.sub(r"log_keys = .*", f'log_keys = ["{key}"]', trust))
    assert (report["exit"], report["records"], report["findings"]) == (0, 2, {})


# Ledgers that are as they should be.


def test_a_good_ledger_verifies(verify: Verify) -> None:
    ledger = good()
    report = verify(ledger.export(), ledger.trust())
    assert (report["exit"], report["findings"], report["records"], report["checkpoints"]) == (0, {}, 10, 10)
    assert (report["root"], report["entries judged up to record"]) == (merkle(ledger.leaves).hex(), 9)


def test_roots_of_every_size() -> None:
    ledger = good()
    for n in range(30):
        ledger.add(HIGH_ADMIN, law(f"act-{n}"))
    assert verdict(ledger.export(), ledger) == 0  # Each record is followed by a checkpoint with its root.


def test_what_is_lawful_beyond_it(verify: Verify) -> None:
    """A revocation brought forward, a transcript, bodies that close with an heir or get one, a log key changed."""
    ledger = good()
    ledger.add(HIGH_ADMIN, withdraw("m-low", "2026-05-01"))
    ledger.add(HIGH_ADMIN, withdraw("m-low", "2026-03-01"))
    ledger.add(LOW, listing(3))
    copy = [
        "list.define/1",
        "copy",
        "Copy",
        "supervision",
        "act",
        "1",
        ["sham"],
        ["handle"],
        0,
        60,
        15,
        [],
        [],
        [],
        "none",
        "Court",
    ]
    ledger.add(
        [*ROOT, "fourth:new"],
        ["authority.register/1", "fourth", *THIRD[2:]],
        key_add("fourth", "new"),
        key_revoke("fourth", "new"),
    )
    ledger.add(
        [*ROOT, "root:root-4"],
        key_add("root", "root-4", "root"),
        key_revoke("root", "root-1", reason="compromised"),
        key_revoke("root", "root-2"),
    )
    root = ["root:root-3", "root:root-4"]
    ledger.add(
        root, copy, grant("m-copy", "low", "transcribe", list="copy"), ["list.open/1", "copy", "2026-01-01"], THIRD
    )
    ledger.add(LOW, ["listing.add/1", "copy", *listing(4)[2:]])
    ledger.add([*root, "third:third-admin"], key_add("third", "third-admin", "admin"))
    ledger.add(LOW_ADMIN, key_revoke("low", "low-act", [0, ledger.hashes[4]], "compromised"))
    ledger.add(LOW_ADMIN, key_revoke("low", "low-act", None, "compromised"))
    ledger.add(HIGH_ADMIN, close("low", "2026-01-09"))
    ledger.add([*HIGH_ADMIN, "third:third-admin"], close("low", "2026-01-02", "third"))
    ledger.add(root, close("third", "2026-01-02"))
    ledger.time += 48 * HOUR
    ledger.add(root, close("third", "2026-01-09", "high"))
    ledger.add(root, key_revoke("root", "log"))
    ledger.add(root, law("new-act"))
    ledger.frames[-1] = (b"C", note(len(ledger.leaves), merkle(ledger.leaves), key="log-2"))
    report = verify(ledger.export(), ledger.trust())
    assert (report["exit"], report["findings"]) == (0, {})


def test_what_is_not_checked_is_said_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verify: Verify
) -> None:
    ledger = good()
    for data in (ledger.export(), ledger.export()[:-1]):
        verify(data, ledger.trust())
        tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")])
        _, _, printed = capsys.readouterr().out.partition("NOT CHECKED: ")
        assert all(
            name in printed for name in ("R-INDEPENDENT", "LED-HEAD", "LED-STATE", "LED-CONTENT", "ML-DSA", "witness")
        )


# Attacks. Exit, a finding and the record it names, and what is done to a good ledger of ten records: frame 2n is record n,
# frame 2n + 1 its checkpoint.
# fmt: off
ATTACKS: dict[str, tuple[int, str, int, *tuple[Callable[[Ledger], Any], ...]]] = {
    "a bit of a signature flipped": (3, "LED-SIG", 4, lambda log: log.frame(8, lambda p: p[:-1] + bytes([p[-1] ^ 1]))),
    "two records swapped": (3, "LED-CHAIN", 3, lambda log: log.frames.__setitem__(slice(6, 10), log.frames[8:10] + log.frames[6:8])),
    "a record dropped": (3, "LED-CHAIN", 4, lambda log: log.frames.__delitem__(slice(8, 10))),
    "a record twice": (3, "LED-CHAIN", 5, lambda log: log.frames.__setitem__(slice(10, 10), log.frames[8:10])),
    "a record twice, re-chained by the log": (3, "LED-AUTHOR", 5, lambda log: log.rechain([*log.records()[:5], *log.records()[4:]])),
    "a record dropped, re-chained by the log": (3, "LED-AUTHOR", 4, lambda log: log.rechain([*log.records()[:4], *log.records()[5:]])),
    "the author of the dropped record silenced, too": (3, "LED-RULE", 4, lambda log: log.rechain([r for n, r in enumerate(log.records()) if n not in (4, 5)])),
    "a time edited": (3, "LED-TREE", 5, lambda log: log.edit(5, 2, lambda t: t + 1, rechain=False)),
    "a time edited, re-chained by the log": (3, "LED-SEEN", 4, lambda log: log.edit(3, 2, lambda t: t + 1)),
    "a time of founding edited, re-chained by the log": (3, "LED-LEDGER", 0, lambda log: log.edit(0, 2, lambda t: t - 1)),
    "a time before that of the record before": (3, "LED-TIME", 9, lambda log: log.edit(9, 2, lambda t: t - 2 * HOUR)),
    "a time after not_after": (3, "LED-TIME", 9, lambda log: log.edit(9, 2, lambda t: t + 2 * HOUR)),
    "the tail cut off below its checkpoint": (3, "LED-HEAD", 9, lambda log: log.frames.__delitem__(slice(17, 19))),
    "the last checkpoint cut off": (4, "LED-UNSEALED", 9, lambda log: log.frames.pop()),
    "a countersignature stripped": (3, "LED-SIG", 6, lambda log: log.edit(6, 5, lambda s: s[:1])),
    "countersignatures exchanged": (3, "LED-SIG", 6, lambda log: log.edit(6, 5, lambda s: s[::-1])),
    "a countersignature too many": (3, "LED-SIG", 9, lambda log: log.edit(9, 5, lambda s: s * 2)),
    "a retired key": (3, "LED-KEY", 10, lambda log: log.add(["low:low-act"], listing())),
    "an unknown key": (3, "LED-KEY", 10, lambda log: log.add(["low:stranger"], listing())),
    "a key of another authority": (3, "LED-KEY", 10, lambda log: log.add(["high:low-act-2"], listing())),
    "a log key under an entry": (3, "LED-KEY", 10, lambda log: log.add(["root:log"], listing())),
    "an unknown cosigner": (3, "LED-KEY", 10, lambda log: log.add([*LOW, "low:stranger"], listing())),
    "a key that adds itself": (3, "LED-KEY", 10, lambda log: log.add(["low:new", *LOW_ADMIN], key_add("low", "new"))),
    "an entry of another ledger": (3, "LED-LEDGER", 10, lambda log: log.add(LOW, listing(), ledger_id=sha(b"another"))),
    "a number skipped": (3, "LED-AUTHOR", 10, lambda log: log.add(LOW, listing(), author_seq=2)),
    "a number used again": (3, "LED-AUTHOR", 10, lambda log: log.add(LOW, listing(), author_seq=0)),
    "another entry before": (3, "LED-AUTHOR", 10, lambda log: log.add(LOW, listing(), author_prev=sha(b"another"))),
    "an entry moved from another branch": (3, "LED-SEEN", 10, lambda log: log.add(LOW, listing(), seen=[9, sha(b"another branch")])),
    "more seen than there is": (3, "LED-SEEN", 10, lambda log: log.add(LOW, listing(), seen=[11, merkle(log.leaves)])),
    "less seen than before": (3, "LED-SEEN", 11, lambda log: log.add(LOW, listing(3), seen=[9, merkle(log.leaves[:9])]), lambda log: log.add(LOW, listing(4), seen=[8, merkle(log.leaves[:8])])),
    "a checkpoint with a wrong signature": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: p.replace(b"\n10\n", b"\n9\n"))),
    "a checkpoint by an unknown key": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: note(10, merkle(log.leaves), key="stranger"))),
    "a checkpoint of another origin": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: note(10, merkle(log.leaves), origin="x"))),
    "a checkpoint with an extension line": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: p.replace(b"\n10\n", b"\n10\nmore\n"))),
    "a checkpoint signed twice by one key": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: p + p.split(b"\n\n")[1])),
    "a checkpoint with a size of two forms": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: p.replace(b"\n10\n", b"\n010\n"))),
    "a checkpoint that is not UTF-8": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: p + b"\xe2\x80\x94 \xff AAAAAAA=\n")),
    "a checkpoint with another root": (3, "LED-TREE", 9, lambda log: log.frame(19, lambda p: note(10, sha(b"another tree")))),
    "two checkpoints of one size": (3, "LED-STRUCT", 10, lambda log: log.frames.append((b"C", note(10, sha(b"another tree"))))),
    "a checkpoint out of place": (3, "LED-CKPT", 9, lambda log: log.frames.insert(17, log.frames.pop(18))),
    "a checkpoint of nothing": (3, "LED-STRUCT", 0, lambda log: log.frames.insert(0, (b"C", note(0, sha())))),
    "a checkpoint by a key not yet added": (3, "LED-KEY", 0, lambda log: log.frame(1, lambda p: note(1, merkle(log.leaves[:1]), key="log-2"))),
    "a checkpoint by a key revoked before": (3, "LED-KEY", 11, lambda log: log.add(ROOT, key_revoke("root", "log")), lambda log: log.add(LOW, listing())),
    "a malformed act": (3, "LED-ENC", 10, lambda log: log.add(LOW, listing()[:-1])),
    "a record in another encoding": (3, "LED-ENC", 9, lambda log: log.frame(18, lambda p: p.replace(b"\x96\1\t", b"\x96\1\xcc\t"))),
    "an unknown act type": (13, "LED-VERSION", 10, lambda log: log.add(LOW, ["listing.add/2", "evaders"])),
    "an unknown version of the entry": (13, "LED-VERSION", 10, lambda log: log.add(LOW, listing(), version="creditledger/entry/v2")),
    "an unknown version of the record": (13, "LED-VERSION", 10, lambda log: log.write(*log.entry(LOW, listing()), version=2)),
    "an unknown rule set": (13, "LED-VERSION", 10, lambda log: log.add(ROOT, ["rules.activate/1", "rules-2", bytes(32)])),
    "an alteration behind an unknown version": (3, "LED-CHAIN", 11, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.write(*log.entry(LOW, listing()), prev=bytes(32))),
    "a checkpoint before its size": (3, "LED-CKPT", 4, lambda log: log.frame(9, lambda p: note(8, merkle(log.leaves[:8])))),
    "a root of no tree before its size": (3, "LED-CKPT", 4, lambda log: log.frame(9, lambda p: note(8, sha()))),
    "a checkpoint of an impossible size": (3, "LED-CKPT", 9, lambda log: log.frame(19, lambda p: note(2**53, sha()))),
    "a second signature, by a trusted key that is none of the log": (3, "LED-KEY", 0, lambda log: log.frame(1, lambda p: p + note(1, merkle(log.leaves[:1]), key="log-2").split(b"\n\n")[1])),
    "a malformed record behind an unknown type": (3, "LED-ENC", 11, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.add(LOW, listing()[:-1])),
    "an unknown type beside a malformed act": (3, "LED-ENC", 10, lambda log: log.add(LOW, ["listing.add/2"], listing()[:-1])),
    "a wrong signature under an unknown type": (3, "LED-SIG", 10, lambda log: log.write(log.entry(LOW, ["listing.add/2"])[0], [bytes(64)])),
    "a wrong signature behind an unknown type": (3, "LED-SIG", 11, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.write(log.entry(LOW, listing())[0], [bytes(64)])),
    "a signature missing behind an unknown version": (3, "LED-SIG", 11, lambda log: log.write(*log.entry(LOW, listing()), version=2), lambda log: log.write(log.entry([*LOW, *LOW_ADMIN], listing())[0], [bytes(64)])),
    "a time before, behind an unknown version": (3, "LED-TIME", 11, lambda log: log.write(*log.entry(LOW, listing()), version=2), lambda log: log.write(*log.entry(LOW, listing()), recorded_at=START)),
    "expired under an unknown type": (3, "LED-TIME", 10, lambda log: log.add(LOW, ["listing.add/2"], not_after=log.time - 1)),
    "expired behind an unknown rule set": (3, "LED-TIME", 11, lambda log: log.add(ROOT, ["rules.activate/1", "rules-2", bytes(32)]), lambda log: log.add(LOW, listing(), not_after=log.time - 1)),
    "another ledger behind an unknown type": (3, "LED-LEDGER", 11, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.add(LOW, listing(), ledger_id=sha())),
    "another tree seen behind an unknown type": (3, "LED-SEEN", 11, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.add(LOW, listing(), seen=[9, sha()])),
    "what nobody can judge behind an unknown type": (13, "LED-VERSION", 10, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.add(["low:stranger"], listing())),
    "an unknown rule set after what root may not do": (3, "LED-RULE", 10, lambda log: log.add(ROOT, listing(), ["rules.activate/1", "rules-2", bytes(32)])),
    "what root may not do after an unknown rule set": (13, "LED-VERSION", 10, lambda log: log.add(ROOT, ["rules.activate/1", "rules-2", bytes(32)], listing())),
    "a root behind an unknown version": (3, "LED-TREE", 10, lambda log: log.add(LOW, ["listing.add/2"]), lambda log: log.frame(21, lambda p: note(11, sha()))),
}
# fmt: on


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str, verify: Verify) -> None:
    code, finding, record, *steps = ATTACKS[name]
    ledger = good()
    for step in steps:
        step(ledger)
    report = verify(ledger.export(), good().trust())
    assert report["exit"] == code, report
    assert report["findings"][finding]["record"] == record, report
    assert report["first bad record"] == (record if code == 3 else None)
    assert report["NOT CHECKED"]


# What the rules forbid, recorded all the same: the rule, and the entries, of which the last is the forbidden one.
# fmt: off
RULES: dict[str, tuple[str, list[tuple[list[str], *tuple[Any, ...]]]]] = {
    "a listing on a list that is none": ("R-UNKNOWN", [(LOW, ["listing.add/1", "other", *listing()[2:]])]),
    "a listing without a mandate": ("R-MANDATE", [(LOW, ["listing.annul/1", "evaders", ["handle", bytes(32)], [bytes(32), 0], "listed_in_error", "2026-01-01", None])]),
    "a listing outside the area": ("R-MANDATE-AREA", [(LOW, listing(area="cn-1101"))]),
    "a listing without area": ("R-MANDATE-AREA", [(LOW, listing(area=None))]),
    "a listing moved out of the area": ("R-MANDATE-AREA", [(LOW, ["listing.correct/1", "evaders", ["handle", b"\2" * 32], [_built().hashes[4], 1], "2026-01-01", "2026-01-01", None, "cn-12", [], None])]),
    "a listing elsewhere removed": ("R-MANDATE-AREA", [(ROOT, grant("m-new", "high", "suspend", areas=["cn-11-01-1"])), (["high:high-act"], suspend([_built().hashes[4], 1]))]),
    "a listing by an admin key": ("R-ROLE", [(LOW_ADMIN, listing())]),
    "a listing by root": ("R-ROLE", [(ROOT, listing())]),
    "a file cited without a mandate": ("R-MANDATE", [(HIGH_ADMIN, withdraw("m-low")), (LOW, ["source.cite/1", "evaders", "f", bytes(32), 1, "2026-01-01"])]),
    "a listing on another list": ("R-MANDATE", [(ROOT, ["list.define/1", "others", "Others", "supervision", "act", "1", ["sham"], ["handle"], 0, 60, 15, [], [], [], "none", None]), (LOW, ["listing.add/1", "others", *listing()[2:]])]),
    "a mandate revoked, then used": ("R-MANDATE", [(HIGH_ADMIN, withdraw("m-low")), (LOW, listing())]),
    "root below its threshold": ("R-ADMIN", [(ROOT[:1], THIRD)]),
    "root below its threshold with an admin beside it": ("R-ADMIN", [([*ROOT[:1], *HIGH_ADMIN], THIRD)]),
    "a body under a parent that is none": ("parent open", [(ROOT, [*THIRD[:5], "nobody", None, None])]),
    "a body under root": ("parent open", [(ROOT, [*THIRD[:5], "root", None, None])]),
    "a body called root": ("R-ID-TAKEN", [(ROOT, ["authority.register/1", "root", *THIRD[2:]])]),
    "a body registered twice": ("R-ID-TAKEN", [(ROOT, ["authority.register/1", "low", *THIRD[2:]])]),
    "a body registered by a stranger": ("R-ADMIN", [(LOW_ADMIN, THIRD)]),
    "a body founded on a law that is none": ("R-LEGAL-BASIS", [(ROOT, [*THIRD[:3], "no-act", *THIRD[4:]])]),
    "a key added by a body below": ("R-ADMIN", [([*LOW_ADMIN, "high:new"], key_add("high", "new"))]),
    "a key added by an act key": ("R-ADMIN", [([*LOW, "low:new"], key_add("low", "new"))]),
    "a key without its holder": ("R-KEY-POSSESSION", [(LOW_ADMIN, key_add("low", "new"))]),
    "a key for a body that is none": ("authority open", [([*ROOT, "nobody:new"], key_add("nobody", "new"))]),
    "a key for a body that the next act registers": ("authority open", [([*ROOT, "third:new"], key_add("third", "new"), THIRD)]),
    "a root key that counts itself": ("R-ADMIN", [([*ROOT[:1], "root:new"], key_add("root", "new", "root"))]),
    "a mandate passed on after its end": ("delegated", [(ROOT, withdraw("m-high")), (HIGH_ADMIN, grant("m-new", "low", "add"))]),
    "a mandate from above the parent": ("R-ADMIN", [(ROOT, [*THIRD[:5], "low", None, None]), (HIGH_ADMIN, grant("m-new", "third", "add"))]),
    "a key for a closed body": ("authority open", [(HIGH_ADMIN, close("low")), (ROOT, key_add("low", "new"))]),
    "a key in a second role": ("R-KEY-UNIQUE", [([*LOW_ADMIN, *LOW], key_add("low", "low-act-2", "admin"))]),
    "a revoked key again": ("R-KEY-UNIQUE", [(LOW_ADMIN, key_add("low", "low-act"))]),
    "a log key of mixed order": ("R-KEY-FORM", [(ROOT, ["key.add/1", "root", MIXED, "log", None])]),
    "a root key for a body": ("R-ROLE", [([*LOW_ADMIN, "low:new"], key_add("low", "new", "root"))]),
    "an act key for root": ("R-ROLE", [([*ROOT, "root:new"], key_add("root", "new"))]),
    "a root key with an end": ("R-ROLE", [([*ROOT, "root:new"], key_add("root", "new", "root", "2027-01-01"))]),
    "a key revoked twice": ("R-KEY-REVOKED", [(LOW_ADMIN, key_revoke("low", "low-act"))]),
    "a key revoked as lost after it was retired": ("R-KEY-REVOKED", [(LOW_ADMIN, ["key.revoke/1", "low", public("low-act"), "lost", [1, _built().hashes[5]]])]),
    "a compromised key answered for further": ("R-KEY-REVOKED", [(LOW_ADMIN, key_revoke("low", "low-act", [0, _built().hashes[4]], "compromised")), (LOW_ADMIN, key_revoke("low", "low-act", [1, _built().hashes[5]], "compromised"))]),
    "a compromised key answered for as before": ("R-KEY-REVOKED", [(LOW_ADMIN, key_revoke("low", "low-act", None, "compromised")), (LOW_ADMIN, key_revoke("low", "low-act", None, "compromised"))]),
    "an heir exchanged by the parent": ("R-CONSENT", [(ROOT, THIRD, close("low", "2026-03-01", "third")), (HIGH_ADMIN, close("low", "2026-02-01", "high"))]),
    "an heir forgotten by the parent": ("R-CONSENT", [(ROOT, close("low", "2026-03-01", "high")), (HIGH_ADMIN, close("low", "2026-02-01"))]),
    "a key revoked under another body": ("R-UNKNOWN", [(ROOT, key_revoke("high", "low-act-2"))]),
    "a key revoked by a body below": ("R-ADMIN", [(LOW_ADMIN, key_revoke("high", "high-act"))]),
    "root keys revoked below the threshold": ("R-KEY-REVOKED", [(ROOT, key_revoke("root", "root-1", reason="compromised"), key_revoke("root", "root-2"))]),
    "the last log key revoked": ("R-KEY-REVOKED", [(ROOT, key_revoke("root", "log"), key_revoke("root", "log-2"))]),
    "an answer for an entry of another key": ("R-KEY-STANDS", [(LOW_ADMIN, key_revoke("low", "low-act-2", [0, _built().hashes[5]]))]),
    "a retired key whose last entry is not answered for": ("R-KEY-STANDS", [(LOW_ADMIN, key_revoke("low", "low-act-2"))]),
    "a retired key that is answered for in part": ("R-KEY-STANDS", [(LOW, listing()), (LOW_ADMIN, key_revoke("low", "low-act-2", [0, _built().hashes[7]]))]),
    "an answer for an entry to come": ("R-KEY-STANDS", [(LOW_ADMIN, key_revoke("low", "low-act-2", [1, bytes(32)]))]),
    "a mandate for itself": ("R-SELF", [(HIGH_ADMIN, grant("m-new", "high", "add"))]),
    "a mandate for those above": ("R-SELF", [(LOW_ADMIN, grant("m-new", "high", "add"))]),
    "a mandate twice": ("R-ID-TAKEN", [(ROOT, grant("m-low", "low", "add"))]),
    "a mandate on a list that is none": ("R-UNKNOWN", [(ROOT, grant("m-new", "low", "add", list="other"))]),
    "more actions passed on": ("delegated", [(HIGH_ADMIN, grant("m-new", "low", "annul"))]),
    "the power to delegate passed on": ("delegated", [(HIGH_ADMIN, grant("m-new", "low", "delegate"))]),
    "more areas passed on": ("delegated", [(HIGH_ADMIN, grant("m-new", "low", "add", areas=["cn"]))]),
    "every area passed on": ("delegated", [(HIGH_ADMIN, grant("m-new", "low", "add", areas=[]))]),
    "an earlier day passed on": ("delegated", [(HIGH_ADMIN, grant("m-new", "low", "add", effective="2025-01-01"))]),
    "a later end passed on": ("delegated", [(ROOT, grant("m-new", "high", "annul", "delegate", until="2027-01-01")), (HIGH_ADMIN, grant("m-newer", "low", "annul", until="2027-01-02"))]),
    "two mandates passed on as one": ("delegated", [(ROOT, grant("m-new", "high", "annul", "delegate")), (HIGH_ADMIN, grant("m-newer", "low", "add", "annul"))]),
    "a mandate on the catalogue to list": ("R-MANDATE", [(ROOT, grant("m-new", "low", "add", list=None, areas=[]))]),
    "a mandate that ends before it begins": ("R-MANDATE-TERM", [(ROOT, grant("m-new", "low", "add", until="2026-01-01"))]),
    "a mandate that is none revoked": ("R-UNKNOWN", [(ROOT, withdraw("m-none"))]),
    "a mandate revoked twice": ("R-MANDATE-TERM", [(ROOT, *(withdraw("m-low", day) for day in ("2026-01-01", "2025-01-01")))]),
    "a mandate's end put off": ("R-MANDATE-TERM", [(ROOT, *(withdraw("m-low", day) for day in ("2026-03-01", "2026-04-01")))]),
    "a mandate revoked by its holder": ("R-ADMIN", [(LOW_ADMIN, withdraw("m-low"))]),
    "a body closed by itself": ("R-ADMIN", [(LOW_ADMIN, close("low"))]),
    "a closed body closed again": ("authority open", [(HIGH_ADMIN, close("low")), (HIGH_ADMIN, close("low", "2026-02-01"))]),
    "a closed body without an heir given none": ("authority open", [(HIGH_ADMIN, close("low")), (ROOT, close("low", "2026-02-01"))]),
    "a closing put off": ("R-AUTHORITY-CLOSED", [(HIGH_ADMIN, close("low", "2026-03-01")), (HIGH_ADMIN, close("low", "2026-04-01"))]),
    "a closing repeated": ("R-AUTHORITY-CLOSED", [(HIGH_ADMIN, close("low", "2026-03-01")), (HIGH_ADMIN, close("low", "2026-03-01"))]),
    "root closed": ("authority open", [(ROOT, close("root", successor="high"))]),
    "a body that succeeds itself": ("R-SELF", [(ROOT, close("low", successor="low"))]),
    "a successor that was not asked": ("R-CONSENT", [(ROOT, THIRD), (HIGH_ADMIN, close("low", successor="third"))]),
    "a successor that consents by a key just added": ("R-CONSENT", [(ROOT, THIRD, grant("m-new", "high", "add")), ([*ROOT, "third:new"], key_add("third", "new", "admin")), (ROOT, key_revoke("third", "new")), ([*HIGH_ADMIN], close("low", successor="third"))]),
    "a ground without power over the catalogue": ("R-MANDATE", [(LOW_ADMIN, ["ground.register/1", "late", "Late", "restriction", "conduct", "act", "1", None])]),
    "a list opened without power over it": ("R-MANDATE", [(LOW_ADMIN, ["list.open/1", "evaders", "2026-01-01"])]),
    "a second founding": ("R-GENESIS", [(ROOT, create())]),
    "another text of the rule set": ("R-RULE-SET", [(ROOT, ["rules.activate/1", "rules-1", bytes(32)])]),
    "a rule set by less than the threshold": ("R-ROOT", [(ROOT[:1], ["rules.activate/1", "rules-2", bytes(32)])]),
    "the rule set in force once more": ("R-RULE-SET", [(ROOT, ["rules.activate/1", "rules-1", RULES_HASH])]),
}
# fmt: on


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, verify: Verify) -> None:
    rule, entries = RULES[name]
    ledger = good()
    ledger.time += 24 * HOUR
    for signers, *acts in entries:
        ledger.add(signers, *acts)
    report = verify(ledger.export(), ledger.trust())
    assert report["exit"] == 3
    assert list(report["findings"]) == ["LED-RULE"]
    assert report["first bad record"] == len(ledger.leaves) - 1, report
    assert rule in report["findings"]["LED-RULE"]["expected"], report


@pytest.mark.parametrize(("days", "finding"), [(30, None), (31, "LED-KEY"), (180, "LED-KEY")])
def test_last_day_of_a_key(days: int, finding: str | None, verify: Verify) -> None:
    """`until` is 2026-02-01, a civil day at +08:00, which begins at 16:00 UTC of the day before."""
    ledger = good()
    ledger.time = START + days * 24 * HOUR + 15 * HOUR
    ledger.add(LOW, listing())
    assert list(verify(ledger.export(), ledger.trust())["findings"]) == ([finding] if finding else [])
    ledger = good()
    ledger.time = START + days * 24 * HOUR + 16 * HOUR
    ledger.add(LOW, listing())
    assert list(verify(ledger.export(), ledger.trust())["findings"]) == ["LED-KEY"]


@pytest.mark.parametrize("ending", [{"until": "2026-01-03"}, {"law": "brief"}, {"effective": "2026-01-03"}])
def test_days_of_a_mandate(ending: dict[str, str], verify: Verify) -> None:
    """A mandate holds from its first day on, as long as it runs and its law is in force."""
    for days, begun in ((0, "effective" not in ending), (1, "effective" not in ending), (2, "effective" in ending)):
        ledger = good()
        ledger.add(ROOT, law("brief", until="2026-01-03"), grant("m-new", "low", "suspend", **ending))
        ledger.time = START + days * 24 * HOUR + 15 * HOUR
        ledger.add(LOW, suspend([ledger.hashes[4], 1]))
        report = verify(ledger.export(), ledger.trust())
        assert report["findings"].get("LED-RULE", {}).get("expected", "") == ("" if begun else "R-ROLE: act; R-MANDATE")


def test_key_of_a_closed_body(verify: Verify) -> None:
    ledger = good()
    ledger.add(HIGH_ADMIN, close("low"))
    ledger.add(LOW, listing())
    assert verify(ledger.export(), ledger.trust())["findings"]["LED-KEY"]["record"] == 11


@pytest.mark.parametrize(
    ("signers", "changes"),
    [
        (ROOT, {}),
        (ALL_ROOT, {"threshold": 4}),
        ([*ALL_ROOT, "root:root-4"], {}),
        ([*ROOT, "high:root-3"], {}),
        (ALL_ROOT, {"log_keys": [public("root-1")]}),
        (ALL_ROOT, {"log_keys": [MIXED]}),
    ],
    ids=["a signer missing", "threshold too high", "a signer too many", "not under root", "key twice", "mixed order"],
)
def test_founding(signers: list[str], changes: dict[str, Any], verify: Verify) -> None:
    ledger = Ledger()
    ledger.add(signers, create(**changes))
    report = verify(ledger.export(), ledger.trust())
    assert (report["exit"], report["findings"]["LED-RULE"]["record"]) == (3, 0)


def test_founding_under_another_origin(verify: Verify) -> None:
    ledger = Ledger()
    ledger.add(ALL_ROOT, create(origin="test.example/other"))
    assert verify(ledger.export(), ledger.trust())["findings"]["LED-LEDGER"]["record"] == 0


def test_founding_that_is_none(verify: Verify) -> None:
    for acts, code in (
        ([THIRD], 3),
        ([create(), THIRD], 3),
        ([create(rule_set_hash=bytes(32))], 3),
        ([create(rule_set="rules-2")], 13),
    ):
        ledger = Ledger()
        ledger.add(ALL_ROOT, *acts)
        assert verify(ledger.export(), ledger.trust())["exit"] == code


# Files that are not what they should be.


def test_wrong_trust(verify: Verify) -> None:
    ledger = good()
    other = ledger.trust().replace(ledger.leaves[0].hex(), sha(b"another").hex())
    assert verify(ledger.export(), other)["findings"]["LED-LEDGER"]["record"] == 0
    other = re.sub("log_keys = .*", f"log_keys = ['{vkey('another')}']", ledger.trust())
    assert verify(ledger.export(), other)["findings"]["LED-CKPT"]["record"] == 0


def test_trust_in_a_key_of_another_name(verify: Verify) -> None:
    """Section 12.2: the verifier may have reason to accept one; a checkpoint that it signed beside the log stands."""
    other, ledger = "witness.example", good()
    mark = sha(other.encode(), b"\n", public("witness"))[:4]
    trust = ledger.trust().replace(
        "log_keys = [", f"log_keys = ['{other}+{mark.hex()}+{base64.b64encode(public('witness')).decode()}', "
    )
    assert verify(ledger.export(), trust)["exit"] == 0
    text, lines = ledger.frames[1][1].split(b"\n\n")
    code = base64.b64encode(mark + secret("witness").sign(text + b"\n").signature).decode()
    ledger.frames[1] = (b"C", text + b"\n\n" + lines + f"\u2014 {other} {code}\n".encode())
    assert verify(ledger.export(), trust)["findings"]["LED-KEY"]["record"] == 0  # It never was a key of the ledger.
    assert verify(ledger.export(), ledger.trust())["exit"] == 0


def test_file_cut_anywhere() -> None:
    ledger = good()
    data = ledger.export()
    assert {verdict(data[:size], ledger) for size in range(len(data) - 60, len(data))} == {3}
    assert {verdict(data[:size], ledger) for size in {*range(23, 200), *range(200, len(data), 61)}} == {3}
    assert {verdict(data[:size], ledger) for size in range(23)} == {1}


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"R\0\0\0\0", b"E\0\0\0\0"])
def test_trailing_bytes(tail: bytes, verify: Verify) -> None:
    report = verify(good().export() + tail, good().trust())
    assert (report["exit"], list(report["findings"])) == (3, ["LED-STRUCT"])


def test_another_version_of_the_export(verify: Verify) -> None:
    assert verify(good().export().replace(b"export/v1", b"export/v2", 1), good().trust())["exit"] == 13


@pytest.mark.parametrize(
    "frame",
    [(b"R", bytes(65_536)), (b"C", bytes(65_536)), (b"X", b""), (b"P", bytes(1_153_435))],
    ids=["R", "C", "X", "P"],
)
def test_frames_that_are_none(frame: tuple[bytes, bytes], verify: Verify) -> None:
    ledger = good()
    ledger.frames.append(frame)
    assert list(verify(ledger.export(), ledger.trust())["findings"]) == ["LED-STRUCT"]


def test_frames_out_of_order_or_count(verify: Verify) -> None:
    ledger = good()
    data, (kind, payload) = ledger.export(), ledger.frames[-1]
    end = encode([10, 11, 0, sha(data[:-47])])
    assert "LED-STRUCT" in verify(data[:-47] + b"E" + len(end).to_bytes(4) + end, ledger.trust())["findings"]
    ledger.frames[-1:] = [(b"P", b"\xc0"), (kind, payload)]
    assert "LED-STRUCT" in verify(ledger.export(), ledger.trust())["findings"]
    ledger.frames = []
    assert "LED-STRUCT" in verify(ledger.export(), good().trust())["findings"]


def test_every_byte_flipped() -> None:
    """No byte of a record or checkpoint can be changed, even if the export around it is put right."""
    ledger = Ledger()
    ledger.add(ALL_ROOT, create())
    ledger.add(ROOT, law("act"), seen=[1, merkle(ledger.leaves)])
    assert verdict(ledger.export(), ledger) == 0
    for n, (kind, payload) in enumerate(ledger.frames):
        for place in range(len(payload)):
            ledger.frames[n] = (kind, payload[:place] + bytes([payload[place] ^ 1 << place % 8]) + payload[place + 1 :])
            assert verdict(ledger.export(), ledger) in (3, 13)
        ledger.frames[n] = (kind, payload)


def values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=40) | st.binary(max_size=70)
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=11), max_leaves=25)


def depth(value: Any) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@settings(max_examples=150, deadline=None)
@given(value=values())
def test_the_two_encoders_agree(value: Any) -> None:
    if depth(value) <= 8:
        assert tool.decode(encode(value)) == value
    else:
        with pytest.raises(tool.Fault):
            tool.decode(encode(value))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_nothing_makes_it_crash(data: st.DataObject) -> None:
    """Well-encoded nonsense at any place of a good ledger: a verdict, never another exception."""
    ledger = good()
    act = [data.draw(st.sampled_from(sorted(tool.ACT_TYPES))), *data.draw(st.lists(values(), max_size=9))]
    changed = st.dictionaries(st.sampled_from(["seen", "cosigners", "not_after", "author_prev", "key"]), values())
    signers = data.draw(st.sampled_from([ROOT, LOW, HIGH_ADMIN]))
    entry, signatures = ledger.entry(signers, act, **data.draw(changed))
    ledger.write(
        entry, signatures, **data.draw(st.dictionaries(st.sampled_from(["seq", "recorded_at", "prev"]), values()))
    )
    junk = st.binary(max_size=80) | values().map(encode)
    ledger.frames.append((data.draw(st.sampled_from([b"C", b"R", b"P"])), data.draw(junk)))
    assert verdict(ledger.export(), ledger) in (3, 13)
    assert verdict(data.draw(st.binary(max_size=200)), ledger) == 1
    assert verdict(b"creditledger/export/v1\n" + data.draw(st.binary(max_size=200)), ledger) == 3


UNUSABLE: dict[str, Callable[[str], str]] = {
    "empty": lambda trust: "",
    "deep": lambda trust: "a = " + "[" * 60_000,
    "not TOML": lambda trust: "\0",
    "a setting more": lambda trust: trust + "more = 1",
    "a setting twice": lambda trust: trust + 'origin = "twice"',
    "a setting less": lambda trust: trust.split("\n", 1)[1],
    "too long": lambda trust: trust + "#" * 70_000,
    "a version that is none": lambda trust: trust.replace("trust/v1", "trust/v01"),
    "no keys": lambda trust: re.sub("log_keys = .*", "log_keys = []", trust),
    "a key of no form": lambda trust: re.sub("log_keys = .*", 'log_keys = ["x"]', trust),
    "a key id of another name": lambda trust: trust.replace("['test", "['rest"),
    "keys that are a number": lambda trust: re.sub("log_keys = .*", "log_keys = 7", trust),
    "a key that is a number": lambda trust: re.sub("log_keys = .*", "log_keys = [7]", trust),
    "a key twice": lambda trust: re.sub(r"log_keys = \[('.*?'), .*", r"log_keys = [\1, \1]", trust),
    "a short ledger id": lambda trust: re.sub('ledger_id = "..', 'ledger_id = "', trust),
    "a ledger id that is a number": lambda trust: re.sub("ledger_id = .*", f"ledger_id = {'1' * 64}", trust),
    "an origin that is no name": lambda trust: trust.replace(ORIGIN, "a b"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_trust(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trust").write_text(UNUSABLE[name](good().trust()))
    (tmp_path / "export").write_bytes(good().export())
    assert tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")]) == 1
    assert "cannot verify" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["export", "trust"])
def test_what_is_no_file_is_named(missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trust").write_text(good().trust())
    (tmp_path / "export").write_bytes(good().export())
    (tmp_path / missing).unlink()
    (tmp_path / missing).mkdir()
    assert tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")]) == 1
    assert f"{tmp_path / missing} is no regular file" in capsys.readouterr().err


def test_unusable_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trust").write_text(good().trust())
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        assert tool.main([str(path), "--trust", str(tmp_path / "trust")]) == 1
        assert tool.main([str(tmp_path / "trust"), "--trust", str(path)]) == 1
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit) as stopped:
        tool.main([])
    assert stopped.value.code == 2


def test_what_a_ledger_holds_does_not_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verify: Verify
) -> None:
    ledger = good()
    ledger.frames[1] = (b"C", note(1, merkle(ledger.leaves[:1]), origin="\u202e\U0001f600" * 60))
    assert verify(ledger.export(), ledger.trust())["exit"] == 3
    tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")])
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert printed.replace("\n", "").isprintable()


def test_it_can_be_read_in_one_sitting_and_needs_nothing_of_the_package() -> None:
    text = Path(tool.__file__).read_text()
    assert text.count("\n") <= 500
    lines = re.findall(r"^ *(?:import|from) ([\w, ]+)", text, flags=re.MULTILINE)
    imported = {name.split()[0] for line in lines for name in line.split(" import ")[0].split(",")}
    assert imported - sys.stdlib_module_names == {"msgpack", "nacl"}


def test_a_missing_package_is_named_without_a_traceback(tmp_path: Path) -> None:
    for name in ("msgpack", "nacl"):
        blocked = f"import sys; sys.modules[{name!r}] = None; sys.argv = ['x', '--help']; import runpy; runpy.run_path({tool.__file__!r})"
        done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("cannot verify: ")
        assert name in done.stderr
        assert "Traceback" not in done.stderr


def test_what_is_printed_is_written_for_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verify: Verify
) -> None:
    ledger = good()
    ledger.frames[19] = (b"C", note(10, sha(b"another tree")))
    ledger.add(["low:low-act"], listing())
    ledger.frames.insert(20, (b"R", encode([1, 10, 0, bytes(32), b"", []])))
    report = verify(ledger.export(), ledger.trust())
    tree = report["findings"]["LED-TREE"]
    assert (tree["expected"], tree["found"]) == (sha(b"another tree").hex(), merkle(ledger.leaves[:10]).hex())
    tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")])
    printed = capsys.readouterr().out
    assert f"LED-TREE at record 9: root of size 10: expected {tree['expected']}; found {tree['found']}\n" in printed
    assert not re.search(r"[{}]|b'|namespace\(", printed.partition("NOT CHECKED")[0])


def test_the_act_that_breaks_a_rule_is_shown_by_its_fields(verify: Verify) -> None:
    ledger = good()
    ledger.add(LOW_ADMIN, THIRD)
    found = verify(ledger.export(), ledger.trust())["findings"]["LED-RULE"]["found"]
    assert (
        found
        == "authority.register/1, authority third, name Third, law act, article 1, parent nil, area nil, identity nil"
    )


CONTENT, NONCE = b"He hid the car.", bytes(32)
COMMITMENT, ABOUT = sha(b"\2", NONCE, CONTENT), ["handle", b"\7" * 32]
# fmt: off
ITEMS: dict[str, tuple[int, Any]] = {
    "as committed to": (0, ["evaders", ABOUT, COMMITMENT, NONCE, CONTENT]),
    "about somebody else": (3, ["evaders", ["handle", b"\6" * 32], COMMITMENT, NONCE, CONTENT]),
    "on another list": (3, ["others", ABOUT, COMMITMENT, NONCE, CONTENT]),
    "altered": (3, ["evaders", ABOUT, COMMITMENT, NONCE, b"She hid the car."]),
    "never committed to": (3, ["evaders", ABOUT, sha(b"\2", NONCE, b""), NONCE, b""]),
    "erased": (3, ["evaders", ABOUT, sha(b"\2", NONCE, b"old"), NONCE, b"old"]),
    "a field less": (3, ["evaders", ABOUT, COMMITMENT, NONCE]),
    "a short nonce": (3, ["evaders", ABOUT, COMMITMENT, NONCE[1:], CONTENT]),
    "content that is text": (3, ["evaders", ABOUT, COMMITMENT, NONCE, "He hid the car."]),
    "a list that is none": (3, ["Evaders", ABOUT, COMMITMENT, NONCE, CONTENT]),
    "a subject that is none": (3, ["evaders", ["handle", b""], COMMITMENT, NONCE, CONTENT]),
    "too large": (3, ["evaders", ABOUT, COMMITMENT, NONCE, bytes(1_048_577)]),
}
# fmt: on


@pytest.mark.parametrize("name", ITEMS)
def test_content(name: str, verify: Verify) -> None:
    code, item = ITEMS[name]
    ledger = good()
    old = sha(b"\2", NONCE, b"old")
    ledger.add(ROOT, grant("m-new", "low", "erase"))
    ledger.add(LOW, [*listing(7)[:10], sorted([["a", COMMITMENT], ["b", old]]), None])
    ledger.add(LOW, ["content.erase/1", "evaders", ABOUT, [old], "2026-01-01", "act", "1"])
    if name == "too large":
        item[4] = bytes(1_048_577)
        payload = encode(item[:4])[1:]
        payload = b"\x95" + payload + b"\xc6" + len(item[4]).to_bytes(4) + item[4]
    else:
        payload = encode(item)
    ledger.frames.append((b"P", payload))
    report = verify(ledger.export(), ledger.trust())
    assert (report["exit"], list(report["findings"])) == (code, ["LED-CONTENT"] if code else []), report


def test_content_of_acts_that_were_not_judged_is_no_evidence(verify: Verify) -> None:
    ledger = good()
    ledger.add(LOW, ["listing.add/2"])
    ledger.add(LOW, [*listing(7)[:10], [["a", COMMITMENT]], None])
    ledger.frames.append((b"P", encode(["evaders", ABOUT, COMMITMENT, NONCE, CONTENT])))
    assert verify(ledger.export(), ledger.trust())["exit"] == 13
    ledger.frames[-1] = (b"P", encode(["evaders", ABOUT, COMMITMENT, NONCE, b""]))
    assert verify(ledger.export(), ledger.trust())["exit"] == 3


def test_the_verdict_stands_when_nobody_reads_it(tmp_path: Path) -> None:
    (tmp_path / "trust").write_text(good().trust())
    (tmp_path / "export").write_bytes(good().export()[:-1])
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, tool.__file__, str(tmp_path / "export"), "--trust", str(tmp_path / "trust")]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")
