"""Records in files: the JSON text of each row's record, and the row itself."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydantic_core import to_json

from ..bulk import is_quarantined
from ..errors import ConfigError
from ..schema import RecordType
from ..schema.outline import ABSENT, Fit, Fitting, members
from ..tables.csv_files import csv_rows, delimiter_of, header_of
from ..tables.input import byte_stream
from ..tables.json_lines import object_of
from ..tables.names import format_of
from ..tables.output import binary_output
from ..tables.parquet import arrow_library, damage, rows_of
from ..tables.table import BadRow, Fields
from ..tables.values import plain
from ..tables.values import to_json as as_line
from .output import opened

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 4096
_NO_JSON = re.compile("NaN|Infinity")  # which Python's parsers take, and others don't
Keep: TypeAlias = Callable[["FoundRecord"], None]


class FoundRecord(NamedTuple):
    """A row. line: where it stands, from 1. data: the JSON text of its record. position: from 0, in the
    input that it first came from. raw: the row as the file has it. fields: its own fields, where known.
    """

    line: int
    data: bytes | BadRow
    position: int
    raw: Any
    fields: Fields | None = None


@dataclass(frozen=True, slots=True)
class RecordLines:
    """A file of records. rows: makes an iterator from its beginning. fields: tells a row's own fields.
    names: its columns, None for JSON Lines. schema: the types of Parquet.
    """

    rows: Callable[[], Iterator[FoundRecord]]
    fields: Callable[[FoundRecord], Fields | BadRow]
    names: Sequence[str] | None = None
    schema: pa.Schema | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Where in a row its record is. column: None if the row is the record; others: columns that are no
    part of it unless the type has them, such as its text.
    """

    column: str | None = None
    others: frozenset[str] = frozenset()
    by_field: bool = False  # whether fields are wanted one by one


def records_in(path: str, record_type: Any, where: Where) -> RecordLines:
    """Return the records of a file. Raises ConfigError if it can't be read."""
    document = RecordType.of(record_type).described()
    others = where.others - members(document, document).keys()
    place = Where(where.column, others, bool(where.column or where.others))
    readers = {"csv": _csv, "tsv": _csv, "jsonl": _jsonl, "parquet": _parquet}
    if (kind := format_of(path)) not in readers:
        raise ConfigError(f"{path} is not .csv, .tsv, .jsonl or .parquet")
    return readers[kind](path, Fitting(document), place)


def _jsonl(path: str, fitting: Fitting, where: Where) -> RecordLines:
    read = fitting.whole()

    def whole(value: Any) -> Any:
        """A record as it is, or out of its JSON text."""
        return read(value) if isinstance(value, str) else value

    def rows() -> Iterator[FoundRecord]:
        index = 0
        with byte_stream(path) as stream:
            for number, line in enumerate(stream, 1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if not text.strip():
                    continue
                if not where.by_field and b'"quarantine"' not in text:
                    yield FoundRecord(number, text, index, text)
                else:
                    yield _taken_apart(text, number, index, where, whole)
                index += 1

    return RecordLines(rows, lambda found: found.fields or object_of(found.raw, found.line))


def _taken_apart(line: bytes, number: int, index: int, where: Where, whole: Fit) -> FoundRecord:
    """Return a row whose record is a part of its line."""
    row = object_of(line, number)
    if isinstance(row, BadRow):
        return FoundRecord(number, line if where.column is None else row, index, line)
    if is_quarantined(row):
        index, row = row["index"], row["input"]
        line = as_line(row).encode()
        if not isinstance(row, dict):
            return FoundRecord(
                number, BadRow(number, "the quarantined row could not be read", row), index, line
            )
    if where.column is not None:
        return FoundRecord(number, _in_column(row, where.column, number, whole), index, line, row)
    own = {name: value for name, value in row.items() if name not in where.others}
    return FoundRecord(number, line if len(own) == len(row) else to_json(own), index, line, row)


def _in_column(row: Fields, column: str, number: int, fit: Fit) -> bytes | BadRow:
    if column not in row:
        return BadRow(number, f"the row has no field {column!r}")
    value = fit(row[column])
    return b"null" if value is ABSENT else _json(value)


def _json(value: Any) -> bytes:
    return to_json(value, bytes_mode="base64", inf_nan_mode="constants", serialize_unknown=True)


def _record_maker(
    names: Sequence[str], fitting: Fitting, where: Where, path: str
) -> Callable[[Fields, int], bytes | BadRow]:
    """Return what makes the JSON text of a record from the row of a table."""
    if where.column is not None:
        if where.column not in names:
            raise ConfigError(f"{path} has no column {where.column!r}; there are {', '.join(names)}")
        whole = fitting.whole()
        return lambda row, number: _in_column(row, str(where.column), number, whole)
    fit = fitting.row(names)
    if not where.others:
        return lambda row, number: _json(fit(row))
    return lambda row, number: _json(fit({n: v for n, v in row.items() if n not in where.others}))


def _csv(path: str, fitting: Fitting, where: Where) -> RecordLines:
    names = header_of(path)
    record = _record_maker(names, fitting, where, path)

    def rows() -> Iterator[FoundRecord]:
        for index, (line, cells) in enumerate(csv_rows(path)):
            yield found(cells, line, index)

    def found(cells: Sequence[str] | BadRow, line: int, index: int) -> FoundRecord:
        if isinstance(cells, BadRow):
            return FoundRecord(line, cells, index, [cells.raw])
        if len(cells) > len(names):
            why = f"there are {len(cells)} cells, but {len(names)} columns"
            return FoundRecord(line, BadRow(line, why, list(cells)), index, cells)
        row = dict(zip(names, cells, strict=False))
        return FoundRecord(line, record(row, line), index, cells, row)

    return RecordLines(rows, _known, names)


def _known(found: FoundRecord) -> Fields | BadRow:
    return found.data if found.fields is None and isinstance(found.data, BadRow) else found.fields or {}


def _parquet(path: str, fitting: Fitting, where: Where) -> RecordLines:
    parquet = arrow_library()
    try:
        with byte_stream(path) as stream:
            schema = parquet.ParquetFile(stream).schema_arrow
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path} is not a Parquet file: {error}") from error
    record = _record_maker(schema.names, fitting, where, path)

    def rows() -> Iterator[FoundRecord]:
        with byte_stream(path) as stream, damage(path):
            found = rows_of(parquet.ParquetFile(stream).iter_batches(ROWS_AT_ONCE))
            for index, row in enumerate(found):
                if isinstance(row, BadRow):
                    yield FoundRecord(index + 1, row, index, None)
                else:
                    yield FoundRecord(index + 1, record(row, index + 1), index, row, row)

    return RecordLines(rows, _known, schema.names, schema)


# -- rows that are kept, as they stand in their file


@contextmanager
def keeping(path: str, source: str, records: RecordLines) -> Iterator[Keep]:
    """Yield what writes a row to `path` as it was in `source`; as JSON where `path` is another kind of
    file. Raises ConfigError if it is neither of that kind nor JSON Lines.
    """
    kind, given = format_of(path), format_of(source)
    if kind not in (given, "jsonl"):
        raise ConfigError(
            f"the output has the format of the input: -o takes a file like {source}, or JSON Lines"
        )
    if kind == "parquet":
        with _parquet_keeper(path, records) as keep:
            yield keep
        return
    with opened(path) as stream:
        if kind == "jsonl":
            yield lambda found: _keep_line(stream, found, given == "jsonl")
        else:
            writer = csv.writer(stream, delimiter=delimiter_of(source))
            writer.writerow(records.names or ())
            yield lambda found: writer.writerow(found.raw)


def _keep_line(stream: IO[str], found: FoundRecord, is_line: bool) -> None:
    line = found.raw.decode().rstrip("\r\n") if is_line else as_line(plain(found.fields))
    if is_line and _NO_JSON.search(line):
        line = as_line(json.loads(line))
    stream.write(line + "\n")


@contextmanager
def _parquet_keeper(path: str, records: RecordLines) -> Iterator[Keep]:
    import pyarrow as pa

    rows: list[Fields] = []
    with binary_output(path) as stream, arrow_library().ParquetWriter(stream, records.schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, records.schema))
            rows.clear()

        def keep(found: FoundRecord) -> None:
            rows.append(found.raw)
            if len(rows) == ROWS_AT_ONCE:
                flush()

        yield keep
        flush()
