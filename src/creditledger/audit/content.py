"""Detached content, held against the commitments in the log: what is there must match, what was erased must be gone.

The fold writes, for each partition of the subjects, which items the log commits to and which of them it has erased.
Content that is not there is no evidence: it may be kept elsewhere, or never have been handed in. But a report says how
much is missing, and a check that was asked for, and had nothing to look at, was not made.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from creditledger.acts.content import MAX_CONTENT_BYTES, check_commitment, item_id, subject_key
from creditledger.audit import spool
from creditledger.audit.findings import Finding, FindingLog, failure, finding
from creditledger.audit.outside import require_files
from creditledger.codec.canonical import decode
from creditledger.errors import FormatError, VerificationFailed
from creditledger.ledger.receipt import content_item
from creditledger.store.private import PrivateStore

MAX_ITEM_BYTES: Final = MAX_CONTENT_BYTES + 1024

_PATIENCE: Final = (0.1, 0.4, 1.0)
"""Seconds to wait, again and again, for a writer that has recorded erasures and is about to carry them out."""


def check_private(path: Path, key: bytes, partitions: list[Path]) -> tuple[list[Finding], int, int]:
    """Check the items in the private store of a ledger's directory.

    Returns:
        The findings, how many items were checked, and how many the log commits to that are not there.

    Raises NoLedger if there is no store, KeyFileError if the key is another one.
    """
    findings = FindingLog()
    checked = absent = 0
    outlived: list[tuple[bytes, bytes]] = []
    require_files(path)
    with PrivateStore.open(path, key, readonly=True) as store:
        for file in partitions:
            for name, commitment, erased in _commitments(file):
                try:
                    item = store.get(name)
                    if item is not None and erased:
                        outlived.append((name, commitment))
                    elif item is not None:
                        check_commitment(commitment, *item)
                        checked += 1
                    elif not erased:
                        absent += 1
                except VerificationFailed as error:
                    findings.add(failure(error, None))
        for patience in _PATIENCE:
            if outlived:
                time.sleep(patience)
                outlived = [one for one in outlived if store.get(one[0]) is not None]
    for _, commitment in outlived:
        message = "content is still there, although the log records its erasure"
        findings.add(
            finding("LED-CONTENT", None, message, expected="nothing", found=f"the content of {commitment.hex()}")
        )
    return findings.told, checked, absent


def sort_items(items: Iterator[bytes], bounds: list[bytes], target: Path) -> list[Finding]:
    """Check the content items of an export file by themselves, and sort their ids into the partitions."""
    findings = FindingLog()
    partitions: list[list[bytes]] = [[] for _ in range(1 + len(bounds))]
    for data in items:
        try:
            item = content_item(decode(data, MAX_ITEM_BYTES))
            check_commitment(item.commitment, item.nonce, item.content)
        except FormatError as error:
            findings.add(finding("LED-CONTENT", None, f"an item of content cannot be read: {error}"))
        except VerificationFailed as error:
            findings.add(failure(error, None))
        else:
            place = bisect_right(bounds, subject_key(item.list, item.subject))
            partitions[place].append(item_id(item.list, item.subject, item.commitment))
    spool.write(target, [spool.pack(ids) for ids in partitions])
    return findings.told


def check_items(sorted_items: Path, partition: Path, whole: bool) -> tuple[list[Finding], int, int]:
    """Hold the items of one partition against what the log commits to; returns what `check_private` does.

    Unless the log was judged as a `whole`, an item may belong to an act that was not looked at.
    """
    number = int(partition.name.rpartition("-")[2])
    findings = FindingLog()
    live: set[bytes] = set()
    erased: set[bytes] = set()
    for name, _, gone in _commitments(partition):
        (erased if gone else live).add(name)
    section = spool.read(sorted_items, number)
    items = spool.unpack(section) if section else ()
    for name in items:
        if name in erased or (whole and name not in live):
            message = "content is there although the log records its erasure" if name in erased else (
                "content is there to which no act in the log commits"
            )  # fmt: skip
            findings.add(finding("LED-CONTENT", None, message, expected="nothing", found=f"item {name.hex()}"))
    return findings.told, len(items) - len(findings.told), len(live.difference(items))


def _commitments(file: Path) -> Iterator[tuple[bytes, bytes, bool]]:
    section = spool.read(file, 0)
    if section:
        yield from spool.unpack(section)
