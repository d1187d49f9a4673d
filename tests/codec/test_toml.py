"""TOML from strangers: bounded before it is parsed, and otherwise read as the standard library does."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from creditledger.codec.toml import MAX_DOTS, load_toml
from creditledger.errors import FormatError

MANY = ".".join(["a"] * 30_000)

pieces = st.lists(
    st.sampled_from(
        ['"', "'", '"""', "'''", "\\", '\\"', "\n", "#", "a", ".", "=", "[", "]", ",", " ", "a = ", "b.c", "1.5", "{"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"{MANY} = 1", f"[{MANY}]", f"[[{MANY}]]", f"a = {{ {MANY} = 1 }}", f'x = "text" # comment\n{MANY} = 1',
        " . ".join(['"a"'] * 20_000) + " = 1", f'x = """\n"" \\""" """\n{MANY} = 1', f"x = '''\n'' '''''\n{MANY} = 1",
        f'x = ""\ny = \'"\'\n{MANY} = 1', f'x = "\\\\"\n{MANY} = 1', f'x = """a\\\\"""\n{MANY} = 1',
        f'x = """"""\n{MANY} = 1',
    ],
)  # fmt: skip
def test_keys_of_thousands_of_parts_are_refused_before_they_are_parsed(text: str) -> None:
    with pytest.raises(FormatError, match="dots outside of texts"):
        load_toml(text.encode())


@pytest.mark.parametrize("text", [f'x = "{MANY}"', f"x = '''\n'{MANY}\n'''''", f"# {MANY}", f'x = """\n\\"""{MANY}"""'])
def test_dots_in_texts_and_comments_are_no_keys(text: str) -> None:
    assert load_toml(text.encode()) == tomllib.loads(text)


@given(pieces)
@example("a = '''b''''' # c")
@example('a = """b\\\n   c"""""')
@example('a = "\\')
@example('"""\\')
def test_it_reads_what_the_standard_library_reads(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(FormatError):
            load_toml(text.encode())
        return
    assert load_toml(text.encode()) == expected


@given(pieces, st.sampled_from(['"', "'", '"""', "'''", "#", ""]))
def test_no_text_hides_a_key_that_the_parser_would_see(before: str, closing: str) -> None:
    """Whatever stands before it: a key of many parts that the parser would come to is refused."""
    text = f"{before}{closing}\n{'.'.join(['key'] * (MAX_DOTS + 2))} = 1\n"
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    if "key" in str(list(values)):
        with pytest.raises(FormatError, match="dots outside of texts"):
            load_toml(text.encode())


@pytest.mark.parametrize("data", [b"\xff", b"a = " + b"9" * 5000, b"a = " + b"[" * 5000, b"a = 1\na = 1", b"a"])
def test_what_is_no_toml(data: bytes) -> None:
    with pytest.raises(FormatError):
        load_toml(data)
