"""Setting a transcript up from its description: what is registered, by whom, and what of it was there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from creditledger.errors import FormatError, Refused, StoreError, UsageError
from creditledger.ledger.ledger import Ledger
from creditledger.transfer.transcript import TranscribedList, Transcript, prepare_transcript
from transfer.mirror import ACT, ADMIN, HEADS, LOG, NOW, ROOTS, TRANSCRIPT

TOML = """
authority = "mirror"
name = "Mirror of public lists"
law = "foreign-list-act"
law_title = "Act on the Recognition of Foreign Lists"
law_number = "No. 7/1999"
law_issuer = "Parliament"
law_effective = "2000-01-01"
article = "Art. 1"
ground = "on-source-list"
ground_title = "Stands on the list of the source"
lists = [
  {list = "parties", title = "Parties", source = "Treasury"},
  {list = "hosts", title = "Hosts", source = "Treasury", schemes = ["host", "handle"]},
  {list = "coins", title = "Addresses", source = "Treasury"},
]
"""

NO_LISTS = TOML.partition("lists = [")[0]


def empty(directory: Path) -> Ledger:
    return Ledger.create(
        directory / "ledger", origin="example.org/mirror", log_signer=LOG, root_signers=ROOTS,
        head_dir=directory / HEADS, clock=lambda: NOW,
    )  # fmt: skip


def test_one_entry_sets_everything_up(tmp_path: Path) -> None:
    with empty(tmp_path) as ledger:
        receipt = prepare_transcript(
            ledger, TRANSCRIPT, root_signers=ROOTS[:2], act_signer=ACT, admin_signer=ADMIN, opened="2026-01-01"
        )
        assert receipt is not None
        assert (receipt.seq, ledger.size) == (1, 2)
        governance = ledger.governance
        for list_id in ("parties", "hosts", "coins"):
            row = governance.lists[list_id]
            assert (row.definition.source, row.definition.measures, row.opened) == ("Treasury", (), "2026-01-01")
            assert governance.mandates_in_force("mirror", list_id, "transcribe", ledger.today())
        assert governance.keys[ACT.public_key].role == "act"
        assert governance.keys[ADMIN.public_key].role == "admin"


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    with empty(tmp_path) as ledger:
        arguments: dict[str, Any] = {"root_signers": ROOTS[:2], "act_signer": ACT, "admin_signer": ADMIN}
        assert prepare_transcript(ledger, TRANSCRIPT, **arguments) is not None
        assert prepare_transcript(ledger, TRANSCRIPT, **arguments) is None
        # One list more, and the lists opened: that alone is registered.
        more = TranscribedList("vessels", "Vessels", "Treasury")
        grown = Transcript(
            **{one: getattr(TRANSCRIPT, one) for one in Transcript.__slots__} | {"lists": (*TRANSCRIPT.lists, more)}
        )
        receipt = prepare_transcript(ledger, grown, opened="2026-01-01", **arguments)
        assert receipt is not None
        assert receipt.acts == 2 + 4
        assert prepare_transcript(ledger, grown, opened="2026-01-01", **arguments) is None


@pytest.mark.parametrize(
    "change", [{"law_title": "Another Act"}, {"ground_title": "Another ground"}, {"name": "Another mirror"}]
)
def test_other_terms_are_refused(tmp_path: Path, change: dict[str, str]) -> None:
    with empty(tmp_path) as ledger:
        arguments: dict[str, Any] = {"root_signers": ROOTS[:2], "act_signer": ACT}
        prepare_transcript(ledger, TRANSCRIPT, **arguments)
        other = Transcript(**{one: getattr(TRANSCRIPT, one) for one in Transcript.__slots__} | change)
        with pytest.raises(UsageError, match="registered in other terms"):
            prepare_transcript(ledger, other, **arguments)


def test_it_takes_the_threshold_of_root_keys(tmp_path: Path) -> None:
    with empty(tmp_path) as ledger:
        with pytest.raises(Refused, match="R-ROOT"):
            prepare_transcript(ledger, TRANSCRIPT, root_signers=ROOTS[:1], act_signer=ACT)
        assert ledger.size == 1


def test_a_description_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "transcript.toml"
    path.write_text(TOML)
    assert Transcript.load(path) == TRANSCRIPT


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("not toml", FormatError, id="not TOML"),
        pytest.param("\udcff", FormatError, id="not UTF-8"),
        pytest.param("#" * (1 << 20) + "\n", FormatError, id="too long"),
        pytest.param(TOML.replace("article", "clause"), UsageError, id="unknown setting"),
        pytest.param(TOML.replace('title = "Parties", ', ""), UsageError, id="list without a title"),
        pytest.param(NO_LISTS, UsageError, id="no lists"),
        pytest.param(NO_LISTS + "lists = 5", UsageError, id="lists that are none"),
        pytest.param(NO_LISTS + "lists = [5]", UsageError, id="a list that is none"),
    ],
)
def test_descriptions_that_are_none(tmp_path: Path, text: str, error: type[Exception]) -> None:
    path = tmp_path / "transcript.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(error):
        Transcript.load(path)


def test_a_description_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Transcript.load(tmp_path / "nowhere.toml")
