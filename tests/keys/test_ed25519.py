"""The strict Ed25519 rule: libsodium, a verifier in plain integers and the vectors must agree on every hostile case."""

from __future__ import annotations

import copy
import json
import pickle
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import FormatError, UnsupportedError, VerificationFailed
from creditledger.keys.ed25519 import (
    GROUP_ORDER,
    KEY_TYPE,
    SigningKey,
    check_key,
    check_public_key,
    public_key,
    sign,
    verify,
)

ROOT = Path(__file__).parents[2]
VECTORS_FILE = ROOT / "src/creditledger/spec/vectors/ed25519.json"
VECTORS: list[dict[str, Any]] = json.loads(VECTORS_FILE.read_text())
ORACLE = runpy.run_path(str(ROOT / "tools/make_ed25519_vectors.py"))

# RFC 8032 section 7.1: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


def accepts(check: Callable[[], object]) -> bool:
    try:
        check()
    except (VerificationFailed, FormatError):
        return False
    return True


def parts(vector: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    return bytes.fromhex(vector["public_key"]), bytes.fromhex(vector["message"]), bytes.fromhex(vector["signature"])


def test_vectors_are_what_the_script_makes() -> None:
    assert VECTORS_FILE.read_text() == ORACLE["render"]()
    assert len({vector["desc"] for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["desc"])
def test_vector(vector: dict[str, Any]) -> None:
    key, message, signature = parts(vector)
    assert accepts(lambda: verify(key, message, signature)) is vector["valid"]
    assert accepts(lambda: check_public_key(key)) is vector["key_ok"]
    assert accepts(lambda: check_key(KEY_TYPE + key)) is vector["key_ok"]


def test_the_vectors_attack_every_clause_of_the_rule() -> None:
    """Both verdicts occur in each combination, so no check can be dropped without a vector failing."""
    verdicts = {(vector["key_ok"], vector["valid"]) for vector in VECTORS}
    assert verdicts == {(True, True), (True, False), (False, True), (False, False)}
    descriptions = " ".join(vector["desc"] for vector in VECTORS)
    for attack in (
        "small-order key",
        "small-order R",
        "mixed order",
        "S + 1 L",
        "y + p",
        "sign bit",
        "not on the curve",
    ):
        assert attack in descriptions


def test_openssl_differs_only_where_points_of_small_order_are_involved() -> None:
    """The `cryptography` package, a second library, is laxer in exactly that one respect, and never stricter."""
    differing = []
    for vector in VECTORS:
        key, message, signature = parts(vector)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        except (InvalidSignature, ValueError):
            accepted = False
        else:
            accepted = True
        if accepted is not vector["valid"]:
            assert accepted
            differing.append(vector["desc"])
    assert differing
    assert all(desc.startswith("small-order ") for desc in differing)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_rfc_8032(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public_key.hex() == public == public_key(bytes.fromhex(seed)).hex()
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert sign(bytes.fromhex(seed), bytes.fromhex(message)).hex() == signature
    verify(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))
    assert ORACLE["strict_verify"](bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_is_signed_verifies_everywhere(seed: bytes, message: bytes) -> None:
    key = SigningKey(seed)
    signature = key.sign(message)
    verify(key.public_key, message, signature)
    check_public_key(key.public_key)
    assert ORACLE["strict_verify"](key.public_key, message, signature)
    assert ORACLE["strict_key"](key.public_key)
    Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)


@settings(max_examples=150)
@given(
    st.sampled_from(VECTORS),
    st.sampled_from(["public_key", "message", "signature"]),
    st.integers(0, 600),
    st.integers(0, 255),
)
def test_mutated_vectors_have_the_verdict_of_the_oracle(vector: dict[str, Any], part: str, at: int, byte: int) -> None:
    data = bytearray.fromhex(vector[part])
    data[at % (len(data) + 1) : at % (len(data) + 1) + 1] = bytes([byte])
    key, message, signature = parts({**vector, part: data.hex()})
    assert accepts(lambda: verify(key, message, signature)) is ORACLE["strict_verify"](key, message, signature)
    assert accepts(lambda: check_public_key(key)) is ORACLE["strict_key"](key)


@settings(max_examples=150)
@given(st.binary(min_size=32, max_size=32), st.sampled_from(range(8)))
def test_random_points_have_the_verdict_of_the_oracle(data: bytes, torsion: int) -> None:
    """Half of all strings decode, and one point in eight is of prime order."""
    assert accepts(lambda: check_public_key(data)) is ORACLE["strict_key"](data)
    point = ORACLE["decode"](data)
    if point is not None:
        shifted = ORACLE["encode"](ORACLE["add"](point, ORACLE["TORSION"][torsion]))
        assert accepts(lambda: check_public_key(shifted)) is ORACLE["strict_key"](shifted)


@pytest.mark.parametrize("size", [0, 1, 31, 33, 64])
def test_lengths_are_checked_before_libsodium_reads(size: int) -> None:
    with pytest.raises(VerificationFailed, match=f"the public key has {size} bytes"):
        verify(bytes(size), b"", bytes(64))
    with pytest.raises(FormatError, match=f"this one {size}"):
        check_public_key(bytes(size))
    with pytest.raises(FormatError, match=f"this one {size}"):
        SigningKey(bytes(size))
    with pytest.raises(FormatError, match=f"this one {size}"):
        sign(bytes(size), b"")


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_signature_lengths(size: int) -> None:
    with pytest.raises(VerificationFailed, match=f"the signature has {size} bytes"):
        verify(public_key(bytes(32)), b"", bytes(size))


def test_failures_name_both_values_and_the_finding() -> None:
    key = SigningKey(bytes(32))
    signature = key.sign(b"one")
    with pytest.raises(VerificationFailed, match="the message was changed, or another key made it") as caught:
        verify(key.public_key, b"two", signature)
    assert caught.value.finding == "LED-SIG"
    assert key.public_key.hex() in caught.value.expected
    assert caught.value.found == signature.hex()
    raised = signature[:32] + (int.from_bytes(signature[32:], "little") + GROUP_ORDER).to_bytes(32, "little")
    with pytest.raises(VerificationFailed, match="not below the group order"):
        verify(key.public_key, b"one", raised)


def test_keys_say_why_they_are_refused() -> None:
    with pytest.raises(FormatError, match="not canonical"):
        check_public_key(b"\xff" * 32)
    with pytest.raises(FormatError, match="not a curve point of prime order"):
        check_public_key(bytes(32))
    with pytest.raises(FormatError, match="type byte"):
        check_key(b"")
    with pytest.raises(UnsupportedError, match="type 02"):
        check_key(b"\x02" + public_key(bytes(32)))
    with pytest.raises(FormatError, match="this one 31"):
        check_key(KEY_TYPE + public_key(bytes(32))[:31])


def test_the_secret_stays_where_it_is() -> None:
    seed = bytes(range(32))
    key = SigningKey(seed)
    assert seed.hex() not in repr(key)
    assert key.public_key.hex() in repr(key)
    assert repr(seed) not in repr(key)
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied or pickled"):
            leak(key)


def test_importing_it_loads_neither_the_whole_of_nacl_nor_cryptography() -> None:
    """The import budget of the package depends on it."""
    code = (
        "import sys, creditledger.keys.signer; print({'nacl.bindings', 'cryptography', 'getpass'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
