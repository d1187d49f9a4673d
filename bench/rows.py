"""Rows of the table that `run.py` prints: a budget, what was measured, and the verdict."""

from __future__ import annotations

from typing import Any, NamedTuple

PACE = 24_000
"""Signatures that one thread verifies in a second on the machine for which the budgets were set."""
TIMES = "times"


class Row(NamedTuple):
    """A budget, and what was measured. `floor` and `goal` are the least allowed, or the most if `most` is true.

    Without them the design promises nothing at this size. `pace` is the machine's while it was measured; None for what
    does not depend on it.
    """

    what: str
    acts: int | None
    floor: float | None
    goal: float | None
    measured: float
    unit: str
    most: bool = False
    remark: str = ""
    pace: float | None = None

    @property
    def scaled(self) -> float:
        """What was measured, as it would be at the pace for which the budgets were set."""
        if self.pace is None:
            return self.measured
        return self.measured * (self.pace / PACE if self.most else PACE / self.pace)

    @property
    def verdict(self) -> str:
        """`goal`, `floor` (it holds, the goal is not reached), or `MISSED`; empty where nothing is promised."""
        for limit, verdict in ((self.goal, "goal"), (self.floor, "floor")):
            if limit is None:
                return ""
            if (self.scaled <= limit) if self.most else (self.scaled >= limit):
                return verdict
        return "MISSED"


def proof_rows(proofs: dict[int, dict[str, Any]], checkpoints: dict[str, Any]) -> list[Row]:
    """What proofs cost in trees of these sizes, and what checkpoints cost with these signatures on them."""
    found: list[Row] = []
    names = {
        "inclusion": "inclusion proof from tiles, median", "consistency": "consistency proof, old to newest, median",
        "between": "consistency proof, old to old, median",
    }  # fmt: skip
    for leaves, result in proofs.items():
        for name, what in names.items():
            floor, goal = (None, None) if name == "between" else (200, 100)
            remark = f"99 of 100 within {result[name]['p99'] * 1e6:,.0f}"
            found.append(
                Row(what, leaves, floor, goal, result[name]["median"] * 1e6, "µs", most=True, remark=remark,
                    pace=result["pace"])
            )  # fmt: skip
    for kind, one in checkpoints.items():
        if isinstance(one, dict):
            remark = (
                f"to verify {one['verify'] * 1e6:,.0f}; bytes: note {one['note']:,}, .tlog-proof {one['proof']:,}, "
                f"receipt {one['receipt']:,} with a record of {one['record']:,}"
            )
            found.append(Row(f"sign a checkpoint: {kind}", None, None, None, one["sign"] * 1e6, "µs", remark=remark))
    return found


def published_rows(acts: int, result: dict[str, Any]) -> list[Row]:
    """What it costs to publish a log and to verify what was published."""
    files = f"{result['files']:,} files of {result['bytes'] / 1e6:,.0f} MB, each synced"
    seconds = {name: f"{result[name]:.2f} s" for name in ("publish", "verify", "audit", "hash", "mirror")}
    return [
        Row("publish, against merely hashing the records", acts, None, None, result["hash"] / result["publish"], TIMES,
            remark=f"{seconds['publish']} against {seconds['hash']}; {files}"),
        Row("verify what was published, against merely hashing", acts, None, None, result["hash"] / result["verify"],
            TIMES, remark=f"{seconds['verify']}, with every signature and rule; the ledger itself: {seconds['audit']}"),
        Row("mirror what was published, against merely hashing", acts, None, None, result["hash"] / result["mirror"],
            TIMES, remark=f"{seconds['mirror']}; each byte verified, each file synced"),
    ]  # fmt: skip


def tessera_rows(result: dict[str, Any]) -> list[Row]:
    """How fast Tessera's POSIX storage appends entries of one act; it verifies nothing and applies no rule."""
    names = {
        "waiting": "Tessera, POSIX: appends that wait, 64 writers",
        "ahead": "Tessera, POSIX: bulk append, 1 act an entry",
    }
    found = []
    for name, what in names.items():
        if name in result:
            one = result[name]
            rate, size = one["entries_per_s"], one["bytes_on_disk"] / one["entries"]
            remark = f"entries of {one['entry_bytes']} bytes, {size:,.0f} bytes of disk each; {one['version']}, "
            remark += f"batches of {one['batch_max_age_ms']} ms at most"
            found.append(Row(what, one["entries"], None, None, rate, "/s", remark=remark))
    return found


def number(value: float) -> str:
    """A number as people read it: whole from a thousand on, three digits below."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
