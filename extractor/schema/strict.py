"""Strict schemas as data: their parts, and how they are rebuilt. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

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


def is_nested(schema: Mapping[str, JSON]) -> bool:
    """Return whether there is more than one object in a strict schema, its definitions included."""
    bodies = (dict(schema), *schema.get("$defs", {}).values())
    objects = [node for body in bodies for node in nodes(body) if node.get("type") == "object"]
    return len(objects) > 1


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


def circles(edges: Mapping[str, set[str]]) -> dict[str, int]:
    """Return a number from 1 on for each node that reaches itself, the same for all of one circle."""
    reached = {node: _reached(node, edges) for node in edges}
    found: dict[str, int] = {}
    for node in edges:
        if node in reached[node] and node not in found:
            number = len(set(found.values())) + 1
            found |= {other: number for other in reached[node] if node in reached.get(other, ())}
    return found


def _reached(node: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    pending = list(edges[node])
    while pending:
        other = pending.pop()
        if other not in seen:
            seen.add(other)
            pending.extend(edges.get(other, ()))
    return seen
