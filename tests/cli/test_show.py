"""`show`: a record in words and byte by byte; nothing is shown that was not re-hashed."""

from __future__ import annotations

import hashlib

import pytest

from cli.bench import Bench
from cli.program import plain
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import check_signatures, decode_entry, entry_hash
from creditledger.record.record import decode_record


def recorded(demo: Bench, event: str) -> int:
    """The record of the event whose description has these words in it."""
    return next(one.record for one in demo.story.events if event in one.text)


def test_a_record_in_json_is_what_the_library_reads(demo: Bench) -> None:
    seq = recorded(demo, "countersigns")
    shown = demo.run("show", demo.ledger, seq, "--json").json
    with Ledger.open(demo.ledger) as ledger:
        data = next(ledger.records(seq))[1]
        covering = ledger.log.checkpoint(seq + 1)
    record = decode_record(data)
    entry = decode_entry(record.entry)
    assert shown["leaf_hash"] == hashlib.sha256(b"\0" + data).hexdigest()
    assert shown["prev"] == record.prev.hex()
    assert shown["size"] == len(data)
    assert shown["entry"]["hash"] == entry_hash(record.entry).hex()
    assert shown["entry"]["authority"] == "regulator-north"
    assert [one["authority"] for one in shown["signatures"]] == ["regulator-north", "market-regulator"]
    check_signatures(record.entry, entry, [bytes.fromhex(one["signature"]) for one in shown["signatures"]])
    assert covering is not None
    assert shown["checkpoint"]["size"] == covering[0]
    assert shown["checkpoint"]["note"].encode() == covering[1]
    assert "bytes" not in shown


def test_bytes_in_json_make_up_the_record(demo: Bench) -> None:
    seq = recorded(demo, "under a random handle")
    shown = demo.run("show", demo.ledger, seq, "--bytes", "--json").json
    data = bytes.fromhex("".join(part["hex"] for part in shown["bytes"]))
    assert hashlib.sha256(b"\0" + data).hexdigest() == shown["leaf_hash"]
    assert [part["offset"] for part in shown["bytes"]][:3] == [0, 1, 2]


def test_one_act_of_a_record(demo: Bench) -> None:
    seq = recorded(demo, "The key is revoked")
    for index, kind in enumerate(("key.revoke/1", "key.add/1")):
        shown = demo.run("show", demo.ledger, f"{seq}.{index}", "--bytes", "--json").json
        (act,) = shown["entry"]["acts"]
        assert (act["type"], act["address"]) == (kind, f"{seq}.{index}")
        assert {part["path"].partition("]")[0] for part in shown["bytes"]} == {f"entry.acts[{index}"}
        assert len(shown["words"]) == 1


def test_in_words(demo: Bench) -> None:
    seq = recorded(demo, "The High Court quashes")
    shown = demo.run("show", demo.ledger, seq)
    assert (shown.code, shown.err) == (0, "")
    appeal = recorded(demo, "The ombudsman lodges")
    assert f"lodged by act {appeal}.0: quashes the listing" in shown.out
    assert "Countersigned by nobody" in shown.out
    assert f"  size  {seq + 1}\n" in shown.out


def test_a_dump_fits_the_terminal_and_shows_every_byte(demo: Bench) -> None:
    seq = recorded(demo, "The person has performed")
    code, shown = demo.run.on_terminal("show", demo.ledger, seq, "--bytes", columns=90)
    assert code == 0
    lines = plain(shown).splitlines()
    assert max(map(len, lines)) <= 90
    data = b"".join(bytes.fromhex(line[7:31]) for line in lines)
    assert hashlib.sha256(b"\0" + data).hexdigest() == demo.run("show", demo.ledger, seq, "--json").json["leaf_hash"]


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("9999", 1, "there is no record 9999"),
        ("17.9", 2, "there is no 17.9"),
        ("-1", 2, ""),
        ("x", 2, "is not a record like 17"),
        ("1.", 2, "is not a record like 17"),
        ("1.2.3", 2, "is not a record like 17"),
        ("٣", 2, "is not a record like 17"),
        ("9" * 30, 2, "is not a record like 17"),
    ],
)
def test_what_is_not_there(demo: Bench, address: str, code: int, said: str) -> None:
    shown = demo.run("show", demo.ledger, address)
    assert shown.code == code
    assert said in shown.err
    assert shown.out == ""
