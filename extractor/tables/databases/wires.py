"""How statements and rows reach each kind of database: one small class each, with the same methods.

PostgreSQL is reached by its ADBC driver. The other two live in files. If a process opens one file by two
libraries, writes get lost. So each is reached by the module that your code uses too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ...errors import ConfigError
from .address import MEMORY, quoted
from .statements import STAGE

if TYPE_CHECKING:
    import pyarrow as pa

Kinds: TypeAlias = tuple[type[Exception], ...]
COPY = "temp._extractor_copy"
ROWS_AT_ONCE = 1_024
BUSY = 60  # seconds to wait for another process that is writing


class DatabaseWire(Protocol):
    """An open connection, on which a transaction is always begun. It raises what its library raises.

    errors: what that is. faults: which of these are for what is in the rows.
    """

    errors: Kinds
    faults: Kinds

    def rows(self, statement: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement with parameters $1, $2, ...; return what rows it gives."""
        ...

    def stage(self, batch: pa.RecordBatch) -> None:
        """Put rows into a new temporary table, STAGE."""
        ...

    def schema(self, query: str) -> pa.Schema:
        """Return which columns a query gives."""
        ...

    def stream(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield what a query gives; schema: what `schema` said of it."""
        ...

    def commit(self) -> None:
        """End the transaction, and begin another."""
        ...

    def rollback(self) -> None:
        """Undo the transaction, and begin another."""
        ...

    def close(self) -> None:
        """Close it; what was not committed is undone."""
        ...


class PostgresWire:
    """PostgreSQL by ADBC."""

    def __init__(self, place: str, read_only: bool) -> None:
        dbapi = library("postgresql")
        self.errors: Kinds = (dbapi.Error, _arrow_error())
        self.faults: Kinds = (dbapi.DataError, dbapi.IntegrityError)
        self._connection = dbapi.connect(place)
        self.rows("SET synchronize_seqscans = off", ())  # a table read twice has the same order
        self.commit()

    def rows(self, statement: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement, and return what rows it gives."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters=given or None)
            return list(cursor.fetchall()) if cursor.description else []

    def stage(self, batch: pa.RecordBatch) -> None:
        """Put rows into a new temporary table."""
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(STAGE, batch, mode="create", temporary=True)

    def schema(self, query: str) -> pa.Schema:
        """Return which columns a query gives."""
        with self._connection.cursor() as cursor:
            return cursor.adbc_execute_schema(query)

    def stream(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield what a query gives."""
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            yield from cursor.fetch_record_batch()

    def commit(self) -> None:
        """End the transaction."""
        self._connection.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        self._connection.rollback()

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class _Transactions:
    """What databases have in common whose transactions are SQL statements."""

    _connection: Any

    def commit(self) -> None:
        """End the transaction, and begin another."""
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")

    def rollback(self) -> None:
        """Undo the transaction, and begin another."""
        self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Close it."""
        self._connection.close()


class DuckWire(_Transactions):
    """DuckDB by its own module: connections of one process to one file share what they see."""

    def __init__(self, place: str, read_only: bool) -> None:
        duckdb = library("duckdb")
        self.errors: Kinds = (duckdb.Error, OSError, _arrow_error())
        self.faults: Kinds = (duckdb.DataError, duckdb.IntegrityError)
        self._connection = self._opened(duckdb, place, read_only)
        self._connection.execute("BEGIN")

    @staticmethod
    def _opened(duckdb: Any, place: str, read_only: bool) -> Any:
        """A file that is read may be a stranger's: its views read no other files."""
        ways: Sequence[dict[str, Any]] = [{}]
        if read_only and place != MEMORY:
            ways = [
                {"read_only": True, "config": {"enable_external_access": "false"}},
                {"read_only": True},
                {},
            ]
        for way in ways:
            with suppress(duckdb.ConnectionException):  # this process has it open otherwise
                return duckdb.connect(place, **way)
        raise ConfigError(
            f"this process has {place} open for reading only, which a DatabaseSource does while it is "
            "read: read it whole first, or write into another file"
        )

    def rows(self, statement: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement, and return what rows it gives."""
        return list(self._connection.execute(statement, list(given)).fetchall())

    def stage(self, batch: pa.RecordBatch) -> None:
        """Put rows into a new temporary table."""
        self._connection.register("extractor_batch", batch)
        self._connection.execute(f"CREATE TEMP TABLE {quoted(STAGE)} AS FROM extractor_batch")
        self._connection.unregister("extractor_batch")

    def schema(self, query: str) -> pa.Schema:
        """Return which columns a query gives."""
        import pyarrow as pa

        relation = self._connection.sql(query)
        if relation is None:
            return pa.schema([])
        types = relation.limit(0).to_arrow_table().schema.types
        return pa.schema([*zip(relation.columns, types, strict=True)])

    def stream(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield what a query gives."""
        yield from self._connection.sql(query).to_arrow_reader(ROWS_AT_ONCE)


class SqliteWire(_Transactions):
    """SQLite by Python's module. Any value may be of any type there: a column's is found from them all.

    What is read is copied to a temporary table first: else nobody could write while it is read.
    """

    def __init__(self, place: str, read_only: bool) -> None:
        library("sqlite")
        self.errors: Kinds = (sqlite3.Error, sqlite3.Warning, OverflowError, _arrow_error())
        self.faults: Kinds = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError)
        file = f"{Path(place).absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
        self._connection = sqlite3.connect(
            file, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("BEGIN")

    def rows(self, statement: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement, and return what rows it gives."""
        named = {str(number): value for number, value in enumerate(given, 1)}  # $1 is a name there
        return list(self._connection.execute(statement, named).fetchall())

    def stage(self, batch: pa.RecordBatch) -> None:
        """Put rows into a new temporary table."""
        names = ", ".join(map(quoted, batch.schema.names))
        self._connection.execute(f"CREATE TEMP TABLE {quoted(STAGE)} ({names})")
        marks = ", ".join("?" * batch.num_columns)
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        self._connection.executemany(f"INSERT INTO temp.{quoted(STAGE)} VALUES ({marks})", rows)

    def schema(self, query: str) -> pa.Schema:
        """Return which columns a query gives."""
        import pyarrow as pa

        names = [each[0] for each in self._connection.execute(query).description or ()]
        if not names or len({*names}) < len(names):
            return pa.schema([(name, pa.null()) for name in names])  # it will be refused
        self._connection.execute(f"CREATE TEMP TABLE {COPY} AS {query}")
        self.commit()
        told = ", ".join(f"group_concat(DISTINCT typeof({quoted(name)}))" for name in names)
        ((*kinds,),) = self._connection.execute(f"SELECT {told} FROM {COPY}")
        return pa.schema([*zip(names, map(_arrow_type, kinds), strict=True)])

    def stream(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield what a query gives."""
        import pyarrow as pa

        cursor = self._connection.execute(f"SELECT * FROM {COPY}")
        while rows := cursor.fetchmany(ROWS_AT_ONCE):
            arrays = [
                pa.array([_value(each, kind) for each in column], kind)
                for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow_type(kinds: str | None) -> pa.DataType:
    """The type for a column of SQLite whose values are of these types."""
    import pyarrow as pa

    plain = {
        frozenset({"integer"}): pa.int64(),
        frozenset({"real"}): pa.float64(),
        frozenset({"integer", "real"}): pa.float64(),
        frozenset({"blob"}): pa.binary(),
    }
    return plain.get(frozenset((kinds or "").split(",")) - {"null"}, pa.string())


def _value(value: Any, kind: pa.DataType) -> Any:
    import pyarrow as pa

    if value is None or kind != pa.string() or isinstance(value, str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _arrow_error() -> type[Exception]:
    import pyarrow as pa

    error: type[Exception] = pa.ArrowException
    return error


_NEEDED = {"postgresql": "adbc_driver_postgresql.dbapi", "sqlite": "pyarrow", "duckdb": "duckdb"}


def library(kind: str) -> Any:
    """Return the module that a kind of database is reached by. Raises ConfigError if it is missing."""
    try:
        import_module("pyarrow")
        return import_module(_NEEDED[kind])
    except ImportError as error:
        raise ConfigError("databases need their drivers: pip install 'typed-extractor[databases]'") from error


WIRES: Mapping[str, Callable[[str, bool], DatabaseWire]] = {
    "postgresql": PostgresWire,
    "sqlite": SqliteWire,
    "duckdb": DuckWire,
}
