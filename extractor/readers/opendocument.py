"""OpenDocument texts, sheets and slides, walked element by element. Runs in the reading process alone.

odfpy gives no text of spaces, tabs and notes, and no list numbers. Source: OpenDocument 1.3, part 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

from .composing import Passage
from .drawings import MOST, PICTURES, OfficePicture, is_read
from .odf_cells import Cell, rows_of, sheet_rows
from .odf_styles import OpenList, Styles
from .opc import Package, attribute, child, descendants, local
from .unreadable import ReadFailed, Remark

MOST_SPACES = 1_000  # that one element may stand for
FIELDS = frozenset({"page-number", "page-count", "sheet-name", "title", "date", "time", "file-name"})
_LEFT_OUT = frozenset(
    {
        "tracked-changes", "ruby-text", "forms", "number", "note-citation", "creator", "initials", "desc",
        "event-listeners", "sequence-decls", "table-of-content-source", "bibliography-source",
        "alphabetical-index-source", "illustration-index-source", "user-index-source", "object-index-source",
        "table-index-source", "binary-data", "hidden-text", "meta-creator", "meta-date-string", "script",
    }
)  # fmt: skip
_OF_PAGE = ("page", "page-number")  # of a slide's notes: its picture, and its number
_TRACKED = "tracked changes are read as if they were accepted: what is deleted is left out"
_HIDDEN = "hidden text is left out"
_LOST = "an object in it is not read"


def opendocument(data: bytes) -> Iterator[Passage | Remark]:
    """Yield the paragraphs, tables, sheets or slides of a document, also of a flat one; its notes, comments,
    headers and footers.
    """
    try:
        file = _File(data)
    except (KeyError, ParseError) as error:
        raise ReadFailed(
            "damaged", f"the document has no text of OpenDocument, it may be damaged: {error}"
        ) from error
    yield from _Reading(file).passages()


def pictures(data: bytes) -> Iterator[OfficePicture]:
    """Yield the pictures of a document that are parts of its file, in order, each once."""
    file = _File(data)
    places = dict.fromkeys(attribute(each, "href") or "" for each in descendants(file.content, "image"))
    parts = ((number, file.part(place)) for number, place in enumerate(places, 1))
    found = (OfficePicture(f"picture {number}", part) for number, part in parts if part and is_read(part))
    yield from islice(found, MOST)


class _File:
    """The trees of a document: in one, or as parts of an archive. Raises KeyError, ParseError, ReadFailed."""

    def __init__(self, data: bytes) -> None:
        self._package = Package(data) if data.startswith(b"PK") else None
        if self._package is None:
            self.content = self.styles = fromstring(data)  # noqa: S314  bounded by the process
            return
        if b"encryption-data" in (self.part("META-INF/manifest.xml") or b""):
            raise ReadFailed("encrypted", "the document has a password: save it without one")
        self.content = self._package.tree("content.xml")
        self.styles = self.tree("styles.xml")

    def part(self, place: str) -> bytes | None:
        """Return a part by its place; None if it is not there."""
        try:
            return None if self._package is None else self._package.data(place.removeprefix("./"))
        except KeyError:
            return None

    def tree(self, place: str) -> Any:
        """Return a part's tree; None if it is not there."""
        data = self.part(place)
        return None if data is None else fromstring(data)  # noqa: S314


class _Reading:
    def __init__(self, file: _File) -> None:
        self._file = file
        self._styles = Styles(file.styles, file.content)
        self._controls = {
            attribute(each, "id"): each for form in descendants(file.content, "forms") for each in form.iter()
        }
        self._beside: list[tuple[str, Any]] = []  # boxes of the paragraph that is read
        self._footnotes: dict[str, list[Passage]] = {"footnote": [], "endnote": []}
        self._comments: list[Passage] = []
        self._left: dict[str, None] = {}

    def passages(self) -> Iterator[Passage | Remark]:
        """Yield all of the document."""
        body = child(self._file.content, "body")
        for content in () if body is None else body:
            match local(content):
                case "spreadsheet":
                    yield from self._sheets(content)
                case "presentation" | "drawing":
                    yield from self._slides(content)
                case _:
                    yield from self._blocks(content, {}, "")
                    yield from self._footnotes["footnote"] + self._footnotes["endnote"]
                    yield from self._comments
                    yield from self._margins()
        yield from map(Remark, self._left)

    # -- texts

    def _blocks(
        self, element: Any, counts: dict[str, int], within: str, lists: OpenList | None = None
    ) -> Iterator[Passage]:
        for each in element:
            match local(each):
                case "p" | "h" as kind:
                    counts["paragraph"] = counts.get("paragraph", 0) + 1
                    label = self._styles.heading(each) if kind == "h" and lists is None else ""
                    name = f"{within} paragraph {counts['paragraph']}".strip()
                    yield from self._paragraph(each, name, label)
                case "table":
                    counts["table"] = counts.get("table", 0) + 1
                    yield from self._table(each, f"{within} table {counts['table']}".strip())
                case "list":
                    yield from self._list(each, counts, within, lists)
                case "frame" | "custom-shape" | "g" | "rect" | "text-box":
                    yield from self._drawn(each, f"{within} text box".strip())
                case _ if not self._is_left_out(each):
                    yield from self._blocks(each, counts, within, lists)

    def _list(
        self, element: Any, counts: dict[str, int], within: str, outer: OpenList | None
    ) -> Iterator[Passage]:
        listed = self._styles.listed(element, outer)
        for item in element:
            if local(item) not in ("list-item", "list-header"):
                continue
            label = listed.label(item) if local(item) == "list-item" else ""
            for passage in self._blocks(item, counts, within, listed):
                if label and passage.text and not passage.cells:
                    passage = Passage(f"{label} {passage.text}", passage.name, passage.then)
                    label = ""
                yield passage

    def _is_left_out(self, element: Any) -> bool:
        name = local(element)
        if name == "tracked-changes" and len(element):
            self._left[_TRACKED] = None
        is_hidden = self._styles.is_hidden(element) or (
            name in ("hidden-text", "hidden-paragraph") and attribute(element, "is-hidden") == "true"
        )
        if is_hidden:
            self._left[_HIDDEN] = None
        return is_hidden or name in _LEFT_OUT

    def _paragraph(self, element: Any, name: str, label: str = "") -> Iterator[Passage]:
        if self._is_left_out(element):
            return
        outer, self._beside = self._beside, []
        text = "".join(self._inline(element))
        beside, self._beside = self._beside, outer
        if text.strip():
            yield Passage(f"{label} {text}".strip(" ") if label else text, name)
        for number, (kind, each) in enumerate(beside, 1):
            yield from self._drawn(each, f"{name}, {kind} {number}")

    def _inline(self, element: Any) -> Iterator[str]:
        """Yield the pieces of a paragraph's text that are shown. White space is one space, as in HTML."""
        yield _spaced(element.text)
        for each in element:
            if local(each) == "hidden-paragraph" and self._is_left_out(each):
                return
            yield from self._piece(each)
            yield _spaced(each.tail)

    def _piece(self, element: Any) -> Iterator[str]:
        match local(element):
            case "s":
                yield " " * min(_whole(attribute(element, "c"), 1), MOST_SPACES)
            case "tab":
                yield "\t"
            case "line-break":
                yield "\n"
            case "note":
                yield f"[{self._note(element)}]"
            case "annotation":
                self._comment(element, "")
            case "frame" | "custom-shape" | "g" | "rect":
                self._beside.append(("text box", element))
            case "control":
                yield self._control(element)
            case _ if not self._is_left_out(element):
                yield from self._inline(element)

    def _note(self, element: Any) -> str:
        kind = "endnote" if attribute(element, "note-class") == "endnote" else "footnote"
        cited, body = child(element, "note-citation"), child(element, "note-body")
        found = self._footnotes[kind]
        told = ("" if cited is None else "".join(cited.itertext()).strip()) or str(len(found) + 1)
        name = f"{kind} {len(found) + 1}"
        found.append(Passage("", name))  # its place is taken before notes within it
        said = "" if body is None else flat(self._blocks(body, {}, ""))
        found[found.index(Passage("", name))] = Passage(f"[{told}] {said}", name)
        return told

    def _comment(self, element: Any, at: str) -> None:
        by = child(element, "creator")
        who = "" if by is None or not by.text else f" by {by.text}"
        if said := flat(self._blocks(element, {}, "")):
            name = at or f"comment {len(self._comments) + 1}"
            self._comments.append(
                Passage(f"Comment{f' at {at}' if at else ''}{who}: {said}", name, "\n\n" if at else "\n")
            )

    def _control(self, element: Any) -> str:
        """Return what a field of a form shows."""
        found = self._controls.get(attribute(element, "control"))
        if found is None:
            return ""
        if local(found) in ("checkbox", "radio"):
            states = attribute(found, "current-state"), attribute(found, "current-selected")
            ticked = "checked" in states or "true" in states
            return f"{'[x]' if ticked else '[ ]'} {attribute(found, 'label') or ''}".strip()
        told = attribute(found, "current-value") or attribute(found, "value") or ""
        return "" if local(found) in ("password", "hidden", "property") else told

    def _drawn(self, element: Any, name: str) -> Iterator[Passage]:
        """Yield what a frame or a shape says: paragraphs, a table, a chart's numbers."""
        for each in element:
            match local(each):
                case "text-box" | "frame" | "g" | "custom-shape" | "rect":
                    if attribute(each, "class") not in _OF_PAGE:
                        yield from self._drawn(each, name)
                case "p" | "h":
                    yield from self._paragraph(each, name)
                case "list":
                    yield from (
                        Passage(p.text, name, p.then, p.cells) for p in self._list(each, {}, "", None)
                    )
                case "table":
                    yield from self._table(each, name)
                case "image":
                    if child(element, "object") is None and child(element, "table") is None:
                        self._left[PICTURES] = None
                case "object":
                    yield from self._object(attribute(each, "href") or "", name)

    def _object(self, place: str, name: str) -> Iterator[Passage]:
        """Yield the numbers that a chart shows; another object is not read."""
        tree = self._file.tree(f"{place}/content.xml") if place else None
        chart = None if tree is None else child(tree, "body", "chart", "chart")
        if chart is None:
            self._left[_LOST] = None
            return
        for each in chart:
            if local(each) == "title":
                yield from self._blocks(each, {}, name)
            elif local(each) == "table":
                yield from self._table(each, f"{name}, chart")

    def _table(self, element: Any, name: str) -> Iterator[Passage]:
        """Yield a table of a text; tables within its cells stand after the row that they are in."""
        rows: list[tuple[tuple[str, str], ...]] = []
        for number, row in enumerate(rows_of(element), 1):
            cells: list[tuple[str, str]] = []
            inner: list[Passage] = []
            for cell in row:
                at = f"{name}, row {number}, column {len(cells) + 1}"
                said = [] if cell.element is None else list(self._blocks(cell.element, {}, f"{at},"))
                inner += [passage for passage in said if passage.cells]
                cells.append((flat(p for p in said if not p.cells), at))
            rows.append(tuple(cells))
            if inner:
                yield from _as_table(rows)
                yield from inner
                rows = []
        yield from _as_table(rows)

    def _margins(self, is_sheet: bool = False) -> Iterator[Passage]:
        """Yield headers and footers that are shown, each text once."""
        seen: set[str] = set()
        masters = child(self._file.styles, "master-styles") if self._file.styles is not None else None
        for each in () if masters is None else masters.iter():
            name = local(each).partition("-")[0]
            if local(each).split("-")[0] not in ("header", "footer") or attribute(each, "display") == "false":
                continue
            if is_sheet and any(local(field) in FIELDS for field in each.iter()):
                continue  # LibreOffice's own: the sheet's name, and "Page 1"
            for passage in self._blocks(each, {}, name):
                said = (passage.text or "\n".join(text for row in passage.cells for text, _ in row)).strip()
                if said and said not in seen:
                    seen.add(said)
                    yield passage

    # -- sheets and slides

    def _sheets(self, content: Any) -> Iterator[Passage | Remark]:
        for sheet in content:
            if local(sheet) != "table":
                continue
            title = attribute(sheet, "name") or ""
            hidden = " (hidden sheet)" if self._styles.is_hidden_sheet(sheet) else ""
            yield Passage(f"{title}{hidden}", title)
            if rows := sheet_rows(sheet, title, self._said):
                yield Passage("", then="\n\n", cells=rows)
            for row in rows_of(sheet):
                for cell in row:
                    self._of_cell(cell, title)
            yield from self._comments
            self._comments = []
            shapes = child(sheet, "shapes")
            frames = [*self._beside, *(("", each) for each in (() if shapes is None else shapes))]
            self._beside = []
            for number, (_, each) in enumerate(frames, 1):
                said = [*self._drawn(each, f"{title}, text box {number}")]
                yield from (Passage(p.text, p.name, "\n\n", p.cells) for p in said)
        yield from self._margins(is_sheet=True)

    def _said(self, cell: Any) -> str:
        """Return the text of a cell in a sheet, without its comment."""
        return " ".join(" ".join("".join(self._inline(p)) for p in cell if local(p) == "p").split())

    def _of_cell(self, cell: Cell, title: str) -> None:
        for each in () if cell.element is None else cell.element:
            if local(each) == "annotation":
                self._comment(each, f"{title}!{cell.place}")
            elif local(each) in ("frame", "custom-shape", "g"):
                self._beside.append(("", each))

    def _slides(self, content: Any) -> Iterator[Passage]:
        pages = (each for each in content if local(each) == "page")
        for number, page in enumerate(pages, 1):
            for each in page:
                is_notes = local(each) == "notes"
                name = f"slide {number}{', notes' if is_notes else ''}"
                if self._is_left_out(each) or attribute(each, "placeholder") == "true":
                    continue
                texts: list[str] = []
                for passage in self._drawn(each, name):
                    if passage.cells:
                        cells = tuple(tuple((text, name) for text, _ in row) for row in passage.cells)
                        yield Passage("", then="\n\n", cells=cells)
                    else:
                        texts.append(passage.text)
                if texts:
                    yield Passage("\n".join(texts), name, "\n\n")


def flat(passages: Iterable[Passage]) -> str:
    """Return the texts of passages in one line."""
    texts = (p.text or " ".join(text for row in p.cells for text, _ in row) for p in passages)
    return " ".join(" ".join(texts).split())


def _as_table(rows: Iterable[tuple[tuple[str, str], ...]]) -> Iterator[Passage]:
    kept = tuple(row for row in rows if any(text for text, _ in row))
    if kept:
        yield Passage("", then="\n\n", cells=kept)


def _spaced(text: str | None) -> str:
    """Return a text with each run of white space as one space. Source: OpenDocument 1.3, part 3, 6.1.2."""
    if not text:
        return ""
    words = " ".join(text.split(None)) if not text.isspace() else ""
    return f"{' ' if text[0].isspace() else ''}{words}{' ' if words and text[-1].isspace() else ''}"


def _whole(told: str | None, otherwise: int) -> int:
    return int(told) if told and told.isdecimal() and len(told) < 9 else otherwise
