"""What the naive model says of the published catalogue and of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.naive.governance import Rules, catalogue, law, taken
from support.naive.model import Context, Model, Rule


def law_register(model: Model, context: Context, act: Any) -> Rules:
    yield from taken(model, "law", act.law)
    yield from catalogue(model, context, "catalogue")
    if act.until is not None and act.until <= act.effective:
        yield "R-DATES"


def ground_register(model: Model, context: Context, act: Any) -> Rules:
    yield from taken(model, "ground", act.ground)
    yield from catalogue(model, context, "catalogue")
    yield from law(model, context, act.law)
    if (act.nature, act.polarity) == ("score", "restriction"):
        yield "R-SCORE"


def measure_register(model: Model, context: Context, act: Any) -> Rules:
    yield from taken(model, "measure", act.measure)
    yield from catalogue(model, context, "catalogue")
    yield from law(model, context, act.law)
    yield from model.open_bodies(context.day, act.agency)


def enter(table: str, name: str) -> Callable[[Model, Context, Any], None]:
    def apply(model: Model, context: Context, act: Any) -> None:
        model.state[table][getattr(act, name)] = act._asdict()

    return apply


def list_define(model: Model, context: Context, act: Any) -> Rules:
    yield from taken(model, "list", act.list)
    yield from catalogue(model, context, "define")
    yield from law(model, context, act.law)
    for table, names in (("ground", act.grounds), ("measure", act.measures)):
        for name in names:
            if name not in model.state[table]:
                yield "R-UNKNOWN"
            elif model.state[table][name]["polarity"] != act.polarity:
                yield "R-POLARITY"
    if act.source is not None and act.measures:
        yield "R-TRANSCRIPT"
    yield from model.open_bodies(context.day, *act.lodgers, *act.reviewers)
    if set(act.lodgers) & set(act.reviewers):
        yield "R-SEPARATION"
    if act.polarity == "restriction" and act.source is None and not (act.lodgers and act.reviewers):
        yield "R-INDEPENDENT"


def define_list(model: Model, context: Context, act: Any) -> None:
    model.state["list"][act.list] = act._asdict() | {"opened": None, "closed": None}


def list_open(model: Model, context: Context, act: Any) -> Rules:
    row = model.state["list"].get(act.list)
    if row is None:
        yield "R-UNKNOWN"
        return
    yield from catalogue(model, context, "define", act.list)
    if row["opened"] is not None and not (context.day < row["opened"] and act.effective < row["opened"]):
        yield "R-LIST-STATE"
    yield from law(model, context, row["law"])
    if row["polarity"] == "restriction" and row["source"] is None:
        for action, bodies in (("lodge", row["lodgers"]), ("review", row["reviewers"])):
            present = [model.today(body, context.day) for body in bodies]
            if not any(model.mandates(body, act.list, action, context.day) for body in present):
                yield "R-INDEPENDENT"


def open_list(model: Model, context: Context, act: Any) -> None:
    model.state["list"][act.list]["opened"] = act.effective


def list_close(model: Model, context: Context, act: Any) -> Rules:
    row = model.state["list"].get(act.list)
    if row is None:
        yield "R-UNKNOWN"
        return
    yield from catalogue(model, context, "define", act.list)
    if row["opened"] is None or (
        row["closed"] is not None and not (context.day < row["closed"] and act.effective < row["closed"])
    ):
        yield "R-LIST-STATE"
    elif act.effective < row["opened"]:
        yield "R-DATES"


def close_list(model: Model, context: Context, act: Any) -> None:
    model.state["list"][act.list]["closed"] = act.effective


def source_cite(model: Model, context: Context, act: Any) -> Rules:
    if context.role != "act":
        yield "R-ROLE"
    row = model.state["list"].get(act.list)
    if row is None:
        yield "R-UNKNOWN"
    elif not model.mandates(context.authority, act.list, "add" if row["source"] is None else "transcribe", context.day):
        yield "R-MANDATE"


def nothing(model: Model, context: Context, act: Any) -> None:
    """A citation changes no state."""


LISTS: dict[str, Rule] = {
    "LawRegister": (law_register, enter("law", "law")),
    "GroundRegister": (ground_register, enter("ground", "ground")),
    "MeasureRegister": (measure_register, enter("measure", "measure")),
    "ListDefine": (list_define, define_list),
    "ListOpen": (list_open, open_list),
    "ListClose": (list_close, close_list),
    "SourceCite": (source_cite, nothing),
}
