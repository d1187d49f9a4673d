#!/usr/bin/env python3
"""Write into the format specification what the code knows best: act tables, code points, a worked example.

    tools/make_spec_tables.py            rewrite the generated parts of src/creditledger/spec/format-v1.md
    tools/make_spec_tables.py --check    show the difference and exit with 1 if a part is not current

A generated part stands between `<!-- BEGIN GENERATED name -->` and `<!-- END GENERATED name -->`. The tables come from
`acts/registry.py`; what a field means is written here, and a field without a meaning, or a meaning without a field, is
an error.
"""

from __future__ import annotations

import difflib
import hashlib
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from creditledger.acts.catalogue import Act, LawRegister, LedgerCreate
from creditledger.acts.registry import ACT_TYPES, ActType
from creditledger.codec.text import FORBIDDEN, SPACES
from creditledger.keys.signer import MemorySigner
from creditledger.record.entry import ZERO_HASH, Entry, encode_entry, entry_hash
from creditledger.record.record import Record, encode_record
from creditledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from creditledger.tlog.note import NoteSigner
from creditledger.tlog.tree import Frontier, leaf_hash

SPEC = Path(__file__).parent.parent / "src/creditledger/spec"
TARGET = SPEC / "format-v1.md"

MEANINGS: dict[str, str] = {
    "appeal": "The `appeal.file` act concerned.",
    "appeal_days": "Period for lodging an appeal, in calendar days.",
    "area": "The area concerned; contained in those that it continues after `-` or `.`.",
    "article": "Where in that law.",
    "authority": "The authority concerned.",
    "case": "A random number that tells several proceedings about one subject apart; never a case number.",
    "content": "Commitments to detached content (section 9).",
    "decide_days": "Period for deciding an appeal, in calendar days.",
    "decided": "The day of the decision.",
    "document": "The instrument by which it was decided.",
    "effective": "The first day on which it holds.",
    "ground": "The ground concerned.",
    "law": "The law or instrument that it rests on.",
    "list": "The list concerned.",
    "listing": "The `listing.add` or `listing.opening_balance` act concerned.",
    "mandate": "The mandate concerned.",
    "measures": "The measures concerned.",
    "notice_days": "Period between notice and listing, in calendar days.",
    "polarity": "Whether it favours, watches or restricts.",
    "reason": "Why.",
    "rule_set": "The identifier of a rule set.",
    "rule_set_hash": "SHA-256 of that rule set's published text.",
    "source": "The `source.cite` act of the same entry that it was transcribed from.",
    "subject": "Whom it is about.",
    "successor": "The authority that takes over.",
    "title": "Its name as published.",
    "until": "The first day on which it no longer holds; nil: no end is set.",
}

SPECIAL: dict[tuple[str, str], str] = {
    ("ledger.create/1", "origin"): "The name of the log, and of its log keys in vkeys.",
    ("ledger.create/1", "utc_offset"): "Added to UTC, it gives the civil day of every record, for ever.",
    ("ledger.create/1", "log_keys"): "Keys that sign checkpoints.",
    ("ledger.create/1", "root_keys"): "Keys that govern.",
    ("ledger.create/1", "threshold"): "How many root keys sign an act of root.",
    ("authority.register/1", "authority"): "Its identifier from here on.",
    ("authority.register/1", "name"): "Its name as published.",
    ("authority.register/1", "parent"): "The authority above it; nil: none.",
    ("authority.register/1", "area"): "Where it is seated; information only.",
    ("authority.register/1", "identity"): "The body itself as a subject, so that it cannot act on itself.",
    ("authority.close/1", "effective"): "The first day on which it acts no longer.",
    ("mandate.grant/1", "mandate"): "Its identifier from here on.",
    ("mandate.grant/1", "list"): "The list; nil: the catalogue and the definition of lists.",
    ("mandate.grant/1", "actions"): "What may be done.",
    ("mandate.grant/1", "areas"): "Where; empty: everywhere.",
    ("mandate.revoke/1", "effective"): "The first day on which it holds no longer.",
    ("key.add/1", "authority"): "Whose key it becomes; `root` for roles `root` and `log`.",
    ("key.add/1", "key"): "The key.",
    ("key.add/1", "role"): "What it may sign.",
    ("key.add/1", "until"): "The first day on which it signs no longer; nil: no end is set.",
    ("key.revoke/1", "authority"): "Whose key it is.",
    ("key.revoke/1", "key"): "The key.",
    ("key.revoke/1", "stands_behind"): "The key's last entry that the authority answers for; nil: none.",
    ("entry.confirm/1", "authority"): "Whose entry it is.",
    ("entry.confirm/1", "key"): "The revoked key that made it.",
    ("entry.confirm/1", "entry"): "The entry.",
    ("law.register/1", "law"): "Its identifier from here on.",
    ("law.register/1", "number"): "Its number as published.",
    ("law.register/1", "issuer"): "Who issued it.",
    ("ground.register/1", "ground"): "Its identifier from here on.",
    ("ground.register/1", "nature"): "What sort of fact it is.",
    ("ground.register/1", "max_months"): "The longest term of a listing on it, in months; nil: no fixed term.",
    ("measure.register/1", "measure"): "Its identifier from here on.",
    ("measure.register/1", "agency"): "The authority that applies it.",
    ("measure.register/1", "target"): "Whom or what it affects.",
    ("list.define/1", "list"): "Its identifier from here on.",
    ("list.define/1", "grounds"): "The grounds a listing may rest on.",
    ("list.define/1", "measures"): "The measures a listing may carry.",
    ("list.define/1", "schemes"): "The kinds of subject it admits.",
    ("list.define/1", "consent"): "Whose cosignature a listing needs beside the deciding authority's.",
    ("list.define/1", "lodgers"): "Authorities that may be empowered to lodge appeals.",
    ("list.define/1", "reviewers"): "Authorities that may be empowered to decide them.",
    ("list.define/1", "source"): "The body whose list it is a transcript of; nil: its own decisions.",
    ("list.close/1", "effective"): "The first day on which nobody is listed any more.",
    ("source.cite/1", "name"): "The file's name.",
    ("source.cite/1", "sha256"): "SHA-256 of the file.",
    ("source.cite/1", "rows"): "How many rows it has.",
    ("source.cite/1", "dated"): "Its date of issue.",
    ("listing.opening_balance/1", "effective"): "The first day of the listing; nil: unknown.",
    ("listing.correct/1", "effective"): "The first day of the listing, restated; nil: still unknown.",
    ("listing.correct/1", "until"): "The end of the listing, restated.",
    ("listing.correct/1", "area"): "The area, restated.",
    ("listing.remove/1", "effective"): "The first day on which the listing no longer holds.",
    ("listing.remove/1", "appeal"): "The appeal that was decided so, where the reason rests on one.",
    ("listing.annul/1", "appeal"): "The appeal that was decided so, where the reason rests on one.",
    ("listing.suspend/1", "effective"): "The first day of the suspension.",
    ("listing.suspend/1", "appeal"): "The appeal it awaits, if one.",
    ("listing.restore/1", "effective"): "The first day on which the listing counts again.",
    ("appeal.file/1", "filed"): "The day on which the person lodged it.",
    ("appeal.decide/1", "outcome"): "What was decided.",
    ("appeal.decide/1", "effective"): "The day on which the decision takes effect.",
    ("appeal.decide/1", "until"): "The new end of the listing, with `vary`; otherwise nil.",
    ("appeal.withdraw/1", "withdrawn"): "The day on which it was taken back.",
    ("content.erase/1", "commitments"): "The commitments whose content and nonce are destroyed.",
}


def meaning(act_type: str, field: str) -> str:
    """Return what a field means; KeyError if nobody has written it down."""
    return SPECIAL.get((act_type, field)) or MEANINGS[field]


def check_meanings() -> None:
    """Raise ValueError for a meaning that belongs to no field."""
    fields = {(name, field) for name, kind in ACT_TYPES.items() for field, _ in kind.fields}
    general = {field for name, field in fields if (name, field) not in SPECIAL}
    if surplus := sorted(map(str, {*(SPECIAL.keys() - fields), *(MEANINGS.keys() - general)})):
        raise ValueError(f"meanings that no field uses: {', '.join(surplus)}")


def acts() -> str:
    """Return one table for each act type: field, kind, meaning."""
    check_meanings()
    return "\n\n".join(_act_table(name, kind) for name, kind in ACT_TYPES.items())


def _act_table(name: str, kind: ActType) -> str:
    summary = f"{'Subject' if kind.is_subject_act else 'Governance'} act. {kind.summary}"
    heading = f"#### `{name}`\n\n{textwrap.fill(summary, 118)}\n"
    fields = enumerate(kind.fields, 1)
    rows = [f"| {i} | `{field}` | {sort.describe} | {meaning(name, field)} |" for i, (field, sort) in fields]
    return "\n".join([heading, "| | field | kind | meaning |", "|---|---|---|---|", *rows])


def codepoints() -> str:
    """Return the forbidden code points as inclusive ranges, and the spaces that no text begins or ends with."""
    ranges = ", ".join(_range(first, last) for first, last in FORBIDDEN)
    spaces = ", ".join(_range(first, last) for first, last in _runs(SPACES))
    return "\n".join(
        [
            "Forbidden anywhere in a text:",
            "",
            *textwrap.wrap(ranges + ".", 118, break_on_hyphens=False),
            "",
            "Forbidden as the first or last code point:",
            "",
            *textwrap.wrap(spaces + ".", 118, break_on_hyphens=False),
        ]
    )


def _range(first: int, last: int) -> str:
    return f"U+{first:04X}" if first == last else f"U+{first:04X}-U+{last:04X}"


def _runs(points: tuple[int, ...]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for point in points:
        if runs and point == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], point)
        else:
            runs.append((point, point))
    return runs


RECORDED_AT = 1_772_323_200_000_000  # 2026-03-01T00:00:00Z
DAY = 86_400_000_000


def example() -> str:
    """Return a ledger of two records, byte for byte: entries, records, hashes, checkpoint."""
    root, log = MemorySigner(b"\x01" * 32), NoteSigner("registry.example.org/defaulters", b"\x02" * 32)
    log_key = b"\x01" + log.verifier.public_key
    rule_set = hashlib.sha256((SPEC / "rules-1.md").read_bytes()).digest()
    found = LedgerCreate(log.verifier.name, "+08:00", (log_key,), (root.public_key,), 1, "rules-1", rule_set)
    law = LawRegister("enforcement-act", "Enforcement Act", "No. 7/2013", "Parliament", "2013-10-01", None)
    tree = Frontier()
    parts = []
    ledger_id = prev = author_prev = ZERO_HASH
    acts: tuple[Act, ...] = (found, law)
    for seq, act in enumerate(acts):
        now = RECORDED_AT + seq * 1_000_000
        entry = encode_entry(Entry(ledger_id, "root", root.public_key, seq, author_prev, (), now + DAY, None, (act,)))
        record = encode_record(Record(seq, now, prev, entry, (root.sign(entry),)))
        author_prev, prev = entry_hash(entry), leaf_hash(record)
        ledger_id = ledger_id if seq else prev
        tree.push(prev)
        parts += [
            _hex(f"entry {seq}", entry), _hex("entry hash", author_prev), _hex(f"record {seq}", record),
            _hex("leaf hash", prev),
        ]  # fmt: skip
    note = sign_checkpoint(Checkpoint(log.verifier.name, tree.size, tree.root()), log)
    return "\n".join(
        [
            "```",
            _hex("root key", root.public_key),
            _hex("log key", log_key),
            f"log vkey: {log.verifier.vkey}",
            *parts,
            _hex("root", tree.root()),
            "```",
            "",
            "The signed checkpoint of size 2:",
            "",
            "```",
            note.decode().rstrip("\n"),
            "```",
        ]
    )


def _hex(name: str, data: bytes) -> str:
    digits = data.hex()
    return f"{name}: {digits}" if len(data) <= 48 else "\n  ".join([f"{name}:", *textwrap.wrap(digits, 112)])


PARTS: dict[str, Callable[[], str]] = {"codepoints": codepoints, "acts": acts, "example": example}


def render(text: str) -> str:
    """Return the specification with every generated part made afresh; ValueError if one has no place in it."""
    for name, make in PARTS.items():
        begin, end = f"<!-- BEGIN GENERATED {name} -->", f"<!-- END GENERATED {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"{TARGET.name} must hold {begin} … {end} once")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{make()}\n\n{end}{rest.partition(end)[2]}"
    return text


def main(arguments: list[str]) -> int:
    """Rewrite the file, or compare it."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    found = TARGET.read_text(encoding="utf-8")
    text = render(found)
    if not arguments:
        TARGET.write_text(text, encoding="utf-8")
    elif found != text:
        lines = difflib.unified_diff(found.splitlines(), text.splitlines(), "found", "current", n=1, lineterm="")
        sys.stderr.write("\n".join([*lines][:60]) + f"\n{TARGET} is not current; run this script without --check\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
