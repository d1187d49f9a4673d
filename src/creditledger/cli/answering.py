"""What `append --answers` leaves for whoever handed files in: of each a receipt, and a signed acknowledgement.

A refused file is answered too. A failure while one file was read or judged is about that file; the others, of which
none was recorded either, are answered that nothing was decided about them. A file that is handed in again under the
same name is answered beside the earlier answers, as NAME.2, NAME.3 and so on: none is ever written over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TypeVar

from creditledger.cli import options, output
from creditledger.cli.suggesting import typed
from creditledger.client.files import read_bounded, write_whole
from creditledger.client.submission import MAX_SUBMISSION_BYTES, Submission
from creditledger.errors import CannotVerify, LedgerError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import Receipt
from creditledger.receipts import make
from creditledger.receipts.acknowledgement import (
    Acknowledgement,
    Outcome,
    Unrecorded,
    outcome_of,
    sign_acknowledgement,
)
from creditledger.store.files import disk_error

Item = TypeVar("Item")

_RECEIPT, _ACKNOWLEDGEMENT = ".receipt", ".ack"
_OTHERS = "it was handed in with others, of which one could not be recorded, and nothing was decided about it"


class Answers:
    """Where answers go, and who signs them; without a directory there are none, and without a desk key no
    acknowledgements. `at` is the file that is being read or judged, if a single one is."""

    def __init__(self, directory: Path | None, desk: Signer | None, files: Sequence[Path], now: int) -> None:
        """Takes the directory, made if it is not there; raises UsageError for two files of one name."""
        self._directory = directory
        self._desk = desk
        self._files = files
        self._now = now
        self._at: Path | None = None
        self._receipts: Sequence[Receipt] = ()
        self._stems: dict[Path, str] = {}
        self._written: dict[Path, list[Path]] = {file: [] for file in files}
        if directory is None:
            return
        names = [file.name for file in files]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"two of the files are called {twice}, and so would be their answers")
        try:
            directory.mkdir(exist_ok=True)
        except OSError as error:
            raise disk_error("make the directory of answers", directory, error.errno, str(error)) from error

    def written(self, file: Path) -> list[Path]:
        """The answers that were written about a file."""
        return self._written[file]

    def each(self, items: Iterable[Item], file_of: Callable[[Item], Path]) -> Iterator[Item]:
        """The items, while it is noted which file is looked at: what fails meanwhile is about that file."""
        for item in items:
            self._at = file_of(item)
            yield item
        self._at = None

    @contextmanager
    def told(self, ledger: Ledger) -> Iterator[None]:
        """Within, whatever fails is acknowledged before it is raised."""
        self._check_desk(ledger)
        self._name_answers()
        try:
            yield
        except LedgerError as error:
            if self._receipts:  # It is on record all the same.
                self._acknowledge_recorded(ledger)
            else:
                # With a single file, it is the one at fault, whenever it was found.
                at = self._files[0] if len(self._files) == 1 else self._at
                for file in self._files:
                    self._acknowledge(
                        ledger, file, outcome_of(error, _nameless(file)) if file == at else Unrecorded(_OTHERS)
                    )
            answers = [str(one) for file in self._files for one in self._written[file]]
            if answers:
                error.add_note(f"Answers were written: {', '.join(answers)}.")
            raise

    def keep(self, receipts: Sequence[Receipt]) -> Sequence[Receipt]:
        """Takes note that everything is on record; returns what it was given."""
        self._receipts = receipts
        return receipts

    def recorded(self, ledger: Ledger, place: Path) -> None:
        """Write what was recorded in the ledger in `place`: of each file a receipt, and with a desk key an
        acknowledgement."""
        if self._directory is None:
            return
        self._acknowledge_recorded(ledger)
        lacking = []
        for file, receipt in zip(self._files, self._receipts, strict=True):
            try:
                data = make.prove(ledger, receipt)
            except CannotVerify:
                lacking.append(receipt.seq)
                data = make.prove(ledger, receipt, witnessed=False)
            self._write(file, _RECEIPT, data)
        if lacking:
            ours = typed(place)
            output.say(
                "note: too few witnesses have cosigned, so the receipts lack what verifiers may ask for. Have it "
                f"cosigned with `creditledger cosign {ours} --log-key KEY`, and then make new ones, each with "
                f"`creditledger prove {ours} {lacking[0]} -o FILE` (its record's number)."
            )

    def _acknowledge_recorded(self, ledger: Ledger) -> None:
        for file, receipt in zip(self._files, self._receipts, strict=True):
            self._sign(ledger, file, entry=receipt.entry_hash, digest=b"", outcome=outcome_of(receipt))

    def _check_desk(self, ledger: Ledger) -> None:
        """A desk key is nothing else in this ledger."""
        row = None if self._desk is None else ledger.governance.keys.get(self._desk.public_key)
        if row is not None:
            raise UsageError(
                f"the desk key is registered in {ledger.origin} as a key of role {row.role}; a key has one role, so "
                "make another with `creditledger keygen`"
            )

    def _acknowledge(self, ledger: Ledger, file: Path, outcome: Outcome) -> None:
        """Write the acknowledgement of a file that was not recorded."""
        if self._desk is None:
            return
        try:
            data = read_bounded(file, MAX_SUBMISSION_BYTES, "the file")
        except LedgerError:
            return  # There is nothing that was handed in.
        try:
            entry = Submission.from_bytes(data).digest
        except LedgerError:
            entry = None
        self._sign(ledger, file, entry=entry, digest=sha256(data).digest(), outcome=outcome)

    def _sign(self, ledger: Ledger, file: Path, *, entry: bytes | None, digest: bytes, outcome: Outcome) -> None:
        if self._desk is None or self._directory is None:
            return
        said = Acknowledgement(ledger.origin, ledger.ledger_id, entry is not None, entry or digest, self._now, outcome)
        # What fails after everything was recorded comes here a second time, and says the same.
        self._write(file, _ACKNOWLEDGEMENT, sign_acknowledgement(said, self._desk))

    def _name_answers(self) -> None:
        """Choose names at which nothing lies; while the ledger is held, so that another `append` cannot take them."""
        if self._directory is None:
            return
        taken = {file.name for file in self._files}
        for file in self._files:
            for number in count(1):
                stem = file.name if number == 1 else f"{file.name}.{number}"
                if (number == 1 or stem not in taken) and not any(
                    os.path.lexists(self._directory / f"{stem}{ending}") for ending in (_RECEIPT, _ACKNOWLEDGEMENT)
                ):
                    break
            taken.add(stem)
            self._stems[file] = stem

    def _write(self, file: Path, ending: str, data: bytes) -> None:
        """Write an answer; over nothing but what was written here before."""
        if self._directory is None:
            return
        target = self._directory / f"{self._stems[file]}{ending}"
        write_whole(target, data, force=target in self._written[file])
        if target not in self._written[file]:
            self._written[file].append(target)


def _nameless(file: Path) -> Callable[[str], str]:
    """Leaves out of words the desk's own path to the file, which concerns nobody else."""
    return lambda words: words.replace(str(file), file.name)


def open_answers(
    directory: Path | None,
    desk_key: Path | None,
    files: Sequence[Path],
    now: int,
    passphrase: tuple[Path | None, int | None],
    *,
    dry_run: bool,
) -> Answers:
    """The answers that the options ask for. Raises UsageError where they make no sense."""
    if directory is None and desk_key is not None:
        raise UsageError("--desk-key signs acknowledgements, which --answers DIR writes: give both")
    if directory is not None and dry_run:
        raise UsageError("--dry-run records nothing, so there is nothing to answer: leave out --answers")
    desk = None if desk_key is None else options.load_signer(desk_key, *passphrase)
    return Answers(directory, desk, files, now)
