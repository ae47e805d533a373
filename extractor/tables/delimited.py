"""CSV: rows of cells from lines, and the error if they are ambiguous. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..errors import ConfigError

MEND = 'write a quote inside a quoted cell twice, ""'


@dataclass(frozen=True, slots=True)
class Torn:
    """A line that can't be divided into cells."""

    why: str
    raw: str


def cells_of(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str] | Torn]]:
    """Yield each row with the number of its last line; empty lines are none.

    Raises ConfigError for a quote that opens a cell and is not closed. Its right place is unknown, and the
    rows after it would become a part of the cell.
    """
    csv.field_size_limit(2**31 - 1)
    taken = list[str]()  # the lines of one row
    reader = csv.reader(_noted(lines, taken), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        first = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield reader.line_num, _mended(taken, delimiter) or _torn(taken, first, error)
            continue
        if cells is None:
            return
        if cells:
            yield reader.line_num, cells


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _mended(taken: list[str], delimiter: str) -> list[str] | None:
    """Return the cells of a row in which nothing but spaces stands between a closing quote and what ends the
    cell; None for others.
    """
    cell = rf'[ \t]*"(?:[^"]|"")*"[ ]*|[^"{re.escape(delimiter)}\r\n][^{re.escape(delimiter)}\r\n]*|'
    text = "".join(taken)
    if not re.fullmatch(rf"(?:{cell})(?:{re.escape(delimiter)}(?:{cell}))*[\r\n]*", text):
        return None
    closed = re.sub(rf'((?:^|{re.escape(delimiter)})"(?:[^"]|"")*")[ ]+', r"\1", text)
    return next(csv.reader(closed.splitlines(keepends=True), delimiter=delimiter))


def _torn(taken: list[str], first: int, error: csv.Error) -> Torn:
    if len(taken) == 1 and str(error) != "unexpected end of data":
        return Torn(f"a quote ends in the middle of a cell; {MEND}", taken[0].rstrip("\r\n"))
    raise ConfigError(f"line {first}: a quoted cell is not closed; {MEND}") from error


def rows_inside(cell: str, delimiter: str, columns: int) -> int:
    """Return how many lines in the middle of a cell look like rows: all of them, or 0 if some do not.

    A quote that opened too early swallows the rows up to the next one, and each of these is told by nothing
    else. columns: of a row, 2 at least, since any line looks like a row of one.
    """
    inside = cell.splitlines()[1:-1] if columns > 1 else []
    return len(inside) if all(line.count(delimiter) == columns - 1 for line in inside) else 0


def delimiter_in(header: str) -> str:
    """Return what stands between cells: a semicolon where spreadsheets write numbers with a comma."""
    return next((each for each in ",;\t|" if each in header), ",")
