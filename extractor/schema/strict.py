"""Strict schemas as data: their parts, and how they are rebuilt. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from ..messages import JSON
from .nodes import Schema


def closed(properties: Schema, optional: frozenset[str] = frozenset()) -> Schema:
    """Return the schema of an object with these members only."""
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def as_text(value: JSON) -> str:
    """Return JSON as one line of text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def parts(node: Schema) -> Iterator[Schema]:
    """Yield the schemas directly below a strict schema; definitions are not below it."""
    yield from node.get("properties", {}).values()
    for keyword in ("anyOf", "prefixItems"):
        yield from node.get(keyword, ())
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            yield node[keyword]


def nodes(node: Schema) -> Iterator[Schema]:
    """Yield a strict schema and all below it, definitions aside."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(parts(node))


def rebuilt_once(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return `node` with `change` applied to what is directly below it."""
    result = dict(node)
    if "properties" in node:
        result["properties"] = {key: change(value) for key, value in node["properties"].items()}
    for keyword in ("anyOf", "prefixItems"):
        if keyword in node:
            result[keyword] = [change(value) for value in node[keyword]]
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            result[keyword] = change(node[keyword])
    return result


def rebuilt(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return `node` with `change` applied to all that is below it, innermost first, and to itself."""
    return change(rebuilt_once(node, lambda part: rebuilt(part, change)))
