"""Arrow batches into a table of a database: each batch in one transaction, with the note of how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ...errors import ConfigError, RunStopped
from . import statements
from .address import MEMORY, DatabaseAddress, Name
from .batches import behind, check_names, keyless, latest, opened, rebatched, sent
from .connection import DatabaseConnection, Failed, connected
from .marks import BEGINNING, TableMark, places
from .types import Existing, plain_field
from .wires import library

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 1_000
Instead: TypeAlias = "Callable[[int, str], pa.RecordBatch | None]"


class Written(NamedTuple):
    """What was written.

    - rows: how many rows the table received.
    - refused: why the database refused others, by their position in the input, from 0.
    """

    rows: int
    refused: Mapping[int, str] = {}


@dataclass(frozen=True)
class DatabaseSink:
    """A table of a database, into which Arrow batches are written.

    - url: `postgresql://USER@HOST/DATABASE`, `sqlite:///FILE` or `duckdb:///FILE`. Keep a password in
      PGPASSWORD or ~/.pgpass; a password in the URL is neither shown nor pickled.
    - table: "TABLE" or "SCHEMA.TABLE". If it does not exist, it is made, with column types that follow from
      the batches.
    - mode: "append", or "upsert": a row replaces the row with the same `key`.
    - key: a column, or several.
    - batch_rows: how many rows one transaction has.

    Nothing is opened before something is written. Raises ConfigError.
    """

    url: str | DatabaseAddress
    table: str
    mode: Literal["append", "upsert"] = "append"
    key: str | Sequence[str] = ()
    batch_rows: int = BATCH_ROWS

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", DatabaseAddress.of(self.url))
        if self.address.place == MEMORY:
            raise ConfigError(f"{self.address} is lost when the process ends: name a file")
        if self.mode not in ("append", "upsert"):
            raise ConfigError(f"mode must be 'append' or 'upsert', not {self.mode!r}")
        if (self.mode == "upsert") != bool(self.keys):
            raise ConfigError(
                "mode='upsert' needs key=, the columns that identify a row; mode='append' takes no key="
            )
        if self.batch_rows < 1:
            raise ConfigError(f"batch_rows must be a number above 0, not {self.batch_rows!r}")
        if self.name.table.casefold() in (statements.STAGE, statements.RUNS):
            raise ConfigError(f"{self.table} is reserved for our own tables: choose another name")

    @property
    def address(self) -> DatabaseAddress:
        """Where the database is."""
        return DatabaseAddress.of(self.url)

    @property
    def name(self) -> Name:
        """The table."""
        return Name.of(self.table)

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns of the key."""
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def existing(self) -> Mapping[str, Existing]:
        """Return the columns of the table, none if it does not exist. Raises ConfigError."""
        with connected(self.address) as connection:
            return connection.columns(self.name)

    def differing(self, column: str, value: str) -> str | None:
        """Return a value of the column that is not `value`, None if there is none. Raises ConfigError."""
        with connected(self.address) as connection:
            found = connection.rows(statements.differing(self.name, column), value)
            return found[0][0] if found else None

    def write(self, data: Any, run: str | None = None) -> Written:
        """Write Arrow data, and return how many rows were written.

        - data: anything with `__arrow_c_stream__`, such as a frame, or RecordBatches of one schema.
        - run: a name for these rows. Rows that a run has written are not written again: a run that was killed
          resumes after its last transaction, if the rows before it are still the same.

        Raises ConfigError before anything is written if the table does not fit. Raises RunStopped if the
        database fails later: what was committed stays, and the same call resumes.
        """
        library(self.address.kind)
        schema, batches = opened(data)
        with self.writing(schema, run) as writing:
            begun, refused = writing.mark, dict[int, str]()
            for batch in behind(begun, rebatched(batches, self.batch_rows)):
                at = writing.mark
                found = writing.put(batch, _places(at, batch, run is not None))
                refused |= {at.rows + number: why for number, why in found.items()}
            return Written(writing.mark.rows - begun.rows - len(refused), refused)

    @contextmanager
    def writing(self, schema: pa.Schema, run: str | None = None, again: bool = False) -> Iterator[Writing]:
        """Yield what writes rows of a schema. run: the name under which it is noted how far they are;
        again: whether it begins anew. Raises ConfigError where the table does not fit.
        """
        with connected(self.address) as connection:
            yield _begun(self, connection, schema, run, again)


class Writing:
    """A table that is being written. mark: the place in the input up to which it has been."""

    def __init__(
        self,
        connection: DatabaseConnection,
        insert: str,
        keys: Sequence[str],
        note: SinkNote | None,
        mark: TableMark,
    ) -> None:
        self._connection, self._insert, self._keys, self._note = connection, insert, keys, note
        self.mark = mark

    def put(
        self, batch: pa.RecordBatch, behind: Sequence[TableMark], instead: Instead | None = None
    ) -> dict[int, str]:
        """Write the next rows in one transaction, and return why the database did not take some, by their
        number in the batch: where there is one of these, it is halved until all others are in.

        behind: the place behind each row. instead: what to write in place of a row that is not taken; it
        gets that row's number and the reason, and gives a row, or None.
        """
        return dict(self._put(batch, 0, behind, instead)) if behind else {}

    def move(self, place: TableMark) -> None:
        """Note a place that is reached without a row more."""
        self._transact(None, place)

    def _put(
        self, batch: pa.RecordBatch, start: int, behind: Sequence[TableMark], instead: Instead | None
    ) -> Iterator[tuple[int, str]]:
        try:
            self._transact(batch, behind[-1])
            return
        except Failed as error:
            why = str(error)
        if (half := len(behind) // 2) > 0:
            yield from self._put(batch.slice(0, half), start, behind[:half], instead)
            yield from self._put(batch.slice(half), start + half, behind[half:], instead)
        elif instead is not None and (other := instead(start, why)) is not None:
            yield from self._put(other, start, behind, None)
        else:
            self.move(behind[-1])
            yield start, why

    def _transact(self, batch: pa.RecordBatch | None, place: TableMark) -> None:
        """Write rows and the note of where they end, both or neither. Raises Failed where it is for the
        rows, RunStopped for all else.
        """
        try:
            try:
                self._attempt(batch, place)
            except Failed as error:
                if error.rows or self._note is None:
                    raise
                self._connection.reopen()  # it may have been idle for too long, or the server was restarted
                if self._note.read(self._connection) != place:
                    self._attempt(batch, place)
        except BaseException as error:
            with suppress(Failed):
                self._connection.rollback()
            if isinstance(error, Failed) and not error.rows:
                raise RunStopped(f"{self._connection.address}: {error}") from None
            raise
        self.mark = place

    def _attempt(self, batch: pa.RecordBatch | None, place: TableMark) -> None:
        if self._note is not None:
            self._note.move(self._connection, self.mark, place)
        if batch is not None:
            if why := keyless(batch, self._keys):
                raise Failed(why, rows=True)
            _insert(self._connection, self._insert, latest(batch, self._keys))
        self._connection.commit()


def _places(begin: TableMark, batch: pa.RecordBatch, told: bool) -> Sequence[TableMark]:
    """Return the places behind the rows of a batch. told: whether their digests matter."""
    if told:
        return places(begin, batch.to_pylist())
    return [TableMark(begin.rows + 1 + number) for number in range(batch.num_rows)]


class SinkNote(NamedTuple):
    """The note of how far a run into a table is. table: the one with such notes."""

    table: Name
    into: str
    run: str

    def read(self, connection: DatabaseConnection) -> TableMark:
        """Return how far the run is."""
        found = connection.rows(statements.read_run(self.table), self.into, self.run)
        return TableMark(*found[0]) if found else BEGINNING

    def begin(self, connection: DatabaseConnection) -> None:
        """Note that it is at its beginning."""
        connection.rows(statements.begin_run(self.table), self.into, self.run)

    def forget(self, connection: DatabaseConnection) -> None:
        """Forget all runs into the table."""
        connection.rows(statements.forget_runs(self.table), self.into)

    def move(self, connection: DatabaseConnection, before: TableMark, after: TableMark) -> None:
        """Note that it is further. Raises RunStopped where another process has written the same run."""
        move = statements.advance_run(self.table)
        moved = connection.rows(move, after.rows, after.digest, self.into, self.run, before.rows)
        if not moved:
            raise RunStopped(f"{connection.address}: another process is writing the same run")


# -- before anything is written


def _begun(
    sink: DatabaseSink, connection: DatabaseConnection, schema: pa.Schema, run: str | None, again: bool
) -> Writing:
    import pyarrow as pa

    engine, name = connection.engine, sink.name
    schema = pa.schema([plain_field(each) for each in schema])
    check_names(engine, schema, sink.keys)
    existing = connection.columns(name)
    if existing:
        statements.check_fit(engine, name, schema, existing)
        if sink.keys:
            statements.check_key(name, connection.uniques(name), sink.keys)
    else:
        connection.rows(statements.create(engine, name, schema, sink.keys))
    note = None if run is None else SinkNote(name.beside(statements.RUNS), name.table, run)
    mark = BEGINNING if note is None else _noted(note, connection, not existing, again)
    insert = statements.insert(engine, name, schema, connection.columns(name), sink.keys)
    _insert(connection, insert, pa.RecordBatch.from_pylist([], schema=schema))  # would it be taken?
    connection.commit()
    return Writing(connection, insert, sink.keys, note, mark)


def _noted(note: SinkNote, connection: DatabaseConnection, is_new: bool, again: bool) -> TableMark:
    """Return how far a run is; note that it begins, where it does."""
    if not connection.columns(note.table):
        connection.rows(statements.create_runs(note.table))
    elif is_new:
        note.forget(connection)  # they went into a table that is gone
    mark = BEGINNING if again else note.read(connection)
    if mark == BEGINNING:
        note.begin(connection)
    return mark


def _insert(connection: DatabaseConnection, insert: str, batch: pa.RecordBatch) -> None:
    connection.stage(sent(batch, connection.engine))
    connection.rows(insert)
    connection.rows(statements.DROP_STAGE)
