"""Measures what the design promises: `python bench/run.py [--sizes 1e4,1e6] [--large] [--json FILE] [--picture FILE]`.

Prints every budget with its floor (must hold), its goal (what we are after), what was measured, and the verdict. Ends
with status 1 if a floor was missed. Each measurement runs in a process of its own (`tasks.py`); what is compared is
measured side by side, so that a machine that is busy or slow spoils both sides alike.

Budgets in units of time were set on a machine of which one thread verifies 24,000 signatures a second. Before and after
each measurement it is measured how many this machine verifies; `at that pace` is what was measured, as it would be
there, and the verdict is about that. Both are printed, and how busy the machine was with other things.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from creditledger.workers import processors
from picture import Line, Panel, draw
from rows import PACE, TIMES, Row, number, proof_rows, published_rows, tessera_rows

TASKS = Path(__file__).with_name("tasks.py")
LARGE = 10_000_000
SINGLE_MOST = 1_000_000
"""Acts up to which a ledger with one act an entry is built: ten million would take hours to sign."""
MILLION = 1_000_000
CONCURRENT_EACH = 200
QUESTIONS = 5_000
IMPORTS = 15
CHECKPOINTS = 200
ENTRY_BYTES = 337
"""Bytes of an entry with one listing, for the size of a receipt."""
BUSY = 0.1


class Ledger(NamedTuple):
    """What was measured on one ledger: its number of acts, acts an entry, bytes an entry, and each task's result."""

    acts: int
    acts_each: int
    entry_bytes: float
    append: dict[str, Any]
    reference: dict[str, Any]
    ask: dict[str, Any]
    audit: dict[str, Any]
    concurrent: dict[str, Any]
    published: dict[str, Any]

    @property
    def append_rate(self) -> float:
        """Acts a second over the whole append."""
        return float(self.acts / self.append["seconds"])

    @property
    def late_rate(self) -> float:
        """Acts a second over the last tenth of the append: what it costs at this size."""
        curve = self.append["curve"]
        before = next(point for point in reversed(curve) if point[0] <= 0.9 * self.acts or point is curve[0])
        last = curve[-1]
        return float((last[0] - before[0]) / (last[1] - before[1])) if last[0] > before[0] else self.append_rate

    @property
    def audit_rate(self) -> float:
        """Acts a second of the audit."""
        return float(self.acts / self.audit["seconds"])


def run(name: str, **given: Any) -> dict[str, Any]:
    """The result of one task, in a process of its own."""
    process = subprocess.run(
        [sys.executable, str(TASKS), name, json.dumps(given)], stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, Any] = json.loads(process.stdout)
    return found


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def measure(base: Path, acts: int, acts_each: int) -> Ledger:
    """Build one ledger and measure everything about it."""
    what = f"{acts:,} acts, {acts_each} an entry"
    say(f"{what}: signing the entries")
    file = run("prepare", base=str(base), acts_each=acts_each, acts=acts)
    del file["elsewhere"], file["pace"]
    say(f"{what}: appending")
    rounds = 1 if file["number"] <= 50_000 else 5
    appended = run("append", base=str(base), file=file, rounds=rounds)
    say(f"{what}: the reference loop, looking up, auditing, appending concurrently")
    reference = run("reference", base=str(base), file=file, number=min(file["number"], 200_000 // acts_each))
    asked = run("ask", base=str(base), acts=acts, questions=QUESTIONS)
    audited = run("audit", base=str(base), file=file)
    concurrent = run("concurrent", base=str(base), each=CONCURRENT_EACH, first=acts)
    say(f"{what}: publishing, and verifying what was published")
    published = run("published", base=str(base))
    return Ledger(
        acts,
        acts_each,
        file["entry_bytes"] / file["number"],
        appended,
        reference,
        asked,
        audited,
        concurrent,
        published,
    )


def measure_proofs(base: Path, sizes: list[int]) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    """Proofs in trees of these sizes, and checkpoints."""
    found = {}
    for leaves in sizes:
        say(f"proofs in a tree of {leaves:,} records")
        found[leaves] = run("proofs", base=str(base / "tree"), leaves=leaves, questions=QUESTIONS)
        shutil.rmtree(base / "tree")
    say("checkpoints")
    return found, run("checkpoints", entry_bytes=ENTRY_BYTES, leaves=LARGE, rounds=CHECKPOINTS)


def measure_tessera(base: Path, program: Path | None) -> dict[str, Any]:
    """Tessera's POSIX log on the same disk; nothing without its program."""
    if program is None:
        return {}
    say("Tessera")
    where = {"program": str(program.resolve()), "base": str(base / "tessera")}
    return run("tessera", **where, entry_bytes=ENTRY_BYTES, waiting=20_000, ahead=100_000)


def rows(ledgers: list[Ledger], imports: dict[str, Any]) -> list[Row]:
    """Every budget of the design that these ledgers say something about."""
    found: list[Row] = []
    for one in ledgers:
        acts, verify = one.acts, one.append["verify_rate"]
        if one.acts_each == 1:
            found += [
                Row("bulk append, 1 act an entry, against merely verifying", acts, 0.5, 0.7, one.append_rate / verify,
                    TIMES, remark=f"{one.append_rate:,.0f}/s against {verify:,.0f}/s"),
                Row("full audit, 1 act an entry, against merely verifying", acts, 0.6, 0.85,
                    one.audit_rate / one.audit["verify_rate"], TIMES,
                    remark=f"{one.audit_rate:,.0f}/s against {one.audit['verify_rate']:,.0f}/s"),
            ]  # fmt: skip
            found += published_rows(one.acts, one.published)
            continue
        append_floor, append_goal = _promised(acts, (60_000, 120_000), (40_000, 100_000))
        audit_floor, audit_goal = _promised(acts, (150_000, 300_000), (None, None))
        found += [
            Row("concurrent blocking appends, 64 threads", acts, 10_000, 20_000, one.concurrent["per_second"], "/s",
                remark=f"{one.concurrent['group']:.0f} to a commit", pace=one.concurrent["pace"]),
            Row("append, 100 acts an entry", acts, append_floor, append_goal, one.late_rate, "acts/s",
                remark=f"the last tenth; {one.append_rate:,.0f} over all", pace=one.append["pace"]),
            Row("full audit, 100 acts an entry", acts, audit_floor, audit_goal, one.audit_rate, "acts/s",
                pace=one.audit["pace"]),
            Row("lookup, median", acts, 100, 50, one.ask["lookup"] * 1e6, "µs", most=True,
                pace=one.ask["pace"]),
            Row("inclusion proof, median", acts, 200, 100, one.ask["proof"] * 1e6, "µs", most=True,
                pace=one.ask["pace"]),
            Row("open", acts, 100, 30, max(one.ask["open_writer"], one.ask["open_reader"]) * 1e3, "ms", most=True,
                remark=f"to read {one.ask['open_reader'] * 1e3:.1f}, to write {one.ask['open_writer'] * 1e3:.1f}",
                pace=one.ask["pace"]),
        ]  # fmt: skip
    for one in ledgers:
        if one.acts >= MILLION:
            log, state = one.ask["disk"]["log"], one.ask["disk"]["state"]
            own = one.ask["record_bytes"]
            found.append(
                Row(f"bytes on disk against the records' own, {_each(one)}", one.acts, 3, 2, (log + state) / own, TIMES,
                    most=True, remark=f"log {log / own:.2f}, state {state / own:.2f}; {own / one.acts:.0f} an act")
            )  # fmt: skip
    for name in ("append", "audit"):
        one = max(ledgers, key=lambda ledger: ledger._asdict()[name]["rss_all"])
        found.append(_memory(name, one, one._asdict()[name]))
    library = imports["library"] * 1e3
    found.append(
        Row("import creditledger, over a bare interpreter", None, 60, 40, imports["package"] * 1e3, "ms", most=True,
            remark=f"with Ledger in use {library:.0f}", pace=imports["pace"])
    )  # fmt: skip
    return found


def _promised(
    acts: int, at_million: tuple[int, int], at_ten: tuple[int | None, int | None]
) -> tuple[int | None, int | None]:
    """The floor and the goal of a rate at a size: start-up weighs on what is smaller than a million acts."""
    if acts < MILLION:
        return None, None
    return at_ten if acts >= LARGE else at_million


def _memory(name: str, ledger: Ledger, result: dict[str, Any]) -> Row:
    remark = f"with its workers; {result['rss_own'] / 1e6:.0f} without; {_each(ledger)}"
    return Row(f"RssAnon of {name}", ledger.acts, 300, 150, result["rss_all"] / 1e6, "MB", most=True, remark=remark)


def _each(ledger: Ledger) -> str:
    return f"{ledger.acts_each} act{'' if ledger.acts_each == 1 else 's'} an entry"


def machine(base: Path, busy: float, paces: list[float]) -> dict[str, Any]:
    """The machine, the versions, how busy it was with other things, and how fast at its slowest and fastest."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    mount = max(
        (line.split() for line in Path("/proc/mounts").read_text().splitlines()),
        key=lambda fields: len(fields[1]) if base.is_relative_to(fields[1]) else -1,
    )
    return {
        "processor": f"{processors()} processors, {cpu}",
        "memory": f"{memory / 2**30:.0f} GiB",
        "disk": f"{mount[2]} on {mount[0]}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("creditledger", "lmdb", "msgpack", "pynacl")},
        "sync": "full sync of the log at each commit; the state synced when it is quiet and at the end",
        "busy_elsewhere": busy,
        "pace": [min(paces), max(paces)],
    }


def print_table(found: list[Row], ledgers: list[Ledger], where: dict[str, Any]) -> None:
    """The header, the table, and the reference loop for comparison."""
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items())
    print(f"{where['processor']}, {where['memory']}, {where['disk']}, {where['system']}")
    print(f"Python {where['python']}, {versions}")
    print(f"Sync: {where['sync']}.")
    sizes = {_each(one): f"{one.entry_bytes:,.0f} bytes with {_each(one)}" for one in ledgers}
    print(f"Entries: {'; '.join(sizes.values())}.")
    busy = where["busy_elsewhere"]
    slow, fast = where["pace"]
    print(f"Pace: one thread verifies {slow:,.0f} to {fast:,.0f} signatures a second; budgets were set at {PACE:,}.")
    print(
        f"Other work took up to {busy:.0%} of the processors while this ran"
        + (": rates are too low, ratios are rough.\n" if busy > BUSY else ".\n")
    )
    table = [("what", "acts", "floor", "goal", "measured", "at that pace", "verdict", "remark")]
    for row in found:
        sign = "≤" if row.most else "≥"
        acts = "" if row.acts is None else f"{row.acts:,}"
        floor, goal = ("" if limit is None else f"{sign} {number(limit)}" for limit in (row.floor, row.goal))
        measured = f"{number(row.measured)} {row.unit}"
        scaled = "" if row.pace is None else f"{number(row.scaled)} {row.unit}"
        table.append((row.what, acts, floor, goal, measured, scaled, row.verdict, row.remark))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row_number, cells in enumerate(table):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |")
        if row_number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print("\nThe reference loop (hashing, decoding and puts only, one process, no signatures):")
    for one in ledgers:
        rate = one.reference["acts_per_second"]
        print(
            f"  {one.acts:,} acts, {_each(one)}: {rate:,.0f} acts/s; the append does {one.append_rate / rate:.2f} of it"
        )


def paint(ledgers: list[Ledger], where: dict[str, Any]) -> str:
    """Cost against size."""
    single = [one for one in ledgers if one.acts_each == 1]
    many = [one for one in ledgers if one.acts_each > 1]
    appended, floors = [], {}
    for name, group in (("append, 1 act an entry", single), ("append, 100 acts an entry", many)):
        if group:
            largest = max(group, key=lambda one: one.acts)
            appended.append((name, _curve(largest)))
            floors[name] = 2e6 / largest.append["verify_rate"] if largest.acts_each == 1 else 1e6 / 60_000
    writing = [Line(name, points, floors[name]) for name, points in appended]
    if single:
        verify = [(one.acts, 1e6 / one.append["verify_rate"]) for one in single]
        writing.append(Line("merely verifying", verify))
        writing.append(Line("audit, 1 act an entry", [(one.acts, 1e6 / one.audit_rate) for one in single]))
    if many:
        writing.append(
            Line("audit, 100 acts an entry", [(one.acts, 1e6 / one.audit_rate) for one in many], 1e6 / 150_000)
        )
    asking = [
        Line("lookup", [(one.acts, one.ask["lookup"] * 1e6) for one in many], 100),
        Line("inclusion proof", [(one.acts, one.ask["proof"] * 1e6) for one in many], 200),
        Line("one of 64 appends", [(one.acts, 1e6 / one.concurrent["per_second"]) for one in many], 100),
        Line("open", [(one.acts, max(one.ask["open_writer"], one.ask["open_reader"]) * 1e6) for one in many], 100_000),
    ]
    panels = [Panel("Writing and auditing", "microseconds an act", writing)]
    if many:
        panels.append(Panel("Asking", "microseconds", asking))
    machine_is = f"{where['processor']}; Python {where['python']}"
    subtitle = f"{machine_is}; a dashed line is the most that the line of its colour may cost"
    return draw("creditledger: cost against size", subtitle, panels)


def _curve(ledger: Ledger) -> list[tuple[float, float]]:
    """Microseconds an act at about ten sizes a decade, each measured over the acts since the one before."""
    points: list[tuple[float, float]] = []
    before = ledger.append["curve"][0]
    for acts, seconds in ledger.append["curve"][1:]:
        if acts >= before[0] * 1.25 and acts > before[0]:
            points.append((acts, (seconds - before[1]) / (acts - before[0]) * 1e6))
            before = (acts, seconds)
    return points or [(ledger.acts, 1e6 / ledger.append_rate)]


def main() -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(description="Measure every budget of the design.")
    parser.add_argument("--sizes", default="1e4,1e6", help="acts in the ledgers that are built (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="a ledger of 10^7 acts too; takes some 10 GB of disk")
    parser.add_argument("--tessera", type=Path, help="measure Tessera beside it, with this program (see bench/tessera)")
    parser.add_argument("--directory", type=Path, help="where the ledgers are built (default: the temporary directory)")
    parser.add_argument("--json", type=Path, help="write everything that was measured to this file")
    parser.add_argument("--picture", type=Path, help="draw cost against size into this SVG file")
    arguments = parser.parse_args()
    sizes = [int(float(size)) for size in arguments.sizes.split(",")] + ([LARGE] if arguments.large else [])
    imports = run("imports", rounds=IMPORTS)
    ledgers = []
    with tempfile.TemporaryDirectory(dir=arguments.directory, prefix="creditledger-bench-") as directory:
        base = Path(directory).resolve()
        for acts in sizes:
            for acts_each in (1, 100):
                if acts_each > 1 or acts <= SINGLE_MOST:
                    ledgers.append(measure(base / "one", acts, acts_each))
                    shutil.rmtree(base / "one")
        proofs, checkpoints = measure_proofs(base, sizes)
        tessera = measure_tessera(base, arguments.tessera)
        results = [
            result
            for one in ledgers
            for result in (one.append, one.ask, one.audit, one.concurrent, one.reference, one.published)
        ]
        results += [*proofs.values(), checkpoints, *([tessera] if tessera else [])]
        where = machine(base, max(result["elsewhere"] for result in results), [result["pace"] for result in results])
    found = rows(ledgers, imports) + proof_rows(proofs, checkpoints) + tessera_rows(tessera)
    print_table(found, ledgers, where)
    if arguments.json:
        measured = [{**row._asdict(), "scaled": row.scaled, "verdict": row.verdict} for row in found]
        everything: dict[str, Any] = {"machine": where, "rows": measured, "proofs": proofs, "checkpoints": checkpoints}
        everything["tessera"] = tessera
        everything["ledgers"] = [one._asdict() for one in ledgers]
        arguments.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    if arguments.picture:
        arguments.picture.write_text(paint(ledgers, where), encoding="utf-8")
    return any(row.verdict == "MISSED" for row in found)


if __name__ == "__main__":
    sys.exit(main())
