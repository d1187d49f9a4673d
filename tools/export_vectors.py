"""Hostile exports for the vectors: what frames, checkpoints and two small records may have wrong with them.

The verdicts are written down here, case by case. Nothing is shared with the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from note_writer import (
    HOUR,
    LOG,
    ORIGIN,
    OTHER,
    ROOT,
    RULES_HASH,
    START,
    Item,
    encode,
    note,
    public,
    sha,
    signed,
    text_of,
    trust_file,
    vkey,
)


def entry_of(seq: int, ledger_id: bytes, prev: bytes, acts: list[Any], /, **changes: Any) -> bytes:
    """An entry of the root key."""
    fields: dict[str, Any] = {
        "version": "creditledger/entry/v1", "ledger_id": ledger_id, "authority": "root", "key": public(ROOT),
        "author_seq": seq, "author_prev": prev, "cosigners": [], "not_after": START + (seq + 1) * HOUR, "seen": None,
        "acts": acts,
    }  # fmt: skip
    return encode([*(fields | changes).values()])


def record_of(seq: int, prev: bytes, entry: bytes, /, **changes: Any) -> bytes:
    """A record with the root key's signature."""
    fields: dict[str, Any] = {
        "version": 1, "seq": seq, "recorded_at": START + seq * HOUR, "prev": prev, "entry": entry,
        "signatures": [ROOT.sign(entry).signature],
    }  # fmt: skip
    return encode([*(fields | changes).values()])


def found(**changes: Any) -> bytes:
    """Record 0."""
    fields: dict[str, Any] = {
        "origin": ORIGIN, "utc_offset": "+08:00", "log_keys": [public(LOG)], "root_keys": [public(ROOT)],
        "threshold": 1, "rule_set": "rules-1", "rule_set_hash": RULES_HASH,
    }  # fmt: skip
    act = ["ledger.create/1", *(fields | changes).values()]
    return record_of(0, bytes(32), entry_of(0, bytes(32), bytes(32), [act]))


FIRST = found()
ID = sha(b"\0", FIRST)
UNKNOWN = [["law.register/2"]]
LAW = ["law.register/1", "act", "Enforcement Act", "No. 7", "Parliament", "2013-10-01", None]


def second(acts: list[Any] | None = None, *, record: dict[str, Any] | None = None, **changes: Any) -> bytes:
    """Record 1, with such acts and changes."""
    entry = entry_of(1, ID, sha(entry_of_first()), [LAW] if acts is None else acts, **changes)
    return record_of(1, ID, entry, **(record or {}))


def entry_of_first() -> bytes:
    """The entry of record 0, which is the last thing in it before its one signature."""
    return FIRST[FIRST.index(b"\x9a\xb5creditledger/entry/v1") : -len(encode([bytes(64)]))]


def root_of(*records: bytes) -> bytes:
    """The root of a tree of one or two records."""
    leaves = [sha(b"\0", record) for record in records]
    return leaves[0] if len(leaves) == 1 else sha(b"\x01", *leaves)


def sealed(*records: bytes) -> list[tuple[bytes, bytes]]:
    """Records with a checkpoint each."""
    frames = []
    for size, record in enumerate(records, 1):
        frames += [(b"R", record), (b"C", note(size, root_of(*records[:size])))]
    return frames


def export(
    frames: list[tuple[bytes, bytes]], end: bytes | None = None, first: bytes = b"creditledger/export/v1\n"
) -> bytes:
    """A file of these frames and its end; `end` takes the place of what that should say."""
    data = first + b"".join(kind + len(payload).to_bytes(4, "big") + payload for kind, payload in frames)
    counts = [sum(one == kind for one, _ in frames) for kind in (b"R", b"C", b"P")]
    last = encode([*counts, sha(data)]) if end is None else end
    return data + b"E" + len(last).to_bytes(4, "big") + last


def exports() -> Iterator[Item]:
    """Files to be verified: what their frames, their checkpoints and two small records may have wrong with them."""
    good = second()
    pair = root_of(FIRST, good)
    frames = sealed(FIRST, good)
    whole = export(frames)
    body = whole[: whole.rindex(b"E\0\0\0")]
    single = export(frames[:2]).rpartition(b"E\0\0\0")[0]
    unknown = second(UNKNOWN)
    activated = second([["rules.activate/1", "rules-2", bytes(32)]])
    content = ["evaders", ["handle", bytes(32)], sha(b"\2", bytes(32), b"x"), bytes(32), b"x"]
    trust = trust_file(ID)
    struct, version = ["LED-STRUCT"], ["LED-VERSION"]
    early = [*struct, "LED-CONTENT", "LED-UNSEALED"]
    unsealed = ["LED-CKPT", "LED-UNSEALED"]

    def last_note(data: bytes) -> bytes:
        return export([*frames[:-1], (b"C", data)])

    def with_item(payload: bytes) -> bytes:
        return export([*frames, (b"P", payload)])

    for desc, data, code, findings in (
        ("as it should be", whole, 0, []),
        ("one record", export(frames[:2]), 0, []),
        ("without the first checkpoint", export([frames[0], *frames[2:]]), 0, []),
        ("without the last checkpoint", export(frames[:3]), 4, ["LED-UNSEALED"]),
        ("without any checkpoint", export([frames[0], frames[2]]), 4, ["LED-UNSEALED"]),
        ("empty", b"", 1, []),
        ("the first line cut", b"creditledger/export/v1", 1, []),
        ("another file", b"PK\x03\x04" + bytes(100), 1, []),
        ("the first line ended by CR LF", export(frames, first=b"creditledger/export/v1\r\n"), 1, []),
        ("a space before the first line", b" " + whole, 1, []),
        ("another version", b"creditledger/export/v2\n", 13, version),
        ("a version far ahead", export(frames, first=b"creditledger/export/v999999999\n"), 13, version),
        ("a version of 10 digits", export(frames, first=b"creditledger/export/v1000000000\n"), 1, []),
        ("a version with a leading zero", export(frames, first=b"creditledger/export/v01\n"), 1, []),
        ("a version that is no number", export(frames, first=b"creditledger/export/vX\n"), 1, []),
        ("the first line only", b"creditledger/export/v1\n", 3, struct),
        ("no records", export([]), 3, struct),
        ("without its end", body, 3, struct),
        ("a byte short", whole[:-1], 3, struct),
        ("a byte more", whole + b"\0", 3, struct),
        ("twice", whole + whole, 3, struct),
        ("another count", export(frames, encode([2, 3, 0, sha(body)])), 3, struct),
        ("another hash", export(frames, encode([2, 2, 0, bytes(32)])), 3, struct),
        ("an end of another form", export(frames, b"\xc1"), 3, struct),
        ("an end in a longer form", export(frames, b"\x94\xcc\2\2\0\xc4\x20" + sha(body)), 3, struct),
        ("an end that counts in booleans", export(frames[:2], encode([True, True, False, sha(single)])), 3, struct),
        ("an end of 257 bytes", export(frames, bytes(257)), 3, struct),
        ("a frame of another type", export([*frames[:2], (b"Z", b""), *frames[2:]]), 3, struct),
        ("a frame of type r", export([(b"r", FIRST), *frames[1:]]), 3, struct),
        ("a record of 65,536 bytes", body + b"R\0\1\0\0", 3, struct),
        ("a checkpoint of 65,536 bytes", body + b"C\0\1\0\0", 3, struct),
        ("a length of 4 GiB", body + b"R\xff\xff\xff\xff", 3, struct),
        ("a checkpoint first", export([frames[1], *frames]), 3, struct),
        ("a checkpoint twice", export([*frames, frames[-1]]), 3, struct),
        ("two checkpoints of one size", export([*frames, (b"C", note(2, bytes(32)))]), 3, [*struct, "LED-TREE"]),
        ("content before a checkpoint", export([frames[0], (b"P", encode(content)), *frames[1:]]), 3, early),
        ("content before a record", export([*frames[:2], (b"P", encode(content)), *frames[2:]]), 3, early),
        ("content of 1,153,435 bytes", body + b"P" + (1_153_435).to_bytes(4, "big"), 3, struct),
        ("content to which nothing commits", with_item(encode(content)), 3, ["LED-CONTENT"]),
        ("content altered", with_item(encode([*content[:4], b"y"])), 3, ["LED-CONTENT"]),
        ("content of another form", with_item(b"\x90"), 3, ["LED-CONTENT"]),
        ("content in another encoding", with_item(b"\xc1"), 3, ["LED-CONTENT"]),
        ("content with a short nonce", with_item(encode([*content[:3], bytes(31), b"x"])), 3, ["LED-CONTENT"]),
        ("a checkpoint of another root", last_note(note(2, bytes(32))), 3, ["LED-TREE"]),
        ("a checkpoint of the size before", last_note(note(1, root_of(FIRST))), 3, unsealed),
        ("a checkpoint of the size after", last_note(note(3, bytes(32))), 3, ["LED-HEAD", "LED-UNSEALED"]),
        ("a checkpoint of the size after, in the middle",
            export([frames[0], (b"C", note(2, pair)), *frames[2:]]), 3, ["LED-CKPT"]),
        ("a checkpoint beyond the end, in the middle",
            export([frames[0], (b"C", note(9, bytes(32))), *frames[2:]]), 3, ["LED-HEAD"]),
        ("a checkpoint of size 0", last_note(note(0, sha())), 3, unsealed),
        ("a checkpoint of size 2^53", last_note(note(2**53, bytes(32))), 3, unsealed),
        ("a checkpoint of another origin", last_note(note(2, pair, origin="other.example")), 3, unsealed),
        ("a checkpoint by another key", last_note(note(2, pair, key=OTHER)), 3, unsealed),
        ("a checkpoint with a line by another key too",
            last_note(note(2, pair) + signed(text_of(2, pair), OTHER)), 0, []),
        ("a checkpoint that is empty", last_note(b""), 3, unsealed),
        ("the records exchanged", export([frames[2], frames[3], frames[0], frames[1]]), 3,
            ["LED-LEDGER", "LED-CHAIN", "LED-CKPT", "LED-RULE", "LED-TREE", "LED-AUTHOR", "LED-UNSEALED", "LED-TIME"]),
        ("the first record left out", export(frames[2:]), 3,
            ["LED-LEDGER", "LED-CHAIN", "LED-CKPT", "LED-RULE", "LED-HEAD", "LED-UNSEALED", "LED-AUTHOR"]),
        ("another number", export(sealed(FIRST, second(record={"seq": 2}))), 3, ["LED-CHAIN"]),
        ("another link", export(sealed(FIRST, second(record={"prev": bytes(32)}))), 3, ["LED-CHAIN"]),
        ("a time before", export(sealed(FIRST, second(record={"recorded_at": START - 1}))), 3, ["LED-TIME"]),
        ("the same time", export(sealed(FIRST, second(record={"recorded_at": START}))), 0, []),
        ("the last moment", export(sealed(FIRST, second(not_after=START + HOUR))), 0, []),
        ("a moment late", export(sealed(FIRST, second(not_after=START + HOUR - 1))), 3, ["LED-TIME"]),
        ("a signature too many", export(sealed(FIRST, second(record={"signatures": [bytes(64)] * 2}))), 3, ["LED-SIG"]),
        ("no signature", export(sealed(FIRST, second(record={"signatures": []}))), 3, ["LED-ENC"]),
        ("a signature of 63 bytes", export(sealed(FIRST, second(record={"signatures": [bytes(63)]}))), 3, ["LED-ENC"]),
        ("a wrong signature", export(sealed(FIRST, second(record={"signatures": [bytes(64)]}))), 3, ["LED-SIG"]),
        ("a cosigner who did not sign", export(sealed(FIRST, second(cosigners=[["root", public(OTHER)]]))), 3,
            ["LED-SIG", "LED-KEY"]),
        ("another ledger", export(sealed(FIRST, second(ledger_id=bytes(32)))), 3, ["LED-LEDGER"]),
        ("a number of the author left out", export(sealed(FIRST, second(author_seq=2))), 3, ["LED-AUTHOR"]),
        ("seen as it was", export(sealed(FIRST, second(seen=[1, root_of(FIRST)]))), 0, []),
        ("nothing seen", export(sealed(FIRST, second(seen=[0, sha()]))), 0, []),
        ("another tree seen", export(sealed(FIRST, second(seen=[1, bytes(32)]))), 3, ["LED-SEEN"]),
        ("itself seen", export(sealed(FIRST, second(seen=[2, bytes(32)]))), 3, ["LED-SEEN"]),
        ("an act malformed", export(sealed(FIRST, second([LAW[:-1]]))), 3, ["LED-ENC"]),
        ("an act that begins with a number", export(sealed(FIRST, second([[7, "act"]]))), 3, ["LED-ENC"]),
        ("an act that begins with nil", export(sealed(FIRST, second([[None, "act"]]))), 3, ["LED-ENC"]),
        ("an act that begins with bytes", export(sealed(FIRST, second([[b"law.register/1"]]))), 3, ["LED-ENC"]),
        ("an act within an array", export(sealed(FIRST, second([[LAW]]))), 3, ["LED-ENC"]),
        ("an act that is empty", export(sealed(FIRST, second([[]]))), 3, ["LED-ENC"]),
        ("an act that is a text", export(sealed(FIRST, second(["law.register/1"]))), 3, ["LED-ENC"]),
        ("no acts", export(sealed(FIRST, second([]))), 3, ["LED-ENC"]),
        ("an unknown act type, and one that is no text", export(sealed(FIRST, second([*UNKNOWN, [7]]))), 3,
            ["LED-ENC"]),
        ("an act forbidden", export(sealed(FIRST, second([LAW, LAW]))), 3, ["LED-RULE"]),
        ("an unknown act type", export(sealed(FIRST, unknown)), 13, version),
        ("an unknown act type without a checkpoint", export(sealed(FIRST, unknown)[:-1]), 13,
            [*version, "LED-UNSEALED"]),
        ("an unknown act type, malformed beside it", export(sealed(FIRST, second([*UNKNOWN, LAW[:2]]))), 3,
            ["LED-ENC"]),
        ("an unknown act type, wrongly signed",
            export(sealed(FIRST, second(UNKNOWN, record={"signatures": [bytes(64)]}))), 3,
            ["LED-SIG", *version]),
        ("an unknown act type, late", export(sealed(FIRST, second(UNKNOWN, not_after=START))), 3,
            ["LED-TIME", *version]),
        ("an unknown act type, another tree seen",
            export(sealed(FIRST, second(UNKNOWN, seen=[1, bytes(32)]))), 3, ["LED-SEEN", *version]),
        ("an unknown act type, another ledger", export(sealed(FIRST, second(UNKNOWN, ledger_id=bytes(32)))),
            3, ["LED-LEDGER", *version]),
        ("an unknown version of the entry", export(sealed(FIRST, second(version="creditledger/entry/v2"))), 13,
            version),
        ("an unknown version of the entry, earlier", export(sealed(FIRST, second(
            version="creditledger/entry/v2", record={"recorded_at": START - 1}))), 3, ["LED-TIME", *version]),
        ("an unknown version of the record", export(sealed(FIRST, encode([2, 1, "whatever"]))), 13, version),
        ("a version of the record that is no number", export(sealed(FIRST, encode(["2", 1]))), 3, ["LED-ENC"]),
        ("an unknown rule set activated", export(sealed(FIRST, activated)), 13, version),
        ("an unknown rule set activated twice", export(sealed(FIRST, second([
            ["rules.activate/1", "rules-2", bytes(32)], ["rules.activate/1", "rules-1", bytes(32)]]))), 13, version),
        ("a known rule set by another hash",
            export(sealed(FIRST, second([["rules.activate/1", "rules-1", bytes(32)]]))), 3, ["LED-RULE"]),
        ("the rule set in force activated",
            export(sealed(FIRST, second([["rules.activate/1", "rules-1", RULES_HASH]]))), 3, ["LED-RULE"]),
    ):  # fmt: skip
        yield {"kind": "export", "desc": desc, "export_hex": data.hex(), "trust": trust, "exit": code,
               "findings": findings}  # fmt: skip
    for desc, changes, code, findings in (
        ("founded under a rule set by another hash", {"rule_set_hash": bytes(32)}, 3, ["LED-RULE"]),
        ("founded under an unknown rule set", {"rule_set": "rules-2"}, 13, version),
        ("founded under an unknown rule set, and unlawfully", {"rule_set": "rules-2", "threshold": 2}, 3, ["LED-RULE"]),
        ("founded under another origin", {"origin": "other.example"}, 3, ["LED-LEDGER"]),
        ("founded with another log key", {"log_keys": [public(OTHER)]}, 3, ["LED-KEY"]),
        ("founded under an origin that is no text", {"origin": "a\u200bb"}, 3, ["LED-ENC"]),
    ):
        first = found(**changes)
        yield {
            "kind": "export", "desc": desc, "export_hex": export(sealed(first)).hex(),
            "trust": trust_file(sha(b"\0", first)), "exit": code, "findings": findings,
        }  # fmt: skip
    for desc, text, code, findings in (
        ("trusted by another id", trust_file(bytes(32)), 3, ["LED-LEDGER"]),
        ("trusted by another log key", trust_file(ID, vkey(ORIGIN, public(OTHER))), 3, unsealed),
        ("trusted by another origin", trust_file(ID, vkey("x", public(LOG)), origin="x"), 3, [*unsealed, "LED-LEDGER"]),
        ("with a trust file of another version", trust_file(ID, version="creditledger/trust/v3"), 13, version),
    ):
        yield {"kind": "export", "desc": desc, "export_hex": whole.hex(), "trust": text, "exit": code,
               "findings": findings}  # fmt: skip
