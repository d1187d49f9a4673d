"""Private content: encrypted, whole after a crash, tamper-evident, and erasable so that no byte of it is left."""

from __future__ import annotations

import os
import random
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditledger.errors import KeyFileError, NoLedger, StoreError, UsageError, VerificationFailed
from creditledger.store import files, segment
from creditledger.store.master_key import read_master_key, write_master_key
from creditledger.store.private import PrivateStore

MASTER = bytes(range(100, 132))


class Entropy:
    """Random bytes from a seed, remembered, so that a test knows every key that was used."""

    def __init__(self) -> None:
        self._random = random.Random("keys")
        self.given: list[bytes] = []

    def __call__(self, length: int) -> bytes:
        self.given.append(self._random.randbytes(length))
        return self.given[-1]


def item(number: int, length: int = 60) -> tuple[bytes, bytes, bytes]:
    rng = random.Random(number)
    return rng.randbytes(32), rng.randbytes(32), f"case {number}: ".encode() + rng.randbytes(length)


def opened(path: Path, *, key: bytes | None = MASTER, entropy: Callable[[int], bytes] | None = None) -> PrivateStore:
    return PrivateStore.open(
        path, key, create=not path.exists(), entropy=entropy or Entropy(), segment_bytes=4096 if key else 1 << 20
    )


def all_bytes(path: Path) -> bytes:
    return b"\0--\0".join(file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file())


def assert_no_run_remains(path: Path, secrets: list[bytes]) -> None:
    """No eight bytes in a row of any secret stand anywhere under the directory."""
    stored = all_bytes(path)
    for secret in secrets:
        for at in range(len(secret) - 7):
            assert secret[at : at + 8] not in stored


def test_what_was_put_is_got_by_writer_and_reader_now_and_later(tmp_path: Path) -> None:
    items = [item(number, length) for number, length in enumerate([0, 1, 60, 500, 3000, 9000])]
    store = opened(tmp_path / "private")
    store.put_many(items[:1])
    reader = PrivateStore.open(tmp_path / "private", MASTER, readonly=True)
    assert reader.get(items[0][0]) == items[0][1:]
    store.put_many(items[1:3])
    for one in items[3:]:
        store.put_many([one])
    store.put_many([])
    for _ in range(2):
        for one in items:
            assert store.get(one[0]) == reader.get(one[0]) == one[1:]
        assert store.ids() == reader.ids() == sorted(one[0] for one in items)
        assert store.get(bytes([1] * 32)) is None
        store.close()
        store = opened(tmp_path / "private")
    assert len(list((tmp_path / "private").glob("content-*.seg"))) == 3


def test_the_index_is_right_whether_it_is_built_before_or_after_a_put(tmp_path: Path) -> None:
    for early in (True, False):
        store = opened(tmp_path / str(early))
        store.put_many([item(1)])
        if early:
            assert store.ids() == [item(1)[0]]
        store.put_many([item(2), item(3)])
        assert store.ids() == sorted(item(number)[0] for number in (1, 2, 3))
        assert store.get(item(3)[0]) == item(3)[1:]


def test_nothing_of_the_content_stands_in_clear(tmp_path: Path) -> None:
    entropy = Entropy()
    store = opened(tmp_path / "private", entropy=entropy)
    store.put_many([item(1, 400)])
    item_key = entropy.given[0]
    assert len(item_key) == 32
    assert_no_run_remains(tmp_path, [item(1, 400)[1], item(1, 400)[2], item_key, MASTER])


def test_after_an_erasure_no_byte_run_is_left(tmp_path: Path) -> None:
    entropy = Entropy()
    store = opened(tmp_path / "private", entropy=entropy)
    kept, gone = [item(1), item(2, 2000)], [item(3, 700), item(4), item(5, 6000)]
    store.put_many([kept[0], gone[0]])
    store.put_many([gone[1], kept[1]])
    store.put_many([gone[2]])
    store.put_many([gone[0]])  # Again, in another segment, under other keys.
    keys = dict(zip(["1", "3", "4", "2", "5", "3 again"], zip(*[iter(entropy.given)] * 2, strict=True), strict=True))
    before = all_bytes(tmp_path)
    frames = [before[at : at + 8] for at in (before.find(one[0]) for one in gone)]
    assert all(frames)
    sealed = ciphertexts_of(tmp_path / "private", [one[0] for one in gone])
    assert len(sealed) == 4

    store.erase([one[0] for one in gone])

    secrets = [part for one in gone for part in one]
    secrets += [part for name in ("3", "4", "5", "3 again") for part in keys[name]]
    assert_no_run_remains(tmp_path, secrets + [part for parts in sealed for part in parts])
    for reader in (store, opened(tmp_path / "private")):
        assert [reader.get(one[0]) for one in gone] == [None] * 3
        assert [reader.get(one[0]) for one in kept] == [one[1:] for one in kept]
        assert reader.ids() == sorted(one[0] for one in kept)


def ciphertexts_of(path: Path, ids: list[bytes]) -> list[tuple[bytes, bytes, bytes]]:
    """Nonce, sealed secret and ciphertext of every copy of these items."""
    found = []
    for name in sorted(path.glob("content-*.seg")):
        with name.open("rb") as file:
            for frame in segment.scan(file, 512, name.stat().st_size):
                if frame.item_id in ids:
                    parts = segment.read_item(file.fileno(), frame.position, frame.item_id)
                    assert parts is not None
                    found.append(parts)
    return found


def test_erasing_is_repeatable_and_ignores_what_is_not_there(tmp_path: Path) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1), item(2)])
    store.erase([item(1)[0], item(9)[0]])
    before = all_bytes(tmp_path)
    store.erase([item(1)[0], item(9)[0]])
    store.erase([])
    assert all_bytes(tmp_path) == before
    store.put_many([item(1)])
    assert store.get(item(1)[0]) == item(1)[1:]


def test_an_erasure_needs_no_master_key(tmp_path: Path) -> None:
    opened(tmp_path / "private").put_many([item(1), item(2)])
    store = opened(tmp_path / "private", key=None)
    assert len(store.ids()) == 2
    store.erase([item(1)[0]])
    with pytest.raises(KeyFileError, match="master key is needed"):
        store.get(item(2)[0])
    with pytest.raises(KeyFileError, match="master key is needed"):
        store.put_many([item(3)])
    assert opened(tmp_path / "private").get(item(2)[0]) == item(2)[1:]


class Killed(BaseException):
    """Stands for kill -9: nothing runs after it."""


@contextmanager
def killed_at_write(monkeypatch: pytest.MonkeyPatch, number: int, part: float) -> Iterator[None]:
    """Die at the given write of the segment format, having written that part of it."""
    count = 0

    def write(fd: int, data: bytes, offset: int) -> None:
        nonlocal count
        count += 1
        if count == number:
            files.write_at(fd, data[: int(len(data) * part)], offset)
            raise Killed
        files.write_at(fd, data, offset)

    with monkeypatch.context() as patch:
        patch.setattr(segment, "write_at", write)
        yield


@pytest.mark.parametrize("part", [0.0, 0.01, 0.4, 1.0])
def test_an_erasure_killed_at_any_write_is_completed_by_repeating(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: float
) -> None:
    entropy = Entropy()
    store = opened(tmp_path / "private", entropy=entropy)
    gone = [item(3, 700), item(4, 30), item(5, 5000)]
    store.put_many([item(1), gone[0]])
    store.put_many([gone[1], gone[2], item(2)])
    store.put_many([gone[0]])
    sealed = ciphertexts_of(tmp_path / "private", [one[0] for one in gone])
    secrets = [part for parts in [*gone, *sealed] for part in parts] + entropy.given[2:8] + entropy.given[10:]
    shutil.copytree(tmp_path / "private", tmp_path / "image")
    for number in range(1, 100):
        shutil.rmtree(tmp_path / "private")
        shutil.copytree(tmp_path / "image", tmp_path / "private")
        victim = opened(tmp_path / "private")
        victim.ids()
        with killed_at_write(monkeypatch, number, part):
            try:
                victim.erase([one[0] for one in gone])
            except Killed:
                pass
            else:
                break
        again = opened(tmp_path / "private")
        again.erase([one[0] for one in gone])
        assert_no_run_remains(tmp_path / "private", secrets)
        assert again.get(item(1)[0]) == item(1)[1:]
        assert again.get(item(2)[0]) == item(2)[1:]
    assert number == 9  # Four frames in two parts each: eight writes to die at.


def test_an_erasure_syncs_the_mark_then_the_secret_parts_then_the_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1), item(2)])
    store.ids()
    file = (tmp_path / "private" / "content-000001.seg").read_bytes()
    id_places = {file.find(item(number)[0]) for number in (1, 2)}
    done: list[str] = []

    def write(fd: int, data: bytes, offset: int) -> None:
        done.append("id" if offset in id_places else "secret")
        files.write_at(fd, data, offset)

    monkeypatch.setattr(segment, "write_at", write)
    monkeypatch.setattr(os, "fsync", lambda fd: done.append("sync"))
    store.erase([item(1)[0], item(2)[0]])
    assert done == ["sync", "secret", "secret", "sync", "id", "id", "sync"]
    store.put_many([item(3)])
    done.clear()
    store.erase([item(3)[0]])
    assert done == ["sync", "secret", "sync", "secret", "sync"]

    again = opened(tmp_path / "private")  # What it erased before may stand in the system's cache only.
    done.clear()
    again.erase([item(9)[0]])
    assert done == ["sync", "secret", "secret", "secret", "sync", "id", "id", "secret", "sync"]
    done.clear()
    again.erase([item(9)[0]])
    assert done == []


def test_a_torn_end_is_overwritten_before_it_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(tmp_path / "private").put_many([item(1)])
    file = tmp_path / "private" / "content-000001.seg"
    sound = file.read_bytes()
    file.write_bytes(sound + b"half of what nobody was told of" * 100)
    seen: list[bytes] = []
    monkeypatch.setattr(os, "ftruncate", lambda fd, size: seen.append(file.read_bytes()))
    opened(tmp_path / "private")
    assert seen == [sound + bytes(3100)]


@pytest.mark.parametrize("tail", ["nothing", "header", "half", "all-but-one", "zeros", "foreign", "two-batches"])
def test_a_torn_end_is_ignored_by_readers_and_cut_by_the_writer(tmp_path: Path, tail: str) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1)])
    file = tmp_path / "private" / "content-000001.seg"
    sound = file.read_bytes()
    store.put_many([item(2), item(3)])
    batch = file.read_bytes()[len(sound) :]
    tails = {
        "nothing": b"",
        "header": batch[:12],
        "half": batch[: len(batch) // 2],
        "all-but-one": batch[:-1],
        "zeros": bytes(len(batch)),
        "foreign": b"\xff" * 700,
        "two-batches": batch[:300] + bytes(100) + batch[400:] + batch,
    }
    file.write_bytes(sound + tails[tail])
    reader = PrivateStore.open(tmp_path / "private", MASTER, readonly=True)
    assert reader.ids() == [item(1)[0]]
    assert reader.get(item(2)[0]) is None
    assert file.read_bytes() == sound + tails[tail]
    writer = opened(tmp_path / "private")
    assert file.read_bytes() == sound
    writer.put_many([item(4)])
    assert reader.get(item(4)[0]) == writer.get(item(4)[0]) == item(4)[1:]


@pytest.mark.parametrize("lag", [1, 2])
def test_an_acknowledged_batch_survives_a_mark_that_lags(tmp_path: Path, lag: int) -> None:
    store = opened(tmp_path / "private")
    file = tmp_path / "private" / "content-000001.seg"
    marks = []
    for number in range(4):
        store.put_many([item(number)])
        marks.append(file.read_bytes()[:512])
    file.write_bytes(marks[-1 - lag] + file.read_bytes()[512:] + b"torn")
    for store in (PrivateStore.open(tmp_path / "private", MASTER, readonly=True), opened(tmp_path / "private")):
        assert [store.get(item(number)[0]) for number in range(4)] == [item(number)[1:] for number in range(4)]
    assert file.read_bytes()[:512] == marks[-1]
    assert not file.read_bytes().endswith(b"torn")


def test_an_erasure_of_the_last_batch_does_not_make_it_look_torn(tmp_path: Path) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1), item(2)])
    store.erase([item(1)[0]])
    assert opened(tmp_path / "private").get(item(2)[0]) == item(2)[1:]


def test_every_flipped_byte_is_detected_or_dead_space(tmp_path: Path) -> None:
    """A flip may cost the item that it hits, with a finding; never may it change one, or make one vanish unsaid."""
    items = [item(number, 20) for number in range(3)]
    store = opened(tmp_path / "private")
    store.put_many(items[:2])
    store.put_many(items[2:])
    file = tmp_path / "private" / "content-000001.seg"
    sound = file.read_bytes()
    dead = []
    for at in range(len(sound)):
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << at % 8]) + sound[at + 1 :])
        reader = PrivateStore.open(tmp_path / "private", MASTER, readonly=True)
        findings = [found_out(reader, one) for one in [*items, (bytes([7] * 32), b"", b"")]]
        if not any(findings):
            dead.append(at)
    batches = [at for at in range(len(sound)) if sound.startswith(b"BATC", at)]
    assert dead == [start + 12 + at for start in batches for at in range(48)]  # Hashes of batches below the mark.
    assert len(dead) == 96


def found_out(reader: PrivateStore, one: tuple[bytes, bytes, bytes]) -> bool:
    """Get an item; True if a finding says that something is wrong. The id of sevens was never put."""
    try:
        assert reader.get(one[0]) == (one[1:] if one[2] else None)
    except VerificationFailed as error:
        return error.finding == "LED-CONTENT"
    return False


@pytest.mark.parametrize("damage", ["header", "middle", "cut-short", "segment-missing"])
def test_a_writer_never_cuts_damage_and_goes_on_elsewhere(tmp_path: Path, damage: str) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1, 4000)])
    store.put_many([item(2), item(3)])
    first, second = (tmp_path / "private" / f"content-00000{number}.seg" for number in (1, 2))
    sound = second.read_bytes()
    if damage == "header":
        second.write_bytes(bytes(512) + sound[512:])
    elif damage == "middle":
        second.write_bytes(sound[:572] + b"XXXX" + sound[576:])
    elif damage == "cut-short":
        second.write_bytes(sound[:-1])
    else:
        first.unlink()
    before = second.read_bytes()
    writer = opened(tmp_path / "private")
    writer.put_many([item(4)])
    assert second.read_bytes()[512 : len(before)] == before[512:]
    assert writer.get(item(4)[0]) == item(4)[1:]
    with pytest.raises(VerificationFailed, match="not found, and may be what is damaged"):
        writer.get(item(9)[0])
    with pytest.raises(VerificationFailed, match="a copy may be in what is damaged"):
        writer.erase([item(4)[0]])
    assert item(4)[0] not in all_bytes(tmp_path)


def test_an_item_moved_under_another_id_is_detected(tmp_path: Path) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1), item(2)])
    file = tmp_path / "private" / "content-000001.seg"
    data = file.read_bytes()
    one, two = (data.find(item(number)[0]) for number in (1, 2))
    length = two - one - 12
    file.write_bytes(data[: one + 36] + data[two + 36 : two + length] + data[one + length :])
    with pytest.raises(VerificationFailed, match="LED-CONTENT"):
        opened(tmp_path / "private").get(item(1)[0])


def test_a_wrong_master_key_is_said_at_once_and_not_taken_for_tampering(tmp_path: Path) -> None:
    opened(tmp_path / "private").put_many([item(1)])
    for readonly in (False, True):
        with pytest.raises(KeyFileError, match="not the one under which"):
            PrivateStore.open(tmp_path / "private", bytes(32), readonly=readonly)
    with pytest.raises(KeyFileError, match="16 bytes"):
        PrivateStore.open(tmp_path / "private", bytes(16))
    with pytest.raises(KeyFileError, match="master key is needed"):
        PrivateStore.open(tmp_path / "new", None, create=True)


def test_opening_and_creating_do_not_pass_for_each_other(tmp_path: Path) -> None:
    with pytest.raises(NoLedger):
        PrivateStore.open(tmp_path / "private", MASTER)
    opened(tmp_path / "private").close()
    with pytest.raises(StoreError, match="there already"):
        PrivateStore.open(tmp_path / "private", MASTER, create=True)


def test_closed_and_read_only_stores_refuse(tmp_path: Path) -> None:
    with opened(tmp_path / "private") as store:
        store.put_many([item(1)])
    calls: list[Callable[[], object]] = [
        lambda: store.get(item(1)[0]),
        lambda: store.put_many([item(2)]),
        lambda: store.erase([item(1)[0]]),
        store.ids,
    ]
    for call in calls:
        with pytest.raises(StoreError, match="closed"):
            call()
    reader = PrivateStore.open(tmp_path / "private", MASTER, readonly=True)
    with pytest.raises(StoreError, match="read-only"):
        reader.put_many([item(2)])
    with pytest.raises(StoreError, match="read-only"):
        reader.erase([item(1)[0]])


def test_bounds_are_checked_before_anything_is_written(tmp_path: Path) -> None:
    store = opened(tmp_path / "private")
    before = all_bytes(tmp_path)
    good = item(1)
    for bad in (
        (good[0][:31], good[1], good[2]),
        (bytes(32), good[1], good[2]),
        (good[0], good[1][:31], good[2]),
        (good[0], good[1], bytes(segment.MAX_CONTENT + 1)),
    ):
        with pytest.raises(UsageError, match="32 bytes"):
            store.put_many([good, bad])
    assert all_bytes(tmp_path) == before
    assert store.ids() == []


def test_a_failed_write_closes_the_store_for_writing_until_it_is_reopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(tmp_path / "private")
    store.put_many([item(1)])

    def fail(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(StoreError, match="the disk is full"):
            store.put_many([item(2)])
    with pytest.raises(StoreError, match="open it again"):
        store.put_many([item(3)])
    with pytest.raises(StoreError, match="open it again"):
        store.erase([item(1)[0]])
    assert store.get(item(1)[0]) == item(1)[1:]
    opened(tmp_path / "private").put_many([item(3)])


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        opened(tmp_path / "private").put_many([item(1)])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700
    for file in (tmp_path / "private").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(st.integers(0, 12), max_size=4)),
        st.tuples(st.just("erase"), st.lists(st.integers(0, 12), max_size=4)),
        st.tuples(st.just("reopen"), st.just([])),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(actions=ACTIONS)
def test_any_sequence_behaves_like_a_dict(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, list[int]]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "private"
    store = opened(path)
    reader = PrivateStore.open(path, MASTER, readonly=True)
    model: dict[bytes, tuple[bytes, bytes]] = {}
    ids = [item(number, number * 100)[0] for number in range(13)]
    ever: set[bytes] = set()
    for action, numbers in actions:
        chosen = [item(number, number * 100) for number in numbers]
        if action == "put":
            store.put_many(chosen)
            model.update({one[0]: one[1:] for one in chosen})
            ever.update(model)
        elif action == "erase":
            store.erase([one[0] for one in chosen])
            for one in chosen:
                model.pop(one[0], None)
        else:
            store.close()
            store = opened(path)
        for item_id in ids:
            assert store.get(item_id) == reader.get(item_id) == model.get(item_id)
    assert store.ids() == reader.ids() == sorted(model)
    assert_no_run_remains(path, sorted(ever - set(model)))


def test_the_master_key_file_is_written_once_and_read_back(tmp_path: Path) -> None:
    key = write_master_key(tmp_path / "key")
    assert read_master_key(tmp_path / "key") == key
    assert len(key) == 32
    assert key != write_master_key(tmp_path / "other")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    text = (tmp_path / "key").read_text()
    assert text.startswith("creditledger-master-key/1:")
    assert text.endswith("=\n")
    with pytest.raises(KeyFileError, match="never overwritten"):
        write_master_key(tmp_path / "key")
    assert read_master_key(tmp_path / "key") == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_master_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    write_master_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(KeyFileError, match="open to other users"):
        read_master_key(tmp_path / "key")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "creditledger-master-key/1:\n",
        "creditledger-master-key/2:" + "A" * 43 + "=\n",
        "creditledger-master-key/1:" + "A" * 42 + "==\n",
        "creditledger-master-key/1:" + "A" * 43 + "=\n\n",
        "creditledger-master-key/1:" + "A" * 43 + "=\nmore\n",
        "creditledger-master-key/1: " + "A" * 43 + "=\n",
        "creditledger-master-key/1:" + "\u00c4" * 43 + "=\n",
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 1000,
    ],
)
def test_what_is_not_a_master_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text, encoding="utf-8")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(KeyFileError, match="not a master key"):
        read_master_key(tmp_path / "key")


def test_a_missing_master_key_is_a_key_file_error(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot read"):
        read_master_key(tmp_path / "absent")
    with pytest.raises(KeyFileError, match="cannot write"):
        write_master_key(tmp_path / "absent" / "key")
