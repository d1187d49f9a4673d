"""A ledger that mirrors somebody else's lists, for tests: keys from labels, a clock of its own, made-up files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.acts.kinds import ActRef, Subject
from creditledger.keys.signer import MemorySigner
from creditledger.ledger.ledger import Ledger
from creditledger.rules.rows import ROOT
from creditledger.transfer.recorded import Recorded
from creditledger.transfer.transcript import TranscribedList, Transcript, prepare_transcript

CONTENT_KEY = bytes(range(32))
NOW = 1_790_000_000_000_000
"""2026-09-21T13:33:20Z, the time on the clock of every ledger here."""

LISTS = ("parties", "hosts", "coins")
HEADS = "heads"


def signer(label: str) -> MemorySigner:
    """The signer of a label, the same in every run and process."""
    return MemorySigner(hashlib.sha256(b"mirror key " + label.encode()).digest())


LOG, ACT, ADMIN = signer("log"), signer("act"), signer("admin")
OMBUDSMAN, TRIBUNAL = signer("ombudsman"), signer("tribunal")
ROOTS = (signer("root 1"), signer("root 2"), signer("root 3"))

TRANSCRIPT = Transcript(
    authority="mirror",
    name="Mirror of public lists",
    law="foreign-list-act",
    law_title="Act on the Recognition of Foreign Lists",
    law_number="No. 7/1999",
    law_issuer="Parliament",
    law_effective="2000-01-01",
    article="Art. 1",
    ground="on-source-list",
    ground_title="Stands on the list of the source",
    lists=(
        TranscribedList("parties", "Parties", "Treasury"),
        TranscribedList("hosts", "Hosts", "Treasury", ("handle", "host")),
        TranscribedList("coins", "Addresses", "Treasury"),
    ),
)


def found(directory: Path, *, utc_offset: str = "+00:00", content_key: bytes | None = CONTENT_KEY) -> Ledger:
    """A new ledger in `directory`/ledger with the transcript set up, its lists not open yet; heads beside it."""
    ledger = Ledger.create(
        directory / "ledger",
        origin="example.org/mirror",
        log_signer=LOG,
        root_signers=ROOTS,
        utc_offset=utc_offset,
        content_key=content_key,
        head_dir=directory / HEADS,
        clock=lambda: NOW,
    )
    prepare_transcript(ledger, TRANSCRIPT, root_signers=ROOTS[:2], act_signer=ACT, admin_signer=ADMIN)
    return ledger


def reopen(
    directory: Path, *, name: str = "ledger", write: bool = True, content_key: bytes | None = CONTENT_KEY
) -> Ledger:
    """The ledger of `found` (or one restored beside it), opened again."""
    return Ledger.open(
        directory / name,
        log_signer=LOG if write else None,
        content_key=content_key,
        head_dir=directory / HEADS,
        clock=lambda: NOW,
    )


def grant_erasure(ledger: Ledger, list_id: str) -> None:
    """Let the transcriber order erasures on a list."""
    mandate = acts.MandateGrant(
        f"erase.{list_id}", "mirror", list_id, ("erase",), "2000-01-01", TRANSCRIPT.law, "Art. 9"
    )
    ledger.append(mandate, signer=ROOTS[0], authority=ROOT, cosigners=[(ROOT, ROOTS[1])])


def erase(ledger: Ledger, list_id: str, subject: Subject, *labels: str) -> list[bytes]:
    """Order the erasure of content about a subject by label; returns the commitments."""
    digests = sorted(
        digest
        for item in ledger.history(subject, list_id)
        for label, digest in getattr(item.act, "content", ())
        if label in labels
    )
    ledger.append(
        acts.ContentErase(list_id, subject, tuple(digests), "2026-09-01", TRANSCRIPT.law, "Art. 9"), signer=ACT
    )
    return digests


def define_reviewed(ledger: Ledger) -> None:
    """Define a transcript, `reviewed`, against whose listings an ombudsman lodges appeals that a tribunal decides."""
    law, like = TRANSCRIPT.law, ledger.governance.lists["hosts"].definition
    given: list[acts.Act] = []
    for who, action in ((OMBUDSMAN, "lodge"), (TRIBUNAL, "review")):
        given += [acts.AuthorityRegister(action, action, law, "Art. 7"), acts.KeyAdd(action, who.public_key, "act")]
    given.append(like._replace(list="reviewed", lodgers=("lodge",), reviewers=("review",)))
    for body, actions in (("mirror", ("define", "transcribe")), ("lodge", ("lodge",)), ("review", ("review",))):
        name = f"reviewed.{body}"
        given.append(acts.MandateGrant(name, body, "reviewed", actions, TRANSCRIPT.law_effective, law, "Art. 7"))
    cosigners = [(ROOT, ROOTS[1]), ("lodge", OMBUDSMAN), ("review", TRIBUNAL)]
    ledger.append(given, signer=ROOTS[0], authority=ROOT, cosigners=cosigners)


def appeal(ledger: Ledger, subject: Subject, *, day: str) -> ActRef:
    """Lodge an appeal against the subject's newest listing on `reviewed`."""
    listing = Recorded(ledger).ref(ledger.lookup(subject, "reviewed").listings[-1].address)
    return ledger.append(acts.AppealFile("reviewed", subject, listing, day), signer=OMBUDSMAN).ref()


def close(ledger: Ledger, subject: Subject, lodged: ActRef, outcome: str, *, day: str) -> None:
    """Close an appeal: it is withdrawn, or decided; one that varies a listing shortens it to the end of 2026."""
    if outcome == "withdrawn":
        ledger.append(acts.AppealWithdraw("reviewed", subject, lodged, day), signer=OMBUDSMAN)
        return
    until = "2026-12-31" if outcome == "vary" else None
    ledger.append(acts.AppealDecide("reviewed", subject, lodged, outcome, day, day, until), signer=TRIBUNAL)


def sdn_file(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    """Write rows of up to 12 columns as OFAC does: quotes around text, `-0- ` where there is nothing, the end mark."""
    text = io.StringIO()
    for row in rows:
        columns = [*row, *[None] * (12 - len(row))]
        cells = ["-0- " if one is None else str(one) if isinstance(one, int) else _quoted(one) for one in columns]
        text.write(",".join(cells) + "\r\n")
    path.write_bytes(text.getvalue().encode() + b"\x1a")
    return path


def _quoted(text: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="").writerow([text])
    return buffer.getvalue()


def events_file(path: Path, events: Iterable[Mapping[str, Any]]) -> Path:
    """Write events as JSON lines."""
    path.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return path


def event(recorded: str, action: str, key: str, **more: str) -> dict[str, str]:
    """One event."""
    return {"recorded": recorded, "action": action, "key": key} | more


def members(ledger: Ledger, list_id: str, day: str | None = None) -> set[str]:
    """The source's keys of who is listed on a day."""
    recorded = Recorded(ledger)
    return {recorded.key_of(list_id, found[0]) or "?" for found in ledger.members(list_id, valid_at=day)}


def subject_of(ledger: Ledger, list_id: str, key: str) -> Subject:
    """Whom a key stands for on a list, whether still listed or not."""
    recorded = Recorded(ledger)
    found = [one[0] for one in ledger.members(list_id, every=True) if recorded.key_of(list_id, one[0]) == key]
    assert len(found) == 1, f"{key} stands for {len(found)} subjects"
    return found[0]


def all_bytes(directory: Path) -> bytes:
    """Every byte of every file under a directory, but for the lock files, in which readers leave their marks."""
    paths = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != "lock.mdb")
    return b"\n".join(path.read_bytes() for path in paths)
