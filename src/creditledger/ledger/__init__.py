"""Orchestration: creating, opening, appending to and querying one ledger."""
