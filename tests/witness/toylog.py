"""A log small enough to prove anything about, honest or split, and a witness for it, for the tests of witnessing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from creditledger.store.head import HeadStore
from creditledger.tlog.add_checkpoint import AddCheckpoint
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.cosignature import MlDsaSigner
from creditledger.tlog.note import NoteSigner, sign_note
from creditledger.tlog.tree import consistency_proof, leaf_hash, node_hash, subtree_proof
from creditledger.witness.cosigner import Cosigner, LogVerifier
from creditledger.witness.server import Application
from creditledger.witness.state import WitnessState, identity

NOW = 1_795_000_000
ORIGIN = "log.example/toy"
NAME = "witness.example/w1"
SEED = sha256(b"witness").digest()
MLDSA_SEED = sha256(b"witness, post-quantum").digest()


class ToyLog:
    """A log of many leaves; `branch` makes another one that differs from leaf `split` on, with the same keys."""

    def __init__(self, origin: str = ORIGIN, branch: str = "", split: int = 0) -> None:
        self.origin = origin
        self.signer = NoteSigner(origin, sha256(origin.encode()).digest())
        self.newer_signer = NoteSigner(origin, sha256(b"newer " + origin.encode()).digest())
        self.mldsa_signer = MlDsaSigner(origin, sha256(b"pq " + origin.encode()).digest(), lambda: 0)
        self._branch, self._split = branch, split

    def leaf(self, index: int) -> bytes:
        return leaf_hash(f"{index} {self._branch if index >= self._split else ''}".encode())

    def read(self, level: int, index: int, /) -> bytes:
        if level == 0:
            return self.leaf(index)
        return node_hash(self.read(level - 1, 2 * index), self.read(level - 1, 2 * index + 1))

    def root(self, start: int, end: int) -> bytes:
        """By the definition of RFC 9162, section 2.1.1."""
        if end - start <= 1:
            return self.leaf(start) if end > start else sha256(b"").digest()
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        return node_hash(self.root(start, middle), self.root(middle, end))

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, self.root(0, size))

    def checkpoint(self, size: int, *signers: Any) -> bytes:
        return sign_note(self.head(size).to_bytes(), *(signers or (self.signer,)))

    def prove(self, old: int, new: int) -> list[bytes]:
        return consistency_proof(self, old, new)

    def prove_subtree(self, start: int, end: int, size: int) -> list[bytes]:
        return subtree_proof(self, (start, end), (0, size))

    def request(self, old: int, size: int, *signers: Any) -> bytes:
        """What a well-meaning log sends."""
        return AddCheckpoint(old, tuple(self.prove(old, size)), self.checkpoint(size, *signers)).to_bytes()

    @property
    def verifiers(self) -> list[LogVerifier]:
        return [self.signer.verifier, self.newer_signer.verifier, self.mldsa_signer.verifier]


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Answered(NamedTuple):
    """An answer of the application."""

    status: int
    headers: dict[str, str]
    body: bytes


class Bench:
    """A witness in a directory, asked without a network between."""

    def __init__(self, state: WitnessState, logs: Sequence[ToyLog], clock: Clock, **keys: Any) -> None:
        self.clock = clock
        self.logged: list[dict[str, Any]] = []
        self.cosigner = Cosigner(state, NAME, {log.origin: log.verifiers for log in logs}, clock, **keys)
        self.application = Application(self.cosigner, log=self.logged.append)

    def ask(self, method: str, path: str, body: bytes | None = None, **environ: Any) -> Answered:
        told: list[tuple[int, dict[str, str]]] = []
        length = {} if body is None else {"CONTENT_LENGTH": str(len(body))}
        given = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body or b"")}

        def start(status: str, headers: list[tuple[str, str]], _info: Any = None) -> Any:
            told.append((int(status[:3]), {name.lower(): value for name, value in headers}))
            return lambda _data: None

        content = b"".join(self.application({**given, **length, **environ}, start))
        status, headers = told[0]
        return Answered(status, headers, content)

    def add(self, body: bytes) -> Answered:
        return self.ask("POST", "/add-checkpoint", body)

    def size_of(self, log: ToyLog) -> int | None:
        seen = self.cosigner.state.latest(sha256(log.origin.encode()).digest())
        return None if seen is None else seen.size


def open_state(place: Path, *, create: bool = False, heads: Path | None = None) -> WitnessState:
    return WitnessState.open(
        place / "witness", heads=HeadStore(heads or place / "heads"), identities=[identity(SEED)], create=create
    )


@contextmanager
def bench(place: Path, *logs: ToyLog, create: bool = True, clock: Clock | None = None, **keys: Any) -> Iterator[Bench]:
    """A witness for these logs, new unless said otherwise, with an Ed25519 key unless others are given."""
    with open_state(place, create=create) as state:
        yield Bench(state, logs or [ToyLog()], clock or Clock(), **(keys or {"seed": SEED}))
