"""A client that asks a witness for cosignatures of ever larger trees, as fast as it can, and prints what it got.

    python -m witness.racer URL BRANCH LARGEST

Each line is the size and the root, in hexadecimal, of a checkpoint that the witness cosigned. It goes on from whatever
size the witness tells it, until that is LARGEST or the witness will not follow its branch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from creditledger.tlog.add_checkpoint import parse_size
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.note import open_note
from creditledger.web.http import post
from witness.toylog import NAME, SEED, ToyLog

SPLIT = 6


def branch(name: str) -> ToyLog:
    """The history of this name: all are the same up to leaf 6."""
    return ToyLog(branch=name, split=SPLIT)


def race(url: str, log: ToyLog, largest: int) -> Iterator[tuple[int, bytes]]:
    """Yield size and root of each checkpoint that was cosigned."""
    own = CosignatureSigner(NAME, SEED, lambda: 1).verifier
    old = 0
    while old < largest:
        size = old + 1 + old % 2
        answer = post(f"{url}/add-checkpoint", log.request(old, size), 65_536)
        if answer.status == 409:
            old = parse_size(answer.body)
        elif answer.status == 200:
            open_note(log.head(size).to_bytes() + b"\n" + answer.body, [own])
            yield size, log.root(0, size)
            old = size
        else:
            assert answer.status == 422, answer
            return


if __name__ == "__main__":
    for found_size, found_root in race(sys.argv[1], branch(sys.argv[2]), int(sys.argv[3])):
        print(found_size, found_root.hex(), flush=True)
