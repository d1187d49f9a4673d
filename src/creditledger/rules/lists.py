"""The rules for the published catalogue (laws, grounds, measures) and for lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.rules.governance_state import Governance
from creditledger.rules.independence import (
    needs_recourse,
)
from creditledger.rules.refusal import (
    Context,
    refuse,
    require_law,
    require_mandate,
    require_role,
    require_root,
)
from creditledger.rules.registered import require_free, require_list, require_open
from creditledger.rules.rows import ListRow


def _require_catalogue(governance: Governance, context: Context, what: str) -> None:
    """Root, or an admin key with a mandate for the catalogue."""
    if context.role == "root":
        require_root(governance, context, what)
    else:
        require_role(context, "admin")
        require_mandate(governance, context, None, "catalogue")


def _law_register(governance: Governance, context: Context, act: acts.LawRegister) -> None:
    require_free(act.law, governance.laws, "law")
    _require_catalogue(governance, context, f"registering law {act.law}")
    if act.until is not None and act.until <= act.effective:
        refuse("R-DATES", f"law {act.law} would end on {act.until}, before it begins", "a later end, or none")
    governance.set_row("law", act.law, act)


def _ground_register(governance: Governance, context: Context, act: acts.GroundRegister) -> None:
    require_free(act.ground, governance.grounds, "ground")
    _require_catalogue(governance, context, f"registering ground {act.ground}")
    require_law(governance, act.law, context.day, f"ground {act.ground}")
    if act.nature == "score" and act.polarity == "restriction":
        refuse("R-SCORE", f"ground {act.ground} restricts on a score", "conduct, judgment, offence or status")
    governance.set_row("ground", act.ground, act)


def _measure_register(governance: Governance, context: Context, act: acts.MeasureRegister) -> None:
    require_free(act.measure, governance.measures, "measure")
    _require_catalogue(governance, context, f"registering measure {act.measure}")
    require_law(governance, act.law, context.day, f"measure {act.measure}")
    require_open(governance, act.agency, context.day)
    governance.set_row("measure", act.measure, act)


def _list_define(governance: Governance, context: Context, act: acts.ListDefine) -> None:
    require_free(act.list, governance.lists, "list")
    if context.role == "root":
        require_root(governance, context, f"defining list {act.list}")
    else:
        require_role(context, "admin")
        require_mandate(governance, context, None, "define")
    require_law(governance, act.law, context.day, f"list {act.list}")
    for what, ids, rows in (
        ("ground", act.grounds, governance.grounds),
        ("measure", act.measures, governance.measures),
    ):
        for one in ids:
            row: Any = rows.get(one)
            if row is None:
                refuse("R-UNKNOWN", f"{what} {one} is not registered", f"a {what} registered before")
            if row.polarity != act.polarity:
                refuse(
                    "R-POLARITY",
                    f"list {act.list} is of polarity {act.polarity}, its {what} {one} of {row.polarity}",
                    f"{what}s of polarity {act.polarity} only",
                )
    if act.source is not None and act.measures:
        refuse("R-TRANSCRIPT", f"transcript {act.list} carries measures", "no measures: a copy restricts nobody")
    for body in (*act.lodgers, *act.reviewers):
        require_open(governance, body, context.day)
    both = sorted(set(act.lodgers) & set(act.reviewers))
    if both:
        refuse("R-SEPARATION", f"{both[0]} would both lodge and review appeals", "different bodies")
    if needs_recourse(act) and not (act.lodgers and act.reviewers):
        missing = "lodge" if not act.lodgers else "review"
        refuse(
            "R-INDEPENDENT",
            f"restriction list {act.list} names nobody to {missing} appeals",
            f"a body to {missing} appeals",
        )
    governance.set_row("list", act.list, ListRow(act, None, None))


def _list_open(governance: Governance, context: Context, act: acts.ListOpen) -> None:
    row = _require_definer(governance, context, act.list)
    if row.opened is not None and not context.day < row.opened > act.effective:
        refuse("R-LIST-STATE", f"list {act.list} was opened on {row.opened}", "a list that is defined and not opened")
    require_law(governance, row.definition.law, context.day, f"list {act.list}")
    if needs_recourse(row.definition):
        for power, bodies in (("lodge", row.definition.lodgers), ("review", row.definition.reviewers)):
            present = [governance.present_body(body, context.day) for body in bodies]
            if not any(governance.mandates_in_force(body, act.list, power, context.day) for body in present):
                refuse(
                    "R-INDEPENDENT",
                    f"nobody holds a mandate in force to {power} appeals on list {act.list}",
                    f"a mandate to {power} for one of: {', '.join(present)}",
                )
    governance.set_row("list", act.list, row._replace(opened=act.effective))


def _list_close(governance: Governance, context: Context, act: acts.ListClose) -> None:
    row = _require_definer(governance, context, act.list)
    if row.opened is None or (row.closed is not None and not context.day < row.closed > act.effective):
        refuse("R-LIST-STATE", f"list {act.list} is not open", "an open list, or an earlier day than the one to come")
    if act.effective < row.opened:
        refuse("R-DATES", f"list {act.list} would close on {act.effective}, before it opened", "a later day")
    governance.set_row("list", act.list, row._replace(closed=act.effective))


def _source_cite(governance: Governance, context: Context, act: acts.SourceCite) -> None:
    require_role(context, "act")
    row = require_list(governance, act.list)
    require_mandate(governance, context, act.list, "add" if row.definition.source is None else "transcribe")


def _require_definer(governance: Governance, context: Context, list_id: str) -> ListRow:
    row = require_list(governance, list_id)
    if context.role == "root":
        require_root(governance, context, f"opening or closing list {list_id}")
    else:
        require_role(context, "admin")
        held = governance.mandates_in_force(context.authority, list_id, "define", context.day)
        if not held:
            require_mandate(governance, context, None, "define")
    return row


LIST_RULES: dict[type, Callable[[Governance, Context, Any], None]] = {
    acts.LawRegister: _law_register,
    acts.GroundRegister: _ground_register,
    acts.MeasureRegister: _measure_register,
    acts.ListDefine: _list_define,
    acts.ListOpen: _list_open,
    acts.ListClose: _list_close,
    acts.SourceCite: _source_cite,
}
