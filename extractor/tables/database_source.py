"""Tables and queries of databases as the input of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import IO, TYPE_CHECKING

from .databases.source import DatabaseSource
from .databases.wires import library
from .parquet import rows_of
from .table import BadRow, Fields, Table

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def database_table(source: DatabaseSource, limit: int | None) -> Iterator[Table]:
    """Yield the rows of a table or a query. They are copied to a temporary file first, which has no name:
    a run may take hours, for which no transaction is to be open and no file locked.

    limit: how many are copied at most. Raises ConfigError.
    """
    library(source.address.kind)
    import pyarrow as pa

    with tempfile.TemporaryFile(prefix="extractor-") as spool:
        schema, total = _copied(source, spool, limit)
        reader = pa.ipc.open_file(spool)

        def rows() -> Iterator[Fields | BadRow]:
            return rows_of(map(reader.get_batch, range(reader.num_record_batches)))

        yield Table(tuple(schema.names), total, rows, schema)


def _copied(source: DatabaseSource, spool: IO[bytes], limit: int | None) -> tuple[pa.Schema, int]:
    """Copy rows to a file; return their schema and how many there are."""
    import pyarrow as pa

    total, options = 0, pa.ipc.IpcWriteOptions(compression="lz4")
    with closing(source.batches()) as batches:
        schema = next(batches).schema
        with pa.ipc.new_file(spool, schema, options=options) as writer:
            for batch in batches:
                some = batch if limit is None else batch.slice(0, limit - total)
                writer.write_batch(some)
                total += some.num_rows
                if total == limit:
                    break
    return schema, total
