"""Files of CSV, read and written as streams."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO

from ..errors import ConfigError
from .delimited import Torn, cells_of, delimiter_in, rows_inside
from .input import AS_NAMED, ReadOptions, check_text, text_lines
from .names import format_of
from .sheet import Sheet, Writer
from .table import BadRow, Fields, Table
from .values import cell_text

NAME_IT = "name its encoding, such as --encoding windows-1252 (encoding=), or convert it"


def csv_table(path: str, read: ReadOptions = AS_NAMED) -> Table:
    """Return the rows of a file of CSV. Raises ConfigError."""
    names = header_of(path, read)
    delimiter = delimiter_of(path, read)
    total, short, swallowed = 0, list[int](), list[tuple[int, int]]()
    for line, cells in csv_rows(path, read):
        total += 1
        if isinstance(cells, BadRow):
            continue
        if len(cells) < len(names):
            short.append(line)
        if (inside := max(rows_inside(cell, delimiter, len(names)) for cell in cells)) > 1:
            swallowed.append((line, inside))

    def rows() -> Iterator[Fields | BadRow]:
        return (_record(names, cells, line) for line, cells in csv_rows(path, read))

    guessed = (
        None
        if read.delimiter or delimiter in ",\t"
        else f"The delimiter is {delimiter!r}, detected from the header."
    )
    note = " ".join(filter(None, (guessed, _short_rows(short), _swallowed_rows(swallowed)))) or None
    return Table(tuple(names), total, rows, note=note)


def _short_rows(lines: Sequence[int]) -> str | None:
    """Say that rows have fewer cells than there are columns, as where a line break stands in a cell."""
    if not lines:
        return None
    found = f"{len(lines):,} rows have fewer cells than the header, first on line {lines[0]:,}"
    return f"{found}: missing cells are read as empty."


def _swallowed_rows(found: Sequence[tuple[int, int]]) -> str | None:
    """Say that a cell holds what looks like rows. found: on which line each such row ends, and how many."""
    if not found:
        return None
    line, inside = found[0]
    return (
        f"A cell of the row that ends on line {line:,} holds {inside:,} lines like rows: is a "
        "closing quote missing?"
    )


def header_of(path: str, read: ReadOptions = AS_NAMED) -> Sequence[str]:
    """Return the columns of a file of CSV. Raises ConfigError."""
    if read.encoding is None:
        check_text(path)
    names = next((cells for _, cells in _csv_lines(path, read)), [])
    if isinstance(names, Torn):
        raise ConfigError(f"{path}: {names.why}")
    check_header(path, names)
    return names


def csv_rows(path: str, read: ReadOptions = AS_NAMED) -> Iterator[tuple[int, Sequence[str] | BadRow]]:
    """Yield the rows below the header, each with the number of its last line. Raises ConfigError."""
    for line, cells in islice(_csv_lines(path, read), 1, None):
        yield line, BadRow(line, cells.why, cells.raw) if isinstance(cells, Torn) else cells


def _csv_lines(path: str, read: ReadOptions) -> Iterator[tuple[int, list[str] | Torn]]:
    try:
        delimiter = delimiter_of(path, read)
        with text_lines(path, read.encoding) as lines:
            yield from cells_of(lines, delimiter)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ConfigError(
            f"{path} is not {read.encoding or 'UTF-8'}, it has the byte 0x{byte:02x}: {NAME_IT}"
        ) from error
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from error


def check_header(path: str, names: Sequence[str]) -> None:
    """Raise ConfigError if the first line of a file of CSV does not name its columns."""
    if not names:
        raise ConfigError(f"{path} is empty: its first line must name the columns")
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{path} has two columns {twice[0]!r}")


def delimiter_of(path: str, read: ReadOptions = AS_NAMED) -> str:
    """Return what stands between cells."""
    if read.delimiter is not None:
        return read.delimiter
    if format_of(path) == "tsv":
        return "\t"
    with text_lines(path, read.encoding) as lines:
        return delimiter_in(lines.readline())


def _record(names: Sequence[str], cells: Sequence[str] | BadRow, line: int) -> Fields | BadRow:
    if isinstance(cells, BadRow):
        return cells
    if len(cells) > len(names):
        return BadRow(line, f"there are {len(cells)} cells, but {len(names)} columns", list(cells))
    return dict(zip(names, [*cells, *[None] * (len(names) - len(cells))], strict=True))


@contextmanager
def csv_writer(stream: IO[str], kind: str, sheet: Sheet, names: Sequence[str]) -> Iterator[Writer]:
    """Yield what writes rows below a header, which comes with the first of them, else at the end."""
    dialect = "excel-tab" if kind == "tsv" else "excel"
    writer = csv.DictWriter(stream, names, dialect=dialect, extrasaction="ignore")
    text = sheet.formulas.text
    header = [dict(zip(names, map(text, names), strict=True))]

    def again(fields: Fields) -> None:
        writer.writerows(header)
        header.clear()
        writer.writerow({name: text(cell_text(value)) for name, value in fields.items()})

    yield Writer(lambda outcome: again(sheet.fields(outcome)), again)
    writer.writerows(header)
