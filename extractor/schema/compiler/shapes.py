"""What nodes look like on the wire, one level down: enough to tell the members of a union apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...messages import JSON
from ..nodes import EVERY_TYPE, Choices, Map, Record, Schema, json_type, python_of
from ..strict import as_text
from .targets import says_number
from .walk import Walk

FILLER = "empty"  # the member of objects without members, where they must have one
EXACT_INTEGERS = 2**53  # engines that read numbers as doubles mistake larger ones
DEEP = 8  # levels of unions in unions; past them nothing is known


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of a node. known: the members of a closed object, None if it is open. values: all
    that it can be, with their JSON types; None if they are many. constants: members that are.
    """

    types: frozenset[str]
    values: frozenset[Any] | None = None
    required: frozenset[str] = frozenset()
    known: frozenset[str] | None = None
    constants: tuple[tuple[str, frozenset[Any]], ...] = ()

    def fits(self, data: JSON) -> bool:
        """Return whether strict JSON may be of this shape."""
        kind = json_type(data)
        if kind not in self.types and not self._takes_number(data):
            return False
        if self.values is not None:
            is_whole = isinstance(data, float) and data.is_integer()
            return (kind, data) in self.values or (is_whole and ("integer", data) in self.values)
        return not isinstance(data, dict) or self._has_members(data)

    def _takes_number(self, data: JSON) -> bool:
        if isinstance(data, float):
            return "integer" in self.types and data.is_integer()
        return isinstance(data, int) and not isinstance(data, bool) and "number" in self.types

    def _has_members(self, data: Schema) -> bool:
        if not self.required <= data.keys() or (self.known is not None and not data.keys() <= self.known):
            return False
        said = ((data[key], values) for key, values in self.constants)
        return all(isinstance(v, dict | list) or (json_type(v), v) in values for v, values in said)

    def apart(self, other: Shape) -> bool:
        """Return whether no JSON is of both shapes."""
        shared = self.types & other.types
        if not shared and not {"integer", "number"} <= self.types | other.types:
            return True
        if self.values is not None and other.values is not None:
            return not self.values & other.values
        return shared == {"object"} and self._objects_apart(other)

    def _objects_apart(self, other: Shape) -> bool:
        mine, theirs = dict(self.constants), dict(other.constants)
        return (
            (other.known is not None and not self.required <= other.known)
            or (self.known is not None and not other.required <= self.known)
            or any(not mine[key] & theirs[key] for key in mine.keys() & theirs.keys())
        )


def box(key: str) -> Shape:
    """Return the shape of an object that has this one member."""
    return Shape(frozenset({"object"}), required=frozenset({key}), known=frozenset({key}))


def of_type(*types: str) -> Shape:
    """Return the shape of JSON of these types."""
    return Shape(frozenset(types))


def typed(values: Iterable[JSON]) -> frozenset[Any]:
    """Return scalars with their JSON types, so that 1 and true stay apart."""
    return frozenset((json_type(v), v) for v in values if not isinstance(v, dict | list))


def sent(value: JSON) -> JSON:
    """Return how one of a few values is said: as text, where it is no scalar or no double holds it."""
    if isinstance(value, dict | list):
        return as_text(value)
    if isinstance(value, int) and abs(value) > EXACT_INTEGERS:
        return str(value)
    return value


def ambiguous(shapes: list[list[Shape]], labels: list[str]) -> set[int]:
    """Return which members of a union have the shape of another one."""
    tags = {
        i
        for i, mine in enumerate(shapes)
        if any(not a.apart(b) for j, others in enumerate(shapes) if i != j for a in mine for b in others)
    }
    boxes = [box(labels[i]) for i in tags]
    return tags | {i for i, mine in enumerate(shapes) if any(not a.apart(b) for a in mine for b in boxes)}


def shapes_of(walk: Walk, schema: Schema, depth: int = 0) -> list[Shape]:
    """Return the forms that `schema` has on the wire of the walk's target."""
    if walk.is_too_deep(schema, depth + 1):
        return [of_type("string")]
    if "$ref" in schema and walk.is_said_as_text(schema["$ref"]):
        return [of_type("string")]
    schema = walk.resolved(schema)
    python = python_of(schema)
    if python is None:
        return _foreign_shapes(schema)
    kind, data = python.kind, python.data
    if kind == "any" or depth > DEEP:
        return [Shape(EVERY_TYPE)]
    if kind in ("root", "json"):
        return shapes_of(walk, data, depth + 1)
    if kind == "nullable":
        return [*shapes_of(walk, data, depth + 1), of_type("null")]
    if kind == "union":
        return _union_shapes(walk, data, depth)
    if kind == "choice":
        values = [sent(said) for said, _ in data]
        return [Shape(frozenset(map(json_type, values)), typed(values))]
    if kind == "object":
        return [_object_shape(walk, schema, data)]
    return [of_type(*_TYPES[kind](walk, schema, data))] if kind in _TYPES else [of_type(schema["type"])]


_TYPES: Any = {
    "map": lambda walk, schema, data: ["object" if maps_plainly(walk, data) else "array"],
    "tuple": lambda walk, schema, data: ["array", "object"],
    "decimal": lambda walk, schema, data: ["number" if says_number(walk.target, data) else "string"],
    "float": lambda walk, schema, data: ["number", "string"] if data else ["number"],
}


def _foreign_shapes(schema: Schema) -> list[Shape]:
    if "enum" in schema or "const" in schema:
        values = [sent(value) for value in schema.get("enum", [schema.get("const")])]
        return [Shape(frozenset(map(json_type, values)), typed(values))]
    return [of_type(schema["type"])] if isinstance(schema.get("type"), str) else [Shape(EVERY_TYPE)]


def _union_shapes(walk: Walk, choices: Choices, depth: int) -> list[Shape]:
    found = [shape for schema in choices.schemas for shape in shapes_of(walk, schema, depth + 1)]
    return [*found, *map(box, choices.labels)]


def _object_shape(walk: Walk, schema: Schema, record: Record) -> Shape:
    names = {member.key: walk.target.legal_property(member.key) for member in record.members}
    if not names and record.extras is None and not walk.target.empty_objects:
        return box(FILLER)
    must = [m for m in record.members if walk.target.all_required or m.required]
    must = [m for m in must if not walk.must_be_optional(schema["properties"].get(m.key, {}))]
    constants = []
    for member in must:
        python = python_of(walk.resolved(schema["properties"].get(member.key, {})))
        if python and python.kind == "choice":
            values = typed(sent(said) for said, _ in python.data)
            null = frozenset() if member.required else frozenset({("null", None)})
            constants.append((names[member.key], values | null))
    required = frozenset(names[member.key] for member in must)
    if walk.kept is not None:  # some members may be said elsewhere
        return of_type("object")
    known = frozenset(names.values()) if record.extras is None else None
    return Shape(frozenset({"object"}), required=required, known=known, constants=tuple(constants))


def maps_plainly(walk: Walk, mapping: Map) -> bool:
    """Return whether the target takes such a mapping as an object."""
    python = python_of(walk.resolved(mapping.keys))
    plain_keys = python is None or (python.kind in ("leaf", "any") and python.type in (None, str))
    return walk.target.maps and plain_keys and not mapping.marked


def takes_null(walk: Walk, schema: Schema) -> bool:
    """Return whether null is a legal value of `schema`."""
    return any("null" in shape.types for shape in shapes_of(walk, schema))
