"""Arrow batches into a table of a database: each batch in one transaction, with the note of how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ...errors import ConfigError, RunStopped
from ...keywords import names_wrong_keywords
from . import statements
from .address import MEMORY, DatabaseAddress, Name
from .batches import SortedRows, behind, check_names, keyless, opened, rebatched, sent
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


@names_wrong_keywords(dict.fromkeys(("address", "dsn", "uri"), "url"))
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

    def noted(self, run: str) -> TableMark:
        """Return how far a run is, without changing anything. Raises ConfigError."""
        if not self.address.exists:
            return BEGINNING
        note = SinkNote(self.name.beside(statements.RUNS), self.name.table, run)
        with connected(self.address) as connection:
            there = connection.columns(note.table) and connection.columns(self.name)
            return note.read(connection) if there else BEGINNING

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
                found = writing.put(SortedRows.of(batch), _places(at, batch, run is not None))
                refused |= {at.rows + number: why for number, why in found.items()}
            return Written(writing.mark.rows - begun.rows - len(refused), refused)

    @contextmanager
    def writing(self, schema: pa.Schema, run: str | None = None, again: bool = False) -> Iterator[Writing]:
        """Yield what writes rows of a schema. run: the name under which it is noted how far they are;
        again: whether it begins anew. Raises ConfigError if the table does not fit.
        """
        with writing_to([(self, schema)], run, again) as writing:
            yield writing


@contextmanager
def writing_to(
    tables: Sequence[tuple[DatabaseSink, pa.Schema]], run: str | None = None, again: bool = False
) -> Iterator[Writing]:
    """Yield what writes rows into several tables of one database, with the schema of each; see
    `DatabaseSink.writing`. A row with a key is then in one of them only.
    """
    (first, _), *_ = tables
    with connected(first.address) as connection:
        yield _begun(tables, connection, run, again)


class FilledTable(NamedTuple):
    """A table that is being written. insert: the SQL that takes rows from the stage; take_out: the SQL that
    makes room for them elsewhere; note: of how far the run is.
    """

    insert: str
    take_out: str
    note: SinkNote | None


class Writing:
    """Tables that are being written. mark: the place in the input up to which they have been."""

    def __init__(
        self,
        connection: DatabaseConnection,
        tables: Sequence[FilledTable],
        keys: Sequence[str],
        mark: TableMark,
    ) -> None:
        self._connection, self._tables, self._keys = connection, tables, keys
        self._notes = [each.note for each in tables if each.note is not None]
        self.mark = mark

    def put(
        self, rows: SortedRows, behind: Sequence[TableMark], instead: Instead | None = None
    ) -> dict[int, str]:
        """Write the next rows in one transaction. Return why the database did not take some, by their
        position in `rows`. If it rejects a row, the rows are halved until all others are written.

        behind: the place behind each row. instead: what to write in place of a row that is not taken; it
        gets that row's position and the reason, and gives a row, or None.
        """
        return dict(self._put(rows, 0, behind, instead)) if behind else {}

    def move(self, place: TableMark) -> None:
        """Note a place that is reached without a row more."""
        self._transact(None, place)

    def _put(
        self, rows: SortedRows, start: int, behind: Sequence[TableMark], instead: Instead | None
    ) -> Iterator[tuple[int, str]]:
        try:
            self._transact(rows, behind[-1])
            return
        except Failed as error:
            why = str(error)
        if (half := len(behind) // 2) > 0:
            yield from self._put(rows.part(0, half), start, behind[:half], instead)
            yield from self._put(rows.part(half, len(behind)), start + half, behind[half:], instead)
        elif instead is not None and (other := instead(start, why)) is not None:
            yield from self._put(rows.with_row(other), start, behind, None)
        else:
            self.move(behind[-1])
            yield start, why

    def _transact(self, rows: SortedRows | None, place: TableMark) -> None:
        """Write rows and the notes of where they end, all or nothing. Raises Failed if it is for the
        rows, RunStopped for all else.
        """
        try:
            try:
                self._attempt(rows, place)
            except Failed as error:
                if error.rows or not self._notes:
                    raise
                self._connection.reopen()  # it may have been idle for too long, or the server was restarted
                if self._notes[0].read(self._connection) != place:
                    self._attempt(rows, place)
        except BaseException as error:
            with suppress(Failed):
                self._connection.rollback()
            if isinstance(error, Failed) and not error.rows:
                raise RunStopped(f"{self._connection.address}: {error}") from None
            raise
        self.mark = place

    def _attempt(self, rows: SortedRows | None, place: TableMark) -> None:
        for note in self._notes:
            note.move(self._connection, self.mark, place)
        if rows is not None:
            if why := next(filter(None, (keyless(each, self._keys) for each in rows.batches)), None):
                raise Failed(why, rows=True)
            for number, batch in enumerate(rows.latest(self._keys).batches):
                if batch.num_rows:
                    self._fill(number, batch)
        self._connection.commit()

    def _fill(self, number: int, batch: pa.RecordBatch) -> None:
        others = [each for other, each in enumerate(self._tables) if self._keys and other != number]
        _insert(self._connection, [each.take_out for each in others] + [self._tables[number].insert], batch)


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
        """Note that it is further. Raises RunStopped if another process has written the same run."""
        move = statements.advance_run(self.table)
        moved = connection.rows(move, after.rows, after.digest, self.into, self.run, before.rows)
        if not moved:
            raise RunStopped(f"{connection.address}: another process is writing the same run")


# -- before anything is written


def _begun(
    tables: Sequence[tuple[DatabaseSink, pa.Schema]],
    connection: DatabaseConnection,
    run: str | None,
    again: bool,
) -> Writing:
    filled, marks = list[FilledTable](), list[TableMark]()
    for sink, schema in tables:
        table, mark = _begun_table(sink, connection, schema, run, again)
        filled.append(table)
        marks.append(mark)
    mark = common_mark([sink for sink, _ in tables], marks)
    connection.commit()
    return Writing(connection, filled, tables[0][0].keys, mark)


def common_mark(tables: Sequence[DatabaseSink], marks: Sequence[TableMark]) -> TableMark:
    """Return how far the run into several tables is. Raises ConfigError if they differ."""
    if other := next((n for n, mark in enumerate(marks) if mark != marks[0]), None):
        names = [sink.name for sink in tables]
        raise ConfigError(
            f"{names[0]} has {marks[0].rows:,} rows of the input behind it, {names[other]} "
            f"{marks[other].rows:,}: one of them was changed or removed. Name other tables, or remove both"
        )
    return marks[0]


def _begun_table(
    sink: DatabaseSink, connection: DatabaseConnection, schema: pa.Schema, run: str | None, again: bool
) -> tuple[FilledTable, TableMark]:
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
    columns = connection.columns(name)
    insert = statements.insert(engine, name, schema, columns, sink.keys)
    take_out = statements.take_out(engine, name, schema, columns, sink.keys) if sink.keys else ""
    _insert(connection, [insert], pa.RecordBatch.from_pylist([], schema=schema))  # would it be taken?
    return FilledTable(insert, take_out, note), mark


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


def _insert(connection: DatabaseConnection, from_stage: Sequence[str], batch: pa.RecordBatch) -> None:
    connection.stage(sent(batch, connection.engine))
    for statement in (*from_stage, statements.DROP_STAGE):
        connection.rows(statement)
