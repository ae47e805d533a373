"""A share of a record type: the members that one request asks for, where one asks for some of them only.

A rewriting of what the compiler reads, so it holds for every target. Its records are plain JSON with these
members alone; `united` puts those of all shares together, and the type judges the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from pydantic_core import from_json

from ...errors import Invalid, Problem
from ...messages import JSON
from ...pointers import Step, pointer, steps_of
from ..nodes import NEVER, PYTHON, Python, Record, Schema, TypeSource, python_of, resolved
from ..problems import invalid, judged

ITEM: Final = 0  # the step from a list to each of its items
REST: Final = -1  # the step from an object to the members that its type does not name
VALUE: Final = -2  # the step from a mapping to each of its values
Place: TypeAlias = tuple[Step, ...]  # names of members, ITEM, REST and VALUE
Tree: TypeAlias = "Mapping[Step, Tree | None] | None"  # by step what is taken of it; None for all
COUNTS: Final = ("minProperties", "maxProperties")
NOT_GIVEN: Final = "was asked for and is missing"


@dataclass(frozen=True)
class Share:
    """The share of a record type that has these places, all else left out.

    places: of members with all that is in them; none lies in another. shown: places that another share has
    and this one repeats, so that the items of a list can be distinguished. named: of the members that stand
    beside a REST, and so are none of it.
    """

    places: tuple[Place, ...]
    shown: tuple[Place, ...] = ()
    named: tuple[Place, ...] = ()

    def __call__(self, source: TypeSource) -> TypeSource:
        """Return the share of a record type as the compiler reads it. `validate` returns plain JSON."""
        tree = tree_of((*self.places, *self.shown))
        schema = _pruned(source, source.schema, tree)
        return replace(source, schema=schema, validate=self._validate(source, tree), core=None)

    def of(self, source: TypeSource, data: JSON) -> JSON:
        """Return what plain JSON of the record type has of this share."""
        return taken(source, source.schema, data, tree_of((*self.places, *self.shown)))

    @property
    def pointers(self) -> tuple[str, ...]:
        """Where the members stand in a record: JSON pointers, with * for the index of each item."""
        return tuple(pointer(["*" if isinstance(s, int) else s for s in place]) for place in self.places)

    def has(self, at: str) -> bool:
        """Whether what stands at a JSON pointer of a record belongs to this share, or holds some of it."""
        steps = steps_of(at)
        return any(self._leads(place, steps) for place in self.places)

    def owns(self, problem: Problem) -> bool:
        """Whether a problem is about what belongs to this share alone."""
        steps, missing = steps_of(problem.pointer), problem.type in ("missing", "required")
        return any(
            len(place) <= len(steps)
            and self._leads(place, steps)
            and not (missing and REST in place[len(steps) - 1 :])
            for place in self.places
        )

    def _leads(self, place: Place, steps: Sequence[str]) -> bool:
        """Whether a place is on the way along some steps, or they on the way to it."""
        return _agree(place, steps) and not (
            place[-1:] == (REST,)
            and any(
                other[:-1] == place[:-1] and len(other) <= len(steps) and _agree(other, steps)
                for other in self.named
            )
        )

    def _validate(self, source: TypeSource, tree: Tree) -> Callable[[str | bytes, Any], JSON]:
        def validate(text: str | bytes, context: Any) -> JSON:
            data = taken(source, source.schema, from_json(text), tree)
            problems = list(_missing(source, source.schema, data, tree, ()))
            try:
                judged(source, data, context)
            except Invalid as error:
                problems += [p for p in error.problems if self.owns(p)]
            except MemoryError:
                raise
            except Exception:  # the type's own code may need the other members: it is run on the whole
                return _checked(data, problems)
            return _checked(data, problems)

        return validate


def _checked(data: JSON, problems: list[Problem]) -> JSON:
    if problems:
        raise invalid(list({(p.pointer, p.type): p for p in problems}.values()))
    return data


def _agree(place: Place, steps: Sequence[str]) -> bool:
    return all(map(_is_step, place, steps))


def _is_step(step: Step, said: str) -> bool:
    if isinstance(step, int):
        return step != ITEM or said.isdecimal()
    return step == said


def tree_of(places: Sequence[Place]) -> Tree:
    """Return places as a tree; () is all."""
    if () in places:
        return None
    by_step: dict[Step, list[Place]] = {}
    for place in places:
        by_step.setdefault(place[0], []).append(place[1:])
    return {step: tree_of(rest) for step, rest in by_step.items()}


def taken(source: TypeSource, schema: Schema, data: JSON, tree: Tree) -> JSON:
    """Return of plain JSON what a tree has."""
    if tree is None:
        return data
    schema = resolved(source, schema)
    if isinstance(data, list) and ITEM in tree:
        return [taken(source, schema["items"], item, tree[ITEM]) for item in data]
    python = python_of(schema)
    if isinstance(data, dict) and VALUE in tree:
        values = _values(schema)
        return {key: taken(source, values, value, tree[VALUE]) for key, value in data.items()}
    if not isinstance(data, dict) or python is None or not isinstance(python.data, Record):
        return data
    names, parts = {member.key for member in python.data.members}, schema["properties"]
    return {
        key: taken(source, parts[key], value, tree[key]) if key in tree and key in parts else value
        for key, value in data.items()
        if key in tree or (REST in tree and key not in names)
    }


# The schema


def _values(schema: Schema) -> Schema:
    """Return the node of a mapping's values."""
    values: Schema = schema[PYTHON].data.values
    return values


def passed(source: TypeSource, schema: Schema) -> tuple[str, ...]:
    """Return the references that `resolved` goes along."""
    refs = list[str]()
    while "$ref" in schema or ((python := python_of(schema)) and python.kind in ("nullable", "root")):
        if "$ref" in schema:
            if schema["$ref"] in refs:
                break
            refs.append(schema["$ref"])
            schema = source.definitions.get(schema["$ref"], NEVER)
        else:
            schema = schema[PYTHON].data
    return tuple(refs)


def _pruned(source: TypeSource, schema: Schema, tree: Tree) -> Schema:
    """Return a node with what a tree has of it."""
    if tree is None:
        return schema
    python = python_of(schema)
    if "$ref" in schema:
        said: Schema = {key: schema[key] for key in ("description", "title") if key in schema}
        return {**_pruned(source, source.definitions.get(schema["$ref"], NEVER), tree), **said}
    if python is not None and python.kind in ("nullable", "root"):
        return {**schema, PYTHON: replace(python, data=_pruned(source, python.data, tree))}
    if ITEM in tree:
        items = _pruned(source, schema["items"], tree[ITEM])
        return {**{key: value for key, value in schema.items() if key != "uniqueItems"}, "items": items}
    if VALUE in tree:
        values = _pruned(source, _values(schema), tree[VALUE])
        python = replace(schema[PYTHON], data=replace(schema[PYTHON].data, values=values))
        return {**schema, PYTHON: python}
    assert python is not None  # noqa: S101  what has members is an object of Python's
    return _with_members(source, schema, python, tree)


def _with_members(source: TypeSource, schema: Schema, python: Python, tree: Any) -> Schema:
    record: Record = python.data
    kept = [member for member in record.members if member.key in tree]
    others = tuple(member.name for member in record.members if member.key not in tree)
    extras = record.extras if REST in tree else None
    is_open = record.extras is not None and extras is None
    left = replace(record, members=kept, extras=extras, elsewhere=others, is_open=is_open)
    properties = {
        key: _pruned(source, part, tree[key]) for key, part in schema["properties"].items() if key in tree
    }
    rest = {key: value for key, value in schema.items() if key not in (*COUNTS, "properties", "required")}
    required = [key for key in schema.get("required", ()) if key in tree]
    return {**rest, "properties": properties, "required": required, PYTHON: replace(python, data=left)}


def _missing(source: TypeSource, schema: Schema, data: JSON, tree: Tree, at: Place) -> Iterator[Problem]:
    """Yield a problem for each member that has to be there and is not, in the objects that shares divide."""
    if tree is None:
        return
    schema = resolved(source, schema)
    if isinstance(data, list) and ITEM in tree:
        for i, item in enumerate(data):
            yield from _missing(source, schema["items"], item, tree[ITEM], (*at, i))
    python = python_of(schema)
    if isinstance(data, dict) and VALUE in tree:
        for key, value in data.items():
            yield from _missing(source, _values(schema), value, tree[VALUE], (*at, key))
    if not isinstance(data, dict) or python is None or not isinstance(python.data, Record):
        return
    for member in python.data.members:
        if member.key not in tree:
            continue
        if member.key in data:
            below = schema["properties"][member.key]
            yield from _missing(source, below, data[member.key], tree[member.key], (*at, member.key))
        elif member.required:
            yield Problem(pointer((*at, member.key)), NOT_GIVEN, type="missing")


# The whole


@dataclass
class United:
    """What shares gave, put together. problems: where they do not agree."""

    data: JSON = None
    problems: list[Problem] = field(default_factory=list)


def united(shares: Sequence[Share], found: Sequence[JSON]) -> United:
    """Return the plain JSON that the plain JSON of shares is together.

    A list that several shares divide is put together item by item: by what is shown of each where that tells
    the items apart, else by their order. If its lengths differ, the longest stays as it is, and a problem
    names the list.
    """
    whole = United()
    for share, data in zip(shares, found, strict=True):
        whole.data = _joined(whole, whole.data, data, tree_of(share.places), tree_of(share.shown), ())
    return whole


def _joined(whole: United, before: JSON, data: JSON, tree: Tree, shown: Tree, at: Place) -> JSON:
    if data is None or before is None or tree is None:
        return before if data is None else data
    if isinstance(before, dict) and isinstance(data, dict) and VALUE in tree:
        below = (shown or {}).get(VALUE, {})
        return before | {
            key: _joined(whole, before.get(key), value, tree[VALUE], below, (*at, key))
            for key, value in data.items()
        }
    if isinstance(before, dict) and isinstance(data, dict):
        known = shown or {}
        return before | {
            key: _joined(whole, before.get(key), value, tree.get(key), known.get(key, {}), (*at, key))
            for key, value in data.items()
            if key in tree or (REST in tree and key not in known)
        }
    if isinstance(before, list) and isinstance(data, list) and ITEM in tree:
        return _items(whole, before, data, tree[ITEM], (shown or {}).get(ITEM, {}), at)
    whole.problems.append(Problem(pointer(at), "the parts give it in different forms", data, "parts"))
    return before


def _items(whole: United, before: list[JSON], data: list[JSON], tree: Tree, shown: Tree, at: Place) -> JSON:
    data = _in_order(before, data, shown)
    if len(before) != len(data):
        reason = f"one part gives {len(before)} items and another {len(data)}"
        whole.problems.append(Problem(pointer(at), reason, len(data), "parts"))
    more = before[len(data) :] if len(before) > len(data) else []
    both = zip(before, data, strict=False)
    return [_joined(whole, a, b, tree, shown, (*at, i)) for i, (a, b) in enumerate(both)] + more


def _in_order(before: list[JSON], data: list[JSON], shown: Tree) -> list[JSON]:
    """Return items in the order of others, where what is shown of each tells them all apart."""
    if not shown or len(before) != len(data):
        return data
    told, keys = [_shown_of(item, shown) for item in before], [_shown_of(item, shown) for item in data]
    if told == keys or len(set(keys)) < len(keys) or set(keys) != set(told):
        return data
    at = dict(zip(keys, data, strict=True))
    return [at[key] for key in told]


def _shown_of(item: JSON, shown: Mapping[Step, Tree]) -> str:
    return repr([item.get(key) for key in shown] if isinstance(item, dict) else item)
