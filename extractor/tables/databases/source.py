"""A table or a query of a database, as a stream of Arrow batches."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...keywords import names_wrong_keywords
from .address import DatabaseAddress, Name, listed, quoted
from .connection import DatabaseConnection, connected
from .engines import DUCKDB, KEPT
from .types import TYPE_NAME, plain, plain_field
from .wires import ROWS_AT_ONCE, library

if TYPE_CHECKING:
    import pyarrow as pa

INTERVAL = "month_day_nano_interval"


@names_wrong_keywords({"sql": "query", **dict.fromkeys(("address", "dsn", "uri"), "url")})
@dataclass(frozen=True)
class DatabaseSource:
    """A table or a query of a database, read as a stream of Arrow batches.

    - url: `postgresql://USER@HOST/DATABASE`, `sqlite:///FILE`, `duckdb:///FILE`, or `duckdb://` for queries
      that read files. Keep a password in PGPASSWORD or ~/.pgpass; a password in the URL is neither shown nor
      pickled.
    - table: "TABLE" or "SCHEMA.TABLE"; or instead query: a SELECT.

    Anything that reads Arrow streams (`__arrow_c_stream__`) accepts it: `ex.frame(source, ...)`,
    `pyarrow.table(source)`, `polars.DataFrame(source)`. Nothing is written: changes that a query makes are
    rolled back. Raises ConfigError.
    """

    url: str | DatabaseAddress
    table: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", DatabaseAddress.of(self.url))
        if (self.table is None) == (self.query is None):
            raise ConfigError(f"which rows of {self.url}? Name a table or a query")
        if self.table is not None:
            Name.of(self.table)

    @property
    def address(self) -> DatabaseAddress:
        """Where the database is."""
        return DatabaseAddress.of(self.url)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        batches = self.batches()
        begun = list(islice(batches, 2))  # what is wrong with the query is said here, and as we say it
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(begun[0].schema, chain(begun, batches))
        return reader.__arrow_c_stream__(requested_schema)

    def batches(self) -> Generator[pa.RecordBatch]:
        """Yield the rows in batches. There is at least one batch, which may be empty. The connection is open
        meanwhile.
        """
        library(self.address.kind)
        import pyarrow as pa

        with connected(self.address, read_only=True) as connection:
            query = self._selected(connection)
            found = connection.schema(query)
            _check_names(found.names)
            casts = {each.name: cast for each in found if (cast := _cast(each, self.address.kind))}
            if casts:
                query = _as_written(query, found.names, casts)
            types = connection.schema(query) if casts else found
            told = pa.schema([_told(each, kind) for each, kind in zip(found, types, strict=True)])
            yield pa.RecordBatch.from_pylist([], schema=told)
            for batch in connection.stream(query, told):
                yield from _parts(_plain_batch(batch, told))

    def _selected(self, connection: DatabaseConnection) -> str:
        if self.table is None:
            return str(self.query).strip().rstrip(";")
        name = Name.of(self.table)
        order = connection.primary_key(name)  # no vacuum changes it
        return f"SELECT * FROM {name.sql}" + (f" ORDER BY {listed(order)}" if order else "")


def _check_names(names: Sequence[str]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"the query has two columns {twice[0]!r}: rename one with AS")
    if not names:
        raise ConfigError("the query returns no columns: it must be a SELECT")


def _as_written(query: str, names: Sequence[str], casts: Mapping[str, str]) -> str:
    """Return a query with columns as the database writes them, or parts of them."""
    columns = [f"CAST({quoted(n)} AS {casts[n]}) AS {quoted(n)}" if n in casts else quoted(n) for n in names]
    return f"SELECT {', '.join(columns)} FROM ({query}\n) AS extractor_query"


def _cast(column: pa.Field, database: str) -> str:
    """Return what a column is read as, "" for itself. If Arrow or files have no type for its values, they are
    read as the database writes them. DuckDB does so inside of a struct or a list too.
    """
    import pyarrow as pa

    kind, name = column.type, (column.metadata or {}).get(TYPE_NAME, b"").decode()
    if isinstance(kind, pa.BaseExtensionType):
        return "" if pa.types.is_string(kind.storage_type) else "text"
    inside = str(kind) if pa.types.is_nested(kind) else ""
    odd = any(each in inside for each in ("extension<", "union<", INTERVAL))
    if INTERVAL in inside and "union<" not in inside and database == "duckdb":
        return DUCKDB.column_type(column)
    return "text" if odd or str(kind) == INTERVAL or name == "money" else ""


def _told(column: pa.Field, read_as: pa.Field) -> pa.Field:
    """The field as it is handed out. PostgreSQL's name of its type is kept, where it may go back there."""
    import pyarrow as pa

    name = (column.metadata or {}).get(TYPE_NAME, b"")
    kept = {TYPE_NAME: name} if name.decode() in KEPT else None
    return pa.field(column.name, plain_field(read_as).type, metadata=kept)


def _plain_batch(batch: pa.RecordBatch, told: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    cast = [plain(each).cast(to) for each, to in zip(batch.columns, told.types, strict=True)]
    return pa.RecordBatch.from_arrays(cast, schema=told)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (batch.slice(start, ROWS_AT_ONCE) for start in range(0, batch.num_rows, ROWS_AT_ONCE))
