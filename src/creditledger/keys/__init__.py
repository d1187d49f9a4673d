"""Signatures: the strict Ed25519 rule, key files, passphrases and signers."""
