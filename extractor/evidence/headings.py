"""Values of headings, carried to the items below them that could not see them. Pure.

The account above a table belongs to each row below it, but a text that is read in chunks shows the heading to
the first rows only. A value that several items have at one place, above all else of them, is a heading's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..pointers import step
from .coverage import Lines
from .spans import Evidence, Span

JSON: TypeAlias = Any
Heading: TypeAlias = tuple[JSON, tuple[Span, ...]]  # a value, and where it stands
GoesOn: TypeAlias = Callable[[int, int, int], bool]  # from, to, and where the heading stands


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
    lines = Lines(text)
    known = [re.sub(r"\d+", "9", line.text) for line in lines.all]
    counts = Counter(known)

    def goes_on(start: int, end: int, heading: int) -> bool:
        first, last, at = lines.at(start) + 1, lines.at(end), lines.at(heading)
        return all(
            not known[i] or (counts[known[i]] > 1 and (known[i] != known[at] or _same(i, at)))
            for i in range(first, last)
        )

    def _same(one: int, other: int) -> bool:
        return lines.all[one].text.strip() == lines.all[other].text.strip()

    return goes_on


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
