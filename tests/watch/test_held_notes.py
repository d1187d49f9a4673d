"""Whatever a log signed convicts it as soon as it can: what could not be compared when it was shown is held."""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.logs import log_signer
from creditledger.errors import FormatError, LedgerError, StoreError, UsageError
from creditledger.receipts import fork
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import Signer
from creditledger.tlog.tree import MAX_SIZE
from creditledger.watch.audits import Settings
from creditledger.watch.state import MAX_HELD, State
from creditledger.watch.watcher import Watcher
from creditledger.web.place import Folder
from watch.logs import note, publish, write
from watch.test_watch import HONEST, NOW, OTHER, START, TRUST, WITNESSES, kinds, rounds, two_of_three

COMMON = len(HONEST) - 12
"""So many records both histories have."""
BY_TWO: tuple[Signer, ...] = (log_signer(), *WITNESSES[:2])
ASKS = (two_of_three(),)


def show(place: Path, records: list[bytes], size: int, *signers: Signer, tiles: bool = True) -> None:
    """A place that shows this and nothing that it showed before."""
    shutil.rmtree(place, ignore_errors=True)
    publish(place, records, size, *signers)
    if not tiles:
        shutil.rmtree(place / "tile")


def evidence(state: Path) -> list[tuple[int, int]]:
    """The sizes of each pair that is proved, by files that anybody can check."""
    found = [fork.check(path.read_bytes(), TRUST) for path in sorted(state.rglob("*.fork"))]
    return [(one.first.size, one.second.size) for one in found]


def test_two_roots_of_one_size_are_a_fork_before_anything_was_cosigned(tmp_path: Path) -> None:
    show(tmp_path / "a", HONEST, START)
    show(tmp_path / "b", OTHER, START, tiles=False)
    found = rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b", trusts=ASKS)
    assert kinds(found) == ["policy", "fork", "policy"]
    assert evidence(tmp_path / "state") == [(START, START)]
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b", trusts=ASKS)).count("fork") >= 1
    assert len(evidence(tmp_path / "state")) == 1


@pytest.mark.parametrize("size", [COMMON + 2, COMMON + 5, COMMON + 9])
def test_a_fork_above_the_trunk_without_cosignatures_is_seen_beside_the_cosigned_one(tmp_path: Path, size: int) -> None:
    show(tmp_path / "a", HONEST, COMMON, *BY_TWO)
    rounds(tmp_path / "state", tmp_path / "a", trusts=ASKS)
    show(tmp_path / "b", OTHER, size)
    show(tmp_path / "a", HONEST, COMMON + 5, *BY_TWO)
    found = rounds(tmp_path / "state", tmp_path / "b", tmp_path / "a", trusts=ASKS)
    assert kinds(found).count("fork") == 1
    assert evidence(tmp_path / "state") == [tuple(sorted((size, COMMON + 5)))]


def test_one_place_that_shows_two_roots_of_one_size_one_after_the_other_is_exposed(tmp_path: Path) -> None:
    show(tmp_path / "a", HONEST, COMMON, *BY_TWO)
    rounds(tmp_path / "state", tmp_path / "a", trusts=ASKS)
    for records, told in ((HONEST, ["policy"]), (OTHER, ["fork", "policy"]), (OTHER, ["policy"])):
        show(tmp_path / "a", records, START)
        assert kinds(rounds(tmp_path / "state", tmp_path / "a", trusts=ASKS)) == told


def test_a_note_whose_files_were_withheld_convicts_when_the_trunk_has_grown_beyond(tmp_path: Path) -> None:
    show(tmp_path / "a", HONEST, COMMON)
    rounds(tmp_path / "state", tmp_path / "a")
    show(tmp_path / "b", OTHER, COMMON + 5, tiles=False)
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b")) == ["uncompared"]
    show(tmp_path / "b", HONEST, COMMON)
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", tmp_path / "b")) == ["backwards", "same"]
    show(tmp_path / "a", HONEST, COMMON + 7)
    found = rounds(tmp_path / "state", tmp_path / "a")
    assert kinds(found) == ["fork", "grown", "same", "audited"]
    assert evidence(tmp_path / "state") == [(COMMON + 5, COMMON + 7)]
    assert kinds(rounds(tmp_path / "state", tmp_path / "a")) == ["same"]


def test_a_first_trunk_has_files_and_a_sane_size(tmp_path: Path) -> None:
    """Otherwise nothing that is shown later could be compared with it."""
    huge = sign_checkpoint(Checkpoint(TRUST.origin, MAX_SIZE, bytes(32)), log_signer())
    write(tmp_path / "a" / "checkpoint", huge)
    assert kinds(rounds(tmp_path / "state", tmp_path / "a")) == ["uncompared"]
    write(tmp_path / "a" / "checkpoint", note(HONEST, 0))
    assert kinds(rounds(tmp_path / "state", tmp_path / "a")) == ["backwards", "uncompared"]
    show(tmp_path / "a", HONEST, START, tiles=False)
    assert kinds(rounds(tmp_path / "state", tmp_path / "a")) == ["uncompared"]
    show(tmp_path / "a", OTHER, START)
    write(tmp_path / "a" / "checkpoint", note(HONEST, START))
    assert kinds(rounds(tmp_path / "state", tmp_path / "a")) == ["damaged"]
    show(tmp_path / "b", HONEST, START)
    assert kinds(rounds(tmp_path / "state", tmp_path / "b")) == ["grown", "same", "audited"]
    show(tmp_path / "b", OTHER, START + 1)
    assert "fork" in kinds(rounds(tmp_path / "state", tmp_path / "b"))


def test_an_honest_log_that_waits_for_its_witnesses_leaves_nothing_behind(tmp_path: Path) -> None:
    for size in range(COMMON, COMMON + 6):
        show(tmp_path / "a", HONEST, size)
        assert kinds(rounds(tmp_path / "state", tmp_path / "a", trusts=ASKS)) == ["policy"]
        state = json.loads((tmp_path / "state" / TRUST.ledger_id.hex() / "state.json").read_text())
        assert len(state["held"]) == 1
    show(tmp_path / "a", HONEST, COMMON + 6, *BY_TWO)
    assert kinds(rounds(tmp_path / "state", tmp_path / "a", trusts=ASKS))[:2] == ["grown", "same"]
    state = json.loads((tmp_path / "state" / TRUST.ledger_id.hex() / "state.json").read_text())
    assert state["held"] == []


def signed(size: int) -> bytes:
    return sign_checkpoint(Checkpoint(TRUST.origin, size, bytes([size % 251]) * 32), log_signer())


def test_what_is_held_is_bounded_and_small_sizes_stay(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json", TRUST)
    for size in [*range(500, 500 + MAX_HELD), 7, 3, 5, 900]:
        state.hold("somewhere", signed(size))
        state.hold("elsewhere", signed(size))
    state.write()
    again = State(tmp_path / "state.json", TRUST)
    assert again.held == state.held
    assert [one.head.size for one in again.held] == [3, 5, 7, *range(500, 500 + MAX_HELD - 3)]


def test_lines_by_strangers_are_not_kept(tmp_path: Path) -> None:
    padded = signed(9) + "".join(f"— x{n} {'A' * 9000}\n" for n in range(90)).encode()
    state = State(tmp_path / "state.json", TRUST)
    state.hold("somewhere", padded)
    assert state.held[0].note == signed(9)
    with pytest.raises(LedgerError):
        state.hold("somewhere", padded.replace(b"\n9\n", b"\n8\n"))


def test_a_state_of_an_earlier_version_is_read_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    state = State(tmp_path / "state.json", TRUST)
    state.write()
    values = json.loads((tmp_path / "state.json").read_text())
    del values["held"], values["passed"]
    (tmp_path / "state.json").write_text(json.dumps(values))
    assert State(tmp_path / "state.json", TRUST).held == []
    (tmp_path / "state.json").write_text(json.dumps(values | {"held": [["a", "no note"]]}))
    with pytest.raises(FormatError, match="does not hold what a watcher remembers"):
        State(tmp_path / "state.json", TRUST)


STEPS = st.lists(st.tuples(st.booleans(), st.integers(-1, 11), st.booleans(), st.booleans()), max_size=5)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_was_shown_of_another_history_is_exposed_in_the_end(
    tmp_path: Path, steps: list[tuple[bool, int, bool, bool]]
) -> None:
    expose(tmp_path, steps)


@pytest.mark.long
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_whatever_was_shown_of_another_history_is_exposed_in_the_end_at_length(
    tmp_path: Path, steps: list[tuple[bool, int, bool, bool]]
) -> None:
    expose(tmp_path, steps)


def expose(tmp_path: Path, steps: list[tuple[bool, int, bool, bool]]) -> None:
    """Each round one place shows one of two histories, with files or without, cosigned or not; in the end the whole
    of the first, cosigned, is at hand."""
    base = Path(tempfile.mkdtemp(dir=tmp_path))
    found: set[str] = set()
    for is_other, more, tiles, is_cosigned in steps:
        signers = BY_TWO if is_cosigned else (log_signer(),)
        show(base / "a", OTHER if is_other else HONEST, COMMON + more, *signers, tiles=tiles)
        found.update(kinds(rounds(base / "state", base / "a", trusts=ASKS)))
    show(base / "c", HONEST, len(HONEST), *BY_TWO)
    found.update(kinds(rounds(base / "state", base / "c", trusts=ASKS)))
    assert ("fork" in found) == any(is_other and more > 0 for is_other, more, _, _ in steps)


def noted(calls: list[Path], path: Path) -> str:
    calls.append(path)
    return "called"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def test_a_poisoned_mirror_that_is_ahead_alarms_nobody_and_silences_nobody(tmp_path: Path) -> None:
    calls: list[Path] = []
    for name in "ab":
        show(tmp_path / name, HONEST, START)
    how = Settings(call=partial(noted, calls))
    with Watcher([str(tmp_path / name) for name in "ab"], (TRUST,), tmp_path / "state", how) as watcher:
        assert "audited" in kinds([*watcher.round(NOW)])
        for size in (START + 4, START + 5):
            show(tmp_path / "b", HONEST, size)
            flip(tmp_path / "b" / f"tile/entries/000.p/{size}")
            show(tmp_path / "a", HONEST, size - 1)
            found = [*watcher.round(NOW)]
            assert kinds(found)[-3:] == ["same", "damaged", "audited"]
            assert found[-1].facts["size"] == size - 1, "what the honest place shows is audited all the same"
        show(tmp_path / "a", HONEST, START + 5)
        assert kinds([*watcher.round(NOW)])[-1] == "audited"
        assert kinds([*watcher.round(NOW)]) == ["same"]
    assert calls == []


def test_what_the_signed_root_covers_is_an_alarm_wherever_it_is_read(tmp_path: Path) -> None:
    calls: list[Path] = []
    forged = bytearray(HONEST[-1])
    forged[-1] ^= 1
    for name in "ab":
        show(tmp_path / name, [*HONEST[:-1], bytes(forged)], len(HONEST))
    how = Settings(call=partial(noted, calls))
    with Watcher([str(tmp_path / name) for name in "ab"], (TRUST,), tmp_path / "state", how) as watcher:
        found = [*watcher.round(NOW)]
        assert kinds(found) == ["grown", "same", "failed", "called"]
        assert found[2].is_alarm
        assert kinds([*watcher.round(NOW)]) == ["same"]
    (path,) = calls
    assert json.loads(path.read_text())["exit_code"] == 3


WAYS = {
    "the checkpoint": ("checkpoint", "unreachable"),
    "the tiles": ("tile/0", "uncompared"),
    "the records": ("tile/entries", "unaudited"),
}
ERRORS = {"usage": UsageError("redirects to file:///etc"), "disk": OSError(5, "gone"), "store": StoreError("gone")}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("error", ERRORS)
def test_no_error_of_one_place_ends_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, error: str
) -> None:
    path, kind = WAYS[way]
    read = Folder.read

    def failing(self: Folder, name: str, most: int) -> bytes | None:
        if self.directory == tmp_path / "b" and name.startswith(path):
            raise ERRORS[error]
        return read(self, name, most)

    show(tmp_path / "a", HONEST, START)
    show(tmp_path / "b", HONEST, START + 3)
    monkeypatch.setattr(Folder, "read", failing)
    found = rounds(tmp_path / "state", tmp_path / "b", tmp_path / "a")
    assert kind in kinds(found)
    audited = [one for one in found if one.kind == "audited"]
    assert [(one.vantage, one.facts["size"]) for one in audited] == [(str(tmp_path / "a"), START)]
