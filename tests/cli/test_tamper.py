"""`tamper`: exactly one bit of one record differs in the copy, and the original is as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.bench import Bench, fingerprint, rows
from cli.program import Program
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.log import seq_key
from creditledger.ledger.state import STATE_TABLES


@pytest.mark.parametrize(("byte", "bit"), [(None, None), (0, 7), (3, 0), (200, 5), (300, 2)])
def test_one_bit_of_one_record_differs(demo: Bench, tmp_path: Path, byte: int | None, bit: int | None) -> None:
    before = fingerprint(demo.ledger.parent)
    seq = demo.story.events[2].record
    options = [] if byte is None else ["--byte", byte, "--bit", bit]
    done = demo.run("tamper", demo.ledger, tmp_path / "copy", "--record", seq, *options, "--json")
    assert done.code == 0, done.err
    assert fingerprint(demo.ledger.parent) == before
    original, altered = rows(demo.ledger / "log", LOG_TABLES), rows(tmp_path / "copy" / "log", LOG_TABLES)
    assert original.keys() == altered.keys()
    changed = [place for place in original if original[place] != altered[place]]
    assert changed == [("record", seq_key(seq))]
    left, right = original[changed[0]], altered[changed[0]]
    where = [at for at, (one, other) in enumerate(zip(left, right, strict=True)) if one != other]
    assert where == [done.json["byte"]]
    assert (left[where[0]] ^ right[where[0]]).bit_count() == 1
    assert done.json["before"]["hex"] == f"{left[where[0]]:02x}"
    assert done.json["after"]["hex"] == f"{right[where[0]]:02x}"
    assert rows(demo.ledger / "state", STATE_TABLES) == rows(tmp_path / "copy" / "state", STATE_TABLES)


def test_the_copy_holds_content_but_no_key_no_trust_file_and_no_lock(demo: Bench, tmp_path: Path) -> None:
    assert demo.run("tamper", demo.ledger, tmp_path / "copy", "--record", 1).code == 0
    names = sorted(str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*"))
    assert [name for name in names if not name.endswith("lock.mdb")] == [
        "ledger.toml", "log", "log/data.mdb", "private", "private/content-000001.seg", "state", "state/data.mdb",
    ]  # fmt: skip
    segment = "private/content-000001.seg"
    assert (tmp_path / "copy" / segment).read_bytes() == (demo.ledger / segment).read_bytes()
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700


def test_by_default_a_date_is_changed_and_the_words_say_so(demo: Bench, tmp_path: Path) -> None:
    seq = next(one.record for one in demo.story.events if "stolen" in one.text)
    done = demo.run("tamper", demo.ledger, tmp_path / "copy", "--record", seq)
    assert done.code == 0
    assert "part of entry.acts[0].until" in done.out
    assert '"2025-10-01"' in done.out
    assert '"2024-10-01"' in done.out
    assert f"creditledger verify {tmp_path / 'copy'} --trust" in done.err


def test_nothing_of_the_copy_is_served(demo: Bench, tmp_path: Path) -> None:
    seq = demo.story.events[2].record
    assert demo.run("tamper", demo.ledger, tmp_path / "copy", "--record", seq).code == 0
    subject = demo.subject("a firm whose listing was quashed")
    for arguments in (["show", tmp_path / "copy", seq], ["lookup", tmp_path / "copy", *subject]):
        done = demo.run(*arguments)
        assert (done.code, done.out) == (3, "")
        assert "LED-TREE" in done.err


def test_a_copy_of_a_copy_that_cannot_be_read_needs_to_be_told_the_byte(demo: Bench, tmp_path: Path) -> None:
    assert demo.run("tamper", demo.ledger, tmp_path / "one", "--record", 5, "--byte", 0, "--bit", 4).code == 0
    refused = demo.run("tamper", tmp_path / "one", tmp_path / "two", "--record", 5)
    assert refused.code == 2
    assert "--byte" in refused.err
    assert not (tmp_path / "two").exists()
    back = demo.run("tamper", tmp_path / "one", tmp_path / "two", "--record", 5, "--byte", 0, "--bit", 4)
    assert back.code == 0
    assert rows(tmp_path / "two" / "log", LOG_TABLES) == rows(demo.ledger / "log", LOG_TABLES)


def test_what_is_there_is_never_replaced(demo: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "directory").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = fingerprint(tmp_path)
    inside = demo.ledger / "copy"
    around = tmp_path / "link"
    around.symlink_to(demo.ledger)
    for out in (tmp_path / "file", tmp_path / "directory", tmp_path / "dangling", demo.ledger, inside, around / "copy"):
        done = demo.run("tamper", demo.ledger, out, "--record", 1)
        assert done.code == 2, done
        assert not inside.exists()
        assert os.path.lexists(tmp_path / "dangling")
    around.unlink()
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--record", 9999], "there is no record 9999"),
        (["--record", 1, "--byte", 99_999], "there is no byte 99999"),
        (["--record", 1, "--bit", 8], "--bit"),
        (["--record", -1], "--record"),
        ([], "--record"),
    ],
)
def test_what_cannot_be_changed(demo: Bench, tmp_path: Path, options: list[object], said: str) -> None:
    done = demo.run("tamper", demo.ledger, tmp_path / "copy", *options)
    assert done.code == 2
    assert said in done.err
    assert not (tmp_path / "copy").exists()


def test_a_dry_run_copies_nothing(demo: Bench, tmp_path: Path) -> None:
    done = demo.run("tamper", demo.ledger, tmp_path / "copy", "--record", 1, "--dry-run", "--json")
    assert done.code == 0
    assert done.json["copy"] is None
    assert not (tmp_path / "copy").exists()


def test_a_copy_that_fails_leaves_nothing_behind(demo: Bench, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full").chmod(0o500)
    done = demo.run("tamper", demo.ledger, tmp_path / "full" / "copy", "--record", 1, mortal=True)
    assert done.code == 1
    assert "access is denied" in done.err
    assert not (tmp_path / "full" / "copy").exists()
    halfway = demo.run("tamper", demo.ledger, tmp_path / "copy", "--record", 1, max_file=100_000)
    assert halfway.code == 1
    assert f"{tmp_path / 'copy'}" in halfway.err
    assert not (tmp_path / "copy").exists()
    missing = demo.run("tamper", demo.ledger, tmp_path / "missing" / "copy", "--record", 1)
    assert missing.code == 1
    assert "check the path" in missing.err


def test_a_fork_has_the_same_entries_and_another_root_from_the_record_on(demo: Bench, tmp_path: Path) -> None:
    before = fingerprint(demo.ledger.parent)
    signing = ["--log-key", demo.key("log")]
    done = demo.run("tamper", demo.ledger, tmp_path / "fork", "--fork", "--record", 51, *signing, "--json")
    assert done.code == 0, done.err
    assert fingerprint(demo.ledger.parent) == before
    original, other = rows(demo.ledger / "log", LOG_TABLES), rows(tmp_path / "fork" / "log", LOG_TABLES)
    records = sorted(key for table, key in original if table == "record")
    differ = [int.from_bytes(key, "big") for key in records if original["record", key] != other["record", key]]
    assert differ == list(range(51, len(records)))
    assert len(differ) > 1
    assert done.json["root"] != done.json["other_root"]
    elsewhere = ["--trust", demo.trust, "--head-dir", tmp_path / "elsewhere"]
    # Somebody else's: who has verified the original here is told that this is another history.
    verified = Program(tmp_path / "home")("verify", tmp_path / "fork", *elsewhere)
    assert verified.code == 0, verified.out
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "more", [["--byte", 3], ["--dry-run"], ["--record", 0], ["--record", 99_999], ["--record", 20]]
)
def test_what_cannot_be_forked_is_refused(demo: Bench, tmp_path: Path, more: list[object]) -> None:
    signing = ["--log-key", demo.key("log")]
    done = demo.run("tamper", demo.ledger, tmp_path / "fork", "--fork", *signing, *more)
    assert done.code == 2
    assert not (tmp_path / "fork").exists()
    if more == ["--record", 20]:  # A key that was added after it begins its chain with the hash of that very record.
        assert "R-ENTRY-CHAIN" in done.err
