"""Asking witnesses: good ones answer, and no bad one stops, delays or fools the log that asks."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from creditledger.errors import StoreError, VerificationFailed
from creditledger.keys.ed25519 import SigningKey
from creditledger.tlog.add_checkpoint import SIZE_TYPE, AddCheckpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner
from creditledger.tlog.note import NoteSigner, Signature, open_note, sign_note
from creditledger.tlog.policy import Witness
from creditledger.witness.asking import Asked, ask
from witness.loopback import Liar, answer, lying, served
from witness.toylog import MLDSA_SEED, NAME, NOW, ORIGIN, SEED, Bench, ToyLog, bench

LOG = ToyLog()
OTHER = ToyLog(branch="other")
SIZE = 13
OWN = CosignatureSigner(NAME, SEED, lambda: NOW)
OWN_MLDSA = MlDsaSigner(NAME, MLDSA_SEED, lambda: NOW)
SIZES = "409 Conflict"


def asked(witnesses: Sequence[Witness], log: ToyLog = LOG, size: int = SIZE, **options: Any) -> list[Asked]:
    given: dict[str, Any] = {"prove": log.prove, "known": {}, "now": lambda: NOW, "timeout": 3.0}
    return ask(witnesses, log.checkpoint(size), log_verifiers=log.verifiers, **(given | options))


def one(url: str, **options: Any) -> Asked:
    """What comes of asking the witness at this URL alone."""
    (found,) = asked([Witness("w", OWN.verifier.vkey, url)], **options)
    return found


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[tuple[Bench, str]]:
    """An honest witness with both kinds of keys, and its URL."""
    with bench(tmp_path, seed=SEED, mldsa_seed=MLDSA_SEED) as found, served(found.application) as url:
        yield found, url


def test_a_new_witness_cosigns(witness: tuple[Bench, str]) -> None:
    found = one(witness[1])
    assert (found.problem, found.size, found.proof_of_size) == ("", 0, None)
    open_note(sign_note(LOG.head(SIZE).to_bytes(), LOG.signer) + found.signatures[0].to_bytes(), [OWN.verifier])


@pytest.mark.parametrize("known", [{}, {"w": 5}, {"w": 3}, {"w": 12}, {"w": 10**15}])
def test_a_witness_that_is_behind_is_brought_up_from_where_it_is(
    witness: tuple[Bench, str], known: dict[str, int]
) -> None:
    witness[0].add(LOG.request(0, 5))
    found = one(witness[1], known=known)
    assert (found.problem, found.size, len(found.signatures)) == ("", 5, 1)


def test_asking_again_gets_a_new_cosignature(witness: tuple[Bench, str]) -> None:
    one(witness[1])
    witness[0].clock.now = NOW + 60
    again = one(witness[1], known={"w": SIZE})
    assert (again.problem, again.size) == ("", SIZE)
    assert again.signatures[0].signature[:8] == (NOW + 60).to_bytes(8, "big")


def test_two_keys_of_one_service_are_asked_for_once(witness: tuple[Bench, str]) -> None:
    keys = [("ed", OWN.verifier.vkey), ("pq", OWN_MLDSA.verifier.vkey)]
    found = asked([Witness(name, vkey, witness[1]) for name, vkey in keys])
    assert [(each.problem, len(each.signatures)) for each in found] == [("", 1), ("", 1)]
    assert len(witness[0].logged) == 1


def test_a_witness_that_has_seen_more_shows_it(witness: tuple[Bench, str]) -> None:
    witness[0].add(LOG.request(0, 20))
    found = one(witness[1])
    assert found.signatures == ()
    assert found.size == 20
    assert found.proof_of_size is not None
    assert open_note(found.proof_of_size, LOG.verifiers).text == LOG.head(20).to_bytes()
    assert "20" in found.problem


def test_a_witness_that_was_shown_another_history_says_so_and_shows_it(witness: tuple[Bench, str]) -> None:
    witness[0].add(OTHER.request(0, 7))
    found = one(witness[1])
    assert (found.signatures, found.size) == ((), 7)
    assert "contradicts" in found.problem
    assert found.proof_of_size is not None
    assert open_note(found.proof_of_size, LOG.verifiers).text == OTHER.head(7).to_bytes()


def test_a_witness_without_a_url_is_not_asked() -> None:
    (found,) = asked([Witness("w", OWN.verifier.vkey, None)])
    assert "where this witness is reached" in found.problem


def test_what_the_log_has_not_signed_is_not_shown_to_anybody() -> None:
    thief = NoteSigner(ORIGIN, sha256(b"thief").digest())
    with lying(lambda *_: None) as liar:
        with pytest.raises(VerificationFailed):
            ask(
                [Witness("w", OWN.verifier.vkey, liar.url)], LOG.checkpoint(SIZE, thief), log_verifiers=LOG.verifiers,
                prove=LOG.prove, known={},
            )  # fmt: skip
        assert liar.requests == []


def test_a_log_that_cannot_prove_is_told_so_after_all_were_asked(witness: tuple[Bench, str], tmp_path: Path) -> None:
    witness[0].add(LOG.request(0, 5))

    def prove(_old: int, _new: int) -> list[bytes]:
        raise StoreError("the tiles cannot be read")

    with pytest.raises(StoreError, match="tiles"):
        one(witness[1], prove=prove)


# --- Witnesses that lie ------------------------------------------------------------------------------------------


def says(*answers: bytes) -> Callable[[Liar, socket.socket, bytes, bytes], None]:
    """Gives these answers, one for each request, the last one for ever."""

    def behave(liar: Liar, connection: socket.socket, _first: bytes, _body: bytes) -> None:
        connection.sendall(answers[min(len(liar.requests), len(answers)) - 1])

    return behave


def assert_nothing_came_of(
    behaviour: Callable[[Liar, socket.socket, bytes, bytes], None], *words: str, timeout: float = 10.0
) -> Asked:
    """No signature and no proof comes of this, and the reason is given in these words."""
    with lying(behaviour) as liar:
        found = one(liar.url, timeout=timeout)
    assert (found.signatures, found.proof_of_size) == ((), None)
    assert all(word in found.problem for word in words), found.problem
    return found


def line_over(head: bytes, time_signed: int = NOW, seed: bytes = SEED) -> bytes:
    return CosignatureSigner(NAME, seed, lambda: time_signed).sign(head).to_bytes()


TEXT = LOG.head(SIZE).to_bytes()
GOOD = line_over(TEXT)


def test_the_control_a_good_line_is_taken() -> None:
    with lying(says(answer("200 OK", GOOD))) as liar:
        assert one(liar.url).problem == ""


def test_lines_of_strangers_beside_it_are_left_out() -> None:
    strangers = [NoteSigner(f"s.example/{n}", sha256(b"%d" % n).digest()).sign(TEXT).to_bytes() for n in range(30)]
    with lying(says(answer("200 OK", b"".join([*strangers[:9], GOOD, *strangers[9:]])))) as liar:
        found = one(liar.url)
    assert [each.to_bytes() for each in found.signatures] == [GOOD]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "line feed"),
        (b"\n", "line feed"),
        (b"\xff\xfe garbage", "line feed"),
        (b"\xff\xfe garbage\n", "UTF-8"),
        (GOOD[:-1], "line feed"),
        (line_over(LOG.head(12).to_bytes()), "not one of this text"),
        (line_over(OTHER.head(SIZE).to_bytes()), "not one of this text"),
        (line_over(TEXT, seed=bytes(32)), "not signed by a known key"),
        (NoteSigner(NAME, SEED).sign(TEXT).to_bytes(), "not signed by a known key"),
        (GOOD + GOOD, "more than one"),
        (GOOD + line_over(LOG.head(12).to_bytes()), "more than one"),
        (LOG.signer.sign(TEXT).to_bytes(), "not signed by a known key"),
        (line_over(TEXT, NOW + 121), "clocks"),
        (line_over(TEXT, NOW - 121), "clocks"),
        (line_over(TEXT, 2**62), "clocks"),
        (line_over(TEXT, 1), "clocks"),
        ("— s.example/x AAAAAAAA\n".encode() * 101, "at most 100"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[-20:]),
)
def test_a_cosignature_that_is_not_of_this_checkpoint_and_time_is_refused(body: bytes, word: str) -> None:
    assert_nothing_came_of(says(answer("200 OK", body)), word)


def test_a_cosignature_at_the_edge_of_the_time_allowed_is_taken() -> None:
    for edge in (NOW - 120, NOW + 120):
        with lying(says(answer("200 OK", line_over(TEXT, edge)))) as liar:
            assert one(liar.url).problem == ""


def test_a_cosignature_of_a_longer_text_is_refused() -> None:
    """With an empty line in its answer, the witness would make what it signed the text: all that stands before it."""
    inner = "— s.example/x AAAAAAAA\n".encode()
    longer = TEXT + b"\n" + inner
    raw = NOW.to_bytes(8, "big") + SigningKey(SEED).sign(b"cosignature/v1\ntime %d\n" % NOW + longer)
    line = Signature(NAME, OWN.verifier.key_id, raw).to_bytes()
    assert_nothing_came_of(says(answer("200 OK", inner + b"\n" + line)), "another note")


@pytest.mark.parametrize(
    ("body", "kind", "word"),
    [
        (b"5", SIZE_TYPE, "line feed"),
        (b"-5\n", SIZE_TYPE, "decimal"),
        (b"05\n", SIZE_TYPE, "decimal"),
        (b"5\n5\n", SIZE_TYPE, "decimal"),
        (b"five\n", SIZE_TYPE, "decimal"),
        (b"", SIZE_TYPE, "line feed"),
        (b"9" * 60_000 + b"\n", SIZE_TYPE, "bytes"),
        (b"9" * 17 + b"\n", SIZE_TYPE, "bytes"),
        (b"%d\n" % 2**53, SIZE_TYPE, "at most"),
        (b"5\n", "text/plain", "instead of"),
        (b"5\n", "text/html; charset=utf-8", "instead of"),
        (b"5\n", "x" * 60_000, "instead of"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_a_size_that_is_none_is_refused(body: bytes, kind: str, word: str) -> None:
    assert_nothing_came_of(says(answer(SIZES, body, kind)), word)


def test_a_witness_that_names_ever_other_sizes_is_given_up() -> None:
    answers = [answer(SIZES, b"%d\n" % size, SIZE_TYPE) for size in (3, 4, 5, 6, 7, 8, 9)]
    with lying(says(*answers)) as liar:
        assert "times" in one(liar.url).problem
        assert len(liar.requests) == 4


def test_a_witness_that_names_the_size_it_was_asked_from_is_given_up() -> None:
    found = assert_nothing_came_of(says(answer(SIZES, b"5\n", SIZE_TYPE)), "very size, 5")
    assert found.size == 5


def test_a_huge_size_is_told_and_proved_by_nothing() -> None:
    """Whatever stands at the monitoring path but a larger checkpoint of this very log, signed by it, is no proof."""
    stranger, thief = ToyLog("log.example/stranger"), NoteSigner(ORIGIN, sha256(b"thief").digest())
    for shown in (
        answer("404 Not Found"),
        answer("200 OK", b"garbage"),
        answer("200 OK", LOG.checkpoint(SIZE)),
        answer("200 OK", LOG.checkpoint(3)),
        answer("200 OK", LOG.checkpoint(20, thief)),
        answer("200 OK", sign_note(LOG.head(20).to_bytes(), OWN)),
        answer("200 OK", stranger.checkpoint(20)),
        answer("302 Found", b"", "text/plain", "Location: http://127.0.0.1:9/"),
        b"",
    ):
        found = assert_nothing_came_of(says(answer(SIZES, b"%d\n" % 2**52, SIZE_TYPE), shown), str(2**52))
        assert found.size == 2**52


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "500 Oops", "503 Busy"])
def test_a_refusal_is_told_in_words(status: str) -> None:
    found = assert_nothing_came_of(says(answer(status, b"because \x1b[31m of \xff\n")), status[:3], "because")
    assert found.problem.isprintable()


def test_no_redirect_is_followed() -> None:
    with lying(says(answer("200 OK", GOOD))) as target:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            assert_nothing_came_of(says(answer(status, b"", "text/plain", f"Location: {target.url}/")), status[:3])
        assert target.requests == []


def test_an_answer_that_is_no_http_is_refused() -> None:
    for data in (
        b"",
        b"\0" * 1000,
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"\r\n" * 9,
        b"\x1b]0;owned\x07\x1b[5m\xc2\x9b31m\r\n\r\n",
        b"HTTP/1.1 \x1b[5m \xc2\x9b\r\nX\x1b: \x1b[0m\r\n\r\n",
        answer("409 Conflict", b"\x1b[5m\n", "text/\x1b[5mplain"),
        answer("409 Conflict", b"\x1b[5m\nnote: \xc2\x9b\n", SIZE_TYPE),
        answer("200 OK", b"\x1b[5m\nnote: \xc2\x9b\n"),
    ):
        assert assert_nothing_came_of(says(data)).problem.isprintable()


def test_headers_and_bodies_without_end_are_cut_off() -> None:
    def endless(start: bytes, more: bytes) -> Callable[[Liar, socket.socket, bytes, bytes], None]:
        def behave(liar: Liar, connection: socket.socket, _first: bytes, _body: bytes) -> None:
            connection.sendall(start)
            while not liar.over.is_set():
                connection.sendall(more)

        return behave

    assert_nothing_came_of(endless(b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60_000 + b"\r\n"))
    assert_nothing_came_of(endless(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65_536))
    assert_nothing_came_of(endless(b"HTTP/1.1 200 OK\r\n\r\n", GOOD * 100))
    assert_nothing_came_of(
        endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"y" * 65_535 + b"\r\n")
    )
    assert_nothing_came_of(says(answer("200 OK", GOOD * 1000)))
    assert_nothing_came_of(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + GOOD))


def test_a_witness_that_stalls_or_drips_costs_the_time_allowed_and_no_more() -> None:
    def stall(liar: Liar, connection: socket.socket, _first: bytes, _body: bytes) -> None:
        liar.over.wait(20)

    def drip(liar: Liar, connection: socket.socket, _first: bytes, _body: bytes) -> None:
        for byte in answer("200 OK", GOOD):
            connection.sendall(bytes([byte]))
            if liar.over.wait(0.1):
                return

    begun = time.monotonic()
    assert_nothing_came_of(stall, "within", timeout=1.0)
    assert_nothing_came_of(drip, timeout=1.0)
    assert time.monotonic() - begun < 15  # Less than the 20 s that the one stalls, and the 17 s that the other drips.


def test_bad_witnesses_do_not_hold_up_good_ones(witness: tuple[Bench, str]) -> None:
    def stall(liar: Liar, _connection: socket.socket, _first: bytes, _body: bytes) -> None:
        liar.over.wait(20)

    with lying(stall) as first, lying(says(b"garbage")) as second:
        bad = [CosignatureSigner(f"bad.example/{n}", sha256(b"bad %d" % n).digest(), lambda: NOW) for n in range(3)]
        urls = [first.url, second.url, "http://127.0.0.1:9"]
        several = [Witness(f"bad{n}", signer.verifier.vkey, urls[n]) for n, signer in enumerate(bad)]
        found = asked([*several[:2], Witness("good", OWN.verifier.vkey, witness[1]), several[2]], timeout=2.0)
    assert [each.witness.name for each in found] == ["bad0", "bad1", "good", "bad2"]
    assert [bool(each.signatures) for each in found] == [False, False, True, False]
    assert [bool(each.problem) for each in found] == [True, True, False, True]


def test_a_witness_that_others_move_on_meanwhile_is_asked_again(tmp_path: Path) -> None:
    """Between the size that it told and the next request, somebody else brought it further; as happens in earnest."""
    with bench(tmp_path) as honest:
        steps = iter([(0, 3), (3, 5), (5, 8)])

        def race(liar: Liar, connection: socket.socket, first: bytes, body: bytes) -> None:
            if step := next(steps, None):
                assert honest.add(LOG.request(*step)).status == 200
            found = honest.add(body)
            status = {200: "200 OK", 409: SIZES}[found.status]
            connection.sendall(answer(status, found.body, found.headers["content-type"]))

        with lying(race) as liar:
            found = one(liar.url)
    assert (found.problem, found.size) == ("", 8)


def test_proofs_are_asked_for_by_one_thread_at_a_time(tmp_path: Path) -> None:
    inside = threading.Semaphore(1)

    def prove(old: int, new: int) -> list[bytes]:
        assert inside.acquire(blocking=False), "two threads at once"
        time.sleep(0.02)
        inside.release()
        return LOG.prove(old, new)

    with lying(says(answer(SIZES, b"5\n", SIZE_TYPE))) as liar:
        several = [Witness(f"w{n}", OWN.verifier.vkey, f"{liar.url}/{n}") for n in range(5)]
        assert {each.size for each in asked(several, prove=prove)} == {5}


def test_the_requests_are_those_of_the_protocol() -> None:
    seen: list[bytes] = []

    def note(_liar: Liar, connection: socket.socket, _first: bytes, body: bytes) -> None:
        seen.append(body)
        connection.sendall(answer(SIZES, b"5\n", SIZE_TYPE) if len(seen) == 1 else answer("200 OK", GOOD))

    with lying(note) as liar:
        assert one(f"{liar.url}/w1/").problem == ""
        assert set(liar.requests) == {b"POST /w1/add-checkpoint HTTP/1.1"}
    assert [AddCheckpoint.from_bytes(body)[:2] for body in seen] == [(0, ()), (5, tuple(LOG.prove(5, SIZE)))]
