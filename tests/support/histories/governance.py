"""What might be tried in governance: the catalogue, bodies, mandates, lists, keys."""

from __future__ import annotations

from creditledger.acts.catalogue import KEY_ROLES, POLARITIES, Act, EntryConfirm
from support.courts import BODIES, DECIDING
from support.drafts import (
    FIRM,
    PERSON,
    SMALL_ORDER,
    authority_close,
    authority_register,
    ground_register,
    key_revoke,
    law_register,
    list_close,
    list_define,
    list_open,
    mandate_grant,
    mandate_revoke,
    measure_register,
    rules_activate,
    source_cite,
)
from support.histories.choices import LISTS, NEW_BODIES, Choices, Proposal
from support.world import authority_of, key_add, public_key

ADMINS = tuple(f"{body}:admin" for body in BODIES)
SPARE_KEYS = ("district:act:2", "county:act:2", "high:admin:2", "root:3", "root:log:2", *NEW_BODIES, "panel:admin")
ACTIONS = (
    DECIDING,
    ("add",),
    ("remove", "suspend"),
    ("lodge",),
    ("review",),
    ("review", "add"),
    ("transcribe",),
    ("transcribe", "add"),
    ("erase",),
    ("add", "delegate"),
    ("catalogue", "define"),
)


class GovernanceProposals(Choices):
    """Proposals of acts of governance."""

    def govern(self) -> Proposal:
        kinds = (self.catalogue, self.body, self.mandate, self.mandate, self.list, self.key, self.key, self.confirm)
        return self.one(kinds)()

    def _by(self, entitled: tuple[str, ...], acts: tuple[Act, ...], cosigners: tuple[str, ...] = ()) -> Proposal:
        """One of the acts, mostly by one of those entitled to it."""
        author = self.mostly(entitled, (*ADMINS, "root", "root:0", "district"))
        return Proposal(author, (self.one(acts),), tuple(label for label in cosigners if label != author))

    def catalogue(self) -> Proposal:
        name = self.mostly((f"n{self.world.size}",), ("sunset-law", "no-flights", "low-score"))
        law, polarity = self.law(), self.one(POLARITIES)
        acts: tuple[Act, ...] = (
            law_register(name, until=self.one((None, self.some_day()))),
            ground_register(name, law=law, polarity=polarity, nature=self.one(("conduct", "score"))),
            measure_register(name, law=law, polarity=polarity, agency=self.mostly(BODIES, NEW_BODIES)),
            rules_activate(),
        )
        return self._by(("root", "regulator:admin"), acts)

    def body(self) -> Proposal:
        parent = self.one((None, "high", "district", "regulator"))
        name, identity = self.one(NEW_BODIES), self.mostly((None, FIRM), (PERSON,))
        register = authority_register(name, parent, identity=identity, law=self.law())
        close = authority_close(
            self.one(("county", "branch", "archive", "ombudsman", "tribunal", "district", *NEW_BODIES)),
            effective=self.some_day(),
            successor=self.one((None, "high", "district", "county", "regulator", *NEW_BODIES)),
        )
        acts: tuple[Act, ...] = (register, register, register, close)
        return self._by(("root", f"{parent}:admin" if parent else "root"), acts)

    def mandate(self) -> Proposal:
        if self.rarely(5):
            revoke = mandate_revoke(self.one((*self.model.state["mandate"], "nothing")), effective=self.some_day())
            return self._by(("root", "high:admin", "regulator:admin"), (revoke,))
        list_id = self.one((*LISTS, None))
        definition = self.model.state["list"].get(list_id, {"lodgers": (), "reviewers": ()})
        actions = self.one(ACTIONS)
        named = {"lodge": definition["lodgers"], "review": definition["reviewers"]}.get(actions[0], BODIES)
        grant = mandate_grant(
            self.mostly(named, (*BODIES, *NEW_BODIES)),
            list_id,
            *actions,
            mandate=self.mostly((f"n{self.world.size}",), ("district-defaulters-add",)),
            areas=self.one(((), ("cn-44",), ("cn-44", "cn-445"))),
            effective=self.mostly(("2001-01-01",), (self.some_day(),)),
            until=self.one((None, None, self.some_day())),
            law=self.mostly(("enforcement-law", "sunset-law"), (self.law(),)),
        )
        return self._by(("root", "root", "high:admin"), (grant,))

    def list(self) -> Proposal:
        polarity = self.mostly(("restriction",), POLARITIES)
        define = list_define(
            self.mostly(("new",), LISTS),
            polarity=polarity,
            law=self.law(),
            grounds=self.mostly((("evades-by-sham-suit",),), (("late-filing",), ("nothing",))),
            measures=self.mostly(((), ("no-flights",)), (("green-lane",),)),
            consent=self.one(("none", "parent")),
            lodgers=self.mostly((("ombudsman",), ("regulator",)), ((), ("panel",), ("county",), ("high",))),
            reviewers=self.mostly((("tribunal",), ("branch",), ("high",)), ((), ("panel",), ("ombudsman",))),
            source=self.mostly((None,), ("Another office",)),
        )
        opened = list_open(self.mostly(("new", "legacy"), LISTS), effective=self.some_day())
        acts: tuple[Act, ...] = (
            define,
            define,
            opened,
            opened,
            list_close(self.one((*LISTS, "nowhere")), effective=self.some_day()),
            source_cite(self.one((*LISTS, "nowhere"))),
        )
        return self._by(("root", "regulator:admin", "archive"), acts)

    def key(self) -> Proposal:
        label = self.one(SPARE_KEYS)
        admin = f"{authority_of(label)}:admin"
        if self.rarely(2):
            add = key_add(label, until=self.one((None, self.some_day())))
            add = add._replace(role=self.mostly((add.role,), KEY_ROLES))
            add = add._replace(key=self.mostly((add.key,), (SMALL_ORDER, public_key("district"))))
            possession = () if add.role == "log" else (label,)
            return self._by(("root", "root", admin, "high:admin"), (add,), self.mostly((possession,), ((), (label,))))
        label = self.one((*SPARE_KEYS, "district", "high", "county", "root:1", "root:2", "root:log"))
        made = [(seq, digest) for (key, seq), digest in self.model.entries.items() if key == public_key(label)]
        mark = self.one((None, *made[-3:], (0, bytes(32))))
        if mark is None or self.rarely(2):
            return self._by(("root", "root", admin), (key_revoke(label, "compromised", mark),))
        confirm = EntryConfirm(authority=authority_of(label), key=public_key(label), entry=mark)
        return self._by((f"{authority_of(label)}:admin", "root"), (confirm,))

    def confirm(self) -> Proposal:
        """Mostly the confirmation of an entry that awaits one."""
        tainted = [
            EntryConfirm(authority=self.model.state["key"][key]["authority"], key=key, entry=(author_seq, digest))
            for (key, author_seq), digest in self.model.entries.items()
            if self.model.is_tainted(key, author_seq, digest)
        ]
        if not tainted:
            return self.key()
        confirm = self.one(tainted)
        return self._by((f"{confirm.authority}:admin", confirm.authority), (confirm,))
