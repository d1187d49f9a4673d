"""`creditledger demo`: a realistic ledger, made, verified and explained."""

from __future__ import annotations

import os
import shutil
import sys
import time
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from creditledger.audit.auditor import verify
from creditledger.audit.trust import Trust
from creditledger.cli import colour, options, output
from creditledger.cli.ledgers import open_reader, write_new
from creditledger.cli.suggesting import typed
from creditledger.demo import generated
from creditledger.demo.story import MIN_ACTS, Story, origin_of, tell
from creditledger.errors import LedgerError, UsageError
from creditledger.keys.keyfile import write_key, write_public_key
from creditledger.ledger.founding import LogSigner
from creditledger.store.files import FILE_MODE, make_dir
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.master_key import write_master_key

PASSPHRASE = "demo"  # noqa: S105 - the demonstration's keys are no secret: they follow from its seed


@click.command("demo")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path), default=Path("creditledger-demo"), show_default=True,
    help="A new or empty directory for it.",
)  # fmt: skip
@click.option(
    "--acts", type=click.IntRange(MIN_ACTS, 10_000_000), default=1200, show_default=True, help="About how many acts."
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=1,
    show_default=True,
    help="The same seed, the same demonstration.",
)
@options.head_dir
@options.as_json
def command(directory: Path, acts: int, seed: int, head_dir: Path | None, as_json: bool) -> None:
    """Build a realistic ledger, verify it, and say what to try next.

    Courts at three levels, a regulator, lists that restrict and one that honours, appeals, a stolen key, an erasure.
    Every name is invented. A second one of the same seed and size is a ledger of its own, with an origin of its own.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is there and not empty; choose another with --dir, or remove it")
    kept = head_dir if head_dir is not None else default_head_dir(os.environ)
    origin = free_origin(origin_of(seed, acts), kept)
    content_key = generated.Draws(seed, "content-key").bytes(32)
    began = time.monotonic()
    with output.progress(quiet=as_json) as progress:
        with TemporaryDirectory(prefix="creditledger-demo-") as heads:
            story, signers = tell(
                directory, total=acts, seed=seed, content_key=content_key, head_dir=Path(heads), origin=origin,
                progress=progress,
            )  # fmt: skip
            _keep_heads(Path(heads), kept)
        built = time.monotonic() - began
        keys = directory / "keys"
        keys.mkdir(mode=0o700)
        write_new(keys / "passphrase", PASSPHRASE + "\n", 0o600)
        write_master_key(keys / "content.key", lambda _: content_key)
        for name, signer in signers.items():
            file = keys / f"{name}.key"
            seed_bytes = generated.Draws(seed, f"key/{_drawn_as(name, story)}").bytes(32)
            # The passphrase lies beside the keys: to make it costly to guess would only make everybody wait.
            write_key(file, seed_bytes, PASSPHRASE.encode(), cost=1 << 10)
            write_public_key(keys / f"{name}.key.pub", signer.public_key)
        with open_reader(directory) as ledger:
            trust = Trust(ledger.origin, ledger.ledger_id, (LogSigner(ledger.origin, signers["log"]).verifier.vkey,))
            root, size = ledger.root, ledger.size
            statuses = {
                text: (subject, list_id, ledger.lookup(subject, list_id, valid_at="2024-01-15").status)
                for text, (subject, list_id) in story.subjects.items()
            }
        write_new(directory / "ledger.trust", trust.to_text())
        report = verify(directory, trust=trust, progress=progress)
    if as_json:
        output.emit_json(
            {
                "directory": str(directory), "trust": str(directory / "ledger.trust"), "keys": str(keys),
                "ledger_id": trust.ledger_id.hex(), "size": size, "acts": story.acts, "root": root.hex(),
                "verified": report.exit_code == 0,
                "events": [{"day": one.day, "record": one.record, "event": one.text} for one in story.events],
                "subjects": {
                    text: {"subject": str(subject), "list": list_id, "status_on_2024-01-15": status}
                    for text, (subject, list_id, status) in statuses.items()
                },
            }
        )  # fmt: skip
        return
    events = [(one.day, str(one.record), one.text) for one in story.events]
    output.table("What happened", ("day", "record", "event"), events)
    output.put("")
    with open_reader(directory) as ledger:
        polarities = {name: row.definition.polarity for name, row in ledger.governance.lists.items()}
    output.table(
        "Who stands where on 15 January 2024",
        ("who", "status", "list", "subject"),
        [
            (who, colour.status(status, polarities[list_id]), list_id, str(subject))
            for who, (subject, list_id, status) in statuses.items()
        ],
    )
    subject, list_id, _ = statuses["a firm whose listing was quashed"]
    forged = next(one.record for one in story.events if "stolen" in one.text)
    other = "" if origin == origin_of(seed, acts) else f"A demonstration of seed {seed} was made here before. "
    output.say("")
    output.remark(
        f"{size} records with {story.acts} acts, recorded in {built:.1f} s, and verified: {report.verdict}. {other}"
        f"This ledger is {origin}. Everything is in {directory}; remove it when you are done."
    )
    activate = Path(sys.executable).with_name("activate")
    if shutil.which("creditledger") is None and activate.exists():
        output.say(f"\nSo that the shell finds the commands below:\n  . {os.path.relpath(activate)}")
    ours, trusted, tampered = typed(directory), typed(directory / "ledger.trust"), typed(f"{directory}-tampered")
    output.say(
        f"""
Verify it yourself; change one bit in a copy, and see it found:
  creditledger verify {ours} --trust {trusted}
  creditledger tamper {ours} {tampered} --record {forged}
  creditledger verify {tampered} --trust {trusted}

Ask about the firm whose listing was quashed, and look at what was signed with the stolen key:
  creditledger history {ours} {subject} {list_id}
  creditledger lookup {ours} {subject} {list_id} --valid-at 2023-03-05
  creditledger members {ours} trusted-traders --valid-at 2024-01-15
  creditledger show {ours} {forged}

The keys in {keys} have the passphrase "{PASSPHRASE}" (--passphrase-file {keys}/passphrase)."""
    )


def free_origin(origin: str, heads: Path) -> str:
    """The origin, or the first of `origin-2`, `origin-3` and so on for which this machine has signed nothing yet.

    Two ledgers of one id that went different ways would each be, to the head kept outside, a forgery of the other.
    """
    taken = _origins_signed_for(heads)
    return next(name for number in count(1) if (name := origin if number == 1 else f"{origin}-{number}") not in taken)


def _origins_signed_for(heads: Path) -> set[str]:
    """The first lines of the checkpoints that were signed last; heads that cannot be read are none of this."""
    store, found = HeadStore(heads), set()
    for file in heads.iterdir() if heads.is_dir() else ():
        try:
            head = store.load(bytes.fromhex(file.name))
        except (ValueError, LedgerError):
            continue
        if head is not None:
            found.add(head.checkpoint.partition(b"\n")[0].decode(errors="replace"))
    return found


def _keep_heads(fresh: Path, kept: Path) -> None:
    """Keeps the head where others are kept; it was made elsewhere, so that a demonstration that fails leaves none."""
    make_dir(kept)
    for head in fresh.iterdir():
        if not head.suffix:
            new = kept / f"{head.name}.new"
            shutil.copyfile(head, new)
            new.chmod(FILE_MODE)
            try:
                os.link(new, kept / head.name)
            except FileExistsError:
                raise UsageError(
                    "another demonstration of this seed was being made meanwhile: remove this one and make it again"
                ) from None
            finally:
                new.unlink()


def _drawn_as(name: str, story: Story) -> str:
    """Under which name a key was drawn: the court whose key was stolen has a second one."""
    return story.renamed.get(name, name)
