"""Rich text (RTF), token by token. Runs in the reading process alone.

striprtf gives hidden and deleted text as if it was shown, and neither notes nor headers. Source: Rich Text
Format Specification 1.9.1.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .composing import Passage
from .unreadable import ReadFailed, Remark

DEEPEST = 1_000  # groups within groups
_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<byte>[0-9a-fA-F]{2})"
    r"|\\(?P<sign>[^a-zA-Z])|(?P<brace>[{}])|[\r\n\0]+|(?P<text>[^\\{}\r\n\0]+)",
    re.DOTALL,
)
_SIGNS = {
    "tab": "\t", "line": "\n", "emdash": "—", "endash": "–", "lquote": "‘", "rquote": "’",
    "ldblquote": "“", "rdblquote": "”", "bullet": "•", "emspace": " ", "enspace": " ", "nestcell": " ",
    "nestrow": " ", "~": "\u00a0", "_": "-", "{": "{", "}": "}", "\\": "\\",
}  # fmt: skip
_BREAKS = frozenset({"par", "sect", "page", "\n", "\r"})
_SKIPPED = frozenset(
    {
        "colortbl", "stylesheet", "info", "listtable", "listoverridetable", "revtbl", "fldinst", "nonshppict",
        "nonesttables", "xe", "tc", "rxe", "pnseclvl", "sp", "shprslt", "filetbl", "themedata", "ftnsep",
        "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "atnid", "atntime", "objdata", "falt", "panose",
        "datafield", "formfield", "pgptbl", "rsidtbl", "generator", "template", "upr",
    }
)  # fmt: skip
_READ = frozenset(
    {"shppict", "shpinst", "shptxt", "annotation", "ud", "fldrslt", "result", "atnauthor", "footnote"}
)
_MARGIN = re.compile(r"(header|footer)[lrf]?$")
# Code pages by the number of a font's character set
_PAGES = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "cp936", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 255: "cp437",
}  # fmt: skip
_SYMBOL = 2
_TRACKED = "tracked changes are read as if they were accepted: what is deleted is left out"
_HIDDEN = "hidden text is left out"
_CUT = "not all of its groups end: it may be cut off"
_PICTURES = "pictures in it are not read: save it as .docx or PDF"


class _Flow:
    """Paragraphs and tables that follow one another. within: what stands before their numbers."""

    def __init__(self, within: str = "") -> None:
        self.passages: list[Passage] = []
        self._within, self._paragraphs, self._tables = within, 0, 0
        self.words: list[str] = []
        self._cells: list[str] = []
        self._rows: list[tuple[list[str], list[int]]] = []
        self.edges: list[int] = []  # right ends of the cells of a row

    def _named(self, what: str) -> str:
        return f"{self._within} {what}".strip()

    def end_paragraph(self, in_table: bool) -> None:
        if in_table:
            self.words.append("\n")
            return
        self._end_table()
        text, self.words = _joined(self.words), []
        self._paragraphs += 1
        if text.strip():
            self.passages.append(Passage(text.strip(" "), self._named(f"paragraph {self._paragraphs}")))

    def end_cell(self) -> None:
        self._cells.append(" ".join(_joined(self.words).split()))
        self.words = []

    def end_row(self) -> None:
        cells, self._cells = self._cells, []
        self._rows.append((cells, [round(edge, -1) for edge in self.edges]))

    def _end_table(self) -> None:
        rows, self._rows = self._rows, []
        edges = sorted({edge for _, ends in rows for edge in ends})
        name = self._named(f"table {self._tables + 1}")
        told = [
            _row(cells, ends, edges, f"{name}, row {number}") for number, (cells, ends) in enumerate(rows, 1)
        ]
        if kept := tuple(row for row in told if any(text for text, _ in row)):
            self._tables += 1
            self.passages.append(Passage("", then="\n\n", cells=kept))

    def ended(self) -> list[Passage]:
        """Return all of it, what is open ended."""
        if self._cells:
            self.end_row()
        self.end_paragraph(in_table=False)
        return self.passages

    def flat(self) -> str:
        """Return all of it in one line."""
        texts = (p.text or " ".join(text for row in p.cells for text, _ in row) for p in self.ended())
        return " ".join(" ".join(texts).split())


def _joined(words: list[str]) -> str:
    """Return a text; characters that are told in two halves are whole in it."""
    return "".join(words).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _row(cells: list[str], ends: list[int], edges: list[int], name: str) -> tuple[tuple[str, str], ...]:
    """Return a row: each cell in the column in which it begins. edges: right ends of the table's columns."""
    if len(ends) != len(cells) or ends != sorted(ends):
        return tuple((text, f"{name}, column {at}") for at, text in enumerate(cells, 1))
    begins = [0, *(edges.index(end) + 1 for end in ends[:-1])]
    texts = dict(zip(begins, cells, strict=True))
    return tuple((texts.get(at, ""), f"{name}, column {at + 1}") for at in range(max(begins) + 1))


def rich(data: bytes) -> Iterator[Passage | Remark]:
    """Yield the paragraphs and tables of a document in order; its notes and comments, headers and footers."""
    yield from _Reader().passages(data)


@dataclass(frozen=True, slots=True)
class _State:
    """What a group begins with. skipped: whether none of it is shown. made: what the flow is for, if the
    group began it.
    """

    flow: _Flow
    made: str = ""
    skipped: bool = False
    hidden: bool = False
    deleted: bool = False
    in_table: bool = False
    font: int = -1
    fallback: int = 1  # characters after each \u, for readers without Unicode


@dataclass(slots=True)
class _Reader:
    main: _Flow = field(default_factory=_Flow)
    notes: list[Passage] = field(default_factory=list)
    comments: list[Passage] = field(default_factory=list)
    margins: dict[str, Passage] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    page: str = "cp1252"
    fonts: dict[int, int] = field(default_factory=dict)
    author: str = ""
    boxes: int = 0
    in_fonts: int = 0  # the depth of the table of fonts
    left: int = 0  # characters that stand in for one of Unicode
    raw: bytearray = field(default_factory=bytearray)

    def passages(self, data: bytes) -> Iterator[Passage | Remark]:
        """Yield all of a document."""
        text, at = data.decode("latin-1"), 0
        stack = [_State(self.main)]
        starred = False
        while (token := _TOKEN.match(text, at)) is not None:
            at = token.end()
            if token["byte"] or token["text"]:
                self._bytes(
                    stack[-1],
                    bytes.fromhex(token["byte"]) if token["byte"] else token["text"].encode("latin-1"),
                )
                continue
            word = token["word"] or token["sign"]
            if token["brace"] == "{":
                self._flush(stack[-1])
                if len(stack) > DEEPEST:
                    raise ReadFailed("damaged", "the document has more groups within groups than can be read")
                stack.append(replace(stack[-1], made=""))
            elif token["brace"]:
                self._flush(stack[-1])
                ended = stack.pop()
                self._end_group(ended, stack[-1], len(stack))
                if len(stack) == 1:
                    break
            elif word == "bin":
                at += max(int(token["number"] or 0), 0)
            elif word == "*":
                starred = True
                continue
            elif word:
                number = None if token["number"] is None else int(token["number"])
                if word != "u" or not self.raw or self.left:
                    self._flush(stack[-1])
                if word == "fonttbl":
                    self.in_fonts = len(stack)
                stack[-1] = self._control(stack[-1], word, number, starred)
            starred = False
        if len(stack) > 1:
            self.remarks[_CUT] = None
            self._flush(stack[-1])
        while len(stack) > 1:
            self._end_group(stack.pop(), stack[-1], len(stack))
        yield from self.main.ended()
        yield from self.notes
        yield from self.comments
        yield from self.margins.values()
        yield from map(Remark, self.remarks)

    def _bytes(self, state: _State, data: bytes) -> None:
        taken = min(self.left, len(data))
        self.left -= taken
        if not state.skipped and not self.in_fonts:
            self.raw += data[taken:]

    def _flush(self, state: _State) -> None:
        """Write the bytes that came, as the font's characters."""
        if not self.raw:
            return
        charset = self.fonts.get(state.font, 1)
        if charset == _SYMBOL:
            text = "".join("•" if byte > 127 else chr(byte) for byte in self.raw)
        else:
            text = self.raw.decode(_PAGES.get(charset, self.page) if charset > 1 else self.page, "replace")
        self.raw.clear()
        self._put(state, text)

    def _put(self, state: _State, text: str) -> None:
        if state.skipped or self.in_fonts:
            return
        if state.deleted or state.hidden:
            if text.strip():
                self.remarks[_TRACKED if state.deleted else _HIDDEN] = None
            return
        state.flow.words.append(text)

    def _control(self, state: _State, word: str, number: int | None, starred: bool) -> _State:
        """Return the state after a control word."""
        is_on = number != 0
        match word:
            case "ansicpg":
                self.page = _page(number or 1252)
            case "mac" | "pc" | "pca":
                self.page = {"mac": "mac_roman", "pc": "cp437", "pca": "cp850"}[word]
            case "f":
                return replace(state, font=number or 0)
            case "fcharset" if self.in_fonts:
                self.fonts[state.font] = number or 0
            case "u" if number is not None:
                self._unicode(state, number)
            case "uc":
                return replace(state, fallback=min(max(number or 0, 0), 16))
            case "v":
                return replace(state, hidden=is_on)
            case "deleted":
                return replace(state, deleted=is_on)
            case "plain":
                return replace(state, hidden=False, deleted=False)
            case "pard":
                return replace(state, in_table=False)
            case "intbl":
                return replace(state, in_table=is_on)
            case _ if word in _SIGNS:
                self._put(state, _SIGNS[word])
            case _ if word in _BREAKS and not state.skipped:
                state.flow.end_paragraph(state.in_table)
            case "trowd":
                state.flow.edges = []
            case "cellx":
                state.flow.edges.append(number or 0)
            case "cell" if not state.skipped:
                state.flow.end_cell()
            case "row" if not state.skipped:
                state.flow.end_row()
            case _:
                return self._destination(state, word, starred)
        return state

    def _unicode(self, state: _State, number: int) -> None:
        self._flush(state)
        code = number % 65_536
        self.left = state.fallback
        self._put(state, "•" if 0xF000 <= code < 0xF100 else chr(code))  # a place of a font's own

    def _destination(self, state: _State, word: str, starred: bool) -> _State:
        """Return the state within a group that says more than text."""
        if state.skipped:
            return state if word not in ("ud", "shptxt") else replace(state, skipped=False)
        if word == "pict":
            self.remarks[_PICTURES] = None
            return replace(state, skipped=True)
        if word == "footnote":
            number = len(self.notes) + 1
            self.notes.append(Passage("", f"footnote {number}"))
            self._put(state, f"[{number}]")
            return replace(state, flow=_Flow(), made=f"footnote {number}")
        if word in ("annotation", "atnauthor", "shptxt", "listtext", "pntext") or _MARGIN.match(word):
            return replace(state, flow=_Flow(), made=word, in_table=False)
        if word in _SKIPPED or (starred and word not in _READ):
            return replace(state, skipped=True)
        return state

    def _end_group(self, state: _State, outer: _State, depth: int) -> None:
        self.left = 0
        if self.in_fonts and depth < self.in_fonts:
            self.in_fonts = 0
        if not state.made:
            return
        match state.made:
            case "shptxt":
                self.boxes += 1
                named = (replace(each, name=f"text box {self.boxes}") for each in state.flow.ended())
                self.main.passages += named
            case "listtext" | "pntext":
                self._put(outer, f"{label} " if (label := state.flow.flat()) else "")
            case "atnauthor":
                self.author = state.flow.flat()
            case "annotation":
                by = f" by {self.author}" if self.author else ""
                name = f"comment {len(self.comments) + 1}"
                if said := state.flow.flat():
                    self.comments.append(Passage(f"Comment{by}: {said}", name))
            case note if note.startswith("footnote"):
                number = int(note.removeprefix("footnote "))
                self.notes[number - 1] = Passage(f"[{number}] {state.flow.flat()}", note)
            case margin:
                if said := state.flow.flat():
                    self.margins.setdefault(said, Passage(said, margin[:6]))


def _page(number: int) -> str:
    """Return the name of a code page; that of Western Europe for one that Python lacks."""
    try:
        return codecs.lookup("utf-8" if number == 65_001 else f"cp{number}").name
    except LookupError:
        return "cp1252"
