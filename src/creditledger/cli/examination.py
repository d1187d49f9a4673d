"""What `creditledger doctor` looks at in a ledger's directory: a program of its own, run in a process of its own.

    python -m creditledger.cli.examination DIR HEAD-DIR CONTENT-KEY      (the last two may be empty)

The engine trusts its file, and a damaged one can end the process. Here that ends this process only: the doctor reads
what was found so far, and what was being looked at. Each line of output is a JSON array: the four elements of a `Line`,
or one text, what is looked at next. Nothing is written to the ledger.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from creditledger.acts.content import item_id
from creditledger.cli import cosigned_checkup
from creditledger.cli.checkup import NOTE, OK, PROBLEM, Line
from creditledger.cli.ledgers import open_log
from creditledger.cli.options import format_moment
from creditledger.cli.suggesting import typed
from creditledger.client.phrases import count
from creditledger.errors import KeyFileError, LedgerError, NoLedger, StoreError
from creditledger.ledger.founding import system_clock
from creditledger.ledger.layout import Description, Layout
from creditledger.ledger.log import Log
from creditledger.ledger.queries import parse_subject_key
from creditledger.ledger.replay import open_state
from creditledger.rules.rows import SubjectRow
from creditledger.store import segment
from creditledger.store.files import SECTOR
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.lmdb_engine import probe
from creditledger.store.master_key import read_master_key
from creditledger.store.private import PrivateStore

CLOCK_SLACK = 5_000_000
"""Microseconds by which the last record may be ahead of this machine's clock without a remark."""


def main(directory: str, heads: str, content_key: str) -> None:
    """Examines a directory and prints what it finds, line by line, as soon as it is found."""
    for found in examine(Path(directory), Path(heads) if heads else None, Path(content_key) if content_key else None):
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def examine(directory: Path, heads: Path | None, content_key: Path | None) -> Iterator[Line | str]:
    """Yields what is found, and before each step what is looked at next."""
    layout = Layout(directory)
    yield "ledger.toml"
    try:
        description = Description.read(layout)
    except LedgerError as error:
        advice = (
            "" if isinstance(error, NoLedger) else "restore ledger.toml from a backup, or the ledger from an export"
        )
        yield Line(PROBLEM, "ledger.toml", str(error), advice)
        return
    yield Line(OK, "ledger.toml", f"{description.origin}, id {description.ledger_id.hex()}")
    yield from _permissions(layout)
    writer = writer_of(layout)
    yield Line(OK, "writer", "nobody writes just now") if writer is None else Line(NOTE, "writer", f"{writer} writes")
    sound = {}
    for name, path in (("log", layout.log), ("state", layout.state)):
        yield f"the structure of {path / 'data.mdb'}"
        line = _structure(layout, name, path)
        sound[name] = line.verdict != PROBLEM
        yield line
    if sound["log"]:
        yield f"the log in {layout.log}"
        yield from _log(layout, description, heads, with_state=sound["state"])
    yield f"the private content in {layout.private}"
    yield from _content(layout, content_key, with_state=sound["state"])


def writer_of(layout: Layout) -> str | None:
    """Who holds the writer's lock, or None."""
    try:
        descriptor = os.open(layout.lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared and given back at once: to ask for the lock is the one way to know, and the file is not written to.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        process = os.pread(descriptor, 20, 0).strip().decode(errors="replace")
        return f"process {process}{_name_of(process)}" if process.isdecimal() else "another process"
    finally:
        os.close(descriptor)
    return None


def _name_of(process: str) -> str:
    try:
        return f" ({Path('/proc', process, 'comm').read_text(encoding='utf-8').strip()})"
    except OSError:
        return ""


def _permissions(layout: Layout) -> Iterator[Line]:
    """Who can read and change the files."""
    paths = [layout.directory, layout.description, layout.log, layout.log / "data.mdb", layout.state, layout.private]
    if layout.private.is_dir():
        paths += sorted(layout.private.iterdir())
    found = [(path, path.stat()) for path in paths if path.exists()]
    foreign = [path for path, status in found if status.st_uid != os.geteuid()]
    writable = [path for path, status in found if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)]
    readable = [path for path, status in found if stat.S_IMODE(status.st_mode) & 0o077]
    closed = [path for path, status in found if not os.access(path, os.R_OK)]
    if closed:
        yield Line(
            PROBLEM, "permissions", f"{_names(closed)} cannot be read", "run this as the user whose ledger it is"
        )
    if writable:
        yield Line(
            PROBLEM, "permissions", f"{_names(writable)} can be written to by others", "chmod -R go-w the directory"
        )
    elif [path for path in readable if layout.private in (path, *path.parents)] and layout.directory in readable:
        yield Line(
            NOTE,
            "permissions",
            f"{_names(readable)} can be read by others; the content is encrypted",
            "chmod -R go= it",
        )
    if foreign:
        yield Line(NOTE, "permissions", f"{_names(foreign)} belongs to another user", "write as that user only")
    if not (closed or writable or foreign):
        yield Line(OK, "permissions", "the files are yours, and nobody else can write to them")


def _names(paths: list[Path]) -> str:
    return f"{paths[0]}" + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def _structure(layout: Layout, name: str, path: Path) -> Line:
    """The data file's pages, walked without the engine."""
    advice = (
        "restore the ledger from an export or a backup; nothing reads this file safely"
        if name == "log"
        else f"it is derived data, made anew by: creditledger replay {typed(layout.directory)} --rebuild"
    )
    before = writer_of(layout)
    if before is not None:
        return Line(NOTE, f"{name} file", f"not looked at while {before} writes", "run this again when nobody writes")
    data = path / "data.mdb"
    if data.exists() and not data.is_file():
        return Line(PROBLEM, f"{name} file", f"{data} is not a file", advice)
    try:
        size = data.stat().st_size
        probe(path)
    except (NoLedger, FileNotFoundError):
        if name == "log":
            return Line(PROBLEM, "log file", f"{data} is missing", advice)
        return Line(
            NOTE, "state file", "there is none", "the next writer makes it anew; readers replay the log meanwhile"
        )
    except StoreError as error:
        after = writer_of(layout)
        if after is not None:
            return Line(NOTE, f"{name} file", f"{after} began to write meanwhile", "run this again when nobody writes")
        return Line(PROBLEM, f"{name} file", str(error), advice)
    return Line(OK, f"{name} file", f"{size:,} bytes, every page in order")


def _log(layout: Layout, description: Description, heads: Path | None, *, with_state: bool) -> Iterator[Line | str]:
    try:
        with open_log(layout) as log:
            size = log.size()
            last = log.checkpoint()
            if last is None or last[0] != size:
                yield Line(
                    PROBLEM, "log", f"{size} records, and the last checkpoint covers {last[0] if last else 0}",
                    "records that no checkpoint covers count for nothing: see `creditledger verify`",
                )  # fmt: skip
            else:
                yield Line(OK, "log", f"{size} records, the tree has the root that was signed last")
            yield from _last_time(log, size)
            yield _head(log, description, size, heads)
            yield "the signatures of the newest checkpoint"
            yield from cosigned_checkup.examine(layout, last)
            if with_state:
                yield f"the state in {layout.state}"
                yield _state(layout, size)
    except LedgerError as error:
        yield Line(PROBLEM, "log", str(error), "find the record with `creditledger verify`; restore from an export")


def _last_time(log: Log, size: int) -> Iterator[Line]:
    """The last record's time against this machine's clock."""
    if not size:
        return
    last, now = log.record(size - 1).recorded_at, system_clock()
    if last > now + CLOCK_SLACK:
        yield Line(
            PROBLEM, "last record", f"recorded at {format_moment(last)}, and now is {format_moment(now)}",
            "this clock lags, or another one ran ahead; until it has caught up, new records get the last one's time",
        )  # fmt: skip
    else:
        yield Line(OK, "last record", f"recorded at {format_moment(last)}")


def _head(log: Log, description: Description, size: int, heads: Path | None) -> Line:
    """The log against the last head that this machine signed."""
    try:
        head = HeadStore(heads if heads is not None else default_head_dir(os.environ)).load(description.ledger_id)
    except LedgerError as error:
        return Line(PROBLEM, "head", str(error))
    if head is None:
        return Line(
            NOTE, "head", "this machine has never signed for this ledger; it can be read here, not written",
            "to write here, restore it from an export; do not copy the directory",
        )  # fmt: skip
    if head.size > size:
        return Line(
            PROBLEM, "head", f"{head.size} records were signed here, and the log has {size}: an old backup or copy",
            "do not write to it: catch up from an export, or found a new ledger that cites the old head",
        )  # fmt: skip
    if log.root_at(head.size) != head.root:
        return Line(
            PROBLEM, "head", f"the log has another history than the one signed here at size {head.size}",
            "two copies of the ledger were written to: keep both, and ask the auditors",
        )  # fmt: skip
    return Line(OK, "head", f"the log continues what was signed here last, at size {head.size}")


def _state(layout: Layout, size: int) -> Line:
    """How far the stored state goes."""
    state = open_state(layout, readonly=True)
    try:
        stored = state.stored
    finally:
        state.close()
    if stored > size:
        return Line(
            PROBLEM, "state", f"it accounts for {stored} records, and the log has {size}: it is of another log",
            f"it is derived data, made anew by: creditledger replay {typed(layout.directory)} --rebuild",
        )  # fmt: skip
    if stored == size:
        return Line(OK, "state", f"as of all {size} records (`creditledger replay` compares it row by row)")
    found = f"as of {stored} of {size} records" if stored else "absent, or not one that this version can read"
    return Line(
        NOTE, "state", found, "nothing to do: the rest is replayed at each opening, and stored by the next writer"
    )


def _content(layout: Layout, content_key: Path | None, *, with_state: bool) -> Iterator[Line]:
    """Whether content can be read, and whether what was erased is gone."""
    try:
        if not layout.private.is_dir():
            missing = _missing(layout, set()) if with_state else 0
            yield _not_here(missing) if missing else Line(OK, "content", "there is none")
            return
        live, damage, interrupted = _items(layout.private)
        if interrupted:
            yield Line(
                PROBLEM, "content", f"{interrupted} items are half erased: an erasure was interrupted",
                "carry out any erasure (`creditledger erase`): those that were interrupted are completed with it",
            )  # fmt: skip
        if damage:
            yield Line(
                PROBLEM,
                "content",
                f"damaged: {'; '.join(damage[:3])}",
                "restore it from an export made with its content",
            )
        else:
            yield Line(OK, "content", f"{len(live)} items, their frames in order")
        if live and with_state:
            yield from _erasures(layout, live)
        missing = _missing(layout, live) if with_state and not damage else 0
        if missing:
            yield _not_here(missing)
        if live and content_key is None:
            yield Line(
                NOTE, "content key", "not looked at", "give --content-key FILE to see whether it is the right one"
            )
        elif content_key is not None:
            PrivateStore.open(layout.private, read_master_key(content_key), readonly=True).close()
            yield Line(OK, "content key", f"{content_key} is the key of this content")
    except KeyFileError as error:
        yield Line(PROBLEM, "content key", str(error), "find the right key: nobody reads the content without it")
    except LedgerError as error:
        yield Line(PROBLEM, "content", str(error))
    except OSError as error:
        yield Line(PROBLEM, "content", f"{error.filename}: {error.strerror}")


def _missing(layout: Layout, live: set[bytes]) -> int:
    """How many items the log commits to, as far as the stored state goes, that were not erased and are not here."""
    state = open_state(layout, readonly=True)
    try:
        missing = 0
        for key, data in state.rows("subject"):
            commitments = SubjectRow.from_bytes(data).commitments
            if commitments:
                list_id, subject = parse_subject_key(key)
                missing += sum(item_id(list_id, subject, one) not in live for one in commitments)
        return missing
    finally:
        state.close()


def _not_here(missing: int) -> Line:
    return Line(
        NOTE, "content", f"{count(missing, 'item')} on record and not erased: not here",
        "if the content is not kept elsewhere, restore it from a backup, or from an export made with its content",
    )  # fmt: skip


def _items(private: Path) -> tuple[set[bytes], list[str], int]:
    """The ids of the items that are there, what is damaged, and how many items are half erased."""
    live: set[bytes] = set()
    damage = []
    interrupted = 0
    for path in sorted(private.glob("content-*.seg")):
        with path.open("rb") as file:
            header = segment.read_header(file.fileno())
            if header is None:
                damage.append(f"the header of {path.name}")
                continue
            size = os.fstat(file.fileno()).st_size
            end = segment.settled(file, header).committed
            if end > size:
                damage.append(f"{path.name} lacks its last {end - size} bytes")
            for found in segment.scan(file, SECTOR, min(end, size)):
                if found.state is segment.State.LIVE:
                    live.add(found.item_id)
                elif found.state is segment.State.HALF_ERASED:
                    interrupted += 1
                else:
                    damage.append(f"{found.length} bytes of {path.name} from byte {found.position} on")
    return live, damage, interrupted


def _erasures(layout: Layout, live: set[bytes]) -> Iterator[Line]:
    """Whether content is still there that an act on record ordered to be erased."""
    state = open_state(layout, readonly=True)
    try:
        left = sum(key[8:] in live for key, _ in state.rows("erasure"))
    finally:
        state.close()
    if left:
        yield Line(
            PROBLEM, "erasures", f"{left} items are still there whose erasure is on record",
            f"remove {layout.state} (it is derived) and append: every erasure on record is carried out again",
        )  # fmt: skip
    else:
        yield Line(OK, "erasures", "nothing is there whose erasure is on record")


if __name__ == "__main__":
    main(*sys.argv[1:4])
