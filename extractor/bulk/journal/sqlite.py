"""The journal's file: SQLite in WAL mode, readable by its owner only. For one thread at a time."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ...errors import JournalError
from ...files import leads_to, make_folder
from ...processes import Process, leave_alone, lives, this_process
from ...systems import replace
from .address import LEASE
from .handles import Handle, Stage
from .interface import BUSY, GRANTED, Claim, Kept, Tried, checksum, sound
from .store import DAMAGED, Clock, Done, Stats, StoreWork, Wanted

VERSION = 3  # of the tables: raise it with an entry in _MIGRATIONS
_APPLICATION = 0x65787472  # "extr", in the file's header
_BATCHES = """
CREATE TABLE batches (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, model TEXT NOT NULL, path TEXT NOT NULL, first TEXT NOT NULL,
    requests INTEGER NOT NULL, size INTEGER NOT NULL, worst TEXT NOT NULL, round INTEGER NOT NULL,
    at REAL NOT NULL, stage TEXT NOT NULL, file TEXT NOT NULL, batch TEXT NOT NULL,
    state TEXT NOT NULL, done INTEGER NOT NULL, failed INTEGER NOT NULL, owner TEXT NOT NULL
);
CREATE TABLE batch_keys (key BLOB PRIMARY KEY, batch TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX batch_keys_of ON batch_keys (batch);
"""
_OWNERS = """
CREATE TABLE owners (
    owner TEXT PRIMARY KEY, place TEXT NOT NULL, pid INTEGER NOT NULL, began REAL NOT NULL,
    after_boot REAL NOT NULL, beats INTEGER NOT NULL
);
"""
_SUMS = """
ALTER TABLE answers ADD COLUMN sum BLOB;
CREATE TABLE unsummed AS SELECT coalesce(max(rowid), 0) AS upto FROM answers;
"""
_MIGRATIONS: Mapping[int, str] = {  # from an older version to the next
    1: "ALTER TABLE answers ADD COLUMN share REAL NOT NULL DEFAULT 1;" + _BATCHES,
    2: "DROP TABLE owners;" + _OWNERS + _SUMS,  # an older release can't go on beside this one
}
_TABLES = """
CREATE TABLE answers (
    key BLOB NOT NULL UNIQUE, at REAL NOT NULL, model TEXT NOT NULL, status INTEGER NOT NULL,
    request_id TEXT, latency REAL NOT NULL, body BLOB NOT NULL,
    share REAL NOT NULL DEFAULT 1
);
CREATE TABLE claims (key BLOB PRIMARY KEY, owner TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
"""
_ANSWER = "SELECT key, sum, rowid, body, status, request_id, latency, at, model, share FROM answers"
_HANDLE = ", ".join(Handle._fields)
_AT_ONCE = 200  # keys in one statement
_DATABASES = frozenset({"", ".sqlite", ".sqlite3", ".db", ".journal", ".extractor"})
V = TypeVar("V")
_log = logging.getLogger("extractor")


class SqliteStore:
    """An open journal file. Every method may raise JournalError.

    Whether a process of this machine is alive is asked of the system. One of another machine is dead once
    its sign of life has not changed for a lease, by the monotonic time of who looks. No clock is compared
    with another one: they may be set at any moment.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, clock: Clock, monotonic: Clock, here: Process
    ) -> None:
        self._path, self._opened, self._clock, self._monotonic = path, connection, clock, monotonic
        self._here, self._process, self._lease = here, os.getpid(), LEASE
        self._entered, self._damaged = set[str](), set[bytes]()
        self._seen = dict[str, tuple[int, float]]()  # the last sign of life, and when it was new

    @classmethod
    def open(
        cls,
        path: Path,
        clock: Clock = time.time,
        monotonic: Clock = time.monotonic,
        here: Process | None = None,
    ) -> SqliteStore:
        """Return the journal in a file, made if it is not there. One that is damaged is moved aside.

        clock: Unix time, of answers. monotonic: measures silence. here: who signs in, by default this
        process.
        """
        from filelock import FileLock

        with _named(path):
            make_folder(path.parent)
            leads_to(str(path))
            with FileLock(path.with_name(path.name + ".lock"), mode=0o600):
                if _is_damaged(path):
                    _move_aside(path)
                return cls(path, _connect(path), clock, monotonic, here or this_process())

    @property
    def _connection(self) -> sqlite3.Connection:
        """The connection of this process. Source: https://sqlite.org/howtocorrupt.html, section 2.6."""
        if self._process != os.getpid():
            leave_alone(self._opened)
            self._opened, self._process = _connect(self._path), os.getpid()
            self._here, self._entered = this_process(), set()
        return self._opened

    def close(self) -> None:
        """Close the file. Who has not signed out is signed out, or this process would seem to be at work."""
        with _named(self._path):
            connection = self._connection
            with contextlib.suppress(sqlite3.Error):  # the disk may be why it is closed
                rows = [(owner,) for owner in self._entered]
                connection.executemany("DELETE FROM owners WHERE owner = ?", rows)
            connection.close()
        if self._damaged:
            _log.warning(DAMAGED, len(self._damaged), self._path)

    # -- who is at work

    def enter(self, owner: str, lease: float) -> None:
        """Sign in. lease: seconds without a sign of life after which others, of other machines, are dead."""
        self._lease = lease
        with self._writing():
            row = (owner, *self._here, 0)
            self._connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?, ?, ?)", row)
            self._entered.add(owner)
            self._living()

    def beat(self, owner: str, lease: float) -> None:
        """Give a sign of life, and look for those of others."""
        with self._writing():
            self._connection.execute("UPDATE owners SET beats = beats + 1 WHERE owner = ?", (owner,))
            self._living()

    def leave(self, owner: str) -> None:
        """Sign out. Claims that are still held count as lost."""
        with self._writing():
            self._connection.execute("DELETE FROM owners WHERE owner = ?", (owner,))
        self._entered.discard(owner)

    def _living(self) -> set[str]:
        """Return who may be alive, after a look at the signs of life."""
        rows = self._connection.execute(
            "SELECT owner, beats, place, pid, began, after_boot FROM owners"
        ).fetchall()
        now, seen = self._monotonic(), self._seen
        self._seen = {
            owner: seen[owner] if owner in seen and seen[owner][0] == beats else (beats, now)
            for owner, beats, *_ in rows
        }
        return {owner for owner, _, *process in rows if self._lives(owner, Process(*process), now)}

    def _lives(self, owner: str, process: Process, now: float) -> bool:
        try:
            known = lives(process)
        except TypeError:  # what a damaged journal holds
            return False
        return now - self._seen[owner][1] < self._lease if known is None else known

    # -- what is asked and answered

    def look(self, wanted: Wanted) -> list[Kept | None]:
        """Return the answers that there are, in the order of `wanted`."""
        if not wanted:
            return []
        with _named(self._path):
            found = self._answers([key for key, _ in wanted])
        return [_recent(found.get(key), since) for key, since in wanted]

    def do(self, owner: str, work: StoreWork) -> Done:
        """Keep answers, give claims back, and claim, in one transaction; then look."""
        claims: list[Claim] = []
        if work.puts or work.released or work.claims:
            with self._writing():
                self._put(work.puts)
                self._drop_claims(owner, [*work.puts, *work.released])
                claims = self._claim(owner, work.claims)
        return Done(claims, self.look(work.looks))

    def _put(self, puts: Mapping[bytes, Kept]) -> None:
        now = self._clock()
        rows = [
            (key, now, k.model, k.status, k.request_id, k.latency, k.body, k.share, checksum(key, k))
            for key, k in puts.items()
        ]
        self._many("INSERT OR REPLACE INTO answers VALUES", rows)

    def _drop_claims(self, owner: str, keys: Sequence[bytes]) -> None:
        for some in _chunks(keys):
            statement = f"DELETE FROM claims WHERE owner = ? AND key IN ({_marks(some)})"  # noqa: S608
            self._connection.execute(statement, (owner, *some))

    def _claim(self, owner: str, claims: Wanted) -> list[Claim]:
        keys, now = [key for key, _ in claims], self._clock()
        answers, owners = self._answers(keys), self._claimed(keys)
        living = self._living() if owners else set()
        given = [
            _given(_recent(answers.get(key), since), owners.get(key), owner, living) for key, since in claims
        ]
        rows = [(key, owner, now) for key, claim in zip(keys, given, strict=True) if claim.granted]
        self._many("INSERT OR REPLACE INTO claims VALUES", rows)
        return given

    def _answers(self, keys: Sequence[bytes]) -> dict[bytes, Kept]:
        return {
            key: kept
            for some in _chunks(keys)
            for key, kept in self._whole(
                self._connection.execute(f"{_ANSWER} WHERE key IN ({_marks(some)})", some)
            )
        }

    def _whole(self, rows: Iterable[Sequence[Any]]) -> Iterator[tuple[bytes, Kept]]:
        """Yield the answers that are as they were kept. Those of older releases have no checksum."""
        (upto,) = self._connection.execute("SELECT upto FROM unsummed").fetchone() or (0,)
        for key, told, number, *parts in rows:
            kept = sound(parts) if isinstance(key, bytes) else None
            older = told is None and number <= upto
            if kept is None or not (older or told == checksum(key, kept)):
                self._damaged.add(key)
            else:
                yield key, kept

    def _claimed(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        query = "SELECT key, owner FROM claims WHERE key IN"
        return {
            key: owner
            for some in _chunks(keys)
            for key, owner in self._connection.execute(f"{query} ({_marks(some)})", some)
        }

    def _many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Insert by few statements: each costs the thread a wait for the interpreter's lock."""
        for some in _chunks(rows):
            marks = ",".join([f"({_marks(some[0])})"] * len(some))
            self._connection.execute(f"{statement} {marks}", [value for row in some for value in row])

    # -- batches at providers

    def batches(self) -> list[Handle]:
        """Return the batches that have not ended, oldest first."""
        query = f"SELECT {_HANDLE} FROM batches WHERE stage != ? ORDER BY rowid"  # noqa: S608
        with _named(self._path):
            return [Handle.of(*row) for row in self._connection.execute(query, (Stage.ENDED,))]

    def tried(self, keys: Sequence[bytes]) -> dict[bytes, Tried]:
        """Return which requests are, or were, in a batch that has not answered them."""
        query = (
            "SELECT key, id, round, stage != ? FROM batch_keys k JOIN batches ON id = k.batch WHERE key IN"
        )
        with _named(self._path):
            return {
                key: Tried(batch, round_, bool(is_open))
                for some in _chunks(keys)
                for key, batch, round_, is_open in self._connection.execute(
                    f"{query} ({_marks(some)})", (Stage.ENDED, *some)
                )
            }

    def begin(self, owner: str, handle: Handle, keys: Sequence[bytes]) -> None:
        """Keep a new batch of the owner's."""
        with self._writing():
            self._many("INSERT INTO batches VALUES", [(*handle, owner)])
            self._many("INSERT OR REPLACE INTO batch_keys VALUES", [(key, handle.id) for key in keys])

    def take(self, owner: str, id_: str) -> Handle | None:
        """Return a batch, the owner's from now on; None if another living process's, or nowhere."""
        with self._writing():
            query = f"SELECT {_HANDLE}, owner FROM batches WHERE id = ?"  # noqa: S608
            *values, holder = self._connection.execute(query, (id_,)).fetchone() or (None,)
            if not values or (holder != owner and holder in self._living()):
                return None
            self._connection.execute("UPDATE batches SET owner = ? WHERE id = ?", (owner, id_))
        return Handle.of(*values)

    def save(self, handle: Handle) -> None:
        """Keep how far a batch is; one that has ended stays so."""
        with self._writing():
            self._connection.execute(
                f"UPDATE batches SET ({_HANDLE}) = ({_marks(handle)}) WHERE id = ? AND stage != ?",  # noqa: S608
                (*handle, handle.id, Stage.ENDED),
            )

    def settle(self, id_: str, answers: Mapping[bytes, Kept], refused: Sequence[bytes]) -> set[bytes]:
        """Keep answers, and cross them and refused requests off a batch; return which were open in it."""
        statement = "DELETE FROM batch_keys WHERE batch = ? AND key IN"
        with self._writing():
            crossed_off = {
                key
                for some in _chunks([*answers, *refused])
                for (key,) in self._connection.execute(
                    f"{statement} ({_marks(some)}) RETURNING key", (id_, *some)
                )
            }
            self._put({key: kept for key, kept in answers.items() if key in crossed_off})
        return crossed_off

    def forget(self, id_: str) -> None:
        """Forget a batch."""
        with self._writing():
            self._connection.execute("DELETE FROM batch_keys WHERE batch = ?", (id_,))
            self._connection.execute("DELETE FROM batches WHERE id = ?", (id_,))

    # -- for the command line

    def stats(self) -> Stats:
        """Return what the journal holds."""
        with _named(self._path):
            query = self._connection.execute
            answers, oldest, newest = query("SELECT count(*), min(at), max(at) FROM answers").fetchone()
            models = dict(query("SELECT model, count(*) FROM answers GROUP BY model ORDER BY 2 DESC"))
            living = self._living()
            owners = [owner in living for (owner,) in query("SELECT owner FROM claims")]
        size = sum(file.stat().st_size for file in _files(self._path))
        return Stats(answers, size, oldest, newest, models, sum(owners), len(owners) - sum(owners))

    def export(self) -> Iterator[tuple[bytes, Kept]]:
        """Yield each key with its answer, oldest first."""
        with _named(self._path):
            yield from self._whole(self._connection.execute(f"{_ANSWER} ORDER BY at"))

    def prune(self, before: float) -> int:
        """Forget the answers that came before a Unix time, and lost claims; return how many answers."""
        with self._writing():
            living = self._living()
            marks = _marks(living)
            self._connection.execute(f"DELETE FROM claims WHERE owner NOT IN ({marks})", [*living])  # noqa: S608
            self._connection.execute(f"DELETE FROM owners WHERE owner NOT IN ({marks})", [*living])  # noqa: S608
            forgotten = self._connection.execute("DELETE FROM answers WHERE at < ?", (before,)).rowcount
            old = (Stage.ENDED, before)
            self._connection.execute("DELETE FROM batches WHERE stage = ? AND at < ?", old)
            self._connection.execute("DELETE FROM batch_keys WHERE batch NOT IN (SELECT id FROM batches)")
        with _named(self._path):
            self._connection.execute("VACUUM")
        return forgotten

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, for which other processes wait."""
        with _named(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _given(kept: Kept | None, holder: str | None, owner: str, living: set[str]) -> Claim:
    """What a claim gives, after what is known of its key."""
    if kept is not None:
        return Claim(kept)
    if holder is None or holder == owner:
        return GRANTED
    return BUSY if holder in living else Claim(granted=True, lost=True)


def _recent(kept: Kept | None, since: float) -> Kept | None:
    return kept if kept is not None and kept.at >= since else None


def _chunks(values: Sequence[V]) -> Iterator[Sequence[V]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _marks(values: Iterable[object]) -> str:
    return ",".join("?" for _ in values)


# -- the file


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    connection.text_factory = _text
    try:
        _upgrade(path, connection)
        for file in _files(path):
            os.chmod(file, 0o600)  # later files get the rights of the first
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _upgrade(path: Path, connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != _APPLICATION:
        raise JournalError(f"{path} is the database of another program: name another file as the journal")
    if version > VERSION:
        raise JournalError(
            f"the journal {path} has version {version}, of a later release (this one reads version "
            f"{VERSION}): upgrade, or name another file"
        )
    scripts = [_TABLES, _SUMS, _OWNERS, _BATCHES] if not tables else _scripts(path, version)
    if scripts:
        marks = f"PRAGMA user_version = {VERSION}; PRAGMA application_id = {_APPLICATION};"
        connection.executescript("BEGIN IMMEDIATE;" + "".join(scripts) + marks + "COMMIT;")


def _scripts(path: Path, version: int) -> list[str]:
    missing = [older for older in range(version, VERSION) if older not in _MIGRATIONS]
    if missing:
        raise JournalError(
            f"the journal {path} has version {version}, which this release can't read: name another "
            "file, or use the release that wrote it"
        )
    return [_MIGRATIONS[older] for older in range(version, VERSION)]


_SMALL = 64 << 20  # bytes: what is checked whole before it is used


def _text(raw: bytes) -> str:
    """Return a text of the file, also of a damaged one."""
    return raw.decode(errors="replace")


def _is_damaged(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    check = "PRAGMA quick_check(1)" if path.stat().st_size < _SMALL else "SELECT count(*) FROM sqlite_master"
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
        connection.text_factory = _text  # what is wrong may be told in words of the file
        try:
            (found,) = connection.execute(check).fetchone()
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, UnicodeDecodeError):  # its message quotes the file
            return True
    return found != "ok" and isinstance(found, str)


def _move_aside(path: Path) -> None:
    if path.suffix not in _DATABASES:
        raise JournalError(f"{path} is not a journal: name another file. This one was not changed")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}-{os.getpid()}")
    for file in _files(path):
        replace(str(file), str(aside) + file.name.removeprefix(path.name))
    _log.warning("the journal %s is damaged: it was moved to %s, and a new journal is started", path, aside)


def _files(path: Path) -> list[Path]:
    return [file for ending in ("", "-wal", "-shm") if (file := Path(f"{path}{ending}")).exists()]


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say what went wrong, where, and what to do about it."""
    try:
        yield
    except (
        OSError,
        sqlite3.Error,
        UnicodeDecodeError,
    ) as error:  # the last of a message that quotes the file
        reason = getattr(error, "strerror", None) or str(error)
        advice = "make room, or " if "full" in reason or "space" in reason else ""
        raise JournalError(
            f"the journal {path} can't be used: {reason}; {advice}name another file as journal=, or "
            "False for no journal. Its answers are kept"
        ) from error
