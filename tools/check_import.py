#!/usr/bin/env python3
"""Compare the members of a ledger's transcripts with members computed straight from the source file.

    tools/check_import.py sdn.csv --ledger registry --format ofac-sdn --list sdn --dated 2019-03-20
    tools/check_import.py history.jsonl --ledger registry --format events --list web --date-field recorded
    tools/check_import.py history.jsonl --ledger registry --format events --lists btc.txt=btc --lists eth.txt=eth

The source is read naively, with the standard library and without the importer's parsers: events are sorted by moment
and folded into a set of keys up to the end of each day at the ledger's UTC offset. The ledger is asked through its
public interface; a handle is read back through the content labelled `key`. Both must be the same set on every day.

Ends with 0 if they are, with 1 if not (printing keys that are in one only) or if they cannot be compared. A key that
was skipped in an import, and one that was erased, differs.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from creditledger.acts.kinds import Subject
from creditledger.codec.dates import offset_minutes
from creditledger.errors import LedgerError
from creditledger.ledger.ledger import Ledger
from creditledger.store.master_key import read_master_key

SHOWN = 10
SAMPLED = 12

Members = dict[str, set[str]]
"""The keys on each list."""


class Events:
    """A history of events: (moment, list, key, whether it adds), sorted by moment."""

    def __init__(self, arguments: argparse.Namespace, zone: timezone) -> None:
        names = dict(pair.split("=", 1) for pair in arguments.lists)
        rows = [json.loads(line) for line in arguments.file.read_text("utf-8-sig").splitlines() if line.strip()]
        self._events: list[tuple[datetime, str, str, bool]] = []
        for row in rows:
            moment = datetime.fromisoformat(row[arguments.date_field])
            moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
            list_id = arguments.list or names[row[arguments.list_field]]
            adds = row[arguments.action_field] == arguments.add_word
            self._events.append((moment, list_id, str(row[arguments.key_field]), adds))
        self._events.sort(key=lambda event: event[0])
        self.lists = sorted({event[1] for event in self._events})

    def days(self) -> list[str]:
        """Some of the days on which something happened, the first and the last among them, each with the day before."""
        happened = sorted({event[0].date() for event in self._events})
        step = max(1, len(happened) // SAMPLED)
        chosen = {*happened[::step], *happened[-1:]}
        return sorted({day.isoformat() for one in chosen for day in (one, one - timedelta(days=1))})

    def members(self, day: str) -> Members:
        """Who is on each list at the end of a day."""
        found: Members = {list_id: set() for list_id in self.lists}
        for moment, list_id, key, adds in self._events:
            if moment.date() > date.fromisoformat(day):
                break
            (found[list_id].add if adds else found[list_id].discard)(key)
        return found


class Snapshot:
    """One edition of OFAC's sdn.csv: the numbers in its first column."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        data = arguments.file.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\x1a", b"")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("cp1252")
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if len(row) > 1]
        self._keys = {str(int(row[0])) for row in rows if row[0].strip().isdecimal()}
        self._dated: str = arguments.dated
        self.lists = [arguments.list]

    def days(self) -> list[str]:
        """The day of issue and the one after."""
        return [self._dated, (date.fromisoformat(self._dated) + timedelta(days=1)).isoformat()]

    def members(self, day: str) -> Members:
        """Who is on the list, from the day of issue on."""
        if day < self._dated:
            raise SystemExit(f"an edition of {self._dated} says nothing about {day}")
        return {self.lists[0]: self._keys}


class Recorded:
    """The ledger's members by the source's keys."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._keys: dict[tuple[str, Subject], str] = {}

    def members(self, list_id: str, day: str) -> set[str]:
        """Who is listed on a day."""
        return {self._key(list_id, found[0]) for found in self._ledger.members(list_id, valid_at=day)}

    def _key(self, list_id: str, subject: Subject) -> str:
        if isinstance(subject.value, str):
            return subject.value
        key = self._keys.get((list_id, subject))
        if key is None:
            key = self._keys[list_id, subject] = next(
                self._contents(list_id, subject), f"{subject} (content is not here)"
            )
        return key

    def _contents(self, list_id: str, subject: Subject) -> Iterator[str]:
        for item in self._ledger.history(subject, list_id):
            for label, digest in getattr(item.act, "content", ()):
                content = self._ledger.content(list_id, subject, digest) if label == "key" else None
                if content is not None:
                    yield content.decode()


def main() -> int:
    """Compare, print what differs, and return the exit status."""
    arguments = _arguments()
    key = None if arguments.content_key is None else read_master_key(arguments.content_key)
    differences = 0
    with Ledger.open(arguments.ledger, content_key=key) as ledger:
        row = ledger.governance.ledger
        zone = timezone(timedelta(minutes=offset_minutes(row.utc_offset if row is not None else "+00:00")))
        source = Events(arguments, zone) if arguments.format == "events" else Snapshot(arguments)
        recorded = Recorded(ledger)
        for day in arguments.day or source.days():
            expected = source.members(day)
            for list_id in source.lists:
                found = recorded.members(list_id, day)
                differences += found != expected[list_id]
                print(f"{day} {list_id}: {len(expected[list_id])} in the file, {len(found)} in the ledger")
                for what, keys in (("file", expected[list_id] - found), ("ledger", found - expected[list_id])):
                    for one in sorted(keys)[:SHOWN]:
                        print(f"  in the {what} only: {one}")
    print("the same on every day" if not differences else f"{differences} comparisons differ", file=sys.stderr)
    return 1 if differences else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--ledger", type=Path, required=True, help="the ledger's directory")
    parser.add_argument("--content-key", type=Path, help="the file of the master key, for lists with handles")
    parser.add_argument("--format", choices=("ofac-sdn", "events"), required=True)
    parser.add_argument("--list", help="the list of the whole file")
    parser.add_argument(
        "--lists", action="append", default=[], metavar="VALUE=LIST", help="the list for a field's value"
    )
    parser.add_argument("--dated", help="the day of issue of a snapshot")
    parser.add_argument("--day", action="append", help="a day to compare; may be given several times")
    for name, default in (("key", "key"), ("action", "action"), ("date", "recorded"), ("list", "list")):
        parser.add_argument(f"--{name}-field", default=default)
    parser.add_argument("--add-word", default="add", help="what an addition is called; everything else removes")
    arguments = parser.parse_args()
    if arguments.format == "ofac-sdn" and not (arguments.list and arguments.dated):
        parser.error("a snapshot needs --list and --dated")
    if arguments.format == "events" and bool(arguments.list) == bool(arguments.lists):
        parser.error("events need either --list or --lists")
    return arguments


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LedgerError, OSError, KeyError, ValueError) as error:
        sys.exit(f"cannot compare: {type(error).__name__}: {error}")
