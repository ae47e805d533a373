"""HTML and EPUB by the standard library: what a reader sees of them. Runs in the reading process alone.

Nothing is run or fetched: scripts, styles and what is hidden by an attribute or its own style are left out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import ZipFile

from .composing import Passage
from .decoding import decoded
from .numbering import written
from .opc import check_archive
from .unreadable import ReadFailed, Remark

UNSEEN = frozenset({"script", "style", "template", "noscript", "head", "svg", "object", "iframe"})
BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details",
        "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
        "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
        "summary", "table", "td", "th", "tr", "ul",
    }
)  # fmt: skip
VOID = frozenset(
    {
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
        "track", "wbr",
    }
)  # fmt: skip
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{2,40})", re.I)


def html(data: bytes, charset: str | None = None, name: str = "") -> Iterator[Passage | Remark]:
    """Yield the paragraphs and tables of a page. name: what stands before their numbers."""
    parser = _Visible(name)
    text, remarks = decoded(data, _encodings(data, charset), name.rstrip(",") or "the page")
    yield from remarks
    parser.feed(text)
    parser.close()
    yield from parser.passages()


def _encodings(data: bytes, charset: str | None) -> tuple[str | None, ...]:
    """Return the encodings that a page names, the surest first."""
    told = _CHARSET.search(data[:4096])
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((form for mark, form in marks if data.startswith(mark)), None)
    return marked, charset, told[1].decode() if told else None


_IMPLIED = frozenset(
    {"p", "li", "dd", "dt", "tr", "td", "th", "option", "head"}
)  # their end tags may be missing
_HEADS = frozenset({"title", "meta", "link", "base", "style", "script", "noscript", "template"})
_INVISIBLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_LETTERS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_WIDGETS = frozenset({"input", "select", "option", "textarea", "button"})
MOST_SPANNED = 100  # columns or rows of one cell


class _Grid:
    """The cells of a table that is being read. A cell over several columns or rows stands in the first."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._taken: dict[int, int] = {}  # of each column, how many of the next rows a cell above takes
        self.in_cell = False

    def begin_row(self) -> None:
        self.rows.append([])
        self.in_cell = False

    def begin_cell(self, columns: int, rows: int) -> None:
        if not self.rows:
            self.begin_row()
        row = self.rows[-1]
        while self._taken.get(len(row)):
            self._taken[len(row)] -= 1
            row.append("")
        self._at, self.in_cell = len(row), True
        for column in range(len(row), len(row) + columns):
            self._taken[column] = rows - 1
        row.extend([""] * columns)

    def write(self, text: str) -> None:
        row = self.rows[-1]
        row[self._at] = f"{row[self._at]} {text}".strip()


class _Visible(HTMLParser):
    """Collects paragraphs and tables. A table within a cell of another one ends the rows before it: mails and
    older pages are laid out by tables.
    """

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self._name, self._found, self._words = name, list[Passage](), list[str]()
        self._unseen: list[str] = []
        self._grids: list[_Grid] = []
        self._lists: list[tuple[str, int] | None] = []
        self._number = self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if self._unseen and self._ends_unseen(tag):
            self._unseen.clear()
        if self._unseen or (tag not in VOID and _is_hidden(tag, told)):
            if tag not in VOID:
                self._unseen.append(tag)
            return
        if tag == "table":
            self._end_table()
            self._grids.append(_Grid())
        elif self._grids and tag in ("tr", "td", "th"):
            self._end_words()
            if tag == "tr":
                self._grids[-1].begin_row()
            else:
                self._grids[-1].begin_cell(_spanned(told.get("colspan")), _spanned(told.get("rowspan")))
        elif tag in _WIDGETS:
            self._words.append(_shown_input(told) if tag == "input" else " ")
        elif tag in BLOCKS:
            self._end_words()
            self._begin_block(tag, told)

    def _begin_block(self, tag: str, told: dict[str, str | None]) -> None:
        if tag == "ol":
            self._lists.append(
                (_LETTERS.get(told.get("type") or "", "decimal"), _whole(told.get("start"), 1))
            )
        elif tag == "ul":
            self._lists.append(None)
        elif tag == "li" and self._lists and (counted := self._lists[-1]) is not None:
            form, at = counted[0], _whole(told.get("value"), counted[1])
            self._lists[-1] = form, at + 1
            self._words.append(f"{written(at, form)}. ")
        elif tag == "pre":
            self._preformatted += 1

    def handle_endtag(self, tag: str) -> None:
        if self._unseen and tag not in self._unseen and self._unseen[0] in _IMPLIED:
            self._unseen.clear()  # what is around it ends
        if self._unseen:
            if tag in self._unseen:
                del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
            return
        if tag in _WIDGETS:
            self._words.append(" ")
        elif tag == "table" and self._grids:
            self._end_table()
            self._grids.pop()
        elif tag in BLOCKS:
            self._end_words()
            if tag in ("ol", "ul") and self._lists:
                self._lists.pop()
            elif tag == "pre" and self._preformatted:
                self._preformatted -= 1
            elif self._grids and tag in ("td", "th", "tr"):
                self._grids[-1].in_cell = False

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if not self._preformatted:
            self._words.append(data)
            return
        for number, line in enumerate(data.split("\n")):
            if number:
                self._end_words()
            self._words.append(line)

    def passages(self) -> list[Passage]:
        """Return what was found, the last paragraph ended."""
        self._end_table()
        return self._found

    def _ends_unseen(self, tag: str) -> bool:
        outer = self._unseen[0]
        return (outer == "head" and tag not in _HEADS) or (
            outer in _IMPLIED and self._unseen[-1] == outer == tag
        )

    def _end_words(self) -> None:
        """End a paragraph, or a piece of a cell."""
        text, self._words = " ".join("".join(self._words).split()), []
        if not text:
            return
        if self._grids and self._grids[-1].in_cell:
            self._grids[-1].write(text)
        else:
            self._number += 1
            self._found.append(Passage(text, f"{self._name} paragraph {self._number}".strip()))

    def _end_table(self) -> None:
        """End the rows of the table that is open, if one is: what follows of it are other rows."""
        self._end_words()
        if not self._grids:
            return
        grid = self._grids[-1]
        rows, self._grids[-1] = [row for row in grid.rows if any(row)], _Grid()
        if grid.in_cell:
            self._grids[-1].begin_cell(1, 1)
        if rows:
            self._number += 1
            self._found += _table(rows, f"{self._name} table {self._number}".strip())


def _table(rows: list[list[str]], name: str) -> Iterator[Passage]:
    """Yield a table without its empty columns; what has one column are paragraphs."""
    used = sorted({column for row in rows for column, text in enumerate(row) if text})
    cells = tuple(
        tuple((row[column], f"{name}, row {i}, column {column + 1}") for column in used if column < len(row))
        for i, row in enumerate(rows, 1)
    )
    if len(used) > 1:
        yield Passage("", then="\n\n", cells=cells)
    else:
        yield from (Passage(text, place) for row in cells for text, place in row)


def _is_hidden(tag: str, told: dict[str, str | None]) -> bool:
    if tag in UNSEEN or "hidden" in told or (tag == "option" and "selected" not in told):
        return True
    return _INVISIBLE.search(told.get("style") or "") is not None


def _shown_input(told: dict[str, str | None]) -> str:
    kind = (told.get("type") or "text").lower()
    if kind in ("checkbox", "radio"):
        return " [x] " if "checked" in told else " [ ] "
    return "" if kind in ("hidden", "password", "image", "file") else f" {told.get('value') or ''} "


def _spanned(told: str | None) -> int:
    return min(max(_whole(told, 1), 1), MOST_SPANNED)


def _whole(told: str | None, otherwise: int) -> int:
    return int(told) if told and told.isdecimal() and len(told) < 9 else otherwise


def epub(data: bytes) -> Iterator[Passage | Remark]:
    """Yield the paragraphs of a book, chapter by chapter, in the order of its spine."""
    check_archive(data)
    with ZipFile(BytesIO(data)) as archive:
        try:
            places = _chapters(archive)
        except (KeyError, ElementTree.ParseError, StopIteration) as error:
            raise ReadFailed("damaged", f"the book has no list of chapters: {error}") from error
        known = set(archive.namelist())
        if missing := [place for place in places if place not in known]:
            yield Remark(f"{len(missing)} of {len(places)} chapters are not in the file: {missing[0]:.100}")
        for number, place in enumerate(filter(known.__contains__, places), 1):
            yield from html(archive.read(place), name=f"chapter {number},")


def _chapters(archive: ZipFile) -> list[str]:
    """Return the names of a book's chapters. Source: EPUB 3.3, sections 4.2.6.3.1 and 5.7."""
    container = ElementTree.fromstring(archive.read("META-INF/container.xml"))  # noqa: S314  bounded here
    package_at = next(_named(container, "rootfile")).attrib["full-path"]
    package = ElementTree.fromstring(archive.read(package_at))  # noqa: S314
    places = {item.attrib["id"]: item.attrib["href"] for item in _named(package, "item")}
    folder = posixpath.dirname(package_at)
    hrefs = (unquote(places[item.attrib["idref"]]) for item in _named(package, "itemref"))
    return [posixpath.normpath(posixpath.join(folder, href)) for href in hrefs]


def _named(tree: Any, name: str) -> Iterator[Any]:
    return (each for each in tree.iter() if each.tag.rpartition("}")[2] == name)
