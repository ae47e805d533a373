"""Which values of a record a model chooses, so that they need not stand in the text: booleans, enums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import is_dataclass
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel, TypeAdapter

from ..pointers import step

JSON: TypeAlias = Any
DEEPEST = 40


def derived(record: JSON, schema: Mapping[str, JSON]) -> frozenset[str]:
    """Return the JSON pointers of a record's leaves that are booleans, or one of the values that a JSON
    Schema lists.
    """
    return frozenset(_derived(record, [schema], "", schema, 0))


def derived_of(record: Any) -> frozenset[str]:
    """Return the pointers of a record that knows its type; () of one that is plain JSON, but for booleans."""
    found: Mapping[str, JSON] = {}
    if isinstance(record, BaseModel) or is_dataclass(record):
        with suppress(Exception):  # a type without a JSON Schema has no list of values either
            found = TypeAdapter(type(record)).json_schema(mode="serialization")
    return derived(_any().dump_python(record, mode="json", by_alias=True, warnings=False), found)


@cache
def _any() -> TypeAdapter[Any]:
    return TypeAdapter(Any)


def _derived(
    value: JSON, schemas: Sequence[JSON], at: str, root: Mapping[str, JSON], depth: int
) -> Iterator[str]:
    if depth > DEEPEST:
        return
    known = [each for schema in schemas for each in _resolved(schema, root, 0)]
    if isinstance(value, Mapping):
        for name, below in value.items():
            parts = [part for each in known for part in _members(each, str(name))]
            yield from _derived(below, parts, at + step(str(name)), root, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for i, below in enumerate(value):
            parts = [part for each in known for part in _items(each, i)]
            yield from _derived(below, parts, f"{at}/{i}", root, depth + 1)
    elif isinstance(value, bool) or (value is not None and any(value in _listed(each) for each in known)):
        yield at


def _resolved(schema: JSON, root: Mapping[str, JSON], depth: int) -> Iterator[Mapping[str, JSON]]:
    """Yield a schema, what it refers to, and its alternatives."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        yield from _resolved(root.get("$defs", {}).get(reference.removeprefix("#/$defs/")), root, depth + 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(keyword, ()):
            yield from _resolved(each, root, depth + 1)


def _listed(schema: Mapping[str, JSON]) -> Sequence[JSON]:
    found: Sequence[JSON] = schema.get("enum", [schema.get("const")])
    return found


def _members(schema: Mapping[str, JSON], name: str) -> Iterator[JSON]:
    members = schema.get("properties", {})
    yield members[name] if name in members else schema.get("additionalProperties")


def _items(schema: Mapping[str, JSON], index: int) -> Iterator[JSON]:
    first = schema.get("prefixItems", ())
    yield first[index] if index < len(first) else schema.get("items")
