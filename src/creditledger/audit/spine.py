"""What ties records together: their numbers, links and times, the tree over them, and the checkpoints that seal it."""

from __future__ import annotations

from hashlib import sha256

from creditledger.audit.findings import MAX_TOLD, Finding, FindingLog, failure, finding, moment
from creditledger.audit.passes import Plan, Sealed
from creditledger.audit.source import Records
from creditledger.audit.trust import CLOCK_SKEW, Opened, Trust
from creditledger.codec.dates import clock_time
from creditledger.errors import CannotVerify, FormatError, VerificationFailed
from creditledger.tlog.tiles import HEIGHT, TILE_BYTES, WIDTH, TileReader
from creditledger.tlog.tree import HASH_BYTES, Frontier


class Spine:
    """The spine of a range of records, which begins with record `start`, a multiple of 256.

    For the attributes see `passes.Summary`.
    """

    def __init__(self, source: Records, start: int, trust: Trust, plan: Plan, findings: FindingLog) -> None:
        self._source = source
        self._trust = trust
        self._plan = plan
        self._findings = findings
        self._start = start
        self._before = b""
        self._leaves: list[bytes] = []
        self._frontier = Frontier()
        self.seq = start
        self.leaf = b""
        self.first_prev: bytes | None = None
        self.first_at: int | None = None
        self.last_at: int | None = None
        self.broken: list[tuple[int, bytes, bytes]] = []
        self.tiles = bytearray()
        self.sealed: list[Sealed] = []
        self.note = b""
        self.sufficing = b""
        self.latest: tuple[str, int] | None = None
        self.cosignatures = 0
        self.post_quantum = 0

    def hash(self, data: bytes) -> None:
        """Take the bytes of the next record: its leaf hash is known from here on."""
        self._before, self.leaf = self.leaf, sha256(b"\x00" + data).digest()

    def link(self, number: int, recorded_at: int, prev: bytes) -> None:
        """Compare what the record says of its place with where it stands."""
        seq = self.seq
        if number != seq:
            message = "the record has another number"
            self._findings.add(finding("LED-CHAIN", seq, message, expected=str(seq), found=str(number)))
        if seq == self._start:
            self.first_prev = prev
        elif prev != self._before and len(self.broken) <= MAX_TOLD:
            self.broken.append((seq, self._before, prev))
        if self.last_at is None:
            self.first_at = recorded_at
        elif recorded_at < self.last_at:
            self._findings.add(earlier(seq, self.last_at, recorded_at))
        self.last_at = recorded_at
        if self.latest is not None:
            self._findings.add(*antedated(seq, recorded_at, *self.latest))
            self.latest = None

    def grow(self) -> None:
        """Let the record's leaf into the tree; a tile that is full now is compared with the stored one."""
        self._leaves.append(self.leaf)
        self.seq += 1
        if len(self._leaves) == WIDTH:
            tile = b"".join(self._leaves)
            if self._source.has_tiles:
                index = self.seq // WIDTH - 1
                found = compare_tile(0, index, tile, self._source.tile(0, index))
                if found is not None:
                    self._findings.add(found)
            self.tiles += tile_root(tile)
            self._frontier = Frontier()
            self._leaves = []

    def tail(self) -> bytes:
        """The hash over the leaves after the last full tile; empty if there are none."""
        if not self._leaves:
            return b""
        for leaf in self._leaves[self._frontier.size :]:
            self._frontier.push(leaf)
        return self._frontier.root()

    def seal(self, note: bytes) -> None:
        """Check a checkpoint that covers the records so far, but for its root."""
        try:
            opened = self._trust.open(note)
        except VerificationFailed as error:
            self._findings.add(failure(error, self.seq - 1)._replace(id="LED-CKPT"))
            return
        except FormatError as error:
            self._findings.add(finding("LED-CKPT", self.seq - 1, f"the checkpoint cannot be read: {error}"))
            return
        size = opened.checkpoint.size
        if size != self.seq:
            self._findings.add(misplaced(size, self.seq, self._plan.size))
            return
        suffices = not lacking(self._trust, opened)
        signers = self._trust.signers(opened)
        self.sealed.append(Sealed(size, opened.checkpoint.root, self.tail(), signers, suffices))
        self.note = note
        if suffices:
            self.sufficing = note
        self.cosignatures += len(opened.cosignatures)
        self.post_quantum += self._trust.count_post_quantum(opened)
        for witness, time in opened.times:
            if self.last_at is not None:
                self._findings.add(*postdated(size - 1, self.last_at, witness, time))
            if self.latest is None or self.latest[1] < time:
                self.latest = (witness, time)


def tile_root(tile: bytes) -> bytes:
    """The hash over a full tile."""
    reader = TileReader(WIDTH, lambda level, _index, _width: tile if level == 0 else None)
    return reader.read(HEIGHT, 0)


def lacking(trust: Trust, opened: Opened) -> str:
    """What a checkpoint lacks of the signatures that the trust file asks for, in words; empty if it has them all."""
    try:
        trust.require(opened)
    except CannotVerify as error:
        return str(error)
    return ""


def misplaced(size: int, place: int, total: int) -> Finding:
    """The finding for a checkpoint of `size` in the place of one of size `place`, in a log of `total` records."""
    if size > total:
        return cut_off("a signed checkpoint covers", size, "signed", total)
    message = "the checkpoint is of another size than the place where it stands"
    return finding("LED-CKPT", min(place, total) - 1, message, expected=str(place), found=str(size))


def cut_off(who: str, due: int, known: str, size: int) -> Finding:
    """The finding for a log of `size` records of which somebody knows that it had `due`, and `known` how."""
    message = f"{who} more records than there are here: this is an older copy, or its end was cut off"
    return finding("LED-HEAD", size, message, expected=f"{due} records {known}", found=f"{size} records")


def earlier(seq: int, before: int, recorded_at: int) -> Finding:
    """The finding for a record dated before the one before it."""
    message = "the record is dated before the one before it"
    return finding("LED-TIME", seq, message, expected=f"{before} µs or later", found=f"{recorded_at} µs")


def postdated(seq: int, recorded_at: int, witness: str, time: int) -> list[Finding]:
    """The finding, if it is one, for a record covered by a checkpoint that a witness saw at a time before its date.

    Args:
        seq: the record.
        recorded_at: its date, in microseconds since the Unix epoch.
        witness: the name of the witness.
        time: when it cosigned, in seconds since then.
    """
    if recorded_at <= (time + CLOCK_SKEW) * 1_000_000:
        return []
    message = f"the record is dated later than the cosignature of witness {witness} over a checkpoint that covers it"
    due = f"{moment(time + CLOCK_SKEW)} or earlier, with {CLOCK_SKEW} s allowed for the clocks"
    return [finding("LED-TIME", seq, message, expected=due, found=clock_time(recorded_at))]


def antedated(seq: int, recorded_at: int, witness: str, time: int) -> list[Finding]:
    """The same for a record that was not there yet when the witness cosigned, by its checkpoint, but is dated before.

    A witness cosigns the newest checkpoint that the log has: what came later is not covered by it.
    """
    if recorded_at >= (time - CLOCK_SKEW) * 1_000_000:
        return []
    message = f"the record is dated earlier than the cosignature of witness {witness} over the log without it"
    due = f"{moment(time - CLOCK_SKEW)} or later, with {CLOCK_SKEW} s allowed for the clocks"
    return [finding("LED-TIME", seq, message, expected=due, found=clock_time(recorded_at))]


def blame(broken: list[tuple[int, bytes, bytes]], sealed: int) -> list[Finding]:
    """Say which records the broken links of a log point at.

    A record that is altered no longer fits the one after it; one whose own link is altered fits neither neighbour. So a
    lone broken link points at the record before it, and of several in a row, the first at its own. Records that a
    checkpoint proves, those below `sealed`, are not to blame.

    Args:
        broken: in order, each record whose link is not the leaf hash of the record before: seq, hash due, link found.
        sealed: the size of the last checkpoint that the records agree with.
    """
    places = {seq for seq, _, _ in broken}
    found = []
    for seq, due, link in broken:
        if seq - 1 in places:
            continue
        if seq + 1 in places or seq - 1 < sealed:
            message = "the record does not follow the one before it"
            found.append(finding("LED-CHAIN", seq, message, expected=due, found=link))
        else:
            message = "the record is not the one that the next record follows"
            found.append(finding("LED-CHAIN", seq - 1, message, expected=link, found=due))
    return found


def compare_tile(level: int, index: int, computed: bytes, stored: bytes | None) -> Finding | None:
    """Compare a full tile, or as much as both have of a partial one above level 0, with the stored one."""
    full = len(computed) == TILE_BYTES
    if stored is None:
        message = f"the tile of level {level}, index {index} is missing"
        return finding("LED-TREE", None, message, expected=f"{WIDTH} hashes", derived=True) if full else None
    # A partial tile may have been stored when it was narrower, or be wider meanwhile.
    length = TILE_BYTES if full else min(len(computed), len(stored))
    if stored == computed or (not full and stored[:length] == computed[:length]):
        return None
    pairs = ((computed[at : at + HASH_BYTES], stored[at : at + HASH_BYTES]) for at in range(0, length, HASH_BYTES))
    number, expected, other = next(
        ((n, *pair) for n, pair in enumerate(pairs) if pair[0] != pair[1]), (WIDTH, b"", b"")
    )
    if number == WIDTH:
        message = f"the stored tile of level {level}, index {index} goes on after its hashes"
        width, found = f"{TILE_BYTES} bytes", f"{len(stored)} bytes"
        return finding("LED-TREE", None, message, expected=width, found=found, derived=True)
    message = f"hash {number} of the stored tile of level {level}, index {index} is another"
    seq = index * WIDTH + number if level == 0 else None
    return finding("LED-TREE", seq, message, expected=expected, found=other, derived=True)
