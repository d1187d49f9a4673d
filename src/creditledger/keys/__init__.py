"""Signatures: the strict Ed25519 rule, ML-DSA-44 for checkpoints, key files, passphrases and signers."""
