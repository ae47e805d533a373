"""Where one file holds several documents: what a model is asked, and the sources that come of it. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, Field, create_model

from ..errors import ConfigError
from ..layout import Source
from ..schema import RecordType, types_in
from .outcome import DocumentExtraction

OTHER: Final = "other"  # the kind of a document that fits none of the types
NEAR: Final = 200  # characters of a page above the first words that were given, which are its document's too
FEWEST: Final = 2  # words by which a place is found where not all of them are there
LONGEST: Final = 200  # characters of first words that are looked at
MOST_FIELDS: Final = 12  # of a type that the model is told
TASK: Final = (
    "The text is a file in which several documents may follow one another. List every document in it, in "
    "order, also where there is only one: where it begins, and what it is. A document of several pages is "
    "listed once, at its first page. Each is one of: {kinds}."
)
WORDS: Final = "The first words of the document, copied word for word from the text: a whole line if need be."
PAGE: Final = "The page on which it begins, as [page N] in the text says."


@dataclass(frozen=True, slots=True)
class Split:
    """The documents that one file holds. Iterating yields their sources, in the order of the text.

    - parts: the sources. Together they have all of the text, and each knows its pages and boxes.
    - kinds: what each part is: the name of a record type, or "other".
    - notes: what was left out or guessed.
    - found: the extraction that found them, with its attempts, usage and cost.
    """

    parts: tuple[Source, ...]
    kinds: tuple[str, ...]
    notes: tuple[str, ...]
    found: DocumentExtraction[Any] = field(repr=False)

    def __iter__(self) -> Iterator[Source]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def of(self, record_type: Any) -> tuple[Source, ...]:
        """Return the sources of one type's documents."""
        name = RecordType.of(record_type).name
        return tuple(part for part, kind in zip(self.parts, self.kinds, strict=True) if kind == name)


class SplitQuestion(NamedTuple):
    """What is asked: the type of the answer, what is said, and the text with its pages numbered."""

    record_type: type[BaseModel]
    instructions: str
    text: str


def split_question(source: Source, record_type: Any, instructions: str | None) -> SplitQuestion:
    """Return what is asked of a source. record_type: of the documents in it, a union if there are several
    kinds. Raises ConfigError and SchemaError.
    """
    types = types_in(record_type) or (record_type,)
    kinds = {RecordType.of(each).name: _told(each) for each in types}
    if OTHER in kinds:
        raise ConfigError(f"no record type may be called {OTHER!r}: it stands for all other documents")
    told = "; ".join([*kinds.values(), f"{OTHER}: anything else"])
    said = "\n\n".join(filter(None, (TASK.format(kinds=told), instructions)))
    has_pages = len(source.pages) > 1
    asked = _starts((*kinds, OTHER), has_pages)
    return SplitQuestion(asked, said, numbered(source) if has_pages else source.text)


def numbered(source: Source) -> str:
    """Return the text with a line before each page that says its number."""
    pieces, at = [], 0
    for page in source.pages:
        pieces += [source.text[at : page.start], f"[page {page.number}]\n"]
        at = page.start
    return "".join([*pieces, source.text[at:]])


def _told(record_type: Any) -> str:
    """Return what the prompt says about a record type: its name, its description and its members."""
    kind = RecordType.of(record_type)
    schema = kind.described()
    while isinstance(schema.get("$ref"), str):
        schema = kind.described()["$defs"][schema["$ref"].rpartition("/")[2]]
    description = " ".join(str(schema.get("description", "")).split())[:LONGEST]
    members = list(schema.get("properties", {}))
    more = ", ..." if len(members) > MOST_FIELDS else ""
    has = f"with {', '.join(members[:MOST_FIELDS])}{more}" if members else ""
    about = ", ".join(filter(None, (description.rstrip("."), has)))
    return f"{kind.name} ({about})" if about else kind.name


@cache
def _starts(kinds: tuple[str, ...], has_pages: bool) -> type[BaseModel]:
    """Return the type of the answer: where documents begin."""
    page: dict[str, Any] = {"page": (int, Field(description=PAGE))} if has_pages else {}
    others: dict[str, Any] = {
        "first_words": (str, Field(description=WORDS)),
        "kind": (Literal[kinds], ...),
    }
    start = create_model("DocumentStart", **page, **others)
    return create_model("DocumentStarts", documents=(list[start], ...))  # type: ignore[valid-type]


# -- the answer


class _Start(NamedTuple):
    at: int
    kind: str


def split_of(source: Source, found: DocumentExtraction[Any]) -> Split:
    """Return the documents of a source. found: where they begin. Raises what `found.unwrap` raises: a text
    of which a part was not read is not split.
    """
    starts, notes = _placed(source, found.unwrap().documents)
    if not starts:
        notes.append("no document was found, so it is left whole")
    if not starts or _lead(source, starts[0].at):
        starts.insert(0, _Start(0, OTHER))
        if len(starts) > 1:
            notes.append(f"the first {starts[1].at:,} characters belong to none of the documents")
    starts[0] = _Start(0, starts[0].kind)
    borders = [*(start.at for start in starts), len(source.text)]
    parts = tuple(
        source.part(low, high, _name(source.name, number, len(starts)))
        for number, (low, high) in enumerate(pairwise(borders), 1)
    )
    return Split(parts, tuple(start.kind for start in starts), tuple(notes), found)


def _name(name: str, number: int, count: int) -> str:
    return name if count == 1 else f"{name or 'document'} ({number} of {count})"


def _lead(source: Source, at: int) -> bool:
    """Whether what stands before the first document is more than its own letterhead."""
    return len(source.text[:at].strip()) > NEAR


def _placed(source: Source, listed: Sequence[Any]) -> tuple[list[_Start], list[str]]:
    """Return where the documents begin, sorted, each place once, and what could not be placed."""
    places = _pages_of(source)
    kinds: dict[int, str] = {}
    notes, after = list[str](), 0
    for number, each in enumerate(listed, 1):
        page = places.get(getattr(each, "page", 0))
        found = _found(source.text, each.first_words, page, after, kinds)
        if found is None and page is not None and page[0] not in kinds:
            found = page[0]
            notes.append(
                f"document {number} begins with {each.first_words[:60]!r}, which page {each.page} does not "
                "say: it is taken to begin with that page"
            )
        if found is None:
            notes.append(
                f"document {number} begins with {each.first_words[:60]!r}, which stands nowhere else in the "
                "text: it is left with the one before"
            )
            continue
        at = _begin(source, found, kinds)
        kinds.setdefault(at, each.kind)
        after = found + 1
    return [_Start(at, kind) for at, kind in sorted(kinds.items())], notes


def _pages_of(source: Source) -> Mapping[int, tuple[int, int]]:
    return {page.number: (page.start, page.end) for page in source.pages if page.end > page.start}


def _found(
    text: str, words: str, page: tuple[int, int] | None, after: int, taken: Mapping[int, str]
) -> int | None:
    """Return where words stand: on the page that was named, behind the document before; else behind that;
    else anywhere that is no beginning yet. None if they don't.
    """
    said = words[:LONGEST].split()
    spans = [(after, len(text)), (0, len(text))]
    if page is not None:
        spans = [(max(page[0], after), page[1]), page, *spans]
    for some in [said, said[: max(FEWEST, len(said) // 2)]]:
        if not some:
            return None
        pattern = re.compile(r"\s+".join(map(re.escape, some)), re.IGNORECASE)
        for low, high in spans:
            for match in pattern.finditer(text, low, max(low, high)):
                if match.start() not in taken and _line(text, match.start()) not in taken:
                    return match.start()
    return None


def _line(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _begin(source: Source, at: int, taken: Mapping[int, str]) -> int:
    """Return where a document begins whose first words stand at a place: with their line, or with their
    page, where little stands above them and no other document begins there.
    """
    line = _line(source.text, at)
    number = bisect_right(source.pages, at, key=lambda page: page.start) - 1
    if number < 0:
        return line
    top = source.pages[number].start
    above = any(top <= other < line for other in taken)
    return top if not above and len(source.text[top:line].strip()) <= NEAR else line
