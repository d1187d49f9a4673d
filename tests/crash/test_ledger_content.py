"""Private content after crashes, failures and backups: none without a record stays, none that was erased comes back."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit, item_id
from creditledger.acts.kinds import Commitment, Subject
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem
from creditledger.store import segment
from creditledger.store.files import SECTOR
from creditledger.store.identity import KEY_LABEL, Identities, Identity
from creditledger.store.private import PrivateStore
from support.registry import LIST, Registry, listing, signer

SEGMENT = 1500
"""So short that a few items fill a segment."""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def content(number: int, length: int = 60) -> ContentItem:
    draw = random.Random(number)
    subject, nonce, data = Subject.handle(draw.randbytes(32)), draw.randbytes(32), draw.randbytes(length)
    return ContentItem(LIST, subject, commit(nonce, data), nonce, data)


def listed(ledger: Ledger, item: ContentItem) -> None:
    act = listing(0, subject=item.subject, content=(Commitment(KEY_LABEL, item.commitment),))
    ledger.append(act, signer=signer("court"), contents=[item])


def erased(ledger: Ledger, item: ContentItem) -> None:
    erasure = acts.ContentErase(LIST, item.subject, (item.commitment,), "2026-03-02", "act", "s. 9")
    ledger.append(erasure, signer=signer("court"))


def name(item: ContentItem) -> bytes:
    return item_id(item.list, item.subject, item.commitment)


def row(item: ContentItem) -> tuple[bytes, bytes, bytes]:
    return name(item), item.nonce, item.content


def identity(item: ContentItem) -> Identity:
    assert isinstance(item.subject.value, bytes)
    return Identity(LIST, f"ID {item.commitment.hex()[:8]}", item.subject.value, name(item))


def read(ledger: Ledger, item: ContentItem) -> bytes | None:
    return ledger.content(item.list, item.subject, item.commitment)


def segments(registry: Registry) -> list[Path]:
    return sorted((registry.directory / "private").glob("*.seg"))


def stored(registry: Registry) -> bytes:
    return b"".join(path.read_bytes() for path in segments(registry))


# --- Without a record --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [SEGMENT, segment.SEGMENT_BYTES])
@pytest.mark.parametrize("cut", ["before the content", "before the record"])
def test_the_identities_of_an_import_that_was_killed_go_with_its_content(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, cut: str, limit: int
) -> None:
    """Rows that tie a person's number to a handle that nobody was ever recorded under: nothing could erase them."""
    monkeypatch.setitem(PrivateStore.open.__func__.__kwdefaults__, "segment_bytes", limit)  # type: ignore[attr-defined]
    kept, orphans = content(1), [content(number) for number in range(2, 8)]
    with registry.create() as ledger:
        identities = Identities(ledger.private_store())
        identities.assign([identity(kept)], ledger.size + 1)
        listed(ledger, kept)
        before = ledger.private_store().ids()
        identities.assign([identity(one) for one in orphans[:3]], ledger.size + 1)
        if cut == "before the record":
            ledger.private_store().put_many(map(row, orphans), ledger.size + 1)
    with registry.open() as ledger:
        assert ledger.private_store().ids() == before
        identities = Identities(ledger.private_store())
        assert identities.find(LIST, identity(kept).key) == identity(kept)
        listed(ledger, orphans[0])
        assert read(ledger, orphans[0]) == orphans[0].content
        assert read(ledger, kept) == kept.content
    assert not any(name(one) in stored(registry) for one in orphans[1:])


@pytest.mark.parametrize("limit", [SEGMENT, segment.SEGMENT_BYTES])
def test_what_another_thread_puts_meanwhile_does_not_hide_content_without_a_record(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """An import assigns identities while a commit is under way; what was put last is not what has no record."""
    monkeypatch.setitem(PrivateStore.open.__func__.__kwdefaults__, "segment_bytes", limit)  # type: ignore[attr-defined]
    kept, orphan, others = content(1), content(2), [content(number) for number in range(3, 7)]
    with registry.create() as ledger:
        listed(ledger, kept)
        before = ledger.private_store().ids()
        ledger.private_store().put_many([row(orphan)], ledger.size + 1)
        for one in others:
            ledger.private_store().put_many([row(one)])
    with registry.open() as ledger:
        assert ledger.private_store().ids() == before
    assert not any(name(one) in stored(registry) for one in [orphan, *others])


def test_once_the_record_is_there_everything_put_with_it_counts(registry: Registry) -> None:
    first, second = content(1), content(2)
    with registry.create() as ledger:
        Identities(ledger.private_store()).assign([identity(first)], ledger.size + 1)
        ledger.private_store().put_many([row(second)])
        listed(ledger, first)
        before = ledger.private_store().ids()
    for _ in range(2):
        with registry.open() as ledger:
            assert ledger.private_store().ids() == before


def test_a_removal_that_is_killed_between_two_segments_is_gone_on_with(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PrivateStore.open.__func__.__kwdefaults__, "segment_bytes", SEGMENT)  # type: ignore[attr-defined]
    kept, orphans = content(1), [content(number) for number in range(2, 10)]
    with registry.create() as ledger:
        listed(ledger, kept)
        before = ledger.private_store().ids()
        for one in orphans:
            ledger.private_store().put_many([row(one)], ledger.size + 1)
    assert len(segments(registry)) > 2
    cut = segment.cut
    done: list[int] = []

    def killed(fd: int, end: int) -> None:
        cut(fd, end)
        done.append(end)
        if end == SECTOR:
            raise KeyboardInterrupt

    for _ in range(20):
        with monkeypatch.context() as patch:
            patch.setattr(segment, "cut", killed)
            try:
                registry.open().close()
            except KeyboardInterrupt:
                continue
            break
    with registry.open() as ledger:
        assert ledger.private_store().ids() == before
        assert read(ledger, kept) == kept.content
        listed(ledger, orphans[0])
        assert read(ledger, orphans[0]) == orphans[0].content
    assert not any(name(one) in stored(registry) for one in orphans[1:])


# --- Erased ------------------------------------------------------------------------------------------------------


def copied_over(backup: Path, file: Path) -> None:
    shutil.copyfile(backup, file)


def copied_with_its_times(backup: Path, file: Path) -> None:
    shutil.copy2(backup, file)


def put_in_its_place(backup: Path, file: Path) -> None:
    backup.rename(file)


@pytest.mark.parametrize("restore", [copied_over, copied_with_its_times, put_in_its_place])
def test_one_file_of_content_from_a_backup_does_not_bring_back_what_was_erased(
    registry: Registry, tmp_path: Path, restore: Callable[[Path, Path], None]
) -> None:
    """The mark beside it says that the erasure was carried out, and so it was: on the file that is no longer there."""
    gone, kept = content(1), content(2)
    with registry.create() as ledger:
        Identities(ledger.private_store()).assign([identity(gone)], ledger.size + 1)
        listed(ledger, gone)
        listed(ledger, kept)
    (file,) = segments(registry)
    shutil.copy2(file, tmp_path / "backup.seg")
    with registry.open() as ledger:
        erased(ledger, gone)
        assert read(ledger, gone) is None
    restore(tmp_path / "backup.seg", file)
    assert name(gone) in file.read_bytes()
    with registry.open() as ledger:
        assert read(ledger, gone) is None
        assert read(ledger, kept) == kept.content
        assert Identities(ledger.private_store()).find(LIST, identity(gone).key) is None
        assert len(ledger.private_store().ids()) == 2  # The content that stays, and the key of the tags.
    assert name(gone) not in file.read_bytes()


def test_where_nothing_was_changed_meanwhile_erasures_are_not_carried_out_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise each opening would read all content there is."""
    with registry.create() as ledger:
        listed(ledger, content(1))
        erased(ledger, content(1))
    asked: list[list[bytes]] = []
    erase = PrivateStore.erase

    def noted(store: PrivateStore, ids: list[bytes]) -> None:
        asked.append(ids)
        erase(store, ids)

    monkeypatch.setattr(PrivateStore, "erase", noted)
    for _ in range(2):
        registry.open().close()
    assert asked == []


def test_after_an_erasure_nothing_of_it_is_left_in_any_file_of_the_ledger(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the text, its nonce, its key, nor what they were sealed as; nor in the pages that LMDB has given up."""
    given: list[bytes] = []

    def entropy(length: int) -> bytes:
        given.append(os.urandom(length))
        return given[-1]

    monkeypatch.setitem(PrivateStore.open.__func__.__kwdefaults__, "entropy", entropy)  # type: ignore[attr-defined]
    monkeypatch.setitem(PrivateStore.open.__func__.__kwdefaults__, "segment_bytes", 8000)  # type: ignore[attr-defined]
    gone, kept = [content(number, 400 * number) for number in range(1, 9)], content(10)
    person = identity(gone[0])
    with registry.create() as ledger:
        Identities(ledger.private_store()).assign([person], ledger.size + 1)
        for one in gone:
            listed(ledger, one)
    keys, given = given, []
    with registry.open() as ledger:
        listed(ledger, kept)
        sealed = sealed_bytes(registry, [name(one) for one in gone])
        assert len(sealed) == len(gone)
        assert all(windows(one) <= windows(everything(tmp_path)) for one in sealed)
        for one in gone:
            erased(ledger, one)
        while_open = windows(everything(tmp_path))
    secrets = [part for one in gone for part in (one.nonce, one.content)]
    secrets += [person.key.encode(), *keys, *sealed]
    for found in (while_open, windows(everything(tmp_path))):
        left = [secret for secret in secrets if windows(secret) & found]
        # The one IV that stays is that of the key of the tags, which says nothing about anybody.
        assert len(left) == 1
        assert len(left[0]) == segment.NONCE_BYTES
    with registry.open() as ledger:
        assert [read(ledger, one) for one in gone] == [None] * len(gone)
        assert read(ledger, kept) == kept.content


def everything(directory: Path) -> bytes:
    """All bytes of all files, and their names."""
    found = sorted(directory.rglob("*"))
    return b"\0".join(os.fsencode(path) + b"\0" + (path.read_bytes() if path.is_file() else b"") for path in found)


def windows(data: bytes) -> set[bytes]:
    """Every eight bytes in a row."""
    return {data[at : at + 8] for at in range(len(data) - 7)}


def sealed_bytes(registry: Registry, names: list[bytes]) -> list[bytes]:
    """IV, sealed secret and ciphertext of items, as they stand in the segments."""
    found: list[bytes] = []
    for path in segments(registry):
        with path.open("rb") as file:
            places = [one for one in segment.scan(file, SECTOR, path.stat().st_size) if one.item_id in names]
            items = [segment.read_item(file.fileno(), one.position, one.item_id) for one in places]
            found += [b"".join(one) for one in items if one is not None]
    return found
