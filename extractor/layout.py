"""A text that was read from a document, and where it stands there: spans in, boxes out.

Pure; nothing here opens a file. Evidence knows characters alone: where they stand on paper is looked up here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice, takewhile
from typing import Literal, Protocol, TypeAlias, TypeVar

Unit: TypeAlias = Literal["pt", "px"]
PageRead: TypeAlias = Literal["text", "ocr", "blank", "unread"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is shown: cropped and rotated. `source.text[start:end]` stands on it.

    number: from 1. width, height: in points (1/72 inch) for a PDF, in pixels for an image. rotation: by how
    many degrees the file turns it clockwise to show it. read: by its "text" layer, by "ocr", "blank" where
    nothing is on it, "unread" where its picture was not read; `note` says why.
    """

    number: int
    width: float
    height: float
    unit: Unit = "pt"
    rotation: int = 0
    start: int = 0
    end: int = 0
    read: PageRead = "text"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A piece of the text, `source.text[start:end]`, in one place of one page.

    page: its number. line: a number that all words of one line share, and no others. left, top, right,
    bottom: from the top left of the page as shown, in its unit. score: how sure the OCR is, 1 for a text
    layer. edges: where its characters begin, and the last one ends, along its reading direction: (n + 1,)
    coordinates; () where they are taken as equally wide. vertical: whether these run along the page's height.
    """

    start: int
    end: int
    page: int
    line: int
    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0
    edges: tuple[float, ...] = ()
    vertical: bool = False

    def cut(self, start: int, end: int) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of the part that stands in text[start:end]."""
        first, last = max(start, self.start) - self.start, min(end, self.end) - self.start
        size = self.end - self.start
        if (first, last) == (0, size):
            return self.left, self.top, self.right, self.bottom
        begins, ends = (self.top, self.bottom) if self.vertical else (self.left, self.right)
        edges = self.edges or [begins + (ends - begins) * i / size for i in range(size + 1)]
        low, high = sorted((edges[first], edges[last]))
        if self.vertical:
            return self.left, low, self.right, high
        return low, self.top, high, self.bottom


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page, measured from the top left of the page as it is shown.

    - page: its number, from 1.
    - left, top, right, bottom: in points for a PDF, in pixels for an image.
    - fractions: the same four as shares of the page's width and height.
    - score: the OCR's confidence in the least sure word; 1 for a text layer.
    """

    page: int
    left: float
    top: float
    right: float
    bottom: float
    fractions: tuple[float, float, float, float]
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Section:
    """A named piece of a text without pages: "paragraph 3", "Costs!B4", "slide 2"."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table that the reader knows of: the spans of its cells in the text, (start, end), row by row."""

    start: int
    end: int
    rows: tuple[tuple[tuple[int, int], ...], ...]

    def cells(self, text: str) -> list[list[str]]:
        """Return the texts of its cells, row by row. text: the source's."""
        return [[text[start:end] for start, end in row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a text stands. words, sections and tables are sorted by their start, and do not overlap."""

    pages: tuple[Page, ...] = ()
    words: tuple[Word, ...] = ()
    sections: tuple[Section, ...] = ()
    tables: tuple[TextTable, ...] = ()


class HasSpan(Protocol):
    """What has a place in a text, such as a Span."""

    @property
    def start(self) -> int:
        """The first character."""

    @property
    def end(self) -> int:
        """The character after the last one."""


Piece = TypeVar("Piece", Page, Word, Section, TextTable)


@dataclass(frozen=True, slots=True)
class Source:
    """A text with the layout of the document that it was read from.

    - name: the name of the file, "" if it has none.
    - media_type: the type of the document, determined from its bytes.
    - data: the document itself, to show its pages; None if it was not kept.
    - attachments: documents within this one, each a Source of its own. `problem` says why one could not be
      read.
    - images: pictures of its pages, shown to the model beside the text; () if only the text is sent.
    - notes: what of the document was left out, or is read otherwise than it stands there.
    """

    text: str
    layout: Layout = field(default_factory=Layout, repr=False)
    name: str = ""
    media_type: str = "text/plain"
    data: bytes | None = field(default=None, repr=False)
    attachments: tuple[Source, ...] = ()
    problem: str = ""
    images: tuple[bytes, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> tuple[TextTable, ...]:
        """The tables that the reader recognised, () for none."""
        return self.layout.tables

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages, () for a document without any."""
        return self.layout.pages

    def boxes(self, start: int, end: int) -> tuple[Box, ...]:
        """Return where text[start:end] stands: a box for each line that it spans, in the order of the text.
        () without pages.
        """
        return boxes_of(self.layout, start, end)

    def sections(self, start: int, end: int) -> tuple[str, ...]:
        """Return the names of the paragraphs, cells or slides that text[start:end] stands in."""
        found = self.layout.sections
        first = bisect_right(found, start, key=_end)
        return tuple(each.name for each in takewhile(lambda s: s.start < end, islice(found, first, None)))

    def part(self, start: int, end: int, name: str | None = None) -> Source:
        """Return text[start:end] as a Source of its own, which still knows its pages, boxes and sections.

        - name: its name, by default that of the whole.

        `data` is that of the whole document, so that its pages can be shown. Attachments stay with the whole.
        Raises ValueError unless 0 <= start <= end <= len(text).
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"no part: {start} to {end} of a text of {len(self.text)} characters")
        called = self.name if name is None else name
        layout = part_of(self.layout, start, end)
        numbers = {page.number for page in layout.pages}
        shown = zip(self.layout.pages, self.images, strict=False)
        images = tuple(image for page, image in shown if page.number in numbers)
        return Source(
            self.text[start:end], layout, called, self.media_type, self.data, images=images, notes=self.notes
        )

    def boxes_by_pointer(self, evidence: Mapping[str, Sequence[HasSpan]]) -> dict[str, tuple[Box, ...]]:
        """Return the boxes of each value's spans, by its pointer; () for a value without boxes."""
        return {
            pointer: tuple(box for span in spans for box in self.boxes(span.start, span.end))
            for pointer, spans in evidence.items()
        }


def boxes_of(layout: Layout, start: int, end: int) -> tuple[Box, ...]:
    """Return a box for each line that text[start:end] takes, in the order of the text."""
    words = _between(layout.words, start, end) if start < end else iter(())
    return tuple(_boxes(layout, words, start, end))


def _boxes(layout: Layout, words: Iterator[Word], start: int, end: int) -> Iterator[Box]:
    sizes = {page.number: (page.width, page.height) for page in layout.pages}
    for (number, _), line in groupby(words, key=lambda word: (word.page, word.line)):
        parts = [(word.cut(start, end), word.score) for word in line]
        lefts, tops, rights, bottoms = zip(*(cut for cut, _ in parts), strict=True)
        box = min(lefts), min(tops), max(rights), max(bottoms)
        width, height = sizes[number]
        fractions = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
        yield Box(number, *box, fractions, min(score for _, score in parts))


def part_of(layout: Layout, start: int, end: int) -> Layout:
    """Return the layout of text[start:end], its spans counted from `start`. Pages keep their numbers; of a
    table, the rows that stand in it whole.
    """

    def clipped(piece: Piece) -> Piece:
        low, high = max(piece.start, start) - start, min(piece.end, end) - start
        return replace(piece, start=low, end=high)

    return Layout(
        tuple(clipped(page) for page in layout.pages if _is_within(page, start, end)),
        tuple(_clipped_word(word, start, end) for word in _between(layout.words, start, end)),
        tuple(clipped(section) for section in _between(layout.sections, start, end)),
        tuple(
            replace(clipped(table), rows=rows)
            for table in _between(layout.tables, start, end)
            if (rows := _rows_within(table, start, end))
        ),
    )


def _between(pieces: Sequence[Piece], start: int, end: int) -> Iterator[Piece]:
    """Yield the pieces that text[start:end] takes something of."""
    first = bisect_right(pieces, start, key=_end)
    return takewhile(lambda piece: piece.start < end, islice(pieces, first, None))


def _is_within(page: Page, start: int, end: int) -> bool:
    """Whether some of a page stands in text[start:end], or a page without text stands between what does."""
    if page.start == page.end:
        return start <= page.start < end
    return page.start < end and page.end > start


def _clipped_word(word: Word, start: int, end: int) -> Word:
    low, high = max(word.start, start), min(word.end, end)
    edges = word.edges[low - word.start : high - word.start + 1] if word.edges else ()
    left, top, right, bottom = word.cut(low, high)
    return replace(
        word,
        start=low - start,
        end=high - start,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        edges=edges,
    )


def _rows_within(table: TextTable, start: int, end: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    whole = (row for row in table.rows if row and start <= row[0][0] and row[-1][1] <= end)
    return tuple(tuple((low - start, high - start) for low, high in row) for row in whole)


def _end(piece: HasSpan) -> int:
    return piece.end
