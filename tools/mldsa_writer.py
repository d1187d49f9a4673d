"""ML-DSA-44 in plain integers (FIPS 204), for the vectors: keys and signatures, always the same for the same seed.

Written from the standard; nothing is shared with the library, which signs with fresh randomness and so never twice
the same. Here the randomness is 32 zero bytes (section 3.4, the deterministic variant). It is slow, some 0.1 s a
signature, and takes no care to keep a secret: for vectors only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

Q = 8380417
N = 256
D = 13
TAU = 39
GAMMA1 = 1 << 17
GAMMA2 = (Q - 1) // 88
K = L = 4
ETA = 2
BETA = TAU * ETA
OMEGA = 80
C_BYTES = 32

Poly = list[int]
Vector = list[Poly]


def _bit_reversed(number: int) -> int:
    return int(f"{number:08b}"[::-1], 2)


ZETAS = [pow(1753, _bit_reversed(number), Q) for number in range(N)]


def shake256(data: bytes, length: int) -> bytes:
    """The function H."""
    return hashlib.shake_256(data).digest(length)


def ntt(polynomial: Poly) -> Poly:
    """Algorithm 41."""
    w = polynomial.copy()
    m, length = 0, 128
    while length:
        for start in range(0, N, 2 * length):
            m += 1
            zeta = ZETAS[m]
            for j in range(start, start + length):
                t = zeta * w[j + length] % Q
                w[j + length] = (w[j] - t) % Q
                w[j] = (w[j] + t) % Q
        length //= 2
    return w


def inverse_ntt(transformed: Poly) -> Poly:
    """Algorithm 42."""
    w = transformed.copy()
    m, length = N, 1
    while length < N:
        for start in range(0, N, 2 * length):
            m -= 1
            zeta = -ZETAS[m]
            for j in range(start, start + length):
                t = w[j]
                w[j] = (t + w[j + length]) % Q
                w[j + length] = zeta * (t - w[j + length]) % Q
        length *= 2
    scale = pow(N, -1, Q)
    return [scale * one % Q for one in w]


def add(a: Poly, b: Poly) -> Poly:
    """The sum of two polynomials."""
    return [(x + y) % Q for x, y in zip(a, b, strict=True)]


def subtract(a: Poly, b: Poly) -> Poly:
    """The difference of two polynomials."""
    return [(x - y) % Q for x, y in zip(a, b, strict=True)]


def times(a: Poly, b: Poly) -> Poly:
    """The product of two transformed polynomials."""
    return [x * y % Q for x, y in zip(a, b, strict=True)]


def centred(number: int, modulus: int = Q) -> int:
    """The representative from -modulus/2, excluded, to modulus/2."""
    number %= modulus
    return number - modulus if number > modulus // 2 else number


def norm(vector: Vector) -> int:
    """The largest absolute value of a coefficient."""
    return max(abs(centred(one)) for polynomial in vector for one in polynomial)


def pack(values: list[int], bits: int) -> bytes:
    """Algorithm 16: the values, so many bits each, the lowest bit first."""
    total = 0
    for position, value in enumerate(values):
        total |= value << bits * position
    return total.to_bytes(len(values) * bits // 8, "little")


def sample_uniform(seed: bytes) -> Poly:
    """Algorithm 30: coefficients below q out of SHAKE128."""
    stream = hashlib.shake_128(seed).digest(3 * 512)
    found = []
    for position in range(0, len(stream), 3):
        value = int.from_bytes(stream[position : position + 3], "little") & 0x7FFFFF
        if value < Q:
            found.append(value)
    return found[:N]


def sample_short(seed: bytes) -> Poly:
    """Algorithm 31: coefficients from -2 to 2."""
    found = []
    for byte in shake256(seed, 512):
        found += [(2 - half % 5) % Q for half in (byte & 15, byte >> 4) if half < 15]
    return found[:N]


def sample_ball(seed: bytes) -> Poly:
    """Algorithm 29: tau coefficients that are 1 or -1; the others are 0."""
    stream = iter(shake256(seed, 2048))
    signs = int.from_bytes(bytes(next(stream) for _ in range(8)), "little")
    c = [0] * N
    for i in range(N - TAU, N):
        j = next(byte for byte in stream if byte <= i)
        c[i] = c[j]
        c[j] = Q - 1 if signs & 1 else 1
        signs >>= 1
    return c


def sample_mask(seed: bytes, counter: int) -> Vector:
    """Algorithm 34."""
    found = []
    for row in range(L):
        total = int.from_bytes(shake256(seed + (counter + row).to_bytes(2, "little"), 576), "little")
        found.append([(GAMMA1 - (total >> 18 * position & 0x3FFFF)) % Q for position in range(N)])
    return found


def decompose(value: int) -> tuple[int, int]:
    """Algorithm 36: high and low part."""
    low = centred(value % Q, 2 * GAMMA2)
    if value % Q - low == Q - 1:
        return 0, low - 1
    return (value % Q - low) // (2 * GAMMA2), low


@lru_cache(maxsize=8)
def matrix(rho: bytes) -> list[Vector]:
    """Algorithm 32: the matrix A, transformed."""
    return [[sample_uniform(rho + bytes([s, r])) for s in range(L)] for r in range(K)]


def multiply(rho: bytes, vector: Vector) -> Vector:
    """A times a vector that is not transformed; neither is the result."""
    transformed = [ntt(polynomial) for polynomial in vector]
    result = []
    for row in matrix(rho):
        total = [0] * N
        for left, right in zip(row, transformed, strict=True):
            total = add(total, times(left, right))
        result.append(inverse_ntt(total))
    return result


class Key:
    """A key pair (algorithm 6).

    Attributes:
        public: the public key, 1,312 bytes.
        expanded: the private key as FIPS 204 encodes it, 2,560 bytes.
    """

    def __init__(self, seed: bytes) -> None:
        expanded = shake256(seed + bytes([K, L]), 128)
        self.rho, rho_short, self.key = expanded[:32], expanded[32:96], expanded[96:]
        short = [sample_short(rho_short + number.to_bytes(2, "little")) for number in range(K + L)]
        s1, s2 = short[:L], short[L:]
        t = [add(a, b) for a, b in zip(multiply(self.rho, s1), s2, strict=True)]
        high = [[(one + (1 << D - 1) - 1) >> D for one in polynomial] for polynomial in t]
        low = [[a - (b << D) for a, b in zip(x, y, strict=True)] for x, y in zip(t, high, strict=True)]
        self.public = self.rho + b"".join(pack(polynomial, 10) for polynomial in high)
        self.tr = shake256(self.public, 64)
        self.expanded = b"".join(
            [
                *(self.rho, self.key, self.tr),
                *(pack([(ETA - one) % Q for one in polynomial], 3) for polynomial in short),
                *(pack([(1 << D - 1) - one for one in polynomial], D) for polynomial in low),
            ]
        )
        self.s1, self.s2, self.t0 = ([ntt(polynomial) for polynomial in vector] for vector in (s1, s2, low))

    def sign(self, message: bytes) -> bytes:
        """Algorithms 2 and 7, with the empty context and without randomness."""
        mu = shake256(self.tr + b"\x00\x00" + message, 64)
        mask_seed = shake256(self.key + bytes(32) + mu, 64)
        return next(filter(None, (self._attempt(mu, mask_seed, L * attempt) for attempt in range(800))))

    def _attempt(self, mu: bytes, mask_seed: bytes, counter: int) -> bytes | None:
        y = sample_mask(mask_seed, counter)
        w = multiply(self.rho, y)
        parts = [[decompose(one) for one in polynomial] for polynomial in w]
        commitment = shake256(mu + b"".join(pack([high for high, _ in row], 6) for row in parts), C_BYTES)
        c = ntt(sample_ball(commitment))
        z = [add(a, inverse_ntt(times(c, b))) for a, b in zip(y, self.s1, strict=True)]
        rest = [subtract(a, inverse_ntt(times(c, b))) for a, b in zip(w, self.s2, strict=True)]
        low = max(abs(decompose(one)[1]) for row in rest for one in row)
        if norm(z) >= GAMMA1 - BETA or low >= GAMMA2 - BETA:
            return None
        error = [inverse_ntt(times(c, polynomial)) for polynomial in self.t0]
        hints = [
            [decompose(a)[0] != decompose(a + b)[0] for a, b in zip(x, y, strict=True)]
            for x, y in zip(rest, error, strict=True)
        ]
        if norm(error) >= GAMMA2 or sum(map(sum, hints)) > OMEGA:
            return None
        packed = b"".join(pack([GAMMA1 - centred(one) for one in row], 18) for row in z)
        return commitment + packed + bytes(_pack_hints(hints))


def _pack_hints(hints: list[list[bool]]) -> Iterator[int]:
    """Algorithm 20."""
    positions = [[position for position, hint in enumerate(row) if hint] for row in hints]
    found = [position for row in positions for position in row]
    yield from found + [0] * (OMEGA - len(found))
    total = 0
    for row in positions:
        total += len(row)
        yield total
