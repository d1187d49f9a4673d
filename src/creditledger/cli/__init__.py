"""The command line: `creditledger COMMAND`.

Data goes to stdout, talk to stderr. Every command takes `--json`. What goes wrong ends with a sentence that says what,
where and what to do, and with the exit code of the error (see `creditledger.errors`); never with a traceback.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module

import click

from creditledger._version import __version__
from creditledger.cli import output
from creditledger.errors import LedgerError

COMMANDS: dict[str, str] = {
    "demo": "Build a realistic ledger, verify it, and say what to try next.",
    "init": "Found a ledger.",
    "keygen": "Make a key file.",
    "draft": "Write a JSON template for acts.",
    "sign": "Show in words what is signed, try it out on the rules, and sign it, online or offline.",
    "append": "Record drafts or signed entries.",
    "import": "Transcribe a list that another body publishes.",
    "cosign": "Have witnesses, and the post-quantum key, sign the newest checkpoint.",
    "lookup": "Say whether a subject is on a list, on a day.",
    "history": "Show every act about a subject.",
    "members": "Show who is on a list on a day.",
    "log": "Show the records, newest last.",
    "show": "Show one record, in words or byte by byte.",
    "diff": "Show what changed on a list between two days, or against a CSV file.",
    "replay": "Rebuild the state from the log, up to a record or a moment.",
    "prove": "Write a proof that acts are on record, or that the log continues an older one.",
    "trust": "Show what a trust file goes by, or write one with other keys or witnesses.",
    "verify": "Prove that no record was altered, or check a proof.",
    "watch": "Follow ledgers from several sides, and expose a log that shows two histories.",
    "export": "Write the ledger as one portable file, or a list as CSV or JSON lines.",
    "publish": "Write the log as static files that any web server can serve.",
    "mirror": "Keep a verified copy of a log that is published.",
    "restore": "Rebuild a ledger from an export or a published log.",
    "erase": "Order the erasure of personal content, and destroy it.",
    "witness": "Cosign the checkpoints of other bodies' ledgers.",
    "tamper": "Copy a ledger with one bit changed, or with a second history, to see it caught.",
    "spec": "Print the specification.",
    "doctor": "Check a ledger's directory, this machine and the set-up.",
}
"""Every command with its one line of help; command `x` is the function `command` of module `creditledger.cli.cmd_x`."""

EXIT_CODES: dict[int, str] = {
    0: "Done. For verify: intact, as far as the report says.",
    1: "Another error: input, disk, a sequence conflict.",
    2: "The call makes no sense.",
    3: "Verification failed: evidence of tampering.",
    4: "A check could not run, or records lie beyond the last checkpoint.",
    10: "There is no ledger there.",
    11: "Another process writes to the ledger.",
    12: "The passphrase is missing or wrong.",
    13: "A format or rule set that this version does not support.",
    14: "Refused by a rule of the ledger.",
    130: "Interrupted.",
}
"""What the process's exit codes mean (specification, section 13.3)."""


class _Commands(click.Group):
    """Loads a command's module when the command is called, so that `--help` and short commands start at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"creditledger.cli.cmd_{cmd_name}").command
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="creditledger")
def cli() -> None:
    """Public lists kept honestly: signed, hash-chained, replayable, verifiable by anyone."""


class _Notes(logging.Formatter):
    """Warnings of the library as notes of one line each, whatever strangers said in them."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        return super().formatMessage(record).replace("\n", " ")

    def format(self, record: logging.LogRecord) -> str:
        return output.harmless(super().format(record))


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code; prints errors as sentences, in JSON when `--json` was given."""
    as_json = "--json" in arguments
    output.settle(0)
    handler = logging.StreamHandler()
    handler.setFormatter(_Notes("note: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    try:
        result = cli.main(arguments or ["--help"], prog_name="creditledger", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        hint = f"\nSee '{context.command_path} --help'." if context is not None else ""
        return output.fail(error.format_message() + hint, "UsageError", error.exit_code, as_json=as_json)
    except LedgerError as error:
        return output.fail(output.explain(error), type(error).__name__, error.exit_code, as_json=as_json, error=error)
    except (KeyboardInterrupt, click.Abort):
        return output.fail("interrupted; nothing half-done was recorded", "Interrupted", 130, as_json=as_json)
    except (BrokenPipeError, SystemExit):
        # Whoever read the output has gone away (click makes the first the second); that is no error of ours, and there
        # is nobody left to tell. A verdict stands all the same.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return output.settled()
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return output.fail(f"{error.strerror or error}{where}", "OSError", output.settled() or 1, as_json=as_json)
    except Exception as error:
        if os.environ.get("CREDITLEDGER_DEBUG"):
            raise
        message = (
            f"internal error: {type(error).__name__}: {error}. This is a bug in creditledger; "
            "set CREDITLEDGER_DEBUG=1 to see where it happened, and please report it"
        )
        return output.fail(message, "InternalError", 1, as_json=as_json)
    return result if isinstance(result, int) else 0
