"""Pages as a reader gives them, put together into one text with its layout. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from ..layout import Layout, Page, PageRead, Section, TextTable, Unit, Word
from .choices import TextForm
from .order import Line, PlacedText, as_read, lines_of
from .ruled import TextBlock, is_wide

SPACES = "   "  # for a gap that parts cells
MOST_COLUMNS = 250  # of characters, where spaces make the layout
_RULE = "| --- "


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A page as a reader gives it: its size as shown, and its words in reading order. lost: characters that
    its fonts do not name.
    """

    number: int
    width: float
    height: float
    unit: Unit = "pt"
    rotation: int = 0
    read: PageRead = "text"
    note: str = ""
    blocks: list[TextBlock] = field(default_factory=list)
    lost: int = 0

    @property
    def lost_share(self) -> float:
        """The characters without a name, as a fraction of its letters."""
        letters = sum(len(piece.text) for block in self.blocks for line in block.all_lines for piece in line)
        return self.lost / max(letters, 1)

    def to_json(self) -> list[Any]:
        """Return what `of_json` makes the same page of."""
        words = [
            [
                list(map(_line_to_json, block.lines)),
                [[list(map(_line_to_json, cell)) for cell in row] for row in block.rows],
                block.joined,
            ]
            for block in self.blocks
        ]
        return [
            self.number,
            self.width,
            self.height,
            self.unit,
            self.rotation,
            self.read,
            self.note,
            words,
            self.lost,
        ]

    @classmethod
    def of_json(cls, told: list[Any]) -> ReadPage:
        """Return the page."""
        number, width, height, unit, rotation, read, note, told_blocks, lost = told
        blocks = [
            TextBlock(
                list(map(_line_of_json, lines)),
                tuple(tuple(list(map(_line_of_json, cell)) for cell in row) for row in rows),
                joined,
            )
            for lines, rows, joined in told_blocks
        ]
        return cls(number, width, height, unit, rotation, read, note, blocks, lost)


def _line_to_json(line: Line) -> list[Any]:
    return list(map(piece_to_json, line))


def _line_of_json(told: list[Any]) -> Line:
    return list(map(piece_of_json, told))


def piece_to_json(piece: PlacedText) -> list[Any]:
    """Return what `piece_of_json` makes the same piece of."""
    box = [piece.text, piece.left, piece.top, piece.right, piece.bottom]
    return [*box, piece.score, piece.angle, list(piece.edges), piece.vertical]


def piece_of_json(told: list[Any]) -> PlacedText:
    """Return the piece."""
    text, left, top, right, bottom, score, angle, edges, vertical = told
    return PlacedText(text, left, top, right, bottom, score, angle, tuple(edges), vertical)


class _Writing:
    """A text that is being written, and where its words stand."""

    def __init__(self) -> None:
        self.at = self.lines = 0
        self.pieces: list[str] = []
        self.words: list[Word] = []
        self.tables: list[TextTable] = []

    def put(self, string: str) -> None:
        """Write what parts words."""
        self.pieces.append(string)
        self.at += len(string)

    def word(self, piece: PlacedText, page: int) -> None:
        """Write a word of the line that is begun."""
        box = piece.left, piece.top, piece.right, piece.bottom
        end = self.at + len(piece.text)
        told = Word(self.at, end, page, self.lines, *box, piece.score, piece.edges, piece.vertical)
        self.words.append(told)
        self.put(piece.text)

    def line(self, line: Line, page: int) -> None:
        """Write the words of a line."""
        read = as_read(line)
        for number, piece in enumerate(read):
            if number:
                self.put(_space(read[number - 1], piece))
            self.word(piece, page)
        self.lines += 1


def composed(pages: Iterable[ReadPage], form: TextForm = "plain") -> tuple[str, Layout]:
    """Return the text of pages, and where each word of it stands.

    "plain": words of a line are parted by a space, by three where the gap is wide; lines by a line break;
    blocks and pages by a blank line. "markdown": the same, with tables as Markdown has them. "layout": the
    words of a page as they stand side by side, in columns made of spaces.
    """
    writing = _Writing()
    shown: list[Page] = []
    for page in pages:
        if any(block.has_words for block in page.blocks) and writing.at:
            writing.put("\n\n")
        begin = writing.at
        if form == "layout":
            _write_rows(writing, page)
        else:
            _write_blocks(writing, page, form == "markdown")
        place = page.unit, page.rotation, begin, writing.at, page.read, page.note
        shown.append(Page(page.number, page.width, page.height, *place))
    layout = Layout(tuple(shown), tuple(writing.words), tables=tuple(writing.tables))
    return "".join(writing.pieces), layout


def _write_blocks(writing: _Writing, page: ReadPage, as_markdown: bool) -> None:
    for number, block in enumerate(page.blocks):
        if number:
            writing.put("\n" if block.joined and not as_markdown else "\n\n")
        if block.rows:
            _write_table(writing, block, page.number, as_markdown)
        for i, line in enumerate(block.lines):
            if i:
                writing.put("\n")
            writing.line(line, page.number)


def _write_table(writing: _Writing, block: TextBlock, page: int, as_markdown: bool) -> None:
    begin, rows = writing.at, []
    for number, row in enumerate(block.rows):
        if number:
            writing.put("\n")
        if number == 1 and as_markdown:
            writing.put(_RULE * len(row) + "|\n")
        spans: list[tuple[int, int]] = []
        for cell in row:
            if as_markdown:
                writing.put(" | " if spans else "| ")
            elif cell and any(low < high for low, high in spans):
                writing.put(SPACES)
            start = writing.at
            for i, line in enumerate(cell):
                if i:
                    writing.put(" ")
                writing.line(line, page)
            spans.append((start, writing.at))
        if as_markdown:
            writing.put(" |")
        rows.append(tuple(spans))
    writing.tables.append(TextTable(begin, writing.at, tuple(rows)))


def _write_rows(writing: _Writing, page: ReadPage) -> None:
    """Write the words of a page where they stand: columns and rows of characters. Turned words come last."""
    lines = [line for block in page.blocks for line in block.all_lines]
    level = [piece for line in lines for piece in line if piece.angle % 360 == 0]
    turned = [kept for line in lines if (kept := [piece for piece in line if piece.angle % 360])]
    widths = [(piece.right - piece.left) / len(piece.text) for piece in level]
    width = max(median(widths) if widths else 1.0, page.width / MOST_COLUMNS, 0.01)
    margin = min((piece.left for piece in level), default=0.0)
    bottom = None
    for row in lines_of(level):
        top, height = min(piece.top for piece in row), max(piece.bottom - piece.top for piece in row)
        if bottom is not None:
            writing.put("\n\n" if top - bottom > height else "\n")
        begin, bottom = writing.at, max(piece.bottom for piece in row)
        for number, piece in enumerate(row):
            column = round((piece.left - margin) / width) - (writing.at - begin)
            is_next = number > 0 and not is_wide(row[number - 1], piece)
            writing.put(" " if is_next else " " * max(column, len(SPACES) if number else 0))
            writing.word(piece, page.number)
        writing.lines += 1
    for number, line in enumerate(turned):
        writing.put("\n\n" if number or level else "")
        writing.line(line, page.number)


def _space(before: PlacedText, after: PlacedText) -> str:
    if before.vertical and after.vertical:
        before, after = _laid_flat(before), _laid_flat(after)
    return SPACES if is_wide(before, after) else " "


def _laid_flat(piece: PlacedText) -> PlacedText:
    return replace(
        piece, left=piece.top, top=piece.left, right=piece.bottom, bottom=piece.right, vertical=False
    )


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document without pages. name: "" for a piece that needs none. then: what follows it."""

    text: str
    name: str = ""
    then: str = "\n"
    cells: tuple[tuple[tuple[str, str], ...], ...] = ()  # of a table: (text, name), row by row


def composed_passages(passages: Iterable[Passage], form: TextForm = "plain") -> tuple[str, Layout]:
    """Return the text of passages, and the names of its pieces. Cells are parted by " | ", rows by a line
    break; in "markdown" tables have its lines.
    """
    as_markdown = form == "markdown"
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
                if number == 1 and as_markdown:
                    put(_RULE * max(map(len, passage.cells)) + "|\n")
                spans = []
                for column, (string, name) in enumerate(row):
                    if column or as_markdown:
                        put(" | " if column else "| ")
                    spans.append(put(string, name))
                if as_markdown:
                    put(" |")
                rows.append(tuple(spans))
            tables.append(TextTable(begin, at, tuple(rows)))
        put(passage.then)
    return "".join(text), Layout(sections=tuple(sections), tables=tuple(tables))
