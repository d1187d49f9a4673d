"""The commands `export --list` and `diff --csv`: tables of members for spreadsheets, programs, and back again."""

from __future__ import annotations

import csv
import json
import os
from datetime import UTC, datetime

import pytest

from creditledger.transfer.state_export import plain_cell
from transfer.mirror import sdn_file
from transfer.office import SDN, Office

NAMES = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "'quoted", 'a "b", c; d', "ÅNGSTRÖM", "名前", "\u202eevil")


@pytest.fixture
def named(second: Office) -> Office:
    rows = [[one, NAMES[one] if one < len(NAMES) else f"NAME {one}"] for one in range(1, 41)]
    assert second.imports(sdn_file(second.place / "2.csv", rows), *SDN, "2025-02-01").code == 0
    return second


def test_a_table_is_what_diff_compares_with(named: Office) -> None:
    out = named.place / "members.csv"
    assert named.ask("export", named.ledger, "--list", "sdn", out).err.endswith(f"{out}: 40 rows: sdn on {today()}.\n")
    for more in ((), ("--all",), ("--with-content", *named.key())):
        out.unlink()
        assert named.ask("export", named.ledger, "--list", "sdn", out, *more).code == 0
        done = named.ask("diff", named.ledger, "sdn", "--csv", out)
        assert (done.code, len(done.out.splitlines())) == (0, 1), done
        assert "0 differences between members.csv and the ledger on " in done.err


def test_what_members_writes_is_what_diff_compares_with(named: Office) -> None:
    out = named.place / "members.csv"
    out.write_text(named.ask("members", named.ledger, "sdn", "--all", "--csv").out)
    assert named.ask("diff", named.ledger, "sdn", "--csv", out, "--json").out == ""


def test_differences_to_a_table(named: Office) -> None:
    out = named.place / "members.csv"
    assert named.ask("export", named.ledger, "--list", "sdn", out).code == 0
    path = sdn_file(named.place / "3.csv", ([one, f"NAME {one}"] for one in range(2, 42)))
    assert named.imports(path, *SDN, "2025-03-01").code == 0
    done = named.ask("diff", named.ledger, "sdn", "--csv", out, "--json")
    assert sorted((one["before"], one["after"]) for one in done.lines) == [
        ("listed", "removed"), ("not-in-file", "listed"),
    ]  # fmt: skip
    assert named.ask("diff", named.ledger, "sdn", "--csv", out, "--to", "2025-02-28", "--json").out == ""


def test_tables_that_are_refused(named: Office) -> None:
    path = named.place / "kept.csv"
    subject = f"handle:{'ab' * 32}"
    for text, code, said in (
        (f"subject,list\n{subject},other\n", 2, "line 2: the row is about list 'other'"),
        (f"subject,status\n{subject},listd\n", 1, "line 2: 'listd' is no status"),
        (f"subject,status\n{subject},listed\n{subject},removed\n", 1, "line 3: handle:abab"),
        ("name;subject\n", 1, "line 1: the first line must name, with commas between, a column `subject`"),
        ("scheme,value\nhandle,xyz\n", 1, "line 2: "),
        ("subject\n" + "x" * 300_000, 1, "line 1: the next line is longer than"),
    ):
        path.write_text(text)
        done = named.ask("diff", named.ledger, "sdn", "--csv", path)
        assert (done.code, said in done.err) == (code, True), done.err
        assert done.err.count(str(path)) == 1, "the place is said once"


def test_nasty_names_come_back_whole(named: Office) -> None:
    for form in ("csv", "jsonl"):
        out = named.place / f"members.{form}"
        done = named.ask("export", named.ledger, "--list", "sdn", out, "--format", form, "--disclose", "name",
                         "--disclose", "key", *named.key())  # fmt: skip
        assert done.err.endswith("It holds personal data in clear: name, key.\n")
        assert out.stat().st_mode & 0o777 == 0o600
        data = out.read_bytes()
        assert not data.startswith(b"\xef\xbb\xbf")
        if form == "csv":
            assert data.count(b"\r\n") == data.count(b"\n") == 41
            with out.open(encoding="utf-8", newline="") as file:
                names = {row["key"]: plain_cell(row["name"]) for row in csv.DictReader(file)}
        else:
            names = {row["key"]: row["name"] for row in map(json.loads, data.splitlines())}
        assert [names[str(one)] for one in range(1, len(NAMES))] == list(NAMES[1:])


def test_content_is_there_only_when_it_is_asked_for(named: Office) -> None:
    bare = named.ask("export", named.ledger, "--list", "sdn", "-").out
    assert "NAME" not in bare
    assert named.ask("export", named.ledger, "--list", "sdn", "-", "--with-content").code == 2
    done = named.ask("export", named.ledger, "--list", "sdn", "-", "--with-content", *named.key())
    assert done.out.splitlines()[0].endswith('"tainted","key","name","sdn_type"')
    assert "NAME 20" in done.out


def test_options_that_do_not_go_together(named: Office) -> None:
    for arguments in (
        ("--all",), ("--format", "csv"), ("--valid-at", "2025-01-01"), ("--disclose", "name"),
        ("--list", "sdn", "--as-is"), ("--list", "sdn", "--with-content", "--disclose", "name", *named.key()),
        ("--with-content", "--as-is", *named.key()),
    ):  # fmt: skip
        out = named.place / "out"
        assert named.ask("export", named.ledger, out, *arguments).code == 2, arguments
        assert not out.exists()


def test_a_table_replaces_nothing_and_leaves_no_half(named: Office) -> None:
    out = named.place / "members.csv"
    out.write_text("mine")
    assert named.ask("export", named.ledger, "--list", "sdn", out).code == 2
    assert out.read_text() == "mine"
    out.unlink()
    assert named.run("export", named.ledger, "--list", "sdn", out, max_file=1000).code == 1
    assert not [one for one in os.listdir(named.place) if "members" in one]


def today() -> str:
    """The day in the ledger's answers."""
    return datetime.now(UTC).date().isoformat()
