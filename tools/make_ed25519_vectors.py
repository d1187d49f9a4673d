#!/usr/bin/env python3
"""Make the hostile Ed25519 vectors, with a verifier of the strict rule in plain integers that shares no code with ours.

    tools/make_ed25519_vectors.py            rewrite src/creditledger/spec/vectors/ed25519.json
    tools/make_ed25519_vectors.py --check    exit with 1 if that file differs from what would be written

Each vector has `desc`, `public_key`, `message`, `signature` (hexadecimal) and two verdicts: `valid`, whether the
signature verifies under the strict rule, and `key_ok`, whether the key could have been added to a ledger at all
(canonical and of prime order). A signature counts only if both hold. Most vectors are forged so that a laxer verifier
would accept them; the description says what the attack is. Nothing here is random, and nothing takes constant time:
never sign with this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha512
from itertools import count

from vector_file import VECTORS, one_a_line, write_or_check

TARGET = VECTORS / "ed25519.json"

# The curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P, RFC 8032 section 5.1.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int]
"""Projective coordinates (X, Y, Z) of the point x = X/Z, y = Y/Z."""

ZERO: Point = (0, 1, 1)


def add(left: Point, right: Point) -> Point:
    """Return the sum of two points; the formula holds for all pairs (Bernstein and others 2008, section 6)."""
    (x1, y1, z1), (x2, y2, z2) = left, right
    a, c, e = z1 * z2 % P, x1 * x2 % P, y1 * y2 % P
    b, f = a * a % P, D * c * e % P
    x3 = a * (b - f) * ((x1 + y1) * (x2 + y2) - c - e)
    y3 = a * (b + f) * (e + c)
    return x3 % P, y3 % P, (b - f) * (b + f) % P


def negate(point: Point) -> Point:
    """Return the point with the opposite x."""
    return -point[0] % P, point[1], point[2]


def multiply(scalar: int, point: Point) -> Point:
    """Return the multiple of a point by doubling and adding."""
    result = ZERO
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def equal(left: Point, right: Point) -> bool:
    """Whether two points are the same, whatever their Z."""
    (x1, y1, z1), (x2, y2, z2) = left, right
    return (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


def encode(point: Point) -> bytes:
    """Return the canonical encoding: y in 255 bits, then the lowest bit of x."""
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def recover(y: int, sign: int) -> Point | None:
    """Return the point with this y and lowest bit of x, or None; accepts x = 0 under either sign."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square:
        return None
    return (x if x & 1 == sign else -x % P), y % P, 1


def decode(data: bytes) -> Point | None:
    """Return the point of a canonical encoding, or None."""
    number = int.from_bytes(data, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    if len(data) != 32 or y >= P:
        return None
    point = recover(y, sign)
    return None if point is None or (point[0] == 0 and sign == 1) else point


def small_order(point: Point) -> bool:
    """Whether the order divides the cofactor 8."""
    return equal(multiply(8, point), ZERO)


def challenge(*parts: bytes) -> int:
    """Return h, the SHA-512 of the parts as a little-endian integer modulo L."""
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % L


def strict_key(public_key: bytes) -> bool:
    """Whether a key may be added: canonical and of prime order."""
    point = decode(public_key)
    return point is not None and not equal(point, ZERO) and equal(multiply(L, point), ZERO)


def strict_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is valid: S < L; A and R canonical and not of small order; S B = R + h A exactly."""
    if len(signature) != 64:
        return False
    a, r = decode(public_key), decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or small_order(a) or small_order(r):
        return False
    h = challenge(signature[:32], public_key, message)
    return equal(multiply(s, BASE), add(r, multiply(h, a)))


def _base() -> Point:
    point = recover(4 * pow(5, -1, P) % P, 0)
    if point is None:
        raise ArithmeticError("the base point is not on the curve")
    return point


def _torsion() -> list[Point]:
    """Return the eight points of small order, as multiples of one of order 8."""
    for y in count(2):
        point = recover(y, 0)
        if point is not None and not equal(multiply(4, generator := multiply(L, point)), ZERO):
            return [multiply(index, generator) for index in range(8)]
    raise AssertionError("unreachable: `count` does not end")


BASE = _base()
TORSION = _torsion()
"""TORSION[i] has order 8 / gcd(i, 8)."""


def _orders() -> Iterator[tuple[str, bytes, Point]]:
    """Yield every 32-byte string that decodes, strictly or not, to a point of small order."""
    for index, point in enumerate(TORSION):
        order = 8 // (index & -index or 8)
        canonical = encode(point)
        yield f"order {order}, point {index}", canonical, point
        number = int.from_bytes(canonical, "little")
        y, sign = number & ((1 << 255) - 1), number >> 255
        mirrored = point[0] == 0
        if mirrored:
            yield f"order {order}, point {index}, x = 0 with sign bit", _raw(y, 1), point
        if y < 19:
            yield f"order {order}, point {index}, y + p", _raw(y + P, sign), point
            if mirrored:
                yield f"order {order}, point {index}, y + p, x = 0 with sign bit", _raw(y + P, 1), point


def _raw(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def _scalar(s: int) -> bytes:
    return s.to_bytes(32, "little")


class _Key:
    """An honest key: secret scalar, prefix and public key of a seed, RFC 8032 section 5.1.5."""

    def __init__(self, seed: bytes) -> None:
        digest = sha512(seed).digest()
        self.scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
        self.prefix = digest[32:]
        self.public = encode(multiply(self.scalar, BASE))

    def sign(self, message: bytes, domain: bytes = b"") -> bytes:
        """Sign as RFC 8032 section 5.1.6 says; `domain` is the dom2 prefix of the variants."""
        r = challenge(domain, self.prefix, message)
        commitment = encode(multiply(r, BASE))
        h = challenge(domain, commitment, self.public, message)
        return commitment + _scalar((r + h * self.scalar) % L)


def _forge(public: bytes, a: int, message: bytes, r: int, commitment: bytes) -> bytes:
    """Return the signature that hits the prime-order part of the equation, whatever R and A carry besides."""
    return commitment + _scalar((r + challenge(commitment, public, message) * a) % L)


Case = tuple[str, bytes, bytes, bytes]


def _honest(key: _Key, message: bytes, signature: bytes) -> Iterator[Case]:
    other = _Key(bytes([7]) * 32)
    for size in (0, 1, 64, 1023):
        text = bytes(index & 255 for index in range(size))
        yield f"valid, message of {size} bytes", key.public, text, key.sign(text)
    yield "valid, another key", other.public, message, other.sign(message)
    for scalar, name in ((1, "1"), (2, "2"), (L - 1, "L - 1")):
        public = encode(multiply(scalar, BASE))
        yield f"valid, secret scalar {name}", public, message, _forge(public, scalar, message, 3, _multiple(3))
    yield "valid, R is the base point", key.public, message, _forge(key.public, key.scalar, message, 1, _multiple(1))

    yield "message altered", key.public, message + b"\0", signature
    yield "message emptied", key.public, b"", signature
    yield "made by another key", key.public, message, other.sign(message)
    yield "key replaced", other.public, message, signature
    yield "negated key", encode(negate(multiply(key.scalar, BASE))), message, signature
    yield "negated R", key.public, message, signature[:31] + bytes([signature[31] ^ 128]) + signature[32:]
    yield "halves swapped", key.public, message, signature[32:] + signature[:32]
    yield "R replaced", key.public, message, _multiple(5) + signature[32:]
    yield "all zero", key.public, message, bytes(64)
    yield "all ones", key.public, message, b"\xff" * 64
    for bit in (0, 100, 254, 256, 300, 507):
        flipped = (int.from_bytes(signature, "little") ^ (1 << bit)).to_bytes(64, "little")
        yield f"signature bit {bit} flipped", key.public, message, flipped
    dom2 = b"SigEd25519 no Ed25519 collisions"
    yield "Ed25519ctx, not Ed25519", key.public, message, key.sign(message, dom2 + b"\0\3ctx")
    digest = sha512(message).digest()
    yield "Ed25519ph, not Ed25519", key.public, digest, key.sign(digest, dom2 + b"\1\0")
    yield "signature of the hash only", key.public, message, key.sign(digest)


def _multiple(scalar: int) -> bytes:
    return encode(multiply(scalar, BASE))


def _lengths(key: _Key, message: bytes, signature: bytes) -> Iterator[Case]:
    for size in (0, 1, 31, 32, 63):
        yield f"signature of {size} bytes", key.public, message, signature[:size]
    yield "signature of 65 bytes", key.public, message, signature + b"\0"
    yield "signature twice", key.public, message, signature * 2
    yield "first byte of the message in the signature", key.public, message[1:], signature + message[:1]
    for size in (0, 1, 31):
        yield f"key of {size} bytes", key.public[:size], message, signature
    yield "key of 33 bytes", key.public + b"\0", message, signature
    yield "key with type byte", b"\1" + key.public, message, signature


def _malleable(key: _Key, message: bytes, signature: bytes) -> Iterator[Case]:
    s = int.from_bytes(signature[32:], "little")
    for times in range(1, (2**256 - 1 - s) // L + 1):
        yield f"S + {times} L", key.public, message, signature[:32] + _scalar(s + times * L)
    for bit in (253, 254, 255):
        yield f"S with bit {bit} set", key.public, message, signature[:32] + _scalar(s | 1 << bit)
    yield "S negated", key.public, message, signature[:32] + _scalar(L - s)
    for value, name in ((0, "0"), (L - 1, "L - 1"), (L, "L"), (L + 1, "L + 1"), (2**256 - 1, "2^256 - 1")):
        yield f"S = {name}", key.public, message, signature[:32] + _scalar(value)


def _small_order(key: _Key, message: bytes) -> Iterator[Case]:
    for name, encoded, point in _orders():
        # R = S B satisfies the equation whenever h times the key is zero: at most eight tries.
        r = next(r for r in count(1) if equal(multiply(challenge(_multiple(r), encoded, message), point), ZERO))
        yield f"small-order key ({name})", encoded, message, _multiple(r) + _scalar(r)
    for name, encoded, _ in _orders():
        yield f"small-order R ({name})", key.public, message, _forge(key.public, key.scalar, message, 0, encoded)
    for name, encoded, point in _orders():
        # With S = 0 the equation reads R = -h A; one of these suffixes of the message makes it true.
        texts = (message + bytes([suffix]) for suffix in range(256))
        text = next(text for text in texts if equal(multiply(challenge(encoded, encoded, text) + 1, point), ZERO))
        yield f"small-order key and R ({name}), S = 0", encoded, text, encoded + bytes(32)


def _mixed_order(key: _Key, message: bytes) -> Iterator[Case]:
    honest = multiply(key.scalar, BASE)
    for index in range(1, 8):
        tail = TORSION[index]
        commitment = encode(add(multiply(9, BASE), tail))
        yield (
            f"R of mixed order, point {index}: holds only times the cofactor",
            key.public,
            message,
            _forge(key.public, key.scalar, message, 9, commitment),
        )
        mixed = encode(add(honest, tail))
        for exact, how in ((True, "holds exactly"), (False, "holds only times the cofactor")):
            # R = r B: exact if the component of small order vanishes under h.
            r = next(
                r for r in count(1) if equal(multiply(challenge(_multiple(r), mixed, message), tail), ZERO) is exact
            )
            signature = _forge(mixed, key.scalar, message, r, _multiple(r))
            yield f"key of mixed order, point {index}: {how}", mixed, message, signature
        # R = r B + tail: exact if the two components of small order cancel.
        shifted = ((r, encode(add(multiply(r, BASE), tail))) for r in count(1))
        r, commitment = next(
            (r, commitment)
            for r, commitment in shifted
            if equal(multiply(challenge(commitment, mixed, message) + 1, tail), ZERO)
        )
        signature = _forge(mixed, key.scalar, message, r, commitment)
        yield f"key and R of mixed order, point {index}: holds exactly", mixed, message, signature


def _not_canonical(key: _Key, message: bytes, signature: bytes) -> Iterator[Case]:
    for y in range(2, 19):
        for sign in (0, 1):
            if recover(y, sign) is None:
                continue
            yield f"key with y = {y} + p, sign {sign}", _raw(y + P, sign), message, signature
            yield f"R with y = {y} + p, sign {sign}", key.public, message, _raw(y + P, sign) + signature[32:]
    outside = next(y for y in count(2) if recover(y, 0) is None)
    for sign in (0, 1):
        yield f"key not on the curve, sign {sign}", _raw(outside, sign), message, signature
        yield f"R not on the curve, sign {sign}", key.public, message, _raw(outside, sign) + signature[32:]
    yield "key of 255 ones", _raw(2**255 - 1, 0), message, signature
    yield "key of 256 ones", _raw(2**255 - 1, 1), message, signature


def vectors() -> list[dict[str, str | bool]]:
    """Return all vectors, with the verdicts of this file's own verifier."""
    key = _Key(bytes(range(32)))
    message = b"creditledger/entry/v1"
    signature = key.sign(message)
    cases = [
        *_honest(key, message, signature),
        *_lengths(key, message, signature),
        *_malleable(key, message, signature),
        *_small_order(key, message),
        *_mixed_order(key, message),
        *_not_canonical(key, message, signature),
    ]
    return [
        {
            "desc": desc,
            "public_key": public.hex(),
            "message": text.hex(),
            "signature": sig.hex(),
            "key_ok": strict_key(public),
            "valid": strict_verify(public, text, sig),
        }
        for desc, public, text, sig in cases
    ]


def render() -> str:
    """Return the file: one vector a line."""
    return one_a_line(vectors())


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    return write_or_check(TARGET, render, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
