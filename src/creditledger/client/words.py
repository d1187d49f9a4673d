"""Acts and entries in words, so that a clerk reads what is signed before signing it.

Each sentence is made from the typed act alone and says everything that the act says. Nothing is looked up; who can
look up a reference passes `address`.

An interval is half-open in the format: *until* names the first day on which something no longer holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.acts.catalogue import Act
from creditledger.acts.kinds import ActRef
from creditledger.client.phrases import (
    ACTION_WORDS,
    NATURE_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    REVOCATION_WORDS,
    ROLE_WORDS,
    Address,
    attached,
    basis,
    count,
    day_in_words,
    fingerprint,
    listed,
    moment,
    optional,
    quoted,
    reference,
    short,
    span,
    subject_in_words,
)
from creditledger.record.entry import ZERO_HASH, Entry, encode_entry, entry_hash


def describe(act: Act, author: str = "the author", *, address: Address | None = None) -> str:
    """Return an act as one sentence without its full stop, `author` its subject.

    `address` looks references up; one that it does not know is shown by the hash of its entry.
    """
    return f"{author} {_SENTENCES[type(act)](act, lambda ref: reference(ref, address))}"


def describe_entry(entry: Entry, *, address: Address | None = None, unsigned: Collection[bytes] = ()) -> list[str]:
    """Return everything that an entry says, one line per fact: author first, then the acts, each with its number.

    `unsigned` are the keys (33 bytes) of the author and cosigners who have not signed yet; of the others it is said
    that they have.
    """
    ledger = "the ledger that it founds" if entry.ledger_id == ZERO_HASH else f"ledger {short(entry.ledger_id)}"
    signed = "To be signed" if entry.key in unsigned else "Signed"
    lines = [
        f"Entry {short(entry_hash(encode_entry(entry)))} of {entry.authority}, for {ledger}",
        f"{signed} with key {fingerprint(entry.key)}, as its entry number {entry.author_seq}"
        + ("" if entry.author_prev == ZERO_HASH else f" after {short(entry.author_prev)}"),
        f"Can be recorded until {moment(entry.not_after)}",
        "Cites no checkpoint"
        if entry.seen is None
        else f"Its author has verified the ledger up to size {entry.seen[0]}, root {short(entry.seen[1])}",
    ]
    lines += [
        f"{'Still to be countersigned' if key in unsigned else 'Countersigned'} by {who} with key {fingerprint(key)}"
        for who, key in entry.cosigners
    ] or ["Names nobody to countersign it" if entry.key in unsigned else "Countersigned by nobody"]
    lines += [f"Act {index}: {describe(act, entry.authority, address=address)}" for index, act in enumerate(entry.acts)]
    if any(getattr(act, "until", None) is not None for act in entry.acts):
        lines.append("(until: on the day named, and from then on, it no longer holds)")
    return lines


Sentence = Callable[[Any, Callable[[ActRef], str]], str]


def _ledger_create(act: acts.LedgerCreate, _ref: object) -> str:
    return (
        f"founds the ledger {quoted(act.origin)} with civil time UTC{act.utc_offset} and rule set {act.rule_set} "
        f"(text {short(act.rule_set_hash)}), governed by {act.threshold} of {count(len(act.root_keys), 'root key')} "
        f"({', '.join(map(fingerprint, act.root_keys))}), its checkpoints signed by "
        f"{count(len(act.log_keys), 'log key')} ({', '.join(map(fingerprint, act.log_keys))})"
    )


def _rules_activate(act: acts.RulesActivate, _ref: object) -> str:
    return f"puts rule set {act.rule_set} (text {short(act.rule_set_hash)}) in force from the next record on"


def _authority_register(act: acts.AuthorityRegister, _ref: object) -> str:
    return (
        f"registers the authority {act.authority}, {quoted(act.name)}, "
        + ("under no parent" if act.parent is None else f"under its parent {act.parent}")
        + optional(", for area {}", act.area)
        + ("" if act.identity is None else f", with the public identity {subject_in_words(act.identity)}")
        + f", {basis(act)}"
    )


def _authority_close(act: acts.AuthorityClose, _ref: object) -> str:
    end = day_in_words(act.effective)
    successor = "without a successor" if act.successor is None else f"with {act.successor} as its successor"
    return f"closes the authority {act.authority} from {end}, {successor} ({quoted(act.document)})"


def _mandate_grant(act: acts.MandateGrant, _ref: object) -> str:
    return (
        f"grants {act.authority} the mandate {act.mandate} to {listed(ACTION_WORDS[one] for one in act.actions)}, "
        + ("for the catalogue" if act.list is None else f"on list {act.list}")
        + (f", in {listed(act.areas)}" if act.areas else ", in every area")
        + f", {span(act.effective, act.until)}, {basis(act)}"
    )


def _mandate_revoke(act: acts.MandateRevoke, _ref: object) -> str:
    return f"revokes the mandate {act.mandate} from {day_in_words(act.effective)} ({quoted(act.document)})"


def _key_add(act: acts.KeyAdd, _ref: object) -> str:
    end = "without a fixed end" if act.until is None else f"until {day_in_words(act.until)}"
    return f"gives {act.authority} the {ROLE_WORDS[act.role]} {fingerprint(act.key)}, {end}"


def _key_revoke(act: acts.KeyRevoke, _ref: object) -> str:
    if act.stands_behind is None:
        stands = "none of its entries" if act.reason == "compromised" else "its entries, of which there are none"
    elif act.reason != "compromised":
        stands = f"all its entries up to the last, number {act.stands_behind[0]} ({short(act.stands_behind[1])})"
    else:
        stands = f"its entries up to number {act.stands_behind[0]} ({short(act.stands_behind[1])}) and no later one"
    return (
        f"revokes the key {fingerprint(act.key)} of {act.authority} because {REVOCATION_WORDS[act.reason]}; "
        f"{act.authority} stands behind {stands}"
    )


def _entry_confirm(act: acts.EntryConfirm, _ref: object) -> str:
    number, digest = act.entry
    return (
        f"confirms entry number {number} ({short(digest)}) of the key {fingerprint(act.key)} of {act.authority}, "
        "so that its acts count again"
    )


def _law_register(act: acts.LawRegister, _ref: object) -> str:
    return (
        f"registers the law {act.law}, {quoted(act.title)}, {quoted(act.number)}, issued by {quoted(act.issuer)}, "
        f"in force {span(act.effective, act.until)}"
    )


def _ground_register(act: acts.GroundRegister, _ref: object) -> str:
    term = "without a longest term" if act.max_months is None else f"for at most {count(act.max_months, 'month')}"
    return (
        f"registers the ground {act.ground}, {quoted(act.title)}, for {act.polarity}, resting on "
        f"{NATURE_WORDS[act.nature]}, {term}, {basis(act)}"
    )


def _measure_register(act: acts.MeasureRegister, _ref: object) -> str:
    return (
        f"registers the measure {act.measure}, {quoted(act.title)}, for {act.polarity}, applied by {act.agency} to "
        f"{quoted(act.target)}, {basis(act)}"
    )


def _list_define(act: acts.ListDefine, _ref: object) -> str:
    consent = "no countersignature" if act.consent == "none" else "the countersignature of its authority's parent"
    return (
        f"defines the list {act.list}, {quoted(act.title)}, for {act.polarity}, {basis(act)}; "
        + ("" if act.source is None else f"it is a transcript of {quoted(act.source)}; ")
        + f"its grounds: {listed(act.grounds)}; "
        + (f"its measures: {listed(act.measures)}; " if act.measures else "it has no measures; ")
        + f"subjects are named by {listed(act.schemes)}; a listing needs {consent}; "
        + (f"appeals are lodged by {listed(act.lodgers)}; " if act.lodgers else "no body lodges appeals; ")
        + (f"appeals are decided by {listed(act.reviewers)}; " if act.reviewers else "no body decides appeals; ")
        + f"periods: {count(act.notice_days, 'day')} for notice, {count(act.appeal_days, 'day')} to appeal, "
        f"{count(act.decide_days, 'day')} to decide an appeal"
    )


def _list_open(act: acts.ListOpen, _ref: object) -> str:
    return f"opens the list {act.list} from {day_in_words(act.effective)}"


def _list_close(act: acts.ListClose, _ref: object) -> str:
    return f"closes the list {act.list} to new listings from {day_in_words(act.effective)} ({quoted(act.document)})"


def _source_cite(act: acts.SourceCite, _ref: object) -> str:
    return (
        f"cites for list {act.list} the source {quoted(act.name)} of {day_in_words(act.dated)}, "
        f"{count(act.rows, 'row')}, SHA-256 {short(act.sha256)}"
    )


def _particulars(act: Any, ref: Callable[[ActRef], str]) -> str:
    """What listings may also say: case, area, source, content."""
    case = getattr(act, "case", None)
    return (
        ("" if case is None else f"; case {short(case)}")
        + optional("; area {}", act.area)
        + ("" if act.source is None else f"; taken from the source cited in {ref(act.source)}")
        + attached(act.content)
    )


def _opening_balance(act: acts.ListingOpeningBalance, ref: Callable[[ActRef], str]) -> str:
    ground = "on a ground that is not known" if act.ground is None else f"for {act.ground}"
    return (
        f"takes over, unproven, that {subject_in_words(act.subject)} stood on {act.list} {ground}, "
        f"{span(act.effective, act.until)}{_particulars(act, ref)}"
    )


def _add(act: acts.ListingAdd, ref: Callable[[ActRef], str]) -> str:
    measures = f"; measures: {listed(act.measures)}" if act.measures else "; no measures"
    return (
        f"lists {subject_in_words(act.subject)} on {act.list} for {act.ground}, {span(act.effective, act.until)} "
        f"(decided {day_in_words(act.decided)}){measures}{_particulars(act, ref)}"
    )


def _correct(act: acts.ListingCorrect, ref: Callable[[ActRef], str]) -> str:
    area = "; no area" if act.area is None else ""
    return (
        f"corrects {_listing(act, ref)}: it runs {span(act.effective, act.until)} (decided "
        f"{day_in_words(act.decided)}){area}{_particulars(act, ref)}"
    )


def _listing(act: Any, ref: Callable[[ActRef], str]) -> str:
    return f"the listing of {subject_in_words(act.subject)} on {act.list} made by {ref(act.listing)}"


def _suspend(act: acts.ListingSuspend, ref: Callable[[ActRef], str]) -> str:
    return (
        f"suspends {_listing(act, ref)} from {day_in_words(act.effective)} (decided {day_in_words(act.decided)})"
        + _on_appeal(act.appeal, ref)
    )


def _restore(act: acts.ListingRestore, ref: Callable[[ActRef], str]) -> str:
    return (
        f"ends the suspension of {_listing(act, ref)} from {day_in_words(act.effective)} "
        f"(decided {day_in_words(act.decided)})"
    )


def _remove(act: acts.ListingRemove, ref: Callable[[ActRef], str]) -> str:
    source = "" if act.source is None else f"; taken from the source cited in {ref(act.source)}"
    return (
        f"ends {_listing(act, ref)} from {day_in_words(act.effective)} (decided {day_in_words(act.decided)}), because "
        f"{REASON_WORDS[act.reason]}{_on_appeal(act.appeal, ref)}{source}"
    )


def _annul(act: acts.ListingAnnul, ref: Callable[[ActRef], str]) -> str:
    return (
        f"annuls from its beginning {_listing(act, ref)} (decided {day_in_words(act.decided)}), because "
        f"{REASON_WORDS[act.reason]}{_on_appeal(act.appeal, ref)}"
    )


def _on_appeal(appeal: ActRef | None, ref: Callable[[ActRef], str]) -> str:
    return "" if appeal is None else f"; on the appeal lodged by {ref(appeal)}"


def _appeal_file(act: acts.AppealFile, ref: Callable[[ActRef], str]) -> str:
    return f"lodges an appeal against {_listing(act, ref)} (filed {day_in_words(act.filed)}){attached(act.content)}"


def _appeal_decide(act: acts.AppealDecide, ref: Callable[[ActRef], str]) -> str:
    return (
        f"decides the appeal of {subject_in_words(act.subject)} on {act.list} lodged by {ref(act.appeal)}: "
        f"{OUTCOME_WORDS[act.outcome]}"
        + ("" if act.until is None else f", until {day_in_words(act.until)}")
        + f", effective {day_in_words(act.effective)} (decided {day_in_words(act.decided)}){attached(act.content)}"
    )


def _appeal_withdraw(act: acts.AppealWithdraw, ref: Callable[[ActRef], str]) -> str:
    return (
        f"withdraws on {day_in_words(act.withdrawn)} the appeal of {subject_in_words(act.subject)} on {act.list} "
        f"lodged by {ref(act.appeal)}"
    )


def _erase(act: acts.ContentErase, _ref: object) -> str:
    return (
        f"orders the erasure of {count(len(act.commitments), 'item')} of content about "
        f"{subject_in_words(act.subject)} on {act.list} (decided {day_in_words(act.decided)}), {basis(act)}: "
        + ", ".join(map(short, act.commitments))
    )


_SENTENCES: dict[type[Act], Sentence] = {
    acts.LedgerCreate: _ledger_create,
    acts.RulesActivate: _rules_activate,
    acts.AuthorityRegister: _authority_register,
    acts.AuthorityClose: _authority_close,
    acts.MandateGrant: _mandate_grant,
    acts.MandateRevoke: _mandate_revoke,
    acts.KeyAdd: _key_add,
    acts.KeyRevoke: _key_revoke,
    acts.EntryConfirm: _entry_confirm,
    acts.LawRegister: _law_register,
    acts.GroundRegister: _ground_register,
    acts.MeasureRegister: _measure_register,
    acts.ListDefine: _list_define,
    acts.ListOpen: _list_open,
    acts.ListClose: _list_close,
    acts.SourceCite: _source_cite,
    acts.ListingOpeningBalance: _opening_balance,
    acts.ListingAdd: _add,
    acts.ListingCorrect: _correct,
    acts.ListingSuspend: _suspend,
    acts.ListingRestore: _restore,
    acts.ListingRemove: _remove,
    acts.ListingAnnul: _annul,
    acts.AppealFile: _appeal_file,
    acts.AppealDecide: _appeal_decide,
    acts.AppealWithdraw: _appeal_withdraw,
    acts.ContentErase: _erase,
}
