"""The public bodies, laws and lists of the demonstration, as acts."""

from __future__ import annotations

from creditledger.acts import catalogue as acts

DECIDING = ("add", "annul", "correct", "erase", "remove", "suspend")
ORIGIN = "demo.creditledger.example/registry"

AUTHORITIES: tuple[tuple[str, str, str | None], ...] = (
    ("supreme-court", "Supreme Court", None),
    ("high-court", "High Court", "supreme-court"),
    ("district-court-1", "First District Court", "high-court"),
    ("district-court-2", "Second District Court", "high-court"),
    ("market-regulator", "Market Regulator", None),
    ("regulator-north", "Market Regulator, Northern Office", "market-regulator"),
    ("customs", "Customs Authority", None),
    ("ombudsman", "Ombudsman for Listed Persons", None),
    ("review-tribunal", "Administrative Review Tribunal", None),
)
"""Identifier, name and parent of every body, parents first."""


def catalogue() -> list[acts.Act]:
    """Laws, grounds and measures."""
    return [
        acts.LawRegister("enforcement-act", "Civil Enforcement Act", "Act 12 of 2013", "Parliament", "2013-10-01"),
        acts.LawRegister("market-order", "Market Order", "Order 44 of 2021", "Regulator", "2021-09-01"),
        acts.LawRegister("customs-act", "Customs Act", "Act 7 of 2018", "Parliament", "2018-05-01"),
        acts.LawRegister("privacy-act", "Personal Data Act", "Act 91 of 2021", "Parliament", "2021-11-01"),
        acts.LawRegister("courts-act", "Courts and Tribunals Act", "Act 1 of 1979", "Parliament", "1979-07-01"),
        acts.GroundRegister(
            "evades-by-sham-suit", "Evades a judgment by sham suit", "restriction", "judgment", "enforcement-act",
            "s. 1(3)", 24,
        ),
        acts.GroundRegister(
            "able-but-refuses", "Able to perform a judgment and refuses", "restriction", "judgment", "enforcement-act",
            "s. 1(1)",
        ),
        acts.GroundRegister(
            "unsafe-food", "Sold food known to be unsafe", "restriction", "offence", "market-order", "art. 5", 36,
        ),
        acts.GroundRegister(
            "certified-operator", "Certified economic operator", "incentive", "merit", "customs-act", "s. 30", 60,
        ),
    ]  # fmt: skip


def bodies() -> list[acts.Act]:
    """The authorities."""
    return [
        acts.AuthorityRegister(authority, name, "courts-act", "Schedule 1", parent)
        for authority, name, parent in AUTHORITIES
    ]


def measures() -> list[acts.Act]:
    """The measures, each applied by a body that exists by now."""
    return [
        acts.MeasureRegister(
            "no-public-contracts", "Barred from public contracts", "restriction", "enforcement-act", "s. 3",
            "market-regulator", "Firms",
        ),
        acts.MeasureRegister(
            "no-luxury-spending", "Barred from non-essential luxury spending", "restriction", "enforcement-act", "s. 4",
            "high-court", "Natural persons",
        ),
        acts.MeasureRegister(
            "fast-lane", "Simplified customs clearance", "incentive", "customs-act", "s. 31", "customs", "Firms",
        ),
    ]  # fmt: skip


def lists() -> list[acts.Act]:
    """Three lists: two that restrict, with different ways of appeal, and one that honours."""
    return [
        acts.ListDefine(
            "judgment-defaulters", "Judgment defaulters", "restriction", "enforcement-act", "s. 1",
            ("able-but-refuses", "evades-by-sham-suit"), ("handle", "uscc"), 0, 3650, 15,
            measures=("no-luxury-spending", "no-public-contracts"), lodgers=("ombudsman",),
            reviewers=("high-court", "supreme-court"),
        ),
        acts.ListDefine(
            "serious-violators", "Serious violators of market rules", "restriction", "market-order", "art. 2",
            ("unsafe-food",), ("uscc",),
            10, 60, 60, measures=("no-public-contracts",), lodgers=("ombudsman",),
            reviewers=("review-tribunal",), consent="parent",
        ),
        acts.ListDefine(
            "trusted-traders", "Trusted traders", "incentive", "customs-act", "s. 30", ("certified-operator",),
            ("uscc",), 0, 60, 60, measures=("fast-lane",),
        ),
    ]  # fmt: skip


def mandates() -> list[acts.Act]:
    """Who may do what on which list."""
    granted = (
        ("district-court-1", "judgment-defaulters", DECIDING, "enforcement-act", "s. 5"),
        ("district-court-2", "judgment-defaulters", DECIDING, "enforcement-act", "s. 5"),
        ("high-court", "judgment-defaulters", ("review",), "courts-act", "s. 20"),
        ("supreme-court", "judgment-defaulters", ("review",), "courts-act", "s. 21"),
        ("ombudsman", "judgment-defaulters", ("lodge",), "courts-act", "s. 40"),
        ("regulator-north", "serious-violators", DECIDING, "market-order", "art. 8"),
        ("review-tribunal", "serious-violators", ("review",), "courts-act", "s. 33"),
        ("ombudsman", "serious-violators", ("lodge",), "courts-act", "s. 40"),
        ("customs", "trusted-traders", DECIDING, "customs-act", "s. 32"),
    )
    return [
        acts.MandateGrant(f"m-{number:02d}", body, list_id, actions, "2022-01-01", law, article)
        for number, (body, list_id, actions, law, article) in enumerate(granted, 1)
    ]
