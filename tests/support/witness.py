"""A witness on a loopback address, for tests: honest by default, and as bad as a test wants it.

It is written from c2sp.org/tlog-witness alone and keeps its memory in a dict, so that what it answers does not rest on
the witness that this project has. Consistency proofs are checked.
"""

from __future__ import annotations

import shutil
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from creditledger.errors import VerificationFailed
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.policy import Group, Policy, Witness
from creditledger.tlog.tree import check_consistency
from support.registry import Clock, Registry


class FakeWitness:
    """One witness: its key, its memory, and how it behaves.

    Attributes:
        behaviour: `honest`; `stall` (it never answers); `claim` (it answers 409 with `claimed`); `garbage`; `forge`
            (its signature is not one); `unavailable` (503).
        shows: whether it shows monitors what it has cosigned last.
        asked: how many times it was asked to cosign.
        before_answer: called with the checkpoint after it was cosigned and before the answer is sent.
    """

    def __init__(self, name: str, *, post_quantum: bool = False) -> None:
        seed = sha256(name.encode()).digest()
        self.name = name
        self.signer = (MlDsaSigner if post_quantum else CosignatureSigner)(name, seed, lambda: int(self.time()))
        self.time = time.time
        self.behaviour = "honest"
        self.claimed = 0
        self.shows = True
        self.asked = 0
        self.seen: dict[str, tuple[int, bytes, bytes]] = {}
        self.before_answer: Any = lambda _note: None
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def witness(self) -> Witness:
        """It as a policy names it."""
        return Witness(self.name, self.signer.verifier.vkey, self.url)

    def close(self) -> None:
        """It is down from here on."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add_checkpoint(self, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer."""
        head, _, note = body.partition(b"\n\n")
        first, *lines = head.decode().split("\n")
        old, proof = int(first.removeprefix("old ")), [b64decode(line) for line in lines]
        origin, size_line, root_line = note.decode().split("\n")[:3]
        size, root = int(size_line), b64decode(root_line)
        with self._lock:
            self.asked += 1
            seen_size, seen_root, _ = self.seen.get(origin, (0, b"", b""))
            if self.behaviour == "claim":
                return 409, "text/x.tlog.size", b"%d\n" % self.claimed
            if old != seen_size:
                return 409, "text/x.tlog.size", b"%d\n" % seen_size
            try:
                if old:
                    check_consistency(proof, old, seen_root, size, root)
            except VerificationFailed as error:
                return 422, "text/plain", str(error).encode()
            text = note[: note.rindex(b"\n\n") + 1]
            line = self.signer.sign(text).to_bytes()
            self.seen[origin] = size, root, note + line
        self.before_answer(note)
        return 200, "text/plain; charset=utf-8", line

    def checkpoint(self, path: str) -> bytes | None:
        """What it shows to monitors."""
        for origin, (_, _, note) in self.seen.items():
            if self.shows and path == f"/{sha256(origin.encode()).hexdigest()}/checkpoint":
                return note
        return None


def _handler(witness: FakeWitness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if witness.behaviour == "stall":
                witness.released.wait(30)
                self.close_connection = True
                return
            if witness.behaviour == "unavailable":
                self.answer(503, "text/plain", b"come back later\n")
            elif witness.behaviour == "garbage":
                self.answer(200, "text/plain", b"\xff\x00 no signature")
            else:
                status, kind, found = witness.add_checkpoint(body)
                if witness.behaviour == "forge" and status == 200:
                    found = found[:-20] + b"AAAAAAAAAAAAAAAAAAA\n"
                self.answer(status, kind, found)

        def do_GET(self) -> None:
            note = witness.checkpoint(self.path)
            self.answer(200 if note else 404, "text/plain; charset=utf-8", note or b"")

    return Handler


@contextmanager
def witnesses(*names: str, post_quantum: tuple[str, ...] = ()) -> Iterator[list[FakeWitness]]:
    """Witnesses of these names, listening."""
    found = [FakeWitness(name, post_quantum=name in post_quantum) for name in names]
    try:
        yield found
    finally:
        for one in found:
            if not one.released.is_set():
                one.close()


def policy_of(*several: FakeWitness, threshold: int | None = None) -> Policy:
    """The policy that asks for so many of them; for all if none is said."""
    members = tuple(one.name for one in several)
    group = Group("quorum-of-all", len(members) if threshold is None else threshold, members)
    return Policy((), tuple(one.witness for one in several), (group,), "quorum-of-all")


class Now(Clock):
    """The system's clock: witnesses go by it, so a ledger that they cosign must, too."""

    def __call__(self) -> int:
        return time.time_ns() // 1000


def copied(place: Path, to: Path) -> Registry:
    """A copy of a registry with its heads, as a backup of the whole machine would bring it back."""
    shutil.copytree(place, to)
    registry = Registry(to)
    registry.clock = Now()
    return registry
