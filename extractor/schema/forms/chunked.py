"""Record types as the chunks of a long text have them: no chunk has to hold what the whole has to.

A rewriting of what the compiler reads, so it holds for every target: each member may be left out, and lists
may be empty. Records are plain JSON without nulls, to be merged; then `whole` makes a record of the type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from pydantic_core import from_json

from ...errors import Invalid, Problem
from ...evidence.leaves import value_at
from ...messages import JSON
from ...pointers import Step, pointer, steps_of
from ..nodes import (
    ABSENT,
    NEVER,
    PYTHON,
    TAG,
    VALUE,
    Choices,
    Map,
    Record,
    Schema,
    TypeSource,
    below,
    mapped,
    python_of,
    resolved,
)
from ..problems import invalid, judged, unmarked

Path: TypeAlias = tuple[Step, ...]
MISSING = ("missing", "required")  # Pydantic's type of problem, and JSON Schema's
AT_LEAST = ("minItems", "minProperties")
NOWHERE = "no part of the text gives it"


@dataclass(frozen=True)
class Chunked:
    """A record type of which each chunk of a text gives a part, as plain JSON."""

    record_type: Any


def with_gaps(source: TypeSource) -> TypeSource:
    """Return a record type as the compiler reads it, with nothing that has to be there."""
    return replace(mapped(source, _with_gaps), validate=_validate(source))


# The schema


def _with_gaps(schema: Schema) -> Schema:
    """Return a node that may be empty, and whose members may all be left out."""
    python = schema[PYTHON]
    if isinstance(python.data, Record):
        members = [m if _is_constant(schema, m.key) else _optional(m) for m in python.data.members]
        python = replace(python, data=replace(python.data, members=members))
    return {**{key: value for key, value in schema.items() if key not in AT_LEAST}, PYTHON: python}


def _optional(member: Any) -> Any:
    return replace(member, required=False, default=None if member.default is ABSENT else member.default)


def _is_constant(schema: Schema, key: str) -> bool:
    """Whether a member can have one value only, which often tells what kind of object it is."""
    python = python_of(schema["properties"].get(key, {}))
    return python is not None and python.kind == "choice" and len(python.data) == 1


# The records of chunks


def _validate(source: TypeSource) -> Callable[[str | bytes, Any], JSON]:
    def validate(text: str | bytes, context: Any) -> JSON:
        data = _told(source, source.schema, from_json(text))
        try:
            judged(source, data, context)
        except Invalid as error:
            if wrong := _of_values(error.problems, data, source):
                raise invalid(wrong) from error
        return data

    return validate


def _told(source: TypeSource, schema: Schema, data: JSON) -> JSON:
    """Return plain JSON without the members that are null: a chunk says so where it says nothing."""
    schema = resolved(source, schema)
    if isinstance(data, list):
        return [_told(source, _inner(schema, i) or {}, item) for i, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    if data.keys() == {TAG, VALUE}:
        return {**data, VALUE: _told(source, schema, data[VALUE])}
    branches = _branches(source, schema)
    members = {m.key for node in branches if isinstance(r := _data(node), Record) for m in r.members}
    inner = branches[0] if len(branches) == 1 else {}
    return {
        key: _told(source, _inner(inner, key) or {}, value)
        for key, value in data.items()
        if value is not None or key not in members
    }


def _data(node: Schema) -> Any:
    python = python_of(node)
    return None if python is None else python.data


def _of_values(problems: Iterable[Problem], data: JSON, source: TypeSource) -> list[Problem]:
    """Return the problems of single values. A missing value may stand in another chunk. An object or a union
    may be invalid for that reason alone, so their problems are left out.
    """
    problems, plain = list(problems), unmarked(data)
    gaps = {_parent(problem) for problem in problems if problem.type in MISSING}
    return [
        problem
        for problem in problems
        if problem.type not in MISSING
        and not isinstance(value_at(plain, problem.pointer), dict | list | None)
        and (_parent(problem) not in gaps or not _chooses(source, source.schema, steps_of(problem.pointer)))
    ]


def _chooses(source: TypeSource, schema: Schema, steps: Sequence[str]) -> bool:
    """Whether a union stands on the way to a value."""
    branches = _branches(source, schema)
    if len(branches) != 1 or not steps:
        return len(branches) != 1
    first, *rest = steps
    inner = _inner(branches[0], "*" if "items" in branches[0] else first)
    return inner is None or _chooses(source, inner, rest)


def _parent(problem: Problem) -> str:
    """The pointer of the object that a problem is about, or whose member."""
    return problem.pointer if problem.type == "required" else problem.pointer.rpartition("/")[0]


# The whole


def whole(source: TypeSource, data: JSON, context: Any) -> Any:
    """Return the record that merged plain JSON is, None if nothing was found. Raises Invalid, with what
    is missing by its pointer.
    """
    gaps = dict[str, JSON]()
    if data is None and not _may_be_null(source, source.schema):
        python = python_of(resolved(source, source.schema))
        data = {} if python is not None and python.kind == "object" else _none(source, source.schema)
    try:
        return judged(source, _filled(source, source.schema, data, (), gaps), context)
    except Invalid as error:
        raise invalid([_explained(problem, gaps) for problem in error.problems]) from error


def _may_be_null(source: TypeSource, schema: Schema) -> bool:
    """Whether null is a record: then it is the record of a text that gives nothing."""
    for _ in range(100):  # a chain of references ends sooner
        python = python_of(schema)
        if "$ref" in schema:
            schema = source.definitions.get(schema["$ref"], NEVER)
        elif python is not None and python.kind == "root" and isinstance(python.data, dict):
            schema = python.data
        else:
            return python is not None and python.kind == "nullable"
    return False


def _explained(problem: Problem, gaps: Mapping[str, JSON]) -> Problem:
    missing = problem.type in MISSING or (problem.pointer in gaps and gaps[problem.pointer] is None)
    return Problem(problem.pointer, NOWHERE, type="missing") if missing else problem


def _filled(source: TypeSource, schema: Schema, data: JSON, at: Path, gaps: dict[str, JSON]) -> JSON:
    """Return the record with what says "none" for each member that has to be there and is not."""
    schema = resolved(source, schema)
    if isinstance(data, list):
        return [_filled(source, _inner(schema, i) or {}, x, (*at, i), gaps) for i, x in enumerate(data)]
    form = _data(schema)
    if not isinstance(data, dict) or not isinstance(form, Record | Map):
        return data
    if isinstance(form, Map):
        values = form.values
        return {key: _filled(source, values, item, (*at, key), gaps) for key, item in data.items()}
    properties = schema["properties"]
    told = {
        key: _filled(source, properties[key], item, (*at, key), gaps) if key in properties else item
        for key, item in data.items()
    }
    for member in form.members:
        if member.required and member.path is None and member.key not in told:
            told[member.key] = _none(source, properties.get(member.key, {}))
            gaps[pointer((*at, member.key))] = told[member.key]
    return told


def _none(source: TypeSource, schema: Schema) -> JSON:
    python = python_of(resolved(source, schema))
    return {"array": [], "map": {}}.get(python.kind if python else "")


def has(source: TypeSource, path: Path) -> bool:
    """Whether records can have something at a path; "*" stands for an index of a list."""
    return bool(_nodes(source, source.schema, path))


def items_have(source: TypeSource, name: str) -> bool:
    """Whether the items of some list of records can have a member of that name."""
    left = [source.schema, *source.definitions.values()]
    while left:
        node = left.pop()
        for item in (node.get("items"), *node.get("prefixItems", ())):
            if isinstance(item, dict) and (
                _nodes(source, item, (name,)) or any(map(_is_open, _branches(source, item)))
            ):
                return True
        left += below(node)
    return False


def _is_open(node: Schema) -> bool:
    """Whether a value may be any JSON."""
    python = python_of(node)
    return python is None or python.kind == "any"


def joins(source: TypeSource) -> Callable[[Path], Literal["list", "set", "value"]]:
    """Return what tells how lists at a path of the record are merged; "*" stands for an index."""

    def how(path: Path) -> Literal["list", "set", "value"]:
        nodes = _nodes(source, source.schema, path)
        if any("prefixItems" in node for node in nodes):  # a tuple: each of its items has a meaning
            return "value"
        return "set" if any(node.get("uniqueItems") for node in nodes) else "list"

    return how


def _nodes(source: TypeSource, schema: Schema, path: Path) -> list[Schema]:
    """The nodes that may stand at a path, one for each branch of the unions on the way."""
    return [
        found
        for node in _branches(source, schema)
        for found in (_below(source, node, path) if path else [node])
    ]


def _below(source: TypeSource, node: Schema, path: Path) -> list[Schema]:
    inner = _inner(node, path[0])
    return [] if inner is None else _nodes(source, inner, path[1:])


def _inner(node: Schema, key: Step) -> Schema | None:
    """Return the node of a member or of an item, "*" for any; None if there is none."""
    first, inner = node.get("prefixItems", ()), node.get("properties", {}).get(key)
    if key == "*" or isinstance(key, int):
        inner = first[key] if isinstance(key, int) and key < len(first) else node.get("items")
    elif inner is None:
        data = _data(node)
        inner = data.values if isinstance(data, Map) else data.extras if isinstance(data, Record) else None
    return inner if isinstance(inner, dict) else None


def _branches(source: TypeSource, schema: Schema) -> list[Schema]:
    schema = resolved(source, schema)
    choices = _data(schema)
    if isinstance(choices, Choices):
        return [node for branch in choices.schemas for node in _branches(source, branch)]
    return [schema]
