"""Logs to be audited: worlds of `support` as export files and as ledgers' directories, honest or tampered with.

log = Log.of(courts())                  # its records, and a checkpoint for every one of them
log.records[7] = changed(log.records[7], recorded_at=0)
report = log.audit(tmp_path)            # written as an export file, and audited
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from creditledger.audit import Report, Trust, verify
from creditledger.codec.canonical import encode
from creditledger.ledger.layout import LOG_TABLES, Description, Layout
from creditledger.ledger.log import LOG_FORMAT, seq_key, write_tiles
from creditledger.ledger.log import Log as StoredLog
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import STATE_TABLES
from creditledger.record.entry import Entry, encode_entry, restore_entry
from creditledger.record.record import decode_record, encode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.store.port import Batch
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from creditledger.tlog.tiles import Tile, TreeBuilder
from creditledger.tlog.tree import leaf_hash
from support.world import World, signing_key

ORIGIN = "registry.example.org/defaulters"


def log_signer(label: str = "root:log", name: str = ORIGIN) -> NoteSigner:
    """Signs checkpoints with the log key of a label."""
    return NoteSigner(name, hashlib.sha256(b"key of " + label.encode()).digest())


def trust_in(records: list[bytes]) -> Trust:
    """Trust in the ledger that the first of these records founds (none: in one that nobody has founded)."""
    return Trust(ORIGIN, leaf_hash(records[0]) if records else bytes(32), (log_signer().verifier.vkey,))


@dataclass
class Log:
    """The records of a log, and its checkpoints by the size that they follow; content items as encoded."""

    records: list[bytes]
    trust: Trust
    notes: dict[int, bytes] = field(default_factory=dict)
    items: list[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, world: World, sizes: Iterable[int] | None = None) -> Log:
        """The log of a world, with a checkpoint at each of these sizes (default: every one)."""
        log = cls(list(world.records), trust_in(world.records[:1]))
        log.seal(range(1, len(log.records) + 1) if sizes is None else sizes)
        return log

    def seal(self, sizes: Iterable[int], signer: NoteSigner | None = None, origin: str = ORIGIN) -> None:
        """Sign checkpoints over the records as they are."""
        wanted = set(sizes)
        builder = TreeBuilder()
        for record in self.records:
            builder.push(leaf_hash(record))
            if builder.size in wanted:
                head = Checkpoint(origin, builder.size, builder.root())
                self.notes[builder.size] = sign_checkpoint(head, signer or log_signer())

    def relink(self, start: int) -> None:
        """Give the records from `start` on their right numbers and links, as somebody who covers his tracks would."""
        for seq in range(max(start, 1), len(self.records)):
            self.records[seq] = changed(self.records[seq], seq=seq, prev=leaf_hash(self.records[seq - 1]))

    def export(self) -> bytes:
        """The export file."""
        parts = [b"creditledger/export/v1\n"]
        for size, record in enumerate(self.records, 1):
            parts.append(frame(b"R", record))
            if size in self.notes:
                parts.append(frame(b"C", self.notes[size]))
        parts += [frame(b"P", item) for item in self.items]
        return sealed_export(b"".join(parts))

    def audit(self, path: Path, **options: Any) -> Report:
        """Audit it as an export file in the directory `path`."""
        file = path / "export"
        file.write_bytes(self.export())
        return verify(file, trust=self.trust, **{"raise_on_failure": False} | options)

    def store(self, path: Path, *, honest: bool = True) -> Path:
        """Write it as a ledger's directory; with `honest`, the derived state is replayed from it."""
        layout = Layout(path)
        path.mkdir()
        Description(self.trust.origin, self.trust.ledger_id).write(layout)
        engine = LmdbEngine.open(layout.log, LOG_TABLES, create=True)
        builder = TreeBuilder()
        tiles: list[Tile] = []
        with engine.batch() as batch:
            batch.put("meta", b"format", LOG_FORMAT)
            for seq, record in enumerate(self.records):
                batch.append("record", seq_key(seq), record)
                tiles.extend(builder.push(leaf_hash(record)))
            write_tiles(batch, builder, tiles)
            for size, note in sorted(self.notes.items()):
                batch.append("checkpoint", seq_key(size), note)
        log = StoredLog(engine)
        log.set_edge(builder)
        if honest:
            state = open_state(layout, create=True)
            replay(log, state, len(self.records))
            state.flush()
            state.close()
        engine.close()
        return path


def frame(kind: bytes, payload: bytes) -> bytes:
    """A frame of an export file."""
    return kind + len(payload).to_bytes(4, "big") + payload


def sealed_export(data: bytes) -> bytes:
    """An export file whose end frame fits what stands before it, whatever that is."""
    counts = {b"R": 0, b"C": 0, b"P": 0}
    at = data.index(b"\n") + 1
    while at < len(data):
        counts[data[at : at + 1]] += 1
        at += 5 + int.from_bytes(data[at + 1 : at + 5], "big")
    return data + frame(b"E", encode((*counts.values(), hashlib.sha256(data).digest())))


def changed(record: bytes, **changes: Any) -> bytes:
    """The record with fields replaced."""
    return encode_record(decode_record(record)._replace(**changes))


def entry_of(record: bytes) -> Entry:
    """What the record's entry says."""
    return restore_entry(decode_record(record).entry)


def resigned(record: bytes, signers: Iterable[str], **changes: Any) -> bytes:
    """The record with fields of its entry replaced, signed by the keys of these labels."""
    data = encode_entry(entry_of(record)._replace(**changes))
    return changed(record, entry=data, signatures=tuple(signing_key(label).sign(data) for label in signers))


def ids(report: Report) -> set[str]:
    """The ids of everything found."""
    return set(report.counts)


@contextmanager
def tampered(path: Path, tables: tuple[str, ...]) -> Iterator[Batch]:
    """Write to a store as somebody with access to its file would."""
    engine = LmdbEngine.open(path, tables)
    with engine.batch() as batch:
        yield batch
    engine.close()


def log_of(ledger: Path) -> Any:
    return tampered(ledger / "log", LOG_TABLES)


def state_of(ledger: Path) -> Any:
    return tampered(ledger / "state", STATE_TABLES)
