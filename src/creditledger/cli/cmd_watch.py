"""`creditledger watch`: follows ledgers from several sides, and says when a log shows two histories."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from creditledger.audit.trust import Trust
from creditledger.cli import colour, options, output, pins
from creditledger.cli.rounds import until_stopped
from creditledger.cli.suggesting import typed
from creditledger.errors import CannotVerify, UsageError, VerificationFailed
from creditledger.watch.audits import Settings
from creditledger.watch.calling import call, parse_command
from creditledger.watch.events import Event
from creditledger.watch.watcher import Watcher

_COLOURS = {0: "green", VerificationFailed.exit_code: "red"}


@click.command("watch")
@click.argument("vantages", metavar="URL|DIR...", nargs=-1, required=True)
@click.option(
    "--trust",
    "trusts",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="The trust file of a ledger; repeat it to watch several.",
)
@click.option(
    "--state", required=True, type=click.Path(path_type=Path), help="A directory for what is remembered, and evidence."
)
@click.option(
    "--every",
    type=options.DurationType(seconds=True),
    default="60s",
    show_default=True,
    help="How long from round to round.",
)
@click.option("--once", is_flag=True, help="One round; the exit code tells what came of it.")
@click.option("--exec", "command_line", metavar="CMD", help="Call this on an alarm, with the evidence, and go on.")
@click.option(
    "--max-age",
    type=options.DurationType(seconds=True),
    default="24h",
    show_default=True,
    help="How old the witnesses' cosignatures may be, where the trust file names witnesses.",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="How many processes audit [default: one for each core].")
@options.as_json
def command(
    vantages: tuple[str, ...],
    trusts: tuple[Path, ...],
    state: Path,
    every: int,
    once: bool,
    command_line: str | None,
    max_age: int,
    jobs: int | None,
    as_json: bool,
) -> int:
    """Follow ledgers as they grow, each from one or several vantage points: URLs or directories of published logs.

    Every round holds what all of them show against each other and against what was verified before, by proofs computed
    from the files at the vantage points; what is new is audited in full. A log that shows two histories is exposed: the
    evidence, which convinces anybody who has the trust file, is written to the state's directory.

    On an alarm (two histories, or records that were altered or break a rule) it ends with 3; with --exec it calls CMD,
    without a shell, the path of the evidence as its last argument, for at most a minute, and goes on. A vantage point
    that cannot be read, or shows an older state, is told and looked at again; it is no alarm.

    It goes on until it is stopped by ctrl-C or SIGTERM, and ends with 0 then. With --once it ends with 0: all is well;
    3: something was altered, or two histories; 4: something could not be checked.
    """
    words = None if command_line is None else parse_command(command_line)
    if every <= 0 or max_age <= 0:
        raise UsageError("--every and --max-age are longer than nothing")
    with output.progress(quiet=as_json) as progress:
        settings = Settings(
            max_age // 1_000_000, jobs, None if words is None else partial(call, words), pins.store(), progress
        )
        with Watcher(vantages, [Trust.load(one) for one in trusts], state, settings) as watcher:
            if once:
                return _round(watcher, {}, as_json=as_json)[0]
            told: dict[tuple[str, str], str] = {}
            with until_stopped() as pause:
                while True:
                    began = time.monotonic()
                    code, alarmed = _round(watcher, told, as_json=as_json)
                    if alarmed and words is None:
                        return code
                    pause(max(0.0, every / 1_000_000 - (time.monotonic() - began)))
    return 0


def _round(watcher: Watcher, told: dict[tuple[str, str], str], *, as_json: bool) -> tuple[int, bool]:
    """One round; returns its exit code, and whether there was an alarm.

    People are told of a thing once, until it changes: `told` holds what each vantage point was said to show.
    """
    codes: set[int] = set()
    alarmed = False
    now: dict[tuple[str, str], str] = {}
    for event in watcher.round(time.time()):
        codes.add(event.exit_code)
        alarmed = alarmed or event.is_alarm
        place = (event.kind, event.vantage or event.origin)
        now[place] = event.words
        if as_json:
            output.emit_json_line({"time": _clock(), **event.to_json()})
            sys.stdout.flush()
        elif told.get(place) != event.words:
            _tell(event)
        if alarmed:
            output.settle(VerificationFailed.exit_code)
    told.clear()
    told.update(now)
    worst = (VerificationFailed.exit_code, CannotVerify.exit_code)
    return next((code for code in worst if code in codes), 0), alarmed


def _tell(event: Event) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")  # Whatever progress was shown last.
        sys.stderr.flush()
    shade = _COLOURS.get(event.exit_code, "yellow") if event.kind != "backwards" else "yellow"
    head = colour.paint(f"{event.kind:<11}", fg=shade, bold=event.is_alarm)
    output.paragraph(f"{colour.paint(_clock(), dim=True)}  {head} {output.printable(event.words)}.")
    if event.kind == "fork":
        # On a line of its own, whole, so that it can be copied.
        output.put(f"    creditledger verify {typed(str(event.file))} --trust TRUST-FILE")
    sys.stdout.flush()


def _clock() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
