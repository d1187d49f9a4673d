"""`creditledger init`: founds a ledger, making the keys it needs where they are not given."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from creditledger.audit.trust import Trust
from creditledger.cli import options, output
from creditledger.cli.ledgers import read_content_key, write_new
from creditledger.cli.suggesting import typed
from creditledger.client.files import read_bounded
from creditledger.client.phrases import fingerprint, listed
from creditledger.errors import FormatError, UsageError
from creditledger.keys import mldsa
from creditledger.keys.ed25519 import SEED_BYTES
from creditledger.keys.keyfile import write_key, write_mldsa_public_key, write_public_key
from creditledger.keys.signer import MemorySigner, Signer
from creditledger.ledger.founding import LogSigner, founding_entry, system_clock
from creditledger.ledger.layout import Layout
from creditledger.ledger.ledger import Ledger
from creditledger.record.entry import ZERO_HASH, check_entry
from creditledger.rules import engine
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import KeyHead
from creditledger.store.master_key import write_master_key
from creditledger.tlog.cosignature import MlDsaVerifier
from creditledger.tlog.note import NoteVerifier
from creditledger.tlog.policy import MAX_POLICY_BYTES, Policy


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
@click.option(
    "--post-quantum",
    is_flag=True,
    help="Make log-pq.key, too: an ML-DSA-44 key by which the log signs besides, at `cosign`.",
)
@click.option(
    "--witnesses",
    "policy_file",
    metavar="POLICY",
    type=click.Path(path_type=Path),
    help="Whom to ask for cosignatures: a C2SP tlog-policy with URLs; verifiers will ask for its quorum.",
)
@click.option("--desk", is_flag=True, help="Make desk.key, too: it signs acknowledgements of what is handed in.")
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
    post_quantum: bool,
    policy_file: Path | None,
    desk: bool,
    utc_offset: str,
    no_passphrase: bool,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    head_dir: Path | None,
    as_json: bool,
) -> None:
    """Found a ledger in DIR: a new or empty directory.

    Keys that are not given are made in the --keys directory, encrypted under one passphrase; but for content.key, which
    is written in clear: whoever reads it reads the personal content beside the ledger. Move the root keys off
    this machine afterwards: they govern the ledger, as the authority `root`, and are needed seldom. DIR/ledger.trust is
    what an auditor needs; hand it over by another way than the ledger itself. If the founding fails, nothing that it
    made is left.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is there and not empty; a ledger is founded in a new directory")
    number = len(root_key) or roots
    threshold = number // 2 + 1 if threshold is None else threshold
    if threshold > number:
        raise UsageError(f"--threshold {threshold} is more than there are root keys ({number})")
    keys = keys or directory.with_name(directory.name + "-keys")
    stand_ins = [MemorySigner(bytes([1 + n]) * 32) for n in range(number + 1)]
    _require_lawful(origin, stand_ins[0], stand_ins[1:], threshold, utc_offset)
    log_file = log_key or keys / "log.key"
    root_files = root_key or tuple(keys / f"root-{n + 1}.key" for n in range(roots))
    content_file = content_key or keys / "content.key"
    desk_file = keys / "desk.key" if desk else None
    quantum_file = keys / "log-pq.key" if post_quantum else None
    policy_bytes, policy = (None, None) if policy_file is None else _read_policy(policy_file)
    given = {log_key, *root_key}
    wanted = (log_file, *root_files, *filter(None, (desk_file, quantum_file)))
    new = [file for file in wanted if file not in given and not file.exists()]
    for file in new:
        public = file.with_name(file.name + ".pub")
        if public.exists():
            raise UsageError(f"{public} is there, and {file} is not: bring the key, or move its public half away")
    if content_key is not None or content_file.exists():
        read_content_key(content_file)
    passphrase: bytes | None = None
    if new and not no_passphrase:
        what = f"the new keys in {keys}"
        passphrase = options.passphrase_source(passphrase_file, passphrase_fd, confirm=True, what=what)()

    seeds = {file: os.urandom(SEED_BYTES) for file in new}
    signers: dict[Path, Signer] = {file: MemorySigner(seed) for file, seed in seeds.items() if file != quantum_file}
    for file in (log_file, *root_files, *filter(None, (desk_file,))):
        if file not in signers:
            signers[file] = options.load_signer(file, passphrase_file, passphrase_fd)
    log_signer, root_signers = signers[log_file], [signers[file] for file in root_files]
    quantum_seed = None if quantum_file is None else seeds.get(quantum_file) or options.load_mldsa_seed(
        quantum_file, passphrase_file, passphrase_fd
    )  # fmt: skip
    _require_lawful(origin, log_signer, root_signers, threshold, utc_offset)
    desk_signer = None if desk_file is None else signers[desk_file]
    trust = _trust(origin, log_signer, quantum_seed, desk_signer, policy)
    with _undone_on_failure(directory) as make:
        for file, seed in seeds.items():
            public = file.with_name(file.name + ".pub")
            if file == quantum_file:
                make(file, partial(write_key, file, seed, passphrase, kind="ml-dsa-44"))
                make(public, partial(write_mldsa_public_key, public, mldsa.SigningKey(seed).public_key))
                continue
            make(file, partial(write_key, file, seed, passphrase))
            make(public, partial(write_public_key, public, signers[file].public_key))
        if content_key is None and not content_file.exists():
            make(content_file, partial(write_master_key, content_file))
        ledger = Ledger.create(
            directory,
            origin=origin,
            log_signer=log_signer,
            root_signers=root_signers,
            threshold=threshold,
            utc_offset=utc_offset,
            content_key=read_content_key(content_file),
            head_dir=head_dir,
        )
    with ledger:
        trust = replace(trust, ledger_id=ledger.ledger_id)
        write_new(directory / "ledger.trust", trust.to_text())
        if policy_bytes is not None:
            write_new(Layout(directory).witnesses, policy_bytes)
        if as_json:
            output.emit_json(
                {
                    "directory": str(directory), "origin": origin, "ledger_id": ledger.ledger_id.hex(),
                    "root": ledger.root.hex(), "keys": str(keys), "trust": str(directory / "ledger.trust"),
                    "threshold": threshold, "root_keys": [one.public_key.hex() for one in root_signers],
                    "log_keys": list(trust.log_keys), "acknowledgement_keys": list(trust.acknowledgement_keys),
                    "witnesses": [one.name for one in policy.witnesses] if policy else [],
                }
            )  # fmt: skip
        else:
            click.echo(ledger.ledger_id.hex())
            roots_by_file = [*zip(root_files, root_signers, strict=True)]
            _tell(
                directory, origin, threshold, roots_by_file, (log_file, desk_file, quantum_file), content_file,
                encrypted=not no_passphrase,
            )  # fmt: skip
            _tell_about_cosigning(directory, log_file, quantum_file, policy)


def _read_policy(file: Path) -> tuple[bytes, Policy]:
    """The policy in a file, as it stands and as it is read. Raises `FormatError` saying what is wrong with it."""
    data = read_bounded(file, MAX_POLICY_BYTES, "the witness policy")
    try:
        policy = Policy.from_bytes(data)
    except FormatError as error:
        raise type(error)(f"{file}: {error}") from None
    if not any(one.url for one in policy.witnesses):
        raise FormatError(f"{file}: no witness has a URL, so none could be asked: write it after the witness's key")
    return data, policy


def _trust(
    origin: str, log_signer: Signer, quantum_seed: bytes | None, desk: Signer | None, policy: Policy | None
) -> Trust:
    """The trust file, but for the ledger's id, which is not known yet. Raises `FormatError` for keys that clash."""
    log_keys = [LogSigner(origin, log_signer).verifier.vkey]
    if quantum_seed is not None:
        log_keys.append(MlDsaVerifier(origin, mldsa.SigningKey(quantum_seed).public_key).vkey)
    desks = () if desk is None else (NoteVerifier(f"{origin}/acknowledgements", desk.public_key[1:]).vkey,)
    asked = None if policy is None else replace(policy.without_urls(), logs=())
    return Trust(origin, ZERO_HASH, tuple(log_keys), desks, asked)


class _Nothing:
    """What the founding of a ledger looks at: a ledger without records."""

    def __init__(self) -> None:
        self.governance = Governance()
        self.heads: dict[bytes, KeyHead] = {}

    def subject_row(self, _key: bytes) -> bytes | None:
        """None: there are no subjects."""
        return None

    def past_entry(self, _key: bytes, _author_seq: int) -> bytes | None:
        """None: there are no entries."""
        return None

    def root_at(self, _size: int) -> bytes | None:
        """None: there is no tree."""
        return None


def _require_lawful(
    origin: str, log_signer: Signer, root_signers: Sequence[Signer], threshold: int, utc_offset: str
) -> None:
    """The founding is one that the rules allow; raises what appending it would."""
    now = system_clock()
    try:
        LogSigner(origin, log_signer)
    except FormatError as error:
        raise FormatError(
            f"--origin: {error}. It is a name without spaces, such as registry.example.org/defaulters"
        ) from None
    data, signatures = founding_entry(origin, log_signer, root_signers, threshold, utc_offset, now)
    engine.apply(_Nothing(), 0, now, bytes(32), check_entry(data, signatures))


@contextmanager
def _undone_on_failure(directory: Path) -> Iterator[Callable[[Path, Callable[[], object]], None]]:
    """Yields a function that makes a file, and the directories it lies in; on failure all that was made is removed."""
    files: list[Path] = []
    directories = [] if directory.exists() else [directory]

    def make(file: Path, write: Callable[[], object]) -> None:
        directories.extend(one for one in (file.parent, *file.parent.parents) if not one.exists())
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write()
        files.append(file)

    try:
        yield make
    except BaseException:
        for path in (*files, Layout(directory).lock):
            with suppress(OSError):
                path.unlink()
        for path in sorted(directories, key=lambda one: len(one.parts), reverse=True):
            with suppress(OSError):
                path.rmdir()
        raise


def _tell(
    directory: Path,
    origin: str,
    threshold: int,
    roots: Sequence[tuple[Path, Signer]],
    online: tuple[Path, Path | None, Path | None],
    content_file: Path,
    *,
    encrypted: bool,
) -> None:
    """Says what there is now, and what to do next, step by step; `online` are the keys of log and desk, and the
    post-quantum one."""
    log_file, desk_file, quantum_file = online
    ours, author = typed(directory), typed(roots[0][0])
    signing = " ".join(f"--key {typed(f'{file}.pub')}" for file, _ in roots[:threshold])
    draft = f"creditledger draft law.register/1 --authority root --ledger {ours} {signing} -o law.json"
    recording = f"creditledger append {ours} law.json.signed --log-key {typed(log_file)}"
    if quantum_file is not None:
        recording += f" --pq-key {typed(quantum_file)}"
    if desk_file is not None:
        answers = directory.with_name(directory.name + "-answers")
        recording += f" --desk-key {typed(desk_file)} --answers {typed(answers)}"
    apart = listed(map(str, filter(None, (content_file, *online))))
    steps = [
        f"Copy {apart} to where the ledger is not, and move the root keys off this machine",
        f"Mind who can read {content_file}: it is not encrypted, and opens the personal content beside the ledger",
        f"Give auditors {directory / 'ledger.trust'}, by another way than the ledger",
        f"Draft the first act, as the authority root: {draft}",
        f"Fill law.json in, and sign it: creditledger sign law.json --key {author} --ledger {ours}",
    ]
    steps += [
        f"Countersign it: creditledger sign law.json.signed --key {typed(file)} --ledger {ours}"
        for file, _ in roots[1:threshold]
    ]
    steps.append(f"Record it: {recording}")
    output.say(
        f"The ledger {origin} is founded in {directory}.\n"
        + ("Its one root key" if len(roots) == 1 else f"{threshold} of its {len(roots)} root keys")
        + " must sign whatever governs it, as the authority root:"
    )
    for file, one in roots:
        output.say(f"  {file}   key {fingerprint(one.public_key)}")
    if not encrypted:
        output.say("New keys are not encrypted (--no-passphrase): whoever reads the files can sign.")
    output.say("Next:")
    for number, step in enumerate(steps, 1):
        output.say(f"  {number}. {step}")


def _tell_about_cosigning(directory: Path, log_file: Path, quantum_file: Path | None, policy: Policy | None) -> None:
    """Says how the signatures come about that verifiers will ask for besides."""
    if quantum_file is None and policy is None:
        return
    asked = [] if quantum_file is None else ["the post-quantum signature of the log"]
    asked += [] if policy is None else ["the quorum of witnesses"]
    pq = "" if quantum_file is None else f" --pq-key {typed(quantum_file)}"
    output.say(
        f"Whoever verifies by ledger.trust asks for {' and '.join(asked)}. Keep this running:\n"
        f"  creditledger cosign {typed(directory)} --log-key {typed(log_file)}{pq} --every 10m"
    )
    if policy is not None:
        output.say(
            "The witnesses must know the log: give them ledger.trust. Whom to ask stands in "
            f"{Layout(directory).witnesses}"
        )
