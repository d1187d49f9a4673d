"""A log that shows two histories is exposed, whichever way it shows them; one that grows honestly never is."""

from __future__ import annotations

import shutil
import socket
import stat
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.logs import log_signer
from creditledger.audit.report import Report
from creditledger.audit.trust import Trust
from creditledger.client.seen import SeenStore
from creditledger.errors import FormatError, Locked, UsageError
from creditledger.receipts import fork
from creditledger.tlog.cosignature import CosignatureSigner
from creditledger.tlog.policy import Policy
from creditledger.watch.audits import Audits, Settings, View
from creditledger.watch.events import Event
from creditledger.watch.watcher import Watcher
from watch.logs import note, publish, trust, world, write

HONEST = world(12, common=3).records
OTHER = world(30, branch=1, common=3).records
START = len(HONEST) - 9
TRUST = trust(HONEST)
NOW = 1_800_000_000


def kinds(events: list[Event]) -> list[str]:
    return [one.kind for one in events]


def rounds(
    state: Path, *places: Path, how: Settings | None = None, trusts: tuple[Trust, ...] = (TRUST,)
) -> list[Event]:
    with Watcher([*map(str, places)], trusts, state, how) as watcher:
        return [*watcher.round(NOW)]


def test_a_history_that_is_replaced_at_its_only_vantage_point_is_exposed(tmp_path: Path) -> None:
    place, state = tmp_path / "a", tmp_path / "state"
    publish(place, HONEST, START)
    assert kinds(rounds(state, place)) == ["grown", "same", "audited"]
    shutil.rmtree(place)
    publish(place, OTHER)
    found = rounds(state, place)
    assert kinds(found) == ["fork"]
    again = rounds(state, place)
    assert (kinds(again), again[0].facts["again"]) == (["fork"], True)
    assert [*state.rglob("*.fork")] == [Path(again[0].file)]


def test_the_shorter_history_is_compared_when_it_is_shown_second(tmp_path: Path) -> None:
    """Its own files prove nothing about the larger one that was verified, and that is gone from every place."""
    publish(tmp_path / "a", HONEST)
    assert rounds(tmp_path / "state", tmp_path / "a")[-1].kind == "audited"
    publish(tmp_path / "b", OTHER, START + 1)
    found = rounds(tmp_path / "state", tmp_path / "b")
    assert kinds(found) == ["fork", "behind"]


def test_growth_is_audited_and_the_checkpoint_kept_for_signing(tmp_path: Path) -> None:
    place, state, seen = tmp_path / "a", tmp_path / "state", SeenStore(tmp_path / "seen")
    for size in (START, START + 4, len(HONEST)):
        publish(place, HONEST, size)
        found = rounds(state, place, how=Settings(seen=seen))
        assert kinds(found) == ["grown", "same", "audited"]
        assert found[-1].facts["size"] == size
        head = seen.load(TRUST.ledger_id)
        assert head is not None
        assert (head.size, head.checkpoint) == (size, note(HONEST, size))
    assert kinds(rounds(state, place, how=Settings(seen=seen))) == ["same"]
    assert stat.S_IMODE((state / TRUST.ledger_id.hex() / "state.json").stat().st_mode) == 0o600


def test_what_was_verified_elsewhere_before_is_a_vantage_point_too(tmp_path: Path) -> None:
    seen = SeenStore(tmp_path / "seen")
    seen.advance(TRUST.ledger_id, note(HONEST, START))
    publish(tmp_path / "b", OTHER)
    assert kinds(rounds(tmp_path / "state", tmp_path / "b", how=Settings(seen=seen))) == ["fork"]


def test_an_old_mirror_is_told_and_is_no_alarm(tmp_path: Path) -> None:
    new, old, state = tmp_path / "new", tmp_path / "old", tmp_path / "state"
    for place in (new, old):
        publish(place, HONEST)
    rounds(state, new, old)
    shutil.rmtree(old)
    publish(old, HONEST, START)
    found = rounds(state, new, old)
    assert kinds(found) == ["backwards", "same"]
    assert not any(one.exit_code for one in found)
    only = rounds(state, old)
    assert (kinds(only), only[0].exit_code) == (["behind", "same"], 4)


def test_a_stranger_to_the_log_key_is_refused_and_shows_nothing_against_the_log(tmp_path: Path) -> None:

    publish(tmp_path / "a", HONEST, START)
    rounds(tmp_path / "state", tmp_path / "a")
    publish(tmp_path / "b", OTHER, None, log_signer("somebody else"))
    found = rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b")
    assert kinds(found) == ["refused", "same"]


def test_a_log_that_withholds_the_files_is_not_accused_and_not_believed(tmp_path: Path) -> None:
    publish(tmp_path / "a", HONEST, START)
    rounds(tmp_path / "state", tmp_path / "a")
    publish(tmp_path / "b", OTHER)
    shutil.rmtree(tmp_path / "b" / "tile")
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b")) == ["uncompared"]
    publish(tmp_path / "b", [OTHER[0], *HONEST[:5], *OTHER[6:]])
    write(tmp_path / "b" / "checkpoint", note(OTHER, len(OTHER)))
    found = rounds(tmp_path / "state", tmp_path / "b")
    assert kinds(found)[0] == "damaged"
    assert not [*tmp_path.rglob("*.fork")]


def test_an_edited_record_is_found_at_that_place_and_the_other_still_audited(tmp_path: Path) -> None:
    for name in "ab":
        publish(tmp_path / name, HONEST)
    bundle = next((tmp_path / "a" / "tile" / "entries").rglob("*.p/*"))
    data = bytearray(bundle.read_bytes())
    data[-1] ^= 1
    bundle.write_bytes(data)
    found = rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b")
    assert kinds(found) == ["grown", "same", "damaged", "audited"]
    alone = rounds(tmp_path / "other", tmp_path / "a")
    assert kinds(alone) == ["grown", "same", "damaged"], "the log signed nothing of that"


def test_two_ledgers_are_told_apart_by_their_origins(tmp_path: Path) -> None:
    from support.world import World

    founded = World()
    founded.submit(founded.seal(founded.founding_entry(origin="another.example")))

    signer = log_signer(name="another.example")
    second = Trust("another.example", founded.ledger_id, (signer.verifier.vkey,))
    publish(tmp_path / "a", HONEST)
    publish(tmp_path / "b", founded.records)
    write(tmp_path / "b" / "checkpoint", note(founded.records, 1, signer, origin="another.example"))
    found = rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b", trusts=(TRUST, second))
    audited = {(one.origin, one.facts["size"]) for one in found if one.kind == "audited"}
    assert audited == {(TRUST.origin, len(HONEST)), ("another.example", 1)}
    with pytest.raises(UsageError, match="no two of the same origin"):
        Watcher([str(tmp_path / "a")], (TRUST, TRUST), tmp_path / "more")


def test_only_one_watcher_uses_a_directory(tmp_path: Path) -> None:
    publish(tmp_path / "a", HONEST)
    with Watcher([str(tmp_path / "a")], (TRUST,), tmp_path / "state"), pytest.raises(Locked):
        Watcher([str(tmp_path / "a")], (TRUST,), tmp_path / "state")


DAMAGE: dict[str, Any] = {
    "cut off": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "no object": lambda _: "[]",
    "another trunk": lambda text: text.replace('"trunk": "', '"trunk": "x'),
    "audited beyond it": lambda text: text.replace('"audited": ', '"audited": 9'),
    "a lost field": lambda text: text.replace('"last"', '"lost"'),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_is_an_error_that_says_what_is_at_stake(tmp_path: Path, damage: str) -> None:
    publish(tmp_path / "a", HONEST)
    rounds(tmp_path / "state", tmp_path / "a")
    path = tmp_path / "state" / TRUST.ledger_id.hex() / "state.json"
    path.write_text(DAMAGE[damage](path.read_text()))
    with pytest.raises(FormatError, match=r"does not hold what a watcher remembers.*Move it away"):
        rounds(tmp_path / "state", tmp_path / "a")


def test_a_command_that_hangs_or_is_not_there_holds_nobody_up(tmp_path: Path) -> None:
    from creditledger.watch.calling import call, parse_command

    assert "killed because it took more than 0.2 s" in call(["sh", "-c", "sleep 60"], tmp_path, 0.2)
    assert "could not be called" in call([str(tmp_path / "nobody")], tmp_path)
    assert "ended with 1" in call(["false"], tmp_path)
    assert parse_command("a 'b c' $HOME") == ["a", "b c", "$HOME"]
    for wrong in ("", "'open"):
        with pytest.raises(UsageError):
            parse_command(wrong)


SIZES = st.lists(
    st.tuples(st.integers(0, 3), st.lists(st.integers(0, 12), min_size=2, max_size=2)), min_size=1, max_size=5
)
FALSE_ALARMS = frozenset({"fork", "failed", "refused", "damaged", "uncompared", "unaudited"})


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES)
def test_honest_growth_is_never_called_anything_else(tmp_path: Path, steps: list[tuple[int, list[int]]]) -> None:
    grow(tmp_path, steps)


@pytest.mark.long
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIZES)
def test_honest_growth_is_never_called_anything_else_at_length(
    tmp_path: Path, steps: list[tuple[int, list[int]]]
) -> None:
    grow(tmp_path, steps)


def grow(tmp_path: Path, steps: list[tuple[int, list[int]]]) -> None:
    """The log grows or not; each vantage point is away, as new as the log, or as old as it happens to be."""
    base = Path(tempfile.mkdtemp(dir=tmp_path))
    first = len(HONEST) - 12
    size = first
    for more, ages in steps:
        size = min(size + more, len(HONEST))
        for name, age in zip("ab", ages, strict=True):
            shutil.rmtree(base / name, ignore_errors=True)
            (base / name).mkdir()
            if age < 11:
                publish(base / name, HONEST, max(size - age, first))
        found = rounds(base / "state", base / "a", base / "b")
        assert not FALSE_ALARMS & set(kinds(found)), found
        assert ("unreachable" in kinds(found)) == any(age >= 11 for age in ages)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 12), st.integers(0, 30))
def test_two_views_are_a_fork_exactly_when_they_part_before_the_smaller_one_ends(
    tmp_path: Path, one: int, other: int
) -> None:
    base = Path(tempfile.mkdtemp(dir=tmp_path))
    first = len(HONEST) - 12
    publish(base / "a", HONEST, first + one - 2)
    publish(base / "b", OTHER, first + other - 2)
    found = kinds(rounds(base / "state", base / "a", base / "b"))
    assert ("fork" in found) == (min(one, other) > 2), found


WITNESSES = [CosignatureSigner(f"w{number}.example", bytes([number] * 32), lambda: NOW) for number in (1, 2, 3)]


def cosigned(place: Path, size: int, times: dict[int, int]) -> None:
    """Publishes a checkpoint cosigned by some of the three witnesses, each at a time of its own."""
    signers = [
        CosignatureSigner(f"w{number}.example", bytes([number] * 32), partial(int, time))
        for number, time in times.items()
    ]
    publish(place, HONEST, size, log_signer(), *signers)


def two_of_three() -> Trust:
    lines = [f"witness w{number} {one.verifier.vkey}" for number, one in enumerate(WITNESSES, 1)]
    policy = Policy.from_bytes("\n".join([*lines, "group g 2 w1 w2 w3", "quorum g", ""]).encode())
    return Trust(TRUST.origin, TRUST.ledger_id, TRUST.log_keys, witnesses=policy)


HOUR = 3600
AGES: dict[str, tuple[dict[int, int], list[str]]] = {
    "two just now": ({1: NOW, 2: NOW}, ["grown", "same"]),
    "one new and one old": ({1: NOW, 2: NOW - 30 * HOUR}, ["grown", "old", "same"]),
    "one old, which the quorum does not need": ({1: NOW, 2: NOW - 23 * HOUR, 3: NOW - 90 * HOUR}, ["grown", "same"]),
    "all old": ({1: NOW - 25 * HOUR, 2: NOW - 25 * HOUR, 3: NOW - 25 * HOUR}, ["grown", "old", "same"]),
    "one only": ({1: NOW}, ["policy"]),
    "none": ({}, ["policy"]),
}


@pytest.mark.parametrize("case", AGES)
def test_cosignatures_must_be_enough_and_of_late(tmp_path: Path, case: str) -> None:
    times, expected = AGES[case]
    cosigned(tmp_path / "a", START, times)
    found = rounds(tmp_path / "state", tmp_path / "a", how=Settings(max_age=24 * HOUR), trusts=(two_of_three(),))
    told = [one for one in kinds(found) if one not in ("audited", "unaudited", "damaged", "failed")]
    assert told == expected, found


def test_what_witnesses_have_not_cosigned_is_not_believed_and_still_exposes_a_fork(tmp_path: Path) -> None:
    cosigned(tmp_path / "a", START, {1: NOW, 3: NOW})
    rounds(tmp_path / "state", tmp_path / "a", trusts=(two_of_three(),))
    cosigned(tmp_path / "a", START + 3, {})
    found = rounds(tmp_path / "state", tmp_path / "a", trusts=(two_of_three(),))
    assert kinds(found) == ["policy"]
    cosigned(tmp_path / "a", START + 3, {2: NOW, 3: NOW})
    found = rounds(tmp_path / "state", tmp_path / "a", trusts=(two_of_three(),))
    assert kinds(found)[:2] == ["grown", "same"]
    publish(tmp_path / "b", OTHER)
    found = rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b", trusts=(two_of_three(),))
    assert "fork" in kinds(found)


def test_the_copy_does_not_grow_with_every_round(tmp_path: Path) -> None:
    long = world(260, common=3).records
    state = tmp_path / "state"
    for size in (START, START + 1, START + 2, 250, 256, 261):
        publish(tmp_path / "a", long, size)
        found = rounds(state, tmp_path / "a")
        assert found[-1].kind == "audited", found
    kept = sorted(str(path.relative_to(state)) for path in (state / TRUST.ledger_id.hex()).rglob("tile/**/*.p/*"))
    assert [path.rpartition("/tile/")[2] for path in kept] == ["0/001.p/5", "1/000.p/1", "entries/001.p/5"]


def test_a_place_that_never_answers_holds_nobody_up(tmp_path: Path) -> None:
    publish(tmp_path / "a", HONEST)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Watcher([url, str(tmp_path / "a")], (TRUST,), tmp_path / "state", timeout=0.2) as watcher:
            assert kinds([*watcher.round(NOW)]) == ["unreachable", "grown", "same", "audited"]


def test_a_history_that_is_swapped_between_the_look_and_the_audit_is_exposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = Audits.verify

    def swapped(self: Audits, view: View) -> Report:
        shutil.rmtree(tmp_path / "a")
        publish(tmp_path / "a", OTHER)
        return audit(self, view)

    publish(tmp_path / "a", HONEST)
    monkeypatch.setattr(Audits, "verify", swapped)
    found = rounds(tmp_path / "state", tmp_path / "a")
    assert kinds(found) == ["grown", "same", "fork"]
    assert fork.check(Path(found[-1].file).read_bytes(), TRUST).first.size == len(HONEST)
