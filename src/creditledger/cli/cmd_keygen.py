"""`creditledger keygen`: a key file, encrypted under a passphrase unless that is waived in so many words."""

from __future__ import annotations

import os
from pathlib import Path

import click

from creditledger.cli import options, output
from creditledger.client.phrases import fingerprint
from creditledger.errors import UsageError
from creditledger.keys import ed25519, mldsa
from creditledger.keys.keyfile import (
    KeyKind,
    format_mldsa_public_key,
    format_public_key,
    write_key,
    write_mldsa_public_key,
    write_public_key,
)
from creditledger.store.master_key import write_master_key


@click.command("keygen")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--content",
    is_flag=True,
    help="Make a content key instead: it encrypts personal data kept beside a ledger, and is itself written in clear.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(("ed25519", "ml-dsa-44")),
    default="ed25519",
    show_default=True,
    help="ml-dsa-44 is for logs and witnesses only: it signs checkpoints so that quantum computers cannot forge them.",
)
@click.option(
    "--no-passphrase", is_flag=True, help="Write the key unencrypted: for tests, or where the disk is the vault."
)
@options.passphrase
@options.as_json
def command(
    file: Path,
    content: bool,
    kind: KeyKind,
    no_passphrase: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    as_json: bool,
) -> None:
    """Make a key FILE (mode 0600, never overwriting) and its public half beside it, FILE.pub."""
    if content:
        if kind != "ed25519":
            raise UsageError("a content key has no type: give --content or --type, not both")
        if no_passphrase or passphrase_file is not None or passphrase_fd is not None:
            raise UsageError(
                "a content key is written in clear, and no passphrase applies to it: keep its file where only those "
                "can read it who may read the content"
            )
        write_master_key(file)
        output.emit_json({"file": str(file), "kind": "content"}) if as_json else output.say(
            f"{file} is written, in clear. Keep it apart from the ledger: without it nobody reads the "
            "content, with it all do."
        )
        return
    for path in (file, file.with_name(file.name + ".pub")):
        if path.exists():
            raise UsageError(f"{path} is there already, and a key file is never overwritten; name another")
    if no_passphrase and (passphrase_file is not None or passphrase_fd is not None):
        raise UsageError("give --no-passphrase or a passphrase, not both")
    passphrase: bytes | None = None
    if not no_passphrase:
        passphrase = options.passphrase_source(passphrase_file, passphrase_fd, confirm=True, what=str(file))()
    if kind == "ml-dsa-44":
        _make_mldsa_key(file, passphrase, as_json=as_json)
        return
    public = make_key(file, passphrase)
    if as_json:
        output.emit_json(
            {
                "file": str(file), "public_key": format_public_key(public), "key": public.hex(),
                "fingerprint": fingerprint(public),
            }
        )  # fmt: skip
    else:
        click.echo(format_public_key(public))
        output.say(
            f"{file} holds the private key; give others {file}.pub only. What is signed names it by its fingerprint, "
            f"key {fingerprint(public)}"
        )


def make_key(file: Path, passphrase: bytes | None) -> bytes:
    """Makes a key pair in FILE and FILE.pub; returns the public key, 33 bytes."""
    seed = os.urandom(32)
    write_key(file, seed, passphrase)
    public = b"\x01" + ed25519.public_key(seed)
    write_public_key(file.with_name(file.name + ".pub"), public)
    return public


def _make_mldsa_key(file: Path, passphrase: bytes | None, *, as_json: bool) -> None:
    """Makes an ML-DSA-44 key pair in FILE and FILE.pub, and shows the public half."""
    seed = os.urandom(mldsa.SEED_BYTES)
    public = mldsa.SigningKey(seed).public_key
    write_key(file, seed, passphrase, kind="ml-dsa-44")
    write_mldsa_public_key(file.with_name(file.name + ".pub"), public)
    if as_json:
        output.emit_json({"file": str(file), "kind": "ml-dsa-44", "public_key": format_mldsa_public_key(public)})
    else:
        click.echo(format_mldsa_public_key(public))
        output.say(
            f"{file} holds the private key; give others {file}.pub only. It signs checkpoints, as the key of a log or "
            "a witness beside its Ed25519 key; acts are signed with Ed25519 keys"
        )
