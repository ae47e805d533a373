"""HTML and EPUB by the standard library: what a reader sees of them. Runs in the reading process alone.

Nothing is run or fetched: scripts, styles and what is hidden by an attribute are left out.
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
from .office import check_archive
from .unreadable import ReadFailed

UNSEEN = frozenset({"script", "style", "template", "noscript", "head", "svg", "object", "iframe", "select"})
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


def html(data: bytes, charset: str | None = None, name: str = "") -> Iterator[Passage]:
    """Yield the paragraphs and tables of a page. name: what stands before their numbers."""
    parser = _Visible(name)
    parser.feed(_decoded(data, charset))
    parser.close()
    yield from parser.passages()


def _decoded(data: bytes, charset: str | None) -> str:
    told = _CHARSET.search(data[:4096])
    marks = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
    marked = next((form for mark, form in marks if data.startswith(mark)), None)
    for form in (marked, charset, told[1].decode() if told else None, "utf-8"):
        try:
            if form:
                return data.decode(form)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("windows-1252", errors="replace")


class _Visible(HTMLParser):
    """Collects paragraphs; a table's cells, where no table is in it."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self._name, self._found, self._words = name, list[Passage](), list[str]()
        self._unseen: list[str] = []
        self._rows: list[list[str]] | None = None
        self._inner = self._number = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        hidden = "hidden" in dict(attrs)
        if self._unseen or tag in UNSEEN or (hidden and tag not in VOID):
            if tag not in VOID:
                self._unseen.append(tag)
            return
        if tag == "table":
            if self._rows is None:
                self._end_paragraph()
                self._rows = []
            self._inner += 1
        elif self._rows is not None and self._inner == 1 and tag in ("tr", "td", "th"):
            self._end_cell()
            if tag == "tr" or not self._rows:
                self._rows.append([])
            if tag != "tr":
                self._rows[-1].append("")
        elif tag in BLOCKS:
            self._end_paragraph() if self._rows is None else self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                del self._unseen[len(self._unseen) - 1 - self._unseen[::-1].index(tag) :]
            return
        if tag == "table" and self._inner:
            self._inner -= 1
            if not self._inner:
                self._end_table()
        elif tag in BLOCKS and self._rows is None:
            self._end_paragraph()
        elif self._rows is not None and self._inner == 1 and tag in ("td", "th", "tr"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._words.append(data)

    def passages(self) -> list[Passage]:
        """Return what was found, the last paragraph ended."""
        if self._rows is not None:
            self._end_table()
        self._end_paragraph()
        return self._found

    def _said(self) -> str:
        text, self._words = " ".join("".join(self._words).split()), []
        return text

    def _end_paragraph(self) -> None:
        if text := self._said():
            self._number += 1
            self._found.append(Passage(text, f"{self._name} paragraph {self._number}".strip()))

    def _end_cell(self) -> None:
        text = self._said()
        if text and self._rows and self._rows[-1]:
            self._rows[-1][-1] = f"{self._rows[-1][-1]} {text}".strip()

    def _end_table(self) -> None:
        self._end_cell()
        rows, self._rows, self._inner = [row for row in self._rows or () if any(row)], None, 0
        if rows:
            self._number += 1
            name = f"{self._name} table {self._number}".strip()
            cells = (
                tuple((text, f"{name}, row {i}, column {j}") for j, text in enumerate(row, 1))
                for i, row in enumerate(rows, 1)
            )
            self._found.append(Passage("", then="\n\n", cells=tuple(cells)))


def epub(data: bytes) -> Iterator[Passage]:
    """Yield the paragraphs of a book, chapter by chapter, in the order of its spine."""
    check_archive(data)
    with ZipFile(BytesIO(data)) as archive:
        try:
            places = _chapters(archive)
        except (KeyError, ElementTree.ParseError, StopIteration) as error:
            raise ReadFailed("damaged", f"the book does not tell its chapters: {error}") from error
        for number, place in enumerate(places, 1):
            yield from html(archive.read(place), name=f"chapter {number},")


def _chapters(archive: ZipFile) -> list[str]:
    """Return the names of a book's chapters. Source: EPUB 3.3, sections 4.2.6.3.1 and 5.7."""
    container = ElementTree.fromstring(archive.read("META-INF/container.xml"))  # noqa: S314  bounded here
    package_at = next(_named(container, "rootfile")).attrib["full-path"]
    package = ElementTree.fromstring(archive.read(package_at))  # noqa: S314
    places = {item.attrib["id"]: item.attrib["href"] for item in _named(package, "item")}
    folder, known = posixpath.dirname(package_at), set(archive.namelist())
    hrefs = (unquote(places[item.attrib["idref"]]) for item in _named(package, "itemref"))
    found = [posixpath.normpath(posixpath.join(folder, href)) for href in hrefs]
    return [place for place in found if place in known]


def _named(tree: Any, name: str) -> Iterator[Any]:
    return (each for each in tree.iter() if each.tag.rpartition("}")[2] == name)
