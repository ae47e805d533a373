"""The journal's file: private, shared between processes, never silently lost."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from extractor.batch.handles import Handle, Stage
from extractor.batch.journal import Claim, Kept, Tried, key_of
from extractor.batch.sqlite import SqliteStore
from extractor.batch.store import Clock, Work
from extractor.errors import JournalError

KEY, OTHER = key_of("a"), key_of("b")
SAID = Kept(b'{"id": 1}', 200, "req-1", 0.5, model="any")
HERE, FAR = os.uname().nodename, 1e12


def opened(path: Path, *owners: str, clock: Clock = lambda: 1.0) -> SqliteStore:
    store = SqliteStore.open(path, clock)
    for owner in owners:
        store.enter(owner, FAR)
    return store


def put(store: SqliteStore, key: bytes, said: Kept = SAID) -> None:
    store.do("me", Work(puts={key: said}))


def test_the_claim_of_a_dead_process_is_taken_over_and_told_of(tmp_path: Path) -> None:
    ended = os.fork()
    if ended == 0:
        os._exit(0)
    os.waitpid(ended, 0)
    with closing(opened(tmp_path / "j", "me")) as store:
        store.enter("dead", FAR, HERE, ended)
        store.enter("far", FAR, "another machine", ended)
        store.do("dead", Work(claims=[(KEY, 0)]))
        store.do("far", Work(claims=[(OTHER, 0)]))
        assert (store.stats().claimed, store.stats().lost) == (1, 1)
        claims = store.do("me", Work(claims=[(KEY, 0), (OTHER, 0)])).claims
        assert claims == [Claim(granted=True, lost=True), Claim()]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.sqlite"
    with closing(opened(path, "me")) as store:
        put(store, KEY)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.touch(0o644)
    opened(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["garbage", "middle"])
def test_a_damaged_journal_is_moved_aside_and_told_of(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(opened(path, "me")) as store:
        store.do("me", Work(puts={key_of(str(n)): SAID for n in range(500)}))
    whole = path.read_bytes()
    spoilt = b"garbage" * 1000 if damage == "garbage" else whole[:4096] + b"\xff" * 20_000 + whole[24_096:]
    path.write_bytes(spoilt)
    with closing(opened(path)) as store:
        assert store.stats().answers == 0
    (aside,) = (file for file in tmp_path.iterdir() if "damaged" in file.name)
    assert aside.read_bytes() == spoilt
    assert str(aside) in caplog.text


def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    table, database = tmp_path / "data.csv", tmp_path / "shop.sqlite"
    table.write_text("a,b\n1,2\n")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE orders (id)")
    for path in (table, database):
        before = path.read_bytes()
        with pytest.raises(JournalError, match="name another file"):
            SqliteStore.open(path)
        assert path.read_bytes() == before


@pytest.mark.parametrize(("version", "match"), [(99, "later release"), (-1, "can't read")])
def test_a_journal_of_another_version_is_refused_with_what_to_do(
    tmp_path: Path, version: int, match: str
) -> None:
    path = tmp_path / "journal.sqlite"
    opened(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(JournalError, match=match):
        SqliteStore.open(path)


def test_a_folder_that_can_not_be_written_is_told_of_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="name another file as journal=, or False"):
        SqliteStore.open(tmp_path / "file" / "journal.sqlite")


def test_a_full_disk_is_told_of_and_what_was_kept_stays(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j", "me")) as store:
        put(store, KEY)
        store._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(JournalError, match="full; make room"):
            put(store, OTHER, SAID._replace(body=b"x" * 200_000))
        assert store.look([(KEY, 0), (OTHER, 0)]) == [SAID._replace(at=1.0), None]


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert key_of("ab", "c") != key_of("a", "bc") != key_of("abc")
    assert key_of("a", b"b") == key_of("a", "b")


# -- batches at providers

BATCH = Handle("b1", "openai https://api.openai.com/v1", "m", "/v1/chat/completions", KEY.hex(), 2, 99, "1.5")
OF_VERSION_1 = """
CREATE TABLE answers (
    key BLOB NOT NULL UNIQUE, at REAL NOT NULL, model TEXT NOT NULL, status INTEGER NOT NULL,
    request_id TEXT, latency REAL NOT NULL, body BLOB NOT NULL
);
CREATE TABLE claims (key BLOB PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE owners (owner TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL);
PRAGMA user_version = 1; PRAGMA application_id = 1702392946;
"""


def test_a_journal_of_version_1_keeps_its_answers_and_takes_batches(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "j.sqlite")) as connection:
        connection.executescript(OF_VERSION_1)
        values = (KEY, 5.0, SAID.model, SAID.status, SAID.request_id, SAID.latency, SAID.body)
        connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        connection.commit()
    for _ in range(2):
        with closing(opened(tmp_path / "j.sqlite")) as store:
            assert store.look([(KEY, 0)]) == [SAID._replace(at=5.0)]
            assert store.batches() == []
    with closing(opened(tmp_path / "j.sqlite", "me")) as store:
        store.begin("me", BATCH, [KEY, OTHER])
        assert store.batches() == [BATCH]


def test_a_batch_is_known_by_its_requests_until_they_are_crossed_off(tmp_path: Path) -> None:
    third = key_of("c")
    with closing(opened(tmp_path / "j.sqlite", "me")) as store:
        store.begin("me", BATCH, [KEY, OTHER, third])
        assert store.tried([KEY, key_of("d")]) == {KEY: Tried("b1", 0, open=True)}
        cheap = SAID._replace(share=0.5)
        strange = key_of("of another batch")
        assert store.settle("b1", {KEY: cheap, strange: cheap}, [OTHER]) == {KEY, OTHER}
        assert store.look([(KEY, 0), (strange, 0)]) == [cheap._replace(at=1.0), None]
        assert store.settle("b1", {KEY: SAID}, []) == set()  # a second time it changes nothing
        assert store.look([(KEY, 0)]) == [cheap._replace(at=1.0)]
        store.save(BATCH._replace(stage=Stage.ENDED))
        assert store.tried([KEY, OTHER, third]) == {third: Tried("b1", 0, open=False)}
        store.save(BATCH._replace(stage=Stage.RUNNING))  # a process that has not heard of it
        assert store.batches() == []
        store.forget("b1")
        assert store.tried([third]) == {}


def test_only_one_living_process_is_at_the_beginning_of_a_batch(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j.sqlite", "me", "you")) as store:
        store.begin("me", BATCH, [KEY])
        assert store.take("you", "b1") is None
        assert store.take("me", "b1") == BATCH
        store.save(BATCH._replace(stage=Stage.CREATING))
        store.leave("me")
        assert store.take("you", "b1") == BATCH._replace(stage=Stage.CREATING)
        assert store.take("you", "b2") is None


def test_what_is_forgotten_of_answers_is_forgotten_of_ended_batches_and_of_no_others(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j.sqlite", "me")) as store:
        store.begin("me", BATCH._replace(stage=Stage.ENDED), [KEY])
        store.begin("me", BATCH._replace(id="b2"), [OTHER])
        store.prune(before=15.0)
        assert store.tried([KEY, OTHER]) == {OTHER: Tried("b2", 0, open=True)}
