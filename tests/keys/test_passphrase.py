"""Passphrases from a real terminal, real files and real descriptors."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from creditledger.errors import PassphraseError
from creditledger.keys.passphrase import MAX_PASSPHRASE, PassphraseSource, prompt, resolve

ASK = """
import sys
from creditledger.errors import LedgerError
from creditledger.keys.passphrase import PassphraseSource
try:
    print(PassphraseSource.prompt(confirm=sys.argv[1] == "twice")())
except LedgerError as error:
    print(type(error).__name__, error)
"""


def expect(master: int, wanted: str) -> str:
    """Read what the program writes to its terminal, until the wanted text has come."""
    seen = ""
    while wanted not in seen:
        seen += os.read(master, 1024).decode()
    return seen


def converse(mode: str, *answers: str) -> tuple[str, str]:
    """Run the prompt on a terminal of its own; return its standard output and what the terminal showed."""
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", ASK, mode],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            text=True,
            start_new_session=True,
        ) as process:
            shown = ""
            for question, answer in zip(("Passphrase: ", "Once more: "), answers, strict=False):
                shown += expect(master, question)
                os.write(master, answer.encode())
            output, _ = process.communicate(timeout=60)
            os.set_blocking(master, False)
            try:
                shown += os.read(master, 1024).decode()
            except BlockingIOError:
                shown += ""
    finally:
        os.close(master)
        os.close(slave)
    return output.strip(), shown


def test_prompt_does_not_echo() -> None:
    output, shown = converse("once", "s\u00e9same\n")
    assert output == repr("s\u00e9same".encode())
    assert "same" not in shown


def test_prompt_for_a_new_passphrase_asks_twice() -> None:
    assert converse("twice", "sesame\n", "sesame\n")[0] == "b'sesame'"
    assert (
        converse("twice", "sesame\n", "barley\n")[0] == "PassphraseError the two passphrases differ; nothing was done"
    )


def test_prompt_refuses_an_empty_answer_and_the_end_of_input() -> None:
    assert converse("once", "\n")[0] == "PassphraseError the passphrase from the terminal is empty"
    assert converse("once", "\x04")[0] == "PassphraseError no passphrase was typed"


def test_prompt_never_reads_what_is_no_terminal() -> None:
    result = subprocess.run(
        [sys.executable, "-c", ASK, "once"], input="sesame\n", capture_output=True, text=True, start_new_session=True
    )
    assert result.stdout.startswith("PassphraseError there is no terminal")
    assert result.stderr == ""


def file_with(path: Path, data: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"sesame", b"sesame"),
        (b"sesame\n", b"sesame"),
        (b"sesame\r\n", b"sesame"),
        (b"sesame\n\n", b"sesame\n"),
        (b"sesame\r", b"sesame\r"),
        (b" open sesame ", b" open sesame "),
        (b"\0\xff\n", b"\0\xff"),
        (b"x" * MAX_PASSPHRASE + b"\r\n", b"x" * MAX_PASSPHRASE),
    ],
)
def test_files_and_descriptors(tmp_path: Path, data: bytes, expected: bytes) -> None:
    assert PassphraseSource.from_file(file_with(tmp_path / "p", data))() == expected
    assert PassphraseSource.from_file(str(tmp_path / "p"))() == expected
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    try:
        source = PassphraseSource.from_fd(reading)
        assert source() == expected
        with pytest.raises(PassphraseError, match=f"from file descriptor {reading} is empty"):
            source()
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"x" * (MAX_PASSPHRASE + 1), "longer than 1024"),
        (b"x" * 10_000_000, "longer than 1024"),
    ],
)
def test_too_short_and_too_long(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(PassphraseError, match=message):
        PassphraseSource.from_file(file_with(tmp_path / "p", data))()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = file_with(tmp_path / "p", b"sesame")
    path.chmod(0o640)
    with pytest.raises(PassphraseError, match="chmod 600"):
        PassphraseSource.from_file(path)()
    for target in (tmp_path / "missing", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(PassphraseError, match="cannot read"):
            PassphraseSource.from_file(target)()


def test_a_pipe_is_read_to_its_end_and_one_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(PassphraseError, match="is empty"):
        PassphraseSource.from_file(tmp_path / "pipe")()
    reading, writing = os.pipe()
    with os.fdopen(reading), ThreadPoolExecutor(1) as pool:
        found = pool.submit(PassphraseSource.from_file(f"/dev/fd/{reading}"))
        os.write(writing, b"ses")
        os.write(writing, b"ame\n")
        os.close(writing)
        assert found.result() == b"sesame"


def test_endless_files_end(tmp_path: Path) -> None:
    with pytest.raises(PassphraseError, match="longer than 1024"):
        PassphraseSource.from_file("/dev/zero")()


@pytest.mark.parametrize("descriptor", [-1, 10_000, 2**40])
def test_descriptors_that_are_not_open(descriptor: int) -> None:
    with pytest.raises(PassphraseError, match="cannot read the passphrase from file descriptor"):
        PassphraseSource.from_fd(descriptor)()


def test_sources_do_nothing_until_called_and_show_nothing(tmp_path: Path) -> None:
    source = PassphraseSource.from_file(tmp_path / "later")
    file_with(tmp_path / "later", b"sesame")
    assert "sesame" not in repr(source)
    assert source() == b"sesame"
    assert repr(prompt) == "PassphraseSource(the terminal)"


def test_resolve() -> None:
    assert resolve(b"sesame", "the key") == b"sesame"
    assert resolve(lambda: b"sesame", "the key") == b"sesame"
    for missing in (None, b"", lambda: b""):
        with pytest.raises(PassphraseError, match="the key is encrypted"):
            resolve(missing, "the key")
