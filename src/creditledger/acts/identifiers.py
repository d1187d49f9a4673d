"""What identifies a subject: the schemes, their syntax and their check digits.

    handle   exactly 32 bytes, a random pseudonym; the only form in which a natural person may appear
    uscc     Unified Social Credit Code of China, GB 32100-2015: 18 symbols, the last a check digit
    lei      Legal Entity Identifier, ISO 17442: 20 symbols, the last two check digits
    host     a host name of the public DNS: RFC 1123 labels in lower case

A check here says that a value is well formed, so that a slip of the pen cannot list the wrong firm. Whether the firm
exists is not for this module to know.
"""

from __future__ import annotations

import re
from operator import mul

from creditledger.errors import FormatError

PUBLIC_SCHEMES = frozenset({"uscc", "lei", "host"})
"""Schemes whose values are public by law and may stand in clear, where the list's definition says so."""

SCHEMES = PUBLIC_SCHEMES | {"handle"}

HANDLE_BYTES = 32
MAX_HOST = 253

# The digits and the letters without I, O, S, V and Z, each standing for its place (GB 32100-2015, table of symbols).
_USCC_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_FOREIGN = 255
_USCC_VALUES = bytes(
    _USCC_SYMBOLS.index(chr(code)) if chr(code) in _USCC_SYMBOLS else _USCC_FOREIGN for code in range(256)
)
_USCC_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))

_lei = re.compile(r"[0-9A-Z]{18}[0-9]{2}").fullmatch
_LEI_DIGITS = {ord("A") + place: str(10 + place) for place in range(26)}

# RFC 1123 section 2.1. That the last label starts with a letter, as every top-level domain does, keeps out IP addresses
# in any notation; punycode labels (xn--...) are ordinary labels here.
_host = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?").fullmatch


def check_value(scheme: object, value: object) -> None:
    """Check that a value is well formed under a scheme; both may come from outside and be of any type.

    Args:
        scheme: one of `SCHEMES`.
        value: 32 bytes for `handle`, text for the others.

    Raises:
        FormatError: the scheme is unknown, the value malformed, or a check digit wrong.
    """
    if scheme == "handle":
        if type(value) is not bytes or len(value) != HANDLE_BYTES:
            raise FormatError(f"a handle is exactly {HANDLE_BYTES} random bytes, not {_shown(value)}")
    elif type(value) is not str:
        if type(scheme) is not str or scheme not in SCHEMES:
            raise _unknown(scheme)
        raise FormatError(f"a value of scheme {scheme} is text, not {_shown(value)}")
    elif scheme == "uscc":
        _check_uscc(value)
    elif scheme == "lei":
        _check_lei(value)
    elif scheme == "host":
        if len(value) > MAX_HOST or _host(value) is None:
            raise FormatError(f"{_shown(value)} is not a host name in lower case, such as shop.example.com")
    else:
        raise _unknown(scheme)


def uscc_check_digit(first17: str) -> str:
    """Return the 18th symbol of a Unified Social Credit Code: (31 - the sum of value times 3^place) mod 31.

    Raises:
        FormatError: these are not 17 symbols of GB 32100-2015.
    """
    values = _uscc_values(first17, 17)
    return _USCC_SYMBOLS[-sum(map(mul, values, _USCC_WEIGHTS)) % 31]


def lei_check_digits(first18: str) -> str:
    """Return the last two digits of a Legal Entity Identifier, 02 to 98 (ISO 7064 MOD 97-10).

    Raises:
        FormatError: these are not 18 of the characters 0-9 and A-Z.
    """
    if _lei(first18 + "00") is None:
        raise FormatError(f"{_shown(first18)} is not the first 18 characters (0-9, A-Z) of an LEI")
    return f"{98 - int(first18.translate(_LEI_DIGITS) + '00') % 97:02}"


def _check_uscc(code: str) -> None:
    values = _uscc_values(code, 18)
    if (sum(map(mul, values, _USCC_WEIGHTS)) + values[17]) % 31 != 0:
        raise FormatError(
            f"{code} is not a Unified Social Credit Code: its last symbol should be {uscc_check_digit(code[:17])}; "
            "look for a mistyped symbol"
        )


def _uscc_values(code: str, length: int) -> bytes:
    """Return the values 0 to 30 of so many symbols."""
    values = code.encode("ascii", "replace").translate(_USCC_VALUES) if len(code) == length else b""
    if not values or _USCC_FOREIGN in values:
        raise FormatError(
            f"{_shown(code)} is not of {length} symbols of a Unified Social Credit Code: digits and capital letters "
            "except I, O, S, V and Z"
        )
    return values


def _check_lei(code: str) -> None:
    if _lei(code) is None:
        raise FormatError(f"{_shown(code)} is not an LEI: 18 characters 0-9 or A-Z, then 2 digits")
    # Comparing digits, and not only the remainder, keeps out 00, 01 and 99, which mean the same as 97, 98 and 02.
    if (digits := lei_check_digits(code[:18])) != code[18:]:
        raise FormatError(f"{code} is not an LEI: it should end with {digits}; look for a mistyped character")


def _unknown(scheme: object) -> FormatError:
    return FormatError(f"{_shown(scheme)} is not a known scheme of subjects; known are {', '.join(sorted(SCHEMES))}")


def _shown(value: object) -> str:
    """Show a value from outside in a message; bytes are not shown, since a handle is nobody's to print."""
    if isinstance(value, str):
        return ascii(value[:64]) + ("…" if len(value) > 64 else "")
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return f"a value of type {type(value).__name__}"
