"""Witnessing (c2sp.org/tlog-witness): cosigning other bodies' checkpoints, and having one's own cosigned."""

from typing import Final

MAX_CLOCK_SKEW: Final = 300
"""Seconds by which the clocks of a witness and of those who rely on it may differ, and a witness's own may go back."""
