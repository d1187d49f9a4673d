"""Importing editions of a list: opening balances, what changed since, sudden shrinking, older editions, erasures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditledger.acts import catalogue as acts
from creditledger.errors import CannotVerify, FormatError, UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.store.private import PrivateStore
from creditledger.transfer.import_run import Counts, ImportOptions, ImportReport
from creditledger.transfer.recorded import Recorded
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.transcriber import Transcriber
from transfer.mirror import (
    ACT,
    ADMIN,
    CONTENT_KEY,
    TRANSCRIPT,
    all_bytes,
    appeal,
    close,
    define_reviewed,
    erase,
    found,
    grant_erasure,
    members,
    reopen,
    sdn_file,
    subject_of,
)

Row = tuple[int, str]
FIRST, SECOND, THIRD = "2025-01-01", "2025-02-01", "2025-03-01"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with found(tmp_path) as one:
        yield one


def rows(numbers: Any, name: str = "NAME {}") -> list[list[Any]]:
    return [[number, name.format(number), "individual", "SDGT"] for number in numbers]


def run(ledger: Ledger, path: Path, dated: str, **more: Any) -> ImportReport:
    options = ImportOptions(**{one: more.pop(one) for one in list(more) if one in ImportOptions.__slots__})
    given: dict[str, Any] = {"list_id": "parties", "signer": ACT, "opener": ADMIN} | more
    return import_snapshot(ledger, path, dated=dated, options=options, **given)


def details(ledger: Ledger, key: str, list_id: str = "parties") -> dict[str, str]:
    """The particulars of a key's listing, read back from the ledger."""
    recorded, subject = Recorded(ledger), subject_of(ledger, list_id, key)
    view = recorded.live_listing(list_id, subject, ledger.lookup(subject, list_id).listings)
    assert view is not None
    content = recorded.particulars(list_id, subject, view).content
    return {label: recorded.text(list_id, subject, digest) for label, digest in content.items()}


def test_the_first_edition_is_an_opening_balance(tmp_path: Path, ledger: Ledger) -> None:
    path = sdn_file(tmp_path / "sdn.csv", [[36, "AIR", None, "CUBA"], [7, "ANA", "individual", "SDGT] [IRAN", None]])
    report = run(ledger, path, FIRST)
    assert report.lists == {"parties": Counts(openings=2)}
    assert (report.rows, report.entries, report.recorded, report.opened) == (2, 1, 2, ("parties",))
    assert members(ledger, "parties") == {"36", "7"}
    for subject, _, (view,) in ledger.members("parties"):
        assert (subject.scheme, view.unproven, view.effective, view.until) == ("handle", True, None, None)
    row = ledger.governance.lists["parties"]
    assert row.opened == FIRST
    assert details(ledger, "7") == {"key": "7", "name": "ANA", "programs": "SDGT; IRAN", "sdn_type": "individual"}
    for word in (b"ANA", b"CUBA", b"SDGT"):
        assert word not in all_bytes(tmp_path / "ledger")


def test_a_later_edition_adds_corrects_and_removes(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST)
    second = rows(range(3, 103))
    second[0] = [3, "NEW NAME", "individual", None, "Minister", *[None] * 6, "DOB 1970."]
    report = run(ledger, sdn_file(tmp_path / "2.csv", second), SECOND)
    assert report.lists == {"parties": Counts(additions=2, corrections=1, removals=2, unchanged=97)}
    assert report.examples["corrections"] == ["parties: line 1, key 3: name, programs, remarks, title"]
    assert sorted(report.examples["removals"]) == ["parties: key 1", "parties: key 2"]
    assert members(ledger, "parties", "2025-01-31") == {str(number) for number in range(1, 101)}
    assert members(ledger, "parties", SECOND) == {str(number) for number in range(3, 103)}
    assert details(ledger, "3") == {
        "key": "3", "name": "NEW NAME", "sdn_type": "individual", "programs": "", "title": "Minister",
        "remarks": "DOB 1970.",
    }  # fmt: skip
    gone = ledger.history(subject_of(ledger, "parties", "1"), "parties")[-1].act
    assert isinstance(gone, acts.ListingRemove)
    assert (gone.reason, gone.decided, gone.effective, gone.source) == ("superseded", SECOND, SECOND, (None, 0))


def test_who_comes_back_is_the_same_subject(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST)
    before = subject_of(ledger, "parties", "1")
    run(ledger, sdn_file(tmp_path / "2.csv", rows(range(2, 101))), SECOND)
    report = run(
        ledger, sdn_file(tmp_path / "3.csv", rows(range(1, 101), "RENAMED {}")[:1] + rows(range(2, 101))), THIRD
    )
    assert report.lists == {"parties": Counts(additions=1, unchanged=99)}
    assert subject_of(ledger, "parties", "1") == before
    assert "1" in members(ledger, "parties", FIRST)
    assert "1" not in members(ledger, "parties", SECOND)
    assert "1" in members(ledger, "parties", THIRD)
    assert details(ledger, "1")["name"] == "RENAMED 1"


class TestAppeals:
    """Whose listing is or was under appeal is listed again, in a case of its own where the rules demand that."""

    @pytest.fixture
    def others(self, tmp_path: Path, ledger: Ledger) -> Path:
        """An edition without party 1, which is on the list."""
        define_reviewed(ledger)
        run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST, list_id="reviewed")
        return sdn_file(tmp_path / "2.csv", rows(range(2, 101)))

    @pytest.mark.parametrize("outcome", [None, "quash_ex_nunc", "quash_ex_tunc", "vary", "uphold", "withdrawn"])
    def test_who_comes_back(self, tmp_path: Path, ledger: Ledger, others: Path, outcome: str | None) -> None:
        subject = subject_of(ledger, "reviewed", "1")
        lodged = appeal(ledger, subject, day=FIRST)
        if outcome is not None:
            close(ledger, subject, lodged, outcome, day=SECOND)
        gone = Counts(removals=0 if (outcome or "").startswith("quash") else 1, unchanged=99)
        assert run(ledger, others, SECOND, list_id="reviewed").lists == {"reviewed": gone}
        everybody = tmp_path / "1.csv"
        for dated in (THIRD, "2025-05-01"):
            report = run(ledger, everybody, dated, list_id="reviewed")
            assert report.lists == {"reviewed": Counts(additions=1, unchanged=99)}
            *_, new = ledger.lookup(subject, "reviewed").listings
            assert (new.status, new.case is None) == ("listed", outcome in ("uphold", "withdrawn"))
            size = ledger.size
            assert run(ledger, everybody, dated, list_id="reviewed").lists == {"reviewed": Counts(unchanged=100)}
            assert ledger.size == size
            report = run(ledger, others, dated[:-1] + "2", list_id="reviewed")
            assert report.lists == {"reviewed": Counts(removals=1, unchanged=99)}
            assert ledger.lookup(subject, "reviewed").status in ("removed", "quashed", "annulled")
        cases = {one.case for one in ledger.lookup(subject, "reviewed").listings}
        assert len(cases) == (1 if outcome in ("uphold", "withdrawn") else 3), "no case is used twice"

    def test_an_appeal_lost_after_one_that_was_won_changes_nothing(
        self, tmp_path: Path, ledger: Ledger, others: Path
    ) -> None:
        subject = subject_of(ledger, "reviewed", "1")
        for outcome in ("vary", "uphold"):
            close(ledger, subject, appeal(ledger, subject, day=FIRST), outcome, day=FIRST)
        run(ledger, others, SECOND, list_id="reviewed")
        run(ledger, tmp_path / "1.csv", THIRD, list_id="reviewed")
        *_, new = ledger.lookup(subject, "reviewed").listings
        assert (new.status, new.case is None) == ("listed", False)

    @pytest.mark.usefixtures("others")
    def test_a_listing_in_a_case_of_its_own_is_corrected_like_any_other(self, tmp_path: Path, ledger: Ledger) -> None:
        subject = subject_of(ledger, "reviewed", "1")
        close(ledger, subject, appeal(ledger, subject, day=FIRST), "quash_ex_tunc", day=FIRST)
        run(ledger, tmp_path / "1.csv", SECOND, list_id="reviewed")
        renamed = sdn_file(tmp_path / "3.csv", rows([1], "RENAMED {}") + rows(range(2, 101)))
        report = run(ledger, renamed, THIRD, list_id="reviewed")
        assert report.lists == {"reviewed": Counts(corrections=1, unchanged=99)}
        assert details(ledger, "1", "reviewed")["name"] == "RENAMED 1"

    @pytest.mark.usefixtures("others")
    def test_the_case_is_drawn_at_random(self, ledger: Ledger) -> None:
        subject = subject_of(ledger, "reviewed", "1")
        close(ledger, subject, appeal(ledger, subject, day=FIRST), "quash_ex_nunc", day=FIRST)
        drawn: list[bytes] = []

        def entropy(size: int) -> bytes:
            drawn.append(len(drawn).to_bytes(size, "big"))
            return drawn[-1]

        cite = {"reviewed": acts.SourceCite("reviewed", "1.csv", bytes(32), 1, SECOND)}
        hand = Transcriber(ledger, ACT, cite, ground={"reviewed": TRANSCRIPT.ground}, scheme="handle", entropy=entropy)
        hand.list_subject("reviewed", "1", subject, {}, effective=SECOND)
        hand.flush()
        assert ledger.lookup(subject, "reviewed").listings[-1].case in {one for one in drawn if len(one) == 16}


def test_the_same_edition_again_records_nothing(tmp_path: Path, ledger: Ledger) -> None:
    path = sdn_file(tmp_path / "1.csv", rows(range(1, 120)))
    run(ledger, path, FIRST)
    size, digest = ledger.size, ledger.state_digest()
    report = run(ledger, path, FIRST)
    assert (report.lists, report.opened) == ({"parties": Counts(unchanged=119)}, ())
    assert (ledger.size, ledger.state_digest()) == (size, digest)


def test_an_older_edition_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    first, second = sdn_file(tmp_path / "1.csv", rows(range(1, 50))), sdn_file(tmp_path / "2.csv", rows(range(1, 51)))
    run(ledger, first, FIRST)
    run(ledger, second, SECOND)
    size = ledger.size
    with pytest.raises(UsageError, match=f"an edition of {FIRST} cannot be imported into parties: one of {SECOND} was"):
        run(ledger, first, FIRST)
    assert ledger.size == size


def test_an_edition_that_only_corrects_counts_as_the_newest(tmp_path: Path, ledger: Ledger) -> None:
    first = sdn_file(tmp_path / "1.csv", rows(range(1, 50)))
    run(ledger, first, FIRST)
    run(ledger, sdn_file(tmp_path / "2.csv", rows([1], "CHANGED {}") + rows(range(2, 50))), SECOND)
    with pytest.raises(UsageError, match=f"one of {SECOND} was"):
        run(ledger, first, FIRST)


def test_an_edition_that_lies_ahead_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="lies ahead"):
        run(ledger, sdn_file(tmp_path / "1.csv", rows([1])), "2026-09-22")
    with pytest.raises(FormatError):
        run(ledger, sdn_file(tmp_path / "2.csv", rows([1])), "2026-9-2")


class TestShrinking:
    """One that would remove more than a share of the list must be confirmed by number."""

    @pytest.fixture
    def shrunk(self, tmp_path: Path, ledger: Ledger) -> Path:
        run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST)
        return sdn_file(tmp_path / "2.csv", rows(range(7, 101)))

    def test_it_is_refused_and_nothing_is_recorded(self, ledger: Ledger, shrunk: Path) -> None:
        size = ledger.size
        with pytest.raises(
            UsageError, match=r"would remove 6 of 100 .* 6.00% .* 5.00% .* exactly 6 removals \(--confirm-removals 6\)"
        ):
            run(ledger, shrunk, SECOND)
        with pytest.raises(UsageError, match="removes 6 of those listed, not 5 as confirmed"):
            run(ledger, shrunk, SECOND, confirm_removals=5)
        assert ledger.size == size

    def test_a_share_up_to_the_limit_goes_unasked(self, tmp_path: Path, ledger: Ledger, shrunk: Path) -> None:
        assert run(ledger, sdn_file(tmp_path / "3.csv", rows(range(6, 101))), SECOND).total("removals") == 5

    def test_a_wrong_number_is_refused_even_below_the_limit(self, tmp_path: Path, ledger: Ledger, shrunk: Path) -> None:
        with pytest.raises(UsageError, match="removes 5 of those listed"):
            run(ledger, sdn_file(tmp_path / "3.csv", rows(range(6, 101))), SECOND, confirm_removals=6)

    def test_the_right_number_lets_it_pass(self, ledger: Ledger, shrunk: Path) -> None:
        assert run(ledger, shrunk, SECOND, confirm_removals=6).total("removals") == 6
        # Run again with the same words, there is nothing left to do.
        assert run(ledger, shrunk, SECOND, confirm_removals=6).acts == 0

    def test_another_share_can_be_chosen(self, ledger: Ledger, shrunk: Path) -> None:
        assert run(ledger, shrunk, SECOND, max_removed_share=0.06).total("removals") == 6
        with pytest.raises(UsageError, match="from 0 to 1"):
            ImportOptions(max_removed_share=5)

    def test_an_empty_file_does_not_empty_the_list(self, tmp_path: Path, ledger: Ledger, shrunk: Path) -> None:
        (tmp_path / "empty.csv").write_bytes(b"")
        with pytest.raises(UsageError, match="would remove 100 of 100"):
            run(ledger, tmp_path / "empty.csv", SECOND)

    def test_a_dry_run_asks_as_well(self, ledger: Ledger, shrunk: Path) -> None:
        with pytest.raises(UsageError, match="would remove 6"):
            run(ledger, shrunk, SECOND, dry_run=True)


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST)
    path = sdn_file(tmp_path / "2.csv", rows([2], "CHANGED {}") + rows(range(3, 110)))
    before = all_bytes(tmp_path / "ledger")
    dry = run(ledger, path, SECOND, dry_run=True)
    assert all_bytes(tmp_path / "ledger") == before
    assert (dry.recorded, dry.entries, dry.dry_run) == (0, 0, True)
    wet = run(ledger, path, SECOND)
    assert (wet.lists, wet.examples) == (dry.lists, dry.examples)
    assert wet.recorded == dry.acts == 11


def test_rows_that_cannot_be_read_stop_the_import(tmp_path: Path, ledger: Ledger) -> None:
    path = sdn_file(tmp_path / "1.csv", [*rows([1, 2]), [2, "TWICE"], [3, None], *rows([4])])
    with pytest.raises(
        FormatError, match=r"2 rows cannot be read \(line 3: the key '2' stands in the file twice; line 4"
    ):
        run(ledger, path, FIRST)
    report = run(ledger, path, FIRST, skip_bad=2)
    assert (report.rows, report.bad_rows, members(ledger, "parties")) == (3, 2, {"1", "2", "4"})


class TestSkippedRows:
    """Who may stand in a row that was skipped is not missing."""

    @pytest.fixture
    def begun(self, tmp_path: Path, ledger: Ledger) -> Ledger:
        run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST)
        return ledger

    def broken(self, tmp_path: Path, old: bytes, new: bytes, numbers: Any = range(2, 101)) -> Path:
        path = sdn_file(tmp_path / "2.csv", rows(numbers))
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 1))
        return path

    def test_a_row_whose_key_can_be_read_keeps_its_subject(self, tmp_path: Path, begun: Ledger) -> None:
        path = self.broken(tmp_path, b'50,"NAME 50"', b'50,"NAME 50')
        report = run(begun, path, SECOND, skip_bad=1)
        assert report.lists == {"parties": Counts(removals=1, unchanged=98, held=1)}
        assert report.examples["held"] == ["parties: key 50"]
        assert members(begun, "parties") == {str(number) for number in range(2, 101)}

    def test_two_rows_on_one_line_keep_both(self, tmp_path: Path, begun: Ledger) -> None:
        path = self.broken(tmp_path, b'\r\n50,"NAME 50"', b' 50,"NAME 50"')
        report = run(begun, path, SECOND, skip_bad=1)
        assert sorted(report.examples["held"]) == ["parties: key 49", "parties: key 50"]
        assert members(begun, "parties") == {str(number) for number in range(2, 101)}

    def test_a_row_of_nobody_knows_whom_makes_removals_a_question(self, tmp_path: Path, begun: Ledger) -> None:
        path, size = self.broken(tmp_path, b'50,"NAME 50"', b'5?,"NAME 50"'), begun.size
        with pytest.raises(UsageError, match=r"whom 1 row .*\(line 49\).* the 2 removals .*--confirm-removals 2"):
            run(begun, path, SECOND, skip_bad=1)
        with pytest.raises(UsageError, match="whom 1 row"):
            run(begun, path, SECOND, skip_bad=1, max_removed_share=1, dry_run=True)
        assert begun.size == size
        assert run(begun, path, SECOND, skip_bad=1, confirm_removals=2).total("removals") == 2
        assert run(begun, path, SECOND, skip_bad=1, confirm_removals=2).acts == 0

    def test_without_removals_there_is_no_question(self, tmp_path: Path, begun: Ledger) -> None:
        path = self.broken(tmp_path, b'101,"NAME 101"', b'1O1,"NAME 101"', range(1, 103))
        report = run(begun, path, SECOND, skip_bad=1)
        assert report.lists == {"parties": Counts(additions=1, unchanged=100)}

    def test_somebody_whose_key_was_erased_may_stand_in_any_of_them(self, tmp_path: Path, begun: Ledger) -> None:
        subject = subject_of(begun, "parties", "50")
        grant_erasure(begun, "parties")
        erase(begun, "parties", subject, "key")
        path = self.broken(tmp_path, b'50,"NAME 50"', b'50,"NAME 50', range(1, 101))
        report = run(begun, path, SECOND, skip_bad=1)
        assert report.lists == {"parties": Counts(unchanged=99, held=1)}
        assert begun.lookup(subject, "parties").status == "listed"

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.sets(st.integers(1, 9)),
        st.dictionaries(st.integers(1, 9), st.sampled_from(["", '"', ",,", "\0"]), max_size=9),
    )
    def test_whoever_is_named_anywhere_in_the_file_stays(
        self, tmp_path_factory: pytest.TempPathFactory, before: set[int], edition: dict[int, str]
    ) -> None:
        directory = tmp_path_factory.mktemp("skipped")
        with found(directory) as ledger:
            run(ledger, sdn_file(directory / "1.csv", rows(sorted(before))), FIRST)
            path = directory / "2.csv"
            lines = [sdn_file(path, rows([one])).read_bytes()[:-3] + harm.encode() for one, harm in edition.items()]
            path.write_bytes(b"\r\n".join(lines))
            good = {str(one) for one, harm in edition.items() if not harm}
            skip = len(edition) - len(good)
            report = run(ledger, path, SECOND, skip_bad=skip, max_removed_share=1)
            assert members(ledger, "parties", SECOND) == good | {str(one) for one in before & edition.keys()}
            assert report.total("held") == len({one for one in before & edition.keys() if edition[one]})


def test_where_an_import_goes_on(tmp_path: Path, ledger: Ledger) -> None:
    first, second = sdn_file(tmp_path / "1.csv", rows(range(1, 101))), sdn_file(tmp_path / "2.csv", rows(range(3, 110)))
    report = run(ledger, first, FIRST)
    assert (report.recorded_before, report.goes_on) == (0, 1)
    report = run(ledger, second, SECOND)
    assert (report.recorded_before, report.goes_on, report.recorded) == (0, 99, 11)
    report = run(ledger, second, SECOND)
    assert (report.recorded_before, report.removed_before, report.goes_on) == (11, 2, None)


def test_a_file_that_changes_meanwhile_is_noticed(tmp_path: Path, ledger: Ledger) -> None:
    path = sdn_file(tmp_path / "1.csv", rows(range(1, 150)))

    def change(_what: str, _done: int, _of: int) -> None:
        path.write_bytes(path.read_bytes().replace(b"SDGT", b"IRAN"))

    with pytest.raises(FormatError, match="was changed while it was imported"):
        run(ledger, path, FIRST, progress=change)
    assert not ledger.governance.lists["parties"].opened


def test_an_identity_that_was_erased_is_a_stranger(tmp_path: Path, ledger: Ledger) -> None:
    path = sdn_file(tmp_path / "1.csv", rows(range(1, 101)))
    run(ledger, path, FIRST)
    subject = subject_of(ledger, "parties", "5")
    grant_erasure(ledger, "parties")
    erase(ledger, "parties", subject, "key", "name", "programs", "sdn_type")
    report = run(ledger, path, FIRST)
    # Nobody can tell any more that the handle stood for 5: it goes off the list, and the source's 5 comes on it anew.
    assert report.lists == {"parties": Counts(additions=1, removals=1, unchanged=99)}
    assert report.examples["removals"] == [f"parties: {subject}"]
    assert len(members(ledger, "parties")) == 100
    assert subject_of(ledger, "parties", "5") != subject


def test_a_particular_that_was_erased_is_not_filled_again(tmp_path: Path, ledger: Ledger) -> None:
    run(ledger, sdn_file(tmp_path / "1.csv", rows(range(1, 101))), FIRST)
    subject = subject_of(ledger, "parties", "5")
    grant_erasure(ledger, "parties")
    erase(ledger, "parties", subject, "name")
    path = sdn_file(tmp_path / "2.csv", [*rows(range(1, 5)), [5, "SECRET", "individual", "IRAN"], *rows(range(6, 101))])
    report = run(ledger, path, SECOND)
    assert report.lists == {"parties": Counts(corrections=1, unchanged=99)}
    assert report.examples["corrections"] == ["parties: line 5, key 5: programs"]
    assert run(ledger, path, SECOND).acts == 0


def test_content_that_is_lost_is_not_taken_for_a_change(tmp_path: Path, ledger: Ledger) -> None:
    path = sdn_file(tmp_path / "1.csv", rows(range(1, 101)))
    run(ledger, path, FIRST)
    ledger.close()
    shutil.rmtree(tmp_path / "ledger" / "private")
    PrivateStore.open(tmp_path / "ledger" / "private", CONTENT_KEY, create=True).close()
    with reopen(tmp_path) as again:
        size = again.size
        for confirmed in (None, 100):
            with pytest.raises(CannotVerify, match="is not here, and was not erased"):
                run(again, path, FIRST, confirm_removals=confirmed)
        assert again.size == size


def test_without_an_opener_a_list_that_is_not_open_is_not_begun(tmp_path: Path, ledger: Ledger) -> None:
    path, size = sdn_file(tmp_path / "1.csv", rows([1])), ledger.size
    with pytest.raises(UsageError, match="is not open: give the key"):
        import_snapshot(ledger, path, list_id="parties", dated=FIRST, signer=ACT)
    assert ledger.size == size


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.integers(1, 9), st.sampled_from("ABC"), max_size=9), min_size=1, max_size=5))
def test_after_any_editions_the_ledger_says_what_each_said(
    tmp_path_factory: pytest.TempPathFactory, editions: list[dict[int, str]]
) -> None:
    directory = tmp_path_factory.mktemp("editions")
    with found(directory) as ledger:
        for month, edition in enumerate(editions, 1):
            path = sdn_file(directory / f"{month}.csv", [[number, name] for number, name in edition.items()])
            run(ledger, path, f"2025-{month:02}-01", max_removed_share=1)
            assert {key: details(ledger, key)["name"] for key in members(ledger, "parties")} == {
                str(number): name for number, name in edition.items()
            }
        for month, edition in enumerate(editions[1:], 2):
            assert members(ledger, "parties", f"2025-{month:02}-28") == set(map(str, edition))
