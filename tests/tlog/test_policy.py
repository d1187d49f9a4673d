"""Policies: the syntax of c2sp.org/tlog-policy, what it forbids, and quorums against a naive evaluator."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import CannotVerify, FormatError, LedgerError, UnsupportedError, VerificationFailed
from creditledger.tlog import policy as module
from creditledger.tlog.checkpoint import Checkpoint
from creditledger.tlog.cosignature import CosignatureSigner, MlDsaSigner, MlDsaVerifier
from creditledger.tlog.note import NoteSigner, Signature, format_vkey, open_note, sign_note
from creditledger.tlog.policy import Group, Policy, PolicyLog, Witness

TEXT = Checkpoint("log.example", 7, bytes(32)).to_bytes()


def seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


def cosigner(number: int, name: str = "") -> CosignatureSigner:
    return CosignatureSigner(name or f"w{number}.example", seed(number), lambda: 1)


SIGNERS = [cosigner(number) for number in range(70)]
VKEYS = [signer.verifier.vkey for signer in SIGNERS]
SIGNATURES = [signer.sign(TEXT) for signer in SIGNERS]
LOG = NoteSigner("log.example", seed(99)).verifier.vkey
QUANTUM = MlDsaSigner("log.example", seed(98), lambda: 0).verifier.vkey
A, B, C = VKEYS[:3]


def read(text: str) -> Policy:
    return Policy.from_bytes(text.encode())


def named(count: int) -> str:
    return "".join(f"witness w{number} {VKEYS[number]}\n" for number in range(count))


def met(policy: Policy, *signed: int) -> bool:
    try:
        policy.require([SIGNATURES[number] for number in signed])
    except CannotVerify:
        return False
    return True


# -- syntax ------------------------------------------------------------------------------------------------------------

EXAMPLE = f"""\
# Logs and witnesses may come in any order.
witness X1 {VKEYS[1]}
log {LOG}
witness X2 {VKEYS[2]} https://x2.example/submit
witness X3 {VKEYS[3]}
group X-witnesses 2 X1 X2 X3

\t witness\tY1   {VKEYS[4]}\t \t
witness Y2 {VKEYS[5]}
witness Y3 {VKEYS[6]}
group Y-witnesses any Y1 Y2 Y3
 \t# a comment that is indented
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
log {QUANTUM} https://log.example/
"""


def test_a_policy_of_two_levels_is_read() -> None:
    policy = read(EXAMPLE)
    assert policy.logs == (PolicyLog(LOG), PolicyLog(QUANTUM, "https://log.example/"))
    assert [witness.name for witness in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.witnesses[1] == Witness("X2", VKEYS[2], "https://x2.example/submit")
    assert policy.groups == (
        Group("X-witnesses", 2, ("X1", "X2", "X3")),
        Group("Y-witnesses", 1, ("Y1", "Y2", "Y3")),
        Group("X-and-Y", 2, ("X-witnesses", "Y-witnesses")),
    )
    assert (policy.quorum, policy.is_none) == ("X-and-Y", False)
    assert met(policy, 1, 2, 4)
    assert met(policy, 1, 2, 3, 4, 5, 6)
    assert not met(policy, 1, 2, 3)
    assert not met(policy, 1, 4, 5, 6)
    assert not met(policy)


def test_a_policy_is_written_and_read_back() -> None:
    policy = read(EXAMPLE)
    assert read(policy.to_text()) == policy
    bare = policy.without_urls()
    assert "https" not in bare.to_text()
    assert (bare.groups, bare.quorum) == (policy.groups, policy.quorum)
    assert bare.verifiers() == policy.verifiers()


def test_the_smallest_policies() -> None:
    none = read("quorum none\n")
    assert none == Policy()
    assert none.is_none
    none.require([])
    assert none.verifiers() == ()
    assert not read(f"witness w {A}\nquorum w\n").is_none
    assert read(f"witness w {A}\nquorum none\n").is_none


def test_names_have_no_meaning_and_few_bounds() -> None:
    odd = ["all", "any", "1", "quorum", "log", "#x", "a+b", "None", "x" * 255, "=", '"', "\\", "w/1", "№1"]
    lines = [f"witness {name} {VKEYS[number]}\n" for number, name in enumerate(odd)]
    policy = read("".join(lines) + f"group none-of-them all {' '.join(odd)}\nquorum none-of-them\n")
    assert policy.groups[0].members == tuple(odd)
    assert read(policy.to_text()) == policy


def test_names_are_octets_and_no_two_that_look_alike_are_one() -> None:
    kelvin, letter = "\u212a", "K"
    composed, decomposed = "\u00e9", "e\u0301"
    text = "".join(
        f"witness {name} {VKEYS[number]}\n" for number, name in enumerate((kelvin, letter, composed, decomposed))
    )
    policy = read(text + f"quorum {letter}\n")
    assert met(policy, 1)
    assert not met(policy, 0, 2, 3)


def test_a_policy_that_is_not_utf_8_is_read_and_octets_stay_apart() -> None:
    data = (
        b"# caf\xe9\nwitness \xff " + A.encode() + b" http://\xe9/\nwitness \xc3\xbf " + B.encode()
        + b"\ngroup g all \xff \xc3\xbf\nquorum g\n"
    )  # fmt: skip
    policy = Policy.from_bytes(data)
    assert len({witness.name for witness in policy.witnesses}) == 2
    assert read(policy.to_text()) == policy
    assert met(policy, 0, 1)
    assert not met(policy, 0)


def test_a_key_is_utf_8_even_where_the_policy_is_not() -> None:
    vkey = cosigner(3, "caf\u00e9.example").verifier.vkey
    policy = Policy.from_bytes(b"# \xff\nwitness w " + vkey.encode() + b"\nquorum w\n")
    assert policy.verifiers()[0].name == "caf\u00e9.example"


BAD = {
    "empty": b"",
    "only-a-comment": b"# quorum none\n",
    "no-quorum": named(1).encode(),
    "two-quorums": b"quorum none\nquorum none\n",
    "two-different-quorums": f"{named(2)}quorum w0\nquorum w1\n".encode(),
    "quorum-without-a-name": b"quorum\n",
    "quorum-of-two": f"{named(2)}quorum w0 w1\n".encode(),
    "quorum-not-defined": b"quorum w0\n",
    "quorum-defined-later": f"quorum w0\n{named(1)}".encode(),
    "quorum-named-by-its-key": f"witness w {A}\nquorum {A}\n".encode(),
    "quorum-in-capitals": b"QUORUM none\n",
    "quorum-of-capital-none": b"quorum NONE\n",
    "unknown-keyword": b"policy v1\nquorum none\n",
    "last-line-does-not-end": b"quorum none",
    "last-line-cut-off": f"{named(11)}quorum w1".encode(),
    "carriage-returns": b"quorum none\r\n",
    "form-feed-between": b"quorum\x0cnone\n",
    "vertical-tab-between": b"quorum\x0bnone\n",
    "nul": b"quorum none\n\0",
    "delete": b"# \x7f\nquorum none\n",
    "escape-in-a-comment": b"# \x1b[2J\nquorum none\n",
    "byte-order-mark": b"\xef\xbb\xbfquorum none\n",
    "no-break-space-between": "quorum\u00a0none\n".encode(),
    "next-line-between": b"quorum none\x85quorum none\n",
    "comment-after-a-line": b"quorum none # here\n",
    "witness-without-key": b"witness w\nquorum w\n",
    "witness-without-name": f"witness {A}\nquorum none\n".encode(),
    "witness-with-two-urls": f"witness w {A} http://a http://b\nquorum w\n".encode(),
    "witness-called-none": f"witness none {A}\nquorum none\n".encode(),
    "witness-name-of-256": f"witness {'x' * 256} {A}\nquorum none\n".encode(),
    "witness-twice": f"witness w {A}\nwitness w {A}\nquorum w\n".encode(),
    "witness-name-twice": f"witness w {A}\nwitness w {B}\nquorum w\n".encode(),
    "witness-key-twice": f"witness w {A}\nwitness v {A}\nquorum w\n".encode(),
    "witness-key-under-another-name": (
        f"witness w {A}\nwitness v {cosigner(0, 'other').verifier.vkey}\nquorum w\n".encode()
    ),
    "witness-with-a-log-key": f"witness w {LOG}\nquorum w\n".encode(),
    "witness-with-a-damaged-key": f"witness w {A[:-1]}\nquorum w\n".encode(),
    "witness-with-a-url-that-is-long": f"witness w {A} {'u' * 2049}\nquorum w\n".encode(),
    "key-that-is-not-utf-8": b"witness w \xff+a0059f11+BAOh\nquorum w\n",
    "log-without-key": b"log\nquorum none\n",
    "log-with-two-urls": f"log {LOG} a b\nquorum none\n".encode(),
    "log-with-a-witness-key": f"log {A}\nquorum none\n".encode(),
    "log-twice": f"log {LOG}\nlog {LOG}\nquorum none\n".encode(),
    "log-key-under-another-name": (
        f"log {LOG}\nlog {NoteSigner('other', seed(99)).verifier.vkey}\nquorum none\n".encode()
    ),
    "log-that-is-its-own-witness": f"log {QUANTUM}\nwitness w {QUANTUM}\nquorum w\n".encode(),
    "group-without-members": f"{named(1)}group g all\nquorum w0\n".encode(),
    "group-without-threshold": f"{named(2)}group g w0 w1\nquorum g\n".encode(),
    "group-of-0": f"{named(2)}group g 0 w0 w1\nquorum g\n".encode(),
    "group-of-3-of-2": f"{named(2)}group g 3 w0 w1\nquorum g\n".encode(),
    "group-of-minus-1": f"{named(2)}group g -1 w0 w1\nquorum g\n".encode(),
    "group-of-plus-1": f"{named(2)}group g +1 w0 w1\nquorum g\n".encode(),
    "group-of-01": f"{named(2)}group g 01 w0 w1\nquorum g\n".encode(),
    "group-of-1.0": f"{named(2)}group g 1.0 w0 w1\nquorum g\n".encode(),
    "group-of-1_0": f"{named(12)}group g 1_0 {' '.join(f'w{n}' for n in range(12))}\nquorum g\n".encode(),
    "group-of-an-endless-number": f"{named(2)}group g {'9' * 5000} w0 w1\nquorum g\n".encode(),
    "group-of-other-digits": f"{named(2)}group g \u0661 w0 w1\nquorum g\n".encode(),
    "group-of-ALL": f"{named(2)}group g ALL w0 w1\nquorum g\n".encode(),
    "group-called-none": f"{named(2)}group none any w0 w1\nquorum none\n".encode(),
    "group-called-as-a-witness": f"{named(2)}group w0 any w0 w1\nquorum w0\n".encode(),
    "group-twice": f"{named(2)}group g any w0\ngroup g any w1\nquorum g\n".encode(),
    "group-of-none": f"{named(1)}group g any w0 none\nquorum g\n".encode(),
    "group-of-itself": f"{named(1)}group g any w0 g\nquorum g\n".encode(),
    "group-of-a-later-group": f"{named(2)}group g any h\ngroup h any w0\nquorum g\n".encode(),
    "group-of-a-later-witness": f"{named(1)}group g any w0 w1\nwitness w1 {B}\nquorum g\n".encode(),
    "groups-in-a-circle": f"{named(2)}group g any w0 h\ngroup h any w1 g\nquorum g\n".encode(),
    "member-twice": f"{named(2)}group g 2 w0 w0\nquorum g\n".encode(),
    "member-of-two-groups": f"{named(2)}group g any w0\ngroup h any w0 w1\nquorum h\n".encode(),
    "group-that-is-a-member-of-two": (
        f"{named(3)}group g any w0\ngroup h all g w1\ngroup i all g w2\ngroup j all h i\nquorum j\n".encode()
    ),
    "too-large": b"#" * module.MAX_POLICY_BYTES + b"\nquorum none\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_policy_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        Policy.from_bytes(data)
    assert not isinstance(caught.value, UnsupportedError)
    assert len(str(caught.value)) < 700
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "line",
    [
        f"witness none {A}",
        f"witness w {A} {'u' * 2049}",
        f"witness w {A[:-1]}",
        "group g any w",
        "quorum w",
        f"log {A}",
    ],
)
def test_the_message_names_the_line(line: str) -> None:
    with pytest.raises(FormatError, match=r"^line 3 of the policy: "):
        read(f"\n# x\n{line}\nquorum none\n")


def test_two_keys_of_one_name_and_key_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two such keys take some 2^32 trials to find, so the key ids are made alike here.
    keys = [cosigner(number, "same.example").verifier.vkey for number in (1, 2)]
    text = f"witness a {keys[0]}\nwitness b {keys[1]}\nquorum a\n"
    read(text)
    monkeypatch.setattr(module, "key_id", lambda *_: b"same")
    with pytest.raises(FormatError, match=r"same\.example"):
        read(text)


@pytest.mark.parametrize("line", ["log {}", "witness v {}"])
def test_a_key_of_an_unknown_type_is_told_of_last(line: str) -> None:
    text = line.format(format_vkey("v.example", 2, bytes(64))) + "\n"
    with pytest.raises(UnsupportedError, match="type 02"):
        read(f"{text}{named(1)}quorum w0\n")
    for malformed in ("quorum", "witness none x", f"witness w1 {A}"):
        with pytest.raises(FormatError) as caught:
            read(f"{text}{named(1)}{malformed}\nquorum w0\n")
        assert not isinstance(caught.value, UnsupportedError)


def test_what_must_be_supported_is_and_no_more_than_the_bounds() -> None:
    def large(logs: int, witnesses: int, groups: int) -> str:
        lines = [f"log {NoteSigner(f'l{n}', seed(200 + n)).verifier.vkey} https://l{n}.example\n" for n in range(logs)]
        lines.append(named(witnesses))
        lines += [f"group g{n} any {'w0' if n == 0 else f'g{n - 1}'}\n" for n in range(groups)]
        return "".join(lines) + f"quorum g{groups - 1}\n"

    for count in (32, 64):
        policy = read(large(count, count, count))
        assert met(policy, 0)
        assert not met(policy, *range(1, count))
        assert read(policy.to_text()) == policy
    for length in (1, 2048):
        assert read(f"witness w {A} {'u' * length}\nquorum w\n").witnesses[0].url == "u" * length
    for counts in ((65, 64, 64), (64, 65, 64), (64, 64, 65)):
        with pytest.raises(FormatError, match="at most 64"):
            read(large(*counts))


def test_the_longest_chain_of_groups_says_what_is_missing_in_a_few_lines() -> None:
    lines = [f"group g{n} any {'w0' if n == 0 else f'g{n - 1}'}\n" for n in range(64)]
    policy = read(named(64) + "".join(lines) + "quorum g63\n")
    with pytest.raises(CannotVerify) as caught:
        policy.require(SIGNATURES[1:64])
    assert "cosigned by 'w1', 'w2'" in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Policy(quorum="w"), id="quorum-not-defined"),
        pytest.param(lambda: Policy(witnesses=(Witness("a b", A),)), id="name-with-a-space"),
        pytest.param(lambda: Policy(witnesses=(Witness("", A),)), id="no-name"),
        pytest.param(lambda: Policy(witnesses=(Witness("\ud800", A),)), id="half-a-character"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A, "http://a b"),)), id="url-with-a-space"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A, ""),)), id="empty-url"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A, "\udfff"),)), id="half-a-character-in-a-url"),
        pytest.param(lambda: Policy(logs=(PolicyLog(LOG, "x\nquorum none"),)), id="line-feed-in-a-url"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A), Witness("w", B))), id="name-twice"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A), Witness("v", A))), id="key-twice"),
        pytest.param(lambda: Policy(groups=(Group("g", 1, ()),)), id="empty-group"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A),), groups=(Group("g", 2, ("w",)),)), id="2-of-1"),
        pytest.param(lambda: Policy(witnesses=(Witness("w", A),), groups=(Group("g", 0, ("w",)),)), id="0-of-1"),
        pytest.param(
            lambda: Policy(witnesses=(Witness("w", A),), groups=(Group("g", 1, ("w",)), Group("h", 1, ("w",)))),
            id="member-twice",
        ),
        pytest.param(
            lambda: Policy(witnesses=(Witness("w", A),), groups=(Group("g", 1, ("h",)), Group("h", 1, ("w",)))),
            id="group-defined-later",
        ),
    ],
)
def test_a_policy_that_a_program_puts_together_obeys_the_same_rules(make: Callable[[], Policy]) -> None:
    with pytest.raises(FormatError):
        make()


# -- quorums -----------------------------------------------------------------------------------------------------------


def test_only_verified_signatures_of_its_witnesses_count() -> None:
    policy = read(f"{named(2)}group g all w0 w1\nquorum g\n")
    note = sign_note(TEXT, SIGNERS[0], SIGNERS[1])
    policy.require(open_note(note, policy.verifiers()).signatures)
    stripped = sign_note(TEXT, SIGNERS[0], SIGNERS[5])
    with pytest.raises(CannotVerify, match=r"cosigned by 'w0'; missing: 'g' has 1 of the 2 it needs, without 'w1'$"):
        policy.require(open_note(stripped, policy.verifiers()).signatures)
    # The same signature again is no second witness.
    with pytest.raises(CannotVerify):
        policy.require([SIGNATURES[0]] * 5)
    # The name of a witness with another key id is another key.
    with pytest.raises(CannotVerify):
        policy.require([SIGNATURES[0], Signature("w1.example", bytes(4), SIGNATURES[1].signature)])


def test_a_cosignature_without_a_time_meets_no_quorum() -> None:
    witness = MlDsaSigner("w.example", seed(1), lambda: 0)
    policy = read(f"witness w {witness.verifier.vkey}\nquorum w\n")
    (verifier,) = policy.verifiers()
    assert isinstance(verifier, MlDsaVerifier)
    with pytest.raises(VerificationFailed):
        open_note(sign_note(TEXT, witness), policy.verifiers())


def test_a_quorum_of_one_witness_says_who_is_missing() -> None:
    policy = read(f"{named(3)}quorum w2\n")
    with pytest.raises(CannotVerify, match=r"^the witness quorum 'w2' is not met: cosigned by nobody; missing: 'w2'$"):
        policy.require([])
    policy.require([SIGNATURES[2]])


Tree = tuple[int, list["Tree"]] | int
"""A witness, or how many of some such trees must have cosigned."""


def naive(tree: Tree, signed: set[int]) -> bool:
    """Evaluate by trying every choice of members."""
    if isinstance(tree, int):
        return tree in signed
    threshold, members = tree
    return any(all(naive(one, signed) for one in some) for some in itertools.combinations(members, threshold))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree in which each of up to 9 witnesses stands once at most."""
    waiting: list[Tree] = list(draw(st.permutations(range(draw(st.integers(1, 9))))))
    for _ in range(draw(st.integers(0, 5))):
        size = draw(st.integers(1, len(waiting)))
        members, waiting = waiting[:size], waiting[size:]
        waiting.append((draw(st.integers(1, size)), members))
    return draw(st.sampled_from(waiting))


def write(tree: Tree) -> str:
    """A policy that says the same, each group on a line after its members."""
    lines: list[str] = []
    numbers = itertools.count()

    def visit(one: Tree) -> str:
        if isinstance(one, int):
            return f"w{one}"
        members = [visit(member) for member in one[1]]
        name = f"g{next(numbers)}"
        how = "all" if one[0] == len(members) else "any" if one[0] == 1 else str(one[0])
        lines.append(f"group {name} {how} {' '.join(members)}\n")
        return name

    quorum = visit(tree)
    return named(9) + "".join(lines) + f"quorum {quorum}\n"


@given(trees(), st.sets(st.integers(0, 9)))
@settings(max_examples=100)
def test_a_quorum_is_met_exactly_when_a_naive_evaluator_says_so(tree: Tree, signed: set[int]) -> None:
    policy = read(write(tree))
    assert met(policy, *signed) == naive(tree, signed)
    assert read(policy.to_text()) == policy


@given(trees(), st.sets(st.integers(0, 8)), st.integers(0, 8))
@settings(max_examples=50)
def test_more_cosignatures_never_break_a_quorum(tree: Tree, signed: set[int], more: int) -> None:
    policy = read(write(tree))
    assert not met(policy, *signed) or met(policy, *signed, more)


# -- hostile input -----------------------------------------------------------------------------------------------------

WORDS = [b"log", b"witness", b"group", b"quorum", b"none", b"all", b"any", b"1", b"2", b"w", b"v", b"g", b"#", b"\xff"]
WORDS += [vkey.encode() for vkey in (A, B, C, LOG)]


def lines_of(words: Iterable[bytes]) -> st.SearchStrategy[bytes]:
    line = st.lists(st.sampled_from(list(words)), max_size=5).map(b" ".join)
    return st.lists(line, max_size=8).map(lambda lines: b"".join(one + b"\n" for one in lines))


@given(lines_of(WORDS) | st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
@settings(max_examples=200)
def test_no_policy_raises_anything_but_our_errors(data: bytes) -> None:
    try:
        policy = Policy.from_bytes(data)
    except LedgerError:
        return
    assert read(policy.to_text()) == policy
