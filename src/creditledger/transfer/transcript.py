"""Setting up the transcript of somebody else's list: the law, the ground, the transcriber, its mandates, the lists.

A transcript is signed by the body that copies, under a mandate to `transcribe`, never in the name of the source; it
carries no measures, and whoever reads it sees in the list's definition whose list it is a copy of.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from creditledger.acts import catalogue as acts
from creditledger.codec.text import check_identifier
from creditledger.errors import FormatError, UsageError
from creditledger.keys.signer import Signer
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import Receipt
from creditledger.rules.governance_state import Governance
from creditledger.rules.rows import ROOT
from creditledger.store.files import disk_error
from creditledger.transfer.survey import open_source

_MAX_TOML_BYTES = 1 << 20

TEMPLATE = """\
# What is copied, by whom, and on what law it rests. Write in what holds for your list wherever <fill in: ...> stands;
# `creditledger import --transcript FILE` then registers what is missing.

# Who copies: an identifier, after which its key files are named, and the name of the body.
authority = "transcriber"
name = "<fill in: name of the body that copies>"

# On what law the source's list rests. It must be in force on the date of every listing that is copied.
law = "<fill in: identifier of the law>"  # such as "ieepa"
law_title = "<fill in: title of the law>"  # such as "International Emergency Economic Powers Act"
law_number = "<fill in: number of the law>"  # such as "50 U.S.C. 1701-1708"
law_issuer = "<fill in: who issued the law>"  # such as "Congress of the United States"
law_effective = "<fill in: day it came into force>"  # such as "1977-12-28"
article = "<fill in: article>"  # such as "s. 1702"

# The one ground of all copied listings: restriction, supervision or incentive.
ground = "stands-on-the-source"
ground_title = "Stands on the list of the source"
polarity = "restriction"
"""
"""A description to be filled in, but for its lists; see `template_of`."""

_UNFILLED = re.compile(r"\s*(<fill in|<[^<>]*>\s*$)").match


@dataclass(frozen=True, slots=True)
class TranscribedList:
    """One list to be copied: its identifier here, its title, whose list it is, which kinds of subjects it may name.

    `value` is what a file that speaks of several lists calls it (`sources.events.EventLayout.lists`).
    """

    list: str
    title: str
    source: str
    schemes: tuple[str, ...] = ("handle",)
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What has to be registered before a list can be copied.

    Attributes:
        authority, name: the body that copies, and its name.
        law, law_title, law_number, law_issuer, law_effective, article: on what law the list rests. It must be in force
            on the date of every listing that will be copied.
        ground, ground_title: the one ground of all copied listings, as in "stands on the source's list".
        polarity: of ground and lists.
        lists: the lists to be copied.
    """

    authority: str
    name: str
    law: str
    law_title: str
    law_number: str
    law_issuer: str
    law_effective: str
    article: str
    ground: str
    ground_title: str
    lists: tuple[TranscribedList, ...]
    polarity: str = "restriction"

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> Transcript:
        """Read a description of plain values, as TOML and JSON give them; UsageError names what is wrong with it."""
        if unfilled := list(_unfilled(value)):
            raise UsageError(
                f"the description of the transcript is not filled in: {', '.join(unfilled)}; write in what holds for "
                "the list that is copied, since it will stand in the ledger for ever"
            )
        try:
            lists = tuple(
                TranscribedList(**{**one, "schemes": tuple(sorted(one.get("schemes", ("handle",))))})
                for one in value["lists"]
            )
            check_identifier(value["authority"])
            return cls(**{**value, "lists": lists})
        except FormatError as error:
            raise UsageError(f"the description of the transcript: the authority: {error}") from None
        except (TypeError, KeyError, AttributeError) as error:
            raise UsageError(
                f"the description of the transcript: {error}; it needs {', '.join(cls.__slots__)}"
            ) from None

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Transcript:
        """Read a description in TOML; FormatError if it is none, UsageError if it is not filled in or makes no sense,
        StoreError if it cannot be read.
        """
        path = Path(path)
        try:
            with open_source(path) as file:
                data = file.read(_MAX_TOML_BYTES + 1)
        except OSError as error:
            raise disk_error("read", path, error.errno, str(error)) from error
        if len(data) > _MAX_TOML_BYTES:
            raise FormatError(f"{path} is no description of a transcript: it has more than {_MAX_TOML_BYTES} bytes")
        try:
            return cls.from_mapping(tomllib.loads(data.decode()))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FormatError(f"{path} is no description of a transcript: {error}") from None
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from None

    def founding_acts(self, *, act_key: bytes, admin_key: bytes | None) -> list[acts.GovernanceAct]:
        """The acts that set the transcript up, in order; `admin_key` lets the transcriber open the lists by itself."""
        keys = [acts.KeyAdd(self.authority, act_key, "act")]
        if admin_key is not None:
            keys.append(acts.KeyAdd(self.authority, admin_key, "admin"))
        actions = ("transcribe",) if admin_key is None else ("define", "transcribe")
        return [
            acts.LawRegister(self.law, self.law_title, self.law_number, self.law_issuer, self.law_effective),
            acts.GroundRegister(self.ground, self.ground_title, self.polarity, "status", self.law, self.article),
            acts.AuthorityRegister(self.authority, self.name, self.law, self.article),
            *keys,
            *map(self._definition, self.lists),
            *(
                acts.MandateGrant(
                    f"transcribe.{one.list}",
                    self.authority,
                    one.list,
                    actions,
                    effective=self.law_effective,
                    law=self.law,
                    article=self.article,
                )
                for one in self.lists
            ),
        ]

    def _definition(self, one: TranscribedList) -> acts.ListDefine:
        return acts.ListDefine(
            one.list,
            one.title,
            self.polarity,
            self.law,
            self.article,
            grounds=(self.ground,),
            schemes=tuple(sorted(one.schemes)),
            notice_days=0,
            appeal_days=0,
            decide_days=0,
            source=one.source,
        )


def template_of(lists: Mapping[str, str]) -> str:
    """Return a description to be filled in, as TOML.

    Args:
        lists: the identifier of the ledger's list for each value by which a file tells its lists apart (see
            `sources.events.suggest_lists`); of none, a file of one list is meant.
    """
    named = [
        (list_id, f"value = {json.dumps(value)}\n", json.dumps(f"Transcript of {value}"))
        for value, list_id in lists.items()
    ]
    return TEMPLATE + "".join(
        f'\n[[lists]]\nlist = "{list_id}"\n{value}title = {title}\n'
        'source = "<fill in: whose list it is>"\nschemes = ["handle"]\n'
        for list_id, value, title in named
        or [("<fill in: identifier of the list>", "", '"<fill in: title of the list>"')]
    )


def _unfilled(value: Any, path: str = "") -> Iterator[str]:
    """Where a text is still one that a template asks to replace, such as `<fill in: title of the law>`."""
    if isinstance(value, str) and _UNFILLED(value):
        yield f"{path} is {value!a:.80}"
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _unfilled(one, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _unfilled(one, f"{path}[{number}]")


def prepare_transcript(
    ledger: Ledger,
    transcript: Transcript,
    *,
    root_signers: Sequence[Signer],
    act_signer: Signer,
    admin_signer: Signer | None = None,
    opened: str | None = None,
) -> Receipt | None:
    """Register what a transcript needs and the ledger lacks, in one entry signed by the root keys.

    Args:
        ledger: open for writing.
        transcript: what to register. What is registered already, in the same terms, is left as it is.
        root_signers: as many root keys as the ledger's threshold demands.
        act_signer: the transcriber's act key, which signs imports.
        admin_signer: the transcriber's admin key, which opens lists after their opening balances; without it the root
            keys open them.
        opened: open the lists at once, from this day on: for histories of events, which have no opening balances.

    Returns:
        The receipt, or None if nothing was lacking.

    Raises:
        UsageError: something of that identifier is registered in other terms.
        Refused: the ledger's rules forbid it.
    """
    governance = ledger.governance
    admin_key = None if admin_signer is None else admin_signer.public_key
    wanted = transcript.founding_acts(act_key=act_signer.public_key, admin_key=admin_key)
    missing: list[acts.Act] = [act for act in wanted if not _is_registered(governance, act)]
    if opened is not None:
        unopened = [one.list for one in transcript.lists if not _is_open(governance, one.list)]
        missing += [acts.ListOpen(list_id, opened) for list_id in unopened]
    if not missing:
        return None
    added = {act.key for act in missing if isinstance(act, acts.KeyAdd)}
    signers = [one for one in (act_signer, admin_signer) if one is not None and one.public_key in added]
    return ledger.append(
        missing,
        signer=root_signers[0],
        authority=ROOT,
        cosigners=[
            *((ROOT, signer) for signer in root_signers[1:]),
            *((transcript.authority, signer) for signer in signers),
        ],
    )


def _is_open(governance: Governance, list_id: str) -> bool:
    row = governance.lists.get(list_id)
    return row is not None and row.opened is not None


def _is_registered(governance: Governance, act: acts.GovernanceAct) -> bool:
    """Whether the act would register what is there already; UsageError if that is there in other terms."""
    name, found, wanted = _compared(governance, act)
    if found is None:
        return False
    if found != wanted:
        raise UsageError(f"{name} is registered in other terms: {found}; the transcript needs {wanted}")
    return True


def _compared(governance: Governance, act: acts.GovernanceAct) -> tuple[str, Any, Any]:
    """What an act registers: its name, the terms registered already (None: nothing), and the terms wanted."""
    match act:
        case acts.LawRegister():
            return f"law {act.law}", governance.laws.get(act.law), act
        case acts.GroundRegister():
            return f"ground {act.ground}", governance.grounds.get(act.ground), act
        case acts.AuthorityRegister():
            body = governance.authorities.get(act.authority)
            return f"authority {act.authority}", body and body.name, act.name
        case acts.KeyAdd():
            key = governance.keys.get(act.key)
            return f"key {act.key.hex()}", key and (key.authority, key.role), (act.authority, act.role)
        case acts.ListDefine():
            row = governance.lists.get(act.list)
            return f"list {act.list}", row and row.definition, act
        case acts.MandateGrant():
            mandate = governance.mandates.get(act.mandate)
            return f"mandate {act.mandate}", mandate and mandate.grant, act
        case _:
            raise UsageError(f"{type(act).__name__} sets up no transcript")
