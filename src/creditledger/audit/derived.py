"""Derived data other than subjects' rows, held against what the log says: governance, heads, indexes, tiles.

What differs here is no evidence about the log, which stands by itself: it is found, named as derived, and rebuilt.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from creditledger.audit import spool
from creditledger.audit.findings import Finding, FindingLog, failure, finding
from creditledger.audit.fold import StoredState
from creditledger.audit.judge import Expected
from creditledger.audit.passes import AUTHORS, HEADER
from creditledger.audit.published import PublishedRecords
from creditledger.audit.rowwords import different_row
from creditledger.audit.source import Records
from creditledger.audit.spine import compare_tile, tile_root
from creditledger.ledger.log import seq_key
from creditledger.rules.governance_state import GOVERNANCE_TABLES
from creditledger.tlog.tiles import TILE_BYTES

TABLES: Final = (*GOVERNANCE_TABLES, "governed", "head", "keyno")
"""Tables that are small enough to be compared whole."""

_META: Final = (b"applied", b"format")
_AUTHOR = struct.Struct(">IQ")


def write_expected(path: Path, expected: Expected) -> None:
    """Keep the rows of these tables for `compare_tables`."""
    spool.write(path, [spool.pack(expected.get(table, [])) for table in TABLES])


def compare_tables(path: Path, state: StoredState) -> list[Finding]:
    """Compare every row of the small tables, and count the rows of the index of authors."""
    findings = FindingLog()
    for number, table in enumerate(TABLES):
        section = spool.read(path, number)
        expected = iter(spool.unpack(section) if section else ())
        for key, due, found in differences(expected, state.snapshot.range(table)):
            findings.add(different_row(table, key, due, found))
    for key, value in state.snapshot.range("meta"):
        if key not in _META:
            findings.add(different_row("meta", key, None, value))
    count = state.snapshot.count("author")
    if count != state.applied:
        message = "the index of authors has another number of rows than there are records applied"
        findings.add(finding("LED-STATE", None, message, expected=str(state.applied), found=str(count), derived=True))
    return findings.told


def compare_erasures(names: Iterable[bytes], state: StoredState) -> list[Finding]:
    """Compare the index of erasures; a name is the number of the record and the id of the item."""
    findings = FindingLog()
    expected = ((name, b"") for name in sorted(set(names)) if name < seq_key(state.applied))
    for key, due, found in differences(expected, state.snapshot.range("erasure")):
        findings.add(different_row("erasure", key, due, found))
    return findings.told


def compare_authors(path: Path, start: int, stop: int, keyno: Mapping[bytes, int], state: StoredState) -> list[Finding]:
    """Compare the index of authors for the records of one range, up to `stop`."""
    findings = FindingLog()
    keys, packed = spool.unpack(spool.read(path, AUTHORS))
    openings = spool.unpack(spool.read(path, HEADER))[1]
    authors = array("I")
    authors.frombytes(packed)
    places: list[list[int]] = [[] for _ in keys]
    for seq, author in enumerate(authors[: max(min(stop, state.applied) - start, 0)], start):
        places[author].append(seq)
    for (_, key, first, _), seqs in zip(openings, places, strict=True):
        number = keyno[key]
        rows = ((_AUTHOR.pack(number, first + at), seq_key(seq)) for at, seq in enumerate(seqs))
        stored = state.snapshot.range("author", _AUTHOR.pack(number, first), _AUTHOR.pack(number, first + len(seqs)))
        for name, due, found in differences(rows, stored):
            findings.add(different_row("author", name, due, found))
    return findings.told


def compare_upper_tiles(hashes: bytes, source: Records) -> list[Finding]:
    """Compare the stored tiles from level 1 upwards with those over `hashes`, one for each full tile of leaves."""
    found = []
    level = 1
    while hashes:
        above = bytearray()
        for index, at in enumerate(range(0, len(hashes), TILE_BYTES)):
            tile = hashes[at : at + TILE_BYTES]
            found.append(compare_tile(level, index, tile, source.tile(level, index)))
            if len(tile) == TILE_BYTES:
                above += tile_root(tile)
        hashes = bytes(above)
        level += 1
    return [one for one in found if one is not None]


def check_upper_tiles(source: PublishedRecords) -> list[Finding]:
    """Hold the published tiles from level 1 upwards, and the last of every level, against the signed root."""
    return [failure(one, None)._replace(derived=True) for one in source.wrong_tiles()]


def differences(
    expected: Iterator[tuple[bytes, bytes]], stored: Iterator[tuple[bytes, bytes]]
) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Yield key, row expected and row stored wherever two tables in key order differ; None stands for no row."""
    due, found = next(expected, None), next(stored, None)
    while due is not None or found is not None:
        if due == found:
            due, found = next(expected, None), next(stored, None)
        elif found is None or (due is not None and due[0] < found[0]):
            yield due[0], due[1], None  # type: ignore[index]  # one of the two is there
            due = next(expected, None)
        elif due is None or found[0] < due[0]:
            yield found[0], None, found[1]
            found = next(stored, None)
        else:
            yield due[0], due[1], found[1]
            due, found = next(expected, None), next(stored, None)
