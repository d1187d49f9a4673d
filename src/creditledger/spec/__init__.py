"""The specification as package data: documents that a stranger can implement from, and vectors beside them.

`read("rules-1")` is the text whose SHA-256 selects the rule set in a ledger.
"""

from __future__ import annotations

from creditledger.errors import UsageError

_DOCUMENTS = {
    "format-v1": "creditledger format, version 1",
    "proofs-v1": "creditledger proofs, version 1",
    "rules-1": "Rule set rules-1",
    "threat-model": "Threat model",
}


def documents() -> dict[str, str]:
    """Return the documents there are: name and one-line title."""
    return dict(_DOCUMENTS)


def read(name: str) -> str:
    """Return the text of a document, in Markdown.

    Args:
        name: one of `documents()`.

    Raises:
        UsageError: there is no such document; the message names those there are.
    """
    from importlib.resources import files

    if name not in _DOCUMENTS:
        raise UsageError(f"there is no document {name!r:.80}; known are: {', '.join(_DOCUMENTS)}")
    return files(__name__).joinpath(f"{name}.md").read_bytes().decode()
