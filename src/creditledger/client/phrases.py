"""The phrases that sentences about acts are made of: dates, hashes, keys, codes, free text, in a fixed English.

Nothing here depends on a locale. Identifiers and public subjects are shown whole; hashes, handles and keys by their
first sixteen hexadecimal digits; free text in curly quotes, so that it cannot pass for the sentence around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from creditledger.acts.kinds import ActRef, Commitment, Subject
from creditledger.codec.dates import date_of_day
from creditledger.codec.text import count as _count

Address = Callable[[ActRef], str | None]
"""Says where an act stands in the log, such as `17.0`, or None if that is not known."""

count = _count
"""Returns `1 day`, `2 days`, `2 entries`."""

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

ACTION_WORDS = {
    "add": "add listings",
    "annul": "annul listings",
    "catalogue": "keep the catalogue",
    "correct": "correct listings",
    "define": "define lists",
    "delegate": "pass the mandate on",
    "erase": "order the erasure of content",
    "lodge": "lodge appeals",
    "remove": "remove listings",
    "review": "decide appeals",
    "suspend": "suspend listings",
    "transcribe": "transcribe another body's list",
}
NATURE_WORDS = {
    "conduct": "conduct",
    "judgment": "a judgment",
    "merit": "merit",
    "offence": "an offence",
    "score": "a score",
    "status": "a legal status",
}
REASON_WORDS = {
    "appeal_quashed": "it was quashed on appeal",
    "basis_revoked": "the decision it rested on was revoked",
    "conditions_met": "its conditions were met",
    "creditor_request": "the creditor asked for it",
    "deceased_or_dissolved": "the person died or the firm was dissolved",
    "deemed": "the law deems it removed",
    "early_cure": "the fault was cured early",
    "enforcement_terminated": "enforcement was terminated",
    "listed_in_error": "it was listed in error",
    "no_assets": "no assets were found",
    "performed": "the obligation was performed",
    "quashed_ex_tunc": "it was quashed from the beginning on appeal",
    "repaired": "credit repair was granted",
    "settled": "a settlement was reached",
    "stayed": "enforcement was stayed",
    "superseded": "another listing supersedes it",
    "term_expired": "its term expired",
    "unenforceable": "the judgment cannot be enforced",
}
REVOCATION_WORDS = {
    "compromised": "it is compromised",
    "lost": "it is lost",
    "retired": "it is retired",
    "superseded": "another key takes its place",
}
OUTCOME_WORDS = {
    "quash_ex_nunc": "quashes the listing from the effective day on",
    "quash_ex_tunc": "quashes the listing from its beginning",
    "remit": "sends the case back to be decided afresh",
    "uphold": "upholds the listing",
    "vary": "shortens the listing",
}
ROLE_WORDS = {"act": "act key", "admin": "admin key", "log": "log key", "root": "root key"}


def day_in_words(date: str) -> str:
    """Return `3 March 2026` for `2026-03-03`."""
    return f"{int(date[8:])} {_MONTHS[int(date[5:7]) - 1]} {int(date[:4])}"


def moment(us: int) -> str:
    """Return `3 March 2026, 14:05:09 UTC` for microseconds since the Unix epoch; fractions of a second are dropped."""
    days, seconds = divmod(us // 1_000_000, 86_400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{day_in_words(date_of_day(days))}, {clock} UTC"


def short(digest: bytes) -> str:
    """Return the first sixteen hexadecimal digits of a hash, and an ellipsis."""
    return f"{digest.hex()[:16]}…"


def fingerprint(key: bytes) -> str:
    """Return a 33-byte key's type and its first sixteen hexadecimal digits, as refusals show it too."""
    return f"{key.hex()[:18]}…"


def subject_in_words(subject: Subject) -> str:
    """Return `scheme:value`; of a handle, which is long and means nothing, the first sixteen digits."""
    scheme, value = subject
    return f"{scheme}:{short(value) if isinstance(value, bytes) else value}"


def reference(ref: ActRef, address: Address | None = None) -> str:
    """Return which act is meant: by its address if that is known, else by the hash of its entry."""
    if ref.entry is None:
        return f"act {ref.act} of this entry"
    found = None if address is None else address(ref)
    return f"act {ref.act} of entry {short(ref.entry)}" if found is None else f"act {found}"


def quoted(text: str) -> str:
    """Return free text in curly quotes; a closing one inside is marked, so that the text cannot end early."""
    return "“" + text.replace("\\", "\\\\").replace("”", "\\”") + "”"


def listed(words: Iterable[str]) -> str:
    """Return `a, b and c`; of no words, nothing can be made."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def span(effective: str | None, until: str | None) -> str:
    """Return an interval, `from ... until ...`; either end may be open."""
    begin = "from a day that is not known" if effective is None else f"from {day_in_words(effective)}"
    return begin + (" without a fixed end" if until is None else f" until {day_in_words(until)}")


def basis(act: Any) -> str:
    """Return the legal basis of an act that has the fields `law` and `article`."""
    return f"under law {act.law}, {quoted(act.article)}"


def optional(phrase: str, value: str | None) -> str:
    """Return the phrase with the value in it, or nothing if there is none."""
    return "" if value is None else phrase.format(value)


def attached(content: tuple[Commitment, ...]) -> str:
    """Return the labels of detached content, or nothing if there is none."""
    return f"; with detached content: {', '.join(label for label, _ in content)}" if content else ""
