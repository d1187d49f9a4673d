"""Witnessing (c2sp.org/tlog-witness): cosigning other bodies' checkpoints, and having one's own cosigned."""

from typing import Final

MAX_CLOCK_SKEW: Final = 300
"""Seconds by which the clocks of a witness and of those who rely on it may differ, and a witness's own may go back."""
MAX_TIME_APART: Final = 120
"""Seconds by which the time of a cosignature may differ from the clock of the log that asked for it.

Well below `MAX_CLOCK_SKEW`, which audits allow: the rest is for what the log's clock does between that and a record.
"""
