"""What opening a ledger makes good after a crash or a failure, case by case, and what it must not touch."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from creditledger.acts import catalogue as acts
from creditledger.acts.content import commit, item_id
from creditledger.acts.kinds import Commitment, Subject
from creditledger.errors import KeyFileError, NoLedger, StoreError, VerificationFailed
from creditledger.ledger.ledger import Ledger
from creditledger.ledger.receipt import ContentItem, Receipt
from creditledger.record.entry import entry_hash
from creditledger.store.identity import Identities, Identity
from creditledger.tlog.note import Signature
from support.registry import LIST, Registry, by_root, listing, signer


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path)


def content(number: int) -> ContentItem:
    nonce, data = number.to_bytes(32, "big"), b"the statement of witness %d" % number
    return ContentItem(LIST, Subject.handle(bytes([number]) * 32), commit(nonce, data), nonce, data)


def about(item: ContentItem) -> acts.ListingAdd:
    return listing(0, subject=item.subject, content=(Commitment("statement", item.commitment),))


def listed(ledger: Ledger, item: ContentItem) -> Receipt:
    return ledger.append(about(item), signer=signer("court"), contents=[item])


def erased(ledger: Ledger, item: ContentItem) -> Receipt:
    erasure = acts.ContentErase(LIST, item.subject, (item.commitment,), "2026-03-02", "act", "s. 9")
    return ledger.append(erasure, signer=signer("court"))


def name(item: ContentItem) -> bytes:
    return item_id(item.list, item.subject, item.commitment)


def row(item: ContentItem) -> tuple[bytes, bytes, bytes]:
    return name(item), item.nonce, item.content


def read(ledger: Ledger, item: ContentItem) -> bytes | None:
    return ledger.content(item.list, item.subject, item.commitment)


def segments(registry: Registry) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((registry.directory / "private").glob("*.seg")))


# --- Founding ----------------------------------------------------------------------------------------------------


def test_a_founding_whose_head_cannot_be_kept_outside_fails_and_can_be_repeated(registry: Registry) -> None:
    """Founded without, the ledger could never be opened to write."""
    registry.heads.write_text("a file is in the way")
    with pytest.raises(StoreError, match="not founded"):
        registry.create()
    assert [path.name for path in registry.directory.iterdir()] == ["writer.lock"]
    registry.heads.unlink()
    registry.create().close()
    registry.open().close()


def test_a_founding_that_is_refused_touches_nothing(registry: Registry) -> None:
    registry.directory.mkdir()
    (registry.directory / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="is not empty"):
        registry.create()
    assert [path.name for path in registry.directory.iterdir()] == ["notes.txt"]


def test_what_a_founding_that_was_cut_off_left_is_named_as_that(registry: Registry) -> None:
    registry.create().close()
    (registry.directory / "ledger.toml").unlink()
    with pytest.raises(NoLedger):
        registry.open()
    with pytest.raises(StoreError, match="an earlier founding was cut off"):
        registry.create()
    assert (registry.directory / "log" / "data.mdb").exists()


# --- Content without a record ------------------------------------------------------------------------------------


def test_content_whose_record_never_came_is_removed_at_opening(registry: Registry) -> None:
    kept, orphan = content(1), content(2)
    with registry.create() as ledger:
        listed(ledger, kept)
        ledger.private_store().put_many([row(orphan)], ledger.size + 1)
    before = len(segments(registry))
    with registry.open() as ledger:
        assert ledger.private_store().ids() == [name(kept)]
        assert read(ledger, kept) == kept.content
        assert len(segments(registry)) < before
        assert name(orphan) not in segments(registry)
        assert listed(ledger, orphan).seq == ledger.size - 1
        assert read(ledger, orphan) == orphan.content


def test_only_the_copy_without_a_record_is_removed(registry: Registry) -> None:
    """An act may restate content: the older copy, under the same name, is one that the log refers to."""
    item = content(1)
    with registry.create() as ledger:
        listed(ledger, item)
        ledger.private_store().put_many([row(item)], ledger.size + 1)
    with registry.open() as ledger:
        assert ledger.private_store().ids() == [name(item)]
        assert read(ledger, item) == item.content


@pytest.mark.parametrize("ahead", [None, 0])
def test_content_that_counts_already_is_never_removed(registry: Registry, ahead: int | None) -> None:
    """Rows of identities count at once, whichever act follows; content counts once its record is there."""
    item = content(1)
    with registry.create() as ledger:
        ledger.private_store().put_many([row(item)], 0 if ahead is None else ledger.size + ahead)
    with registry.open() as ledger:
        assert ledger.private_store().ids() == [name(item)]


@pytest.mark.parametrize("byte", [-1, 13, 50, 58])
def test_a_last_batch_that_has_changed_is_not_removed(registry: Registry, byte: int) -> None:
    """Whether it counts is read from the batch itself: nothing is destroyed on the word of damaged bytes."""
    item = content(1)
    with registry.create() as ledger:
        ledger.private_store().put_many([row(item)], ledger.size + 1)
    file = next((registry.directory / "private").glob("*.seg"))
    data = bytearray(file.read_bytes())
    data[byte if byte < 0 else data.index(b"BATC") + byte] ^= 1
    file.write_bytes(data)
    with registry.open():
        assert file.read_bytes() == data


def test_without_its_key_content_without_a_record_is_removed_too(registry: Registry) -> None:
    orphan = content(2)
    with registry.create() as ledger:
        ledger.private_store().put_many([row(orphan)], ledger.size + 1)
    opened_without_key(registry).close()
    assert name(orphan) not in segments(registry)


def opened_without_key(registry: Registry) -> Ledger:
    return Ledger.open(
        registry.directory, log_signer=signer("log"), head_dir=registry.heads, clock=registry.clock
    )  # fmt: skip


# --- Erasures ----------------------------------------------------------------------------------------------------


def test_content_that_is_sent_again_after_its_erasure_is_not_put_back(registry: Registry) -> None:
    item, other = content(1), content(2)
    court = signer("court")
    with registry.create() as ledger:
        first = ledger.sign([about(item)], signer=court)
        ledger.append_signed(*first, [item])
        erased(ledger, item)
        second = ledger.sign([about(other)], signer=court)
        receipts = ledger.append_all([first, second], [item, other])
        assert receipts[0].seq < receipts[1].seq == ledger.size - 1
        assert read(ledger, item) is None
        assert read(ledger, other) == other.content
        assert ledger.private_store().ids() == [name(other)]


def test_damaged_content_that_may_hide_a_copy_does_not_keep_the_ledger_from_being_opened(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """The erasure is tried, and told of, at every opening until the damage is gone."""
    item, neighbour = content(1), content(2)
    with registry.create() as ledger:
        listed(ledger, neighbour)
        listed(ledger, item)
    file = next((registry.directory / "private").glob("*.seg"))
    sound = file.read_bytes()
    file.write_bytes(sound.replace(b"ITEM", b"MITE", 1))
    with registry.open() as ledger, pytest.raises(VerificationFailed, match=r"LED-CONTENT.*a copy may be in what is"):
        erased(ledger, item)
    assert name(item) not in segments(registry)
    for _ in range(2):
        caplog.clear()
        registry.open().close()
        assert "erasures on record may not be complete" in caplog.text
    file.write_bytes(sound)  # From a backup, with what was erased.
    caplog.clear()
    with registry.open() as ledger:
        assert read(ledger, item) is None
        assert read(ledger, neighbour) == neighbour.content
    assert caplog.text == ""


def test_what_ties_a_handle_to_a_person_goes_when_the_key_is_there_again(registry: Registry) -> None:
    """Opened without the key of the content, the ledger cannot find it; the erasure is not taken for done."""
    item = content(1)
    with registry.create() as ledger:
        handle = item.subject.value
        assert isinstance(handle, bytes)
        Identities(ledger.private_store()).assign([Identity(LIST, "ID 42", handle, name(item))])
        listed(ledger, item)
    with opened_without_key(registry) as ledger:
        erased(ledger, item)
    opened_without_key(registry).close()
    with registry.open() as ledger:
        assert len(ledger.private_store().ids()) == 1  # The key of the tags, which says nothing about anybody.
        assert Identities(ledger.private_store()).find(LIST, "ID 42") is None


# --- The writer after a failure ----------------------------------------------------------------------------------


def test_after_a_failure_everybody_is_told_so_until_the_ledger_is_opened_again(registry: Registry) -> None:
    with registry.create() as ledger:
        kept = listed(ledger, content(1))
        shutil.rmtree(registry.directory / "private")
        with pytest.raises(StoreError, match="cannot write private content"):
            listed(ledger, content(2))
        entries = [ledger.sign([listing(3)], signer=signer("court")) for _ in range(8)]
        told: list[str] = []

        def send(entry: tuple[bytes, list[bytes]]) -> None:
            with pytest.raises(StoreError) as error:
                ledger.append_signed(*entry)
            told.append(str(error.value))

        threads = [threading.Thread(target=send, args=(entry,)) for entry in entries]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(told) == len(entries)
        assert len(set(told)) == 1  # It does not quote itself, longer each time.
        assert told[0].count("an earlier commit failed") == 1
    with registry.open() as ledger:
        assert ledger.size == kept.seq + 1
        ledger.append_signed(*entries[0])


def test_an_interrupt_during_a_commit_leaves_a_writer_that_must_be_opened_again(registry: Registry) -> None:
    """It may have come after the commit, so that what this process keeps of the log is no longer what the log is."""
    with registry.create() as ledger:
        entry = ledger.sign([listing(1)], signer=signer("court"))
        interrupt = Interrupt()
        ledger._writer._signers = (interrupt,)  # type: ignore[union-attr]  # no other way to interrupt just then
        with pytest.raises(KeyboardInterrupt):
            ledger.append_signed(*entry)
        with pytest.raises(StoreError, match="an earlier commit failed"):
            ledger.append_signed(*entry)
    with registry.open() as ledger:
        assert ledger.append_signed(*entry).seq == ledger.size - 1


class Interrupt:
    """A signer of checkpoints at whose turn somebody presses Ctrl-C."""

    def sign(self, text: bytes) -> Signature:
        raise KeyboardInterrupt


def test_content_is_on_the_disk_when_the_commit_fails_so_nothing_goes_on_before_it_is_removed(
    registry: Registry,
) -> None:
    """The log itself is sound: it is the signer of checkpoints that fails. A commit in between would make it count."""
    with registry.create() as ledger:
        item = content(1)
        ledger._writer._signers = (Unplugged(),)  # type: ignore[union-attr]  # as a log key in a token may be
        with pytest.raises(KeyFileError, match="unplugged"):
            listed(ledger, item)
        with pytest.raises(StoreError, match="an earlier commit failed"):
            ledger.append(listing(2), signer=signer("court"))
    with registry.open() as ledger:
        assert ledger.private_store().ids() == []
        listed(ledger, item)
        assert read(ledger, item) == item.content


class Unplugged:
    """A signer of checkpoints that is not there."""

    def sign(self, text: bytes) -> Signature:
        raise KeyFileError("the token is unplugged")


def test_closing_while_threads_append_answers_each_of_them_and_loses_nothing(registry: Registry) -> None:
    ledger = registry.create()
    for name in ("court-2", "court-3"):
        key = signer(name)
        by_root(ledger, acts.KeyAdd("court", key.public_key, "act"), cosigners=[("court", key)])
    receipts: list[Receipt] = []
    stopped: list[str] = []

    def send(name: str, first: int) -> None:
        try:
            while True:
                receipts.append(ledger.append(listing(first + len(receipts)), signer=signer(name)))
        except StoreError as error:
            stopped.append(str(error))

    starts = zip(("court", "court-2", "court-3"), (1000, 200_000, 300_000), strict=True)
    threads = [threading.Thread(target=send, args=start) for start in starts]
    for thread in threads:
        thread.start()
    while len(receipts) < 20:
        time.sleep(0.001)
    ledger.close()
    for thread in threads:
        thread.join(60)
    assert len(stopped) == len(threads)
    with registry.open() as ledger:
        for receipt in receipts:
            assert entry_hash(ledger.record(receipt.seq).entry) == receipt.entry_hash


def test_the_lock_is_released_even_if_closing_fails(registry: Registry) -> None:
    ledger = registry.create()
    ledger.append(listing(1), signer=signer("court"))
    shutil.rmtree(registry.directory / "private")
    (registry.directory / "private").mkdir()
    (registry.directory / "private" / "erased-up-to.new").mkdir()
    with pytest.raises(StoreError, match="erased-up-to"):
        ledger.close()
    (registry.directory / "private" / "erased-up-to.new").rmdir()
    (registry.directory / "private").rmdir()
    registry.open().close()
