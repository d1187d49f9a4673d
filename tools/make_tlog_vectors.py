#!/usr/bin/env python3
"""Make the vectors of the C2SP formats around checkpoints: cosignatures, policies, proof files, requests to witnesses.

    tools/make_tlog_vectors.py            rewrite src/creditledger/spec/vectors/tlog.json
    tools/make_tlog_vectors.py --check    exit with 1 if that file differs from what would be written

Each line is `{"kind", "desc", ..., "exit"}`, where `exit` is 0 for what is accepted, 1 for what is malformed, 13 for
what is unsupported, 3 for evidence (a wrong signature, a proof that shows something else), 4 for a quorum that
is not met.

    key             `vkey`, to be read as that of a `role`: log or witness
    note            `note`, to be opened with the keys `logs` and `witnesses`; `times` are those that it then tells: of
                    each signature that was verified, in the order of the lines, the seconds, or null for type 01
    subtree         `vkey` signed `root` over the leaves from `start` up to `end` of the log `origin`: `signature`
    policy          `policy_hex`, to be read
    quorum          `policy` and `note`: is the checkpoint cosigned as the policy asks
    proof           `file`: does it prove `leaf` (a leaf hash) under the key `vkey` of the log `origin`
    add-checkpoint  `body`, to be read; `old` and `proof` are what it says

The verdicts are written down case by case; no code is shared with the library. ML-DSA signatures come from
`mldsa_writer.py`, and are deterministic.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator

from note_writer import IDENTITY, MIXED, ORIGIN, Item, key_id, line, sha, signed, text_of, vkey
from policy_vectors import policies, quorums
from tlog_writer import (
    KEY1,
    KEY2,
    KEY3,
    LATEST,
    NOW,
    PQ_LOG,
    ROOT,
    SIGNED,
    TEXT,
    V1,
    V2,
    V3,
    VLOG,
    VLOG2,
    W1,
    W2,
    W3,
    cosigned,
    message,
    pq_cosigned,
    pq_line,
    u64,
)
from vector_file import VECTORS, one_a_line, write_or_check

TARGET = VECTORS / "tlog.json"


# -- keys --------------------------------------------------------------------------------------------------------------


def keys() -> Iterator[Item]:
    """Keys of logs and of witnesses."""
    ed25519 = bytes(KEY1.verify_key)
    for role, desc, text, code in (
        ("log", "type 01", VLOG, 0),
        ("log", "type 06", VLOG2, 0),
        ("log", "type 04, which is for witnesses", V1, 1),
        ("witness", "type 04", V1, 0),
        ("witness", "type 06", V2, 0),
        ("witness", "type 01, which is for logs", VLOG, 1),
        ("witness", "type 04 with a byte less", vkey(W1, b"\x04" + ed25519[:-1]), 1),
        ("witness", "type 04 with a point of mixed order", vkey(W1, b"\x04" + MIXED), 1),
        ("witness", "type 04 with the neutral point", vkey(W1, b"\x04" + IDENTITY), 1),
        ("witness", "type 04 with an ML-DSA-44 key", vkey(W2, b"\x04" + KEY2.public), 1),
        ("witness", "type 06 with an Ed25519 key", vkey(W1, b"\x06" + ed25519), 1),
        ("witness", "type 06 with a byte less", vkey(W2, b"\x06" + KEY2.public[:-1]), 1),
        ("witness", "type 06 with a byte more", vkey(W2, b"\x06" + KEY2.public + b"\0"), 1),
        ("witness", "type 04 with the key id of type 01", V1.replace(V1.split("+")[1], VLOG.split("+")[1]), 1),
        ("witness", "type 05", vkey(W1, b"\x05" + ed25519), 13),
        ("witness", "type 255", vkey(W1, b"\xff" + ed25519), 13),
        ("log", "type 05", vkey(W1, b"\x05" + ed25519), 13),
    ):
        yield {"kind": "key", "desc": f"a {role}: {desc}", "role": role, "vkey": text, "exit": code}


# -- cosignatures ------------------------------------------------------------------------------------------------------


def notes() -> Iterator[Item]:
    """Checkpoints with cosignatures."""
    blob = base64.b64decode(cosigned().split(b" ")[-1])
    pq = base64.b64decode(pq_cosigned().split(b" ")[-1])
    other, grown = text_of(7, sha(b"another root")), text_of(8, ROOT)
    all_three, none = [V1, V2, V3], list[str]()
    late = key_id(W1, b"\x04" + bytes(KEY1.verify_key))
    beyond = u64(2**63) + KEY1.sign(b"cosignature/v1\ntime 9223372036854775808\n" + TEXT).signature
    zero = u64(0) + KEY1.sign(b"cosignature/v1\ntime 0\n" + TEXT).signature
    untimed = pq_cosigned(0, PQ_LOG, ORIGIN)
    longest = "n" * 255
    long_key = vkey(longest, b"\x04" + bytes(KEY1.verify_key))
    accepted: tuple[tuple[str, bytes, list[str], list[str], list[int | None]], ...] = (
        ("a cosignature of type 04", SIGNED + cosigned(), [VLOG], all_three, [None, NOW]),
        ("a cosignature of type 06", SIGNED + pq_cosigned(), [VLOG], all_three, [None, NOW]),
        ("three, and before the log", TEXT + b"\n" + cosigned() + pq_cosigned() + signed(TEXT), [VLOG], all_three,
            [NOW, NOW, None]),
        ("the log signs with type 06 and no time", SIGNED + untimed, [VLOG, VLOG2], none, [None, 0]),
        ("the log signs with type 06 and a time", SIGNED + pq_cosigned(NOW, PQ_LOG, ORIGIN), [VLOG, VLOG2], none,
            [None, NOW]),
        ("the first second", SIGNED + cosigned(time=1), [VLOG], all_three, [None, 1]),
        ("the last second", SIGNED + cosigned(time=LATEST), [VLOG], all_three, [None, LATEST]),
        ("a cosigner of 255 bytes", SIGNED + cosigned(name=longest), [VLOG], [long_key], [None, NOW]),
        ("a wrong one of an unknown cosigner", SIGNED + cosigned(other), [VLOG], [V2], [None]),
        ("the known name with an unknown key", SIGNED + cosigned(key=KEY3), [VLOG], [V1], [None]),
        ("99 of unknown cosigners", SIGNED + b"".join(cosigned(name=f"w{n}") for n in range(99)), [VLOG], [V1],
            [None]),
        ("only cosigned", TEXT + b"\n" + cosigned(), [VLOG], [V1], [NOW]),
    )  # fmt: skip
    for desc, data, logs, witnesses, times in accepted:
        yield note_item(desc, data, logs, witnesses, 0, times)
    for desc, data, code in (
        ("100 of unknown cosigners beside the log", SIGNED + b"".join(cosigned(name=f"w{n}") for n in range(100)), 1),
        ("a cosignature twice", SIGNED + cosigned() * 2, 1),
        ("a cosigner at two times", SIGNED + cosigned() + cosigned(time=NOW + 1), 1),
        ("a cosigner of type 06 at two times", SIGNED + pq_cosigned() + pq_cosigned(NOW + 1), 1),
        ("of another root", SIGNED + cosigned(other), 3),
        ("of another size", SIGNED + cosigned(grown), 3),
        ("of another log", SIGNED + cosigned(text_of(7, ROOT, "other.example")), 3),
        ("of the text without its last line feed", SIGNED + cosigned(TEXT[:-1]), 3),
        ("another time than was signed", SIGNED + line(W1, blob[:4] + u64(NOW + 1) + blob[12:]), 3),
        ("a time beyond 63 bits, signed", SIGNED + line(W1, late + beyond), 3),
        ("time 0, signed", SIGNED + line(W1, late + zero), 3),
        ("a time with a zero before it, signed",
            SIGNED + line(W1, blob[:12] + KEY1.sign(f"cosignature/v1\ntime 0{NOW}\n".encode() + TEXT).signature), 3),
        ("a signature as a log makes it", SIGNED + line(W1, blob[:12] + KEY1.sign(TEXT).signature), 3),
        ("a signature as a log makes it, without a time", SIGNED + line(W1, late + KEY1.sign(TEXT).signature), 3),
        ("a byte less", SIGNED + line(W1, blob[:-1]), 3),
        ("a byte more", SIGNED + line(W1, blob + b"\0"), 3),
        ("type 06: of another root", SIGNED + pq_line(u64(NOW) + KEY2.sign(message(NOW, sha(b"another root")))), 3),
        ("type 06: of another size", SIGNED + pq_line(u64(NOW) + KEY2.sign(message(NOW, end=8))), 3),
        ("type 06: of leaves from 4 on", SIGNED + pq_line(u64(0) + KEY2.sign(message(0, start=4))), 3),
        ("type 06: of another log", SIGNED + pq_line(u64(NOW) + KEY2.sign(message(NOW, origin="other.example"))), 3),
        ("type 06: under another name", SIGNED + pq_line(u64(NOW) + KEY2.sign(message(NOW, name=W3))), 3),
        ("type 06: another time than was signed", SIGNED + pq_line(u64(NOW + 1) + pq[12:]), 3),
        ("type 06: time 0 from a witness", SIGNED + pq_cosigned(0), 3),
        ("type 06: a time beyond 63 bits", SIGNED + pq_line(u64(2**63) + KEY2.sign(message(2**63))), 3),
        ("type 06: what type 04 signs", SIGNED + pq_line(
            u64(NOW) + KEY2.sign(f"cosignature/v1\ntime {NOW}\n".encode() + TEXT)), 3),
        ("type 06: a byte less", SIGNED + pq_line(pq[4:-1]), 3),
        ("type 06: a byte more", SIGNED + pq_line(pq[4:] + b"\0"), 3),
    ):  # fmt: skip
        yield note_item(desc, data, [VLOG], [V2 if "type 06" in desc else V1], code)


def note_item(
    desc: str, data: bytes, logs: list[str], witnesses: list[str], code: int, times: list[int | None] | None = None
) -> Item:
    """A vector of the kind `note`."""
    told = {} if times is None else {"times": times}
    return {
        "kind": "note", "desc": desc, "note": data.decode(), "logs": logs, "witnesses": witnesses, **told, "exit": code,
    }  # fmt: skip


def subtrees() -> Iterator[Item]:
    """Signatures of subtrees."""
    good = u64(0) + KEY2.sign(message(0, start=8, end=13))
    whole = u64(0) + KEY2.sign(message(0))
    for desc, start, end, root, signature, code in (
        ("five leaves", 8, 13, ROOT, good, 0),
        ("from the first leaf", 0, 7, ROOT, whole, 0),
        ("another end", 8, 12, ROOT, good, 3),
        ("another start", 0, 13, ROOT, good, 3),
        ("another root", 8, 13, sha(b"another root"), good, 3),
        ("a time, signed", 8, 13, ROOT, u64(NOW) + KEY2.sign(message(NOW, start=8, end=13)), 3),
        ("a byte less", 8, 13, ROOT, good[:-1], 3),
        ("no leaves", 8, 8, ROOT, u64(0) + KEY2.sign(message(0, start=8, end=8)), 1),
        ("no subtree", 4, 13, ROOT, u64(0) + KEY2.sign(message(0, start=4, end=13)), 1),
        ("backwards", 13, 8, ROOT, good, 1),
        ("a root of 31 bytes", 8, 13, ROOT[1:], good, 1),
    ):
        yield {
            "kind": "subtree", "desc": desc, "vkey": V2, "origin": ORIGIN, "start": start, "end": end,
            "root": root.hex(), "signature": signature.hex(), "exit": code,
        }  # fmt: skip


# -- proof files and requests ------------------------------------------------------------------------------------------

LEAVES = [sha(b"\0", bytes([n])) for n in range(8)]


def root_of(leaves: list[bytes]) -> bytes:
    """The root of a tree, by the definition."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return sha(b"\1", root_of(leaves[:half]), root_of(leaves[half:]))


def path_of(index: int, leaves: list[bytes]) -> list[bytes]:
    """An inclusion proof, by the definition."""
    if len(leaves) < 2:
        return []
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    if index < half:
        return [*path_of(index, leaves[:half]), root_of(leaves[half:])]
    return [*path_of(index - half, leaves[half:]), root_of(leaves[:half])]


def head_of(size: int) -> bytes:
    """The checkpoint at a size."""
    text = text_of(size, root_of(LEAVES[:size]))
    return text + b"\n" + signed(text)


def coded(hashes: list[bytes]) -> str:
    """Hashes as lines."""
    return "".join(base64.b64encode(one).decode() + "\n" for one in hashes)


def proof_files() -> Iterator[Item]:
    """Proof files."""
    path, first, note = path_of(5, LEAVES[:7]), "c2sp.org/tlog-proof@v1\n", head_of(7).decode()
    good = f"{first}index 5\n{coded(path)}\n{note}"
    code = base64.b64encode(path[0]).decode()
    for desc, file, leaf, verdict in (
        ("as it should be", good, 5, 0),
        ("a log of one entry", f"{first}index 0\n\n{head_of(1).decode()}", 0, 0),
        ("extra data", good.replace("index", "extra AGV4dHJh\nindex", 1), 5, 0),
        ("a signature more, of an unknown key", good + cosigned().decode(), 5, 0),
        ("another leaf", good, 4, 3),
        ("an index one less", good.replace("index 5", "index 4"), 5, 3),
        ("an index one more", good.replace("index 5", "index 6"), 5, 3),
        ("an index of the size", good.replace("index 5", "index 7"), 5, 3),
        ("the largest index", good.replace("index 5", "index 9007199254740990"), 5, 3),
        ("the checkpoint one entry later", f"{first}index 5\n{coded(path)}\n{head_of(8).decode()}", 5, 3),
        ("the checkpoint of the empty log", f"{first}index 5\n{coded(path)}\n{head_of(0).decode()}", 5, 3),
        ("a hash less", f"{first}index 5\n{coded(path[:-1])}\n{note}", 5, 3),
        ("a hash more", f"{first}index 5\n{coded([*path, bytes(32)])}\n{note}", 5, 3),
        ("hashes swapped", f"{first}index 5\n{coded(path[::-1])}\n{note}", 5, 3),
        ("a root that the log has not signed", good.replace(
            base64.b64encode(root_of(LEAVES[:7])).decode(), base64.b64encode(root_of(LEAVES)).decode()), 5, 3),
        ("no signature of the log", good.replace(signed(text_of(7, root_of(LEAVES[:7]))).decode(), cosigned().decode()),
            5, 3),
        ("63 hashes", f"{first}index 5\n{coded([bytes(32)] * 63)}\n{note}", 5, 3),
        ("64 hashes", f"{first}index 5\n{coded([bytes(32)] * 64)}\n{note}", 5, 1),
        ("a hash of 31 bytes", good.replace(code, base64.b64encode(bytes(31)).decode()), 5, 1),
        ("a hash without padding", good.replace(code, code[:-1]), 5, 1),
        ("a hash with a space after it", good.replace(code, code + " "), 5, 1),
        ("another version", good.replace("@v1", "@v2"), 5, 1),
        ("no first line", good.removeprefix(first), 5, 1),
        ("no index", good.replace("index 5\n", ""), 5, 1),
        ("an index without its word", good.replace("index 5\n", "5\n"), 5, 1),
        ("nothing but the first line", f"{first}\n{note}", 5, 1),
        ("two indices", good.replace("index 5\n", "index 5\nindex 5\n"), 5, 1),
        ("an index with a zero before it", good.replace("index 5", "index 05"), 5, 1),
        ("an index with a sign", good.replace("index 5", "index +5"), 5, 1),
        ("an index in other digits", good.replace("index 5", "index \u0665"), 5, 1),
        ("an index of 2^53 - 1", good.replace("index 5", "index 9007199254740991"), 5, 1),
        ("extra data after the index", good.replace("index 5\n", "index 5\nextra AGV4dHJh\n"), 5, 1),
        ("extra data of no bytes", good.replace("index", "extra \nindex", 1), 5, 1),
        ("extra data that is no base64", good.replace("index", "extra AGV4dHJ\nindex", 1), 5, 1),
        ("two empty lines", good.replace("\n\n", "\n\n\n", 1), 5, 1),
        ("no empty line", good.split("\n\n", maxsplit=1)[0] + "\n", 5, 1),
        ("no checkpoint", good.split("\n\n", maxsplit=1)[0] + "\n\n", 5, 1),
        ("CR LF", good.replace("\n", "\r\n"), 5, 1),
        ("nothing", "", 5, 1),
    ):  # fmt: skip
        yield {
            "kind": "proof", "desc": desc, "file": file, "leaf": LEAVES[leaf].hex(), "origin": ORIGIN, "vkey": VLOG,
            "exit": verdict,
        }  # fmt: skip


def requests() -> Iterator[Item]:
    """Bodies of add-checkpoint."""
    hashes = [sha(bytes([n])) for n in range(3)]
    note = head_of(8).decode()
    good = f"old 7\n{coded(hashes)}\n{note}"
    code = base64.b64encode(hashes[0]).decode()
    for desc, body, old, proof in (
        ("as it should be", good, 7, hashes),
        ("the first one", f"old 0\n\n{note}", 0, []),
        ("the largest size", f"old 9007199254740991\n\n{note}", 2**53 - 1, []),
        ("63 hashes", f"old 7\n{coded([bytes(32)] * 63)}\n{note}", 7, [bytes(32)] * 63),
    ):
        said = {"old": old, "proof": [one.hex() for one in proof]}
        yield {"kind": "add-checkpoint", "desc": desc, "body": body, **said, "exit": 0}
    for desc, body in (
        ("64 hashes", f"old 7\n{coded([bytes(32)] * 64)}\n{note}"),
        ("a size of 2^53", good.replace("old 7", "old 9007199254740992")),
        ("a size with a zero before it", good.replace("old 7", "old 07")),
        ("a size with a sign", good.replace("old 7", "old +7")),
        ("a size in other digits", good.replace("old 7", "old \u0667")),
        ("no size", good.replace("old 7\n", "")),
        ("a size without its word", good.replace("old 7\n", "7\n")),
        ("two sizes", "old 7\n" + good),
        ("two spaces", good.replace("old 7", "old  7")),
        ("a space at the end", good.replace("old 7", "old 7 ")),
        ("a hash of 33 bytes", good.replace(code, base64.b64encode(bytes(33)).decode())),
        ("a hash without padding", good.replace(code, code[:-1])),
        ("two empty lines", good.replace("\n\n", "\n\n\n", 1)),
        ("no empty line", good.split("\n\n", maxsplit=1)[0] + "\n"),
        ("no checkpoint", good.split("\n\n", maxsplit=1)[0] + "\n\n"),
        ("CR LF", good.replace("\n", "\r\n")),
        ("nothing", ""),
    ):
        yield {"kind": "add-checkpoint", "desc": desc, "body": body, "exit": 1}


def render() -> str:
    """Return the file: one vector a line."""
    return one_a_line([*keys(), *notes(), *subtrees(), *policies(), *quorums(), *proof_files(), *requests()])


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    return write_or_check(TARGET, render, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
