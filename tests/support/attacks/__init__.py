"""For every rule, entries that it must refuse: `ATTACKS`, gathered from the modules of this package."""

from __future__ import annotations

from support.attacks import (
    on_appeals,
    on_changes,
    on_entries,
    on_keys,
    on_listings,
    on_lists,
    on_mandates,
    on_powers,
    on_recourse,
)
from support.attacks.table import ATTACKS, Attack

MODULES = (on_entries, on_powers, on_keys, on_mandates, on_lists, on_listings, on_changes, on_appeals, on_recourse)
"""Where the attacks stand; importing a module enters its attacks into the table."""

__all__ = ["ATTACKS", "MODULES", "Attack"]
