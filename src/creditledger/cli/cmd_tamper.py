"""`creditledger tamper`: a copy of a ledger with one bit of one record changed, or with another history, to see what
catches it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import click

from creditledger.cli import options, output
from creditledger.cli.annotate import Part, annotate
from creditledger.cli.forking import fork
from creditledger.cli.ledgers import open_reader
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import count
from creditledger.errors import FormatError, StoreError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.layout import LOG_TABLES, Description, Layout
from creditledger.ledger.log import seq_key
from creditledger.ledger.state import STATE_TABLES
from creditledger.store.files import DIR_MODE, FILE_MODE, disk_error
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.port import Engine, Snapshot

CHUNK = 10_000
_DATE = re.compile(r'"[0-9]{4}-[0-9]{2}-[0-9]{2}"').fullmatch
_SEGMENT = re.compile(r"content-[0-9]{6}\.seg").fullmatch


class Change(NamedTuple):
    """One byte of a record before and after, and the part of the record it belongs to (None: nobody can tell)."""

    seq: int
    byte: int
    before: int
    after: int
    record: bytes
    part: Part | None

    @property
    def altered(self) -> bytes:
        """The record with the byte changed."""
        return self.record[: self.byte] + bytes((self.after,)) + self.record[self.byte + 1 :]

    @property
    def path(self) -> str:
        """What the byte is part of."""
        return self.part.path if self.part is not None else "a record that cannot be read"

    def meaning(self, byte: int) -> str:
        """What the part says with this byte in its place."""
        if self.part is None:
            return "unknown"
        at = self.byte - self.part.offset
        return self.part.reading(self.part.data[:at] + bytes((byte,)) + self.part.data[at + 1 :])


@click.command("tamper")
@options.directory
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--record", "seq", type=click.IntRange(0), help="The record to change, or to part at [--fork: the last].")
@click.option(
    "--byte", type=click.IntRange(0), help="Which byte of it, from 0 [default: in its acts, a date if there is one]."
)
@click.option(
    "--bit", type=click.IntRange(0, 7), default=0, show_default=True, help="Which bit of the byte; 0 counts least."
)
@click.option("--fork", "forked", is_flag=True, help="Make a second history instead, signed with --log-key.")
@click.option("--log-key", type=click.Path(path_type=Path), help="The key file that signs checkpoints, for --fork.")
@options.dry_run
@options.passphrase
@options.as_json
def command(
    directory: Path,
    out: Path,
    seq: int | None,
    byte: int | None,
    bit: int,
    forked: bool,
    log_key: Path | None,
    dry_run: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    as_json: bool,
) -> None:
    """Copy the ledger DIR to OUT with one bit of one record changed. DIR itself is only read.

    What changes it is somebody with access to the database, and nothing else: state, content and ledger.toml come
    along, keys and the trust file do not. `creditledger verify` names the record.

    With --fork, what changes it is an operator who keeps two sets of books: OUT holds the same entries, recorded a
    second later from --record on, and signed with the same log key. On a machine that has not signed for the ledger
    each of the two verifies by itself; `creditledger watch`, or whoever holds both checkpoints, proves the fork.
    """
    if forked:
        if log_key is None or byte is not None or dry_run:
            raise UsageError("--fork needs --log-key, and takes neither --byte nor --dry-run")
        _require_new(directory, out)
        _fork(directory, out, seq, options.load_signer(log_key, passphrase_file, passphrase_fd), as_json=as_json)
        return
    if seq is None or log_key is not None:
        raise UsageError("say with --record which record is to be changed; --log-key is for --fork")
    layout = Layout(directory)
    description = Description.read(layout)
    _require_new(directory, out)
    log = LmdbEngine.open(layout.log, LOG_TABLES, readonly=True)
    try:
        with log.snapshot() as snapshot:
            change = choose(snapshot, seq, byte, bit)
            if not dry_run:
                with output.progress(quiet=as_json) as progress:
                    copy(layout, description, snapshot, Layout(out), change, progress)
    finally:
        log.close()
    trust = directory / "ledger.trust"
    ours = typed(out)
    verify = f"creditledger verify {ours} --trust {typed(trust) if trust.exists() else 'TRUST-FILE'}"
    if as_json:
        output.emit_json(
            {
                "copy": None if dry_run else str(out), "record": seq, "byte": change.byte, "bit": bit,
                "path": change.path, "before": _value_json(change, change.before),
                "after": _value_json(change, change.after), "verify": verify,
            }
        )  # fmt: skip
        return
    output.heading(f"Record {seq}, byte {change.byte} of {len(change.record)}: part of {change.path}", gap=False)
    output.facts(
        [
            ("before", f"{change.before:02x}  {change.meaning(change.before)}"),
            ("after", f"{change.after:02x}  {change.meaning(change.after)}"),
        ]
    )
    if dry_run:
        output.say("Nothing was copied (--dry-run).")
    else:
        output.say(
            f"\n{out} is a copy of {directory} with this one bit changed; {directory} is as it was.\n"
            f"See what catches it, and that nothing of it is served:\n  {verify}\n  creditledger show {ours} {seq}"
        )


def _fork(directory: Path, out: Path, seq: int | None, log_signer: Signer, *, as_json: bool) -> None:
    """Makes a second history and says where it parts from the first."""
    with open_reader(directory) as ledger, output.progress(quiet=as_json) as progress:
        found = fork(ledger, out, ledger.size - 1 if seq is None else seq, log_signer, progress)
    if as_json:
        output.emit_json(
            {
                "copy": str(out), "parts_at": found.seq, "size": found.size, "root": found.root.hex(),
                "other_root": found.other_root.hex(),
            }
        )  # fmt: skip
        return
    output.heading(f"Two histories of {count(found.size, 'record')}, apart from record {found.seq} on", gap=False)
    output.facts([(str(directory), f"root {found.root.hex()}"), (str(out), f"root {found.other_root.hex()}")])
    output.say(
        f"\nWhoever sees only one of them finds nothing wrong: the log key signed both. Side by side they show:\n"
        f"  creditledger publish {typed(directory)} ONE\n  creditledger publish {typed(out)} OTHER\n"
        "  creditledger watch ONE OTHER --trust TRUST-FILE --state STATE --once"
    )


def _value_json(change: Change, byte: int) -> dict[str, str]:
    return {"hex": f"{byte:02x}", "meaning": change.meaning(byte)}


def _require_new(directory: Path, out: Path) -> None:
    if os.path.lexists(out):
        raise UsageError(f"{out} is there already; a tampered copy never replaces anything")
    if out.resolve().is_relative_to(directory.resolve()):
        raise UsageError(f"{out} lies within {directory}; the original is never touched, so copy it to another place")


def choose(snapshot: Snapshot, seq: int, byte: int | None, bit: int) -> Change:
    """The change to make; raises `UsageError` when there is no such record or byte."""
    record = snapshot.get("record", seq_key(seq))
    if record is None:
        raise UsageError(f"there is no record {seq}; the ledger has {snapshot.count('record')} records, from 0")
    try:
        parts = annotate(record)
    except FormatError:
        parts = []
    if byte is None:
        byte = _inside_the_acts(parts)
    if byte >= len(record):
        raise UsageError(f"record {seq} has {len(record)} bytes, numbered from 0; there is no byte {byte}")
    part = next((one for one in parts if one.offset <= byte < one.end), None)
    return Change(seq, byte, record[byte], record[byte] ^ 1 << bit, record, part)


def _inside_the_acts(parts: list[Part]) -> int:
    """The last digit of the year in the last date of the acts, or else the last byte of what they say."""
    said = [part for part in parts if part.path.startswith("entry.acts[") and part.kind != "header"]
    if not said:
        raise UsageError("the record cannot be read, so say with --byte which one is to be changed")
    dates = (part.offset + 3 for part in reversed(said) if _DATE(part.meaning))
    return next(dates, said[-1].end - 1)


def copy(
    source: Layout,
    description: Description,
    log: Snapshot,
    target: Layout,
    change: Change,
    progress: output.Progress | None,
) -> None:
    """Copies a ledger's directory, row by row, with the change made; leaves nothing behind if that fails."""
    try:
        target.directory.mkdir(mode=DIR_MODE)
    except OSError as error:
        raise disk_error("make", target.directory, error.errno, str(error)) from error
    try:
        description.write(target)
        key = seq_key(change.seq)
        with _new_engine(target.log, LOG_TABLES) as engine:
            for table in LOG_TABLES:
                altered = {key: change.altered} if table == "record" else {}
                _copy_table(log, engine, table, altered, progress)
        _copy_state(source, target, progress)
        _copy_content(source, target)
    except BaseException:
        shutil.rmtree(target.directory, ignore_errors=True)
        raise


def _copy_state(source: Layout, target: Layout, progress: output.Progress | None) -> None:
    try:
        state = LmdbEngine.open(source.state, STATE_TABLES, readonly=True)
    except StoreError:
        return  # It is derived: whoever opens the copy rebuilds it.
    try:
        with state.snapshot() as snapshot, _new_engine(target.state, STATE_TABLES) as engine:
            for table in STATE_TABLES:
                _copy_table(snapshot, engine, table, {}, progress)
    finally:
        state.close()


def _copy_content(source: Layout, target: Layout) -> None:
    """The encrypted content as it lies there."""
    if not source.private.is_dir():
        return
    path = target.private
    try:
        path.mkdir(mode=DIR_MODE)
        for segment in sorted(filter(_SEGMENT, os.listdir(source.private))):
            path = target.private / segment
            shutil.copyfile(source.private / segment, path)
            path.chmod(FILE_MODE)
    except OSError as error:
        raise disk_error("copy content to", path, error.errno, str(error)) from error


@contextmanager
def _new_engine(path: Path, tables: Sequence[str]) -> Iterator[LmdbEngine]:
    engine = LmdbEngine.open(path, tables, create=True, sync=False)
    try:
        yield engine
        engine.sync()
    finally:
        engine.close()


def _copy_table(
    source: Snapshot, target: Engine, table: str, altered: dict[bytes, bytes], progress: output.Progress | None
) -> None:
    """Copies the rows of a table, those in `altered` with another value."""
    rows = source.range(table)
    done, total = 0, source.count(table)
    while chunk := [(key, altered.get(key, value)) for key, value in islice(rows, CHUNK)]:
        with target.batch() as batch:
            batch.append_many(table, chunk)
        done += len(chunk)
        if progress is not None:
            progress(f"copying table {table}", done, total)
