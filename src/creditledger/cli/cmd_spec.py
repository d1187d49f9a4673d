"""`creditledger spec`: the specification that this program was built from, and the test vectors beside it."""

from __future__ import annotations

import sys
from importlib.resources import files

import click

from creditledger import spec
from creditledger.cli import options, output
from creditledger.errors import UsageError


@click.command("spec")
@click.argument("name", required=False)
@click.option("--list", "as_list", is_flag=True, help="List the documents and the vectors, as without NAME.")
@click.option("--vectors", metavar="NAME", help="Print a set of test vectors, in JSON, instead of a document.")
@options.as_json
def command(name: str | None, as_list: bool, vectors: str | None, as_json: bool) -> None:
    """Print a document of the specification, in Markdown: enough to write another implementation from.

    On a terminal it opens in the pager. What is printed is the text itself, byte for byte: the SHA-256 of a rule set's
    text selects it in a ledger.
    """
    if sum((name is not None, as_list, vectors is not None)) > 1:
        raise UsageError("give NAME, --list or --vectors, one of them")
    if vectors is not None:
        click.echo(read_vectors(vectors), nl=False)
        return
    if name is not None:
        text = spec.read(name)
        if as_json:
            output.emit_json({"name": name, "title": spec.documents()[name], "text": text})
        elif sys.stdout.isatty():
            click.echo_via_pager(text)
        else:
            click.echo(text, nl=False)
        return
    documents = spec.documents()
    if as_json:
        output.emit_json({"documents": documents, "vectors": vector_names()})
        return
    rows = [(one, title, f"creditledger spec {one}") for one, title in documents.items()]
    rows += [(one, "test vectors, in JSON", f"creditledger spec --vectors {one}") for one in vector_names()]
    output.table("Specification", ("name", "what", "command"), rows)


def vector_names() -> list[str]:
    """The sets of vectors there are."""
    names = (one.name for one in files(spec).joinpath("vectors").iterdir())
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def read_vectors(name: str) -> str:
    """The JSON text of a set of vectors; raises `UsageError` naming those there are."""
    if name not in vector_names():
        raise UsageError(f"there are no vectors {name!r:.80}; known are: {', '.join(vector_names())}")
    return files(spec).joinpath("vectors", f"{name}.json").read_text(encoding="utf-8")
