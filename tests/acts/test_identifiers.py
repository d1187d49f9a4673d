"""Identifiers of subjects: real codes, naive models of the check digits, and every slip of the pen."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from creditledger.acts.identifiers import (
    PUBLIC_SCHEMES,
    SCHEMES,
    check_value,
    lei_check_digits,
    uscc_check_digit,
)
from creditledger.errors import FormatError

USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LEI_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Codes that their holders publish.
USCC = [
    "91110000600037341L", "914403001922038216", "9144030071526726XG", "91330100799655058B", "91110108551385082Q",
    "91440300708461136T", "12100000400010275N",
]  # fmt: skip
LEI = [
    "5493001KJTIIGC8Y1R12", "HWUPKR0MPOU8FGXBT394", "INR2EJN1ERAN0W5ZP974", "506700GE1G29325QX363",
    "529900T8BM49AURSDO55",
]  # fmt: skip


def accepts(scheme: object, value: object) -> bool:
    try:
        check_value(scheme, value)
    except FormatError:
        return False
    return True


def naive_uscc(first17: str) -> str:
    total = 0
    weight = 1
    for symbol in first17:
        total += USCC_SYMBOLS.index(symbol) * weight
        weight = weight * 3 % 31
    return USCC_SYMBOLS[(31 - total % 31) % 31]


def naive_lei_is_valid(code: str) -> bool:
    """ISO 7064 MOD 97-10, one digit at a time."""
    remainder = 0
    for symbol in code:
        for digit in str(LEI_SYMBOLS.index(symbol)):
            remainder = (remainder * 10 + int(digit)) % 97
    return remainder == 1 and code[18:].isdigit() and 2 <= int(code[18:]) <= 98


def test_schemes() -> None:
    assert {"handle", "uscc", "lei", "host"} == SCHEMES
    assert SCHEMES - {"handle"} == PUBLIC_SCHEMES


@pytest.mark.parametrize("code", USCC)
def test_published_uscc(code: str) -> None:
    check_value("uscc", code)
    assert uscc_check_digit(code[:17]) == code[17]


@pytest.mark.parametrize("code", LEI)
def test_published_lei(code: str) -> None:
    check_value("lei", code)
    assert lei_check_digits(code[:18]) == code[18:]


@given(st.text(USCC_SYMBOLS, min_size=17, max_size=17))
def test_uscc_against_the_naive_model(first17: str) -> None:
    digit = uscc_check_digit(first17)
    assert digit == naive_uscc(first17)
    assert [symbol for symbol in USCC_SYMBOLS if accepts("uscc", first17 + symbol)] == [digit]


@pytest.mark.parametrize("first", ["A1", "N2", "Y1", "51", "12", "93"])
def test_uscc_of_every_registration_authority(first: str) -> None:
    """Codes that start with a letter are valid; some libraries refuse them."""
    first17 = first + "350200MF1234567"
    check_value("uscc", first17 + uscc_check_digit(first17))


@given(st.sampled_from(USCC), st.integers(0, 17), st.sampled_from(USCC_SYMBOLS))
def test_one_wrong_symbol_is_found(code: str, at: int, symbol: str) -> None:
    changed = code[:at] + symbol + code[at + 1 :]
    assert accepts("uscc", changed) is (changed == code)


@given(st.sampled_from(USCC), st.integers(0, 16))
def test_two_neighbours_exchanged_are_found(code: str, at: int) -> None:
    changed = code[:at] + code[at + 1] + code[at] + code[at + 2 :]
    assert accepts("uscc", changed) is (changed == code)


@pytest.mark.parametrize(
    "code",
    [
        "", "9", "91110000600037341", "91110000600037341L ", " 91110000600037341L", "91110000600037341l",
        "91110000600037341L\n", "91110000-60003734-1L", "9111000060003734IL", "9111000060003734OL",
        "9111000060003734SL",
        "9111000060003734VL", "9111000060003734ZL", "\uff191110000600037341L", "\u0669" * 18, "9111000060003734?L",
        "\ud800" * 18, "9" * 18_000, "\xff" * 18, "\0" * 18,
    ],
)  # fmt: skip
def test_no_uscc(code: str) -> None:
    with pytest.raises(FormatError, match="Unified Social Credit Code"):
        check_value("uscc", code)
    if len(code) != 17:
        with pytest.raises(FormatError, match="of 17 symbols"):
            uscc_check_digit(code)


def test_a_wrong_check_digit_is_named() -> None:
    with pytest.raises(FormatError, match="last symbol should be L"):
        check_value("uscc", "911100006000373418")
    with pytest.raises(FormatError, match="should end with 12"):
        check_value("lei", "5493001KJTIIGC8Y1R21")


@given(st.text(LEI_SYMBOLS, min_size=18, max_size=18))
def test_lei_against_the_naive_model(first18: str) -> None:
    digits = lei_check_digits(first18)
    assert naive_lei_is_valid(first18 + digits)
    assert [n for n in range(100) if accepts("lei", f"{first18}{n:02}")] == [int(digits)]


def test_lei_check_digits_00_01_and_99_are_refused() -> None:
    """They leave the same remainder as 97, 98 and 02, and would give one firm two codes."""
    twins = {97: "00", 98: "01", 2: "99"}
    seen = set()
    for number in range(2000):
        first18 = f"5493001KJTIIGC{number:04}"
        digits = int(lei_check_digits(first18))
        if digits in twins:
            assert not accepts("lei", first18 + twins[digits])
            seen.add(digits)
    assert seen == set(twins)


@given(st.sampled_from(LEI), st.integers(0, 19), st.sampled_from(LEI_SYMBOLS))
def test_one_wrong_lei_symbol_is_found(code: str, at: int, symbol: str) -> None:
    # A letter counts as two digits, so a letter for a digit shifts the number, and one in 97 of those goes unnoticed.
    assume(symbol.isdigit() == code[at].isdigit())
    changed = code[:at] + symbol + code[at + 1 :]
    assert accepts("lei", changed) is (changed == code)


@pytest.mark.parametrize(
    "code",
    [
        "", "5493001KJTIIGC8Y1R1", "5493001KJTIIGC8Y1R12 ", "5493001kjtiigc8y1r12", "5493001KJTIIGC8Y1R12\n",
        "5493 001K JTII GC8Y 1R12", "5493001KJTIIGC8Y1RAB", "\u0665493001KJTIIGC8Y1R12"[:20], "5" * 20_000, "\xb2" * 20,
        "-493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R\u0661\u0662",
    ],
)  # fmt: skip
def test_no_lei(code: str) -> None:
    with pytest.raises(FormatError, match="is not an LEI"):
        check_value("lei", code)
    with pytest.raises(FormatError, match="first 18 characters"):
        lei_check_digits(code)


@pytest.mark.parametrize(
    "host",
    [
        "example.com", "a.b", "shop.example.co.uk", "xn--fiqs8s.xn--fiqs8s", "1.example", "0-0.example.com",
        "a" * 63 + ".example", ".".join(["a" * 49] * 5)[:249] + ".com", "r1---sn.example.net", "127.0.0.1.example",
    ],
)  # fmt: skip
def test_hosts(host: str) -> None:
    check_value("host", host)


@pytest.mark.parametrize(
    "host",
    [
        "", "localhost", "com", "Example.com", "example.COM", "example.com.", ".example.com", "a..b", "-a.example",
        "a-.example", "a.-b", "a.b-", "a_b.example", "a b.example", "example.com\n", "\nexample.com",
        "example.com/path",
        "https://example.com", "user@example.com", "example.com:443", "*.example.com", "127.0.0.1", "1.2.3", "0x7f.1",
        "127.0.0.0x1", "::1", "[::1]", "2001:db8::1", "a.1", "a.1b", "a" * 64 + ".example",
        ".".join(["a" * 49] * 5) + ".comm",
        "例え.jp", "ex\u0430mple.com", "example\u3002com", "a.b\0", "a" * 100_000,
    ],
)  # fmt: skip
def test_no_hosts(host: str) -> None:
    with pytest.raises(FormatError, match="is not a host name"):
        check_value("host", host)


LABEL = st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?\Z")


@given(st.lists(LABEL, min_size=1, max_size=6), st.text("ab0.-_A", max_size=3))
def test_hosts_against_a_naive_model(labels: list[str], tail: str) -> None:
    host = ".".join(labels) + tail
    parts = host.split(".")
    expected = len(parts) > 1 and "a" <= parts[-1][:1] <= "z"
    for part in parts:
        expected = expected and part != "" and set(part) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        expected = expected and not part.startswith("-") and not part.endswith("-")
    assert accepts("host", host) is expected


@pytest.mark.parametrize("value", [b"", b"x" * 31, b"x" * 33, "x" * 32, bytearray(32), None, 32, ["x"]])
def test_handles_are_32_bytes(value: object) -> None:
    check_value("handle", bytes(32))
    with pytest.raises(FormatError, match="32 random bytes"):
        check_value("handle", value)


def test_handles_are_never_printed() -> None:
    with pytest.raises(FormatError) as caught:
        check_value("handle", b"\xabsecret" * 3)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["", "HANDLE", "passport", "uscc ", None, 1, b"uscc", ["uscc"], ("uscc",), {}])
@pytest.mark.parametrize("value", ["91110000600037341L", bytes(32), None])
def test_unknown_schemes(scheme: object, value: object) -> None:
    with pytest.raises(FormatError, match=r"not a known scheme .* handle, host, lei, uscc"):
        check_value(scheme, value)


@pytest.mark.parametrize("scheme", sorted(PUBLIC_SCHEMES))
@pytest.mark.parametrize("value", [b"91110000600037341L", None, 1, ["a"], ("a",)])
def test_public_values_are_text(scheme: str, value: object) -> None:
    with pytest.raises(FormatError, match=f"a value of scheme {scheme} is text"):
        check_value(scheme, value)
