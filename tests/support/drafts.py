"""Drafts of acts: one function for each type, valid in the world of `support.courts` on its first day, with changes.

listing_add(OTHER_FIRM, until="2027-03-02")      # everything not named has a sensible value
"""

from __future__ import annotations

from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.acts.identifiers import lei_check_digits, uscc_check_digit
from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.rules.engine import RULE_SETS
from support.world import DAY, Receipt, authority_of, public_key

LAW = "enforcement-law"
NO_REF = ActRef(bytes(32), 0)
"""A reference to an act of an entry that does not exist."""

# Keys that must not be added: for the first everything is signed, the others are no encodings of points.
SMALL_ORDER = b"\x01" + (1).to_bytes(32, "little")
NOT_CANONICAL = b"\x01" + (2**255 - 18).to_bytes(32, "little")
NOT_ON_THE_CURVE = b"\x01" + (2).to_bytes(32, "little")
UNSOUND_KEYS = frozenset({SMALL_ORDER, NOT_CANONICAL, NOT_ON_THE_CURVE})


def uscc(number: int) -> Subject:
    """The n-th firm with a Unified Social Credit Code."""
    first = f"9111000060003{number:04}"
    return Subject.uscc(first + uscc_check_digit(first))


def lei(number: int) -> Subject:
    """The n-th firm with a Legal Entity Identifier."""
    first = f"5493001KJTIIGC8Y{number:02}"
    return Subject.lei(first + lei_check_digits(first))


def person(number: int) -> Subject:
    """The n-th natural person, by a handle."""
    return Subject.handle(number.to_bytes(32, "big"))


FIRM = uscc(1)
OTHER_FIRM = uscc(2)
PERSON = person(1)


def law_register(law: str, **changes: Any) -> acts.LawRegister:
    act = acts.LawRegister(
        law=law, title="A law", number="No. 1", issuer="The legislature", effective="2000-01-01", until=None
    )
    return act._replace(**changes)


def authority_register(authority: str, parent: str | None = None, **changes: Any) -> acts.AuthorityRegister:
    act = acts.AuthorityRegister(
        authority=authority, name=f"The {authority}", parent=parent, area=None, identity=None, law=LAW, article="Art. 1"
    )
    return act._replace(**changes)


def authority_close(authority: str, **changes: Any) -> acts.AuthorityClose:
    act = acts.AuthorityClose(authority=authority, effective=DAY, successor=None, document="Decree no. 2")
    return act._replace(**changes)


def mandate_grant(authority: str, list_id: str | None, *actions: str, **changes: Any) -> acts.MandateGrant:
    """A mandate called `<authority>-<list>-<first action>` for the actions, everywhere, without an end."""
    act = acts.MandateGrant(
        mandate=f"{authority}-{list_id or 'catalogue'}-{actions[0]}",
        authority=authority,
        list=list_id,
        actions=tuple(sorted(actions)),
        areas=(),
        effective="2001-01-01",
        until=None,
        law=LAW,
        article="Art. 2",
    )
    return act._replace(**changes)


def mandate_revoke(mandate: str, **changes: Any) -> acts.MandateRevoke:
    return acts.MandateRevoke(mandate=mandate, effective=DAY, document="Order no. 3")._replace(**changes)


def ground_register(ground: str, **changes: Any) -> acts.GroundRegister:
    act = acts.GroundRegister(
        ground=ground,
        title="A ground",
        polarity="restriction",
        nature="conduct",
        law=LAW,
        article="Art. 3",
        max_months=24,
    )
    return act._replace(**changes)


def measure_register(measure: str, **changes: Any) -> acts.MeasureRegister:
    act = acts.MeasureRegister(
        measure=measure,
        title="A measure",
        polarity="restriction",
        law=LAW,
        article="Art. 4",
        agency="regulator",
        target="The person listed",
    )
    return act._replace(**changes)


def list_define(list_id: str, **changes: Any) -> acts.ListDefine:
    act = acts.ListDefine(
        list=list_id,
        title="A list",
        polarity="restriction",
        law=LAW,
        article="Art. 5",
        grounds=("evades-by-sham-suit", "refuses-to-obey", "sunset-ground"),
        measures=("no-flights", "sunset-measure"),
        schemes=("handle", "lei", "uscc"),
        consent="none",
        lodgers=("ombudsman",),
        reviewers=("supreme", "tribunal"),
        notice_days=15,
        appeal_days=60,
        decide_days=60,
        source=None,
    )
    return act._replace(**changes)


def list_open(list_id: str, **changes: Any) -> acts.ListOpen:
    return acts.ListOpen(list=list_id, effective="2020-01-01")._replace(**changes)


def list_close(list_id: str, **changes: Any) -> acts.ListClose:
    return acts.ListClose(list=list_id, effective=DAY, document="Order no. 4")._replace(**changes)


def source_cite(list_id: str = "foreign", **changes: Any) -> acts.SourceCite:
    act = acts.SourceCite(list=list_id, name="list.csv", sha256=bytes(32), rows=10, dated=DAY)
    return act._replace(**changes)


def opening_balance(subject: Subject = FIRM, **changes: Any) -> acts.ListingOpeningBalance:
    act = acts.ListingOpeningBalance(
        list="legacy", subject=subject, ground="evades-by-sham-suit", effective="2025-06-01", until="2027-06-01"
    )
    return act._replace(**changes)


def listing_add(subject: Subject = FIRM, **changes: Any) -> acts.ListingAdd:
    act = acts.ListingAdd(
        list="defaulters",
        subject=subject,
        ground="evades-by-sham-suit",
        decided=DAY,
        effective=DAY,
        until="2028-03-02",
    )
    return act._replace(**changes)


def listing_correct(listing: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.ListingCorrect:
    act = acts.ListingCorrect(
        list="defaulters", subject=subject, listing=listing, decided=DAY, effective=DAY, until="2028-03-02"
    )
    return act._replace(**changes)


def listing_suspend(listing: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.ListingSuspend:
    act = acts.ListingSuspend(list="defaulters", subject=subject, listing=listing, decided=DAY, effective=DAY)
    return act._replace(**changes)


def listing_restore(listing: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.ListingRestore:
    act = acts.ListingRestore(list="defaulters", subject=subject, listing=listing, decided=DAY, effective=DAY)
    return act._replace(**changes)


def listing_remove(listing: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.ListingRemove:
    act = acts.ListingRemove(
        list="defaulters", subject=subject, listing=listing, reason="performed", decided=DAY, effective=DAY
    )
    return act._replace(**changes)


def listing_annul(listing: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.ListingAnnul:
    act = acts.ListingAnnul(list="defaulters", subject=subject, listing=listing, reason="listed_in_error", decided=DAY)
    return act._replace(**changes)


def appeal_file(listing: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.AppealFile:
    return acts.AppealFile(list="defaulters", subject=subject, listing=listing, filed=DAY)._replace(**changes)


def appeal_decide(appeal: ActRef = NO_REF, outcome: str = "uphold", **changes: Any) -> acts.AppealDecide:
    act = acts.AppealDecide(list="defaulters", subject=FIRM, appeal=appeal, outcome=outcome, decided=DAY, effective=DAY)
    return act._replace(**changes)


def appeal_withdraw(appeal: ActRef = NO_REF, subject: Subject = FIRM, **changes: Any) -> acts.AppealWithdraw:
    return acts.AppealWithdraw(list="defaulters", subject=subject, appeal=appeal, withdrawn=DAY)._replace(**changes)


def content_erase(*commitments: bytes, subject: Subject = FIRM, **changes: Any) -> acts.ContentErase:
    act = acts.ContentErase(
        list="defaulters",
        subject=subject,
        commitments=tuple(sorted(commitments)),
        decided=DAY,
        law=LAW,
        article="Art. 6",
    )
    return act._replace(**changes)


def content(number: int, label: str = "reasons") -> Commitment:
    """A commitment to nothing in particular."""
    return Commitment(label, number.to_bytes(32, "big"))


def key_revoke(
    label: str, reason: str = "compromised", stands_behind: tuple[int, bytes] | None = None
) -> acts.KeyRevoke:
    """`key.revoke` for the key of a label."""
    return acts.KeyRevoke(
        authority=authority_of(label), key=public_key(label), reason=reason, stands_behind=stands_behind
    )


def entry_confirm(label: str, author_seq: int, receipt: Receipt) -> acts.EntryConfirm:
    """`entry.confirm` for an entry of the key of a label."""
    return acts.EntryConfirm(authority=authority_of(label), key=public_key(label), entry=(author_seq, receipt.digest))


def rules_activate(rule_set: str = "rules-1", **changes: Any) -> acts.RulesActivate:
    return acts.RulesActivate(rule_set=rule_set, rule_set_hash=RULE_SETS["rules-1"])._replace(**changes)
