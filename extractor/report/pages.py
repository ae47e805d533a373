"""Entries in, one HTML page out: no network, no script but its own.

Texts and records stand in the page as JSON, and its script shows them by `textContent` alone; the
content security policy lets nothing else run. So a text with markup in it stays text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from ..errors import UnreadableSource
from ..evidence import Evidence, Span
from ..layout import Box, Source
from ..readers import pictures_of
from .assembling import assembled

JSON: TypeAlias = Any
HEIGHT, LEAST = 460, 200  # pixels, in a notebook
LINE, WIDTH = 24, 80  # pixels and characters of a line there
FOLLOWS = """<style>
[data-jp-theme-light="true"] .extractor-page, .vscode-light .extractor-page { color-scheme: light }
[data-jp-theme-light="false"] .extractor-page, .vscode-dark .extractor-page,
html[theme="dark"] .extractor-page { color-scheme: dark }
</style>"""  # of JupyterLab and nbconvert, VS Code, Colab: the page in the frame follows


@dataclass(frozen=True, slots=True)
class Variants:
    """What was found for one value of a record, what was chosen first: each with its spans, and how many
    chunks gave it.
    """

    pointer: str
    candidates: tuple[tuple[JSON, tuple[Span, ...], int], ...]


@dataclass(frozen=True, slots=True)
class PagePiece:
    """A chunk of a text. told: its outcome. missing: whether the record lacks some of what stands in
    it. passed: in which pass over the text. read: whether it gave a record.
    """

    start: int
    end: int
    told: str
    missing: bool = False
    passed: int = 1
    read: bool = True


def piece_told(outcome: str | None, reason: str, again: bool) -> str:
    """Return what came of a chunk, in words. reason: why it gave nothing."""
    if not reason:
        return outcome or "blank"
    return f"{outcome or 'not run'}: {reason}" + ("; read again in shorter chunks" if again else "")


@dataclass(frozen=True, slots=True)
class ShownPage:
    """A page of the document that a text was read from. picture: a WebP file. width, height: of the page."""

    number: int
    width: float
    height: float
    picture: bytes = field(repr=False)


def shown_pages(source: Source | None) -> tuple[ShownPage, ...]:
    """Return the pages of a source as pictures; () where it has none, or they can't be drawn."""
    if source is None:
        return ()
    try:
        pictures = pictures_of(source)
    except UnreadableSource:
        return ()  # the text is shown
    sizes = {page.number: (page.width, page.height) for page in source.pages}
    return tuple(ShownPage(number, *sizes[number], picture) for number, picture in pictures.items())


@dataclass(frozen=True, slots=True)
class EscalatedValue:
    """What became of a value that was not sure enough. choice: whose value the record has, as in
    `Escalation.choices`. to: the second model, or "null" or "review". first: the first model's value.
    """

    choice: str
    to: str
    first: JSON = None

    @property
    def waits(self) -> bool:
        """Whether it was left to a person, or the second model gave nothing for it."""
        return self.choice in ("review", "first")

    @property
    def words(self) -> str:
        """What a page says of it."""
        written = self.first if isinstance(self.first, str) else json.dumps(self.first, ensure_ascii=False)
        first = f"the first model: {'nothing' if self.first is None else written}"
        match self.choice, self.to:
            case "second", to:
                return f"from {to}; {first}"
            case "both", to:
                return f"{to} agrees"
            case "null", _:
                return f"emptied; {first}"
            case "first", "null":
                return "doubtful, and can't be empty"
            case "first", to:
                return f"doubtful, and nothing better from {to}"
        return "left to review"


@dataclass(frozen=True, slots=True)
class Entry:
    """One text with what came of it. title: what it is called in the list. record: as JSON; None if
    there is none, for the reasons in `problems`. evidence: by the JSON pointers of the record's leaves.
    facts: what else is shown, by its name, such as tokens and cost. conflicts, chunks: of a long text.
    confidence: by the pointers of leaves. pages, boxes: of a document, the boxes by pointers, too. missing:
    whether the text is not known, so that nothing can be said of its evidence. derived: pointers of leaves
    that a model chooses, such as enums: they need not stand in the text. document: the name of the file that
    `text` was read from, if that file has pages. escalated: by the pointers of values that were not sure
    enough.
    """

    title: str
    outcome: str
    text: str
    record: JSON = None
    evidence: Evidence = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    conflicts: tuple[Variants, ...] = ()
    chunks: tuple[PagePiece, ...] = ()
    confidence: Mapping[str, float] = field(default_factory=dict)
    pages: tuple[ShownPage, ...] = ()
    boxes: Mapping[str, tuple[Box, ...]] = field(default_factory=dict)
    missing: bool = False
    derived: frozenset[str] = frozenset()
    document: str = ""
    escalated: Mapping[str, EscalatedValue] = field(default_factory=dict)


def page(entries: Iterable[Entry], title: str = "Records") -> str:
    """Return the page: texts with their spans marked beside the records, to filter, search and page."""
    entries = list(entries)
    pictures = "data:" if any(entry.pages for entry in entries) else ""
    return assembled("page", [_data(entry) for entry in entries], title, pictures=pictures)


def frame(html: str, height: int = HEIGHT) -> str:
    """Return a page as a piece of another one, as notebooks show it: in a frame that reaches nothing else,
    and that is light or dark as the notebook is. height: pixels.
    """
    return (
        f'{FOLLOWS}<iframe class="extractor-page" sandbox="allow-scripts" srcdoc="{escape(html)}" '
        f'title="Records" style="width:100%;height:{height}px;border:1px solid #8884;border-radius:6px">'
        "</iframe>"
    )


def height_of(entry: Entry) -> int:
    """Return the pixels that one entry needs in a notebook, up to the most."""
    lines = sum(1 + len(line) // WIDTH for line in entry.text.split("\n"))
    rows = json.dumps(entry.record, indent=1, default=str).count("\n") + len(entry.problems)
    return HEIGHT if entry.pages else min(HEIGHT, max(LEAST, LINE * (lines + rows) + 6 * LINE))


def as_json(record: Any) -> JSON:
    """Return a record as its JSON, with the names that its evidence has."""
    return _any().dump_python(record, mode="json", by_alias=True, warnings=False)


def by_name(record: Any) -> JSON:
    """Return a record as JSON that its type reads: with the names of its fields, and nothing computed."""
    return _any().dump_python(record, mode="json", by_alias=False, round_trip=True, warnings=False)


@cache
def _any() -> TypeAdapter[Any]:
    return TypeAdapter(Any)


def _data(entry: Entry) -> JSON:
    unit = units(entry.text)
    spans = {
        pointer: [[unit(s.start), unit(s.end), str(s.how), round(s.score, 2)] for s in found]
        for pointer, found in entry.evidence.items()
        if found
    }
    return {
        "title": entry.title,
        "outcome": entry.outcome,
        "text": entry.text,
        "tree": None if entry.record is None else _node("", entry.record),
        "spans": spans,
        "pages": [
            [each.number, round(each.width), round(each.height), b64encode(each.picture).decode()]
            for each in entry.pages
        ],
        "boxes": {
            pointer: [[box.page, *(round(share, 5) for share in box.fractions)] for box in found]
            for pointer, found in entry.boxes.items()
            if found and entry.pages
        },
        "missing": entry.missing,
        "derived": sorted(entry.derived),
        "problems": list(entry.problems),
        "facts": dict(entry.facts),
        "confidence": {pointer: round(value, 4) for pointer, value in entry.confidence.items()},
        "escalated": {pointer: [each.words, each.waits] for pointer, each in entry.escalated.items()},
        "conflicts": [
            {
                "pointer": each.pointer,
                "candidates": [
                    {
                        "tree": _node("", value),
                        "spans": [[unit(s.start), unit(s.end)] for s in spans],
                        "readings": readings,
                    }
                    for value, spans, readings in each.candidates
                ],
            }
            for each in entry.conflicts
        ],
        "chunks": [
            [unit(piece.start), unit(piece.end), piece.told, piece.missing, piece.passed, piece.read]
            for piece in entry.chunks
        ],
    }


def _node(key: str, value: JSON) -> JSON:
    """Return a value as the page's tree: numbers as they are written, since JavaScript's have 53 bits."""
    match value:
        case dict():
            return {"key": key, "of": [_node(str(name), below) for name, below in value.items()]}
        case list() | tuple():
            return {"key": key, "of": [_node(str(i), below) for i, below in enumerate(value)], "array": True}
        case str():
            return {"key": key, "leaf": value}
    return {"key": key, "leaf": json.dumps(value), "plain": True}


def units(text: str) -> Any:
    """Return the function from an offset in code points to JavaScript's, in UTF-16 units."""
    wide = [i for i, char in enumerate(text) if char > "\uffff"] if not text.isascii() else []
    return lambda offset: offset + bisect_left(wide, offset)
