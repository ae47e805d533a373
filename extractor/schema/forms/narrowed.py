"""Unions that are decided first: which of their members a text gives, and then only these are asked for.

A rewriting of what the compiler reads, so it holds for every target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from pydantic_core import from_json, to_json

from ...messages import JSON
from ...pointers import pointer
from ..nodes import NEVER, PYTHON, TAG, Choices, Map, Record, Schema, TypeSource, below, python_of, resolved
from ..nodes import VALUE as VALUE_OF_TAG
from .shares import ITEM, VALUE, Place, passed

Kept: TypeAlias = tuple[tuple[Place, tuple[str, ...]], ...]  # labels of the members that are left, by place
MOST_FORKS: Final = 20  # unions that one request decides
MOST_STEPS: Final = 10_000  # places that are looked at
TOLD: Final = 200  # characters of a member's description
ASKED: Final = "Which kinds of objects the text gives. Their values are asked for later."


@dataclass(frozen=True)
class Fork:
    """A union of a record type. labels: of its members. told: what each is, "" where nothing says it. sizes:
    the fields of each. many: whether a record may have values of several members, as in a list. optional:
    whether it may have none.
    """

    place: Place
    labels: tuple[str, ...]
    told: tuple[str, ...]
    sizes: tuple[int, ...]
    many: bool
    optional: bool

    @property
    def pointer(self) -> str:
        """Where it stands in a record: a JSON pointer, with * for the index of each item."""
        return pointer(["*" if isinstance(s, int) else s for s in self.place])

    @property
    def largest(self) -> str:
        """The label of the member with most fields."""
        return max(zip(self.sizes, self.labels, strict=True), key=lambda each: each[0])[1]

    @property
    def smallest(self) -> str:
        """The label of the member with least fields, which stands for none."""
        return min(zip(self.sizes, self.labels, strict=True), key=lambda each: each[0])[1]

    def question(self) -> Schema:
        """Return the JSON Schema of what decides it."""
        words = [f"{label}: {told}" for label, told in zip(self.labels, self.told, strict=True) if told]
        one: Schema = {"enum": list(self.labels)}
        of = f"the values of {self.pointer}" if self.pointer else "the record"
        if self.many:
            return {
                "type": "array",
                "items": one,
                "description": _said(f"Each kind among {of}, once.", words),
            }
        description = _said(f"The kind of {of}.", words)
        if self.optional:
            return {"anyOf": [one, {"type": "null"}], "description": description}
        return {**one, "description": description}

    def kept(self, answer: JSON) -> tuple[str, ...]:
        """Return the labels that an answer has; the smallest member's if it has none."""
        found = answer if isinstance(answer, list) else [answer]
        return tuple(label for label in self.labels if label in found) or (self.smallest,)


def _said(first: str, words: Sequence[str]) -> str:
    return " ".join([first, "; ".join(words)]).strip()


def fork_question(forks: Sequence[Fork]) -> dict[str, JSON]:
    """Return the JSON Schema of the record that decides unions."""
    names = fork_names(forks)
    properties = {name: fork.question() for name, fork in zip(names, forks, strict=True)}
    return {
        "title": "Kinds",
        "description": ASKED,
        "type": "object",
        "properties": properties,
        "required": names,
        "additionalProperties": False,
    }


def fork_names(forks: Sequence[Fork]) -> list[str]:
    """Return the members of that record, one for each union."""
    names = list[str]()
    for fork in forks:
        name = "_".join(["kind", *(step for step in fork.place if isinstance(step, str))])
        names.append(name if name not in names else f"{name}_{len(names)}")
    return names


def kept_by(forks: Sequence[Fork], record: Mapping[str, JSON]) -> Kept:
    """Return what the record that decides unions leaves of them."""
    names = fork_names(forks)
    return tuple((f.place, f.kept(record.get(name))) for f, name in zip(forks, names, strict=True))


# Where a type has unions


def forks_in(source: TypeSource) -> list[Fork]:
    """Return the outermost unions of a record type, in its order. Those in members of their own are none:
    such a type is recursive.
    """
    found, pending = list[Fork](), [_At((), source.schema)]
    for _ in range(MOST_STEPS):
        if not pending:
            break
        at = pending.pop()
        refs = passed(source, at.schema)
        if not at.around.isdisjoint(refs):
            continue
        node, around = resolved(source, at.schema), at.around.union(refs)
        optional = at.optional or _may_be_null(source, at.schema)
        data = getattr(python_of(node), "data", None)
        if isinstance(data, Choices) and len(data.schemas) > 1:
            reached = _reached(source, data.schemas)
            if around.isdisjoint(reached):
                found.append(_fork(source, at, data, optional))
            continue
        below = [
            _At((*at.place, step), schema, around, at.many or not isinstance(step, str), optional or may_lack)
            for step, schema, may_lack in _steps(node, data)
        ]
        pending += reversed(below)
    return found


@dataclass(frozen=True)
class _At:
    """A place on the way. around: references that lead to it."""

    place: Place
    schema: Schema
    around: frozenset[str] = frozenset()
    many: bool = False
    optional: bool = False


def _steps(node: Schema, data: Any) -> Iterator[tuple[str | int, Schema, bool]]:
    if isinstance(data, Record):
        for member in data.members:
            yield member.key, node.get("properties", {}).get(member.key, NEVER), not member.required
    elif isinstance(data, Map):
        yield VALUE, data.values, True
    elif isinstance(node.get("items"), dict) and getattr(python_of(node), "kind", "") == "array":
        yield ITEM, node["items"], True


def _may_be_null(source: TypeSource, schema: Schema) -> bool:
    for _ in range(100):
        python = python_of(schema)
        if "$ref" in schema:
            schema = source.definitions.get(schema["$ref"], NEVER)
        elif python is not None and python.kind == "root":
            schema = python.data
        else:
            return python is not None and python.kind == "nullable"
    return False


def _fork(source: TypeSource, at: _At, choices: Choices, optional: bool) -> Fork:
    return Fork(
        at.place,
        tuple(choices.labels),
        tuple(_described(source, each) for each in choices.schemas),
        tuple(_fields(source, each) for each in choices.schemas),
        at.many,
        optional,
    )


def _described(source: TypeSource, schema: Schema) -> str:
    told = str(schema.get("description") or resolved(source, schema).get("description") or "")
    return " ".join(told.split())[:TOLD]


def _fields(source: TypeSource, schema: Schema) -> int:
    """Return the fields of a node with all that it refers to."""
    roots = [schema, *(source.definitions.get(ref, NEVER) for ref in _reached(source, [schema]))]
    return sum(map(_own_fields, roots))


def _own_fields(schema: Schema) -> int:
    inner = {id(part): part for part in below(schema)}.values()
    return len(schema.get("properties", ())) + sum(map(_own_fields, inner))


def _reached(source: TypeSource, schemas: Sequence[Schema]) -> frozenset[str]:
    seen, pending = set[str](), list(schemas)
    while pending:
        schema = pending.pop()
        ref = schema.get("$ref")
        if isinstance(ref, str):
            if ref not in seen:
                seen.add(ref)
                pending.append(source.definitions.get(ref, NEVER))
        else:
            pending += {id(part): part for part in below(schema)}.values()
    return frozenset(seen)


# What is left of it


@dataclass(frozen=True)
class Narrowed:
    """The record type of whose unions only these members are left."""

    kept: Kept

    def __call__(self, source: TypeSource) -> TypeSource:
        """Return the record type as the compiler reads it. `validate` is that of the whole type."""
        schema, marks = source.schema, dict[Place, str]()
        for place, labels in self.kept:
            schema = _narrowed(source, schema, place, lambda node: _left(node, labels, place, marks))  # noqa: B023
        if not marks:
            return replace(source, schema=schema, core=None)

        def validate(text: str | bytes, context: Any) -> Any:
            data = from_json(text)
            for place, mark in marks.items():
                data = _marked(data, place, mark)
            return source.validate(to_json(data, inf_nan_mode="constants"), context)

        return replace(source, schema=schema, validate=validate, core=None)


def _narrowed(source: TypeSource, schema: Schema, place: Place, leave: Callable[[Schema], Schema]) -> Schema:
    python = python_of(schema)
    if "$ref" in schema:
        said: Schema = {key: schema[key] for key in ("description", "title") if key in schema}
        return {**_narrowed(source, source.definitions.get(schema["$ref"], NEVER), place, leave), **said}
    assert python is not None  # noqa: S101  the way to a union is known
    if python.kind in ("nullable", "root"):
        return {**schema, PYTHON: replace(python, data=_narrowed(source, python.data, place, leave))}
    if not place:
        return leave(schema)
    step, rest = place[0], place[1:]
    if step == ITEM:
        return {**schema, "items": _narrowed(source, schema["items"], rest, leave)}
    if step == VALUE:
        values = _narrowed(source, python.data.values, rest, leave)
        return {**schema, PYTHON: replace(python, data=replace(python.data, values=values))}
    inner = _narrowed(source, schema["properties"][step], rest, leave)
    return {**schema, "properties": {**schema["properties"], step: inner}}


def _left(schema: Schema, labels: Sequence[str], place: Place, marks: dict[Place, str]) -> Schema:
    """Return a union with some of its members: the only one itself. Its mark, if Pydantic needs one to know
    which it is, goes to `marks`.
    """
    choices: Choices = schema[PYTHON].data
    at = [i for i, label in enumerate(choices.labels) if label in labels]
    schemas, own = [choices.schemas[i] for i in at], [choices.marks[i] for i in at if choices.marks]
    if len(schemas) == 1:
        marks.update((place, mark) for mark in own)
        return schemas[0]
    left = replace(choices, labels=[choices.labels[i] for i in at], schemas=schemas, marks=own)
    return {**schema, "anyOf": schemas, PYTHON: replace(schema[PYTHON], data=left)}


def _marked(data: JSON, place: Place, mark: str) -> JSON:
    """Return JSON in which each value of a union says which of its members is meant."""
    if data is None:
        return None
    if not place:
        return {TAG: mark, VALUE_OF_TAG: data}
    step, rest = place[0], place[1:]
    if step == ITEM and isinstance(data, list):
        return [_marked(item, rest, mark) for item in data]
    if step == VALUE and isinstance(data, dict):
        return {key: _marked(value, rest, mark) for key, value in data.items()}
    if isinstance(data, dict) and step in data:
        return {**data, step: _marked(data[step], rest, mark)}
    return data
