"""Reading detached content back, for those who hold the content key."""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import Any

import click

from creditledger.acts.catalogue import Act
from creditledger.cli import output
from creditledger.errors import UsageError
from creditledger.ledger.ledger import Ledger


def read_content(ledger: Ledger, act: Act, label: str) -> bytes:
    """The content that an act commits to under a label, checked against the commitment.

    `ledger` was opened with the content key. Raises `UsageError` where there is none: never attached, erased, or kept
    elsewhere.
    """
    attached = dict(getattr(act, "content", ()))
    if label not in attached:
        known = ", ".join(attached) or "none"
        raise UsageError(f"no content is attached to this act under the label {label!r:.80}; its labels: {known}")
    about: Any = act  # Acts with content are about a subject on a list.
    found = ledger.content(about.list, about.subject, attached[label])
    if found is None:
        what = f"the content {label} with commitment {attached[label].hex()}"
        record = ledger.erased_by(about.list, about.subject, attached[label])
        if record is not None:
            raise UsageError(f"{what} is not here: it was erased by record {record}")
        raise UsageError(f"{what} is not here, and was not erased: it lies elsewhere, or was lost")
    return found


def print_content(label: str, content: bytes, *, as_json: bool) -> None:
    """Writes content to stdout as it is; on a terminal only text, without what could control the terminal."""
    try:
        text: str | None = content.decode()
    except UnicodeDecodeError:
        text = None
    if as_json:
        output.emit_json({"label": label, "text": text, "base64": b64encode(content).decode()})
    elif not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    elif text is not None:
        click.echo(output.printable(text))
    else:
        raise UsageError(f"the content is {len(content)} bytes that are not text: write them to a file (> FILE)")
