"""Evidence of a fork on the disk: a file whose name says which sizes and roots contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from creditledger.client.files import write_whole
from creditledger.receipts.fork import Fork
from creditledger.store.files import make_dir
from creditledger.store.head import default_head_dir


def keep(directory: Path, fork: Fork) -> Path:
    """Write the evidence durably, mode 0600, and return its path; what is there already is left as it is.

    The name holds the beginning of the ledger's id, both sizes, and the beginnings of both roots at the smaller size.
    Raises StoreError.
    """
    make_dir(directory)
    roots = f"{fork.first.root.hex()[:8]}-{fork.root.hex()[:8]}"
    path = directory / f"{fork.ledger_id.hex()[:8]}-{fork.first.size}-{fork.second.size}-{roots}.fork"
    if not path.exists():
        write_whole(path, fork.evidence, force=True)
    return path


def default_forks_dir(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_STATE_HOME/creditledger/forks`, beside the heads (`store.head.default_head_dir`); raises as that."""
    return default_head_dir(environ).with_name("forks")
