"""Arrow batches, cut to size, and as drivers take them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import ConfigError
from .engines import Engine
from .marks import BEGINNING, TableMark, check_same, places
from .types import as_text, family, plain

if TYPE_CHECKING:
    import pyarrow as pa


def opened(data: Any) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the schema and the batches of an Arrow stream, or of an iterable of batches."""
    import pyarrow as pa

    if isinstance(data, pa.RecordBatch):
        data = [data]
    if hasattr(data, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(data)
        return reader.schema, iter(reader)
    batches = iter(data)
    if not isinstance(first := next(batches, None), pa.RecordBatch):
        raise ConfigError(
            "the data must have __arrow_c_stream__, or be a non-empty iterable of RecordBatches, not "
            f"{type(data).__name__}"
        )
    return first.schema, _of_schema(first, batches)


def _of_schema(first: pa.RecordBatch, others: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    for each in others:
        if not each.schema.equals(first.schema):
            raise ConfigError(f"the batches have different schemas: {first.schema}, then {each.schema}")
        yield each


def rebatched(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of `size`; the last one may be smaller."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        while batch.num_rows:
            room = size - sum(each.num_rows for each in waiting)
            waiting.append(batch.slice(0, room))
            batch = batch.slice(min(room, batch.num_rows))
            if sum(each.num_rows for each in waiting) == size:
                yield _one(waiting)
                waiting = []
    if waiting:
        yield _one(waiting)


def _one(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0] if len(batches) > 1 else batches[0]


def behind(done: TableMark, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield what comes after a place. Raises ConfigError if the rows before it are other ones."""
    place = BEGINNING
    for batch in batches:
        if place.rows < done.rows:
            known = batch.slice(0, done.rows - place.rows)
            place = [place, *places(place, known.to_pylist())][-1]
            batch = batch.slice(known.num_rows)
            if place.rows == done.rows:
                check_same(place, done)
        if batch.num_rows:
            yield batch
    if place.rows < done.rows:
        check_same(place, done)


class SortedRows(NamedTuple):
    """Rows of several tables in one order. tables: the number of each row's table. batches: the rows of each
    table.
    """

    tables: Sequence[int]
    batches: Sequence[pa.RecordBatch]

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> SortedRows:
        """Return the rows of a single table."""
        return cls([0] * batch.num_rows, [batch])

    def part(self, start: int, stop: int) -> SortedRows:
        """Return the rows from one position to another."""
        before, within = Counter(self.tables[:start]), Counter(self.tables[start:stop])
        parts = [each.slice(before[n], within[n]) for n, each in enumerate(self.batches)]
        return SortedRows(self.tables[start:stop], parts)

    def with_row(self, row: pa.RecordBatch) -> SortedRows:
        """Return other content for what is a single row."""
        table = self.tables[0]
        return SortedRows([table], [row if n == table else each for n, each in enumerate(self.batches)])

    def latest(self, keys: Sequence[str]) -> SortedRows:
        """Return the last row of each key, in their order. keys: none for all rows."""
        import pyarrow as pa

        if not keys:
            return self
        keyed = [zip(*(each.column(name).to_pylist() for name in keys), strict=True) for each in self.batches]
        last = {next(keyed[table]): position for position, table in enumerate(self.tables)}
        if len(last) == len(self.tables):
            return self
        kept, of_table, tables = {*last.values()}, Counter[int](), list[int]()
        rows: list[list[int]] = [[] for _ in self.batches]
        for position, table in enumerate(self.tables):
            if position in kept:
                rows[table].append(of_table[table])
                tables.append(table)
            of_table[table] += 1
        taken = [each.take(pa.array(some, pa.int64())) for each, some in zip(self.batches, rows, strict=True)]
        return SortedRows(tables, taken)


def keyless(batch: pa.RecordBatch, keys: Sequence[str]) -> str | None:
    """Return why a row can't be identified by its key; None if all can."""
    empty = [name for name in keys if batch.column(name).null_count]
    return f"its key is empty: {', '.join(empty)}" if empty else None


def sent(batch: pa.RecordBatch, engine: Engine) -> pa.RecordBatch:
    """Return the rows as a database's driver takes them."""
    import pyarrow as pa

    arrays = [plain(each) for each in batch.columns]
    arrays = [as_text(each) if family(each.type) in engine.sent_as_text else each for each in arrays]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def check_names(engine: Engine, schema: pa.Schema, keys: Sequence[str]) -> None:
    """Raise ConfigError for columns that no table can have, and for a key that is none of them."""
    folded = [name.casefold() if engine.folds else name for name in schema.names]
    for name, told in zip(schema.names, folded, strict=True):
        if folded.count(told) > 1:
            raise ConfigError(f"there would be two columns {name!r} in a table of {engine.title}")
        if engine.longest_name and len(name.encode()) > engine.longest_name:
            raise ConfigError(
                f"{name!r} is longer than the {engine.longest_name} bytes of {engine.title}'s names"
            )
    for key in keys:
        if key not in schema.names:
            raise ConfigError(f"the key {key!r} is not one of the columns {', '.join(schema.names)}")
        if family(schema.field(key).type) == "nested":
            raise ConfigError(f"the key {key!r} is nested: a key must be a number, a text or a date")
