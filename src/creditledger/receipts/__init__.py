"""Proofs that leave the ledger: made by whoever has it, checked offline by whoever was handed one, decades later."""
