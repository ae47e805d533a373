"""A record type divided into shares, each small enough to be asked for at once. Pure.

It is cut along its own structure: an object stays whole where it fits, and members that stand beside each
other stay together. Only an object that is too large is cut into its members, and a list whose items are too
large into columns. What still is too large alone is a share of its own, and the compiler says what becomes
of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import TypeAlias

from ..errors import SchemaError
from .forms.shares import ITEM, REST, VALUE, Place, Share, passed
from .nodes import PYTHON, Map, Member, Record, Schema, TypeSource, below, python_of, resolved

Fits: TypeAlias = Callable[[Share], bool]
MOST_SHARES = 200  # of one record type
ANY_NUMBER = 10**9  # fields of a share, if there is no bound
LOOK_AHEAD = 10_000  # places that are packed at a time
SHOWN = 2  # members of an item that are repeated in each share of its list


def divide(source: TypeSource, fits: Fits, most: int | None = None, count: int | None = None) -> list[Share]:
    """Return the shares of a record type in its order; one with the place () if it is not divided.

    fits: whether a target takes a share. most: fields of each, with those inside. count: into how many shares
    to divide it, as far as it can be: it may take more to fit, and there are fewer where there are fewer
    members. Raises SchemaError if it takes more than MOST_SHARES.
    """
    tree = _Tree(source)
    if count is not None:
        enough = range(1, max(1, tree.together([()])))
        bound = bisect_left(enough, True, key=lambda most: _within(tree.packed(most, _always), count))
        most = min(most or ANY_NUMBER, bound + 1)
    shares = list(islice(tree.packed(most or ANY_NUMBER, cache(fits)), MOST_SHARES + 1))
    if len(shares) > MOST_SHARES:
        raise SchemaError(f"the type would take more than {MOST_SHARES} requests, each for a part of it")
    return shares


def _within(shares: Iterator[Share], count: int) -> bool:
    return len(list(islice(shares, count + 1))) <= count


def _always(share: Share) -> bool:
    return True


class _Tree:
    """The places of a record type, as they can be cut."""

    def __init__(self, source: TypeSource) -> None:
        self._source = source
        self._weights: dict[Place, tuple[int, frozenset[str]]] = {}
        self._of: dict[str, int] = {}

    def packed(self, most: int, fits: Fits) -> Iterator[Share]:
        """Yield shares of neighbours, each as large as it may be."""

        def takes(places: Sequence[Place]) -> bool:
            return self.together(places) <= most and fits(self._share(places))

        units, waiting, size = self._units((), takes, ()), list[Place](), 1
        while True:
            waiting += islice(units, max(0, LOOK_AHEAD - len(waiting)))
            if not waiting:
                return
            size = _longest(size, len(waiting), lambda n: takes(waiting[:n]))  # noqa: B023
            yield self._share(waiting[:size])
            waiting = waiting[size:]

    def together(self, places: Sequence[Place]) -> int:
        """Return the fields of several places; what they refer to counts once, as in a schema."""
        weights = [self.weigh(place) for place in places]
        refs = frozenset[str]().union(*(refs for _, refs in weights))
        return sum(own for own, _ in weights) + sum(map(self._size_of, refs))

    def weigh(self, place: Place) -> tuple[int, frozenset[str]]:
        """Return the fields of a place, and the definitions that it refers to."""
        if place not in self._weights:
            if place and place[-1] == REST:
                self._weights[place] = 1, frozenset()
            else:
                own, refs = self._counted(self._schema(place))
                self._weights[place] = own + bool(place), self._reached(refs)
        return self._weights[place]

    def _counted(self, schema: Schema) -> tuple[int, frozenset[str]]:
        """Return the members in a node, references aside, and the references."""
        if "$ref" in schema:
            return 0, frozenset({schema["$ref"]})
        found = [self._counted(part) for part in _parts(schema)]
        refs = frozenset[str]().union(*(refs for _, refs in found))
        return len(schema.get("properties", ())) + sum(own for own, _ in found), refs

    def _reached(self, refs: frozenset[str]) -> frozenset[str]:
        seen, pending = set[str](), list(refs)
        while pending:
            ref = pending.pop()
            if ref not in seen:
                seen.add(ref)
                own, more = self._counted(self._source.definitions.get(ref, {}))
                self._of[ref] = own
                pending += more
        return frozenset(seen)

    def _size_of(self, ref: str) -> int:
        return self._of[ref]

    def _schema(self, place: Place) -> Schema:
        schema = self._source.schema
        for step in place:
            schema = resolved(self._source, schema)
            if step == ITEM:
                schema = schema["items"]
            elif step == VALUE:
                schema = schema[PYTHON].data.values
            else:
                schema = schema.get("properties", {}).get(step, {})
        return schema

    def _units(
        self, place: Place, takes: Callable[[Sequence[Place]], bool], around: tuple[str, ...]
    ) -> Iterator[Place]:
        """Yield the places to pack: one that fits alone, else those inside. around: references on the way."""
        own, refs = self.weigh(place)
        if place and own == 1 and not refs:
            yield place  # a value: nothing of it can be cut
            return
        children = self._children(place, around)
        if not children or takes([place]):
            yield place
            return
        inner = (*around, *passed(self._source, self._schema(place)))
        for child in children:
            yield from self._units(child, takes, inner)

    def _children(self, place: Place, around: tuple[str, ...]) -> list[Place]:
        """Return the places that a place can be cut into; none if it can't be."""
        if place and place[-1] == REST:
            return []
        schema = self._schema(place)
        if not set(around).isdisjoint(passed(self._source, schema)):  # it holds itself
            return []
        node = resolved(self._source, schema)
        python = python_of(node)
        if python is None:
            return []
        if python.kind == "array" and "items" in node:
            return self._inside([(*place, ITEM)], around)
        if python.kind == "map" and isinstance(python.data, Map) and not python.data.marked:
            return self._inside([(*place, VALUE)], around)
        if python.kind != "object" or not isinstance(python.data, Record):
            return []
        if any(member.path is not None for member in python.data.members):
            return []
        children: list[Place] = [(*place, m.key) for m in python.data.members]
        children += [(*place, REST)] if python.data.extras else []
        return children if len(children) > 1 else self._inside(children, around)

    def _inside(self, only: list[Place], around: tuple[str, ...]) -> list[Place]:
        """Return the one place inside another if it can be cut itself; else none."""
        return [place for place in only if self._children(place, around)]

    def _share(self, places: Sequence[Place]) -> Share:
        shown: dict[Place, None] = {}
        for place in places:
            for i in range(len(place), 0, -1):
                if place[i - 1] == ITEM:
                    shown |= dict.fromkeys(self._telling(place[:i]))
        own = set(places)
        rests = [place[:-1] for place in places if place[-1:] == (REST,)]
        named = [(*at, member.key) for at in rests for member in self._members(at)]
        return Share(tuple(places), tuple(p for p in shown if p not in own), tuple(named))

    def _telling(self, item: Place) -> list[Place]:
        """Return the members that tell the items of a list from each other: its first values."""
        values = [m for m in self._members(item) if self._is_value((*item, m.key))]
        return [(*item, member.key) for member in values[:SHOWN]]

    def _members(self, place: Place) -> list[Member]:
        """Return the members of an object; none if the schema is not that of an object."""
        python = python_of(resolved(self._source, self._schema(place)))
        return python.data.members if python is not None and isinstance(python.data, Record) else []

    def _is_value(self, place: Place) -> bool:
        return self.weigh(place) == (1, frozenset()) and _is_scalar(
            resolved(self._source, self._schema(place))
        )


def _is_scalar(node: Schema) -> bool:
    python = python_of(node)
    return python is not None and python.kind not in ("array", "map", "any", "tuple", "union", "json")


def _parts(schema: Schema) -> list[Schema]:
    """Return the nodes below one, each once."""
    return list({id(part): part for part in below(schema)}.values())


def _longest(guess: int, most: int, takes: Callable[[int], bool]) -> int:
    """Return the greatest number up to `most` that is taken, 1 at least; each number below it is taken."""
    low, step = 1, 1
    if guess > 1 and guess <= most and takes(guess):
        low = guess
    high = most + 1
    while low + step < high:
        if takes(low + step):
            low, step = low + step, step * 2
        else:
            high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if takes(middle) else (low, middle)
    return low
