"""What might be tried in governance: the catalogue, bodies, mandates, lists, keys."""

from __future__ import annotations

from creditledger.acts.catalogue import KEY_REVOCATIONS, KEY_ROLES, POLARITIES, Act, EntryConfirm, KeyRevoke
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
from support.histories.choices import KEYS, LISTS, NEW_BODIES, ROOTS, Choices, Proposal
from support.world import authority_of, days_after, key_add, public_key

RULES_1 = rules_activate().rule_set_hash
ADMINS = tuple(f"{body}:admin" for body in BODIES)
BUSY = ("district", "district", "high", "county", "ombudsman", *NEW_BODIES)
"""Bodies whose keys change hands."""
CLOSING = ("district", "county", "county", "branch", "archive", *NEW_BODIES)
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
        kinds = (self.catalogue, self.body, self.mandate, self.mandate, self.list, self.close)
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
            rules_activate(self.one(("rules-1", "rules-9")), rule_set_hash=self.one((bytes(32), RULES_1))),
        )
        return self._by(("root", "regulator:admin"), acts)

    def body(self) -> Proposal:
        parent = self.one((None, "high", "district", "regulator"))
        name, identity = self.one(NEW_BODIES), self.mostly((None, FIRM), (PERSON,))
        register = authority_register(name, parent, identity=identity, law=self.law())
        return self._by(("root", f"{parent}:admin" if parent else "root"), (register,))

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

    def close(self) -> Proposal:
        """The closing of a body, mostly ahead, often a second time, often in favour of somebody with another role."""
        bodies = self.model.state["authority"]
        closing = [name for name, row in bodies.items() if row["closed"] is not None]
        again = bool(closing) and self.rarely(2)
        body = self.one(closing) if again else self.mostly(self.open_bodies(CLOSING), CLOSING)
        row = bodies.get(body, {"parent": None, "closed": None})
        near = days_after(row["closed"] or self.world.day, self.one((-1, 0, 1) if again else (0, 30, 90, 200)))
        close = authority_close(
            body,
            effective=self.mostly((near, near, self.world.day), (self.some_day(),)),
            successor=self.one((None, row["parent"], "regulator", "ombudsman", "branch", "county", "tribunal")),
        )
        consenting = () if close.successor is None else (close.successor,)
        entitled = ("root", "root", f"{row['parent']}:admin" if row["parent"] else "root")
        return self._by(entitled, (close,), self.mostly((consenting,), ((),)))

    def key(self) -> Proposal:
        """A key added, mostly by an admin key of the body itself, or one revoked."""
        body = self.mostly(self.open_bodies(BUSY), BUSY)
        entitled = (f"{body}:admin", f"{body}:admin", "root" if self.rarely(3) else "high:admin")
        if self.rarely(12):
            return self.root_key()
        if not self.rarely(3):
            unused = [label for key, label in KEYS.items() if key not in self.model.state["key"]]
            mine = [label for label in unused if authority_of(label) == body]
            label = self.mostly(mine, (*unused, body))
            add = key_add(label, until=self.mostly((None,), (self.some_day(),)))
            add = add._replace(role=self.mostly((add.role,), KEY_ROLES))
            add = add._replace(key=self.mostly((add.key,), (SMALL_ORDER, public_key("district"))))
            possession = () if add.role == "log" else (label,)
            return self._by(entitled, (add,), self.mostly((possession,), ((), ("county:act:9",))))
        mine = [label for label in self.live(KEYS) if authority_of(label) == body]
        rows = self.model.state["key"]
        adders = {row["by"][0] for row in rows.values() if row["by"] is not None}
        mine = [label for label in mine if public_key(label) in adders] or mine
        revoked = [
            KEYS[key] for key, row in self.model.state["key"].items() if key in KEYS and row["revoked"] is not None
        ]
        label = self.one(revoked) if revoked and self.rarely(4) else self.mostly(mine, tuple(KEYS.values()))
        return self._by(("root", *entitled), (self.revocation(label),))

    def revocation(self, label: str) -> KeyRevoke:
        """The revocation of a key that mostly stands behind what the reason allows."""
        made = [(seq, digest) for (key, seq), digest in self.model.entries.items() if key == public_key(label)]
        reason = self.one(("compromised",) * 4 + KEY_REVOCATIONS)
        last = made[-1] if made else None
        some = self.one((None, *made[-3:]))
        mark = self.mostly((some if reason == "compromised" else last,), (some, (0, bytes(32))))
        return key_revoke(label, reason, mark)

    def root_key(self) -> Proposal:
        """A root or log key added or revoked."""
        label = self.one(("root:3", "root:4", "root:5", "root:log:2"))
        if self.rarely(2):
            return self._by(("root",), (key_add(label),), () if "log" in label else (label,))
        return self._by(("root",), (self.revocation(self.one((*ROOTS.values(), "root:log", "root:log:2"))),))

    def confirm(self) -> Proposal:
        """Mostly the confirmation of an entry that awaits one: of any, or of one that added a key."""
        keys, answered = self.model.state["key"], self.model.answered_for()
        made = {digest: (key, author_seq) for (key, author_seq), digest in self.model.entries.items()}
        tainted = [digest for digest in made if digest not in answered]
        if not tainted:
            return self.key()
        adding = [row["by"][2] for row in keys.values() if row["by"] is not None and row["by"][2] not in answered]
        digest = self.one(self.one((tainted, adding or tainted)) if not self.rarely(8) else list(made)[-20:])
        key, author_seq = made[digest]
        confirm = EntryConfirm(authority=keys[key]["authority"], key=key, entry=(author_seq, digest))
        if confirm.authority == "root":
            return self._by(("root",), (confirm,))
        body = self.model.today(confirm.authority, self.world.day)
        return self._by((f"{body}:admin", body), (confirm,))
