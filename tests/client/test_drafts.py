"""Drafts: templates, reading within bounds, every mistake at once, content in clear, round trips of all acts."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from client.acts_by_kind import acts_of
from creditledger.acts.catalogue import ListOpen
from creditledger.acts.content import commit
from creditledger.acts.kinds import ActRef
from creditledger.acts.registry import ACT_TYPES, ActType, act_to_json
from creditledger.client.compose import DAY, MAX_VALID_FOR, compose, prepare
from creditledger.client.draft import MAX_DRAFT_BYTES, Draft, draft_document, load_draft, parse_draft
from creditledger.client.placeholders import unfilled
from creditledger.client.reader import MAX_DRAFT_CONTENT
from creditledger.client.sequence import Position
from creditledger.errors import FormatError, LedgerError, UnsupportedError, UsageError
from creditledger.keys.keyfile import format_public_key, write_key
from creditledger.keys.signer import MemorySigner
from creditledger.record.entry import Cosigner, Entry, decode_entry, encode_entry

NOW = 1_772_000_000_000_000
KEY = MemorySigner(bytes(32)).public_key
OTHER_KEY = MemorySigner(bytes([1]) * 32).public_key
START = Position(0, bytes(32), 0)


def counting() -> Callable[[int], bytes]:
    """Random bytes that are not: 00…, 01…, 02…, in the order of the draws."""
    drawn = iter(range(256))
    return lambda size: bytes([next(drawn)]) * size


def add(**changes: Any) -> dict[str, Any]:
    """A listing.add in JSON that is in order."""
    return {
        "type": "listing.add/1",
        "list": "defaulters",
        "subject": "uscc:91110000600037341L",
        "case": None,
        "ground": "evades",
        "area": None,
        "measures": [],
        "decided": "2026-03-01",
        "effective": "2026-03-03",
        "until": "2028-03-03",
        "content": {},
        "source": None,
    } | changes


def draft(*acts: Any, folder: Path | None = None, **parts: Any) -> Draft:
    return Draft({"authority": "court", "acts": list(acts)} | parts, folder)


ERASE = {
    "type": "content.erase/1", "list": "defaulters", "subject": "uscc:91110000600037341L", "commitments": ["00" * 32],
    "decided": "2026-03-01", "law": "a-law", "article": "Art. 1",
}  # fmt: skip


def entry_of(acts: Any, **changes: Any) -> Entry:
    arguments: dict[str, Any] = {
        "ledger_id": bytes(32), "authority": "court", "key": KEY, "sequence": START, "now": NOW,
    }  # fmt: skip
    return compose(acts, **(arguments | changes))


def mistakes(bad: Draft) -> list[str]:
    """The lines of the error that preparing a draft raises."""
    with pytest.raises(FormatError) as raised:
        prepare(bad)
    first, *rest = str(raised.value).split("\n  ")
    return rest or [first.removeprefix("the draft has a mistake: ")]


# -- round trips


@pytest.mark.parametrize("kind", ACT_TYPES.values(), ids=ACT_TYPES)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_an_act_survives_the_way_from_json_through_a_draft_and_an_entry_back_to_json(
    kind: ActType, data: st.DataObject
) -> None:
    act = data.draw(acts_of(kind))
    document = {"authority": "court", "acts": [act_to_json(act)]}
    prepared = prepare(parse_draft(json.dumps(document).encode()))
    assert prepared.acts == (act,)
    entry = entry_of(prepared.acts)
    assert entry == entry_of(document["acts"])
    again = decode_entry(encode_entry(entry))
    assert again == entry
    assert [act_to_json(one) for one in again.acts] == document["acts"]


@pytest.mark.parametrize("name", ACT_TYPES)
def test_a_template_that_nobody_filled_in_is_refused_naming_every_field(name: str) -> None:
    document = draft_document([name])
    found = mistakes(parse_draft(json.dumps(document).encode()))
    assert found[0] == "authority: not filled in yet"
    needed = {f"acts[0].{field}" for field, kind in ACT_TYPES[name].fields if kind.example not in (None, [], {})}
    assert {line.partition(": not filled in yet: ")[0] for line in found[1:]} == needed
    assert {path.partition("[0]")[0] for path in unfilled(document["acts"][0])} == {
        path.removeprefix("acts[0].") for path in needed
    }


@pytest.mark.parametrize("name", ACT_TYPES)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_one_field_left_as_the_template_has_it_is_found(name: str, data: st.DataObject) -> None:
    kind = ACT_TYPES[name]
    act = act_to_json(data.draw(acts_of(kind)))
    template = draft_document([name], "court")["acts"][0]
    field = data.draw(st.sampled_from([field for field, what in kind.fields if what.example not in (None, [], {})]))
    (found,) = mistakes(draft(act | {field: template[field]}))
    assert found.startswith(f"acts[0].{field}: not filled in yet: ")


@pytest.mark.parametrize("value", ["<fill in: date> 2026", " <fill in", "<fill in: a title>"])
def test_what_was_written_beside_a_placeholder_does_not_make_it_a_value(value: str) -> None:
    law = draft_document(["law.register"], "court")["acts"][0]
    real = {"law": "a-law", "title": value, "number": "1", "issuer": "Parliament", "effective": "2020-01-01"}
    (found,) = mistakes(draft(law | real))
    assert found.startswith("acts[0].title: not filled in yet")


def test_the_help_explains_every_field_and_lists_the_codes() -> None:
    document = draft_document(ACT_TYPES)
    assert [act["type"] for act in document["acts"]] == list(ACT_TYPES)
    for name, kind in ACT_TYPES.items():
        assert document["help"][name].keys() == {"", *(field for field, _ in kind.fields)}
    explained = document["help"]["listing.remove/1"]
    assert "`performed`" in explained["reason"]
    assert explained[""].startswith("Ends a listing")
    assert explained["appeal"].endswith("null or act reference")


def test_a_type_may_be_named_without_its_version() -> None:
    assert draft_document(["listing.add"])["acts"][0]["type"] == "listing.add/1"
    with pytest.raises(UnsupportedError, match=r"'listing\.ad'"):
        draft_document(["listing.ad"])


# -- reading


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b" \n ", "is empty"),
        (b'{"authority": "court",\n "acts": [}', "line 2, column 11"),
        (b'{"authority": "court"', "not JSON: line 1"),
        (b'{"a":\n"\xff"}', "not UTF-8 text: line 2"),
        (b"\x93\xa0\x00", "not UTF-8 text"),
        (b"[]", "takes an object"),
        (b'"text"', "takes an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"acts": ' + b"[" * 9 + b"]" * 9 + b"}", "nested more than 8 deep"),
        (b'{"acts": NaN}', "NaN is not JSON"),
        (b'{"acts": ' + b"9" * 5000 + b"}", "a number of 5000 digits"),
        (b'{"acts": [], "acts": []}', "'acts' stands twice"),
        (b'{"acts": [{"until": null, "\\u0075ntil": null}]}', "'until' stands twice"),
        (b" " * (MAX_DRAFT_BYTES + 1), "larger than the 1048576 bytes"),
    ],
)
def test_what_is_not_a_draft_is_refused_in_words(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "draft.json"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as raised:
        load_draft(path)
    assert str(path) in str(raised.value)
    with pytest.raises(FormatError, match=message):
        parse_draft(data)


def test_a_byte_order_mark_is_not_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"authority": "court", "acts": [add()]}).encode())
    assert prepare(load_draft(path)).authority == "court"


def test_terabytes_are_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    with path.open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(FormatError, match="larger than"):
        load_draft(path)


def test_a_draft_that_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_draft(tmp_path / "none.json")
    with pytest.raises(UsageError, match="not a regular file"):
        load_draft(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a regular file"):
        load_draft(tmp_path / "pipe")
    with pytest.raises(UsageError, match="not a file name"):
        load_draft("a\0b")


# -- mistakes


def test_all_mistakes_are_reported_at_once_each_with_its_path() -> None:
    bad = draft(
        add(effective="2026-02-30", subject="uscc:91110000600037341X", colour="red"),
        {"type": "listing.ad/1"},
        "text",
        {key: value for key, value in add().items() if key != "until"},
        add(measures=["b", 1]),
        authority="A Court",
        cosigners=[{"authority": "board"}, {"authority": "", "key": "ed25519:short"}],
        extra=1,
    )
    found = mistakes(bad)
    assert [line.partition(":")[0] for line in found] == [
        "extra",
        "authority",
        "cosigners[0]",
        "cosigners[1].authority",
        "cosigners[1].key",
        "acts[0].colour",
        "acts[0].subject",
        "acts[0].effective",
        "acts[1].type",
        "acts[2]",
        "acts[3].until",
        "acts[4].measures",
    ]
    assert "'2026-02-30' is not a date" in found[7]
    assert found[10] == "acts[3].until: missing (write null if it does not apply)"


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Draft({}), "authority: missing"),
        (draft(acts=None), "acts: missing"),
        (draft(), "acts: an array of 1 to 1024 acts"),
        (draft(*[add()] * 1025), "acts: an array of 1 to 1024 acts"),
        (draft(add(), cosigners={}), "cosigners: an array"),
        (draft(add(), cosigners=[{"authority": "a", "key": "zz"}]), r"cosigners\[0\].key: a key is"),
        (draft(add(), cosigners=[{"authority": "a", "key": 1}]), r"cosigners\[0\].key: a key is 33 bytes"),
        (draft(add(), contents=[]), "contents: an object"),
        (draft(add(), contents={"a": {"text": "x"}}), "contents.a: no act attaches it"),
        (draft(add(content=[])), r"acts\[0\].content: an object"),
        (draft(add(content={"Name": {"text": "x"}})), r"acts\[0\].content.Name: 'Name' is not an identifier"),
        (draft(add(content={"\x1b[2J": {"text": "x"}})), r"acts\[0\].content.'\\x1b\[2J'"),
        (draft(add(content={"a": {"text": "x", "file": "y"}})), r'acts\[0\].content.a: expected \{"text"'),
        (draft(add(content={"a": {"text": 1}})), r"acts\[0\].content.a: expected"),
        (draft(add(content={"a": None})), r"acts\[0\].content.a: expected"),
        (draft(add(content={"a": {"text": ""}})), r"acts\[0\].content.a: 0 bytes"),
        (draft(add(content={"a": {"text": "x" * (1 << 20 | 1)}})), r"acts\[0\].content.a: 1048577 bytes"),
        (draft(add(content={"a": {"text": "\ud800"}})), r"acts\[0\].content.a: the text holds a lone surrogate"),
        (draft(add(content={"a": {"from": "b"}})), r"acts\[0\].content.a: nothing is named b"),
        (draft(add(content={"a": {"file": "x.pdf"}})), r"acts\[0\].content.a: a draft that is not a file itself"),
        (draft(add(content={"a": "00"})), r"acts\[0\].content.a: expected exactly 64"),
        (draft(add(content={f"a{i}": "" for i in range(17)})), r"acts\[0\].content: an object of at most 16"),
        (draft(add(case="old")), r"acts\[0\].case: expected 16 bytes"),
        (draft(add(source=[])), r"acts\[0\].source"),
        (draft(add(ground=[["evades"]])), r"acts\[0\].ground"),
        (draft(add(type=["listing.add/1"])), r"acts\[0\].type"),
        (draft(ERASE | {"subject": "handle:new"}), r"acts\[0\].subject: a new handle begins a listing"),
    ],
)  # fmt: skip
def test_a_mistake_is_named(bad: Draft, message: str) -> None:
    assert any(line for line in mistakes(bad) if re.match(message, line))


def test_a_thousand_mistakes_do_not_make_a_thousand_lines() -> None:
    found = mistakes(draft(*[add(ground="?")] * 1000))
    assert len(found) == 51
    assert found[-1] == "and 950 more"


@pytest.mark.parametrize("field", ["listing", "appeal"])
def test_an_act_may_be_referred_to_as_it_is_displayed_where_the_ledger_can_be_asked(field: str) -> None:
    act: dict[str, Any] = {
        "type": "listing.remove/1", "list": "defaulters", "subject": "uscc:91110000600037341L", "listing": "#0",
        "reason": "performed", "decided": "2026-03-01", "effective": "2026-03-01", "appeal": None, "source": None,
    }  # fmt: skip
    asked: list[tuple[int, int]] = []

    def resolve(seq: int, index: int) -> ActRef:
        asked.append((seq, index))
        if seq > 99:
            raise UsageError(f"there is no record {seq}")
        return ActRef(b"\x07" * 32, index)

    prepared = prepare(draft(act | {field: "17.3"}), resolve=resolve)
    assert getattr(prepared.acts[0], field) == ActRef(b"\x07" * 32, 3)
    assert asked == [(17, 3)]
    (found,) = mistakes(draft(act | {field: "17.3"}))
    assert found.startswith(f"acts[0].{field}: 17.3 says where an act stands in the ledger, and no ledger is at hand")
    with pytest.raises(FormatError, match=rf"acts\[0\]\.{field}: there is no record 100"):
        prepare(draft(act | {field: "100.0"}), resolve=resolve)
    with pytest.raises(FormatError, match=r"17 is a record, .* its first is 17\.0"):
        prepare(draft(act | {field: "17"}), resolve=resolve)
    for bad in ("17.", ".0", "17.0.0", "-1.0", "17.99999", "1" * 16 + ".0", "\u0661.0"):
        with pytest.raises(FormatError, match="a reference is written"):
            prepare(draft(act | {field: bad}), resolve=resolve)


# -- what is drawn, and content


def test_new_handles_and_cases_are_drawn_and_told() -> None:
    acts = [add(subject="handle:new", case="new"), add(subject="handle:new")]
    prepared = prepare(draft(*acts), random=counting())
    first, second = prepared.acts
    assert (first.subject.value, first.case, second.subject.value) == (b"\0" * 32, b"\1" * 16, b"\2" * 32)  # type: ignore[union-attr]
    assert prepared.notes[0].startswith(f"acts[0].subject: drew the new handle handle:{'00' * 32}; keep it")
    assert prepared.notes[1].startswith(f"acts[0].case: drew the new case mark {'01' * 16}; keep it")
    assert prepare(draft(*acts)).acts != prepare(draft(*acts)).acts


def test_content_in_clear_becomes_a_commitment_and_travels_beside_the_entry(tmp_path: Path) -> None:
    (tmp_path / "reasons.pdf").write_bytes(b"%PDF reasons")
    content = {"who": {"text": "张三"}, "reasons": {"file": "reasons.pdf"}, "decision": {"from": "d"}, "old": "0a" * 32}
    bare = add(content={"decision": {"from": "d"}})
    path = tmp_path / "draft.json"
    document = {"authority": "court", "contents": {"d": {"text": "Decided."}}, "acts": [add(content=content), bare]}
    path.write_text(json.dumps(document))
    prepared = prepare(load_draft(path), random=counting())
    first, second = prepared.acts
    clear = {"decision": b"Decided.", "reasons": b"%PDF reasons", "who": "张三".encode()}
    digests = {label: commit(bytes([i]) * 32, data) for i, (label, data) in enumerate(clear.items())}
    assert dict(first.content) == digests | {"old": b"\x0a" * 32}  # type: ignore[union-attr]
    assert [label for label, _ in first.content] == ["decision", "old", "reasons", "who"]  # type: ignore[union-attr]
    again = commit(b"\3" * 32, b"Decided.")
    assert dict(second.content) == {"decision": again}  # type: ignore[union-attr]
    assert [(item.commitment, item.nonce, item.content) for item in prepared.contents] == [
        *((digests[label], bytes([i]) * 32, data) for i, (label, data) in enumerate(clear.items())),
        (again, b"\3" * 32, b"Decided."),
    ]
    assert {(item.list, str(item.subject)) for item in prepared.contents} == {("defaulters", add()["subject"])}
    entry = encode_entry(entry_of(prepared.acts))
    assert not any(data in entry for data in clear.values())


@pytest.mark.parametrize(
    "name", ["/etc/hostname", "../secret.txt", "link.txt", ".", "", "a\0b", "court.key", "gone.txt", "big"]
)
def test_a_draft_cannot_pick_up_what_is_not_meant_for_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "drafts"
    folder.mkdir()
    (folder / "link.txt").symlink_to("../secret.txt")
    write_key(folder / "court.key", bytes(32), None)
    with (folder / "big").open("wb") as file:
        file.truncate(1 << 30)
    (found,) = mistakes(draft(add(content={"a": {"file": name}}), folder=folder))
    assert found.startswith("acts[0].content.a: ")


def test_the_content_of_a_draft_is_bounded_as_a_whole() -> None:
    mebibyte = {"text": "x" * (1 << 20)}
    acts = [add(content={f"a{i}": {"from": "m"} for i in range(8)}) for _ in range(4)]
    (found,) = mistakes(draft(*acts, contents={"m": mebibyte, "late": mebibyte}))
    assert found == f"acts[1].content.a5: more than {MAX_DRAFT_CONTENT} bytes of content in one draft; make several"


def test_public_keys_may_be_written_in_their_text_form() -> None:
    text = format_public_key(OTHER_KEY)
    acts = [
        {"type": "key.add/1", "authority": "court", "key": text, "role": "act", "until": None},
        {
            "type": "ledger.create/1",
            "origin": "example.org/log",
            "utc_offset": "+08:00",
            "log_keys": [text],
            "root_keys": [KEY.hex(), text],
            "threshold": 1,
            "rule_set": "rules-1",
            "rule_set_hash": "00" * 32,
        },
    ]
    cosigners = [{"authority": "court", "key": text}, {"authority": "a", "key": OTHER_KEY.hex()}]
    prepared = prepare(draft(*acts, cosigners=cosigners))
    assert prepared.acts[0].key == OTHER_KEY  # type: ignore[union-attr]
    assert prepared.acts[1].root_keys == tuple(sorted([KEY, OTHER_KEY]))  # type: ignore[union-attr]
    assert prepared.cosigners == (Cosigner("court", OTHER_KEY), Cosigner("a", OTHER_KEY))


# -- entries


def test_an_entry_has_its_place_its_term_and_its_cosigners_in_order() -> None:
    position = Position(7, b"\x07" * 32, 12)
    cosigners = [Cosigner("z", OTHER_KEY), Cosigner("a", b"\x01" + bytes(32))]
    entry = entry_of(
        [ListOpen("l", "2026-01-01")], sequence=position, cosigners=cosigners, valid_for=DAY, seen=(12, bytes(32))
    )
    assert (entry.author_seq, entry.author_prev, entry.not_after) == (7, b"\x07" * 32, NOW + DAY)
    assert [who for who, _ in entry.cosigners] == ["a", "z"]
    assert decode_entry(encode_entry(entry)) == entry


@pytest.mark.parametrize(
    ("acts", "changes", "message"),
    [
        ([], {}, "these acts make no entry"),
        ([ListOpen("l", "2026-01-01")] * 1025, {}, "these acts make no entry"),
        ([ListOpen("l" * 60, "2026-01-01")] * 1000, {}, "at most 60000 bytes"),
        ([ListOpen("L", "2026-01-01")], {}, "list.open/1, field list"),
        ([add(ground="?")], {}, r"acts\[0\].ground"),
        ([add(subject="handle:new")], {}, r"acts\[0\].subject"),
        ([add(content={"a": {"text": "x"}})], {}, "content in clear belongs in a draft"),
        ([add()], {"authority": "Court"}, "'Court' is not an identifier"),
        ([add()], {"key": bytes(33)}, "a key is 33 bytes"),
        ([add()], {"ledger_id": b""}, "ledger_id must be 32 bytes"),
        ([add()], {"cosigners": [Cosigner("court", KEY)]}, "a key signs an entry once"),
        ([add()], {"valid_for": 0}, "valid for up to 366 days"),
        ([add()], {"valid_for": MAX_VALID_FOR + 1}, "valid for up to 366 days"),
        ([add()], {"now": 2**53}, "valid for up to 366 days"),
        ([add()], {"seen": (3, bytes(32)), "sequence": START._replace(seen_size=4)}, "cite one at least as large"),
    ],
)
def test_what_makes_no_entry_is_refused(acts: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        entry_of(acts, **changes)
