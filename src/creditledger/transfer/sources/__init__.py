"""Parsers of public lists: pure, streaming, bounded; each yields typed rows, and bad rows with their line numbers."""
