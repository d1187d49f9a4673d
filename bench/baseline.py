"""What the ledger is held against: merely verifying signatures, and a loop that does the bare work and nothing else.

`verify` runs in the same worker processes as the ledger's own checks do (`creditledger.workers`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import lmdb
from msgpack import packb, unpackb

from creditledger.keys import ed25519
from creditledger.record.entry import decode_entry
from world import read_entries

_COMMIT = 1000
_FLUSH = 50_000


def verify(path: str, offset: int, number: int) -> int:
    """Verify the signatures of so many entries in a file, all by the key of the first; returns how many."""
    signed = list(read_entries(path, offset, number))
    key = decode_entry(signed[0][0]).key[1:]
    check = ed25519.verify
    for data, (signature,) in signed:
        check(key, data, signature)
    return len(signed)


def tasks() -> dict[str, Callable[..., int]]:
    """What a worker runs."""
    return {"verify": verify}


def reference_loop(directory: Path, signed: Iterable[tuple[bytes, tuple[bytes]]]) -> int:
    """Hash, decode and put entries as an append does, without rules, tree, chains, checks or API; returns the acts.

    Records go into one LMDB environment, with full sync, a thousand to a commit; rows of subjects and of entries into
    another, in sorted batches of 50,000.
    """
    directory.mkdir()
    log = lmdb.open(str(directory / "log"), map_size=1 << 40, lib_version=0)
    state = lmdb.open(str(directory / "state"), map_size=1 << 40, lib_version=0)
    rows: dict[bytes, bytes] = {}
    batch: list[tuple[bytes, bytes]] = []
    prev, acts = bytes(32), 0
    for seq, (data, signatures) in enumerate(signed):
        entry = unpackb(data, use_list=False)
        digest = hashlib.sha256(data).digest()
        record = packb((1, seq, seq, prev, data, signatures))
        prev = hashlib.sha256(b"\0" + record).digest()
        key = seq.to_bytes(8, "big")
        batch.append((key, record))
        rows[b"a" + entry[4].to_bytes(12, "big")] = key
        for index, act in enumerate(entry[9]):
            _, list_id, (scheme, value), ground, _, effective, until, case, area, _, content, _ = act
            name = f"{list_id}\0{scheme}\0".encode() + (value if type(value) is bytes else value.encode())
            listing = (digest, index, seq, entry[2], (), False, case, ground, area, effective, until, None, (), ())
            rows[name] = packb(((listing,), (seq, index), [one for _, one in content], ()))
        acts += len(entry[9])
        if len(batch) == _COMMIT or acts % _COMMIT == 0:
            _put(log, batch)
            batch = []
        if len(rows) >= _FLUSH:
            _put(state, sorted(rows.items()))
            rows = {}
    _put(log, batch)
    _put(state, sorted(rows.items()))
    log.close()
    state.close()
    return acts


def _put(env: lmdb.Environment, pairs: list[tuple[bytes, bytes]]) -> None:
    with env.begin(write=True) as txn, txn.cursor() as cursor:
        cursor.putmulti(pairs)
