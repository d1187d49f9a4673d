"""What governance acts have in common: what they name is registered, open, free, well formed."""

from __future__ import annotations

from typing import Any

from creditledger.errors import FormatError
from creditledger.keys import ed25519
from creditledger.rules.governance_state import Governance
from creditledger.rules.refusal import (
    refuse,
)
from creditledger.rules.rows import AuthorityRow, LedgerRow, ListRow


def require_free(identifier: str, rows: dict[str, Any], what: str) -> None:
    if identifier in rows:
        refuse("R-ID-TAKEN", f"{what} {identifier} is registered already", "another identifier")


def require_list(governance: Governance, list_id: str) -> ListRow:
    row = governance.lists.get(list_id)
    if row is None:
        refuse("R-UNKNOWN", f"list {list_id} is not defined", "a list defined before")
    return row


def require_open(governance: Governance, authority: str, day: str) -> AuthorityRow:
    row = governance.authorities.get(authority)
    if row is None:
        refuse("R-UNKNOWN", f"authority {authority} is not registered", "an authority registered before")
    if row.closed is not None and row.closed <= day:
        refuse(
            "R-AUTHORITY-CLOSED", f"authority {authority} closed on {row.closed}", "its successor or another authority"
        )
    return row


def require_key_form(key: bytes) -> None:
    try:
        ed25519.check_public_key(key[1:])
    except FormatError as error:
        refuse("R-KEY-FORM", str(error), "a key made by a sound Ed25519 implementation")


def require_ledger(governance: Governance) -> LedgerRow:
    if governance.ledger is None:
        refuse("R-GENESIS", "the ledger is not founded", "ledger.create in record 0")
    return governance.ledger
