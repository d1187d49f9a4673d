"""Whether records and entries are well formed, decided faster for the many that are.

An audit looks at every field of every act, and needs no typed objects for it. What passes the quick look here is sound;
for everything else `decode_record` and `decode_entry` decide and say what is wrong. So both ways always agree, and
there is one source of verdicts and messages.

The quick look remembers texts that were found good: identifiers, codes and dates come again and again, and a set
answers faster than a pattern. Only texts, None and tuples of texts are remembered, which equal nothing of another type.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import contains, itemgetter
from typing import Any, Final, get_type_hints

from creditledger.acts import catalogue
from creditledger.acts.kinds import MAX_ENTRY_ACTS, MAX_INT, Kind
from creditledger.acts.registry import ACT_TYPES, ActType, decode_act, encode_act
from creditledger.codec.canonical import decode_fast, encode_fast
from creditledger.errors import FormatError
from creditledger.record.entry import ENTRY_VERSION, MAX_ENTRY_BYTES, decode_entry
from creditledger.record.record import MAX_RECORD_BYTES, RECORD_VERSION, decode_record

RawRecord = tuple[int, int, int, bytes, bytes, tuple[bytes, ...]]
"""Version, seq, recorded_at, prev, entry, signatures; in this order as they are encoded."""

RawEntry = tuple[
    str, bytes, str, bytes, int, bytes, tuple[tuple[str, bytes], ...], int, tuple[int, bytes] | None, tuple[Any, ...]
]
"""Version, ledger_id, authority, key, author_seq, author_prev, cosigners, not_after, seen, acts; as encoded."""

_MAX_REMEMBERED: Final = 32_768
_TEXT_TYPES = (str, str | None, tuple[str, ...])

_known: dict[str, set[Any]] = {}
"""Values found good, by the description of their kind."""


class _Form:
    """How the fields of one act type are looked at: texts all together, the others one by one."""

    __slots__ = ("checks", "known", "length", "others", "texts")

    def __init__(self, kind: ActType) -> None:
        hints = get_type_hints(kind.cls)
        fields = [(place, name, field) for place, (name, field) in enumerate(kind.fields, 1)]
        texts = [(place, field) for place, name, field in fields if hints[name] in _TEXT_TYPES]
        self.length = 1 + len(fields)
        # The type of the act stands in front, so that there are always several to get at a time.
        self.texts: Callable[[Any], tuple[Any, ...]] = itemgetter(0, *(place for place, _ in texts))
        self.known = ({kind.name}, *(_known.setdefault(field.describe, set()) for _, field in texts))
        self.checks: tuple[Kind, ...] = tuple(field for _, field in texts)
        self.others = [(place, field.check) for place, name, field in fields if hints[name] not in _TEXT_TYPES]

    def check(self, act: tuple[Any, ...]) -> None:
        """Raise FormatError unless `decode_act` accepts the act."""
        if len(act) != self.length:
            raise FormatError("another number of fields")
        if not all(map(contains, self.known, self.texts(act))):
            self._learn(self.texts(act)[1:])
        for place, check in self.others:
            check(act[place])

    def _learn(self, texts: tuple[Any, ...]) -> None:
        for value, kind, known in zip(texts, self.checks, self.known[1:], strict=True):
            kind.check(value)
            if len(known) >= _MAX_REMEMBERED:
                known.clear()
            known.add(value)


_STAND_IN: Final = encode_act(catalogue.ListOpen("a", "2000-01-01"))

_FORMS: Final = {
    name: _Form(ACT_TYPES[name]).check for name in (*catalogue.SUBJECT_ACTS, "source.cite/1", "entry.confirm/1")
}
"""Act types that come in masses; the others are looked at by `decode_act`."""


def read_record(data: bytes) -> RawRecord:
    """The elements of a record; raises what `decode_record` raises, and accepts what it accepts."""
    raw = decode_fast(data, MAX_RECORD_BYTES)
    if type(raw) is tuple and len(raw) == 6:
        version, seq, recorded_at, prev, entry, signatures = raw
        if (
            type(version) is type(seq) is type(recorded_at) is int
            and type(prev) is type(entry) is bytes
            and version == RECORD_VERSION
            and 0 <= seq <= MAX_INT
            and 0 <= recorded_at <= MAX_INT
            and len(prev) == 32
            and 1 <= len(entry) <= MAX_ENTRY_BYTES
            and type(signatures) is tuple
            and len(signatures) == 1
            and type(signatures[0]) is bytes
            and len(signatures[0]) == 64
        ):
            return raw
    return (RECORD_VERSION, *decode_record(data))


def read_entry(data: bytes) -> RawEntry:
    """The elements of an entry, its acts as encoded; raises what `decode_entry` raises, and accepts what it accepts."""
    raw = decode_fast(data, MAX_ENTRY_BYTES)
    if type(raw) is not tuple or len(raw) != 10 or type(raw[9]) is not tuple or not 1 <= len(raw[9]) <= MAX_ENTRY_ACTS:
        decode_entry(data)
    try:
        if not _sound_envelope(raw):
            # Whatever stands before the acts is judged with another act in their place.
            decode_entry(encode_fast((*raw[:9], (_STAND_IN,))))
            _known["identifier"].add(raw[2])
        for act in raw[9]:
            form = _FORMS.get(act[0])
            if form is not None:
                form(act)
            else:
                decode_act(act)
    except (FormatError, TypeError, LookupError):
        decode_entry(data)
    return raw  # type: ignore[no-any-return]  # as just checked


def _sound_envelope(raw: tuple[Any, ...]) -> bool:
    """Whether everything about an entry but its acts is certainly sound; cosigners make it uncertain."""
    version, ledger_id, authority, key, author_seq, author_prev, cosigners, not_after, seen, _ = raw
    known = _known["identifier"]
    return (
        type(version) is type(authority) is str
        and version == ENTRY_VERSION
        and authority in known
        and type(ledger_id) is type(key) is type(author_prev) is bytes
        and len(ledger_id) == len(author_prev) == 32
        and len(key) == 33
        and key[0] == 1
        and type(author_seq) is type(not_after) is int
        and 0 <= author_seq <= MAX_INT
        and 0 <= not_after <= MAX_INT
        and cosigners == ()
        and (seen is None or _sound_seen(seen))
    )


def _sound_seen(seen: Any) -> bool:
    return (
        type(seen) is tuple
        and len(seen) == 2
        and type(seen[0]) is int
        and 0 <= seen[0] <= MAX_INT
        and type(seen[1]) is bytes
        and len(seen[1]) == 32
    )
