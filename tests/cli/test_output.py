"""What goes to the person: words of strangers cannot steer a terminal, reorder a text or hide in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.program import Program
from creditledger.cli import colour, output
from creditledger.codec.text import FORBIDDEN
from creditledger.errors import FormatError
from publish.histories import history
from web.servers import Handler, serving

HOSTILE = "\x1b]0;owned\x07\x1b[5mPWN\x9b31m\r\u202egro\u2066\u061c\xad\u3164\udc9b\U000e0041"
KEPT = "\n\t"

characters = st.sampled_from(
    [chr(one) for pair in FORBIDDEN for one in {*pair}] + list('a\n\té失\u200c\ue000\ufe0f\\"')
)
texts = st.text(characters, max_size=30) | st.text(max_size=30)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    colour.choose_colour("auto")


def forbidden(text: str) -> list[str]:
    """The code points of a text that a record must not hold, by a naive look, but for those that are kept."""
    return [one for one in text if one not in KEPT and any(first <= ord(one) <= last for first, last in FORBIDDEN)]


@given(texts)
def test_nothing_forbidden_is_left_and_nothing_else_is_touched(text: str) -> None:
    found = output.harmless(text)
    assert not forbidden(found)
    expected = "".join(ascii(one)[1:-1] if forbidden(one) else one for one in text)
    assert found == expected
    assert not forbidden(output.printable(text))


def test_colours_of_our_own_are_kept_and_no_other_sequence() -> None:
    colour.choose_colour("always")
    painted = colour.paint("REFUSED", fg="red", bold=True)
    assert painted != "REFUSED"
    assert output.harmless(painted, colours=True) == painted
    for hostile in ("\x1b[8mhidden", "\x1b[2J", "\x1b[1;31;5m", "\x1b]8;;http://x\x1b\\", "\x1b[31", "\x1b"):
        assert "\x1b" not in output.harmless(hostile, colours=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(value=st.recursive(texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)))
def test_json_means_the_same_and_holds_nothing_raw(value: object, capsys: pytest.CaptureFixture[str]) -> None:
    output.emit_json(value)
    output.emit_json_line(value)
    pretty, _, line = capsys.readouterr().out.rstrip("\n").rpartition("\n")
    assert not forbidden(pretty + line)
    assert json.loads(pretty) == json.loads(line) == value


@pytest.mark.parametrize(
    "speak",
    [
        output.say, output.remark, output.put, output.heading, output.paragraph,
        lambda text: output.facts([(text, text)]), lambda text: output.table("t", ["a"], [[text]]),
        lambda text: output.fail(text, "kind", 1, as_json=False),
        lambda text: output.fail(text, "kind", 1, as_json=True),
        lambda text: output.say(output.explain(FormatError(text))),
    ],
)  # fmt: skip
@pytest.mark.parametrize("when", ["always", "never"])
def test_every_way_to_speak_is_walled(
    speak: Callable[[str], object], when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    colour.choose_colour(when)
    speak(f"before {HOSTILE} after")
    said = "".join(capsys.readouterr())
    assert "before" in said
    assert "after" in said
    for own in ("\x1b[1;31m", "\x1b[0m", "\x1b[1m", "\x1b[2m"):
        said = said.replace(own, "")
    assert not forbidden(said)


def test_a_server_cannot_steer_the_terminal_of_a_verifier(tmp_path: Path) -> None:
    def shout(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(HOSTILE.encode("utf-8", "surrogateescape") + b"\r\n\r\n")

    trust = tmp_path / "ledger.trust"
    trust.write_text(history().trust.to_text())
    with serving(tmp_path) as server:
        server.act["/checkpoint"] = shout
        code, said = Program(tmp_path).on_terminal("verify", server.url, "--trust", trust)
    assert code == 1
    assert "cannot be fetched" in " ".join(said.split())
    for raw in ("\x1b]", "\x1b[5m", "\x07", "\x9b", "\u202e"):
        assert raw not in said
