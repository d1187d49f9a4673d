"""`creditledger trust`: what a trust file goes by, in words, and a new one with other keys or witnesses."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.cli.ledgers import write_new
from creditledger.client.files import read_bounded
from creditledger.errors import FormatError, UsageError
from creditledger.tlog.note import parse_vkey
from creditledger.tlog.policy import MAX_POLICY_BYTES, Policy


@click.command("trust")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--witnesses", type=click.Path(path_type=Path), help="Ask for the cosignatures that this policy asks for."
)
@click.option("--no-witnesses", is_flag=True, help="Ask for no cosignatures.")
@click.option("--log-key", metavar="VKEY", multiple=True, help="Accept this key of the log, too; repeat it.")
@click.option(
    "--drop-log-key", metavar="NAME+ID", multiple=True, help="Accept this key of the log no longer; repeat it."
)
@click.option(
    "--acknowledgement-key", metavar="VKEY", multiple=True, help="Accept acknowledgements by this key, too; repeat it."
)
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="The trust file to write; it must be new.")
@options.as_json
def command(
    file: Path,
    witnesses: Path | None,
    no_witnesses: bool,
    log_key: tuple[str, ...],
    drop_log_key: tuple[str, ...],
    acknowledgement_key: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Show what the trust FILE goes by; with -o, write another one that differs as the options say.

    Whom to trust is the verifier's to say, so an auditor may ask for other witnesses than the operator does. Keys come
    as C2SP verifier keys (NAME+ID+KEY), from whom they belong to; to drop one, NAME+ID will do. FILE itself is never
    changed.
    """
    trust = Trust.load(file)
    changed = witnesses is not None or no_witnesses or log_key or drop_log_key or acknowledgement_key
    if bool(changed) != (out is not None):
        raise UsageError("give -o with what is to differ, or neither, to show the file")
    if witnesses is not None and no_witnesses:
        raise UsageError("give --witnesses or --no-witnesses, not both")
    if out is not None:
        kept = _without(trust, drop_log_key, file) + log_key
        if not kept:
            raise UsageError(f"the last log key cannot be dropped from {file}: give the one to go by with --log-key")
        policy = None if no_witnesses else trust.witnesses
        trust = Trust(
            trust.origin,
            trust.ledger_id,
            kept,
            trust.acknowledgement_keys + acknowledgement_key,
            policy if witnesses is None else _read_policy(witnesses),
        )
        try:
            write_new(out, trust.to_text())
        except FileExistsError:
            raise UsageError(f"{out} is there already; a trust file is never overwritten") from None
        output.say(f"{out} is written.")
    if as_json:
        output.emit_json(_facts_json(trust))
        return
    output.heading(f"What is trusted of {trust.origin}", gap=False)
    output.facts(_facts(trust))


def _without(trust: Trust, dropped: tuple[str, ...], file: Path) -> tuple[str, ...]:
    """The log keys but for those named, whole or by NAME+ID as they are shown; raises `UsageError`."""
    kept = list(trust.log_keys)
    for name in dropped:
        named = [one for one in trust.log_keys if name in (one, _name(one))]
        if not named:
            known = ", ".join(map(_name, trust.log_keys))
            raise UsageError(
                f"{name:.100} is none of the log keys in {file}, so it cannot be dropped; those are {known}"
            )
        kept = [one for one in kept if one not in named]
    return tuple(kept)


def _read_policy(file: Path) -> Policy:
    """The policy without the addresses of witnesses, which whoever verifies does not need."""
    try:
        return Policy.from_bytes(read_bounded(file, MAX_POLICY_BYTES, "the witness policy")).without_urls()
    except FormatError as error:
        raise type(error)(f"{file}: {error}") from None


_KINDS = {1: "Ed25519", 4: "Ed25519", 6: "ML-DSA-44"}


def _kind(vkey: str) -> str:
    return _KINDS[parse_vkey(vkey)[1]]


def _label(vkey: str) -> str:
    """Name, key id and kind of a key: an ML-DSA-44 key itself would fill the page."""
    return f"{_name(vkey)} ({_kind(vkey)})"


def _name(vkey: str) -> str:
    """Name and key id, which no two keys of a trust file share."""
    name, identity, _ = vkey.split("+", 2)
    return f"{name}+{identity}"


def _facts(trust: Trust) -> list[tuple[str, str]]:
    facts = [("ledger id", trust.ledger_id.hex())]
    facts += [("log key", _label(one)) for one in trust.log_keys]
    if trust.is_post_quantum:
        facts.append(("required", "an Ed25519 and an ML-DSA-44 signature of the log"))
    facts += [("acknowledgements by", _label(one)) for one in trust.acknowledgement_keys]
    policy = trust.witnesses
    if policy is None or policy.is_none:
        return [*facts, ("witnesses", "none is asked for: the log could show others another history")]
    facts += [("witness", f"{one.name}: {_label(one.vkey)}") for one in policy.witnesses]
    facts += [("group", f"{one.name}: {one.threshold} of {', '.join(one.members)}") for one in policy.groups]
    return [*facts, ("quorum", policy.quorum)]


def _facts_json(trust: Trust) -> dict[str, object]:
    policy = trust.witnesses
    return {
        "origin": trust.origin,
        "ledger_id": trust.ledger_id.hex(),
        "log_keys": list(trust.log_keys),
        "acknowledgement_keys": list(trust.acknowledgement_keys),
        "witnesses": None if policy is None else policy.to_text(),
    }
