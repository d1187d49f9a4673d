"""`creditledger mirror`: a copy of a published log, verified to the last byte before it is kept."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

import click

from creditledger.audit.published import read_signed
from creditledger.audit.trust import Trust
from creditledger.cli import options, output, pins
from creditledger.client.phrases import count
from creditledger.errors import CannotVerify, LedgerError, NoLedger, StoreError, UsageError, VerificationFailed
from creditledger.publish.mirroring import Mirrored, mirror
from creditledger.web.place import Folder, open_place

_EVERY = re.compile(r"([0-9]{1,6})([smhd])").fullmatch
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@click.command("mirror")
@click.argument("source", metavar="URL")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path), help="The trust file, got by another way than URL."
)
@click.option("--every", metavar="TIME", help="Go on for ever, looking for what is new every 30s, 10m, 6h, 1d.")
@options.as_json
def command(source: str, out: Path, trust: Path, every: str | None, as_json: bool) -> None:
    """Keep a copy in OUT of the log that is published at URL, an http(s) address or a directory.

    What is new is fetched, and held against the signed checkpoint and against what OUT has already, before it counts.
    What contradicts it is evidence against the log, which is written down for others (exit code 3). Run it again, or
    with --every, to follow the log. OUT can be served, verified, mirrored, and restored from.
    """
    trusted = Trust.load(trust)
    pause = None if every is None else _seconds(every)
    while True:
        try:
            _tell(_once(source, out, trusted, quiet=as_json), out, lines=pause is not None, as_json=as_json)
        except VerificationFailed as error:
            if error.finding == "LED-HEAD":
                _expose(source, out, trusted)
            raise
        except (StoreError, CannotVerify) as error:
            # It may be there again next time; what contradicts a signature will not.
            if pause is None or isinstance(error, NoLedger):
                raise
            output.say(f"note: {error}")
        if pause is None:
            return
        time.sleep(pause)


def _once(source: str, out: Path, trust: Trust, *, quiet: bool) -> Mirrored:
    with output.progress(quiet=quiet) as progress:
        shown = None if progress is None else (lambda done, total: progress("fetching bundles", done, total))
        return mirror(source, out, trust=trust, progress=shown)


def _expose(source: str, out: Path, trust: Trust) -> None:
    """Write evidence for others if what is published and what the copy has are two histories."""
    with suppress(LedgerError):
        place = open_place(source)
        try:
            shown, kept = read_signed(place, trust), read_signed(Folder(out), trust)
        finally:
            place.close()
        larger = source if shown.checkpoint.size > kept.checkpoint.size else out
        with pins.tree_of(larger, max(shown.checkpoint.size, kept.checkpoint.size)) as tree:
            pins.expose(trust, kept.note, shown.note, lambda: tree)


def _tell(done: Mirrored, out: Path, *, lines: bool, as_json: bool) -> None:
    if as_json:
        told = {"directory": str(out), **done._asdict(), "root": done.root.hex()}
        (output.emit_json_line if lines else output.emit_json)(told)
        return
    click.echo(f"{count(done.size, 'record')}, root {done.root.hex()}")
    if done.behind:
        output.remark(f"The source is behind: it shows an older checkpoint than {out} has, of the same history.")
    elif done.fetched:
        output.remark(f"{out}: {count(done.fetched, 'file')} fetched and verified, from record {done.before} on.")
    else:
        output.remark(f"{out} is up to date.")


def _seconds(text: str) -> int:
    match = _EVERY(text)
    if match is None or int(match[1]) == 0:
        raise UsageError(f"--every {text!r:.40}: give a number and s, m, h or d, like 10m")
    return int(match[1]) * _SECONDS[match[2]]
