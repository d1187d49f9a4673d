"""Write what stands around the records of a ledger, for the vectors of it: keys, signed checkpoints, trust files.

Encoding, hashing and signing are spelt out; nothing is shared with the library.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

SPEC = Path(__file__).parent.parent / "src/creditledger/spec"

ORIGIN = "registry.example.org/defaulters"
ROOT, LOG, OTHER = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
START = 1_772_382_600_000_000
HOUR = 3_600_000_000
RULES_HASH = hashlib.sha256((SPEC / "rules-1.md").read_bytes()).digest()
MIXED = bytes.fromhex("ea5ef8400c31ef41e28f22e718b43f66981b29cf645af2a0e223799bedaace47")
IDENTITY = bytes([1]) + bytes(31)

Item = dict[str, Any]


def sha(*parts: bytes) -> bytes:
    """SHA-256 of the parts, joined."""
    return hashlib.sha256(b"".join(parts)).digest()


def encode(value: Any) -> bytes:
    """The encoding of section 2.1."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        for most, head, width in ((0x7F, b"", 1), (0xFF, b"\xcc", 1), (0xFFFF, b"\xcd", 2), (2**32 - 1, b"\xce", 4)):
            if value <= most:
                return head + value.to_bytes(width, "big")
        return b"\xcf" + value.to_bytes(8, "big")
    if isinstance(value, (str, bytes)):
        data = value.encode() if isinstance(value, str) else value
        if isinstance(value, str) and len(data) <= 31:
            return bytes([0xA0 + len(data)]) + data
        width = 1 if len(data) < 2**8 else 2 if len(data) < 2**16 else 4
        first = {1: 0xD9, 2: 0xDA, 4: 0xDB}[width] if isinstance(value, str) else {1: 0xC4, 2: 0xC5, 4: 0xC6}[width]
        return bytes([first]) + len(data).to_bytes(width, "big") + data
    return bytes([0x90 + len(value)]) + b"".join(map(encode, value))


def public(key: SigningKey) -> bytes:
    """A key as the format carries it."""
    return b"\x01" + bytes(key.verify_key)


def key_id(name: str, key: bytes) -> bytes:
    """The 4 bytes that find a key."""
    return sha(name.encode(), b"\n", key)[:4]


def vkey(name: str, key: bytes) -> str:
    """A key as a line of text."""
    return f"{name}+{key_id(name, key).hex()}+{base64.b64encode(key).decode()}"


def text_of(size: object, root: bytes, origin: str = ORIGIN) -> bytes:
    """What a checkpoint's signature covers."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def line(name: str, blob: bytes) -> bytes:
    """A signature line."""
    return f"\u2014 {name} {base64.b64encode(blob).decode()}\n".encode()


def signed(text: bytes, key: SigningKey = LOG, name: str = ORIGIN) -> bytes:
    """The line with a key's signature of a text."""
    return line(name, key_id(name, public(key)) + key.sign(text).signature)


def note(size: object, root: bytes, key: SigningKey = LOG, origin: str = ORIGIN) -> bytes:
    """A signed checkpoint."""
    text = text_of(size, root, origin)
    return text + b"\n" + signed(text, key)


def trust_file(ledger_id: bytes, *keys: str, version: str = "creditledger/trust/v1", origin: str = ORIGIN) -> str:
    """A trust file."""
    named = json.dumps(keys or [vkey(ORIGIN, public(LOG))])
    return f'format = "{version}"\norigin = "{origin}"\nledger_id = "{ledger_id.hex()}"\nlog_keys = {named}\n'
