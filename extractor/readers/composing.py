"""Pages as a reader gives them, put together into one text with its layout. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..layout import Layout, Page, PageRead, Section, TextTable, Unit, Word
from .order import PageBlock, PlacedText

WIDE = 1.5  # a gap within a line, in heights of it, that is kept as several spaces
SPACES = "   "


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as a reader gives it: its size as shown, and its words in reading order."""

    number: int
    width: float
    height: float
    unit: Unit = "pt"
    rotation: int = 0
    read: PageRead = "text"
    note: str = ""
    blocks: list[PageBlock] = field(default_factory=list)

    def to_json(self) -> list[Any]:
        """Return what `of_json` makes the same page of."""
        words = [[list(map(piece_to_json, line)) for line in block] for block in self.blocks]
        return [
            self.number,
            self.width,
            self.height,
            self.unit,
            self.rotation,
            self.read,
            self.note,
            words,
        ]

    @classmethod
    def of_json(cls, told: list[Any]) -> ReadPage:
        """Return the page."""
        number, width, height, unit, rotation, read, note, told_blocks = told
        blocks = [[list(map(piece_of_json, line)) for line in block] for block in told_blocks]
        return cls(number, width, height, unit, rotation, read, note, blocks)


def piece_to_json(piece: PlacedText) -> list[Any]:
    """Return what `piece_of_json` makes the same piece of."""
    box = [piece.text, piece.left, piece.top, piece.right, piece.bottom]
    return [*box, piece.score, piece.angle, list(piece.edges), piece.vertical]


def piece_of_json(told: list[Any]) -> PlacedText:
    """Return the piece."""
    text, left, top, right, bottom, score, angle, edges, vertical = told
    return PlacedText(text, left, top, right, bottom, score, angle, tuple(edges), vertical)


def composed(pages: Iterable[ReadPage]) -> tuple[str, Layout]:
    """Return the text of pages, and where each word of it stands. Words of a line are parted by a space, by
    three where the gap is wide; lines by a line break; blocks and pages by a blank line.
    """
    text: list[str] = []
    words: list[Word] = []
    shown: list[Page] = []
    at = line_number = 0
    for page in pages:
        if any(page.blocks) and at:
            text.append("\n\n")
            at += 2
        begin = at
        for string, piece, line in _laid(page.blocks):
            if piece is not None:
                words.append(
                    Word(
                        at,
                        at + len(string),
                        page.number,
                        line_number + line,
                        piece.left,
                        piece.top,
                        piece.right,
                        piece.bottom,
                        piece.score,
                        piece.edges,
                        piece.vertical,
                    )
                )
            text.append(string)
            at += len(string)
        line_number += sum(map(len, page.blocks))
        shown.append(
            Page(
                page.number,
                page.width,
                page.height,
                page.unit,
                page.rotation,
                begin,
                at,
                page.read,
                page.note,
            )
        )
    return "".join(text), Layout(tuple(shown), tuple(words))


def _laid(blocks: Sequence[PageBlock]) -> Iterator[tuple[str, PlacedText | None, int]]:
    """Yield the words of a page and what parts them, each with the number of its line."""
    number = 0
    for i, block in enumerate(blocks):
        for j, line in enumerate(block):
            if i or j:
                yield "\n" if j else "\n\n", None, number
            for k, piece in enumerate(line):
                if k:
                    yield _space(line[k - 1], piece), None, number
                yield piece.text, piece, number
            number += 1


def _space(before: PlacedText, after: PlacedText) -> str:
    if before.vertical or after.vertical:
        return " "
    height = max(before.bottom - before.top, after.bottom - after.top)
    gap = max(after.left - before.right, before.left - after.right)
    return SPACES if gap > WIDE * height else " "


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document without pages. name: "" for a piece that needs none. then: what follows it."""

    text: str
    name: str = ""
    then: str = "\n"
    cells: tuple[tuple[tuple[str, str], ...], ...] = ()  # of a table: (text, name), row by row


def composed_passages(passages: Iterable[Passage]) -> tuple[str, Layout]:
    """Return the text of passages, and the names of its pieces. Cells are parted by " | ", rows by a line
    break.
    """
    text: list[str] = []
    sections: list[Section] = []
    tables: list[TextTable] = []
    at = 0

    def put(string: str, name: str = "") -> tuple[int, int]:
        nonlocal at
        begin, at = at, at + len(string)
        text.append(string)
        if name and string:
            sections.append(Section(begin, at, name))
        return begin, at

    for passage in passages:
        if not passage.cells:
            put(passage.text, passage.name)
        else:
            begin = at
            rows = []
            for number, row in enumerate(passage.cells):
                if number:
                    put("\n")
                spans = []
                for column, (string, name) in enumerate(row):
                    if column:
                        put(" | ")
                    spans.append(put(string, name))
                rows.append(tuple(spans))
            tables.append(TextTable(begin, at, tuple(rows)))
        put(passage.then)
    return "".join(text), Layout(sections=tuple(sections), tables=tuple(tables))
