"""`creditledger witness`: cosigns the checkpoints of other bodies' ledgers, over HTTP."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.client.phrases import count
from creditledger.errors import Locked, UsageError
from creditledger.keys import ed25519, mldsa
from creditledger.keys.keyfile import read_key, read_mldsa_key
from creditledger.ledger.heads import signature_line
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import check_name, key_id, parse_vkey
from creditledger.tlog.policy import Policy, PolicyLog
from creditledger.witness.cosigner import Cosigner, LogVerifier
from creditledger.witness.state import WitnessState, identity

if TYPE_CHECKING:
    from creditledger.store.head import HeadStore

# base64 ends in up to two `=`, so a vkey is taken apart before what may follow it.
_LOG = re.compile(r"([^+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2})(?:=(.+))?", re.DOTALL).fullmatch
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})").fullmatch
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*").fullmatch


@click.command("witness")
@options.directory
@click.option("--name", help="The witness's public name, e.g. witness.example.org/w1; part of its keys.")
@click.option("--key", type=click.Path(path_type=Path), help="Its Ed25519 key file, used for nothing else.")
@click.option(
    "--pq-key",
    type=click.Path(path_type=Path),
    help="Its ML-DSA-44 key file (keygen --type ml-dsa-44), too or instead.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    metavar="VKEY[=ORIGIN]",
    help="A key of a log to witness; repeat it for more keys or logs [default origin: the key's name].",
)
@click.option(
    "--trust",
    "trust_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A trust file of a ledger to witness; repeat it.",
)
@click.option("--listen", default="127.0.0.1:8080", show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option("--prefix", default="", metavar="/PATH", help="Serve below this path.")
@click.option("--url", help="Where it is reached from outside, for the policy lines [default: where it listens].")
@click.option("--new", is_flag=True, help="Make the memory of a new witness in DIR; never for one that has cosigned.")
@click.option("--show", is_flag=True, help="Show what it has cosigned, and end.")
@click.option(
    "--show-policy", is_flag=True, help="Print its policy lines, for operators, and end; needs no DIR and no log yet."
)
@click.option("--quiet", is_flag=True, help="Log no requests.")
@options.passphrase
@options.head_dir
@options.as_json
def command(
    directory: Path,
    name: str | None,
    key: Path | None,
    pq_key: Path | None,
    logs: tuple[str, ...],
    trust_files: tuple[Path, ...],
    listen: str,
    prefix: str,
    url: str | None,
    new: bool,
    show: bool,
    show_policy: bool,
    quiet: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> None:
    """Witness ledgers: cosign their checkpoints, having seen that each continues the one before.

    DIR is its memory. A witness that forgets is worse than none, so DIR is made only with --new, and a copy of DIR that
    is not the newest is refused. To move a witness, stop it and take along DIR, its key, and the state directory that
    tells the newest DIR from a copy (--head-dir). With --show-policy it prints the lines by which operators name it,
    before there is any log.

    It serves the protocol c2sp.org/tlog-witness over plain HTTP, until it is told to stop (SIGTERM, ctrl-C); put a
    server in front of it that speaks TLS. Requests are logged on stderr, a line of JSON each, without any address.
    """
    if show:
        _show(directory, as_json=as_json)
        return
    if name is None or (key is None and pq_key is None):
        raise UsageError("to cosign, give --name and a key: --key, --pq-key or both; to look at DIR, give --show")
    check_name(name)
    host, port = _address(listen)
    if _PREFIX(prefix) is None:
        raise UsageError(f"--prefix {prefix!r:.80} is not a path like /w1")
    if show_policy:
        if url is None:
            raise UsageError("give --url, the address at which operators will reach this witness")
        vkeys = _vkeys(name, *_read_keys(key, pq_key, passphrase_file, passphrase_fd)[:2])
        _show_policy(vkeys, name, url.rstrip("/"), as_json=as_json)
        return
    known = _logs(logs, trust_files)
    from creditledger.witness.serving import require_port, require_server, serve

    require_server()
    seed, mldsa_seed, identities = _read_keys(key, pq_key, passphrase_file, passphrase_fd)
    if new:
        require_port(host, port)  # Nothing is made for a witness that could not start.
    with _memory(directory, head_dir, identities, new=new) as state:
        _require_name(state, name, _vkeys(name, seed, mldsa_seed))
        cosigner = Cosigner(state, name, known, time.time, seed=seed, mldsa_seed=mldsa_seed)
        from creditledger.witness.server import Application, log_line

        def log(entry: dict[str, Any]) -> None:
            if not quiet:
                sys.stderr.write(log_line(entry) + "\n")
                sys.stderr.flush()

        def ready(found: int) -> None:
            shown = f"[{host}]" if ":" in host else host
            base = f"http://{shown}:{found}{prefix}"
            _announce(cosigner.vkeys, name, known, base, (url or base).rstrip("/"), as_json=as_json)

        serve(Application(cosigner, prefix=prefix, log=log), host, port, ready)
    if not as_json:
        output.say("stopped")


def _memory(directory: Path, head_dir: Path | None, identities: Sequence[bytes], *, new: bool) -> WitnessState:
    """The witness's memory, open to cosign; raises as `WitnessState.open`."""
    try:
        return WitnessState.open(directory, heads=_heads(head_dir), identities=identities, create=new)
    except Locked as error:
        raise Locked(
            f"this witness runs already, here or from a copy of {directory} with the same key: {error}"
        ) from None


def _require_name(state: WitnessState, name: str, vkeys: Sequence[str]) -> None:
    """The keys have cosigned under this name, if at all: under another one they would be another witness."""
    keys = [parse_vkey(one)[1:] for one in vkeys]
    for seen in state.all():
        for line in map(signature_line, seen.note.rpartition(b"\n\n")[2].splitlines()):
            own = any(key_id(line.name, key_type, key) == line.key_id for key_type, key in keys)
            if own and line.name != name:
                raise UsageError(
                    f"this witness has cosigned under the name {line.name}, by which policies know it: start it with "
                    f"--name {line.name}; a witness of another name needs a key and a memory of its own"
                )


def _show(directory: Path, *, as_json: bool) -> None:
    """Say what the witness has cosigned of each log."""
    with WitnessState.open_readonly(directory) as state:
        stores = state.check().stores
        found = [(seen, state.contradictions(seen.origin)) for seen in state.all()]
    if as_json:
        output.emit_json(
            {
                "directory": str(directory),
                "cosigned": stores,
                "logs": [
                    {
                        "origin": seen.origin,
                        "origin_hash": sha256(seen.origin.encode()).hexdigest(),
                        "size": seen.size,
                        "root": seen.root.hex(),
                        "at": options.format_moment(seen.time * 1_000_000),
                        "checkpoint": seen.note.decode(),
                        "contradictions": [
                            {"cosigned": one.cosigned.decode(), "contradicting": one.contradicting.decode()}
                            for one in against
                        ],
                    }
                    for seen, against in found
                ],
            }
        )
        return
    rows = [
        (
            seen.origin, str(seen.size), options.format_moment(seen.time * 1_000_000), seen.root.hex(),
            str(len(against)),
        )
        for seen, against in found
    ]  # fmt: skip
    output.table(f"Cosigned {count(stores, 'time')}", ("log", "size", "at", "root", "against"), rows)
    if not found:
        output.say("This witness has cosigned nothing yet.")
    if any(against for _, against in found):
        output.say(
            "A log has signed two trees that contradict each other. --json shows both checkpoints: together they are "
            "evidence, which anybody can check."
        )


def _vkeys(name: str, seed: bytes | None, mldsa_seed: bytes | None) -> list[str]:
    """The verifier keys of a witness, as `Cosigner` has them."""
    vkeys = []
    if seed is not None:
        vkeys.append(CosignatureSigner(name, seed, lambda: 0).verifier.vkey)
    if mldsa_seed is not None:
        vkeys.append(MlDsaSigner(name, mldsa_seed, lambda: 0).verifier.vkey)
    return vkeys


def _show_policy(vkeys: Sequence[str], name: str, url: str, *, as_json: bool) -> None:
    """The policy lines of a witness that need not have begun."""
    lines = _policy_lines(vkeys, name, url)
    Policy.from_bytes("\n".join([*lines, "quorum none", ""]).encode())  # What operators could not use is refused here.
    if as_json:
        output.emit_json({"name": name, "vkeys": list(vkeys), "policy": lines})
        return
    for line in lines:
        click.echo(line)
    output.say(
        "Operators who rely on this witness put that into their policy, and name it in the quorum. Start it with the "
        "trust file of each ledger (--trust), the first time with --new."
    )


def _read_keys(
    key: Path | None, pq_key: Path | None, file: Path | None, descriptor: int | None
) -> tuple[bytes | None, bytes | None, list[bytes]]:
    """The seeds of the two keys, and what each is known by in the count that is kept outside of DIR."""
    seed = mldsa_seed = None
    identities = []
    if key is not None:
        seed = read_key(key, options.passphrase_source(file, descriptor, what=str(key)))
        identities.append(identity(ed25519.public_key(seed)))
    if pq_key is not None:
        mldsa_seed = read_mldsa_key(pq_key, options.passphrase_source(file, descriptor, what=str(pq_key)))
        identities.append(identity(mldsa.SigningKey(mldsa_seed).public_key))
    return seed, mldsa_seed, identities


def _logs(vkeys: Sequence[str], trust_files: Sequence[Path]) -> dict[str, list[LogVerifier]]:
    """The keys of each log by its origin, each key once."""
    named: list[tuple[str, LogVerifier]] = []
    for text in vkeys:
        match = _LOG(text)
        if match is None:
            raise UsageError(f"--log {text!r:.120} is not a verifier key (name+id+key), with or without =ORIGIN")
        verifier = PolicyLog(match[1]).verifier()
        named.append((match[2] or verifier.name, verifier))
    for file in trust_files:
        trust = Trust.load(file)
        named += [(trust.origin, PolicyLog(vkey).verifier()) for vkey in trust.log_keys]
    found: dict[str, list[LogVerifier]] = {}
    for origin, verifier in named:
        if verifier not in found.setdefault(origin, []):
            found[origin].append(verifier)
    if not found:
        raise UsageError("there is no log to witness: name some with --log or --trust")
    return found


def _address(listen: str) -> tuple[str, int]:
    match = _LISTEN(listen)
    if match is None or int(match[3]) > 65535:
        raise UsageError(f"--listen {listen!r:.80} is not an address like 127.0.0.1:8080 or [::1]:8080")
    return match[1] or match[2], int(match[3])


def _heads(head_dir: Path | None) -> HeadStore:
    import os

    from creditledger.store.head import HeadStore, default_head_dir

    return HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))


def _policy_lines(vkeys: Sequence[str], name: str, url: str) -> list[str]:
    label = re.sub(r"\s", "-", name)
    return [f"witness {label}{'' if n == 0 else f'-{n + 1}'} {vkey} {url}" for n, vkey in enumerate(vkeys)]


def _announce(
    vkeys: Sequence[str],
    name: str,
    logs: dict[str, list[LogVerifier]],
    base: str,
    url: str,
    *,
    as_json: bool,
) -> None:
    """Say who this witness is, and how others name it in their policies."""
    lines = _policy_lines(vkeys, name, url)
    if as_json:
        output.emit_json({"name": name, "vkeys": list(vkeys), "listen": base, "policy": lines, "logs": sorted(logs)})
        sys.stdout.flush()
        return
    output.say(f"{name} witnesses {count(len(logs), 'log')} at {base}. Those who rely on it add to their policy:")
    for line in lines:
        click.echo(line)
    output.say("and name it in their quorum, alone (quorum NAME) or in a group. Stop it with ctrl-C or SIGTERM.")
