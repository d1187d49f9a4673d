"""For every rule, entries that it must refuse, `ATTACKS`, and some that it must let pass, `NEIGHBOURS`."""

from __future__ import annotations

from support.attacks import (
    on_appeals,
    on_changes,
    on_deciders,
    on_entries,
    on_keys,
    on_listings,
    on_lists,
    on_mandates,
    on_postponement,
    on_powers,
    on_quashings,
    on_recourse,
    on_taint,
)
from support.attacks.table import ATTACKS, NEIGHBOURS, Attack, Neighbour

MODULES = (
    on_entries,
    on_powers,
    on_keys,
    on_taint,
    on_mandates,
    on_lists,
    on_listings,
    on_changes,
    on_appeals,
    on_quashings,
    on_recourse,
    on_deciders,
    on_postponement,
)
"""Where the attacks stand; importing a module enters its attacks into the table."""

__all__ = ["ATTACKS", "MODULES", "NEIGHBOURS", "Attack", "Neighbour"]
