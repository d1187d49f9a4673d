"""Ledgers that pass every audit, two histories of each, published to directories and served on the loopback."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audit.logs import ORIGIN, log_signer, trust_in
from creditledger.audit.trust import Trust
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import Signer
from creditledger.tlog.tiles import ENTRIES, WIDTH, Tile, TreeBuilder, encode_bundle, partial_tiles, tile_path
from creditledger.tlog.tree import leaf_hash
from support.courts import courts
from support.drafts import listing_add, person
from support.world import World


def world(more: int = 0, *, branch: int = 0, common: int = 0) -> World:
    """Courts with `common` listings that all branches share, and `more` listings of this branch."""
    made = courts()
    for number in range(common):
        made.append("district", listing_add(person(number)))
    for number in range(more):
        made.append("district", listing_add(person(10_000 * (branch + 1) + number)))
    return made


def trust(records: list[bytes]) -> Trust:
    return trust_in(records[:1])


def note(records: list[bytes], size: int, *signers: Signer, origin: str = ORIGIN) -> bytes:
    builder = TreeBuilder()
    for record in records[:size]:
        builder.push(leaf_hash(record))
    return sign_checkpoint(Checkpoint(origin, size, builder.root()), *(signers or (log_signer(),)))


def publish(place: Path, records: list[bytes], size: int | None = None, *signers: Signer) -> bytes:
    """Writes what a log of so many records publishes, the checkpoint last; what is there already stays."""
    size = len(records) if size is None else size
    builder = TreeBuilder()
    tiles: list[Tile] = []
    for record in records[:size]:
        tiles += builder.push(leaf_hash(record))
    for tile in [*tiles, *builder.partial_tiles()]:
        write(place / tile_path(tile.level, tile.index, len(tile.hashes) // 32), tile.hashes)
    for start in range(0, size, WIDTH):
        bundle = records[start : min(start + WIDTH, size)]
        write(place / tile_path(ENTRIES, start // WIDTH, len(bundle)), encode_bundle(bundle))
    assert len(partial_tiles(size)) == len(builder.partial_tiles())
    signed = note(records, size, *signers)
    write(place / "checkpoint", signed)
    return signed


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def served(directories: Iterable[Path]) -> Iterator[list[str]]:
    """Serves each directory by a server of its own; gives their URLs."""
    servers = []
    for directory in directories:
        handler = functools.partial(_Handler, directory=str(directory))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
    try:
        yield [f"http://127.0.0.1:{server.server_address[1]}" for server in servers]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
