"""The records of a text's chunks -> one record: lists joined, the same item said twice found, conflicts kept.

Two items of different chunks are the same item if they stand at the same place of the text, or have the same
key. Equal items at different places are two items, and so are two items of one chunk. A scalar is chosen by
where in the text it stands, then by how many said it; the other values stay in the conflict. Pure, and the
same in whatever order the readings come.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum, inf
from typing import Any, Final, Literal, TypeAlias

from ..pointers import any_index, pointer, step
from .headings import GoesOn, Heading, ListItem, carried, never_goes_on
from .leaves import Path
from .plain_json import canonical, is_object, leaves_of
from .spans import Evidence, Span

JSON: TypeAlias = Any
Joins: TypeAlias = Callable[[Path], Literal["list", "set", "value"]]
KeyOf: TypeAlias = Callable[[Path, JSON], JSON]
NOTHING: Final = object()
_TELLING = 8  # characters of a value that tell as much as any more would
_ELSEWHERE = 0.1  # what a value that two items share, but at two places, takes from their likeness
_OTHER = 1.5  # what a value takes that they do not share
_NEIGHBOURS = 64  # items that stand at one place and are compared with the next one there
_INVENTED = 0.5  # ... where one of the two stands nowhere: it may be a mistake about the same item


@dataclass(frozen=True)
class ChunkReading:
    """What one chunk gave: a record as plain JSON, with evidence in the whole text. start, end: of the
    chunk. number: which pass over the text it belongs to. confidence: of leaves, by pointer.
    """

    start: int
    end: int
    record: JSON
    evidence: Evidence
    number: int = 1
    confidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that was found for a leaf.

    - spans: where it stands in the text; () if it was not found there.
    - readings: how many readings of chunks gave it.
    """

    value: JSON
    spans: tuple[Span, ...]
    readings: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Chunks disagree about the value at a pointer of the record. The first candidate was chosen."""

    pointer: str
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> JSON:
        """The value in the record."""
        return self.candidates[0].value


@dataclass(frozen=True, slots=True)
class Merged:
    """A record as plain JSON, with the evidence of its leaves by pointer; `record` is NOTHING if no
    reading says anything. confidence: the greatest of the readings that gave the value, times
    their share of all that gave one. carried: the leaves that have the value of a heading above their
    chunk, by pointer.
    """

    record: JSON
    evidence: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    confidence: Mapping[str, float] = field(default_factory=dict)
    carried: tuple[str, ...] = ()


def joined(path: Path) -> Literal["list", "set", "value"]:
    """Return "list": all lists are joined."""
    return "list"


def no_key(path: Path, item: JSON) -> JSON:
    """Return None: no item has a key."""
    return None


def merge(
    readings: Iterable[ChunkReading],
    joins: Joins = joined,
    key_of: KeyOf = no_key,
    goes_on: GoesOn = never_goes_on,
) -> Merged:
    """Return the record that the readings of a text's chunks make together.

    joins: what is done with the lists at a path (with "*" for the index): "list" joins them, "set" joins
    them and drops what is equal, "value" takes one as it is. key_of: the key of an item of the list at a
    path, None if it has none. goes_on: whether the section at one place goes on at another, so that the
    values of its heading hold for items whose chunks did not see it. Null means that nothing is said. Equal
    readings count once.
    """
    unique = {_identity(reading): reading for reading in readings}
    found = [_Said(unique[key].record, "", unique[key], i) for i, key in enumerate(sorted(unique))]
    return _Merge(joins, key_of, goes_on).value(found, ())


def _identity(reading: ChunkReading) -> tuple[Any, ...]:
    spans = sorted((pointer, str(spans)) for pointer, spans in reading.evidence.items())
    told = f"{spans} {sorted(reading.confidence.items())}"
    return reading.start, reading.end, reading.number, canonical(reading.record), told


@dataclass(frozen=True, slots=True)
class _Said:
    """A value that stands in one reading. at: its pointer there. order: the reading's place among all."""

    value: JSON
    at: str
    reading: ChunkReading
    order: int

    def child(self, key: str | int) -> _Said:
        return _Said(self.value[key], self.at + step(key), self.reading, self.order)

    def spans(self) -> list[Span]:
        """The spans of all leaves of the value."""
        return [s for path, _ in leaves_of(self.value) for s in self.spans_of(path)]

    def spans_of(self, path: Path) -> tuple[Span, ...]:
        return self.reading.evidence.get(self.at + pointer(path), ())

    def confidence_of(self, path: Path) -> float | None:
        return self.reading.confidence.get(self.at + pointer(path))


@dataclass(frozen=True)
class _Merge:
    joins: Joins
    key_of: KeyOf
    goes_on: GoesOn

    def value(self, said: Sequence[_Said], path: Path) -> Merged:
        """Merge what the readings have at one place of the record."""
        said = [one for one in said if one.value is not None]
        if not said:
            return Merged(NOTHING)
        if all(is_object(one.value) for one in said):
            return self.object(said, path)
        if all(isinstance(one.value, list) for one in said) and self.joins(path) != "value":
            return self.list(said, path)
        return _chosen(said)

    def object(self, said: Sequence[_Said], path: Path) -> Merged:
        keys = dict.fromkeys(key for one in said for key in one.value)
        parts = {
            key: self.value([one.child(key) for one in said if key in one.value], (*path, key))
            for key in keys
        }
        told = {key: part for key, part in parts.items() if part.record is not NOTHING}
        return _together({key: part.record for key, part in told.items()}, told)

    def list(self, said: Sequence[_Said], path: Path) -> Merged:
        items = [one.child(i) for one in said for i in range(len(one.value))]
        given = [item for item in items if item.value is not None]
        is_set = self.joins(path) == "set"
        keys = [item.value if is_set else self.key_of(path, item.value) for item in given]
        groups = _groups(given, keys)
        nulls = _null_groups(items, groups, is_set)
        parts = [*(self.value(group, (*path, "*")) for group in groups), *(Merged(None) for _ in nulls)]
        groups = [*groups, *nulls]
        order = [i for i in _order(groups, parts) if parts[i].record is not NOTHING]
        begins = [min(one.reading.start for one in groups[i]) for i in order]
        told = _with_headings([parts[i] for i in order], begins, self.goes_on)
        return _together([part.record for part in told], dict(enumerate(told)))


def _together(record: JSON, parts: Mapping[Any, Merged]) -> Merged:
    """An object or a list with what its members have."""
    evidence = {step(key) + pointer: s for key, part in parts.items() for pointer, s in part.evidence.items()}
    conflicts = tuple(
        Conflict(step(key) + each.pointer, each.candidates)
        for key, part in parts.items()
        for each in part.conflicts
    )
    sure = {step(key) + pointer: c for key, part in parts.items() for pointer, c in part.confidence.items()}
    carried = tuple(step(key) + pointer for key, part in parts.items() for pointer in part.carried)
    return Merged(record, evidence, conflicts, sure, carried)


# -- scalars


def _chosen(said: Sequence[_Said]) -> Merged:
    """The value that stands in the text at the most places, and surest; then the one most often said."""
    groups: defaultdict[str, list[_Said]] = defaultdict(list)
    for one in said:
        groups[canonical(one.value)].append(one)
    if len(groups) > 1:
        groups.pop('""', None)  # an empty text is how a model says that there is none
    ranked = sorted(groups.items(), key=lambda group: _rank(*group))
    candidates = tuple(Candidate(g[0].value, _spans(g), len(g)) for _, g in ranked)
    best = ranked[0][1]
    share = len(best) / sum(map(len, groups.values()))
    evidence, sure = dict[str, tuple[Span, ...]](), dict[str, float]()
    for path, _ in leaves_of(best[0].value):
        at = pointer(path)
        if spans := _unique(s for one in best for s in one.spans_of(path)):
            evidence[at] = spans
        if told := [c for one in best if (c := one.confidence_of(path)) is not None]:
            sure[at] = max(told) * share
    conflict = (Conflict("", candidates),) if len(candidates) > 1 else ()
    return Merged(best[0].value, evidence, conflict, sure)


def _rank(value: str, said: Sequence[_Said]) -> tuple[float, int, int, float, str]:
    places: dict[tuple[int, int], float] = {}
    for span in _spans(said):
        places[span.start, span.end] = max(span.score, places.get((span.start, span.end), 0.0))
    first = min((start for start, _ in places), default=inf)
    passes = len({one.reading.number for one in said})  # two chunks of one pass may see the same place
    return -round(fsum(places.values()), 6), -passes, 0 if places else -len(said), first, value


def _spans(said: Sequence[_Said]) -> tuple[Span, ...]:
    return _unique(s for one in said for s in one.spans())


def _unique(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The spans, in order, one for each place: the surest."""
    best: dict[tuple[int, int], Span] = {}
    for span in sorted(spans, key=lambda s: (s.start, s.end, -s.score, s.how)):
        best.setdefault((span.start, span.end), span)
    return tuple(best.values())


# -- items of lists


Place: TypeAlias = tuple[Path, Span]  # a leaf of an item, and where it stands


def _groups(items: Sequence[_Said], keys: Sequence[JSON]) -> list[list[_Said]]:
    """Put the items together that are one: at most one of each reading, unless their keys are equal."""
    groups = _Groups(len(items))
    by_key: dict[str, int] = {}
    for i, key in enumerate(keys):
        if key is not None:
            groups.join(by_key.setdefault(canonical(key), i), i)
    open_ = [i for i, key in enumerate(keys) if key is None]
    places = {i: _places(items[i]) for i in open_}
    shared = Counter((items[i].order, path, s.start, s.end) for i in open_ for path, s in places[i])
    known = {i: _Item(items[i], places[i], shared) for i in open_}
    pairs = {
        (a, b): likeness for a, b in _meeting(items, known) if (likeness := _likeness(known[a], known[b])) > 0
    }
    for a, b in sorted(pairs, key=lambda pair: (-pairs[pair], pair)):
        if groups.readings(a, items).isdisjoint(groups.readings(b, items)):
            groups.join(a, b)
    _join_unplaced([i for i in open_ if not places[i]], items, groups, [i for i in open_ if places[i]])
    return [[items[i] for i in group] for group in groups.all()]


def _null_groups(
    items: Sequence[_Said], groups: Sequence[Sequence[_Said]], is_set: bool
) -> list[list[_Said]]:
    """Put the nulls of lists together that are one: they stand equally far behind the same item. A set has
    null once.
    """
    group_of = {(one.order, one.at): i for i, group in enumerate(groups) for one in group}
    found: defaultdict[tuple[Any, ...], list[_Said]] = defaultdict(list)
    place: tuple[Any, ...] = ()
    for before, item in zip((None, *items), items, strict=False):
        if before is None or before.order != item.order or _list_of(before.at) != _list_of(item.at):
            place = (item.reading.start, item.reading.end, _list_of(item.at))
        if item.value is None:
            place = (*place, None)
            found[() if is_set else place].append(item)
        else:
            place = (group_of[item.order, item.at],)
    return [*found.values()]


class _Groups:
    """Disjoint sets of items, by their numbers."""

    def __init__(self, count: int) -> None:
        self._of = list(range(count))
        self._members = {i: [i] for i in range(count)}

    def join(self, a: int, b: int) -> None:
        """Make one group of two."""
        a, b = sorted((self._of[a], self._of[b]))
        if a != b:
            for member in self._members[b]:
                self._of[member] = a
            self._members[a] += self._members.pop(b)

    def readings(self, i: int, items: Sequence[_Said]) -> set[int]:
        """The readings that have said something of an item's group."""
        return {items[member].order for member in self._members[self._of[i]]}

    def of(self, i: int) -> int:
        """The number of an item's group."""
        return self._of[i]

    def all(self) -> list[list[int]]:
        """The groups."""
        return [sorted(members) for members in self._members.values()]


def _places(item: _Said) -> list[Place]:
    """Where the leaves of an item stand that are in no list of its own."""
    return [
        (path, span)
        for path, _ in leaves_of(item.value)
        if not any(isinstance(key, int) for key in path)
        for span in item.spans_of(path)
    ] or [
        (tuple("*" if isinstance(key, int) else key for key in path), span)
        for path, _ in leaves_of(item.value)
        for span in item.spans_of(path)
    ]


def _meeting(items: Sequence[_Said], known: Mapping[int, _Item]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of items of different readings that have a leaf at one place, each the only one there.
    A common heading is a leaf of many items: it proves nothing, and would pair all with all. If very many
    overlap, each is paired with the _NEIGHBOURS before it.
    """
    found = sorted(
        (path, s.start, s.end, i)
        for i, item in known.items()
        for path, s in item.places
        if item.alone_at(path, s)
    )
    seen: set[tuple[int, int]] = set()
    active: list[tuple[int, int]] = []  # end, item
    before: Path | None = None
    for path, start, end, i in found:
        active = [each for each in active if path == before and each[0] > start]
        for _, other in active:
            pair = (min(i, other), max(i, other))
            if items[i].order != items[other].order and pair not in seen:
                seen.add(pair)
                yield pair
        active = [*active[1 - _NEIGHBOURS :], (end, i)]
        before = path


@dataclass(frozen=True, slots=True)
class _Item:
    said: _Said
    places: Sequence[Place]
    shared: Mapping[tuple[int, Path, int, int], int]

    def alone_at(self, path: Path, span: Span) -> bool:
        """Whether no other item of the same reading has this leaf there, as under a common heading."""
        return self.shared[self.said.order, path, span.start, span.end] == 1


def _likeness(one: _Item, other: _Item) -> float:
    """Return how certain it is that two items are one; above 0 they are taken for one. A leaf at the same
    place speaks for it, and a longer leaf more so. A leaf at another place, or with another value, speaks
    against it.
    """
    values, others = dict(leaves_of(one.said.value)), dict(leaves_of(other.said.value))
    here, there = _by_path(one.places), _by_path(other.places)
    total = 0.0
    for path in here.keys() & there.keys():
        meeting = [(a, b) for a in here[path] for b in there[path] if a.start < b.end and b.start < a.end]
        told = [a for a, b in meeting if one.alone_at(path, a) and other.alone_at(path, b)]
        if meeting:
            total += max(map(_weight, told), default=0.0)
        elif "*" not in path and canonical(values[path]) == canonical(others[path]):
            total -= _ELSEWHERE * max(map(_weight, here[path]))
        elif "*" not in path:
            total -= _OTHER
    for path in values.keys() & others.keys():
        unplaced = not (path in here and path in there) and not any(isinstance(key, int) for key in path)
        if unplaced and canonical(values[path]) != canonical(others[path]):
            total -= _INVENTED if path in here or path in there else _OTHER
    return round(total, 6)


def _by_path(places: Sequence[Place]) -> dict[Path, list[Span]]:
    found: defaultdict[Path, list[Span]] = defaultdict(list)
    for path, span in places:
        found[path].append(span)
    return found


def _weight(span: Span) -> float:
    return min(span.end - span.start, _TELLING) / _TELLING


def _join_unplaced(
    unplaced: Sequence[int], items: Sequence[_Said], groups: _Groups, placed: Sequence[int]
) -> None:
    """Join an item that stands nowhere to an equal one of another reading, the n-th to the n-th."""
    equal: defaultdict[str, list[int]] = defaultdict(list)  # one item of each group
    for i in placed:
        equal[canonical(items[i].value)].append(i)
    taken: defaultdict[tuple[str, int], int] = defaultdict(int)  # groups that have an item of a reading
    for i in unplaced:
        value, order = canonical(items[i].value), items[i].order
        at, others = taken[value, order], equal[value]
        while at < len(others) and order in groups.readings(others[at], items):
            at += 1
        if at == len(others):
            others.append(i)
        else:
            groups.join(others[at], i)
        taken[value, order] = at + 1


def _order(groups: Sequence[list[_Said]], parts: Sequence[Merged]) -> list[int]:
    """Return the numbers of the items in the order of the text. An item counts by the median place of its
    leaves, since single leaves may have been taken for a neighbour's. Items that stand nowhere come after the
    one that their chunk has before them.
    """
    places = [_starts(part) for part in parts]
    counts = Counter(place for some in places for place in some)
    where: dict[int, tuple[float, int]] = {}
    for i, some in enumerate(places):
        own = sorted({start for path, start in some if counts[path, start] == 1})
        found = own or sorted({start for _, start in some})
        if found:
            where[i] = (found[(len(found) - 1) // 2], 0)
    numbers = {(one.order, one.at): i for i, group in enumerate(groups) for one in group}
    for order, at in sorted(numbers, key=lambda key: (key[0], _index(key[1]))):
        i = numbers[order, at]
        if i not in where:
            before = numbers.get((order, f"{_list_of(at)}/{_index(at) - 1}"))
            start = next(one.reading.start for one in groups[i] if one.order == order)
            where[i] = (where[before][0], 1) if before is not None else (start - 0.5, 1)
    return sorted(range(len(groups)), key=lambda i: (where[i], _first(groups[i])))


def _with_headings(items: Sequence[Merged], begins: Sequence[int], goes_on: GoesOn) -> list[Merged]:
    """Return items with the values of headings that their chunks did not see. begins: of their chunks."""
    known = [
        ListItem(item.record if is_object(item.record) else {}, item.evidence, begin)
        for item, begin in zip(items, begins, strict=True)
    ]
    found = carried(known, goes_on)
    return [_carrying(item, some) if some else item for item, some in zip(items, found, strict=True)]


def _carrying(item: Merged, headings: Mapping[str, Heading]) -> Merged:
    return replace(
        item,
        record={**item.record, **{name: value for name, (value, _) in headings.items()}},
        evidence={**item.evidence, **{step(name): spans for name, (_, spans) in headings.items()}},
        carried=(*item.carried, *map(step, headings)),
    )


def _starts(part: Merged) -> set[tuple[str, int]]:
    """Where the leaves of an item stand, those outside of its own lists if there are any."""
    found = {(any_index(pointer), s.start) for pointer, spans in part.evidence.items() for s in spans}
    return {(column, start) for column, start in found if "*" not in column} or found


def _first(group: Sequence[_Said]) -> tuple[int, int]:
    return min((one.order, _index(one.at)) for one in group)


def _index(pointer: str) -> int:
    return int(pointer.rpartition("/")[2])


def _list_of(pointer: str) -> str:
    return pointer.rpartition("/")[0]
