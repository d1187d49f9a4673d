"""`creditledger log`: the records, one line each."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.acts.registry import type_of
from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.client.words import describe
from creditledger.record.entry import entry_hash, restore_entry
from creditledger.record.record import decode_record


@click.command("log")
@options.directory
@click.option("-n", "--number", type=click.IntRange(1), default=20, show_default=True, help="How many records.")
@click.option("--from", "start", type=click.IntRange(0), help="The first record [default: the last ones].")
@options.as_json
def command(directory: Path, number: int, start: int | None, as_json: bool) -> None:
    """Show records, newest last: number, time, who signed, what."""
    with open_reader(directory) as ledger:
        first = max(0, ledger.size - number) if start is None else start
        rows = []
        for seq, data in ledger.records(first, first + number):
            record = decode_record(data)
            entry = restore_entry(record.entry)
            if as_json:
                output.emit_json_line(
                    {
                        "seq": seq, "recorded_at": options.format_moment(record.recorded_at),
                        "authority": entry.authority, "key": entry.key.hex(), "author_seq": entry.author_seq,
                        "entry_hash": entry_hash(record.entry).hex(), "acts": [type_of(act).name for act in entry.acts],
                    }
                )  # fmt: skip
                continue
            more = f" (and {len(entry.acts) - 1} more)" if len(entry.acts) > 1 else ""
            rows.append(
                (
                    str(seq),
                    options.format_moment(record.recorded_at),
                    entry.authority,
                    describe(entry.acts[0], "").strip() + more,
                )
            )
        if first >= ledger.size:
            output.say(f"There is no record {first}; the last one is {ledger.size - 1}.")
        elif not as_json:
            output.table(f"{ledger.origin}: {ledger.size} records", ("record", "recorded", "by", "what"), rows)
