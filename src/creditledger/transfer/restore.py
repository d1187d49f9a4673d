"""Restoring a ledger from an export or from a published log: the same records and root, the state rebuilt, nothing
taken on trust.

The ledger is built in a directory beside its place and moved there at the end. Until then that directory has no
`ledger.toml`, so that what a kill leaves behind opens as nothing; the next restore to the same place clears it away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from creditledger.acts.content import item_id, subject_key
from creditledger.audit.trust import Trust
from creditledger.errors import CannotVerify, FormatError, UnsupportedError, UsageError, VerificationFailed
from creditledger.keys.signer import Signer
from creditledger.ledger.heads import log_part
from creditledger.ledger.layout import Description, Layout
from creditledger.ledger.receipt import ContentItem
from creditledger.ledger.replay import open_state, replay
from creditledger.ledger.state import State
from creditledger.ledger.witnessing import Witnesses
from creditledger.rules.rows import SubjectRow
from creditledger.store.files import FILE_MODE, disk_error, make_dir, sync_dir
from creditledger.store.head import HeadStore, default_head_dir
from creditledger.store.identity import KEY_LABEL, Identities, Identity
from creditledger.store.lock import WriterLock
from creditledger.store.private import PrivateStore
from creditledger.transfer.export_file import Frame, Totals, read_content
from creditledger.transfer.recorded import Entries
from creditledger.transfer.restore_log import LogBuild, Progress
from creditledger.transfer.restore_source import Reader, open_reader

if TYPE_CHECKING:
    from creditledger.tlog.policy import Policy

_CONTENT_BATCH = 500
_UNASKED = (
    "So it is not known whether more was signed than there is here, and nothing was restored: try again when they "
    "answer, or restore without the log key, to read"
)


class Restored(NamedTuple):
    """What was restored: size and root (32 bytes) of the log, state digest (32 bytes), what the file held.

    `contents` items were put back, `erased` were not, because an erasure on record destroyed them. `head_kept` tells
    whether this machine may sign for the ledger now.
    """

    size: int
    root: bytes
    state_digest: bytes
    totals: Totals
    contents: int
    erased: int
    head_kept: bool


def restore_ledger(
    export: str | os.PathLike[str],
    directory: str | os.PathLike[str],
    *,
    trust: Trust | None = None,
    log_signer: Signer | None = None,
    witnesses: Policy | None = None,
    witness_timeout: float = 5.0,
    content_key: bytes | None = None,
    without_content: bool = False,
    head_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Rebuild a ledger's directory from an export file, or from a published log such as a mirror keeps.

    Form, signatures, links, tree, checkpoints and rules of every record are checked; content is held against its
    commitments, and what an erasure on record destroyed is not put back.

    Args:
        export: the file, or the directory or http(s) URL where a log is published. Such a log has no content, and only
            its newest checkpoint.
        directory: where the ledger will be; it must not exist, or be empty.
        trust: what is known of the ledger from elsewhere. Without it, the file is only shown to agree with itself.
        log_signer: the log key. With it this machine will sign for the ledger from where the export ends: only the
            newest export may be restored so, since what was signed beyond it would be contradicted. Without it the
            ledger is for reading.
        witnesses: whom the ledger asks to cosign, with their URLs; kept as its `witnesses.policy`. With the log key,
            they are asked before this machine may sign, and nothing is restored below what they have seen or unless
            their quorum answers. Needed with the log key where the trust names witnesses, one of them at least.
        witness_timeout: seconds that they have to answer.
        content_key: the key (32 bytes) under which content is to be encrypted; a new one will do.
        without_content: leave out content that the export holds.
        head_dir: where heads are kept; by default in the user's state directory.
        progress: called now and then.

    Raises:
        FormatError: the file is not a whole export, or there is no published log. CannotVerify: some of it is missing.
        VerificationFailed: what it holds contradicts itself, the trust, what this machine has signed, or what the
            witnesses have seen. CannotVerify: too few of them answered.
        UsageError: something is at the directory, the file holds content and there is no key for it, or the witnesses
            that are to be asked are missing.
        StoreError: the disk failed. Locked: another restore to the same place is under way.
    """
    target = Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already; a ledger is restored to a place where nothing is")
    if log_signer is not None:
        _check_witnesses(trust, witnesses)
    beside = Layout(target.with_name(f".{target.name}.restoring"))
    with open_reader(os.fspath(export), trust) as reader, _place(beside):
        try:
            with _Build(beside, trust, log_signer, content_key, progress) as build:
                if witnesses is not None:
                    _write_policy(beside, witnesses)
                    build.witnesses, build.witness_timeout = witnesses, witness_timeout
                restored = build.run(reader, without_content=without_content, head_dir=head_dir)
            beside.directory.rename(target)
            sync_dir(target.parent)
        except OSError as error:
            raise disk_error("restore to", target, error.errno, str(error)) from error
        except UnsupportedError as error:
            raise UnsupportedError(f"{export}: {error}") from error
        except FormatError as error:
            raise FormatError(f"{export} is no whole export: {error}") from error
        finally:
            if beside.directory.exists():
                shutil.rmtree(beside.directory)
    return restored


def _check_witnesses(trust: Trust | None, policy: Policy | None) -> None:
    """Whoever is to sign on must ask the witnesses that the trust file names; raises `UsageError`."""
    if trust is None or trust.witnesses is None or not trust.has_witnesses:
        return
    names = ", ".join(one.name for one in trust.witnesses.witnesses[:5])
    if policy is None:
        raise UsageError(
            f"the trust file names witnesses ({names}), and only they can tell whether more was signed than there is "
            "here: give their policy with URLs (--witnesses POLICY, the ledger's own witnesses.policy), or restore "
            "without the log key, to read"
        )
    trusted = {one.vkey for one in trust.witnesses.witnesses}
    if not any(one.url is not None and one.vkey in trusted for one in policy.witnesses):
        raise UsageError(
            f"the witness policy has the URL of none of the witnesses that the trust file names ({names}), so they "
            "cannot be asked whether more was signed than there is here: give the policy of this ledger's witnesses"
        )


def _write_policy(layout: Layout, policy: Policy) -> None:
    """Keep the policy where the ledger reads it whenever it is opened; raises OSError."""
    descriptor = os.open(layout.witnesses, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(policy.to_text())
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _place(layout: Layout) -> Iterator[None]:
    """The directory to build in, held against other restores to the same place, and empty."""
    make_dir(layout.directory)
    with WriterLock(layout.lock):
        _clear(layout)
        yield


def _clear(layout: Layout) -> None:
    """Remove what a restore to the same place that was killed has left, but for the lock that is held."""
    try:
        for left in (layout.log, layout.state, layout.private):
            if left.exists():
                shutil.rmtree(left)
        for file in (layout.description, layout.witnesses):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error("clear away", layout.directory, error.errno, str(error)) from error


class _Build:
    """A ledger that is being rebuilt in its directory.

    Attributes:
        witnesses: who is asked before this machine may sign; None: nobody.
        witness_timeout: seconds that they have.
    """

    def __init__(
        self,
        layout: Layout,
        trust: Trust | None,
        log_signer: Signer | None,
        content_key: bytes | None,
        progress: Progress | None,
    ) -> None:
        self._layout = layout
        self._log_signer = log_signer
        self._content_key = content_key
        self._progress = progress
        self._trusted = None if trust is None else trust.witnesses
        self._written = LogBuild(layout, trust, progress)
        self._entries = Entries(self._written.log)
        self._state: State | None = None
        self._private: PrivateStore | None = None
        self.witnesses: Policy | None = None
        self.witness_timeout = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._private is not None:
            self._private.close()
        if self._state is not None:
            self._state.close()
        self._written.close()

    def run(self, reader: Reader, *, without_content: bool, head_dir: str | os.PathLike[str] | None) -> Restored:
        """Build the ledger from the frames; its description, which makes it one, comes last."""
        frames = reader.frames()
        first_content = self._written.write(frames)
        description = self._written.require_whole(self._log_signer)
        heads = None
        if self._log_signer is not None:
            heads = HeadStore(head_dir if head_dir is not None else default_head_dir(os.environ))
        state = self._state = open_state(self._layout, create=True, keeper=heads)
        self._written.log.set_edge(self._written.builder)
        replay(self._written.log, state, self._written.builder.size)
        state.flush()
        put, erased = 0, 0
        if self._content_key is not None:
            self._private = PrivateStore.open(self._layout.private, self._content_key, create=True)
        if first_content is not None and not without_content:
            put, erased = self._write_contents(state, chain((first_content,), frames))
        for _ in frames:
            pass  # What is left is content that was not asked for; the end is checked all the same.
        if reader.totals is None:
            raise FormatError("the export was not read to its end")
        if heads is not None:
            self._keep_head(description, heads, state)
        description.write(self._layout)
        size, root = self._written.builder.size, self._written.builder.root()
        return Restored(size, root, state.digest(), reader.totals, put, erased, heads is not None)

    # -- content --------------------------------------------------------------------------------------------------

    def _write_contents(self, state: State, frames: Iterator[Frame]) -> tuple[int, int]:
        """Put content back, but not what was erased; returns how many items of either sort there were."""
        store = self._private
        if store is None:
            raise UsageError("the export holds content: give a content key, under which it is kept, or leave it out")
        identities = Identities(store)
        put, erased = 0, 0
        while frames_now := [*islice(frames, _CONTENT_BATCH)]:
            items: list[ContentItem] = []
            for frame in frames_now:
                item = read_content(frame)
                row = SubjectRow.from_bytes(state.subject_row(subject_key(item.list, item.subject)))
                if any(item.commitment == one for one, _ in row.erased):
                    erased += 1
                elif item.commitment in row.commitments:
                    items.append(item)
                else:
                    raise VerificationFailed(
                        "LED-CONTENT", f"at byte {frame.offset}: content that no act about {item.subject} commits to",
                        expected="a commitment on record", found=item.commitment.hex(),
                    )  # fmt: skip
            store.put_many((item_id(one.list, one.subject, one.commitment), one.nonce, one.content) for one in items)
            identities.assign(self._identities(state, items))
            put += len(items)
            if self._progress is not None:
                self._progress("contents", put)
        return put, erased

    def _identities(self, state: State, items: list[ContentItem]) -> Iterator[Identity]:
        """The rows that find handles by the source's keys, made anew from the content that says what they stand for."""
        for item in items:
            handle = item.subject.value
            if isinstance(handle, bytes) and self._label(state, item) == KEY_LABEL:
                name = item_id(item.list, item.subject, item.commitment)
                yield Identity(item.list, item.content.decode("utf-8", "replace"), handle, name)

    def _label(self, state: State, item: ContentItem) -> str | None:
        """Under which label an act about the subject commits to the item."""
        row = SubjectRow.from_bytes(state.subject_row(subject_key(item.list, item.subject)))
        for seq, index in row.addresses():
            act = self._entries[seq][1].acts[index]
            for label, digest in getattr(act, "content", ()):
                if digest == item.commitment:
                    return str(label)
        return None

    # -- the head outside -----------------------------------------------------------------------------------------

    def _keep_head(self, description: Description, heads: HeadStore, state: State) -> None:
        """Record where this machine will sign on; a machine that signed more, or otherwise, must not."""
        try:
            head = heads.claim(description.ledger_id)
            size = self._written.builder.size
            if head is not None and (head.size > size or self._written.log.root_at(head.size) != head.root):
                raise VerificationFailed(
                    "LED-HEAD",
                    "this machine has signed more for the ledger than the export holds, or another history: restore a "
                    "newer export, or restore without the log key, to read",
                    expected=f"{head.size} {head.root.hex()}", found=f"{size} {self._written.builder.root().hex()}",
                )  # fmt: skip
            self._ask_witnesses(description, state)
            note = log_part(self._written.checkpoint, description.origin)
            heads.store(description.ledger_id, size, self._written.builder.root(), note)
            state.keep_sealed(description.ledger_id)
        finally:
            heads.close()

    def _ask_witnesses(self, description: Description, state: State) -> None:
        """The witnesses have seen no more than there is here, and a quorum of them has answered."""
        policy = self.witnesses
        if policy is None:
            return
        witnesses = Witnesses(policy, self._written.log, description.origin)
        note, size = self._written.checkpoint, self._written.builder.size
        asked = witnesses.ask(note, size, state.governance, self.witness_timeout)
        witnesses.require_newest(asked, state.governance)
        signatures = [line for one in asked for line in one.signatures]
        try:
            policy.require(signatures)
            if self._trusted is not None:
                self._trusted.require(signatures)  # The operator's policy may ask for less than the verifier does.
            answered = bool(signatures)
        except CannotVerify as error:
            raise CannotVerify(f"{error}. {_UNASKED}") from None
        if not answered:
            raise CannotVerify(f"none of the witnesses answered. {_UNASKED}")
