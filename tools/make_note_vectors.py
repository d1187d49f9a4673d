#!/usr/bin/env python3
"""Make the vectors of what stands around the records: names, vkeys, signed checkpoints, trust files and exports.

    tools/make_note_vectors.py            rewrite src/creditledger/spec/vectors/notes.json
    tools/make_note_vectors.py --check    exit with 1 if that file differs from what would be written

Each line is `{"kind", "desc", ..., "exit"}`. `exit` is 0 for what is accepted, and otherwise as in section 13.3 of the
format: 1 malformed, 13 unsupported, 3 evidence. The kinds are `origin` (of a ledger), `name` (of a key), `vkey`, `note`
(to be opened with `vkey` as a checkpoint of `origin`, without a log), `trust` (a file's text) and `export` (a file, to
be verified with a trust file). `findings` lists those that a verifier may name for an export; it names one at least.

The verdicts are written down here and in `export_vectors.py`, case by case; the bytes are put together by
`note_writer.py`, which shares no code with ours.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator

from nacl.signing import SigningKey

from export_vectors import exports
from note_writer import (
    IDENTITY,
    LOG,
    MIXED,
    ORIGIN,
    OTHER,
    Item,
    key_id,
    line,
    note,
    public,
    sha,
    signed,
    text_of,
    trust_file,
    vkey,
)
from vector_file import VECTORS, one_a_line, write_or_check

TARGET = VECTORS / "notes.json"


# -- names and vkeys ---------------------------------------------------------------------------------------------------

BOTH = {
    "a host and a path": (ORIGIN, 0),
    "one character": ("x", 0),
    "255 bytes": ("x" * 255, 0),
    "256 bytes": ("x" * 256, 1),
    "255 bytes in 85 characters": ("\u4e2d" * 85, 0),
    "256 bytes in 86 characters": ("\u4e2d" * 85 + "x", 1),
    "nothing": ("", 1),
    "a plus": ("a+b", 1),
    "a space": ("a b", 1),
    "a no-break space": ("a\u00a0b", 1),
    "an ideographic space": ("a\u3000b", 1),
    "a line feed": ("a\nb", 1),
    "a carriage return": ("a\rb", 1),
    "a tabulator": ("a\tb", 1),
    "DELETE": ("a\x7fb", 1),
    "NEXT LINE": ("a\x85b", 1),
    "LINE SEPARATOR": ("a\u2028b", 1),
    "a quotation mark and a backslash": ('a"\\b', 0),
    "an em dash": ("\u2014", 0),
    "beyond the basic plane": ("\U0001f3db", 0),
    "ZERO WIDTH JOINER": ("a\u200db", 0),
}
ONLY_NAMES = {
    "ZERO WIDTH SPACE": "a\u200bb",
    "RIGHT-TO-LEFT OVERRIDE": "a\u202eb",
    "SOFT HYPHEN": "a\u00adb",
    "BYTE ORDER MARK": "\ufeffa",
    "WORD JOINER": "a\u2060b",
    "a noncharacter": "a\ufffeb",
    "a tag": "a\U000e0041b",
}


def names() -> Iterator[Item]:
    """What may be the origin of a ledger, and what the name of a key."""
    for desc, (name, code) in BOTH.items():
        yield {"kind": "origin", "desc": desc, "name": name, "exit": code}
        yield {"kind": "name", "desc": desc, "name": name, "exit": code}
    for desc, name in ONLY_NAMES.items():
        yield {"kind": "origin", "desc": desc, "name": name, "exit": 1}
        yield {"kind": "name", "desc": desc, "name": name, "exit": 0}


def vkeys() -> Iterator[Item]:
    """Keys as lines of text."""
    good = vkey(ORIGIN, public(LOG))
    name, identifier, key = good.split("+", 2)
    several = (vkey(ORIGIN, public(SigningKey(bytes([number]) * 32))) for number in range(256))
    plus = next(one for one in several if one.count("+") > 2)
    for desc, text, code in (
        ("a key", good, 0),
        ("a name of its own", vkey("witness.example", public(LOG)), 0),
        ("a name with an invisible character", vkey("a\u200bb", public(LOG)), 0),
        ("a key with + in its base64", plus, 0),
        ("nothing", "", 1),
        ("two parts", f"{name}+{identifier}", 1),
        ("a space before", f" {good}", 1),
        ("a line feed after", f"{good}\n", 1),
        ("the key id of another name", vkey("other", public(LOG)).replace("other", ORIGIN), 1),
        ("the key id in upper case", f"{name}+{identifier.upper()}+{key}", 1),
        ("the key id a digit short", f"{name}+{identifier[1:]}+{key}", 1),
        ("a byte less", vkey(ORIGIN, public(LOG)[:-1]), 1),
        ("a byte more", vkey(ORIGIN, public(LOG) + b"\0"), 1),
        ("no key", vkey(ORIGIN, b""), 1),
        ("nothing but a type", vkey(ORIGIN, b"\x01"), 1),
        ("base64 without padding", vkey(ORIGIN, public(LOG) + b"\0").rstrip("="), 1),
        ("the URL alphabet of base64", f"{name}+{plus.split('+')[1]}+{plus.split('+', 2)[2].replace('+', '-')}", 1),
        ("a point of mixed order", vkey(ORIGIN, b"\x01" + MIXED), 1),
        ("the neutral point", vkey(ORIGIN, b"\x01" + IDENTITY), 1),
        ("a point that is not canonical", vkey(ORIGIN, b"\x01" + b"\xff" * 31 + b"\x7f"), 1),
        ("another type", vkey(ORIGIN, b"\x06" + bytes(1312)), 13),
        ("another type as long as Ed25519", vkey(ORIGIN, b"\x02" + public(LOG)[1:]), 13),
        ("another type under the key id of another name", vkey("other", b"\x06" + bytes(32)).replace("other", "x"), 1),
        ("4,096 characters", vkey("x", b"\x06" + bytes(3061)), 13),
        ("more than 4,096 characters", vkey("x", b"\x06" + bytes(3066)), 1),
    ):  # fmt: skip
        yield {"kind": "vkey", "desc": desc, "vkey": text, "exit": code}


# -- signed checkpoints ------------------------------------------------------------------------------------------------


def notes() -> Iterator[Item]:
    """Checkpoints by themselves: their form, and their signatures."""
    root = sha(b"a root")
    text = text_of(7, root)
    good, mine = note(7, root), signed(text)
    foreign = line("witness.example", b"abcdefgh")
    blob = key_id(ORIGIN, public(LOG)) + LOG.sign(text).signature
    code = base64.b64encode(root)
    largest = text_of(2**53 - 1, root)

    def resigned(changed: bytes) -> bytes:
        return changed + b"\n" + signed(changed)

    for desc, data, verdict in (
        ("as it should be", good, 0),
        ("size 0 with the root of nothing", note(0, sha()), 0),
        ("size 0 with another root", note(0, root), 3),
        ("the largest size", largest + b"\n" + signed(largest), 0),
        ("a size too large", note(2**53, root), 3),
        ("a size of 20 digits", note(10**19, root), 3),
        ("a leading zero", note("07", root), 3),
        ("a sign", note("+7", root), 3),
        ("a size in other digits", note("\u0667", root), 3),
        ("no size", note("", root), 3),
        ("a root of 31 bytes", note(7, root[1:]), 3),
        ("a root of 33 bytes", note(7, root + b"\0"), 3),
        ("a root without padding", resigned(text.replace(b"=", b"")), 3),
        ("unused bits of the root set", resigned(text.replace(code, code[:-2] + bytes([code[-2] + 1]) + b"=")), 3),
        ("another origin", note(7, root, origin="other.example"), 3),
        ("an origin with a space after it", note(7, root, origin=ORIGIN + " "), 3),
        ("an extension line", resigned(text + b"extension\n"), 3),
        ("an empty line more", resigned(text + b"\n"), 3),
        ("a line less", resigned(text.split(b"\n", 1)[1]), 3),
        ("CR LF", good.replace(b"\n", b"\r\n"), 3),
        ("a BOM", b"\xef\xbb\xbf" + good, 3),
        ("no signature", text + b"\n", 3),
        ("no empty line", text + mine, 3),
        ("no LF at the end", good[:-1], 3),
        ("an empty line at the end", good + b"\n", 3),
        ("a text after the signatures", good + b"more\n", 3),
        ("a space at the end of the line", good[:-1] + b" \n", 3),
        ("a hyphen for the dash", good.replace(b"\xe2\x80\x94", b"-"), 3),
        ("two spaces", good.replace(b"\xe2\x80\x94 ", b"\xe2\x80\x94  "), 3),
        ("not UTF-8", good.replace(b"\xe2\x80\x94", b"\xe2\x80"), 3),
        ("a signature without padding", good.replace(b"=\n\n", b"%").replace(b"=", b"").replace(b"%", b"=\n\n"), 3),
        ("a line of an unknown key before", text + b"\n" + foreign + mine, 0),
        ("a line of an unknown key after", good + foreign, 0),
        ("an unknown key twice", good + foreign + foreign, 0),
        ("99 lines of unknown keys", good + foreign * 99, 0),
        ("100 lines of unknown keys", good + foreign * 100, 3),
        ("an unknown key with 5 bytes", good + line("x", b"abcde"), 0),
        ("an unknown key with 4 bytes", good + line("x", b"abcd"), 3),
        ("an unknown key without any", good + line("x", b""), 3),
        ("an unknown name of 255 bytes", good + line("x" * 255, b"abcdefgh"), 0),
        ("an unknown name of 256 bytes", good + line("x" * 256, b"abcdefgh"), 3),
        ("an unknown name with a plus", good + line("a+b", b"abcdefgh"), 3),
        ("an unknown name with a no-break space", good + line("a\u00a0b", b"abcdefgh"), 3),
        ("an unknown name with an invisible character", good + line("a\u200bb", b"abcdefgh"), 0),
        ("the known name with another key id", good + line(ORIGIN, b"abcd" + blob[4:]), 0),
        ("only unknown keys", text + b"\n" + foreign, 3),
        ("only another key of that name", note(7, root, key=OTHER), 3),
        ("the known key twice", good + mine, 3),
        ("a wrong signature by the known key", text + b"\n" + line(ORIGIN, blob[:-1] + b"\0"), 3),
        ("a wrong signature by the known key beside a right one", good + line(ORIGIN, blob[:-1] + b"\0"), 3),
        ("a signature of 63 bytes", text + b"\n" + line(ORIGIN, blob[:-1]), 3),
        ("a signature of 65 bytes", text + b"\n" + line(ORIGIN, blob + b"\0"), 3),
        ("a signature of the text without its last LF",
            text + b"\n" + line(ORIGIN, blob[:4] + LOG.sign(text[:-1]).signature), 3),
        ("nothing", b"", 3),
    ):  # fmt: skip
        yield {
            "kind": "note", "desc": desc, "note_hex": data.hex(), "origin": ORIGIN, "vkey": vkey(ORIGIN, public(LOG)),
            "exit": verdict,
        }  # fmt: skip


# -- trust files -------------------------------------------------------------------------------------------------------


def trust_files() -> Iterator[Item]:
    """What a verifier may be told to go by."""
    identity = sha(b"a ledger")
    good, key = trust_file(identity), vkey(ORIGIN, public(LOG))
    many = [vkey(f"{number}.example", public(LOG)) for number in range(65)]
    lines = good.splitlines(keepends=True)
    for desc, text, code in (
        ("as it should be", good, 0),
        ("in another order", "".join(reversed(lines)), 0),
        ("with a comment", good + "# from the court\n", 0),
        ("two keys", trust_file(identity, key, vkey(ORIGIN, public(OTHER))), 0),
        ("a key of another name", trust_file(identity, vkey("witness.example", public(LOG))), 0),
        ("64 keys", trust_file(identity, *many[:64]), 0),
        ("65 keys", trust_file(identity, *many), 1),
        ("no keys", good.replace(json.dumps([key]), "[]"), 1),
        ("a key twice", trust_file(identity, key, key), 1),
        ("a key that is a number", good.replace(json.dumps([key]), "[7]"), 1),
        ("a key without its array", good.replace(json.dumps([key]), json.dumps(key)), 1),
        ("a key of mixed order", trust_file(identity, vkey(ORIGIN, b"\x01" + MIXED)), 1),
        (
            "a key of another type after one that is malformed",
            trust_file(identity, "x", vkey(ORIGIN, b"\x06" + bytes(9))),
            1,
        ),
        (
            "a key of another type before one that is malformed",
            trust_file(identity, vkey(ORIGIN, b"\x06" + bytes(9)), "x"),
            1,
        ),
        ("a key of another type twice", trust_file(identity, *[vkey(ORIGIN, b"\x06" + bytes(9))] * 2), 1),
        ("a key of another type", trust_file(identity, key, vkey(ORIGIN, b"\x06" + bytes(1312))), 13),
        ("another version", trust_file(identity, version="creditledger/trust/v3"), 13),
        ("a version far ahead", trust_file(identity, version="creditledger/trust/v999999999"), 13),
        ("another version with other settings", 'format = "creditledger/trust/v3"\nwitnesses = 3\n', 13),
        ("a version with a leading zero", trust_file(identity, version="creditledger/trust/v02"), 1),
        ("version 0", trust_file(identity, version="creditledger/trust/v0"), 1),
        ("a version of 10 digits", trust_file(identity, version="creditledger/trust/v1000000000"), 1),
        ("a version that is no number", trust_file(identity, version="creditledger/trust/vX"), 1),
        ("another format", trust_file(identity, version="creditledger/export/v1"), 1),
        ("a version that is a number", good.replace('"creditledger/trust/v1"', "1"), 1),
        ("no version", "".join(lines[1:]), 1),
        ("no origin", lines[0] + lines[2] + lines[3], 1),
        ("no ledger id", lines[0] + lines[1] + lines[3], 1),
        ("no log keys", "".join(lines[:3]), 1),
        ("a setting more", good + "more = 1\n", 1),
        ("a setting twice", good + lines[1], 1),
        ("a table more", good + "[more]\n", 1),
        ("a ledger id in upper case", good.replace(identity.hex(), identity.hex().upper()), 1),
        ("a ledger id with spaces", good.replace(identity.hex(), identity.hex(" ")), 1),
        ("a ledger id too short", trust_file(identity[1:]), 1),
        ("a ledger id too long", trust_file(identity + b"\0"), 1),
        ("a ledger id that is a number", good.replace(f'"{identity.hex()}"', "1" * 18), 1),
        ("an origin with a space", trust_file(identity, origin="a b"), 1),
        ("an origin of 256 bytes", trust_file(identity, origin="x" * 256), 1),
        ("an origin that is a number", good.replace(f'"{ORIGIN}"', "7"), 1),
        ("empty", "", 1),
        ("not TOML", "{}", 1),
        ("nested deep", "a = " + "[" * 2000, 1),
    ):
        yield {"kind": "trust", "desc": desc, "trust": text, "exit": code}


def render() -> str:
    """Return the file: one vector a line."""
    items = [*names(), *vkeys(), *notes(), *trust_files(), *exports()]
    return one_a_line(items)


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    return write_or_check(TARGET, render, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
