"""The journal's file: private, shared between processes, never silently lost."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest

from extractor.bulk.journal.handles import Handle, Stage
from extractor.bulk.journal.interface import Claim, Kept, Tried, key_of
from extractor.bulk.journal.sqlite import SqliteStore
from extractor.bulk.journal.store import Clock, StoreWork
from extractor.errors import JournalError
from extractor.processes import Process, found_process, lives, this_process

KEY, OTHER = key_of("a"), key_of("b")
SAID = Kept(b'{"id": 1}', 200, "req-1", 0.5, model="any")
FAR = Process("another machine", 1, 0.0, 0.0)
LEASE = 20.0
BUSY, LOST = Claim(), Claim(granted=True, lost=True)


def opened(
    path: Path,
    *owners: str,
    clock: Clock = lambda: 1.0,
    monotonic: Clock = lambda: 1.0,
    here: Process | None = None,
) -> SqliteStore:
    store = SqliteStore.open(path, clock, monotonic, here)
    for owner in owners:
        store.enter(owner, LEASE)
    return store


def put(store: SqliteStore, key: bytes, said: Kept = SAID) -> None:
    store.do("me", StoreWork(puts={key: said}))


def test_the_claim_of_a_dead_process_is_taken_over_and_told_of(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with (
        closing(opened(path, "me")) as store,
        closing(opened(path, "dead", here=ended())) as dead,
        closing(opened(path, "far", here=FAR)) as far,
    ):
        dead.do("dead", StoreWork(claims=[(KEY, 0)]))
        far.do("far", StoreWork(claims=[(OTHER, 0)]))
        assert (store.stats().claimed, store.stats().lost) == (1, 1)
        claims = store.do("me", StoreWork(claims=[(KEY, 0), (OTHER, 0)])).claims
        assert claims == [LOST, BUSY]


def ended() -> Process:
    """A process of this machine that has ended."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        found = found_process(process.pid)
        assert found is not None
        assert lives(found)
    assert lives(found) is False
    return found


NOW = this_process()


@pytest.mark.parametrize(
    ("holder", "given"),
    [
        (NOW, BUSY),
        (NOW._replace(began=NOW.began + 45), BUSY),  # the clock was set, on Linux
        (NOW._replace(after_boot=NOW.after_boot - 45), BUSY),  # and elsewhere
        (NOW._replace(began=NOW.began - 99, after_boot=NOW.after_boot - 99), LOST),
        (NOW._replace(pid=2**31 - 1), LOST),
        (NOW._replace(place="another machine"), BUSY),
    ],
    ids=["alive", "clock set", "clock set, seen from the boot", "number given again", "gone", "elsewhere"],
)
def test_a_process_of_this_machine_is_known_by_number_and_start(
    tmp_path: Path, holder: Process, given: Claim
) -> None:
    with (
        closing(opened(tmp_path / "j", "held", here=holder)) as held,
        closing(opened(tmp_path / "j")) as store,
    ):
        held.do("held", StoreWork(claims=[(KEY, 0)]))
        assert store.do("me", StoreWork(claims=[(KEY, 0)])).claims == [given]


def test_a_process_that_has_ended_and_is_not_waited_for_is_dead() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        found = found_process(process.pid)
        assert found is not None
        process.stdin.close()  # type: ignore[union-attr]
        process.stdout.read()  # type: ignore[union-attr]
        ends = time.monotonic() + 10
        while lives(found) and time.monotonic() < ends:
            time.sleep(0.01)
        assert lives(found) is False


@pytest.mark.parametrize("step", [45.0, -45.0, 1e6, -1e6])
@pytest.mark.parametrize("here", [None, FAR], ids=["on this machine", "on another one"])
def test_a_step_of_anybodys_clock_makes_nobody_look_dead(
    tmp_path: Path, step: float, here: Process | None
) -> None:
    now = [1000.0]
    true, wrong = (lambda: now[0]), (lambda: now[0] + step)
    with (
        closing(opened(tmp_path / "j", "you", clock=wrong, monotonic=lambda: 5.0, here=here)) as yours,
        closing(opened(tmp_path / "j", "me", clock=true, monotonic=lambda: 77.0)) as mine,
    ):
        yours.do("you", StoreWork(claims=[(KEY, 0)]))
        for _ in range(5):
            now[0] += step
            yours.beat("you", LEASE)
            mine.beat("me", LEASE)
            assert mine.do("me", StoreWork(claims=[(KEY, 0)])).claims == [BUSY]


def test_a_process_of_another_machine_is_dead_once_its_sign_of_life_has_not_changed_for_a_lease(
    tmp_path: Path,
) -> None:
    now = [0.0]
    with (
        closing(opened(tmp_path / "j", "far", here=FAR)) as far,
        closing(opened(tmp_path / "j", "me", monotonic=lambda: now[0])) as mine,
    ):
        far.do("far", StoreWork(claims=[(KEY, 0)]))
        for _ in range(10):
            now[0] += LEASE - 1
            far.beat("far", LEASE)
            assert mine.do("me", StoreWork(claims=[(KEY, 0)])).claims == [BUSY]
        now[0] += LEASE - 1
        assert mine.do("me", StoreWork(claims=[(KEY, 0)])).claims == [BUSY]
        now[0] += 1
        assert mine.do("me", StoreWork(claims=[(KEY, 0)])).claims == [LOST]


def test_who_closes_without_signing_out_is_not_at_work_any_more(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "j", "me")) as store:
        with closing(opened(tmp_path / "j", "you")) as other:
            other.do("you", StoreWork(claims=[(KEY, 0)]))
            assert store.do("me", StoreWork(claims=[(KEY, 0)])).claims == [BUSY]
        assert store.do("me", StoreWork(claims=[(KEY, 0)])).claims == [LOST]


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
        store.do("me", StoreWork(puts={key_of(str(n)): SAID for n in range(500)}))
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
