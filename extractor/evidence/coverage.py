"""Which lines of a text gave the items of a record's lists, and which look like them but gave none. Pure.

A line's shape is its words and numbers in order, or its cells, or its label. Items teach the shapes of
their list; a line of such a shape without an item may have been overlooked. Gaps in running numbers and
totals that the text states are further signs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

from .spans import Evidence, Span

LONGEST: Final = 500  # characters of a line whose shape tells anything
MOST_GAP: Final = 1000  # numbers that may be missing in a row
RUNNING: Final = 0.7  # of the steps between numbers that run are 1, at least
FEWEST: Final = 4  # numbers that run
SAME: Final = 3  # lines that share a first word, on average, for it to be taken for theirs
TOKEN = re.compile(r"[^\W_]+(?:[-'’._,:/\u00a0\u202f][^\W_]+)*|[:=]")
BULLET = re.compile(r"\s*[-*•–]\s+")
LABEL = re.compile(r"\s*([^\W\d_][\w .-]{0,30}?)\s*:\s")
CODE = re.compile(r"(.*?)(\d+)")
COUNT = r"(\d{1,3}(?:[,.'’\u00a0\u202f]\d{3})+|\d+)"
ANY_ITEM = ("entries", "items", "records", "rows")
OF_ALL = re.compile(r"\b(total|overall|altogether|in all|count|number|sum)\b", re.IGNORECASE)

Shape: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of a text: `text[start:end]`."""

    start: int
    end: int
    text: str

    def __str__(self) -> str:
        shown = self.text if len(self.text) <= 60 else f"{self.text[:60]}…"
        return f"characters {self.start:,} to {self.end:,}: {shown}"


@dataclass(frozen=True, slots=True)
class ListCoverage:
    """Where the items of one list stand, and what speaks for more of them.

    - pointer: of the list in the record; * stands for the index in a list around it.
    - items: how many there are; unplaced: how many of them stand nowhere in the text.
    - lines: the lines of each item, by its pointer.
    - overlooked: lines that look like those of the items, or that have a missing number, and gave no item.
    - gaps: numbers that are missing where those of the items run on.
    - stated: how many items the text says there are, if that is more; stated_at: the line that says so.
    """

    pointer: str
    items: int
    unplaced: int
    lines: Mapping[str, tuple[TextLine, ...]] = field(repr=False)
    overlooked: tuple[TextLine, ...] = ()
    gaps: tuple[str, ...] = ()
    stated: int | None = None
    stated_at: TextLine | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What speaks for items that are missing, in words."""
        of, told = self.pointer or "the list", list[str]()
        if self.overlooked:
            some = _several(len(self.overlooked), "line looks", "lines look")
            told.append(f"{some} like items of {of} and gave none; the first: {self.overlooked[0]}")
        if self.gaps:
            more = ", ..." if len(self.gaps) > 3 else ""
            some = _several(len(self.gaps), "running number", "running numbers")
            told.append(f"{some} of {of} not found: {', '.join(self.gaps[:3])}{more}")
        if self.stated is not None:
            told.append(f"the text says {self.stated:,} at {self.stated_at}; {of} has {self.items:,} items")
        return tuple(told)


def _several(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which lines of a text gave the items of the record's lists.

    - lists: by the pointer of each list with items.
    """

    lists: Mapping[str, ListCoverage] = field(default_factory=dict)

    @property
    def overlooked(self) -> tuple[TextLine, ...]:
        """All lines that look like items and gave none, in the order of the text."""
        found = {line.start: line for each in self.lists.values() for line in each.overlooked}
        return tuple(found[start] for start in sorted(found))

    @property
    def notes(self) -> tuple[str, ...]:
        """What speaks for missing items, in words; () if nothing does."""
        return tuple(note for each in self.lists.values() for note in each.notes)


def coverage(text: str, evidence: Evidence) -> Coverage:
    """Return which lines gave which items. evidence: of the leaves of the record, in the text."""
    lists = _items(evidence)
    if not lists:
        return Coverage()
    lines = Lines(text)
    homes = {of: _homes(items, lines) for of, items in lists.items()}
    taken = {i for each in homes.values() for found in each.values() for i in found}
    return Coverage(
        {of: _of_list(of, items, homes[of], lines, taken, len(lists) == 1) for of, items in lists.items()}
    )


Leaf: TypeAlias = tuple[str, tuple[Span, ...]]  # the name of a leaf in its item, and where it stands


def _items(evidence: Evidence) -> dict[str, dict[str, list[Leaf]]]:
    """Return by list, and by the pointer of each of its items, the leaves that are in no list inside it."""
    found: defaultdict[str, dict[str, list[Leaf]]] = defaultdict(dict)
    for pointer, spans in evidence.items():
        steps = pointer.split("/")[1:]
        at = [i for i, step in enumerate(steps) if step.isdecimal()]
        for i in at:
            of = "".join(f"/{'*' if step.isdecimal() else step}" for step in steps[:i])
            leaves = found[of].setdefault("".join(f"/{step}" for step in steps[: i + 1]), [])
            if i == at[-1]:
                leaves.append(("/".join(steps[i + 1 :]), spans))
    return dict(found)


class Lines:
    """The lines of a text, by number."""

    def __init__(self, text: str) -> None:
        self.all: list[TextLine] = []
        self._starts: list[int] = []
        start = 0
        for said in text.splitlines(keepends=True):
            kept = said.strip()
            at = start + said.find(kept) if kept else start
            self.all.append(TextLine(at, at + len(kept), kept))
            self._starts.append(start)
            start += len(said)

    def at(self, place: int) -> int:
        """Return the number of the line at a place of the text."""
        return max(0, bisect_right(self._starts, place) - 1)


def _homes(items: Mapping[str, Sequence[Leaf]], lines: Lines) -> dict[str, tuple[int, ...]]:
    """Return the numbers of each item's lines, the one that has most of it first: what stands under a common
    heading tells nothing of where an item is.
    """
    shared = Counter((name, s.start) for leaves in items.values() for name, spans in leaves for s in spans)
    found: dict[str, dict[int, dict[str, int]]] = {}  # by item and line: how much of which leaf
    for pointer, leaves in items.items():
        own: defaultdict[int, dict[str, int]] = defaultdict(dict)
        for name, spans in leaves:
            for span in spans:
                if shared[name, span.start] == 1:
                    own[lines.at(span.start)][name] = span.end - span.start
        if own:
            found[pointer] = own
    first = {pointer: max(own, key=lambda i: (sum(own[i].values()), -i)) for pointer, own in found.items()}
    homes = set(first.values())
    return {
        pointer: (
            home,
            *_around(home, found[pointer], homes, lines, -1),
            *_around(home, found[pointer], homes, lines, 1),
        )
        for pointer, home in first.items()
    }


def _around(
    home: int, own: Mapping[int, Mapping[str, int]], homes: set[int], lines: Lines, step: int
) -> Iterator[int]:
    """Yield the lines next to an item's own that have other leaves of it. One that looks like a whole item
    is none of them: a value may have been found one line off.
    """
    at, told, own_shape = home + step, {*own[home]}, shape(lines.all[home].text)
    while at not in homes and not own.get(at, {}).keys() <= told:
        if own_shape and shape(lines.all[at].text) == own_shape:
            return
        yield at
        told |= own[at].keys()
        at += step


def _of_list(
    of: str,
    items: Mapping[str, Sequence[Leaf]],
    homes: Mapping[str, Sequence[int]],
    lines: Lines,
    taken: set[int],
    alone: bool,
) -> ListCoverage:
    gaps = list(_gaps(items))
    alike = _alike([found[0] for found in homes.values()], lines, taken)
    numbered = _with_words(gaps, lines, taken)
    stated = _stated(of, len(items), lines, alone)
    return ListCoverage(
        of,
        len(items),
        sum(bool(leaves) and pointer not in homes for pointer, leaves in items.items()),
        {pointer: tuple(lines.all[i] for i in sorted(found)) for pointer, found in homes.items()},
        tuple(lines.all[i] for i in sorted({*alike, *numbered})),
        tuple(gaps),
        *(stated or (None, None)),
    )


# -- lines that look alike


def shape(line: str) -> Shape:
    """Return what lines of one table or list have in common; () for what is too common to tell anything."""
    if len(line) > LONGEST or not any(map(str.isalnum, line)):
        return ()
    digits = "digits" if any(map(str.isdecimal, line)) else "words"
    for separator in ("|", "\t", ","):
        cells = line.strip("|").count(separator) - line.count(f"{separator} ") * (separator == ",")
        if cells >= 2:
            return ("cells", separator, str(cells), digits)
    if label := LABEL.match(line):
        return ("label", label[1].casefold())
    bullet = BULLET.match(line)
    tokens = ["-"] if bullet else []
    for said in TOKEN.findall(line, bullet.end() if bullet else 0):
        kind = said if said in ":=" else "9" if any(map(str.isdecimal, said)) else "w"
        if not (kind == "w" and tokens[-1:] == ["w"]):
            tokens.append(kind)
    return tuple(tokens) if {"-", "9"} & {*tokens} else ()


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the lines of items of one shape have in common. count: how many they are. sizes: their lengths, at
    least and at most. filled: the fewest cells with something in them. edges: their first words, and their
    last ones, where these are few; else ().
    """

    shape: Shape
    count: int
    sizes: tuple[int, int]
    filled: int
    edges: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, shape: Shape, texts: Sequence[str]) -> _Kind:
        """Return what lines have in common."""
        sizes = [len(text) for text in texts]
        filled = min(_filled(text, shape[1]) for text in texts) if shape[0] == "cells" else 0
        edges = tuple(frozenset(_edge(text, i) for text in texts) for i in (0, -1))
        few = len(texts) // SAME
        edges = tuple(each if len(each) <= few else frozenset() for each in edges)
        return cls(shape, len(texts), (min(sizes), max(sizes)), filled, edges)

    @property
    def is_strong(self) -> bool:
        """Whether few lines that are no item would have this shape."""
        return self.shape[0] in ("cells", "label") or self.shape.count("9") > 1

    def has(self, text: str) -> bool:
        """Whether a line of this shape is like them."""
        if not self.sizes[0] / 2 <= len(text) <= 2 * self.sizes[1]:
            return False
        if self.shape[0] == "cells":
            return _filled(text, self.shape[1]) >= self.filled
        return all(not each or _edge(text, i) in each for each, i in zip(self.edges, (0, -1), strict=True))


def _edge(text: str, index: int) -> str:
    said = [word.casefold() for word in TOKEN.findall(text)]
    return said[index] if said else ""


def _filled(text: str, separator: str) -> int:
    return sum(bool(cell.strip()) for cell in text.split(separator))


def _alike(homes: Sequence[int], lines: Lines, taken: set[int]) -> set[int]:
    """Return the numbers of the lines that look like those of items."""
    known: defaultdict[Shape, list[str]] = defaultdict(list)
    for i in homes:
        if kind := shape(lines.all[i].text):
            known[kind].append(lines.all[i].text)
    kinds = {kind: _Kind.of(kind, texts) for kind, texts in known.items()}
    told = {kind: each for kind, each in kinds.items() if each.count > 1 or each.is_strong}
    repeated = Counter(line.text for line in lines.all)
    found: defaultdict[Shape, list[int]] = defaultdict(list)
    for i, line in enumerate(lines.all if told else ()):
        kind = () if i in taken else shape(line.text)
        if kind in told and told[kind].has(line.text):
            has_digits = any(map(str.isdecimal, line.text))
            if has_digits or (repeated[line.text] == 1 and not _is_heading(i, lines)):
                found[kind].append(i)
    return {
        i
        for kind, some in found.items()
        if told[kind].is_strong or len(some) <= told[kind].count
        for i in some
    }


def _is_heading(i: int, lines: Lines) -> bool:
    """Whether a rule stands under a line, as under the names of a table's columns."""
    below = lines.all[i + 1].text if i + 1 < len(lines.all) else ""
    return len(below) > 2 and not any(map(str.isalnum, below))


# -- numbers that run on


def _gaps(items: Mapping[str, Sequence[Leaf]]) -> Iterator[str]:
    """Yield the numbers that are missing between those of items, where they count up by one."""
    columns: defaultdict[str, list[str]] = defaultdict(list)
    for leaves in items.values():
        for name, spans in leaves:
            if spans:
                columns[name].append(spans[0].text)
    for said in columns.values():
        codes = [match for each in said if (match := CODE.fullmatch(each))]
        if len(codes) < FEWEST or len(codes) < len(said) or len({code[1] for code in codes}) > 1:
            continue
        numbers = sorted({int(code[2]) for code in codes})
        steps = [b - a for a, b in pairwise(numbers)]
        if len(numbers) < len(codes) * RUNNING or steps.count(1) < len(steps) * RUNNING:
            continue
        width = len(codes[0][2]) if codes[0][2].startswith("0") else 0
        for before, after in pairwise(numbers):
            if 1 < after - before <= MOST_GAP:
                yield from (f"{codes[0][1]}{number:0{width}}" for number in range(before + 1, after))


def _with_words(words: Iterable[str], lines: Lines, taken: set[int]) -> set[int]:
    """Return the numbers of the lines that begin with one of some words, and gave no item."""
    wanted = set(words)
    return {
        i
        for i, line in enumerate(lines.all if wanted else ())
        if i not in taken and (said := TOKEN.findall(line.text)) and said[0] in wanted
    }


# -- totals that the text states


def _stated(of: str, count: int, lines: Lines, alone: bool) -> tuple[int, TextLine] | None:
    """Return the greatest number of items that a line states, where it is more than there are."""
    name = of.rpartition("/")[2].replace("_", " ").casefold()
    own = {name, f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")} - {"", "*"}
    words = "|".join(map(re.escape, sorted({*own, *ANY_ITEM} if alone else own, key=len, reverse=True)))
    if not words:
        return None
    pattern = re.compile(rf"\b{COUNT}\s+({words})\b|\b({words})\s*[:=]\s*{COUNT}(?![\w.,]*\d)", re.IGNORECASE)
    best: tuple[int, TextLine] | None = None
    for line in lines.all:
        for before, one, other, after in pattern.findall(line.text) if len(line.text) <= LONGEST else ():
            number = int(re.sub(r"\D", "", before or after))
            told = (one or other).casefold() in own or OF_ALL.search(line.text)
            if told and number > max(count, best[0] if best else 0):
                best = number, line
    return best
