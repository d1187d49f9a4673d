"""Holding the engine against the naive model: one world, judged by both."""

from __future__ import annotations

from typing import Any

from creditledger.errors import Refused, UnsupportedError
from creditledger.record.entry import CheckedEntry
from creditledger.rules.engine import RULE_SETS
from creditledger.rules.rows import Listing, SubjectRow
from creditledger.rules.status import listing_status
from creditledger.tlog.tree import leaf_hash
from support.drafts import UNSOUND_KEYS
from support.naive import Model, Verdict, naive_model
from support.naive.model import UNSUPPORTED
from support.naive.status import status
from support.world import MemoryView, Receipt, World


def model_of(world: World) -> Model:
    """The naive model in the state that a world's whole history leads to."""
    model = naive_model(RULE_SETS, UNSOUND_KEYS)
    for seq, ((recorded_at, checked), record) in enumerate(zip(world.history, world.records, strict=True)):
        verdict = model.submit(seq, recorded_at, leaf_hash(record), world.view.roots, checked)
        assert not verdict.rules, f"the model refuses record {seq}: {sorted(verdict.rules)}"
    return model


def submit_to_both(world: World, model: Model, checked: CheckedEntry) -> tuple[Verdict, Refused | None, Receipt | None]:
    """Lets engine and model judge an entry, and checks that they agree on the verdict, the act and the rule."""
    leaf = leaf_hash(world.record_of(checked))
    verdict = model.submit(world.size, world.recorded_at, leaf, world.view.roots, checked)
    refusal: Refused | None = None
    receipt: Receipt | None = None
    try:
        receipt = world.submit(checked)
    except Refused as error:
        refusal = error
    except UnsupportedError:
        assert verdict.rules == {UNSUPPORTED}, f"unsupported; the model: {sorted(verdict.rules)}: {checked.entry.acts}"
        return verdict, None, None
    if refusal is None:
        assert not verdict.rules, (
            f"accepted, against {sorted(verdict.rules)} at act {verdict.act}: {checked.entry.acts}"
        )
    else:
        assert refusal.rule in verdict.rules, f"{refusal}; the model: {sorted(verdict.rules)}: {checked.entry.acts}"
        assert refusal.act_index == verdict.act, f"{refusal}; the model stops at act {verdict.act}"
    return verdict, refusal, receipt


def plain_state(view: MemoryView) -> dict[str, dict[Any, Any]]:
    """The engine's state in the form of the model's."""
    governance = view.governance
    return {
        "authority": {name: row._asdict() for name, row in governance.authorities.items()},
        "confirmed": {digest: row._asdict() for digest, row in governance.confirmed.items()},
        "ground": {name: row._asdict() for name, row in governance.grounds.items()},
        "key": {key: row._asdict() for key, row in governance.keys.items()},
        "law": {name: row._asdict() for name, row in governance.laws.items()},
        "list": {
            name: row.definition._asdict() | {"opened": row.opened, "closed": row.closed}
            for name, row in governance.lists.items()
        },
        "mandate": {
            name: row.grant._asdict() | {"granted_by": row.granted_by, "revoked": row.revoked}
            for name, row in governance.mandates.items()
        },
        "measure": {name: row._asdict() for name, row in governance.measures.items()},
        "head": {key: head._asdict() for key, head in view.heads.items()},
        "subject": {_subject(key): _plain_row(SubjectRow.from_bytes(data)) for key, data in view.rows.items()},
    }


def differences(engine: Any, model: Any, where: str = "") -> list[str]:
    """The places in which two plain states differ, each a sentence."""
    if engine == model:
        return []
    if isinstance(engine, dict) and isinstance(model, dict) and engine.keys() == model.keys():
        return [one for key in engine for one in differences(engine[key], model[key], f"{where}/{key}")]
    if isinstance(engine, list) and isinstance(model, list) and len(engine) == len(model):
        return [one for n in range(len(engine)) for one in differences(engine[n], model[n], f"{where}/{n}")]
    return [f"{where}: the engine has {engine!r}, the model {model!r}"]


def taint_differences(world: World, model: Model) -> list[str]:
    """The recorded entries that one of the two holds for tainted and the other does not."""
    answered = model.answered_for()
    return [
        f"record {seq} by {checked.entry.authority}: the engine says tainted={tainted}"
        for seq, (_, checked) in enumerate(world.history)
        if (tainted := _tainted(world, seq)) == (checked.digest in answered)
    ]


def status_differences(world: World, model: Model, known: str, *valid: str) -> list[str]:
    """The listings about which the two answer differently, as known on a day, on any of these days."""
    found, answered = [], model.answered_for()
    for key, data in world.view.rows.items():
        listings = SubjectRow.from_bytes(data).listings
        for listing, plain in zip(listings, model.state["subject"][_subject(key)]["listings"], strict=True):
            restored = [one.restored for one in listing.suspensions if one.restored is not None]
            tainted = any(_tainted(world, seq) for seq in (listing.seq, *restored))
            for day in valid:
                answers = listing_status(listing, day, known, tainted), status(model, answered, plain, day, known)
                if answers[0] != answers[1]:
                    found.append(f"on {day} as known on {known}: {answers}: {plain}")
    return found


def _tainted(world: World, seq: int) -> bool:
    checked = world.history[seq][1]
    return world.view.governance.is_tainted(checked.entry.key, checked.entry.author_seq, checked.digest)


def plain_ledger(view: MemoryView) -> dict[str, Any]:
    ledger = view.governance.ledger
    assert ledger is not None
    return ledger._asdict()


def _subject(key: bytes) -> tuple[str, str, str | bytes]:
    list_id, scheme, value = key.split(b"\x00", 2)
    return list_id.decode(), scheme.decode(), value if scheme == b"handle" else value.decode()


def _plain_row(row: SubjectRow) -> dict[str, Any]:
    return {
        "listings": [_plain_listing(one) for one in row.listings],
        "history": row.history,
        "commitments": row.commitments,
        "erased": row.erased,
    }


def _plain_listing(listing: Listing) -> dict[str, Any]:
    fields = {name: getattr(listing, name) for name in Listing.__slots__}
    appeals = [{name: getattr(one, name) for name in type(one).__slots__} for one in listing.appeals]
    return fields | {
        "co_deciders": list(listing.co_deciders),
        "ended": None if listing.ended is None else listing.ended._asdict(),
        "suspensions": [tuple(one) for one in listing.suspensions],
        "appeals": appeals,
    }
