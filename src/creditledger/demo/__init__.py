"""A realistic ledger made from a seed: the same seed gives the same records, and so the same root, on every machine."""
