"""Word documents: what stands on their pages, walked element by element. Runs in the reading process alone.

python-docx gives no text of insertions that are not accepted, content controls, fields, boxes and notes; in
contracts and forms the values stand there. Source: ECMA-376, part 1, clause 17.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from .composing import Passage
from .drawings import PICTURES, diagram
from .numbering import Numbering
from .opc import Package, attribute, child, descendants, local
from .unreadable import ReadFailed, Remark

WIDEST = 63  # columns of a table in Word
_LEFT_OUT = frozenset(
    {
        "del", "delText", "moveFrom", "instrText", "delInstrText", "fldData", "Fallback", "rt", "sdtPr",
        "pPr", "rPr", "tblPr", "tblPrEx", "tblGrid", "trPr", "tcPr", "sectPr", "softHyphen", "posOffset",
        "pctWidth", "pctHeight", "align",
    }
)  # fmt: skip
_SAID = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_LEAVES = {*_SAID, "t", "sym", "footnoteReference", "endnoteReference"}
_SYMBOLS = {  # of Wingdings, those that forms have
    "6F": "[ ]", "70": "[ ]", "71": "[ ]", "72": "[ ]", "A8": "[ ]", "A9": "[ ]",
    "78": "[x]", "FD": "[x]", "FE": "[x]", "FB": "✗", "FC": "✓",
}  # fmt: skip
_TICKED, _UNTICKED = "[x]", "[ ]"
_TRACKED = "tracked changes are read as if they were accepted: what is deleted is left out"
_HIDDEN = "hidden text is left out"


def word(data: bytes) -> Iterator[Passage | Remark]:
    """Yield the paragraphs and tables of a document in order; its notes and comments, headers and footers."""
    try:
        package = Package(data)
        place = next(package.related(kind="officeDocument")).place
        body = child(package.tree(place), "body")
    except (StopIteration, KeyError, ParseError) as error:
        raise ReadFailed(
            "damaged", f"the document has no text of Word's, it may be damaged: {error}"
        ) from error
    if body is None:
        raise ReadFailed("damaged", "the document has no body, it may be damaged")
    yield from _Document(package, place).passages(body)


class _Document:
    def __init__(self, package: Package, place: str) -> None:
        self._package = package
        self._parts = {each.id: each for each in package.related(place)}
        self._numbering = Numbering(self._first("numbering"), self._first("styles"))
        self._fields: list[bool] = []  # of each field that is open: whether its result has begun
        self._boxes: list[Any] = []
        self._diagrams: list[str] = []
        self._referred: dict[tuple[str, str], int] = {}
        self._left: dict[str, None] = {}

    def _first(self, kind: str) -> Any:
        found = next((each for each in self._parts.values() if each.kind == kind), None)
        return None if found is None else self._package.tree(found.place)

    def passages(self, body: Any) -> Iterator[Passage | Remark]:
        """Yield all of the document."""
        yield from self._blocks(body, {}, "")
        for kind in ("footnote", "endnote"):
            yield from self._notes(kind)
        comments = self._first("comments")
        for number, comment in enumerate(() if comments is None else comments, 1):
            by = attribute(comment, "author")
            said = self._flat(self._blocks(comment, {}, ""))
            if said:
                yield Passage(f"Comment by {by}: {said}" if by else f"Comment: {said}", f"comment {number}")
        yield from self._margins(body)
        yield from map(Remark, self._left)

    def _notes(self, kind: str) -> Iterator[Passage]:
        root = self._first(f"{kind}s")
        found = {} if root is None else {attribute(each, "id"): each for each in root}
        for (referred, name), number in self._referred.items():
            if referred == kind and name in found:
                said = self._flat(self._blocks(found[name], {}, ""))
                yield Passage(f"[{number}] {said}", f"{kind} {number}")

    def _margins(self, body: Any) -> Iterator[Passage]:
        """Yield headers and footers that are shown, each text once."""
        settings = self._first("settings")
        has_even = settings is not None and child(settings, "evenAndOddHeaders") is not None
        seen: set[str] = set()
        for section in descendants(body, "sectPr"):
            shown = {
                "default",
                "first" if child(section, "titlePg") is not None else "",
                "even" if has_even else "",
            }
            for reference in section:
                name = local(reference).removesuffix("Reference")
                part = self._parts.get(attribute(reference, "id") or "")
                if (
                    name not in ("header", "footer")
                    or attribute(reference, "type") not in shown
                    or part is None
                ):
                    continue
                for passage in self._blocks(self._package.tree(part.place), {}, name):
                    said = passage.text or "\n".join(text for row in passage.cells for text, _ in row)
                    if said.strip() not in seen:
                        seen.add(said.strip())
                        yield passage

    def _blocks(self, element: Any, counts: dict[str, int], within: str) -> Iterator[Passage]:
        for each in element:
            match local(each):
                case "p":
                    counts["paragraph"] = counts.get("paragraph", 0) + 1
                    yield from self._paragraph(each, f"{within} paragraph {counts['paragraph']}".strip())
                case "tbl":
                    counts["table"] = counts.get("table", 0) + 1
                    yield from self._table(each, f"{within} table {counts['table']}".strip())
                case _ if not self._is_left_out(each):
                    yield from self._blocks(_content(each), counts, within)

    def _is_left_out(self, element: Any) -> bool:
        name = local(element)
        if name in ("del", "moveFrom", "ins", "moveTo"):
            self._left[_TRACKED] = None
        return name in _LEFT_OUT or (name == "sdt" and _is_placeholder(element))

    def _paragraph(self, element: Any, name: str) -> Iterator[Passage]:
        label = self._numbering.label(element)
        outer, self._boxes, self._diagrams = self._boxes, [], []
        text = "".join(self._inline(element))
        boxes, self._boxes = self._boxes, outer
        diagrams = self._diagrams
        if text.strip():
            yield Passage(f"{label} {text}".strip(" ") if label else text, name)
        for number, box in enumerate(boxes, 1):
            yield from self._blocks(box, {}, f"{name}, text box {number},")
        for number, said in enumerate(diagrams, 1):
            yield Passage(said, f"{name}, diagram {number}")

    def _inline(self, element: Any) -> Iterator[str]:
        """Yield the pieces of a paragraph's text that are shown."""
        for each in element:
            name = local(each)
            if name == "fldChar":
                yield from self._field(each)
            elif name == "txbxContent":
                self._boxes.append(each)
            elif name == "relIds" and (part := self._parts.get(attribute(each, "dm") or "")) is not None:
                self._diagrams += filter(None, [diagram(self._package.tree(part.place))])
            elif self._is_left_out(each):
                continue
            elif name in _LEAVES:
                yield self._said(each) if all(self._fields) else ""
            elif name == "r" and _is_on(child(each, "rPr", "vanish")):
                self._left[_HIDDEN] = None
            elif name == "sdt" and (box := child(each, "sdtPr", "checkbox")) is not None:
                yield _TICKED if _is_on(child(box, "checked")) else _UNTICKED
            elif name == "f" and (over := child(each, "num")) is not None:  # a fraction of a formula
                under = child(each, "den")
                yield "/".join("".join(self._inline(part)) for part in (over, under) if part is not None)
            else:
                if name in ("blip", "imagedata"):
                    self._left[PICTURES] = None
                if name == "sup":
                    yield "^"
                yield from self._inline(_content(each))

    def _said(self, leaf: Any) -> str:
        name = local(leaf)
        if name in _SAID:
            return _SAID[name]
        if name == "sym":
            return _symbol(leaf)
        if name == "t":
            return leaf.text or ""
        return f"[{self._number_of(name.removesuffix('Reference'), attribute(leaf, 'id') or '')}]"

    def _field(self, element: Any) -> Iterator[str]:
        match attribute(element, "fldCharType"):
            case "begin":
                if all(self._fields):
                    yield _form_field(element)
                self._fields.append(False)
            case "separate" if self._fields:
                self._fields[-1] = True
            case "end" if self._fields:
                self._fields.pop()

    def _number_of(self, kind: str, name: str) -> int:
        of_kind = sum(known == kind for known, _ in self._referred)
        return self._referred.setdefault((kind, name), of_kind + 1)

    def _table(self, element: Any, name: str) -> Iterator[Passage]:
        """Yield a table; tables within its cells stand after the row that they are in."""
        rows: list[tuple[tuple[str, str], ...]] = []
        for number, row in enumerate(self._members(element, "tr"), 1):
            if child(row, "trPr", "del") is not None:
                self._left[_TRACKED] = None
                continue
            cells: list[tuple[str, str]] = [("", "")] * _columns(child(row, "trPr", "gridBefore"), 0)
            inner: list[Passage] = []
            for cell in self._members(row, "tc"):
                at = f"{name}, row {number}, column {len(cells) + 1}"
                merged = child(cell, "tcPr", "vMerge")
                said = list(self._blocks(cell, {}, f"{at},"))
                inner += [passage for passage in said if passage.cells]
                is_same = merged is not None and attribute(merged, "val") in (None, "continue")
                cells.append(("" if is_same else self._flat(p for p in said if not p.cells), at))
                cells += [("", "")] * (_columns(child(cell, "tcPr", "gridSpan"), 1) - 1)
            rows.append(tuple(cells))
            if inner:
                yield from _as_table(rows)
                yield from inner
                rows = []
        yield from _as_table(rows)

    def _members(self, element: Any, name: str) -> Iterator[Any]:
        """Yield rows or cells, those within content controls too."""
        for each in element:
            if local(each) == name:
                yield each
            elif not self._is_left_out(each) and local(each) not in ("tr", "tc", "p", "tbl"):
                yield from self._members(_content(each), name)

    def _flat(self, passages: Iterable[Passage]) -> str:
        texts = (
            passage.text or " ".join(text for row in passage.cells for text, _ in row) for passage in passages
        )
        return " ".join(" ".join(texts).split())


def _as_table(rows: Iterable[tuple[tuple[str, str], ...]]) -> Iterator[Passage]:
    kept = tuple(row for row in rows if any(text for text, _ in row))
    if kept:
        yield Passage("", then="\n\n", cells=kept)


def _content(element: Any) -> Any:
    """Return what is within an element that says nothing itself; of alternatives, the first."""
    if local(element) == "AlternateContent":
        return element[:1]
    return element


def _is_placeholder(control: Any) -> bool:
    """Whether a content control shows what is to be filled in, and nothing was."""
    return _is_on(child(control, "sdtPr", "showingPlcHdr"))


def _is_on(element: Any) -> bool:
    return element is not None and attribute(element, "val") not in ("0", "false", "off")


def _columns(element: Any, otherwise: int) -> int:
    told = "" if element is None else attribute(element, "val") or ""
    return min(int(told), WIDEST) if told.isdecimal() and len(told) < 9 else otherwise


def _symbol(element: Any) -> str:
    code = (attribute(element, "char") or "").upper()
    if "WINGDINGS" in (attribute(element, "font") or "").upper():
        return _SYMBOLS.get(code[-2:], "")
    try:
        point = int(code, 16)
    except ValueError:
        return ""
    return chr(point) if point < 0xD800 else ""  # past it, places of a font's own


def _form_field(begin: Any) -> str:
    """Return what a form field of the older kind shows that has no text: a check box, a list."""
    box, choices = child(begin, "ffData", "checkBox"), child(begin, "ffData", "ddList")
    if box is not None:
        state = child(box, "checked")
        return _TICKED if _is_on(child(box, "default") if state is None else state) else _UNTICKED
    if choices is None:
        return ""
    entries = [attribute(each, "val") or "" for each in choices if local(each) == "listEntry"]
    at = _columns(child(choices, "result"), 0)
    return entries[at] if at < len(entries) else ""
