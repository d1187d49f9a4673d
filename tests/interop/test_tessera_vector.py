"""The whole log that Tessera keeps as test data, made anew from its key and its leaves, byte for byte."""

from __future__ import annotations

import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from creditledger.tlog.tiles import TreeBuilder, encode_bundle, tile_path
from creditledger.tlog.tree import leaf_hash
from interop.peers import HERE

ORIGIN = "example.com/log/testdata"
SEED = b64decode("AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg")[1:]
VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
LEAVES = b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
CHECKPOINTS = {
    1: """example.com/log/testdata
1
0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=

— example.com/log/testdata M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=
""",
    15: """example.com/log/testdata
15
rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=

— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=
""",
}


def made() -> dict[str, bytes]:
    """Every file of the log, at each of its sizes."""
    signer = NoteSigner(ORIGIN, SEED)
    assert signer.verifier.vkey == VKEY
    builder = TreeBuilder()
    files = {}
    for size in range(len(LEAVES) + 1):
        if size:
            builder.push(leaf_hash(LEAVES[size - 1]))
            files[tile_path(-1, 0, size)] = encode_bundle(LEAVES[:size])
        for tile in builder.partial_tiles():
            files[tile_path(tile.level, tile.index, len(tile.hashes) // 32)] = tile.hashes
        files[f"checkpoint.{size}"] = sign_checkpoint(Checkpoint(ORIGIN, size, builder.root()), signer)
    files["checkpoint"] = files[f"checkpoint.{len(LEAVES)}"]
    return files


def test_its_checkpoints_and_its_third_bundle() -> None:
    """What is known of it without a network."""
    files = made()
    assert {size: files[f"checkpoint.{size}"].decode() for size in CHECKPOINTS} == CHECKPOINTS
    assert files["tile/entries/000.p/3"] == bytes.fromhex("00036f6e65 000374776f 00057468726565")


@pytest.mark.interop
def test_every_file_is_that_of_tessera(go_programs: Path) -> None:
    command = ["go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/transparency-dev/tessera"]
    listed = subprocess.run(command, cwd=HERE / "go", check=True, capture_output=True, text=True)
    log = Path(listed.stdout.strip()) / "testdata" / "log"
    theirs = {str(file.relative_to(log)): file.read_bytes() for file in log.rglob("*") if file.is_file()}
    ours = made()
    # Its own notes on the state of the storage are no part of the log.
    published = {path: data for path, data in theirs.items() if not path.startswith(".")}
    assert len(published) == 47
    assert published == ours
