"""Files of Parquet, read and written as streams, and rows out of Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..bulk import RowOutcome
from ..bulk.frames import Gathered
from ..errors import ConfigError
from ..files import DISK, Disk
from .columns import arrow_table, own_schema
from .input import byte_stream
from .output import binary_output
from .sheet import Writer
from .table import BadRow, Fields, Table

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 512


def arrow_library() -> Any:
    """Return `pyarrow.parquet`. Raises ConfigError if it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("Parquet needs pyarrow: pip install 'typed-extractor[frames]'") from error
    return pyarrow.parquet


def parquet_table(path: str) -> Table:
    """Return the rows of a file of Parquet. Raises ConfigError."""
    parquet = arrow_library()
    try:
        with byte_stream(path) as stream:
            file = parquet.ParquetFile(stream)
            schema, total = file.schema_arrow, file.metadata.num_rows
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path} is not a Parquet file: {error}") from error

    def rows() -> Iterator[Fields | BadRow]:
        with byte_stream(path) as stream, damage(path):
            yield from rows_of(parquet.ParquetFile(stream).iter_batches(ROWS_AT_ONCE))

    return Table(tuple(schema.names), total, rows, schema)


@contextmanager
def damage(path: str) -> Iterator[None]:
    """Have what Arrow raises within a file that began well be an error that says where."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(f"{path} is damaged: {error}") from error


def rows_of(batches: Iterable[pa.RecordBatch]) -> Iterator[Fields | BadRow]:
    """Yield the rows of batches. One with a value that Python has none for can't be read, such as the
    date "infinity" of databases.
    """
    number = 0
    for batch in batches:
        try:
            found = batch.to_pylist()
        except (OverflowError, ValueError):
            found = [_row_of(batch.slice(i, 1), number + i + 1) for i in range(batch.num_rows)]
        yield from found
        number += batch.num_rows


def _row_of(batch: pa.RecordBatch, number: int) -> Fields | BadRow:
    row: Fields = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            (row[name],) = column.to_pylist()
        except (OverflowError, ValueError) as error:
            return BadRow(number, f"its {name!r} can't be read: {error}")
    return row


@contextmanager
def parquet_writer(
    path: str, source: Table, gathered: Gathered, before: Table | None, disk: Disk = DISK
) -> Iterator[Writer]:
    """Yield what writes rows. Raises ConfigError if they don't go with what is added to."""
    parquet = arrow_library()
    import pyarrow as pa

    own = own_schema(source, gathered, before)
    schema = pa.schema([*own, *gathered.schema])
    rows: list[Fields] = []
    earlier: list[Fields] = []
    with binary_output(path, disk) as stream, parquet.ParquetWriter(stream, schema) as writer:

        def flush() -> None:
            writer.write_table(arrow_table(earlier, schema))
            mine, beside = arrow_table(rows, own), gathered.take()
            writer.write_table(pa.Table.from_arrays([*mine.columns, *beside.columns], schema=schema))
            rows.clear()
            earlier.clear()

        def add(fields: Fields, to: list[Fields]) -> None:
            to.append(fields)
            if len(to) == ROWS_AT_ONCE:
                flush()

        def row(outcome: RowOutcome[Any]) -> None:
            gathered.add(outcome)
            add({"line": outcome.key.line} if isinstance(outcome.key, BadRow) else outcome.key, rows)

        yield Writer(row, lambda fields: add(fields, earlier))
        flush()
