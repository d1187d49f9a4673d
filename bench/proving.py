"""What proofs and checkpoints cost: tasks of `tasks.py`.

Proofs are made on a tree of any size that has tiles and no records, since a proof reads nothing else: leaves are random
hashes, and ten million of them are there in seconds.
"""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from creditledger.audit.trust import Trust
from creditledger.keys import mldsa
from creditledger.ledger.layout import LOG_TABLES
from creditledger.ledger.log import Log, tile_key
from creditledger.receipts.formats import Item, ReceiptFile
from creditledger.record.record import Record, encode_record
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import NoteSigner, Signer
from creditledger.tlog.policy import Policy
from creditledger.tlog.proof_file import TlogProof
from creditledger.tlog.tiles import TILE_BYTES, WIDTH, TreeBuilder, rows_of
from creditledger.tlog.tree import HASH_BYTES, check_consistency, check_inclusion
from world import ORIGIN

NOW = 1_772_366_400
_CHECKED = 50
_BATCH = 2000


def proofs(base: str, leaves: int, questions: int) -> dict[str, Any]:
    """Prove inclusion and consistency at random places of a tree of so many leaves.

    Seconds, median and 99th percentile: `inclusion` in the newest tree; `consistency` of a random older tree with the
    newest one; `between` two random older ones. Every fiftieth proof is checked by the checkers of `tlog.tree`.
    """
    log = grown(Path(base), leaves)
    drawn = random.Random(1)
    root = log.tree.root(leaves)
    seconds: dict[str, list[float]] = {"inclusion": [], "consistency": [], "between": []}

    def timed(name: str, prove: Callable[..., tuple[bytes, ...]], *given: int) -> tuple[bytes, ...]:
        began = time.perf_counter()
        proof = prove(*given)
        seconds[name].append(time.perf_counter() - began)
        return proof

    for number in range(questions):
        seq, old = drawn.randrange(leaves), drawn.randrange(1, leaves)
        first, second = sorted((drawn.randrange(1, leaves), drawn.randrange(1, leaves)))
        included = timed("inclusion", log.tree.inclusion, seq, leaves)
        extended = timed("consistency", log.tree.consistency, old, leaves)
        timed("between", log.tree.consistency, first, second)
        if number % _CHECKED == 0:
            check_inclusion(included, seq, log.tree.read(0, seq), leaves, root)
            check_consistency(extended, old, log.tree.root(old), leaves, root)
    log.engine.close()
    return {
        name: {"median": statistics.median(taken), "p99": sorted(taken)[len(taken) * 99 // 100]}
        for name, taken in seconds.items()
    }


def grown(directory: Path, leaves: int) -> Log:
    """A log of random leaves that has tiles alone, its tree as after opening."""
    engine = LmdbEngine.open(directory, LOG_TABLES, create=True)
    full = leaves // WIDTH
    hashes = []
    for first in range(0, full, _BATCH):
        with engine.batch() as batch:
            for index in range(first, min(first + _BATCH, full)):
                tile = os.urandom(TILE_BYTES)
                batch.put("tile", tile_key(0, index), tile)
                hashes.append(rows_of(tile)[-1])
    level = 1
    while hashes:
        above = []
        with engine.batch() as batch:
            for index in range(-(-len(hashes) // WIDTH)):
                tile = b"".join(hashes[index * WIDTH : (index + 1) * WIDTH])
                batch.put("tile", tile_key(level, index), tile)
                if len(tile) == TILE_BYTES:
                    above.append(rows_of(tile)[-1])
        hashes, level = above, level + 1
    log = Log(engine)
    rest = [os.urandom(HASH_BYTES) for _ in range(leaves % WIDTH)]

    def stored(level: int, index: int, _width: int) -> bytes | None:
        with engine.snapshot() as snapshot:
            return snapshot.get("tile", tile_key(level, index))

    log.set_edge(TreeBuilder.restore(leaves, rest, stored))
    return log


def checkpoints(entry_bytes: int, leaves: int, rounds: int) -> dict[str, Any]:
    """Sign and verify a checkpoint, with more and more signatures on it; and the size of what carries it.

    For each kind of checkpoint: `sign` and `verify`, median seconds of all signatures on it; `note`, `proof` and
    `receipt`, the bytes of it, of a .tlog-proof of one record in a tree of so many leaves, and of a receipt for a
    record with an entry of so many bytes.
    """
    log = NoteSigner(ORIGIN, _seed("log"))
    lattice = MlDsaSigner(ORIGIN, _seed("lattice"), lambda: 0)
    witnesses = [CosignatureSigner(f"w{n}.example/witness", _seed(f"w{n}"), lambda: NOW) for n in range(10)]
    lattice_witnesses = [MlDsaSigner(f"q{n}.example/witness", _seed(f"q{n}"), lambda: NOW) for n in range(3)]
    kinds: dict[str, tuple[list[Signer], list[CosignatureSigner | MlDsaSigner]]] = {
        "Ed25519": ([log], []),
        "and ML-DSA-44": ([log, lattice], []),
        "and ML-DSA-44, 3 witnesses": ([log, lattice], [*witnesses[:3]]),
        "and ML-DSA-44, 10 witnesses": ([log, lattice], [*witnesses]),
        "and ML-DSA-44, 3 ML-DSA-44 witnesses": ([log, lattice], [*lattice_witnesses]),
    }
    return {
        name: _checkpoint(log, signers, cosigners, lattice, entry_bytes, leaves, rounds)
        for name, (signers, cosigners) in kinds.items()
    }


def _checkpoint(
    log: NoteSigner, signers: list[Signer], cosigners: list[CosignatureSigner | MlDsaSigner], lattice: MlDsaSigner,
    entry_bytes: int, leaves: int, rounds: int,
) -> dict[str, Any]:  # fmt: skip
    lines = [f"witness w{number} {one.verifier.vkey}\n" for number, one in enumerate(cosigners)]
    names = " ".join([f"w{number}" for number in range(len(cosigners))])
    rule = f"group all all {names}\nquorum all\n" if cosigners else "quorum none\n"
    keys = (log.verifier.vkey, *([lattice.verifier.vkey] if len(signers) > 1 else []))
    trust = Trust(ORIGIN, bytes(32), keys, (), Policy.from_bytes(("".join(lines) + rule).encode()))
    signing, verifying = [], []
    note = b""
    for number in range(rounds):
        checkpoint = Checkpoint(ORIGIN, leaves, hashlib.sha256(b"%d" % number).digest())
        began = time.perf_counter()
        note = sign_checkpoint(checkpoint, *signers, *cosigners)
        signing.append(time.perf_counter() - began)
        began = time.perf_counter()
        trust.require(trust.open(note))
        verifying.append(time.perf_counter() - began)
    hashes = tuple([bytes(HASH_BYTES)] * (leaves - 1).bit_length())
    proof = TlogProof(leaves // 3, hashes, note)
    record = encode_record(Record(leaves // 3, NOW * 1_000_000, bytes(32), bytes(entry_bytes), (bytes(64),)))
    receipt = ReceiptFile(bytes(32), None, note, (Item(record, proof.head()),))
    return {
        "sign": statistics.median(signing),
        "verify": statistics.median(verifying),
        "note": len(note),
        "proof": len(proof.to_bytes()),
        "receipt": len(receipt.to_bytes()),
        "record": len(record),
    }


def _seed(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[: mldsa.SEED_BYTES]
