"""An agency's office: a ledger, its keys, a transcript to be registered, and the program as a clerk calls it."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from cli.program import Program, Result, plain
from creditledger.cli import run
from transfer.mirror import sdn_file

FILLED = {
    f"<fill in: {what}>": text
    for what, text in (
        ("name of the body that copies", "Transcription Office"),
        ("identifier of the law", "ieepa"),
        ("title of the law", "International Emergency Economic Powers Act"),
        ("number of the law", "50 U.S.C. 1701"),
        ("who issued the law", "Congress"),
        ("day it came into force", "1977-12-28"),
        ("article", "s. 1702"),
        ("title of the list", "Transcript"),
        ("whose list it is", "Treasury"),
        ("identifier of the list", "sdn"),
    )
}
SDN = ("--list", "sdn", "--format", "ofac-sdn", "--dated")


@dataclass(frozen=True)
class Office:
    """A ledger with its keys, and the program that has signed for it."""

    place: Path
    run: Program

    @property
    def ledger(self) -> Path:
        return self.place / "reg"

    def imports(self, path: Path, *arguments: object, terminal: bool = False, max_file: int | None = None) -> Result:
        """Import a file."""
        given = ("import", self.ledger, path, *arguments, "--passphrase-file", self.place / "passphrase")
        if terminal:
            code, shown = self.run.on_terminal(*given, columns=80)
            return Result(code, plain(shown), "")
        return self.run(*given, max_file=max_file)

    def first(self, *arguments: object) -> Result:
        """Import a first edition of 40 parties."""
        path = sdn_file(self.place / "1.csv", ([one, f"NAME {one}"] for one in range(1, 41)))
        return self.imports(path, *SDN, "2025-01-01", *arguments)

    def ask(self, *arguments: object) -> Result:
        """Run a command that only reads, in this process, which is faster."""
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([*map(str, arguments)])
        out.flush()
        return Result(code, out.buffer.getvalue().decode(), err.getvalue())

    def key(self) -> tuple[str, Path]:
        """The option of the content key."""
        return "--content-key", self.place / "reg-keys" / "content.key"

    def files(self) -> dict[str, tuple[int, int]]:
        """Every file with its size and the time when it was last written, but for the marks of readers."""
        found = (path for path in self.place.rglob("*") if path.is_file() and path.name != "lock.mdb")
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def fill(template: str) -> str:
    """The template as a clerk fills it in."""
    for blank, text in FILLED.items():
        template = template.replace(blank, text)
    return template
