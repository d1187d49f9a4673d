"""What an author needs to sign, with no access to the ledger: drafts, words, the key's own sequence, submissions."""
