"""The verifier in tools/ against the specification's vectors, and against ledgers built and attacked here.

Nothing of the package is imported: the ledgers are encoded, signed and hashed by the few functions below, written from
the specification like the verifier itself, so the two can disagree.
"""

import base64
import functools
import hashlib
import importlib.util
import io
import json
import os
import re
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
Signers = list[tuple[str, SigningKey]]


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
        short, heads = (31, b"\xd9\xda\xdb") if isinstance(value, str) else (-1, b"\xc4\xc5\xc6")
        if len(data) <= short:
            return bytes([0xA0 + len(data)]) + data
        width = 0 if len(data) < 2**8 else 1 if len(data) < 2**16 else 2
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


def key_id(key: bytes) -> bytes:
    return sha(ORIGIN.encode(), b"\n", key)[:4]


class Ledger:
    """A ledger as its operator would write it, with every means to write it wrongly."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []
        self.leaves: list[bytes] = []
        self.heads: dict[bytes, tuple[int, bytes]] = {}
        self.hashes: list[bytes] = []
        self.time = START

    def entry(self, signers: list[str], acts: list[Any], **changes: Any) -> tuple[bytes, list[bytes]]:
        """An entry signed by `authority:key` names, the author first, and its signatures."""
        author, *others = [(s.split(":")[0], public(s.split(":")[1]), secret(s.split(":")[1])) for s in signers]
        others.sort(key=lambda o: o[:2])
        seq, prev = self.heads.get(author[1], (0, bytes(32)))
        fields = {
            "version": "creditledger/entry/v1",
            "ledger_id": self.leaves[0] if self.leaves else bytes(32),
            "authority": author[0],
            "key": author[1],
            "author_seq": seq,
            "author_prev": prev,
            "cosigners": [[authority, key] for authority, key, _ in others],
            "not_after": self.time + 24 * HOUR,
            "seen": None,
            "acts": acts,
        }
        data = encode([(fields | changes)[name] for name in fields])
        return data, [key.sign(data).signature for _, _, key in (author, *others)]

    def write(self, entry: bytes, signatures: list[bytes], *, seal: bool = True, **changes: Any) -> None:
        """Record an entry as it is, and seal it."""
        fields = {
            "version": 1,
            "seq": len(self.leaves),
            "recorded_at": self.time,
            "prev": self.leaves[-1] if self.leaves else bytes(32),
            "entry": entry,
            "signatures": signatures,
        }
        record = encode([(fields | changes)[name] for name in fields])
        self.frames.append((b"R", record))
        self.leaves.append(sha(b"\0", record))
        self.hashes.append(sha(entry))
        self.time += HOUR
        if seal:
            self.seal()

    def add(self, signers: list[str], *acts: Any, **changes: Any) -> None:
        """Sign and record; the heads move on as section 3 says."""
        entry, signatures = self.entry(signers, list(acts), **changes)
        self.write(entry, signatures)
        new = [act[2] for act in acts if act[0] == "key.add/1"]
        self.heads |= dict.fromkeys([*new, *(acts[0][4] if acts[0][0] == "ledger.create/1" else [])], (0, self.leaves[-1]))
        author = public(signers[0].split(":")[1])
        seq = self.heads[author][0] if len(self.leaves) > 1 else 0
        self.heads[author] = (seq + 1, self.hashes[-1])

    def seal(self, size: int | None = None, root: bytes | None = None, key: str = "log", origin: str = ORIGIN) -> None:
        size = len(self.leaves) if size is None else size
        self.frames.append((b"C", note(size, root or merkle(self.leaves[:size]), key, origin)))

    def export(self) -> bytes:
        data = b"creditledger/export/v1\n"
        for kind, payload in self.frames:
            data += kind + len(payload).to_bytes(4) + payload
        counts = [sum(kind == k for kind, _ in self.frames) for k in (b"R", b"C", b"P")]
        end = encode([*counts, sha(data)])
        return data + b"E" + len(end).to_bytes(4) + end

    def trust(self) -> str:
        keys = [f"{ORIGIN}+{key_id(public(k)).hex()}+{base64.b64encode(public(k)).decode()}" for k in ("log", "log-2")]
        ledger_id = self.leaves[0].hex()
        return f'format = "creditledger/trust/v1"\norigin = "{ORIGIN}"\nledger_id = "{ledger_id}"\nlog_keys = {keys}\n'


def note(size: int, root: bytes, key: str = "log", origin: str = ORIGIN) -> bytes:
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    line = base64.b64encode(key_id(public(key)) + secret(key).sign(text.encode()).signature).decode()
    return f"{text}\n\u2014 {ORIGIN} {line}\n".encode()


ROOT = ["root:root-1", "root:root-2"]
HANDLE = ["handle", bytes(range(32))]


def create(**changes: Any) -> list[Any]:
    roots = sorted(public(f"root-{n}") for n in (1, 2, 3))
    fields = {
        "origin": ORIGIN,
        "utc_offset": "+08:00",
        "log_keys": [public("log")],
        "root_keys": roots,
        "threshold": 2,
        "rule_set": "rules-1",
        "rule_set_hash": RULES_HASH,
    }
    return ["ledger.create/1", *(fields | changes).values()]


def listing(subject: int, area: str | None = "cn-11-01") -> list[Any]:
    handle = ["handle", bytes([subject]) * 32]
    return ["listing.add/1", "evaders", handle, "sham", "2026-01-01", "2026-01-01", None, None, area, [], [], None]


def grant(mandate: str, authority: str, actions: list[str], **changes: Any) -> list[Any]:
    fields = {"list": "evaders", "actions": actions, "effective": "2026-01-01", "law": "act", "article": "1"}
    return ["mandate.grant/1", mandate, authority, *(fields | {"until": None, "areas": ["cn-11"]} | changes).values()]


@functools.cache
def _built() -> tuple[Any, ...]:
    ledger = Ledger()
    ledger.add([*ROOT, "root:root-3"], create())
    bodies = [["authority.register/1", b, b.title(), "act", "1", p, None, None] for b, p in (("high", None), ("low", "high"))]
    keys = [["key.add/1", b, public(f"{b}-{r}"), r, None] for b in ("high", "low") for r in ("admin", "act")]
    holders = [f"{b}:{b}-{r}" for b in ("high", "low") for r in ("admin", "act")]
    law = ["law.register/1", "act", "Enforcement Act", "No. 7", "Parliament", "2013-10-01", None]
    ledger.add([*ROOT, *holders], law, *bodies, *keys)
    ledger.add(
        ROOT,
        ["ground.register/1", "sham", "Sham", "restriction", "conduct", "act", "1", None],
        ["list.define/1", "evaders", "Evaders", "restriction", "act", "1", ["sham"], ["handle", "uscc"], 0, 60, 15]
        + [[], ["low"], ["high"], "none", None],
        grant("m-high", "high", ["add", "correct", "delegate", "remove"]),
        grant("m-catalogue", "high", ["catalogue", "define"], list=None, areas=[]),
        ["list.open/1", "evaders", "2026-01-01"],
    )
    delegated = grant("m-low", "low", ["add", "correct", "remove"], until="2026-06-01")
    ledger.add(["high:high-admin"], delegated)
    ledger.add(["low:low-act"], listing(1), listing(2), seen=[4, merkle(ledger.leaves[:4])])
    reference = [ledger.hashes[4], 0]
    correct = ["listing.correct/1", "evaders", ["handle", b"\1" * 32], reference, "2026-01-01", "2026-01-01", None, "cn-11"]
    ledger.add(["low:low-act"], [*correct, [], None])
    ledger.add(
        ["low:low-admin", "low:low-act-2"],
        ["key.add/1", "low", public("low-act-2"), "act", "2026-02-01"],
        ["key.revoke/1", "low", public("low-act"), "superseded", [1, ledger.hashes[5]]],
    )
    remove = ["listing.remove/1", "evaders", ["handle", b"\1" * 32], reference, "settled", "2026-01-01", "2026-01-02"]
    ledger.add(["low:low-act-2"], [*remove, None, None])
    ledger.add(["root:root-3", "root:root-1"], ["key.add/1", "root", public("log-2"), "log", None])
    measure = ["measure.register/1", "no-flights", "No flights", "restriction", "act", "2", "high", "air travel"]
    ledger.add(["high:high-admin"], measure)
    return ledger.frames, ledger.leaves, ledger.heads, ledger.hashes, ledger.time


def good() -> Ledger:
    """Ten records: founding, bodies and keys, a list, mandates granted and delegated, a key revoked, listings."""
    ledger = Ledger()
    frames, leaves, heads, hashes, ledger.time = _built()
    ledger.frames, ledger.leaves, ledger.heads, ledger.hashes = [*frames], [*leaves], {**heads}, [*hashes]
    return ledger


def judge(data: bytes, trust: str, path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Run the command on files; its report."""
    (path / "trust").write_text(trust)
    (path / "export").write_bytes(data)
    code = tool.main([str(path / "export"), "--trust", str(path / "trust"), "--json"])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["exit"] == code
    assert report["NOT CHECKED"]
    return report


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
    seen = set()
    for item in vectors("values.json"):
        seen.add(item["kind"])
        if "ok" in item:
            assert tool.fits(kinds.get(item["kind"], item["kind"]), item["value"]) == item["ok"], item
        elif item["kind"] == "day-at":
            assert tool.civil_day(*item["arguments"]) == item["result"], item
        elif item["kind"] == "day-number":
            assert tool.civil_day(item["result"] * 24 * HOUR, "+00:00") == item["arguments"][0], item
    unused = {"add-months"}  # Only the terms of listings need it, which the verifier says that it does not check.
    assert seen - unused == {"identifier", "text", "date", "utc-offset", "uscc", "lei", "host", "day-at", "day-number"}


@pytest.mark.parametrize("item", vectors("entries.json"), ids=lambda item: item["desc"])
def test_entry_vectors(item: dict[str, Any]) -> None:
    finding = {None: None, "FormatError": "LED-ENC", "UnsupportedError": "LED-VERSION"}[item["error_class"]]
    try:
        if "entry_hex" in item:
            tool.read_entry(bytes.fromhex(item["entry_hex"]))
        else:
            tool.read_array("record", 1, 65_535, bytes.fromhex(item["record_hex"]))
    except tool.Fault as fault:
        assert fault.args[0] == finding
    else:
        assert item["ok"]


@pytest.mark.parametrize("item", vectors("ed25519.json"), ids=lambda item: item["desc"])
def test_signature_vectors(item: dict[str, Any]) -> None:
    key = b"\1" + bytes.fromhex(item["public_key"])
    message, signature = bytes.fromhex(item["message"]), bytes.fromhex(item["signature"])
    assert (len(key) == 33 and tool.is_prime_order(key[1:])) == item["key_ok"]
    try:
        tool.check_signature("LED-SIG", key, message, signature)
    except tool.Fault:
        assert not item["valid"]
    else:
        assert item["valid"]


def test_the_tables_are_those_of_the_specification() -> None:
    text = (SPECIFICATION / "format-v1.md").read_text()

    def words(kind: str) -> str:
        """A kind in the words of section 7.1, in the verifier's."""
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

    acts = dict(re.findall(r"#### `([a-z._/0-9]+)`\n(.*?)(?=\n####|<!-- END)", text, flags=re.DOTALL))
    table = {
        name: [[field, words(kind)] for field, kind in re.findall(r"\| \d+ \| `(\w+)` \| (.*?) \| .*? \|\n", body)]
        for name, body in acts.items()
    }
    assert {name: tool.FIELDS[name] for name in tool.ACT_TYPES} == table
    for points in (tool.FORBIDDEN, tool.AT_NO_END):
        assert points + "." in text


def test_the_rule_set_is_the_published_text() -> None:
    assert tool.RULE_SETS == {"rules-1": RULES_HASH.hex()}


def test_worked_example_of_the_specification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (SPECIFICATION / "format-v1.md").read_text()
    blocks = re.findall(r"^record \d:\n((?:  [0-9a-f]+\n)+)", text, flags=re.MULTILINE)
    signed = re.search(r"checkpoint of size 2:\n\n```\n(.*?)```", text, flags=re.DOTALL)
    vkey = re.search("log vkey: (.*)", text)
    assert signed is not None
    assert vkey is not None
    ledger = Ledger()
    for block in blocks:
        record = bytes.fromhex(block.replace("\n", "").replace(" ", ""))
        ledger.frames.append((b"R", record))
        ledger.leaves.append(sha(b"\0", record))
    ledger.frames.append((b"C", signed[1].encode()))
    trust = re.sub('origin = ".*"', f'origin = "{vkey[1].split("+")[0]}"', ledger.trust())
    report = judge(ledger.export(), re.sub(r"log_keys = .*", f'log_keys = ["{vkey[1]}"]', trust), tmp_path, capsys)
    assert (report["exit"], report["records"], report["findings"]) == (0, 2, {})


@pytest.mark.parametrize("size", range(1, 20))
def test_the_tree_is_that_of_rfc_9162(size: int) -> None:
    leaves = [sha(bytes([n])) for n in range(size)]
    verifier = tool.Verifier(tool.Row(ledger_id=b"", keys={}, origin=""))
    for leaf in leaves:
        verifier.grow(leaf)
    assert verifier.roots == [merkle(leaves[:n]) for n in range(size + 1)]


def test_a_good_ledger_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    report = judge(ledger.export(), ledger.trust(), tmp_path, capsys)
    assert (report["exit"], report["findings"], report["records"], report["checkpoints"]) == (0, {}, 10, 10)
    assert report["root"] == merkle(ledger.leaves).hex()


def test_what_is_not_checked_is_said_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    (tmp_path / "trust").write_text(ledger.trust())
    for data in (ledger.export(), ledger.export()[:-1]):
        (tmp_path / "export").write_bytes(data)
        tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")])
        printed = capsys.readouterr().out
        for word in ("R-TERM" if False else "R-INDEPENDENT", "LED-HEAD", "LED-STATE", "LED-CONTENT", "ML-DSA", "witness"):
            assert f"{word}" in printed.partition("NOT CHECKED")[2]


Attack = Callable[[Ledger], None]
ATTACKS: dict[str, tuple[Attack, int, str, int | None]] = {}


def attack(code: int, finding: str, record: int | None = None) -> Callable[[Attack], Attack]:
    """What is done to a good ledger of ten records, the exit, one finding, and the record that it names."""

    def register(function: Attack) -> Attack:
        ATTACKS[function.__name__] = (function, code, finding, record)
        return function

    return register


def rechain(ledger: Ledger, records: list[list[Any]], *, key: str = "log") -> None:
    """Write decoded records anew, each with its place and link, sealed by a log key."""
    ledger.frames, ledger.leaves = [], []
    for _, _, time, _, entry, signatures in records:
        ledger.write(entry, signatures, seal=False, recorded_at=time)
        ledger.seal(key=key)


def decoded(ledger: Ledger) -> list[list[Any]]:
    return [tool.decode(payload) for kind, payload in ledger.frames if kind == b"R"]


@attack(3, "LED-SIG", 4)
def flip_in_a_signature(ledger: Ledger) -> None:
    payload = bytearray(ledger.frames[8][1])
    payload[-1] ^= 1
    ledger.frames[8] = (b"R", bytes(payload))


@attack(3, "LED-CHAIN", 3)
def swap(ledger: Ledger) -> None:
    ledger.frames[6], ledger.frames[8] = ledger.frames[8], ledger.frames[6]


@attack(3, "LED-CHAIN", 4)
def drop(ledger: Ledger) -> None:
    del ledger.frames[8:10]


@attack(3, "LED-CHAIN", 5)
def duplicate(ledger: Ledger) -> None:
    ledger.frames[10:10] = ledger.frames[8:10]


@attack(3, "LED-TREE", 4)
def drop_and_rechain_under_the_old_checkpoints(ledger: Ledger) -> None:
    records, seals = decoded(ledger), [payload for kind, payload in ledger.frames if kind == b"C"]
    rechain(ledger, records[:4] + records[5:])
    ledger.frames = [frame for n in range(9) for frame in ((b"R", ledger.frames[2 * n][1]), (b"C", seals[n]))]


@attack(3, "LED-AUTHOR", 4)
def drop_and_rechain_with_the_log_key(ledger: Ledger) -> None:
    records = decoded(ledger)
    rechain(ledger, records[:4] + records[5:])


@attack(3, "LED-SEEN", 4)
def time_edited_and_rechained_with_the_log_key(ledger: Ledger) -> None:
    records = decoded(ledger)
    records[3][2] += 1
    rechain(ledger, records)


@attack(3, "LED-CHAIN", 6)
def time_edited(ledger: Ledger) -> None:
    record = decoded(ledger)[5]
    record[2] += 1
    ledger.frames[10] = (b"R", encode(record))


@attack(3, "LED-TIME", 10)
def time_runs_backwards(ledger: Ledger) -> None:
    ledger.time -= 3 * HOUR
    ledger.add(["low:low-act-2"], listing(3))


@attack(3, "LED-TIME", 10)
def recorded_after_its_not_after(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], listing(3), not_after=ledger.time - 1)


@attack(3, "LED-HEAD", 9)
def tail_cut_off_below_its_checkpoint(ledger: Ledger) -> None:
    del ledger.frames[18]


@attack(4, "LED-UNSEALED", 9)
def last_checkpoint_cut_off(ledger: Ledger) -> None:
    del ledger.frames[19]


@attack(3, "LED-SIG", 6)
def countersignature_stripped(ledger: Ledger) -> None:
    records = decoded(ledger)
    del records[6][5][1]
    rechain(ledger, records)


@attack(3, "LED-SIG", 6)
def countersignatures_exchanged(ledger: Ledger) -> None:
    records = decoded(ledger)
    records[6][5].reverse()
    rechain(ledger, records)


@attack(3, "LED-KEY", 10)
def retired_key(ledger: Ledger) -> None:
    ledger.add(["low:low-act"], listing(3))


@attack(3, "LED-KEY", 10)
def key_after_its_last_day(ledger: Ledger) -> None:
    ledger.time = START + 32 * 24 * HOUR
    ledger.add(["low:low-act-2"], listing(3))


@attack(3, "LED-KEY", 10)
def unknown_key(ledger: Ledger) -> None:
    ledger.add(["low:stranger"], listing(3))


@attack(3, "LED-KEY", 10)
def key_of_another_authority(ledger: Ledger) -> None:
    ledger.add(["high:low-act-2"], listing(3))


@attack(3, "LED-KEY", 10)
def log_key_signs_an_entry(ledger: Ledger) -> None:
    ledger.add(["root:log"], listing(3))


@attack(3, "LED-KEY", 10)
def unknown_cosigner(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2", "low:stranger"], listing(3))


@attack(3, "LED-LEDGER", 10)
def entry_of_another_ledger(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], listing(3), ledger_id=sha(b"another"))


@attack(3, "LED-AUTHOR", 10)
def entry_recorded_twice(ledger: Ledger) -> None:
    entry, signatures = ledger.entry(["low:low-act-2"], [listing(3)])
    ledger.write(entry, signatures)
    ledger.write(entry, signatures)
    del ledger.frames[20:22], ledger.leaves[10]
    ledger.add(["low:low-act-2"], listing(3), author_seq=0)


@attack(3, "LED-SEEN", 10)
def entry_moved_from_another_branch(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], listing(3), seen=[9, sha(b"another branch")])


@attack(3, "LED-SEEN", 10)
def seen_beyond_the_log(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], listing(3), seen=[11, merkle(ledger.leaves)])


@attack(3, "LED-CKPT", 9)
def checkpoint_with_a_wrong_signature(ledger: Ledger) -> None:
    ledger.frames[19] = (b"C", note(10, merkle(ledger.leaves)).replace(b"\n10\n", b"\n9\n"))


@attack(3, "LED-CKPT", 9)
def checkpoint_by_an_unknown_key(ledger: Ledger) -> None:
    ledger.frames[19] = (b"C", note(10, merkle(ledger.leaves), key="stranger"))


@attack(3, "LED-CKPT", 9)
def checkpoint_of_another_origin(ledger: Ledger) -> None:
    ledger.frames[19] = (b"C", note(10, merkle(ledger.leaves), origin="test.example/other"))


@attack(3, "LED-CKPT", 9)
def checkpoint_with_a_line_too_many(ledger: Ledger) -> None:
    ledger.frames[19] = (b"C", ledger.frames[19][1].replace(b"\n10\n", b"\n10\nextension\n"))


@attack(3, "LED-TREE", 9)
def checkpoint_with_another_root(ledger: Ledger) -> None:
    ledger.frames[19] = (b"C", note(10, sha(b"another tree")))


@attack(3, "LED-CKPT", 9)
def two_checkpoints_of_one_size(ledger: Ledger) -> None:
    ledger.seal(root=sha(b"another tree"))


@attack(3, "LED-STRUCT", 9)
def checkpoint_not_after_its_record(ledger: Ledger) -> None:
    ledger.frames[17], ledger.frames[18] = ledger.frames[18], ledger.frames[17]


@attack(3, "LED-KEY", 0)
def checkpoint_by_a_key_not_yet_added(ledger: Ledger) -> None:
    ledger.frames[1] = (b"C", note(1, merkle(ledger.leaves[:1]), key="log-2"))


@attack(3, "LED-KEY", 11)
def checkpoint_by_a_key_revoked_before(ledger: Ledger) -> None:
    ledger.add(ROOT, ["key.revoke/1", "root", public("log"), "compromised", None])
    ledger.add(["low:low-act-2"], listing(3))


@attack(13, "LED-VERSION", 10)
def unknown_act_type(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], ["listing.add/2", "evaders"])


@attack(13, "LED-VERSION", 10)
def unknown_entry_version(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], listing(3), version="creditledger/entry/v2")


@attack(13, "LED-VERSION", 10)
def unknown_record_version(ledger: Ledger) -> None:
    entry, signatures = ledger.entry(["low:low-act-2"], [listing(3)])
    ledger.write(entry, signatures, version=2)


@attack(13, "LED-VERSION", 10)
def unknown_rule_set(ledger: Ledger) -> None:
    ledger.add(ROOT, ["rules.activate/1", "rules-2", bytes(32)])


@attack(3, "LED-CHAIN", 11)
def alteration_hidden_behind_an_unknown_version(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], ["listing.add/2", "evaders"])
    entry, signatures = ledger.entry(["low:low-act-2"], [listing(3)])
    ledger.write(entry, signatures, prev=bytes(32))


@attack(3, "LED-ENC", 10)
def malformed_act(ledger: Ledger) -> None:
    ledger.add(["low:low-act-2"], listing(3)[:-1])


@attack(3, "LED-ENC", 10)
def noncanonical_record(ledger: Ledger) -> None:
    entry, signatures = ledger.entry(["low:low-act-2"], [listing(3)])
    ledger.write(entry, signatures, seal=False)
    ledger.frames[-1] = (b"R", ledger.frames[-1][1].replace(b"\x96\x01\x0a", b"\x96\x01\xcc\x0a"))


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    function, code, finding, record = ATTACKS[name]
    ledger = good()
    trust = ledger.trust()
    function(ledger)
    report = judge(ledger.export(), trust, tmp_path, capsys)
    assert report["exit"] == code, report["findings"]
    assert report["findings"][finding]["record"] == record
    assert report["first bad record"] == (record if code == 3 else None)


def refused(rule: str, signers: list[str], *acts: Any, **changes: Any) -> tuple[str, list[str], tuple[Any, ...], dict[str, Any]]:
    return rule, signers, acts, changes


def revoke(key: str, authority: str = "root", stands: Any = None) -> list[Any]:
    return ["key.revoke/1", authority, public(key), "retired", stands]


MIXED = b"\1" + bytes.fromhex("ea5ef8400c31ef41e28f22e718b43f66981b29cf645af2a0e223799bedaace47")
BODY = ["authority.register/1", "third", "Third", "act", "1", None, None, None]
RULES = {
    "a listing without a mandate": refused("R-MANDATE", ["high:high-act"], ["appeal.withdraw/1", "evaders", HANDLE, [bytes(32), 0], "2026-01-01"]),
    "a listing outside the area": refused("R-MANDATE-AREA", ["low:low-act-2"], listing(3, "cn-1101")),
    "a listing without area": refused("R-MANDATE-AREA", ["low:low-act-2"], listing(3, None)),
    "a listing by an admin key": refused("R-ROLE", ["low:low-admin"], listing(3)),
    "a listing by root": refused("R-ROLE", ROOT, listing(3)),
    "a listing on a list that is none": refused("R-UNKNOWN", ["low:low-act-2"], ["listing.add/1", "other", *listing(3)[2:]]),
    "root below its threshold": refused("R-ADMIN", ROOT[:1], BODY),
    "a body under a parent that is none": refused("parent", ROOT, [*BODY[:5], "nobody", None, None]),
    "a body called root": refused("R-ID-TAKEN", ROOT, ["authority.register/1", "root", *BODY[2:]]),
    "a body registered twice": refused("R-ID-TAKEN", ROOT, ["authority.register/1", "low", *BODY[2:]]),
    "a body registered by a stranger": refused("R-ADMIN", ["low:low-admin"], BODY),
    "a law that is none": refused("R-LEGAL-BASIS", ROOT, [*BODY[:3], "no-act", *BODY[4:]]),
    "a key added by another branch": refused("R-ADMIN", ["low:low-admin", "high:new"], ["key.add/1", "high", public("new"), "act", None]),
    "a key added by an act key": refused("R-ADMIN", ["low:low-act-2", "low:new"], ["key.add/1", "low", public("new"), "act", None]),
    "a key without its holder": refused("R-KEY-POSSESSION", ["low:low-admin"], ["key.add/1", "low", public("new"), "act", None]),
    "a key in a second role": refused("R-KEY-UNIQUE", ["low:low-admin"], ["key.add/1", "low", public("low-act-2"), "admin", None]),
    "a revoked key again": refused("R-KEY-UNIQUE", ["low:low-admin"], ["key.add/1", "low", public("low-act"), "act", None]),
    "a log key of mixed order": refused("R-KEY-FORM", ROOT, ["key.add/1", "root", MIXED, "log", None]),
    "a root key for a body": refused("R-ROLE", ["low:low-admin", "low:new"], ["key.add/1", "low", public("new"), "root", None]),
    "a key revoked twice": refused("R-KEY-REVOKED", ["low:low-admin"], revoke("low-act", "low")),
    "a key revoked under another body": refused("R-UNKNOWN", ROOT, revoke("low-act-2", "high")),
    "root keys below the threshold": refused("R-KEY-REVOKED", ROOT, revoke("root-1"), revoke("root-2")),
    "the last log key": refused("R-KEY-REVOKED", ROOT, revoke("log"), revoke("log-2")),
    "standing behind an entry of another key": refused("R-KEY-STANDS", ["low:low-admin"], revoke("low-act-2", "low", [0, bytes(32)])),
    "a mandate for itself": refused("R-SELF", ["high:high-admin"], grant("m-new", "high", ["add"])),
    "a mandate for those above": refused("R-SELF", ["low:low-admin"], grant("m-new", "high", ["add"])),
    "a mandate twice": refused("R-ID-TAKEN", ROOT, grant("m-low", "low", ["add"])),
    "a mandate passed on with more actions": refused("R-MANDATE", ["high:high-admin"], grant("m-new", "low", ["annul"])),
    "the power to delegate passed on": refused("R-MANDATE", ["high:high-admin"], grant("m-new", "low", ["delegate"])),
    "a mandate passed on for more areas": refused("R-MANDATE", ["high:high-admin"], grant("m-new", "low", ["add"], areas=["cn"])),
    "a mandate passed on for everywhere": refused("R-MANDATE", ["high:high-admin"], grant("m-new", "low", ["add"], areas=[])),
    "a mandate passed on from an earlier day": refused("R-MANDATE", ["high:high-admin"], grant("m-new", "low", ["add"], effective="2025-01-01")),
    "a mandate for the catalogue to list": refused("R-MANDATE", ROOT, grant("m-new", "low", ["add"], list=None, areas=[])),
    "a mandate that ends before it begins": refused("R-MANDATE-TERM", ROOT, grant("m-new", "low", ["add"], until="2026-01-01")),
    "a mandate revoked by its holder": refused("R-ADMIN", ["low:low-admin"], ["mandate.revoke/1", "m-low", "2026-01-01", "x"]),
    "a mandate revoked, then used": refused("R-MANDATE", ["low:low-act-2"], listing(3), before=[["high:high-admin"], ["mandate.revoke/1", "m-low", "2026-01-01", "x"]]),
    "a mandate of a closed body": refused("closed", ["low:low-act-2"], listing(3), before=[["high:high-admin"], ["authority.close/1", "low", "2026-01-01", "x", "high"]]),
    "a mandate after its end": refused("R-MANDATE", ["low:low-act-3"], listing(3), before=[["low:low-admin", "low:low-act-3"], ["key.add/1", "low", public("low-act-3"), "act", None]], later=200),
    "a closed body closed again": refused("authority open", ["high:high-admin"], ["authority.close/1", "low", "2026-02-01", "x", None], before=[["high:high-admin"], ["authority.close/1", "low", "2026-01-01", "x", None]]),
    "a successor to itself": refused("R-SELF", ["high:high-admin"], ["authority.close/1", "low", "2026-01-01", "x", "low"]),
    "a ground without power over the catalogue": refused("R-MANDATE", ["low:low-admin"], ["ground.register/1", "late", "Late", "restriction", "conduct", "act", "1", None]),
    "a second founding": refused("R-GENESIS", ROOT, create()),
    "a rule set by less than the threshold": refused("R-ROOT", ROOT[:1], ["rules.activate/1", "rules-2", bytes(32)]),
    "the rule set in force once more": refused("R-RULE-SET", ROOT, ["rules.activate/1", "rules-1", RULES_HASH]),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule, signers, acts, changes = RULES[name]
    ledger = good()
    if "before" in changes:
        ledger.add(*changes["before"])
    ledger.time += changes.get("later", 0) * 24 * HOUR
    ledger.add(signers, *acts)
    report = judge(ledger.export(), ledger.trust(), tmp_path, capsys)
    finding = report["findings"]["LED-KEY" if rule == "closed" else "LED-RULE"]
    assert report["exit"] == 3
    assert finding["record"] == len(ledger.leaves) - 1
    assert rule in finding["expected"] or rule == "closed"


def test_area_of_a_listing_acted_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    ledger.add(ROOT, grant("m-wide", "high", ["suspend"], areas=["cn-12"]))
    suspend = ["listing.suspend/1", "evaders", ["handle", b"\2" * 32], [ledger.hashes[4], 1], "2026-01-01", "2026-01-01", None]
    ledger.add(["high:high-act"], suspend)
    report = judge(ledger.export(), ledger.trust(), tmp_path, capsys)
    assert "R-MANDATE-AREA" in report["findings"]["LED-RULE"]["expected"]


@pytest.mark.parametrize(
    ("signers", "changes"),
    [
        (ROOT, {}),
        ([*ROOT, "root:root-3"], {"threshold": 4}),
        ([*ROOT, "root:root-3", "root:root-4"], {}),
        ([*ROOT, "high:root-3"], {}),
        ([*ROOT, "root:root-3"], {"log_keys": [public("root-1")]}),
        ([*ROOT, "root:root-3"], {"log_keys": [MIXED]}),
    ],
    ids=["a signer missing", "threshold too high", "a signer too many", "not under root", "key twice", "mixed order"],
)
def test_founding(signers: list[str], changes: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    ledger.add(signers, create(**changes))
    report = judge(ledger.export(), ledger.trust(), tmp_path, capsys)
    assert (report["exit"], report["findings"]["LED-RULE"]["record"]) == (3, 0)


def test_founding_under_an_unknown_rule_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    ledger.add([*ROOT, "root:root-3"], create(rule_set_hash=bytes(32)))
    assert judge(ledger.export(), ledger.trust(), tmp_path, capsys)["exit"] == 13


def test_wrong_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    other = ledger.trust().replace(ledger.leaves[0].hex(), sha(b"another").hex())
    assert judge(ledger.export(), other, tmp_path, capsys)["findings"]["LED-LEDGER"]["record"] == 0
    keys = f'["{ORIGIN}+{key_id(public("x")).hex()}+{base64.b64encode(public("x")).decode()}"]'
    other = re.sub("log_keys = .*", f"log_keys = {keys}", ledger.trust())
    assert judge(ledger.export(), other, tmp_path, capsys)["findings"]["LED-CKPT"]["record"] == 0


def test_file_cut_at_every_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    data, trust = ledger.export(), ledger.trust()
    for size in {*range(0, 200), *range(200, len(data), 97), *range(len(data) - 60, len(data))}:
        report = judge(data[:size], trust, tmp_path, capsys)
        assert (report["exit"], "LED-STRUCT" in report["findings"]) == (3, True), size


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"R\0\0\0\0", b"E\0\0\0\0"])
def test_trailing_bytes(tail: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    report = judge(ledger.export() + tail, ledger.trust(), tmp_path, capsys)
    assert (report["exit"], list(report["findings"])) == (3, ["LED-STRUCT"])


def test_another_version_of_the_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = good().export().replace(b"export/v1", b"export/v2", 1)
    assert judge(data, good().trust(), tmp_path, capsys)["exit"] == 13


def test_frames_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    for frame in ((b"R", bytes(65_536)), (b"C", bytes(16_385)), (b"X", b""), (b"P", b"\xc1")):
        ledger.frames.append(frame)
        report = judge(ledger.export(), ledger.trust(), tmp_path, capsys)
        assert report["exit"] == 3
        assert "LED-STRUCT" in report["findings"]
        ledger.frames.pop()
    huge = ledger.export()[:-60] + b"P\xff\xff\xff\xff"
    assert "LED-STRUCT" in judge(huge, ledger.trust(), tmp_path, capsys)["findings"]


def run(data: bytes, trust: Any) -> tuple[int, dict[str, Any]]:
    """The verifier without files, for many inputs."""
    verifier = tool.Verifier(trust)
    verifier.run(io.BytesIO(data))
    report = verifier.report()
    return report["exit"], report["findings"]


def trusted(ledger: Ledger) -> Any:
    keys = {key_id(public(name)): public(name) for name in ("log", "log-2")}
    return tool.Row(origin=ORIGIN, ledger_id=ledger.leaves[0], keys=keys)


def test_every_byte_flipped() -> None:
    """No byte of a record or checkpoint can be changed, even if the export around it is put right."""
    ledger = good()
    ledger.frames = ledger.frames[:4]
    trust = trusted(ledger)
    assert run(ledger.export(), trust) == (0, {})
    for n, (kind, payload) in enumerate(ledger.frames):
        for place in range(len(payload)):
            flipped = bytearray(payload)
            flipped[place] ^= 1 << (place % 8)
            ledger.frames[n] = (kind, bytes(flipped))
            assert run(ledger.export(), trust)[0] in (3, 13)
        ledger.frames[n] = (kind, payload)
    assert run(ledger.export(), trust) == (0, {})


def values() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers(0, 2**53 - 1) | st.text(max_size=40) | st.binary(max_size=70)
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=11), max_leaves=25)


@settings(max_examples=150, deadline=None)
@given(value=values())
def test_the_two_encoders_agree(value: Any) -> None:
    try:
        assert tool.decode(encode(value)) == value
    except tool.Fault:
        depth = lambda v: 1 + max(map(depth, v), default=0) if isinstance(v, list) else 0  # noqa: E731 -- local, recursive
        assert depth(value) > 8


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_nothing_makes_it_crash(data: st.DataObject) -> None:
    """Well-encoded nonsense at any place of a good ledger: a verdict, never another exception."""
    ledger = good()
    act = [data.draw(st.sampled_from(sorted(tool.ACT_TYPES))), *data.draw(st.lists(values(), max_size=9))]
    changes = data.draw(st.dictionaries(st.sampled_from(["seen", "cosigners", "not_after", "author_prev", "key"]), values()))
    trust = trusted(ledger)
    entry, signatures = ledger.entry(data.draw(st.sampled_from([ROOT, ["low:low-act-2"], ["high:high-admin"]])), [act], **changes)
    ledger.write(entry, signatures, **data.draw(st.dictionaries(st.sampled_from(["seq", "recorded_at", "prev"]), values())))
    ledger.frames.append((data.draw(st.sampled_from([b"C", b"R", b"P"])), data.draw(st.binary(max_size=80) | values().map(encode))))
    assert run(ledger.export(), trust)[0] in (3, 13)
    assert run(data.draw(st.binary(max_size=200)), trust)[0] == 3
    assert run(b"creditledger/export/v1\n" + data.draw(st.binary(max_size=200)), trust)[0] == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 60_000,
        "a = 1" * 20_000,
        "\x00",
        "TRUST\nmore = 1",
        'TRUST\norigin = "twice"',
        "TRUST".replace("T", "T") + "#" * 70_000,
        "V2",
        "KEYS[]",
        'KEYS["no vkey"]',
        "KEYS7",
        "KEYS[1]",
        "TWICE",
        "ID0",
        'ID"00"',
    ],
)
def test_unusable_trust(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trust = good().trust()
    text = text.replace("TRUST", trust).replace("V2", trust.replace("trust/v1", "trust/v2"))
    text = text.replace("TWICE", re.sub(r"log_keys = \[('.*?'), .*", r"log_keys = [\1, \1]", trust))
    text = re.sub("^KEYS(.*)", lambda m: re.sub("log_keys = .*", f"log_keys = {m[1]}", trust), text)
    text = re.sub("^ID(.*)", lambda m: re.sub("ledger_id = .*", f"ledger_id = {m[1]}", trust), text)
    (tmp_path / "trust").write_text(text)
    (tmp_path / "export").write_bytes(good().export())
    assert tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")]) == 1
    assert "cannot verify" in capsys.readouterr().err


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


def test_what_a_ledger_holds_does_not_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = good()
    ledger.frames[1] = (b"C", note(1, merkle(ledger.leaves[:1]), origin="\u202e\U0001f600" * 60))
    (tmp_path / "trust").write_text(ledger.trust())
    (tmp_path / "export").write_bytes(ledger.export())
    assert tool.main([str(tmp_path / "export"), "--trust", str(tmp_path / "trust")]) == 3
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert printed.replace("\n", "").isprintable()


def test_the_file_can_be_read_in_one_sitting_and_imports_nothing_of_the_package() -> None:
    text = Path(tool.__file__).read_text()
    assert text.count("\n") <= 500
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, flags=re.MULTILINE))
    assert imported - sys.stdlib_module_names == {"msgpack", "nacl"}
