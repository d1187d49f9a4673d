"""Ctrl-C ends what waits for a network at once, whatever the far side does and however many threads wait."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import creditledger
from creditledger.publish.publishing import publish
from creditledger.web.http import TIMEOUT
from publish.histories import history, stored
from web.servers import Handler, Server, serving, stall

SOURCES = Path(creditledger.__file__).parents[1]
PROMPT = 0.8 * TIMEOUT
"""Less than any wait for the network takes, and far more than ending takes."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("published")
    publish(stored(place / "ledger", 600), place / "out")
    (place / "ledger.trust").write_text(history().trust.to_text())
    return place


@pytest.fixture
def server(published: Path) -> Iterator[Server]:
    with serving(published / "out") as found:
        yield found


def half(handler: Handler) -> None:
    """Begin to answer, and say nothing more."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x")
    stall(handler)


@pytest.mark.parametrize("act", [stall, half])
@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("verify", "URL"), "/tile/entries/001"),
        (("verify", "URL"), "/checkpoint"),
        (("mirror", "URL", "OUT"), "/tile/entries/001"),
        (("watch", "URL", "--state", "OUT", "--once"), "/checkpoint"),
    ],
)
def test_a_stalled_fetch_is_given_up_at_once(
    server: Server, published: Path, tmp_path: Path, command: tuple[str, ...], path: str, act: object
) -> None:
    server.act[path] = act  # type: ignore[assignment]  # parametrised
    words = [{"URL": server.url, "OUT": str(tmp_path / "out")}.get(word, word) for word in command]
    with subprocess.Popen(
        [sys.executable, "-m", "creditledger", *words, "--trust", str(published / "ledger.trust")],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(SOURCES)},
    ) as process:  # fmt: skip
        try:
            while not server.asked[path]:
                assert process.poll() is None, process.communicate()
                time.sleep(0.01)
            time.sleep(0.1)  # It is waiting for the answer, as it will for seconds.
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PROMPT)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
