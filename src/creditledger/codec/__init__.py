"""Bytes: the canonical encoding, and the checks of text and dates that every layer above relies on."""
