"""What lies where in a ledger's directory, and the small file that names it (DESIGN: on disk)."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from creditledger.errors import FormatError, NoLedger, StoreError, UnsupportedError
from creditledger.store.files import FILE_MODE, disk_error, make_dir, sync_dir

FORMAT = "creditledger/v1"
_MAX_TOML_BYTES = 16_384
_LEDGER_ID = re.compile(r"[0-9a-f]{64}").fullmatch

LOG_TABLES = ("checkpoint", "meta", "record", "tile")
"""`record`: seq -> record. `tile`: level, index -> hashes. `checkpoint`: size -> signed note. `meta`: format."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one ledger directory."""

    directory: Path

    @property
    def description(self) -> Path:
        """The file that names format, origin, ledger and engine."""
        return self.directory / "ledger.toml"

    @property
    def log(self) -> Path:
        """Records, tiles and checkpoints: the truth."""
        return self.directory / "log"

    @property
    def state(self) -> Path:
        """Derived rows; may be deleted, is rebuilt."""
        return self.directory / "state"

    @property
    def private(self) -> Path:
        """Detached content, encrypted per item, erasable."""
        return self.directory / "private"

    @property
    def witnesses(self) -> Path:
        """Whom the operator asks to cosign: a C2SP policy with URLs. There need not be one."""
        return self.directory / "witnesses.policy"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.directory / "writer.lock"


@dataclass(frozen=True, slots=True)
class Description:
    """What `ledger.toml` says: the origin and the ledger id (32 bytes). It is a label, not evidence."""

    origin: str
    ledger_id: bytes

    def write(self, layout: Layout) -> None:
        """Writes the file, whole and synced under its name or not at all. Raises `StoreError`."""
        origin = json.dumps(self.origin, ensure_ascii=False)  # A string of TOML, since a name holds no controls.
        text = (
            "# A creditledger directory. `creditledger verify` checks it; this file is a label, not evidence.\n"
            f'format = "{FORMAT}"\norigin = {origin}\nledger_id = "{self.ledger_id.hex()}"\nengine = "lmdb"\n'
        )
        new = layout.description.with_suffix(".new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            new.rename(layout.description)
            sync_dir(layout.directory)
        except OSError as error:
            raise disk_error("write", layout.description, error.errno, str(error)) from error

    @classmethod
    def read(cls, layout: Layout) -> Description:
        """Reads the file. Raises `NoLedger` when there is none, `FormatError`, `UnsupportedError` for other content."""
        path = layout.description
        try:
            data = read_regular(path, _MAX_TOML_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            raise NoLedger(
                f"there is no ledger at {layout.directory}: {path.name} is missing; "
                "check the path, or found one with `creditledger init`"
            ) from None
        except OSError as error:
            raise disk_error("read", path, error.errno, str(error)) from error
        try:
            values = tomllib.loads(data[:_MAX_TOML_BYTES].decode("utf-8"))
        except (ValueError, RecursionError) as error:  # Not UTF-8, not TOML, thousands of digits or of brackets.
            raise FormatError(
                f"{path} is damaged ({error}); the log beside it may be whole: see `creditledger doctor`"
            ) from None
        if values.get("format") != FORMAT or values.get("engine") != "lmdb":
            found = f"format {values.get('format')!r:.60}, engine {values.get('engine')!r:.60}"
            raise UnsupportedError(f"{path}: {found}; this version reads format '{FORMAT}', engine 'lmdb'")
        origin, ledger_id = values.get("origin"), values.get("ledger_id")
        if not isinstance(origin, str) or not isinstance(ledger_id, str) or not _LEDGER_ID(ledger_id):
            raise FormatError(f"{path} is damaged: origin or ledger_id is missing or malformed")
        return cls(origin, bytes.fromhex(ledger_id))


def read_regular(path: Path, most: int) -> bytes:
    """The first `most` + 1 bytes of a regular file. Raises `OSError`; `FormatError` for a pipe or a device, at once."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FormatError(f"{path} is no regular file, but a directory, a pipe or a device; put the file back")
    with open(descriptor, "rb") as file:
        return file.read(most + 1)


def make_directory(directory: Path) -> None:
    """Creates a ledger's directory, 0700, durably; an empty one may exist. Raises `StoreError`."""
    make_dir(directory)
    try:
        sync_dir(directory.parent)  # One that exists may be what a founding that was killed had just made.
    except OSError as error:
        raise disk_error("create", directory, error.errno, str(error)) from error
    require_empty(directory)


def require_empty(directory: Path) -> None:
    """Nothing is in the directory but the writer's lock, which is never removed. Raises `StoreError`."""
    try:
        found = {path.name for path in directory.iterdir()} - {Layout(directory).lock.name}
    except OSError as error:
        raise disk_error("read", directory, error.errno, str(error)) from error
    if found:
        cut_off = Layout(directory).log.name in found and Layout(directory).description.name not in found
        raise StoreError(
            f"{directory} is not empty; a ledger is founded in a new or empty directory"
            + ("; if an earlier founding was cut off there, remove what it left" if cut_off else "")
        )


def clear_directory(directory: Path) -> None:
    """Removes what a founding that failed has made, as far as that can be; the writer's lock, which is held, stays."""
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path != Layout(directory).lock:
            with suppress(OSError):
                path.unlink()
