"""Torchwood's client for published logs (filippo.io/torchwood) reads our ledger over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

from creditledger.publish.publishing import publish
from creditledger.tlog.tree import check_inclusion, leaf_hash
from interop.peers import Peer, Refused
from support.registry import Registry, listing, signer

pytestmark = pytest.mark.interop


class Served(NamedTuple):
    """A published ledger: its files, where they are served, its records' leaf hashes, its root."""

    directory: Path
    url: str
    leaves: list[bytes]
    root: bytes


class Quiet(SimpleHTTPRequestHandler):
    """A file server as plain as can be."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A ledger of more than one bundle, published and served."""
    with Registry(tmp_path).create() as ledger:
        for number in range(300):
            ledger.append(listing(number), signer=signer("court"))
        done = publish(ledger, tmp_path / "out")
        leaves = [leaf_hash(record) for _, record in ledger.records(0, done.size)]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "out")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Served(tmp_path / "out", f"http://127.0.0.1:{server.server_port}/", leaves, done.root)
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_reads_every_record_from_any_place(go: Peer, served: Served) -> None:
    size = len(served.leaves)
    for start in (0, 1, 255, 256, 257, size - 1):
        read = go.ask("entries.read", url=served.url, size=size, root=served.root, index=start)
        assert read.list("leaves") == served.leaves[start:]
        check_inclusion(read.list("proof"), size - 1, served.leaves[-1], size, served.root)


def test_it_finds_one_bit_changed_in_a_record(go: Peer, served: Served) -> None:
    bundle = served.directory / "tile/entries/000"
    data = bytearray(bundle.read_bytes())
    data[5000] ^= 1
    bundle.write_bytes(data)
    with pytest.raises(Refused):
        go.ask("entries.read", url=served.url, size=len(served.leaves), root=served.root, index=0)
