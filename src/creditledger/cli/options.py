"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import datetime as dt
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from creditledger.acts.kinds import Subject
from creditledger.cli import colour
from creditledger.errors import FormatError, UsageError
from creditledger.keys.passphrase import PassphraseSource
from creditledger.keys.signer import Signer, open_signer

Command = TypeVar("Command", bound=Callable[..., Any])


def as_json(command: Command) -> Command:
    """`--json`, the answer as JSON, for programs; and with it what every command takes: `--color`."""
    command = click.option(
        "--color", type=click.Choice(("auto", "always", "never")), default="auto", expose_value=False, is_eager=True,
        callback=lambda _ctx, _param, when: colour.choose_colour(when),
        help="Colour: on a terminal unless NO_COLOR is set (auto), always, or never.",
    )(command)  # fmt: skip
    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")(command)


def directory(command: Command) -> Command:
    """`DIR`: the ledger's directory."""
    return click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))(command)


def dry_run(command: Command) -> Command:
    """`--dry-run`: say what would happen and change nothing."""
    return click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")(command)


def head_dir(command: Command) -> Command:
    """`--head-dir`: where the last signed head is kept, outside the ledger."""
    return click.option(
        "--head-dir",
        type=click.Path(path_type=Path),
        envvar="CREDITLEDGER_HEADS",
        help="Where the last signed head is kept, outside the ledger [default: the user's state directory].",
    )(command)


def log_keys(command: Command) -> Command:
    """`--log-key`, repeatable, and `--pq-key`: what signs checkpoints."""
    command = click.option(
        "--pq-key",
        type=click.Path(path_type=Path),
        help="The ML-DSA-44 key file that signs the last checkpoint besides.",
    )(command)
    return click.option(
        "--log-key",
        required=True,
        multiple=True,
        type=click.Path(path_type=Path),
        help="The key file that signs checkpoints; repeat it while one log key replaces another.",
    )(command)


def passphrase(command: Command) -> Command:
    """`--passphrase-file`, `--passphrase-fd`: where the passphrase of the key files comes from; else it is prompted."""
    for option in (
        click.option("--passphrase-fd", type=int, metavar="N", help="Read the passphrase from file descriptor N."),
        click.option(
            "--passphrase-file",
            type=click.Path(path_type=Path),
            help="Read the passphrase from the first line of a file.",
        ),
    ):
        command = option(command)
    return command


def passphrase_source(
    file: Path | None, descriptor: int | None, *, what: str, confirm: bool = False
) -> PassphraseSource:
    """The source that the options of `passphrase` name; if they name none, the prompt, which says `what` it is for."""
    if file is not None and descriptor is not None:
        raise UsageError("give --passphrase-file or --passphrase-fd, not both")
    if file is not None:
        return PassphraseSource.from_file(file)
    if descriptor is not None:
        # A descriptor can be read once; several key files may have to be opened with what it gave.
        return PassphraseSource("file descriptor", _read_once(descriptor))
    return PassphraseSource.prompt(
        confirm=confirm, text=f"{'New passphrase' if confirm else 'Passphrase'} for {what}: "
    )


@functools.cache
def _read_once(descriptor: int) -> Callable[[], bytes]:
    return functools.cache(PassphraseSource.from_fd(descriptor))


def load_signer(key: str | os.PathLike[str], file: Path | None, descriptor: int | None) -> Signer:
    """The signer of a key file or URI."""
    return open_signer(key, passphrase_source(file, descriptor, what=os.fspath(key)))


def load_signers(keys: Sequence[Path], file: Path | None, descriptor: int | None) -> tuple[Signer, ...]:
    """The signers of several key files or URIs."""
    return tuple(load_signer(key, file, descriptor) for key in keys)


def load_mldsa_seed(key: Path | None, file: Path | None, descriptor: int | None) -> bytes | None:
    """The seed in the file of an ML-DSA-44 key; None for no file."""
    if key is None:
        return None
    from creditledger.keys.keyfile import read_mldsa_key

    return read_mldsa_key(key, passphrase_source(file, descriptor, what=os.fspath(key)))


def content_key(file: Path | None) -> bytes | None:
    """The content key in a file, 32 bytes; None for no file."""
    from creditledger.cli.ledgers import read_content_key

    return read_content_key(file)


class SubjectType(click.ParamType[Subject]):
    """A subject on the command line: `scheme:value`."""

    name = "subject"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Subject:
        """Reads it; fails with what a subject looks like."""
        if isinstance(value, Subject):
            return value
        try:
            return Subject.parse(value)
        except FormatError as error:
            self.fail(str(error), param, ctx)


class DateType(click.ParamType[str]):
    """A day on the command line: `YYYY-MM-DD`."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Reads it; fails with what a date looks like."""
        from creditledger.codec.dates import check_date

        try:
            check_date(value)
        except FormatError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class MomentType(click.ParamType[int]):
    """A moment on the command line: ISO 8601 with an offset or Z; microseconds since the Unix epoch."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it; fails with what a moment looks like."""
        if isinstance(value, int):
            return value
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r:.60} is not a moment like 2026-03-10T09:00:00+08:00", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value} lacks its offset; write {value}Z or {value}+08:00", param, ctx)
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return (moment - epoch) // dt.timedelta(microseconds=1)


class DurationType(click.ParamType[int]):
    """A duration on the command line: 30s, 30m, 12h, 7d; microseconds. Seconds only where they are asked for."""

    name = "duration"

    def __init__(self, *, seconds: bool = False) -> None:
        self._units = ({"s": 1_000_000} if seconds else {}) | {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Reads it; fails with what a duration looks like."""
        if isinstance(value, int):
            return value
        text = str(value)
        if not text[:-1].isascii() or not text[:-1].isdecimal() or len(text) > 8 or text[-1] not in self._units:
            self.fail(f"{text!r:.40} is not a duration like 30m, 12h or 7d", param, ctx)
        return int(text[:-1]) * self._units[text[-1]]


def format_moment(microseconds: int) -> str:
    """A moment in ISO 8601, UTC."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    try:
        return (epoch + dt.timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return f"{microseconds} µs after 1970"
