"""The journal's file: private, shared between processes, never silently lost."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from extractor.batch.journal import Claim, Kept, key_of
from extractor.batch.store import Store
from extractor.errors import JournalError

KEY, OTHER = key_of("a"), key_of("b")
SAID = Kept(b'{"id": 1}', 200, "req-1", 0.5, model="any")
HERE, FAR = os.uname().nodename, 1e12


def kept(at: float) -> Kept:
    return SAID._replace(at=at)


def opened(path: Path, *owners: str) -> Store:
    store = Store.open(path)
    for owner in owners:
        store.enter(owner, HERE, os.getpid(), FAR)
    return store


def test_an_answer_is_found_by_its_key_and_only_if_it_is_recent_enough(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j.sqlite", "me")) as store:
        assert store.write("me", {}, [], [(KEY, 0)], 1.0) == [Claim(granted=True)]
        store.write("me", {KEY: SAID}, [], [], 5.0)
        assert store.look([(KEY, 0), (KEY, 6.0), (OTHER, 0)]) == [kept(5.0), None, None]
        assert store.write("me", {}, [], [(KEY, 0), (KEY, 6.0)], 7.0) == [
            Claim(kept(5.0)),
            Claim(granted=True),
        ]


def test_what_one_process_is_asking_no_other_may_ask(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j", "me")) as mine, closing(opened(tmp_path / "j", "you")) as yours:
        assert mine.write("me", {}, [], [(KEY, 0)], 1.0)[0].granted
        assert yours.write("you", {}, [], [(KEY, 0)], 1.0) == [Claim()]
        mine.write("me", {}, [KEY], [], 1.0)
        assert yours.write("you", {}, [], [(KEY, 0)], 1.0)[0] == Claim(granted=True)
        yours.write("you", {KEY: SAID}, [], [], 1.0)
        assert mine.write("me", {}, [], [(KEY, 0)], 1.0) == [Claim(kept(1.0))]


def test_the_claim_of_a_dead_process_is_taken_over_and_told_of(tmp_path: Path) -> None:
    ended = os.fork()
    if ended == 0:
        os._exit(0)
    os.waitpid(ended, 0)
    with closing(opened(tmp_path / "j", "me")) as store:
        store.enter("dead", HERE, ended, FAR)
        store.enter("silent", "another machine", 1, 10.0)
        store.write("dead", {}, [], [(KEY, 0)], 1.0)
        store.write("silent", {}, [], [(OTHER, 0)], 1.0)
        assert store.write("me", {}, [], [(OTHER, 0)], 9.0) == [Claim()]
        assert store.stats(11.0).lost == 2
        claims = store.write("me", {}, [], [(KEY, 0), (OTHER, 0)], 11.0)
        assert claims == [Claim(granted=True, lost=True)] * 2
        assert store.stats(11.0).claimed == 2


def test_many_answers_are_written_and_found_at_once(tmp_path: Path) -> None:
    keys = [key_of(str(nth)) for nth in range(1001)]
    with closing(opened(tmp_path / "j", "me")) as store:
        assert all(claim.granted for claim in store.write("me", {}, [], [(key, 0) for key in keys], 1.0))
        store.write("me", dict.fromkeys(keys, SAID), [], [], 1.0)
        assert store.look([(key, 0) for key in keys]) == [kept(1.0)] * 1001
        assert store.stats(1.0).claimed == 0


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "journal.sqlite"
    with closing(opened(path, "me")) as store:
        store.write("me", {KEY: SAID}, [], [], 1.0)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.touch(0o644)
    opened(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_stats_export_and_prune(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j", "me")) as store:
        store.write("me", {KEY: SAID}, [], [], 10.0)
        store.write("me", {OTHER: SAID._replace(model="other")}, [], [], 20.0)
        stats = store.stats(30.0)
        assert (stats.answers, stats.oldest, stats.newest) == (2, 10.0, 20.0)
        assert stats.models == {"any": 1, "other": 1}
        assert stats.size > 0
        assert [key for key, _ in store.export()] == [KEY, OTHER]
        assert store.prune(before=15.0, now=30.0) == 1
        assert [key for key, _ in store.export()] == [OTHER]


@pytest.mark.parametrize("damage", ["garbage", "middle"])
def test_a_damaged_journal_is_moved_aside_and_told_of(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(opened(path, "me")) as store:
        store.write("me", {key_of(str(n)): SAID for n in range(500)}, [], [], 1.0)
    whole = path.read_bytes()
    spoilt = b"garbage" * 1000 if damage == "garbage" else whole[:4096] + b"\xff" * 20_000 + whole[24_096:]
    path.write_bytes(spoilt)
    with closing(opened(path)) as store:
        assert store.stats(1.0).answers == 0
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
            Store.open(path)
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
        Store.open(path)


def test_a_folder_that_can_not_be_written_is_told_of_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="name another file as journal=, or False"):
        Store.open(tmp_path / "file" / "journal.sqlite")


def test_a_full_disk_is_told_of_and_what_was_kept_stays(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j", "me")) as store:
        store.write("me", {KEY: SAID}, [], [], 1.0)
        store._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(JournalError, match="full; make room"):
            store.write("me", {OTHER: SAID._replace(body=b"x" * 200_000)}, [], [], 1.0)
        assert store.look([(KEY, 0), (OTHER, 0)]) == [kept(1.0), None]


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert key_of("ab", "c") != key_of("a", "bc") != key_of("abc")
    assert key_of("a", b"b") == key_of("a", "b")
