"""Which strings may stand in a record: identifiers, and free text without code points that deceive the reader.

The set of forbidden code points is written down here once and for ever. It is not derived from Unicode properties,
because those change with the Unicode version and a record must keep its verdict. Forbidden is what cannot be seen, or
changes the order of what is seen:

    surrogates, noncharacters        no text at all
    C0, DEL, C1                      controls, line feed and tabulator included: a text is one line
    line and paragraph separator     the same in another guise
    bidirectional controls           show a text in another order than it is stored in
    zero width, fillers, invisible   soft hyphen, zero width space, word joiner, byte order mark, Hangul fillers, ...
    tags and reserved invisibles     can carry a hidden message

Allowed on purpose: zero width joiner and non-joiner (U+200C, U+200D: Persian and Indic names need them), variation
selectors (U+FE00-FE0F, U+E0100-E01EF: names in Chinese characters need them), the Mongolian ones (U+180B-180F), private
use (registers carry rare characters there) and U+FFFD (source lists contain it). `advise_text` points at them.

Normalisation is advice, never validity: it depends on the Unicode version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

from creditledger.errors import FormatError

MAX_IDENTIFIER = 64

FORBIDDEN: tuple[tuple[int, int], ...] = (
    (0x0000, 0x001F),  # C0 controls
    (0x007F, 0x009F),  # DELETE, C1 controls
    (0x00AD, 0x00AD),  # SOFT HYPHEN
    (0x034F, 0x034F),  # COMBINING GRAPHEME JOINER
    (0x061C, 0x061C),  # ARABIC LETTER MARK
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels, invisible
    (0x200B, 0x200B),  # ZERO WIDTH SPACE
    (0x200E, 0x200F),  # left-to-right and right-to-left marks
    (0x2028, 0x202E),  # line and paragraph separators, bidirectional embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, bidirectional isolates, deprecated format controls
    (0x3164, 0x3164),  # HANGUL FILLER
    (0xD800, 0xDFFF),  # surrogates, which UTF-8 cannot express
    (0xFDD0, 0xFDEF),  # noncharacters
    (0xFEFF, 0xFEFF),  # ZERO WIDTH NO-BREAK SPACE, the byte order mark
    (0xFFA0, 0xFFA0),  # HALFWIDTH HANGUL FILLER
    (0xFFF0, 0xFFFC),  # reserved invisibles, interlinear annotations, OBJECT REPLACEMENT CHARACTER
    (0xFFFE, 0xFFFF),  # noncharacters, here and at the end of every plane below
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical format controls
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(1, 17)),
    (0xE0000, 0xE00FF),  # tags, reserved invisibles
    (0xE01F0, 0xE0FFF),  # reserved invisibles
)
"""Inclusive ranges of code points that no text of a record may hold; part of the format."""

SPACES: tuple[int, ...] = (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
"""Code points that no text may start or end with; part of the format."""

_identifier = re.compile(r"[a-z0-9._-]{1,64}").fullmatch


def _search(ranges: Iterable[tuple[int, int]]) -> Callable[[str], re.Match[str] | None]:
    return re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]").search


_forbidden = _search(FORBIDDEN)
# Whatever lies beyond the basic plane is looked at twice: that makes the first look four times as fast.
_suspicious = _search([*(pair for pair in FORBIDDEN if pair[1] < 0x10000), (0x10000, 0x10FFFF)])
_spaces = frozenset(map(chr, SPACES))


def check_identifier(value: object) -> None:
    """Check an identifier: 1 to 64 of the ASCII characters `a-z 0-9 . _ -`.

    Raises:
        FormatError: it is anything else; the message shows it.
    """
    if type(value) is not str or _identifier(value) is None:
        raise FormatError(
            f"{_shown(value)} is not an identifier: 1 to {MAX_IDENTIFIER} of the characters a-z, 0-9, '.', '_' and '-'"
        )


def check_text(value: object, max_bytes: int, *, allow_empty: bool = False) -> None:
    """Check a free text: a non-empty line of at most `max_bytes` bytes of UTF-8 without the `FORBIDDEN` code points.

    It neither starts nor ends with one of `SPACES`, which nobody would see.

    Raises:
        FormatError: a condition does not hold; the message names the code point and its place.
    """
    if type(value) is not str:
        raise FormatError(f"{_shown(value)} is not a text")
    if not value:
        if allow_empty:
            return
        raise FormatError("the text is empty")
    # A character takes 1 to 4 bytes, so that most lengths are decided without encoding.
    if len(value) > max_bytes:
        raise FormatError(f"the text has {len(value)} characters, where at most {max_bytes} bytes are allowed")
    # In ASCII, and only there, "printable" can never change: it is U+0020 to U+007E.
    plain = value.isascii() and value.isprintable()
    if not plain and _suspicious(value) and (match := _forbidden(value)) is not None:
        raise FormatError(
            f"U+{ord(match[0]):04X} at character {match.start() + 1} of a text is not allowed: it is invisible, "
            "a control or reorders the text; delete it"
        )
    if value[0] in _spaces or value[-1] in _spaces:
        raise FormatError(f"the text {_shown(value)} starts or ends with a space; delete it")
    if 4 * len(value) > max_bytes and (size := len(value.encode())) > max_bytes:
        raise FormatError(f"the text has {size} bytes of UTF-8, where at most {max_bytes} are allowed")


def advise_text(value: str) -> list[str]:
    """Return advice to the author of a text, each a sentence; never a reason to refuse it.

    What this says depends on the Unicode version of the Python that runs it.
    """
    import unicodedata

    advice = []
    if not unicodedata.is_normalized("NFC", value):
        advice.append("The text is not in Unicode normal form C; a search for the usual spelling may miss it.")
    elif not unicodedata.is_normalized("NFKC", value):
        advice.append("The text holds compatibility characters, such as full-width letters or ligatures.")
    if "\ufffd" in value:
        advice.append("U+FFFD stands where a character was lost in an earlier conversion.")
    if any(unicodedata.category(character) == "Co" for character in value):
        advice.append("The text holds private-use characters, which others may see differently or not at all.")
    if any(unicodedata.category(character) == "Cn" for character in value):
        advice.append("The text holds code points that Unicode has not assigned, as far as this program knows.")
    if any(character in "\u200c\u200d" for character in value):
        advice.append("The text holds a zero width joiner or non-joiner, which cannot be seen.")
    if any(first in _spaces and second in _spaces for first, second in pairwise(value)):
        advice.append("The text holds two spaces in a row.")
    return advice


def _shown(value: object) -> str:
    """Show a value from outside in a message: short, and with everything unprintable escaped."""
    if isinstance(value, (str, bytes)):
        return ascii(value[:80]) + ("…" if len(value) > 80 else "")
    return f"a value of type {type(value).__name__}"


def count(number: int, noun: str) -> str:
    """Return `1 day`, `2 days`, `2 entries`."""
    if number == 1:
        return f"1 {noun}"
    consonant_y = noun.endswith("y") and noun[-2:-1] not in "aeiou"
    return f"{number} {noun[:-1]}ies" if consonant_y else f"{number} {noun}s"


def duration(seconds: int) -> str:
    """Return `45 seconds`, `1 hour 30 minutes`, `2 days`: the largest unit, and the next one if there is any of it."""
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    for at, (length, noun) in enumerate(units):
        if seconds >= length:
            words = count(seconds // length, noun)
            for less, part in units[at + 1 : at + 2]:
                if rest := seconds % length // less:
                    words += f" {count(rest, part)}"
            return words
    return "0 seconds"
