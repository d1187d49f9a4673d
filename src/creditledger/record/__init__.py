"""What is signed and sequenced: entries and records."""
