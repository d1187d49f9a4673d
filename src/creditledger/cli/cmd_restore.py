"""`creditledger restore`: a ledger's directory rebuilt from an export or a published log, every check on the way."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.client.files import read_bounded
from creditledger.client.phrases import count
from creditledger.errors import FormatError
from creditledger.tlog.policy import MAX_POLICY_BYTES, Policy
from creditledger.transfer import restore_ledger


@click.command("restore")
@click.argument("export")
@options.directory
@click.option("--trust", type=click.Path(path_type=Path), help="The trust file: restore this ledger and no other.")
@click.option(
    "--log-key", type=click.Path(path_type=Path), help="Go on signing here; only ever from the newest export."
)
@click.option(
    "--witnesses",
    "policy_file",
    metavar="POLICY",
    type=click.Path(path_type=Path),
    help="The ledger's witnesses.policy, kept again in DIR. With --log-key they are asked what they have seen.",
)
@click.option(
    "--content-key", type=click.Path(path_type=Path), help="Encrypt the content that the export holds with this key."
)
@click.option("--without-content", is_flag=True, help="Leave out content that the export holds.")
@options.passphrase
@options.head_dir
@options.as_json
def command(
    export: str,
    directory: Path,
    trust: Path | None,
    log_key: Path | None,
    policy_file: Path | None,
    content_key: Path | None,
    without_content: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> None:
    """Rebuild the ledger in the new directory DIR from the file EXPORT: same records, same root.

    EXPORT may also be a log that is published, or a mirror of one: the directory of its files, or its http(s) URL. Such
    a log has no personal content.

    Content that an erasure on record destroyed is not put back. Without --log-key the result is for reading: a machine
    that signs on from an old export would make a second history. Of a ledger with witnesses, give --witnesses, too:
    only they can tell whether more was signed, so nothing is restored unless they answer and have seen no more. What
    signs without its witnesses.policy asks nobody.
    """
    trusted = None if trust is None else Trust.load(trust)
    policy = None if policy_file is None else _read_policy(policy_file)
    signer = None if log_key is None else options.load_signer(log_key, passphrase_file, passphrase_fd)
    with output.progress(quiet=as_json) as progress:
        restored = restore_ledger(
            export,
            directory,
            trust=trusted,
            log_signer=signer,
            witnesses=policy,
            content_key=options.content_key(content_key),
            without_content=without_content,
            head_dir=head_dir,
            progress=None if progress is None else (lambda what, done: progress(f"restoring {what}", done, done)),
        )
    if as_json:
        output.emit_json(
            {
                "directory": str(directory), "size": restored.size, "root": restored.root.hex(),
                "state_digest": restored.state_digest.hex(), "contents": restored.contents,
                "erased": restored.erased, "may_sign": restored.head_kept,
                "witnesses": [one.name for one in policy.witnesses] if policy else [],
            }
        )  # fmt: skip
        return
    click.echo(f"{count(restored.size, 'record')}, root {restored.root.hex()}")
    output.remark(
        f"{directory} is restored with {count(restored.contents, 'item')} of content"
        + (f"; {count(restored.erased, 'item')} left out, because erased on record" if restored.erased else "")
        + (". It can be written to from here." if restored.head_kept else ". It is for reading.")
    )
    if policy is None and restored.head_kept:
        output.remark(
            "It asks no witnesses, having no witnesses.policy. If the ledger had any, put that file back before "
            "anything is appended, or begin again with --witnesses: only they can tell whether more was signed than "
            "there is here."
        )


def _read_policy(file: Path) -> Policy:
    try:
        return Policy.from_bytes(read_bounded(file, MAX_POLICY_BYTES, "the witness policy"))
    except FormatError as error:
        raise type(error)(f"{file}: {error}") from None
