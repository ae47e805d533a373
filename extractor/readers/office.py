"""Excel and PowerPoint, by openpyxl and python-pptx. Runs in the reading process alone.

Nothing in a file is run or fetched: macros and links are only text, and formulas have the values saved last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from html import unescape
from io import BytesIO
from itertools import repeat, zip_longest
from typing import Any, TypeAlias

from .composing import Passage
from .drawings import PICTURES, diagrams
from .number_formats import shown
from .opc import Package, attribute, descendants
from .unreadable import ReadFailed, Remark

CELLS = 1_000_000  # of a workbook
MARGINS = 65_536  # bytes at the end of a sheet in which its header and footer stand


def sheets(data: bytes) -> Iterator[Passage | Remark]:
    """Yield the sheets of a workbook, each a table of the cells that are filled, named as in "Costs!B4"; then
    the comments, boxes, headers and footers of each.
    """
    from openpyxl import load_workbook

    package = Package(data)
    book = load_workbook(BytesIO(data), read_only=True, data_only=True)
    parts = _sheet_parts(package)
    formulas: Any = None
    left = CELLS
    for sheet in book.worksheets:
        hidden = "" if sheet.sheet_state == "visible" else " (hidden sheet)"
        yield Passage(f"{sheet.title}{hidden}", sheet.title)
        part = parts.get(sheet.title, "")
        unknown: Any = None
        if part and _UNCOMPUTED.search(package.data(part)):
            yield Remark(f"formulas of {sheet.title!r} have no value in the file: they are read as they are")
            formulas = formulas or load_workbook(BytesIO(data), read_only=True)
            unknown = formulas[sheet.title]
        rows, left = _rows(sheet, unknown, left)
        if rows:
            yield Passage("", then="\n\n", cells=rows)
        yield from _beside_cells(package, part, sheet.title)


_Rows: TypeAlias = tuple[tuple[tuple[str, str], ...], ...]
_UNCOMPUTED = re.compile(rb"(</f>|<f\b[^>]*/>)\s*(<v\s*/>|<v></v>)?\s*</c>")


def _rows(sheet: Any, formulas: Any, left: int) -> tuple[_Rows, int]:
    """Return the rows of a sheet that are filled, without the columns in which nothing stands; and how many
    cells may follow. formulas: the same sheet with its formulas, None if all have values.
    """
    from openpyxl.utils import get_column_letter

    sheet.reset_dimensions()  # what a file claims of its size may be wrong: cells would be lost
    others: Iterator[Any] = repeat(())
    if formulas is not None:
        formulas.reset_dimensions()
        others = formulas.iter_rows()
    rows: list[tuple[int, list[str]]] = []
    used: set[int] = set()
    for number, (row, other) in enumerate(zip(sheet.iter_rows(), others, strict=False), 1):
        left -= len(row)
        if left < 0:
            raise ReadFailed("too_large", f"the workbook has more than {CELLS:,} cells")
        texts = [_one_line(_cell(*pair)) for pair in zip_longest(row, other)]
        filled = {column for column, text in enumerate(texts) if text}
        if filled:
            rows.append((number, texts[: max(filled) + 1]))
            used |= filled
    names = {column: f"{sheet.title}!{get_column_letter(column + 1)}" for column in used}
    shown = (
        tuple((text, f"{names[column]}{number}") for column, text in enumerate(texts) if column in used)
        for number, texts in rows
    )
    return tuple(shown), left


def _cell(cell: Any, formula: Any = None) -> str:
    value = None if cell is None else cell.value
    if value is None:
        said = getattr(formula, "value", None)
        return said if isinstance(said, str) and said.startswith("=") else ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return shown(value, cell.number_format)
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, datetime):
        has_time = value.time() != time() or re.search("[hs]", cell.number_format, re.I)
        return value.isoformat(" ") if has_time else value.date().isoformat()
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _sheet_parts(package: Package) -> dict[str, str]:
    """Return the places of sheets by their titles."""
    book = next(package.related(kind="officeDocument"), None)
    if book is None:
        return {}
    places = {each.id: each.place for each in package.related(book.place)}
    found = descendants(package.tree(book.place), "sheet")
    named = ((attribute(each, "name"), attribute(each, "id")) for each in found)
    return {name: places[key] for name, key in named if name and key in places}


_MARGINS = re.compile(rb"<(?:\w+:)?(?:odd|even|first)(Header|Footer)>([^<]+)<")
_CODES = re.compile(r'&(?:"[^"]*"|K[0-9A-F]{6}|\d+|[A-JL-Z+-])', re.I)


def _beside_cells(package: Package, place: str, title: str) -> Iterator[Passage | Remark]:
    """Yield what belongs to a sheet and stands in no cell."""
    for each in package.related(place) if place else ():
        if each.kind == "comments":
            for comment in descendants(package.tree(each.place), "comment"):
                said = _one_line("".join(t.text or "" for t in descendants(comment, "t")))
                at = f"{title}!{attribute(comment, 'ref')}"
                yield Passage(f"Comment at {at}: {said}", at, "\n\n")
        elif each.kind == "drawing":
            boxes = descendants(package.tree(each.place), "txBody")
            for number, box in enumerate(boxes, 1):
                lines = ("".join(t.text or "" for t in descendants(p, "t")) for p in descendants(box, "p"))
                if said := "\n".join(line for line in lines if line.strip()):
                    yield Passage(said, f"{title}, text box {number}", "\n\n")
            for said in diagrams(package, each.place):
                yield Passage(said, f"{title}, diagram", "\n\n")
            if next(package.related(each.place, "image"), None) is not None:
                yield Remark(PICTURES)
    seen: set[str] = set()
    for kind, told in _MARGINS.findall(package.data(place)[-MARGINS:]) if place else ():
        said = _one_line(_CODES.sub(" ", unescape(told.decode(errors="replace"))).replace("&&", "&"))
        if said and said not in seen:
            seen.add(said)
            yield Passage(said, f"{title}, {kind.decode().lower()}", "\n\n")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def slides(data: bytes) -> Iterator[Passage | Remark]:
    """Yield the texts, tables and charts of a presentation, slide by slide, with the speaker's notes."""
    from pptx import Presentation

    package = Package(data)
    for number, slide in enumerate(Presentation(BytesIO(data)).slides, 1):
        yield from _shapes(slide.shapes, f"slide {number}", 5)
        for said in diagrams(package, str(slide.part.partname).lstrip("/")):
            yield Passage(said, f"slide {number}, diagram", "\n\n")
        if (
            slide.has_notes_slide
            and (notes := slide.notes_slide.notes_text_frame) is not None
            and notes.text.strip()
        ):
            yield Passage(notes.text.replace("\v", "\n"), f"slide {number}, notes", "\n\n")


def _shapes(shapes: Iterable[Any], name: str, deep: int) -> Iterator[Passage | Remark]:
    for shape in shapes:
        if shape.has_text_frame and shape.text_frame.text.strip():
            yield Passage(shape.text_frame.text.replace("\v", "\n"), name, "\n\n")
        elif getattr(shape, "has_table", False):
            cells = [tuple((_one_line(cell.text), name) for cell in row.cells) for row in shape.table.rows]
            yield Passage("", then="\n\n", cells=tuple(cells))
        elif getattr(shape, "has_chart", False):
            yield from _chart(shape.chart, name)
        elif deep and hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes, name, deep - 1)
        elif hasattr(shape, "image"):
            yield Remark(PICTURES)


def _chart(chart: Any, name: str) -> Iterator[Passage]:
    """Yield the numbers that a chart shows: a row for each category, a column for each series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield Passage(chart.chart_title.text_frame.text, name)
    for plot in chart.plots:
        head = ["", *(series.name for series in plot.series)]
        columns = [list(map(str, plot.categories)), *(list(series.values) for series in plot.series)]
        rows = [head, *zip_longest(*columns)]
        cells = (
            tuple(("" if value is None else _one_line(str(value)), name) for value in row) for row in rows
        )
        yield Passage("", then="\n\n", cells=tuple(cells))
