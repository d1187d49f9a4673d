#!/usr/bin/env python3
"""Make the fixtures of format version 1: whole ledgers as they were exported, and what every later version must say.

    tools/make_fixtures.py            rewrite tests/fixtures/v1/

For each ledger: NAME.ledger, the export with its content; NAME.trust, the trust file; and in golden.json its size and
root, and for each record the leaf hash, the entry hash and the digest of the state after it, which holds every verdict
of the rules. `story` tells the demonstration's story and goes on until every act type has occurred; `transcript`
imports two editions of somebody else's list.

They are made once for a version of the format and kept for ever: what they say is never adapted to a program.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit
from creditledger.acts.kinds import Commitment
from creditledger.acts.registry import ACT_TYPES
from creditledger.audit.trust import Trust
from creditledger.codec.dates import add_months
from creditledger.demo import generated
from creditledger.demo.story import Clock, tell
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.founding import LogSigner
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.record.entry import decode_entry, entry_hash
from creditledger.record.record import decode_record
from creditledger.tlog.tree import leaf_hash
from creditledger.transfer.export import export_ledger
from creditledger.transfer.import_run import ImportOptions
from creditledger.transfer.restore import restore_ledger
from creditledger.transfer.snapshot_import import import_snapshot
from creditledger.transfer.transcript import TranscribedList, Transcript, prepare_transcript

TARGET = Path(__file__).parent.parent / "tests/fixtures/v1"
GOLDEN = "golden.json"
CONTENT_KEY = bytes(range(32))
NEVER = {"rules.activate/1"}
"""An act type that no lawful ledger of this version holds: there is no second rule set."""


class _Epilogue:
    """Goes on where the story ends, with the acts that it has no use for."""

    def __init__(self, ledger: Ledger, clock: Clock, keys: dict[str, MemorySigner]) -> None:
        self.ledger, self.clock, self.keys = ledger, clock, keys

    def by(self, authority: str, *several: acts.Act, contents: Sequence[ContentItem] = ()) -> Receipt:
        return self.ledger.append(list(several), signer=self.keys[authority], contents=list(contents))

    def by_root(self, *several: acts.Act) -> Receipt:
        first, second = sorted(
            (generated.signer(1, f"root-{number}") for number in (1, 2)), key=lambda one: one.public_key
        )
        return self.ledger.append(list(several), signer=first, cosigners=[("root", second)])

    def listing(self, draws: generated.Draws) -> acts.ListingAdd:
        today = self.clock.today()
        return acts.ListingAdd(
            "judgment-defaulters", generated.firm(draws), "evades-by-sham-suit", today, today, add_months(today, 24),
            measures=("no-public-contracts",),
        )  # fmt: skip

    def tell(self) -> None:
        court, draws, list_id = "district-court-1", generated.Draws(1, "epilogue"), "judgment-defaulters"
        one, other = self.listing(draws), self.listing(draws)
        nonce, reasons = draws.bytes(32), b"The car is registered to a cousin."
        digest = commit(nonce, reasons)
        one = one._replace(content=(Commitment("reasons", digest),))
        listed = self.by(court, one, other, contents=[ContentItem(list_id, one.subject, digest, nonce, reasons)])
        self.clock.pass_days(3)
        today = self.clock.today()
        self.by(court, acts.ListingSuspend(list_id, one.subject, listed.ref(0), today, today))
        filed = self.by("ombudsman", acts.AppealFile(list_id, one.subject, listed.ref(0), today))
        self.clock.pass_days(3)
        today = self.clock.today()
        self.by("ombudsman", acts.AppealWithdraw(list_id, one.subject, filed.ref(0), today))
        self.by(court, acts.ListingRestore(list_id, one.subject, listed.ref(0), today, today))
        until = add_months(one.effective, 12)
        self.by(court, acts.ListingCorrect(list_id, one.subject, listed.ref(0), today, one.effective, until))
        self.by(court, acts.ListingAnnul(list_id, other.subject, listed.ref(1), "listed_in_error", today))
        self.by_root(acts.ListClose("trusted-traders", today, "Order 9 of 2024"))
        self.by_root(acts.MandateRevoke("m-09", today, "Order 10 of 2024"))
        self.by_root(acts.AuthorityClose("customs", today, "Act 3 of 2024", None))
        self.by_root(acts.LawRegister("customs-act-2", "Customs Act", "Act 3 of 2024", "Parliament", "2024-05-01"))
        review = self.keys["review-tribunal"]
        head = self.ledger.key_head(review.public_key)
        last = None if head is None or head.next_seq == 0 else (head.next_seq - 1, head.prev)
        self.by_root(acts.KeyRevoke("review-tribunal", review.public_key, "retired", last))


def make_story(scratch: Path) -> tuple[Ledger, MemorySigner]:
    """The story, its epilogue, and the log key."""
    _, keys = tell(scratch / "story", total=60, seed=1, content_key=CONTENT_KEY, head_dir=scratch / "heads")
    clock = Clock("2024-03-04")
    log = keys["log"]
    ledger = Ledger.open(
        scratch / "story", log_signer=log, content_key=CONTENT_KEY, head_dir=scratch / "heads", clock=clock
    )
    _Epilogue(ledger, clock, keys).tell()
    return ledger, log


def make_transcript(scratch: Path) -> tuple[Ledger, MemorySigner]:
    """A transcript of two editions of a list, made up."""
    keys = {name: generated.signer(2, name) for name in ("log", "act", "admin", "root-1", "root-2", "root-3")}
    roots = [keys[f"root-{number}"] for number in (1, 2, 3)]
    ledger = Ledger.create(
        scratch / "transcript", origin="demo.creditledger.example/mirror", log_signer=keys["log"], root_signers=roots,
        utc_offset="+00:00", content_key=CONTENT_KEY, head_dir=scratch / "heads", clock=Clock("2025-02-03"),
    )  # fmt: skip
    transcript = Transcript(
        authority="mirror", name="Mirror of public lists", law="foreign-list-act",
        law_title="Act on the Recognition of Foreign Lists", law_number="No. 7/1999", law_issuer="Parliament",
        law_effective="2000-01-01", article="Art. 1", ground="on-source-list",
        ground_title="Stands on the list of the source", lists=(TranscribedList("parties", "Parties", "Treasury"),),
    )  # fmt: skip
    prepare_transcript(ledger, transcript, root_signers=roots[:2], act_signer=keys["act"], admin_signer=keys["admin"])
    first = [f'{number},"PARTY {number}","individual","PROGRAMME"' + ",-0- " * 8 for number in range(1, 31)]
    second = [*first[1:], '31,"PARTY 31","entity","PROGRAMME"' + ",-0- " * 8]
    second[0] = second[0].replace("PARTY 2", "PARTY II")
    for dated, lines in (("2025-01-01", first), ("2025-02-01", second)):
        file = scratch / f"{dated}.csv"
        file.write_bytes("".join(f"{line}\r\n" for line in lines).encode() + b"\x1a")
        import_snapshot(
            ledger,
            file,
            list_id="parties",
            dated=dated,
            signer=keys["act"],
            opener=keys["admin"],
            options=ImportOptions(),
        )
    return ledger, keys["log"]


def golden(export: Path, scratch: Path) -> dict[str, Any]:
    """What is said of an export: size, root and, record by record, leaf hash, entry hash and digest of the state."""
    shutil.rmtree(scratch, ignore_errors=True)
    restore_ledger(export, scratch / "ledger", content_key=CONTENT_KEY, head_dir=scratch / "heads")
    with Ledger.open(scratch / "ledger", content_key=CONTENT_KEY, head_dir=scratch / "heads") as ledger:
        records = [
            [
                leaf_hash(data).hex(),
                entry_hash(decode_record(data).entry).hex(),
                ledger.replay(size=seq + 1).digest().hex(),
            ]
            for seq, data in ledger.records()
        ]
        return {
            "size": ledger.size,
            "root": ledger.root.hex(),
            "state": ledger.state_digest().hex(),
            "records": records,
        }


def act_types(export: Path) -> set[str]:
    """The types of all acts in an export."""
    data = export.read_bytes()
    at = data.index(b"\n") + 1
    found: set[str] = set()
    while data[at : at + 1] in (b"R", b"C"):
        end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        if data[at : at + 1] == b"R":
            entry = decode_entry(decode_record(data[at + 5 : end]).entry)
            found |= {name for name, kind in ACT_TYPES.items() if any(type(act) is kind.cls for act in entry.acts)}
        at = end
    return found


def main(arguments: list[str]) -> int:
    """Make the files anew."""
    if arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    TARGET.mkdir(parents=True, exist_ok=True)
    said = {}
    types: set[str] = set()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        for name, make in (("story", make_story), ("transcript", make_transcript)):
            export = TARGET / f"{name}.ledger"
            export.unlink(missing_ok=True)
            ledger, log = make(scratch)
            with ledger:
                export_ledger(ledger, export, with_content=True)
                trust = Trust(ledger.origin, ledger.ledger_id, (LogSigner(ledger.origin, log).verifier.vkey,))
            export.chmod(0o644)  # Nobody in it exists.
            (TARGET / f"{name}.trust").write_text(trust.to_text(), encoding="utf-8")
            said[name] = golden(export, scratch / "restored")
            types |= act_types(export)
    missing = set(ACT_TYPES) - types - NEVER
    if missing:
        sys.stderr.write(f"no ledger holds {', '.join(sorted(missing))}\n")
        return 1
    (TARGET / GOLDEN).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
