"""Rows and cells of OpenDocument's tables, in which one element may stand for many. Source: OpenDocument 1.3,
part 3, chapter 9.

Runs in the reading process alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .opc import attribute, local
from .unreadable import ReadFailed

CELLS = 1_000_000  # of a table
COLUMNS = 16_384
_GROUPS = ("table-header-rows", "table-rows", "table-row-group")
_NUMBER = re.compile(r"\d(?:[\d.,'’ \u00a0\u202f]*\d)?")
_NUMERIC = ("float", "currency", "percentage")


class Cell(NamedTuple):
    """A cell. element: None for one that another one covers. row, column: from 1."""

    element: Any
    row: int
    column: int

    @property
    def place(self) -> str:
        """Its place in a sheet, as in "B4"."""
        letters, number = "", self.column
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(ord("A") + rest) + letters
        return f"{letters}{self.row}"


def rows_of(table: Any) -> Iterator[list[Cell]]:
    """Yield the rows of a table that say something, without the empty cells at their ends.

    Raises ReadFailed for more than a million cells.
    """
    at, left = 1, CELLS
    for row in _row_elements(table):
        times = _repeated(row, "number-rows-repeated")
        cells, column = list[tuple[Any, int]](), 1
        for cell in row:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            many = _repeated(cell, "number-columns-repeated")
            is_said = local(cell) == "table-cell" and (len(cell) > 0 or attribute(cell, "formula"))
            if is_said:
                if column + many > COLUMNS:
                    raise ReadFailed("too_large", f"a row of the table has more than {COLUMNS:,} cells")
                cells += ((None, each) for each in range(len(cells) + 1, column))
                cells += ((cell, each) for each in range(column, column + many))
            column += many
        if cells:
            left -= len(cells) * times
            if left < 0:
                raise ReadFailed("too_large", f"the table has more than {CELLS:,} cells")
            for number in range(at, at + times):
                yield [Cell(element, number, place) for element, place in cells]
        at += times


def _row_elements(table: Any) -> Iterator[Any]:
    for each in table:
        if local(each) == "table-row":
            yield each
        elif local(each) in _GROUPS:
            yield from _row_elements(each)


def _repeated(element: Any, name: str) -> int:
    told = attribute(element, name) or ""
    return max(int(told), 1) if told.isdecimal() and len(told) < 9 else 1


def sheet_rows(sheet: Any, title: str, said: Callable[[Any], str]) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Return the rows of a sheet that are filled, without the columns in which nothing stands. said: gives
    the text of a cell.
    """
    rows: list[list[tuple[str, Cell]]] = []
    used: set[int] = set()
    for row in rows_of(sheet):
        told = [
            ("" if cell.element is None else shown_cell(cell.element, said(cell.element)), cell)
            for cell in row
        ]
        filled = {cell.column for text, cell in told if text}
        if filled:
            rows.append(told[: max(filled)])
            used |= filled
    return tuple(
        tuple((text, f"{title}!{cell.place}") for text, cell in row if cell.column in used) for row in rows
    )


def shown_cell(cell: Any, text: str) -> str:
    """Return what a cell shows. Dates are ISO dates, numbers have a point and no separators of thousands."""
    kind = attribute(cell, "value-type")
    if kind == "date" and (date := attribute(cell, "date-value")):
        return date.removesuffix("T00:00:00").replace("T", " ")
    if kind == "boolean" and (truth := attribute(cell, "boolean-value")):
        return truth.upper()
    if kind in _NUMERIC and (value := attribute(cell, "value")):
        return plain_number(text, value, kind == "percentage")
    return text or _formula(cell)


def _formula(cell: Any) -> str:
    """Return the formula of a cell that has no value."""
    formula = attribute(cell, "formula") or ""
    return f"={formula.partition('=')[2]}" if formula and attribute(cell, "value-type") is None else ""


def plain_number(text: str, value: str, is_percentage: bool = False) -> str:
    """Return a shown number with a point, and without separators of thousands. The value tells which sign is
    the point; a text that agrees with it in no way stays as it is.
    """
    found = _NUMBER.search(text)
    try:
        worth = abs(float(value)) * (100 if is_percentage else 1)
    except ValueError:
        return text
    if found is None:
        return text or value
    for point in (".", ",", ""):
        whole, _, part = found[0].rpartition(point) if point and point in found[0] else (found[0], "", "")
        digits = re.sub(r"\D", "", whole)
        if point and not part.isdecimal():
            continue
        if abs(float(f"{digits}.{part or 0}") - worth) <= 0.5000001 * 10 ** -len(part):
            plain = f"{digits}.{part}" if part else digits
            return text[: found.start()] + plain + text[found.end() :]
    return text
