"""Ledgers that are opened with witnesses, for tests of what is cosigned."""

from __future__ import annotations

import time

from creditledger.ledger.layout import LOG_TABLES, Layout
from creditledger.ledger.ledger import Ledger
from creditledger.store.lmdb_engine import LmdbEngine
from creditledger.tlog.cosignature import MlDsaSigner
from creditledger.tlog.note import NoteVerifier, Signature
from creditledger.tlog.policy import Policy
from support.registry import CONTENT_KEY, ORIGIN, Registry, signer

LOG_KEY = NoteVerifier(ORIGIN, signer("log").public_key[1:])
SEED = bytes(range(32))


def post_quantum(now: int | None = None, name: str = ORIGIN) -> MlDsaSigner:
    return MlDsaSigner(name, SEED, (lambda: int(time.time())) if now is None else lambda: now)


def open_with(registry: Registry, policy: Policy | None, post_quantum_signer: MlDsaSigner | None = None) -> Ledger:
    return Ledger.open(
        registry.directory, log_signer=signer("log"), content_key=CONTENT_KEY, head_dir=registry.heads,
        clock=registry.clock, witnesses=policy, post_quantum_signer=post_quantum_signer, witness_timeout=2.0,
    )  # fmt: skip


def names(signatures: tuple[Signature, ...]) -> list[str]:
    return [one.name for one in signatures]


def change_log(registry: Registry, table: str, key: bytes, value: bytes) -> None:
    engine = LmdbEngine.open(Layout(registry.directory).log, LOG_TABLES)
    with engine.batch() as batch:
        batch.put(table, key, value)
    engine.close()
