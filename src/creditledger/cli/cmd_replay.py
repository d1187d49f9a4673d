"""`creditledger replay`: the state rebuilt from the log, up to some point, and held against the stored one."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import click

from creditledger.cli import colour, options, output
from creditledger.cli.known import Known, KnownType
from creditledger.cli.ledgers import open_log
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import count
from creditledger.errors import UsageError, VerificationFailed
from creditledger.ledger.founding import system_clock
from creditledger.ledger.layout import Description, Layout
from creditledger.ledger.log import Log
from creditledger.ledger.queries import Queries, day_of, first_record_after, parse_subject_key
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import DIGEST_TABLES, STATE_TABLES, State
from creditledger.rules.governance_state import Governance
from creditledger.store.files import disk_error, sync_dir
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.lock import WriterLock


class Comparison(NamedTuple):
    """What became of holding the stored state against the log.

    `size` is how many records the stored state accounts for (None: there is none that can be used), `digest` its
    digest, `difference` where it first differs from what the log says, or empty.
    """

    size: int | None
    digest: bytes
    difference: str


class Outcome(NamedTuple):
    """A replayed state: its size and digest, the day its statuses are of, how many subjects have which, on lists of
    which polarity; and what came of the comparison with the stored state, if there was one."""

    size: int
    digest: bytes
    day: str
    counts: dict[str, Counter[str]]
    polarities: dict[str, str]
    stored: Comparison | None


@click.command("replay")
@options.directory
@click.option("--to", "last", metavar="SEQ", type=click.IntRange(0), help="Stop after record SEQ.")
@click.option("--known-at", type=KnownType(), help="Leave out what was recorded after this day, moment or record.")
@click.option(
    "--valid-at", type=options.DateType(), help="The day of the statuses counted [default: today, or that of the stop]."
)
@click.option("--rebuild", is_flag=True, help="Put the replayed state in place of the stored one.")
@options.dry_run
@options.as_json
def command(
    directory: Path,
    last: int | None,
    known_at: Known | None,
    valid_at: str | None,
    rebuild: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Rebuild the state of DIR from its log, by the rules, in memory; say its digest, and how many have which status.

    Without --to or --known-at the stored state is held against it: exit 3 if they differ. The stored state is derived
    data; --rebuild replaces it, and the log is never touched.
    """
    partly = last is not None or known_at is not None
    if last is not None and known_at is not None:
        raise UsageError("give --to or --known-at, not both")
    if partly and rebuild:
        raise UsageError("the stored state is rebuilt from the whole log; leave --to and --known-at out")
    layout = Layout(directory)
    Description.read(layout)
    with output.progress(quiet=as_json) as progress:
        if rebuild and not dry_run:
            with WriterLock(layout.lock), open_log(layout) as log:
                outcome = rebuild_state(layout, log, valid_at, progress)
        else:
            with open_log(layout) as log:
                until = None if known_at is None else known_at.resolve(log, _founded(log), log.size())
                size = _stop(log, last, until)
                with _in_memory() as state:
                    stored = None if partly else compare(layout, log, state, size, progress)
                    run(log, state, size, progress)
                    moment = until if until is not None or not partly else log.record(size - 1).recorded_at
                    outcome = measure(log, state, valid_at, moment, stored)
    differs = outcome.stored is not None and bool(outcome.stored.difference)
    if as_json:
        output.emit_json(outcome_json(outcome) | {"rebuilt": rebuild and not dry_run})
    else:
        _print(outcome, directory)
        if rebuild:
            output.say(
                f"{layout.state} would be replaced (--dry-run)." if dry_run else f"{layout.state} has been rebuilt."
            )
    return VerificationFailed.exit_code if differs and not rebuild else 0


def _founded(log: Log) -> Governance:
    """What record 0 says: enough to know the ledger's civil time."""
    with _in_memory() as state:
        replay(log, state, min(log.size(), 1), None)
        return state.governance


def _stop(log: Log, last: int | None, known_at: int | None) -> int:
    """How many records to replay."""
    size = log.size()
    if known_at is not None:
        return first_record_after(log, known_at, size)
    if last is None:
        return size
    if last >= size:
        raise UsageError(f"there is no record {last}; the ledger has {size} records, numbered from 0")
    return last + 1


@contextmanager
def _in_memory() -> Iterator[State]:
    state = State.in_memory()
    try:
        yield state
    finally:
        state.close()


def run(log: Log, state: State, size: int, progress: output.Progress | None) -> None:
    """Replays up to a size."""
    replay(log, state, size, None if progress is None else lambda done, total: progress("replaying", done, total))


def compare(layout: Layout, log: Log, state: State, size: int, progress: output.Progress | None) -> Comparison:
    """Replays as far as the stored state goes, and holds that against it."""
    stored = open_state(layout, readonly=True)
    try:
        if not stored.stored:
            return Comparison(None, b"", "")
        digest = stored.digest()
        if stored.stored > size:
            return Comparison(stored.stored, digest, f"it accounts for {stored.stored} records, the log has {size}")
        run(log, state, stored.stored, progress)
        if digest == state.digest():
            return Comparison(stored.stored, digest, "")
        return Comparison(stored.stored, digest, first_difference(stored, state))
    finally:
        stored.close()


def first_difference(stored: State, replayed: State) -> str:
    """The first row, by table and key, that two states do not have in common."""
    for table in DIGEST_TABLES:
        for left, right in zip_longest(stored.rows(table), replayed.rows(table)):
            if left != right:
                key = min(row[0] for row in (left, right) if row is not None)
                return f"it differs from the log first in table {table}, at {_row_name(table, key)}"
    return "its digest is another, though its rows are the same"


def _row_name(table: str, key: bytes) -> str:
    if table == "subject":
        list_id, subject = parse_subject_key(key)
        return f"{subject} on {list_id}"
    return key.decode() if key.isascii() else key.hex()


def measure(log: Log, state: State, valid_at: str | None, moment: int | None, stored: Comparison | None) -> Outcome:
    """Digest and counts of a state; `moment` is when it was known, None for now."""
    known = day_of(system_clock() if moment is None else moment, state.governance)
    day = valid_at or known
    queries = Queries(log, state, lambda: known)
    counts = {
        list_id: Counter(status for _, status, _ in queries.members(list_id, day, known))
        for list_id in sorted(state.governance.lists)
    }
    polarities = {list_id: row.definition.polarity for list_id, row in state.governance.lists.items()}
    return Outcome(state.applied, state.digest(), day, counts, polarities, stored)


def rebuild_state(layout: Layout, log: Log, valid_at: str | None, progress: output.Progress | None) -> Outcome:
    """Replays the whole log into a new state on disk, beside the old one, and only then puts it in its place."""
    new, old = layout.directory / "state.rebuilt", layout.directory / "state.replaced"
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        state = State(LmdbEngine.open(new, STATE_TABLES, create=True))
        try:
            run(log, state, log.size(), progress)
            state.flush()
            outcome = measure(log, state, valid_at, None, None)
        finally:
            state.close()
        if layout.state.exists():
            layout.state.rename(old)
        new.rename(layout.state)
        sync_dir(layout.directory)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise disk_error("replace", layout.state, error.errno, str(error)) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return outcome


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON."""
    stored = outcome.stored
    return {
        "size": outcome.size, "digest": outcome.digest.hex(), "valid_at": outcome.day,
        "counts": {list_id: dict(sorted(found.items())) for list_id, found in outcome.counts.items()},
        "stored": None if stored is None or stored.size is None else {
            "size": stored.size, "digest": stored.digest.hex(), "difference": stored.difference or None,
            "finding": "LED-STATE" if stored.difference else None,
        },
    }  # fmt: skip


COLUMNS = ("list", "status", "subjects")


def _print(outcome: Outcome, directory: Path) -> None:
    rows = [
        (list_id, colour.status(status, outcome.polarities[list_id]), str(number))
        for list_id, found in outcome.counts.items()
        for status, number in sorted(found.items())
    ]
    output.table(f"Who stands where on {outcome.day}, by the first {count(outcome.size, 'record')}", COLUMNS, rows)
    output.facts([("records", str(outcome.size)), ("state digest", outcome.digest.hex())], indent="")
    stored = outcome.stored
    if stored is None:
        return
    if stored.size is None:
        output.say("There is no stored state to compare with, or none that can be read; the next writer makes it anew.")
    elif stored.difference:
        output.remark(
            f"LED-STATE: the stored state, as of {stored.size} records, is not what the log says: {stored.difference}."
        )
        output.remark(
            "It is derived data, and this says nothing against the log. If nobody knows why it differs, let "
            "`creditledger verify` look at both. To put it right:"
        )
        output.say(f"  creditledger replay {typed(directory)} --rebuild")
    else:
        behind = outcome.size - stored.size
        more = f" (as of {stored.size} records; the last {behind} are replayed at each opening)" if behind else ""
        output.say(f"The stored state is what the log says{more}.")
