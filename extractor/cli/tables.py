"""Rows of CSV, JSON Lines and Parquet files, read and written as streams: no file is ever held whole."""

from __future__ import annotations

import csv
import io
import json
import random
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..batch.cells import (
    ColumnShape,
    Gathered,
    Lose,
    cell,
    confidence_cell,
    error_cell,
    evidence_cell,
    keep_quiet,
    usage_cell,
)
from ..batch.outcomes import RowOutcome
from ..errors import ConfigError
from ..files import DISK, Disk
from ..loading import CONVERT, SNIFFED, why_no_text
from ..messages import JSON
from .delimited import Torn, cells_of, delimiter_in, rows_inside
from .formulas import Formulas, unquoted
from .lines import finite, to_json
from .output import opened, opened_bytes

if TYPE_CHECKING:
    import pyarrow as pa

Fields: TypeAlias = dict[str, Any]
FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
ROWS_AT_ONCE = 512
LOOKED_AT = 100  # rows that tell the columns of JSON Lines
INFERRED = 2_000  # rows that are looked at together to find the types of JSON


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read. raw: what stands there, where that is known."""

    line: int
    why: str
    raw: JSON = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows. names: its columns, None for JSON Lines, where each row has its own. total: its
    rows, None where that is not known before it is read. rows: makes an iterator from its beginning.
    row_id: the column that holds each row's position, where one is added. note: what there is to know of
    it before it is run, None for nothing.
    """

    names: tuple[str, ...] | None
    total: int | None
    rows: Callable[[], Iterator[Fields | BadRow]]
    schema: pa.Schema | None = None
    row_id: str | None = None
    note: str | None = None


def format_of(path: str) -> str:
    """Return "csv", "tsv", "jsonl" or "parquet"; standard input and output are JSON Lines."""
    if path == "-":
        return "jsonl"
    found = FORMATS.get(PurePath(path).suffix.lower())
    if found is None:
        hint = "; JSON is taken as JSON Lines, one object on each line" if path.endswith(".json") else ""
        raise ConfigError(
            f"{path} is none of {', '.join(FORMATS)}: its name says how it is read or written{hint}"
        )
    return found


def table(path: str, limit: int | None = None, sample: int | None = None) -> Table:
    """Return a file's rows. limit: the first ones; sample: some at random, the same each time.

    path: also a URL that fsspec opens. Raises ConfigError where it can't be read.
    """
    found = {"csv": _csv, "tsv": _csv, "jsonl": _jsonl, "parquet": _parquet}[format_of(path)](path)
    return part(found, limit, sample)


def part(found: Table, limit: int | None, sample: int | None) -> Table:
    """Return some of a table's rows. limit: the first ones; sample: some at random, the same each time."""
    if limit is not None:
        return _part(found, lambda rows: islice(rows, limit), limit)
    if sample is not None:
        return _part(found, lambda rows: sampled(rows, sample, random.Random(0)), sample)
    return found


def _part(whole: Table, part: Callable[[Iterator[Any]], Iterator[Any]], size: int) -> Table:
    total = None if whole.total is None else min(size, whole.total)
    return replace(whole, total=total, rows=lambda: part(whole.rows()))


def sampled(rows: Iterable[Any], size: int, rng: random.Random) -> Iterator[Any]:
    """Yield `size` rows, each as likely as any other, in their order. Source: Vitter 1985, algorithm R."""
    kept: list[tuple[int, Any]] = []
    for i, row in enumerate(rows):
        if i < size:
            kept.append((i, row))
        elif (place := rng.randrange(i + 1)) < size:
            kept[place] = (i, row)
    return (row for _, row in sorted(kept, key=lambda pair: pair[0]))


# -- reading


@contextmanager
def byte_stream(path: str) -> Iterator[IO[bytes]]:
    """Yield the bytes of a file, of a URL that fsspec opens, or of standard input. Raises ConfigError."""
    try:
        stream = (
            sys.stdin.buffer if path == "-" else _local(path) if "://" not in path else _remote(path, "rb")
        )
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    with stream:
        yield stream


def _local(path: str) -> IO[bytes]:
    return open(path, "rb")


def _remote(path: str, mode: str) -> Any:
    try:
        import fsspec
    except ImportError as error:
        raise ConfigError(f"{path} is a URL: pip install fsspec, and the driver for it") from error
    try:
        return fsspec.open(path, mode).open()
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"cannot open {path}: {error}") from error


@contextmanager
def kept_input() -> Iterator[str]:
    """Yield the name of a file that holds what comes from standard input, to be read more than once."""
    with tempfile.TemporaryDirectory(prefix="extractor-") as folder:  # mode 0700
        path = str(Path(folder, "input.jsonl"))
        with open(path, "wb") as file:  # closed: Windows opens none twice
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


@contextmanager
def text_lines(path: str) -> Iterator[io.TextIOWrapper]:
    """Yield the lines of a file in UTF-8, with their ends."""
    with byte_stream(path) as stream:
        yield io.TextIOWrapper(stream, "utf-8-sig", newline="")


def _csv(path: str) -> Table:
    names = header_of(path)
    delimiter = delimiter_of(path)
    total, short, swallowed = 0, list[int](), list[tuple[int, int]]()
    for line, cells in csv_rows(path):
        total += 1
        if isinstance(cells, BadRow):
            continue
        if len(cells) < len(names):
            short.append(line)
        if (inside := max(rows_inside(cell, delimiter, len(names)) for cell in cells)) > 1:
            swallowed.append((line, inside))

    def rows() -> Iterator[Fields | BadRow]:
        return (_record(names, cells, line) for line, cells in csv_rows(path))

    note = " ".join(filter(None, (_short_rows(short), _swallowed_rows(swallowed)))) or None
    return Table(tuple(names), total, rows, note=note)


def _short_rows(lines: Sequence[int]) -> str | None:
    """Say that rows have fewer cells than there are columns, as where a line break stands in a cell."""
    if not lines:
        return None
    found = f"{len(lines):,} rows have fewer cells than the header, first on line {lines[0]:,}"
    return f"{found}: the others are taken for empty."


def _swallowed_rows(found: Sequence[tuple[int, int]]) -> str | None:
    """Say that a cell holds what looks like rows. found: on which line each such row ends, and how many."""
    if not found:
        return None
    line, inside = found[0]
    return (
        f"A cell of the row that ends on line {line:,} holds {inside:,} lines like rows: is its quote closed?"
    )


def header_of(path: str) -> Sequence[str]:
    """Return the columns of a file of CSV. Raises ConfigError."""
    check_text(path)
    names = next((cells for _, cells in _csv_lines(path)), [])
    if isinstance(names, Torn):
        raise ConfigError(f"{path}: {names.why}")
    check_header(path, names)
    return names


def csv_rows(path: str) -> Iterator[tuple[int, Sequence[str] | BadRow]]:
    """Yield the rows below the header, each with the number of its last line. Raises ConfigError."""
    for line, cells in islice(_csv_lines(path), 1, None):
        yield line, BadRow(line, cells.why, cells.raw) if isinstance(cells, Torn) else cells


def _csv_lines(path: str) -> Iterator[tuple[int, list[str] | Torn]]:
    try:
        delimiter = delimiter_of(path)
        with text_lines(path) as lines:
            yield from cells_of(lines, delimiter)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ConfigError(f"{path} is not UTF-8, it has the byte 0x{byte:02x}: {CONVERT}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from error


def check_text(path: str) -> None:
    """Raise ConfigError where a file begins as no text in UTF-8 does."""
    with byte_stream(path) as stream:
        why = why_no_text(stream.read(SNIFFED))
    if why is not None:
        raise ConfigError(f"{path} can't be read: {why}")


def check_header(path: str, names: Sequence[str]) -> None:
    """Raise ConfigError where the first line of a file of CSV does not name its columns."""
    if not names:
        raise ConfigError(f"{path} is empty: its first line has to name the columns")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{path} has two columns {twice[0]!r}")


def delimiter_of(path: str) -> str:
    """Return what stands between cells."""
    if format_of(path) == "tsv":
        return "\t"
    with text_lines(path) as lines:
        return delimiter_in(lines.readline())


def _record(names: Sequence[str], cells: Sequence[str] | BadRow, line: int) -> Fields | BadRow:
    if isinstance(cells, BadRow):
        return cells
    if len(cells) > len(names):
        return BadRow(line, f"there are {len(cells)} cells, but {len(names)} columns", list(cells))
    return dict(zip(names, [*cells, *[None] * (len(names) - len(cells))], strict=True))


def first_names(source: Table) -> Sequence[str]:
    """Return the fields of the first rows; none where there are no rows, or they can be read only once."""
    rows = islice(source.rows(), LOOKED_AT) if source.total else ()
    return list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))


def _jsonl(path: str) -> Table:
    total = None
    if path != "-" and "://" not in path:
        check_text(path)
        with byte_stream(path) as stream:
            lines = filter(None, map(bytes.strip, stream))
            first = next(lines, b"")
            total = sum(1 for _ in lines) + bool(first)
        _check_first_line(path, first, total)

    def rows() -> Iterator[Fields | BadRow]:
        with byte_stream(path) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield object_of(line, number)

    return Table(None, total, rows)


def _check_first_line(path: str, first: bytes, total: int) -> None:
    """Raise ConfigError for JSON that is no JSON Lines: an array, or one object over many lines."""
    beginning = first.removeprefix(b"\xef\xbb\xbf").strip()
    is_array = beginning[:1] == b"[" and (total == 1 or beginning[-1:] != b"]")
    if not is_array and beginning != b"{":
        return
    query = ".[]" if is_array else "."
    raise ConfigError(
        f"{path} is JSON, not JSON Lines, which has one object on each line: make it so with "
        f"jq -c {query!r} {shlex.quote(path)} > {shlex.quote(PurePath(path).stem + '.lines.jsonl')}"
    )


def object_of(line: bytes, number: int) -> Fields | BadRow:
    """Return the JSON object in a line."""
    raw = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"this line is no JSON: {error}", raw)
    return row if isinstance(row, dict) else BadRow(number, "this line is no JSON object", raw)


def arrow_library() -> Any:
    """Return `pyarrow.parquet`. Raises ConfigError where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError("Parquet needs pyarrow: pip install 'typed-extractor[frames]'") from error
    return pyarrow.parquet


def _parquet(path: str) -> Table:
    parquet = arrow_library()
    try:
        with byte_stream(path) as stream:
            file = parquet.ParquetFile(stream)
            schema, total = file.schema_arrow, file.metadata.num_rows
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path} is no Parquet file: {error}") from error

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


# -- writing


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is written of each row: its own fields, and those of the shape. dump: a record's JSON. lose: is
    told of each record that has none. formulas: what becomes of them in CSV.
    """

    shape: ColumnShape
    dump: Callable[[Any], JSON]
    lose: Lose = keep_quiet
    formulas: Formulas = field(default_factory=Formulas)

    def fields(self, outcome: RowOutcome[Any]) -> Fields:
        """Return a row as JSON. Its key has its own fields."""
        row, shape = outcome.key, self.shape
        own = {"line": row.line} if isinstance(row, BadRow) else dict(row)
        record, error = self._record(outcome)
        if shape.flatten and isinstance(record, Mapping):
            new: Fields = {shape.prefix + name: value for name, value in record.items()}
        else:
            new = {} if shape.flatten and record is None else {shape.name: record}
        new[f"{shape.name}_error"] = error
        if shape.usage:
            new[f"{shape.name}_usage"] = usage_cell(outcome)
        if shape.evidence:
            new[f"{shape.name}_evidence"] = evidence_cell(outcome)
        if shape.confidence:
            new[f"{shape.name}_confidence"] = confidence_cell(outcome)
        if shape.stamp is not None:
            new[shape.stamp_name] = shape.stamp
        check_free(own, new)
        return {**own, **new}

    def _record(self, outcome: RowOutcome[Any]) -> tuple[JSON, JSON]:
        if outcome.record is None:
            return None, error_cell(outcome)
        try:
            return self.dump(outcome.record), error_cell(outcome)
        except ValueError as error:  # what a serializer of the user's own raises
            self.lose(outcome, str(error))
            return None, cell("serialization", str(error), len(outcome.attempts))


def check_free(own: Iterable[str], new: Iterable[str]) -> None:
    """Raise ConfigError where a new field would have the name of one of the input's own."""
    if clash := set(own) & set(new):
        raise ConfigError(
            f"the input has a field {min(clash)!r} already: give the new ones another name with --name"
        )


class Writer(NamedTuple):
    """row: writes what came of a row. again: writes a row as it stands in an earlier output."""

    row: Callable[[RowOutcome[Any]], None]
    again: Callable[[Fields], None]


@contextmanager
def written(
    path: str,
    sheet: Sheet,
    source: Table,
    gathered: Callable[[], Gathered],
    earlier: Table | None = None,
    partly: bool = True,
    disk: Disk = DISK,
) -> Iterator[Writer]:
    """Yield what writes rows. The file stands at `path` once the block is left, and not before.

    gathered: makes the new columns, where their types are needed. earlier: the output that is added to:
    its columns are those of the new one. partly: whether what was written before an exception is kept,
    where that is text. Raises ConfigError where the rows have others.
    """
    kind = format_of(path)
    if kind == "parquet":
        with _parquet_writer(path, source, gathered(), earlier, disk) as writer:
            yield writer
        return
    names: Sequence[str] = ()
    if kind != "jsonl":
        new = gathered().schema.names
        names = [*_input_names(source), *new] if earlier is None else _names_in(earlier, source, new)
    with _text_output(path, partly, disk) as stream:
        if kind == "jsonl":
            yield _jsonl_writer(stream, sheet)
            return
        with _csv_writer(stream, kind, sheet, names) as writer:
            yield writer


def _names_in(earlier: Table, source: Table, new: Sequence[str]) -> Sequence[str]:
    known = earlier.names or ()
    for name in (*_input_names(source), *new):
        if name not in known:
            raise ConfigError(
                f"the output has no column {name!r}, so these rows can't be added to it: write a new file"
            )
    return known


def _jsonl_writer(stream: IO[str], sheet: Sheet) -> Writer:
    def again(fields: Fields) -> None:
        stream.write(to_json(fields) + "\n")

    return Writer(lambda outcome: again(plain(sheet.fields(outcome))), again)


@contextmanager
def _csv_writer(stream: IO[str], kind: str, sheet: Sheet, names: Sequence[str]) -> Iterator[Writer]:
    """Yield what writes rows below a header, which comes with the first of them, else at the end."""
    dialect = "excel-tab" if kind == "tsv" else "excel"
    writer = csv.DictWriter(stream, names, dialect=dialect, extrasaction="ignore")
    text = sheet.formulas.text
    header = [dict(zip(names, map(text, names), strict=True))]

    def again(fields: Fields) -> None:
        writer.writerows(header)
        header.clear()
        writer.writerow({name: text(_cell(value)) for name, value in fields.items()})

    yield Writer(lambda outcome: again(sheet.fields(outcome)), again)
    writer.writerows(header)


def same_row(own: Fields | BadRow, earlier: Fields) -> bool:
    """Whether an earlier output's row was made of this row of the input."""
    fields = {"line": own.line} if isinstance(own, BadRow) else own
    return all(_as_text(value) == _as_text(earlier.get(name)) for name, value in fields.items())


def _as_text(value: Any) -> str:
    cell = _cell(value)
    return "" if cell is None else unquoted(str(cell))


def plain(value: Any) -> JSON:
    """Return a row's own fields as JSON: Parquet has dates, bytes and decimals."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, serialize_unknown=True, bytes_mode="base64")


def _cell(value: Any) -> Any:
    """Return a value as a cell of CSV: what is not a scalar is JSON text."""
    if value is None or isinstance(value, str | int | float):
        return finite(well_formed(value))
    simple = plain(value)
    return simple if isinstance(simple, str) else to_json(simple)


def well_formed(value: Any) -> Any:
    """Return a value of JSON without lone surrogates, which only JSON has a way to write: they become "?"."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {well_formed(name): well_formed(each) for name, each in value.items()}
    return [well_formed(each) for each in value] if isinstance(value, list) else value


def arrow_table(rows: Sequence[Fields], schema: pa.Schema) -> pa.Table:
    """Return rows as Arrow has them."""
    import pyarrow as pa

    try:
        return pa.Table.from_pylist(rows, schema)
    except UnicodeEncodeError:
        return pa.Table.from_pylist(well_formed(rows), schema)


def _input_names(source: Table) -> Sequence[str]:
    if source.names is not None:
        return source.names
    names: dict[str, None] = {}
    for row in source.rows():
        names.update(dict.fromkeys(row if isinstance(row, dict) else ["line"]))
    return list(names)


@contextmanager
def _text_output(path: str, partly: bool, disk: Disk) -> Iterator[IO[str]]:
    if "://" in path:
        with _remote(path, "wb") as stream, io.TextIOWrapper(stream, "utf-8", newline="") as text:
            yield text
    else:
        with opened(path, partly, disk=disk) as text_stream:
            yield text_stream


@contextmanager
def _parquet_writer(
    path: str, source: Table, gathered: Gathered, before: Table | None, disk: Disk
) -> Iterator[Writer]:
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


def own_schema(source: Table, gathered: Gathered, earlier: Table | None) -> pa.Schema:
    """Return the Arrow types of the rows' own fields. earlier: a Parquet file that is added to. Raises
    ConfigError where the rows and their records have other columns than it.
    """
    import pyarrow as pa

    if earlier is None or earlier.schema is None:
        found = source.schema or _inferred(source)
        if source.row_id is not None and source.row_id not in found.names:
            found = pa.schema([(source.row_id, pa.int64()), *found])
        return found
    _names_in(earlier, source, gathered.schema.names)
    for each in gathered.schema:
        if (there := earlier.schema.field(each.name).type) != each.type:
            raise ConfigError(
                f"the output's column {each.name!r} is {there}, and would be {each.type}: write a new file"
            )
    return pa.schema([each for each in earlier.schema if each.name not in gathered.schema.names])


def _inferred(source: Table) -> pa.Schema:
    """Return Arrow types that all rows of a file of CSV or JSON Lines have a place in."""
    import pyarrow as pa

    if source.names is not None:
        return pa.schema([(name, pa.string()) for name in source.names if name != source.row_id])
    found = pa.schema([])
    rows = source.rows()
    while some := list(islice(rows, INFERRED)):
        own = [well_formed(row) if isinstance(row, dict) else {"line": row.line} for row in some]
        names = dict.fromkeys(name for row in own for name in row)
        try:
            part = pa.schema([(n, pa.array([row.get(n) for row in own]).type) for n in names])
            found = pa.unify_schemas([found, part], promote_options="permissive")
        except (pa.ArrowException, OverflowError) as error:
            raise ConfigError(
                f"the input's fields have no one type, as Parquet needs: {error}; write .jsonl"
            ) from error
    return pa.schema([(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in found])


@contextmanager
def binary_output(path: str, disk: Disk = DISK) -> Iterator[IO[bytes]]:
    """Yield what writes to a file that stands at `path` once the block is left, if it raises nothing."""
    if "://" in path:
        with _remote(path, "wb") as stream:
            yield stream
    else:
        with opened_bytes(path, disk=disk) as file:
            yield file
