"""`creditledger history`: every act about a subject, in words."""

from __future__ import annotations

from pathlib import Path

import click

from creditledger.acts.kinds import ActRef, Subject
from creditledger.acts.registry import act_to_json
from creditledger.cli import options, output
from creditledger.cli.ledgers import open_reader
from creditledger.client.phrases import count
from creditledger.client.words import describe
from creditledger.errors import UsageError
from creditledger.record.entry import entry_hash


@click.command("history")
@options.directory
@click.argument("subject", type=options.SubjectType())
@click.argument("list_id", metavar="LIST")
@options.as_json
def command(directory: Path, subject: Subject, list_id: str, as_json: bool) -> None:
    """Show every act about SUBJECT (scheme:value) on LIST, oldest first: who did what, when, under which record."""
    with open_reader(directory) as ledger:
        lists = ledger.governance.lists
        if list_id not in lists:
            # That nothing is recorded on a list that does not exist would be true, and misread.
            known = ", ".join(sorted(lists)) or "none yet"
            raise UsageError(f"there is no list {list_id!r:.80}; the ledger's lists: {known}")
        items = ledger.history(subject, list_id)
        digests = {seq: entry_hash(ledger.record(seq).entry) for seq in {item.address.seq for item in items}}
    if as_json:
        for item in items:
            output.emit_json_line(
                {
                    "address": str(item.address), "recorded_at": options.format_moment(item.recorded_at),
                    "authority": item.authority, "tainted": item.tainted, "act": act_to_json(item.act),
                }
            )  # fmt: skip
        return
    if not items:
        output.paragraph(
            f"nothing-recorded: the ledger holds no act about {subject} on {list_id}, "
            "which does not mean that there is nothing."
        )
        return
    addresses = {ActRef(digests[item.address.seq], item.address.act): str(item.address) for item in items}
    output.table(
        f"{subject} on {list_id}",
        ("record", "recorded", "by", "what"),
        [
            (
                str(item.address), options.format_moment(item.recorded_at), item.authority,
                describe(item.act, "", address=addresses.get).strip()
                + (" [signed with a disowned key]" if item.tainted else ""),
            )
            for item in items
        ],
    )  # fmt: skip
    output.remark(f"{count(len(items), 'act')}; `creditledger show` takes the numbers in the first column.")
