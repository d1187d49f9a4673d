"""Write checkpoints with cosignatures, for the vectors of the C2SP formats: layout and signing are spelt out.

Nothing is shared with the library. ML-DSA signatures come from `mldsa_writer.py`, and are deterministic.
"""

from __future__ import annotations

from nacl.signing import SigningKey

import mldsa_writer
from note_writer import LOG, ORIGIN, key_id, line, public, sha, signed, text_of, vkey

NOW = 1_795_000_000
LATEST = 2**63 - 1
W1, W2, W3 = "w1.example", "witness.example/w2", "w3.example"
KEY1, KEY3 = SigningKey(bytes([21]) * 32), SigningKey(bytes([23]) * 32)
KEY2, PQ_LOG = mldsa_writer.Key(bytes([22]) * 32), mldsa_writer.Key(bytes([24]) * 32)
V1, V3 = (vkey(name, b"\x04" + bytes(key.verify_key)) for name, key in ((W1, KEY1), (W3, KEY3)))
V1_RENAMED = vkey("other.example", b"\x04" + bytes(KEY1.verify_key))
V2, VLOG2 = vkey(W2, b"\x06" + KEY2.public), vkey(ORIGIN, b"\x06" + PQ_LOG.public)
VLOG = vkey(ORIGIN, public(LOG))
ROOT = sha(b"a root")
TEXT = text_of(7, ROOT)
SIGNED = TEXT + b"\n" + signed(TEXT)


def u64(number: int) -> bytes:
    """Eight big-endian bytes."""
    return number.to_bytes(8, "big")


def cosigned(text: bytes = TEXT, time: int = NOW, key: SigningKey = KEY1, name: str = W1) -> bytes:
    """A cosignature of type 04, as a line."""
    proper = key.sign(f"cosignature/v1\ntime {time}\n".encode() + text).signature
    return line(name, key_id(name, b"\x04" + bytes(key.verify_key)) + u64(time) + proper)


def message(time: int, root: bytes = ROOT, start: int = 0, end: int = 7, origin: str = ORIGIN, name: str = W2) -> bytes:
    """What a signature of type 06 covers."""
    names = [bytes([len(one.encode())]) + one.encode() for one in (name, origin)]
    return b"subtree/v1\n\0" + names[0] + u64(time) + names[1] + u64(start) + u64(end) + root


def pq_line(proper: bytes, key: mldsa_writer.Key = KEY2, name: str = W2) -> bytes:
    """A signature of type 06, as a line."""
    return line(name, key_id(name, b"\x06" + key.public) + proper)


def pq_cosigned(time: int = NOW, key: mldsa_writer.Key = KEY2, name: str = W2) -> bytes:
    """A cosignature of type 06 of the checkpoint, as a line."""
    return pq_line(u64(time) + key.sign(message(time, name=name)), key, name)
