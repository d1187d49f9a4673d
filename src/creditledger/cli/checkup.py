"""What `creditledger doctor` looks at on this machine, ledger or no ledger. It only reads."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from creditledger import spec
from creditledger.errors import FormatError, UsageError, VerificationFailed

OK, NOTE, PROBLEM = "ok", "note", "problem"
LOW_DISK = 1 << 30
FULL_DISK = 100 << 20
NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)").match


class Line(NamedTuple):
    """One thing looked at: `ok`, a `note`, or a `problem`; what was found; and what to do, or empty."""

    verdict: str
    check: str
    found: str
    advice: str = ""


def machine(directory: Path, heads: Path | None) -> Iterator[Line]:
    """Looks at this machine; `directory` is where the ledger is or would be, `heads` where signed heads are kept."""
    yield _python()
    yield from _libraries()
    yield _engine()
    yield _signatures()
    yield _heads(heads)
    yield from disk(directory)
    yield _clock()


def _python() -> Line:
    bits = sys.maxsize.bit_length() + 1
    found = f"{platform.python_implementation()} {platform.python_version()}, {bits} bits"
    if bits < 64:
        return Line(PROBLEM, "Python", found, "a ledger reserves more address space than 32 bits have: use 64 bits")
    return Line(OK, "Python", found)


def _libraries() -> Iterator[Line]:
    """The installed packages against the versions that this one asks for."""
    found, missing = [], []
    for requirement in metadata.requires("creditledger") or []:
        match = _REQUIREMENT(requirement)
        if match is None or ";" in requirement:
            continue
        name, least = match.groups()
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(f"{name} is not installed")
            continue
        found.append(f"{name} {version}")
        if _numbers(version) < _numbers(least):
            missing.append(f"{name} is {version}, and {least} or later is needed")
    if missing:
        yield Line(PROBLEM, "libraries", "; ".join(missing), "pip install --upgrade creditledger")
    if found:
        yield Line(OK, "installed", ", ".join(found))


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"[0-9]+", version)[:3]]


def _engine() -> Line:
    """The storage engine: the C library's version, and whether it is the one that came with the package."""
    import lmdb

    version = ".".join(map(str, lmdb.version(lib_version=0)))
    where = _loaded("liblmdb")
    if where is None:
        return Line(OK, "LMDB", f"{version}, the one bundled with the Python package")
    return Line(
        NOTE, "LMDB", f"{version}, from {where}",
        "a system library may lack fixes that the bundled one has: install the package without LMDB_FORCE_SYSTEM",
    )  # fmt: skip


def _signatures() -> Line:
    """libsodium, judged by what it does: hostile signatures must get the verdicts that the format fixes."""
    from creditledger.keys import ed25519

    vectors = json.loads(files(spec).joinpath("vectors", "ed25519.json").read_text(encoding="utf-8"))
    wrong = []
    for vector in vectors:
        key, message, signature = (bytes.fromhex(vector[name]) for name in ("public_key", "message", "signature"))
        verdicts = []
        try:
            ed25519.check_public_key(key)
            verdicts.append(True)
        except FormatError:
            verdicts.append(False)
        try:
            ed25519.verify(key, message, signature)
            verdicts.append(True)
        except VerificationFailed:
            verdicts.append(False)
        if verdicts != [vector["key_ok"], vector["valid"]]:
            wrong.append(vector["desc"])
    if wrong:
        return Line(
            PROBLEM, "libsodium", f"another verdict than the format demands on: {'; '.join(wrong[:3])}",
            "it accepts or refuses other signatures than everybody else would: install PyNaCl 1.6.2 or later",
        )  # fmt: skip
    where = _loaded("libsodium")
    source = "bundled with the Python package" if where is None else f"from {where}"
    return Line(OK, "libsodium", f"{source}; gives all {len(vectors)} verdicts on hostile signatures")


def _loaded(name: str) -> str | None:
    """The path of a shared library of this name that the process has loaded, where the system tells."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((path for line in lines if name in (path := line[line.rfind(" ") + 1 :]).rpartition("/")[2]), None)


def _heads(heads: Path | None) -> Line:
    """Whether the last signed heads can be kept outside the ledgers."""
    from creditledger.store.head import default_head_dir

    try:
        path = heads if heads is not None else default_head_dir(os.environ)
    except UsageError as error:
        return Line(PROBLEM, "head store", str(error), "set HOME or XDG_STATE_HOME, or give --head-dir")
    existing = next(one for one in (path, *path.absolute().parents) if one.exists())
    if not existing.is_dir():
        return Line(PROBLEM, "head store", f"{existing} is not a directory", "choose another place with --head-dir")
    if not os.access(existing, os.W_OK | os.X_OK):
        return Line(
            PROBLEM, "head store", f"{existing} cannot be written to",
            "nothing can be signed without keeping the head: make it writable, or give --head-dir",
        )  # fmt: skip
    return Line(OK, "head store", f"{path}" + ("" if existing == path else ", made when it is first needed"))


def disk(directory: Path) -> Iterator[Line]:
    """Free space and the kind of file system at a directory, or where it would be made."""
    existing = next(one for one in (directory, *directory.absolute().parents) if one.exists())
    usage = shutil.disk_usage(existing)
    found = f"{_size(usage.free)} free of {_size(usage.total)}"
    if usage.free < FULL_DISK:
        yield Line(PROBLEM, "disk", found, "free some space: an append on a full disk is refused")
    elif usage.free < LOW_DISK or usage.free < usage.total // 50:
        yield Line(NOTE, "disk", found, "free some space soon")
    else:
        yield Line(OK, "disk", found)
    kind = _file_system(existing)
    if kind in NETWORK_FILE_SYSTEMS:
        yield Line(
            PROBLEM, "file system", f"{existing} is on {kind}, over a network",
            "the engine's memory map and locks do not hold there: keep the ledger on a local disk",
        )  # fmt: skip


def _file_system(path: Path) -> str:
    """The kind of the file system that a path lies on, where the system tells; otherwise empty."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    resolved = path.resolve()
    found = [
        (len(point), fields[2])
        for fields in (line.split(" ") for line in mounts)
        if len(fields) > 2 and resolved.is_relative_to(point := fields[1].replace("\\040", " "))
    ]
    return max(found, default=(0, ""))[1]


def _clock() -> Line:
    """The clock against the day this program was put here."""
    now = dt.datetime.now(dt.UTC)
    installed = dt.datetime.fromtimestamp(Path(__file__).stat().st_mtime, dt.UTC)
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < installed - dt.timedelta(days=1):
        return Line(
            PROBLEM, "clock", f"{found}, before this program was installed ({installed:%Y-%m-%d})",
            "set the clock: records carry its time for ever, and a clock that lags accepts what has expired",
        )  # fmt: skip
    return Line(OK, "clock", found)


def _size(size: int) -> str:
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
