"""The copy of a published log that audits keep, so that the next one fetches only what is new."""

from __future__ import annotations

from pathlib import Path

from creditledger.publish.layout import remove_superseded
from creditledger.tlog.tiles import ENTRIES, partial_tiles, tile_path
from creditledger.web.place import Folder


def tidy(directory: Path, before: int, size: int) -> None:
    """Remove from a copy the partial tiles and bundles that the log had before it grew from `before` to `size`.

    Each round of a log that grows leaves some, and nobody asks for them again; nor for what a killed process left
    half-written. Raises StoreError.
    """
    folder = Folder(directory)
    with folder.held():
        remove_superseded(folder, before, size)
        for one in partial_tiles(size):
            for kind in (one.level, ENTRIES) if one.level == 0 else (one.level,):
                folder.remove_dir(f"{tile_path(kind, one.index)}.p", keep=str(one.width))
