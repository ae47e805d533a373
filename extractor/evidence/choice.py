"""Which of the places where a record's values stand are meant: chosen for the record as a whole.

The items of a list stand in order, each with its fields together. A value stands near the fields of its
object and after the name of its field. It does not stand inside the span of another value.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .leaves import Path
from .spans import Span

Candidates: TypeAlias = Mapping[Path, Sequence[Span]]  # by leaf, each in order of the text

_FAR = 300  # characters at which a place is half as bad as one at the end of the world
_AWAY, _TAKEN, _OUTSIDE, _NAMED, _SIDE = 0.15, 0.2, 0.1, 0.08, 0.05  # what scores lose and gain
_CONSIDERED = 32  # places of one value that are looked at
_LINE = 100  # characters that a line's end counts as
_LABEL_REACH = 40  # characters between the name of a field and its value
_TELLING = 8  # leaves of an item that are asked where it stands


@dataclass
class _Placed:
    """What is known so far of where things stand."""

    taken: bytearray
    lines: Sequence[int]  # where lines end
    zones: dict[Path, tuple[int, int, int]] = field(default_factory=dict)  # item: from, anchor, to
    hulls: dict[Path, tuple[int, int]] = field(default_factory=dict)  # by object: what its fields take
    sides: dict[Path, int] = field(
        default_factory=lambda: defaultdict(int)
    )  # by field of items: behind or ahead

    def take(self, path: Path, span: Span) -> None:
        """Note that a leaf stands there."""
        self.taken[span.start : span.end] = b"\1" * (span.end - span.start)
        for n in range(len(path)):
            low, high = self.hulls.get(path[:n], (span.start, span.end))
            self.hulls[path[:n]] = (min(low, span.start), max(high, span.end))
        if zone := self.zone(path):
            self.sides[_column(path)] += _side(span, zone)

    def zone(self, path: Path) -> tuple[int, int, int] | None:
        """Where the innermost item around a leaf stands, if that is known."""
        return next((self.zones[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.zones), None)

    def distance(self, span: Span, hull: tuple[int, int]) -> int:
        """Characters from a span to a hull, and some for each line's end between them."""
        if span.start > hull[1]:
            gap = (hull[1], span.start)
        elif span.end < hull[0]:
            gap = (span.end, hull[0])
        else:
            return 0
        return gap[1] - gap[0] + _LINE * (bisect_left(self.lines, gap[1]) - bisect_left(self.lines, gap[0]))


def _column(path: Path) -> Path:
    """The path of a leaf with no number for its item: what the items of a list share."""
    return tuple("*" if isinstance(key, int) else key for key in path)


def _side(span: Span, zone: tuple[int, int, int]) -> int:
    """Whether a field stands before its item's anchor, at it or behind it."""
    return (span.start > zone[1]) - (span.start < zone[1])


def choose(candidates: Candidates, text: str, labels: Mapping[str, Sequence[int]]) -> dict[Path, Span]:
    """Return for each leaf that has candidates the one that is meant.

    labels: where the names of fields end in the text, by name.
    Near linear in the number of leaves and candidates.
    """
    placed = _Placed(bytearray(len(text)), [m.start() for m in re.finditer("\n", text)])
    _place_items(candidates, placed)
    chosen: dict[Path, Span] = {}
    order = sorted(candidates, key=lambda path: (len(candidates[path]), -_longest(candidates[path])))
    for path in order:
        if not candidates[path]:
            continue
        span = _best(path, candidates[path], placed, labels.get(_name(path), ()))
        chosen[path] = span
        placed.take(path, span)
    return chosen | _in_order(chosen, candidates, labels)


def _in_order(
    chosen: Mapping[Path, Span], candidates: Candidates, labels: Mapping[str, Sequence[int]]
) -> dict[Path, Span]:
    """The fields of one object that have the same value, and no label: in the order of the record."""
    groups: defaultdict[tuple[Path, int], list[Path]] = defaultdict(list)
    for path in candidates:
        if path in chosen and not _labelled(chosen[path], candidates[path], labels.get(_name(path), ())):
            groups[path[:-1], id(candidates[path])].append(path)
    spans = {key: sorted((chosen[p] for p in paths), key=lambda s: s.start) for key, paths in groups.items()}
    return {path: span for key, paths in groups.items() for path, span in zip(paths, spans[key], strict=True)}


def _name(path: Path) -> str:
    return next((key for key in reversed(path) if isinstance(key, str)), "")


def _longest(spans: Sequence[Span]) -> int:
    return max((s.end - s.start for s in spans[:_CONSIDERED]), default=0)


def _best(path: Path, spans: Sequence[Span], placed: _Placed, labels: Sequence[int]) -> Span:
    zone = placed.zone(path)
    hull = placed.hulls.get(path[:-1]) or ((zone[1], zone[1]) if zone else None)
    usual = placed.sides.get(_column(path), 0)

    def worth(span: Span) -> tuple[float, int, int]:
        score = span.score + _NAMED * _labelled(span, spans, labels)
        if hull is not None:
            away = placed.distance(span, hull)
            score -= _AWAY * away / (away + _FAR)
        if zone:
            score -= 0 if zone[0] <= span.start < zone[2] else _OUTSIDE
            score += _SIDE if _side(span, zone) * usual > 0 else 0
        if placed.taken.find(1, span.start, span.end) >= 0:
            score -= _TAKEN
        return round(score, 6), -span.start, span.end

    return max(_considered(spans, hull, labels), key=worth)


def _labelled(span: Span, spans: Sequence[Span], labels: Sequence[int]) -> bool:
    """Whether a place is the first one behind the name of its field: of two, the name is that of the nearer.

    spans: all places of the value, in order.
    """
    at = bisect_right(labels, span.start)
    if at == 0 or span.start - labels[at - 1] > _LABEL_REACH:
        return False
    return spans[bisect_left(spans, labels[at - 1], key=lambda each: each.start)].start == span.start


def _considered(spans: Sequence[Span], hull: tuple[int, int] | None, labels: Sequence[int]) -> Sequence[Span]:
    """The spans worth a look: the first ones, those near the object's others, those after a label."""
    if len(spans) <= _CONSIDERED:
        return spans
    half = _CONSIDERED // 2
    seen = {*range(half)}
    for place in [*(hull or ()), *labels[:half]]:
        at = bisect_left(spans, place, key=lambda s: s.start)
        seen.update(range(max(0, at - half), min(len(spans), at + half)))
    return [spans[i] for i in sorted(seen)]


def _place_items(candidates: Candidates, placed: _Placed) -> None:
    """Find where the items of each list stand, outer lists first."""
    lists: defaultdict[Path, dict[Path, list[Path]]] = defaultdict(dict)
    for path, spans in candidates.items():
        for n, key in enumerate(path):
            if isinstance(key, int) and spans:
                lists[path[:n]].setdefault(path[: n + 1], []).append(path)
    for path in sorted(lists, key=len):
        if len(lists[path]) > 1:
            _place_list(lists[path], candidates, placed)


def _place_list(items: Mapping[Path, list[Path]], candidates: Candidates, placed: _Placed) -> None:
    within = placed.zone(next(iter(items))[:-1])
    inside = {leaf: _inside(candidates[leaf], within) for leaves in items.values() for leaf in leaves}
    ranks = _ranks(items, inside)
    options = [_clusters(leaves, inside, ranks) for leaves in items.values()]
    anchors = _ascending(options)
    known = [a for a in anchors if a is not None]
    starts = within[0] if within else 0
    ends = within[2] if within else len(placed.taken) + 1
    before = [starts, *known]
    for item, anchor in zip(items, anchors, strict=True):
        if anchor is not None:
            at = bisect_left(known, anchor)
            placed.zones[item] = (before[at], anchor, known[at + 1] if at + 1 < len(known) else ends)


def _inside(spans: Sequence[Span], zone: tuple[int, int, int] | None) -> Sequence[Span]:
    if zone is None:
        return spans
    some = spans[
        bisect_left(spans, zone[0], key=lambda s: s.start) : bisect_left(
            spans, zone[2], key=lambda s: s.start
        )
    ]
    return some or spans


def _ranks(items: Mapping[Path, list[Path]], inside: Candidates) -> dict[Path, tuple[int, int]]:
    """Which of its value's places a leaf may have, when others of the list need one before and after."""
    sharing: defaultdict[tuple[Path, int, int], list[Path]] = defaultdict(list)
    for item, leaves in items.items():
        for leaf in leaves:
            spans = inside[leaf]
            sharing[leaf[len(item) :], id(spans[0]), len(spans)].append(leaf)
    ranks = {}
    for group in sharing.values():
        for i, leaf in enumerate(group):
            places = len(inside[leaf])
            first, last = (i, places - len(group) + i) if places >= len(group) else (0, places - 1)
            if last - first >= _CONSIDERED:
                middle = first + (last - first) * i // max(1, len(group))
                first, last = max(first, middle - _CONSIDERED // 2), min(last, middle + _CONSIDERED // 2)
            ranks[leaf] = (first, last + 1)
    return ranks


def _clusters(
    leaves: list[Path], inside: Candidates, ranks: Mapping[Path, tuple[int, int]]
) -> dict[int, float]:
    """Where an item may stand, with how much of it stands around there."""
    telling = sorted(leaves, key=lambda leaf: len(inside[leaf]))[:_TELLING]
    places = [s.start for leaf in telling[:2] for s in inside[leaf][slice(*ranks[leaf])]]
    return {place: sum(_nearby(inside[leaf], place) for leaf in telling) for place in places}


def _nearby(spans: Sequence[Span], place: int) -> float:
    at = bisect_left(spans, place, key=lambda s: s.start)
    return max(s.score * _FAR / (_FAR + abs(s.start - place)) for s in spans[max(0, at - 1) : at + 1])


def _ascending(options: list[dict[int, float]]) -> list[int | None]:
    """Choose one place an item so that they ascend and their worth together is the greatest; None
    if an item has none among them. Source: the heaviest increasing subsequence, by a Fenwick tree.
    """
    places = sorted({p for option in options for p in option})
    rank = {place: i + 1 for i, place in enumerate(places)}
    tree: list[tuple[float, int]] = [(0.0, -1)] * (
        len(places) + 1
    )  # best worth that ends up to here, its step
    steps: list[tuple[int, int, int]] = []  # item, place, step before
    for item, option in enumerate(options):
        fresh = []
        for place, worth in option.items():
            total, step = _up_to(tree, rank[place] - 1)
            steps.append((item, place, step))
            fresh.append((rank[place], (total + worth, len(steps) - 1)))
        for at, entry in fresh:
            _raise(tree, at, entry)
    chosen: list[int | None] = [None] * len(options)
    step = _up_to(tree, len(places))[1]
    while step >= 0:
        item, place, step = steps[step]
        chosen[item] = place
    return chosen


def _up_to(tree: list[tuple[float, int]], at: int) -> tuple[float, int]:
    best = (0.0, -1)
    while at > 0:
        best = max(best, tree[at])
        at -= at & -at
    return best


def _raise(tree: list[tuple[float, int]], at: int, entry: tuple[float, int]) -> None:
    while at < len(tree):
        tree[at] = max(tree[at], entry)
        at += at & -at
