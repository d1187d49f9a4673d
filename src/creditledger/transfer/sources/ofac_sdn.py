"""The Specially Designated Nationals list of the US Treasury, in its CSV layout (sdn.csv).

The layout is that of the Treasury's "Data formats and data schemas" page: no header, one record a line, 12 columns

    ent_num, SDN_Name, SDN_Type, Program, Title, Call_Sign, Vess_type, Tonnage, GRT, Vess_flag, Vess_owner, Remarks

in double quotes or not, `-0-` (padded with spaces) where there is nothing, several programs as `A] [B`, and in many
editions a last line that is the end mark of old file systems, 1A. `ent_num` identifies a party in all editions.

What editions differ in is accepted: UTF-8 or Windows-1252, LF or CR LF, a header line, a byte order mark, line breaks
within quotes. What no edition has is a bad row: another number of columns, a quote that is never closed, an `ent_num`
that is no number, an unknown type, control characters, anything after the end mark. A row never swallows the next one:
after a record that fails, reading goes on with the line after its first.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from creditledger.transfer.sources.lines import MAX_LINE_BYTES, BadRow, Line, read_lines

COLUMNS = 12
TYPES = ("aircraft", "entity", "individual", "vessel")

_END_MARK = b"\x1a"
_HEADER = "ent_num"
_MAX_RECORD_LINES = 100
_MAX_NUMBER = 10**10
_MAX_KEYS = 1000
_control = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]").search
_begins_with_key = re.compile(rb'[ \t]*"?[ \t]*[0-9]{1,10}[ \t]*"?[ \t]*,').match
_numbers = re.compile(rb'(?<![0-9])0{0,9}([1-9][0-9]{0,9})[ \t]*"?[ \t]*,').findall


class SdnRow(NamedTuple):
    """One party: its line, `ent_num` as decimal text without leading zeros, its columns; None where there is nothing.

    `sdn_type` is one of `TYPES` (`entity` where the file says nothing); `programs` is () where there are none.
    """

    line: int
    ent_num: str
    name: str
    sdn_type: str
    programs: tuple[str, ...]
    title: str | None
    call_sign: str | None
    vessel_type: str | None
    tonnage: str | None
    gross_tonnage: str | None
    vessel_flag: str | None
    vessel_owner: str | None
    remarks: str | None

    @property
    def key(self) -> str:
        """What identifies the party in all editions."""
        return self.ent_num

    @property
    def fields(self) -> dict[str, str]:
        """The particulars by label, those that are there; several programs in one text, parted by `; `."""
        found = {"name": self.name, "sdn_type": self.sdn_type, "programs": "; ".join(self.programs)}
        found |= zip(self._fields[5:], self[5:], strict=True)  # type: ignore[arg-type]  # from `title` on: texts or None
        return {label: text for label, text in found.items() if text}


def read_sdn(file: BinaryIO) -> Iterator[SdnRow | BadRow]:
    """Yield the rows of a file in the order in which they stand, and a `BadRow` for each that cannot be read.

    Raises:
        OSError: the file cannot be read.
    """
    waiting: deque[Line | BadRow] = deque()
    lines = read_lines(file)
    ended = 0
    while (line := waiting.popleft() if waiting else next(lines, None)) is not None:
        if isinstance(line, BadRow):
            yield line
            continue
        data = line.data.strip(b" \t")
        if not data:
            continue
        if data.startswith(_END_MARK) and not data.strip(b"\0 " + _END_MARK):
            ended = ended or line.number
        elif ended:
            yield BadRow(line.number, f"the row follows the end mark (1A) of line {ended}", _possible_keys(data))
        else:
            if data.endswith(_END_MARK) and data.count(b'"') % 2 == 0:
                data, ended = data.removesuffix(_END_MARK), line.number
            row = _read_record(line.number, data, waiting, lines)
            if isinstance(row, BadRow):
                yield row._replace(keys=_possible_keys(data))
            elif row is not None:
                yield row


def _read_record(
    number: int, data: bytes, waiting: deque[Line | BadRow], lines: Iterator[Line | BadRow]
) -> SdnRow | BadRow | None:
    """Read the record that begins with a line; if more lines belong to it, take them, unless it turns out bad."""
    taken = 0
    # Quotes within quotes are doubled, so a record is whole when the number of its quotes is even.
    open_quote = data.count(b'"') % 2 == 1
    while open_quote:
        if taken == len(waiting):
            following = next(lines, None)
            if following is None:
                return BadRow(number, "a quote is never closed")
            waiting.append(following)
        following = waiting[taken]
        taken += 1
        if (
            isinstance(following, BadRow)
            or len(data) + len(following.data) > MAX_LINE_BYTES
            or taken == _MAX_RECORD_LINES
        ):
            return BadRow(number, f"a quote is not closed within {_MAX_RECORD_LINES} lines and {MAX_LINE_BYTES} bytes")
        data += b"\n" + following.data
        open_quote ^= following.data.count(b'"') % 2 == 1
    row = _parse(number, data)
    if not isinstance(row, BadRow):
        for _ in range(taken):
            waiting.popleft()
    return row


def _possible_keys(data: bytes) -> tuple[str, ...]:
    """Whom a line that cannot be read may be about; () if it does not begin as a row does.

    The first number is its key. So may be each of the others that stands before a comma: where a line end is missing,
    several parties stand on one line.
    """
    if _begins_with_key(data) is None:
        return ()
    found = dict.fromkeys(number.decode() for number in _numbers(data))
    return tuple(found) if len(found) <= _MAX_KEYS else ()


def _parse(number: int, data: bytes) -> SdnRow | BadRow | None:
    """Parse one whole record; None for a header line."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            return BadRow(number, f"neither UTF-8 nor Windows-1252: byte {data[error.start]:02X} after {error.start}")
    if _control(text):
        return BadRow(number, "the row holds a control character")
    try:
        records = list(csv.reader([text], strict=True))
    except csv.Error as error:
        return BadRow(number, f"not CSV: {error}")
    if len(records) != 1 or len(records[0]) != COLUMNS:
        found = len(records[0]) if len(records) == 1 else 0
        return BadRow(number, f"{found} columns, where the layout has {COLUMNS}")
    values = [_value(column) for column in records[0]]
    if number == 1 and (values[0] or "").casefold() == _HEADER:
        return None
    return _typed(number, values)


def _value(column: str) -> str | None:
    """The text of a column on one line, or None where the file has nothing, which it writes `-0-`."""
    text = " ".join(column.split())
    return None if text in ("", "-0-") else text


def _typed(number: int, values: list[str | None]) -> SdnRow | BadRow:
    ent_num, name, sdn_type, program, *rest = values
    if ent_num is None or not ent_num.isascii() or not ent_num.isdecimal() or not 0 < int(ent_num[:20]) < _MAX_NUMBER:
        return BadRow(number, f"ent_num {(ent_num or '')[:40]!a} is not a number from 1 to {_MAX_NUMBER - 1}")
    if name is None:
        return BadRow(number, "the name is missing")
    kind = (sdn_type or "entity").casefold()
    if kind not in TYPES:
        return BadRow(number, f"the type {kind[:40]!a} is none of {', '.join(TYPES)}")
    programs = tuple(one for part in (program or "").split("]") if (one := part.strip(" [")))
    return SdnRow(number, str(int(ent_num)), name, kind, programs, *rest)
