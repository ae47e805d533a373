"""Word, Excel and PowerPoint, by python-docx, openpyxl and python-pptx. Runs in the reading process alone.

Nothing in a file is run or fetched: macros and links are only text, and formulas have the values saved last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from .composing import Passage
from .unreadable import ReadFailed

UNPACKED = 500_000_000  # bytes of all parts together
PARTS = 20_000
CELLS = 1_000_000  # of a workbook


def check_archive(data: bytes) -> None:
    """Raise ReadFailed for an archive that is damaged, or unpacks to too much."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            parts = archive.infolist()
    except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ReadFailed(
            "damaged", f"the document is no whole archive, it may be cut off: {error}"
        ) from error
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise ReadFailed(
            "too_large", f"the document unpacks to more than {UNPACKED:,} bytes or {PARTS:,} parts"
        )
    if any(part.flag_bits & 1 for part in parts):
        raise ReadFailed("encrypted", "the document is encrypted: save it without a password")


def word(data: bytes) -> Iterator[Passage]:
    """Yield the paragraphs and tables of a Word document, in order, then its headers and footers."""
    from docx import Document

    check_archive(data)
    document = Document(BytesIO(data))
    counts = {"paragraph": 0, "table": 0}
    yield from _blocks(document.iter_inner_content(), counts, "")
    seen: set[str] = set()
    for section in document.sections:
        for name, part in (("header", section.header), ("footer", section.footer)):
            for passage in [] if part.is_linked_to_previous else _blocks(part.iter_inner_content(), {}, name):
                if passage.text.strip() not in seen:
                    seen.add(passage.text.strip())
                    yield passage


def _blocks(blocks: Iterable[Any], counts: dict[str, int], within: str) -> Iterator[Passage]:
    for block in blocks:
        if hasattr(block, "rows"):
            counts["table"] = counts.get("table", 0) + 1
            yield _word_table(block, f"{within} table {counts['table']}".strip())
        else:
            counts["paragraph"] = counts.get("paragraph", 0) + 1
            if block.text.strip():
                yield Passage(block.text, f"{within} paragraph {counts['paragraph']}".strip())


def _word_table(table: Any, name: str) -> Passage:
    rows = []
    for number, row in enumerate(table.rows, 1):
        cells: list[tuple[str, str]] = []
        seen: set[int] = set()
        for column, cell in enumerate(row.cells, 1):  # a cell over several columns comes once for each
            if id(cell._tc) not in seen:
                seen.add(id(cell._tc))
                cells.append((_one_line(cell.text), f"{name}, row {number}, column {column}"))
        rows.append(tuple(cells))
    return Passage("", then="\n\n", cells=tuple(rows))


def sheets(data: bytes) -> Iterator[Passage]:
    """Yield the sheets of a workbook, each a table of the cells that are filled, named as in "Costs!B4"."""
    from openpyxl import load_workbook
    from openpyxl.utils import get_column_letter

    check_archive(data)
    book, left = load_workbook(BytesIO(data), read_only=True, data_only=True), CELLS
    for sheet in book.worksheets:
        yield Passage(sheet.title, sheet.title)
        rows = []
        sheet.reset_dimensions()  # what a file claims of its size may be wrong: cells would be lost
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            left -= len(row)
            if left < 0:
                raise ReadFailed("too_large", f"the workbook has more than {CELLS:,} cells")
            values = [_one_line(_cell(value)) for value in row]
            while values and not values[-1]:
                values.pop()
            if values:
                names = (
                    f"{sheet.title}!{get_column_letter(column)}{number}"
                    for column in range(1, len(values) + 1)
                )
                rows.append(tuple(zip(values, names, strict=True)))
        if rows:
            yield Passage("", then="\n\n", cells=tuple(rows))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(
            value.isoformat(" ") if hasattr(value, "hour") and hasattr(value, "year") else value.isoformat()
        )
    return str(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def slides(data: bytes) -> Iterator[Passage]:
    """Yield the texts and tables of a presentation, slide by slide, with the speaker's notes."""
    from pptx import Presentation

    check_archive(data)
    for number, slide in enumerate(Presentation(BytesIO(data)).slides, 1):
        yield from _shapes(slide.shapes, f"slide {number}", 5)
        if (
            slide.has_notes_slide
            and (notes := slide.notes_slide.notes_text_frame) is not None
            and notes.text.strip()
        ):
            yield Passage(notes.text.replace("\v", "\n"), f"slide {number}, notes", "\n\n")


def _shapes(shapes: Iterable[Any], name: str, deep: int) -> Iterator[Passage]:
    for shape in shapes:
        if shape.has_text_frame and shape.text_frame.text.strip():
            yield Passage(shape.text_frame.text.replace("\v", "\n"), name, "\n\n")
        elif getattr(shape, "has_table", False):
            cells = [tuple((_one_line(cell.text), name) for cell in row.cells) for row in shape.table.rows]
            yield Passage("", then="\n\n", cells=tuple(cells))
        elif deep and hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes, name, deep - 1)
