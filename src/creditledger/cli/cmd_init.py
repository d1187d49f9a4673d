"""`creditledger init`: founds a ledger, making the keys it needs where they are not given."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.cli.cmd_keygen import make_key
from creditledger.cli.ledgers import write_new
from creditledger.errors import UsageError
from creditledger.keys.signer import Signer, open_signer
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.store.master_key import read_master_key, write_master_key


@click.command("init")
@options.directory
@click.option("--origin", required=True, help="The log's public name, e.g. registry.example.org/defaulters.")
@click.option(
    "--keys", type=click.Path(path_type=Path), help="Make missing keys in this directory [default: DIR-keys]."
)
@click.option("--log-key", type=click.Path(path_type=Path), help="An existing key file that shall sign checkpoints.")
@click.option(
    "--root-key", type=click.Path(path_type=Path), multiple=True, help="An existing root key file; repeat it."
)
@click.option("--roots", type=click.IntRange(1, 16), default=3, show_default=True, help="How many root keys to make.")
@click.option("--threshold", type=click.IntRange(1, 16), help="How many root keys act together.")
@click.option("--content-key", type=click.Path(path_type=Path), help="An existing content key file.")
@click.option("--utc-offset", default="+00:00", show_default=True, help="Where the ledger's days begin, as ±HH:MM.")
@click.option("--no-passphrase", is_flag=True, help="Write new keys unencrypted: for tests only.")
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path,
    origin: str,
    keys: Path | None,
    log_key: Path | None,
    root_key: tuple[Path, ...],
    roots: int,
    threshold: int | None,
    content_key: Path | None,
    utc_offset: str,
    no_passphrase: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> None:
    """Found a ledger in DIR: a new or empty directory.

    Keys that are not given are made in the --keys directory, encrypted under one passphrase. Move the root keys off
    this machine afterwards: they govern the ledger and are needed seldom. DIR/ledger.trust is what an auditor needs;
    hand it over by another way than the ledger itself.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is there and not empty; a ledger is founded in a new directory")
    keys = keys or directory.with_name(directory.name + "-keys")
    source = None if no_passphrase else options.passphrase_source(passphrase_file, passphrase_fd, confirm=True)
    passphrase: bytes | None = None if source is None else source()

    def signer(file: Path | None, name: str) -> Signer:
        if file is None:
            file = keys / f"{name}.key"
            if not file.exists():
                keys.mkdir(mode=0o700, parents=True, exist_ok=True)
                make_key(file, passphrase)
        return open_signer(file, passphrase)

    log_signer = signer(log_key, "log")
    root_signers = [signer(file, "") for file in root_key] or [signer(None, f"root-{n + 1}") for n in range(roots)]
    secret = read_master_key(content_key) if content_key else None
    if secret is None:
        file = keys / "content.key"
        keys.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = read_master_key(file) if file.exists() else write_master_key(file)
    with Ledger.create(
        directory,
        origin=origin,
        log_signer=log_signer,
        root_signers=root_signers,
        threshold=threshold,
        utc_offset=utc_offset,
        content_key=secret,
        head_dir=head_dir,
    ) as ledger:
        trust = Trust(ledger.origin, ledger.ledger_id, (LogSigner(origin, log_signer).verifier.vkey,))
        write_new(directory / "ledger.trust", trust.to_text())
        if as_json:
            output.emit_json(
                {
                    "directory": str(directory), "origin": origin, "ledger_id": ledger.ledger_id.hex(),
                    "root": ledger.root.hex(), "keys": str(keys), "trust": str(directory / "ledger.trust"),
                }
            )  # fmt: skip
        else:
            click.echo(ledger.ledger_id.hex())
            output.say(
                f"The ledger {origin} is founded in {directory}; its keys are in {keys}.\n"
                f"Give auditors {directory / 'ledger.trust'}. Next: creditledger draft authority.register/1"
            )
