"""Values of headings, carried to the items below them that could not see them. Pure.

The account above a table belongs to each row below it, but a text that is read in chunks shows the heading to
the first rows only. A value that several items have at one place, above all else of them, is a heading's.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

from ..pointers import step
from .spans import Evidence, Span

JSON: TypeAlias = Any
Heading: TypeAlias = tuple[JSON, tuple[Span, ...]]  # a value, and where it stands
GoesOn: TypeAlias = Callable[[int, int, int], bool]  # from, to, and where the heading stands
_NUMBER: Final = re.compile(r"\d+")
_LINE_END: Final = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_EMPTY: Final = hash("")


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list. evidence: by pointers of the item. begins: where the first chunk that gave it
    begins.
    """

    record: Mapping[str, JSON]
    evidence: Evidence
    begins: int


def never_goes_on(start: int, end: int, heading: int) -> bool:
    """Return False: no heading holds for other chunks."""
    return False


def section_goes_on(text: str) -> GoesOn:
    """Return whether nothing between two places of a text begins another section: there are only empty
    lines, and such as stand elsewhere with other numbers, like the headers of pages. A line that is the
    heading's but for its numbers is the next heading.
    """
    starts, kinds = array("Q"), array("q")  # 16 bytes a line: the text may have millions
    for start, line in _lines(text):
        starts.append(start)
        kinds.append(_kind(line))
    repeated = {kind for kind, next_ in pairwise(sorted(kinds)) if kind == next_}
    starts.append(len(text))

    def number(place: int) -> int:
        return max(0, bisect_right(starts, place, 0, len(kinds)) - 1)

    def said(i: int) -> str:
        return text[starts[i] : starts[i + 1]].strip()

    def goes_on(start: int, end: int, heading: int) -> bool:
        at = number(heading)
        return all(
            kinds[i] == _EMPTY or (kinds[i] in repeated and (kinds[i] != kinds[at] or said(i) == said(at)))
            for i in range(number(start) + 1, number(end))
        )

    return goes_on


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield what `str.splitlines` returns, each with its place, but one after the other."""
    start = 0
    for border in _LINE_END.finditer(text):
        yield start, text[start : border.start()]
        start = border.end()
    if start < len(text):
        yield start, text[start:]


def _kind(line: str) -> int:
    """Return a number that lines share if they differ by their numbers alone."""
    return hash(_NUMBER.sub("9", line.strip()))


def carried(items: Sequence[ListItem], goes_on: GoesOn) -> list[dict[str, Heading]]:
    """Return for each item of a list, in the order of the text, the members that it has of a heading.

    They go from item to item, as long as these lack them, come from chunks that begin below the heading, and
    the section goes on.
    """
    shared = Counter(place for item in items for place in _places(item))
    own = [_own(item, shared) for item in items]
    above = _above(items, own, shared)
    found, held, before = list[dict[str, Heading]](), dict[str, Heading](), None
    for item, place in zip(items, own, strict=True):
        held = {
            name: heading
            for name, heading in held.items()
            if item.record.get(name) is None
            and heading[1][0].start < item.begins
            and place is not None
            and before is not None
            and goes_on(before[1], place[0], heading[1][0].start)
        }
        found.append(held)
        own_headings = {
            name: (value, spans[:1])
            for name, value in item.record.items()
            if (spans := item.evidence.get(step(name), ())) and (step(name), spans[0].start) in above
        }
        held, before = held | own_headings, place
    return found


def _places(item: ListItem) -> list[tuple[str, int]]:
    return [(pointer, span.start) for pointer, spans in item.evidence.items() for span in spans]


def _own(item: ListItem, shared: Mapping[tuple[str, int], int]) -> tuple[int, int] | None:
    """Return where an item begins and ends; what it shares with others tells nothing of that."""
    spans = [s for at, some in item.evidence.items() for s in some if shared[at, s.start] == 1]
    return (min(s.start for s in spans), max(s.end for s in spans)) if spans else None


def _above(
    items: Sequence[ListItem],
    own: Sequence[tuple[int, int] | None],
    shared: Mapping[tuple[str, int], int],
) -> set[tuple[str, int]]:
    """Return the members, and the places, where headings stand."""
    above, beside = set[tuple[str, int]](), set[tuple[str, int]]()
    for item, place in zip(items, own, strict=True):
        for pointer, start in _places(item):
            if pointer.count("/") == 1 and shared[pointer, start] > 1:
                (above if place is not None and start < place[0] else beside).add((pointer, start))
    return above - beside
