"""The outline of a JSON Schema whose references are all `#/$defs/NAME`: JSON types and members. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ...messages import JSON
from ..nodes import EVERY_TYPE, json_type

DEFINITIONS = "#/$defs/"
DEEP = 32  # references and unions that are looked through


def kinds(schema: JSON, document: JSON, depth: int = 0) -> frozenset[str]:
    """Return the JSON types that a schema may take, a few too many if it is not plain to see."""
    if schema is False:
        return frozenset()
    if not isinstance(schema, dict) or depth > DEEP:
        return EVERY_TYPE
    found = _own_kinds(schema)
    for name in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(name), list):
            found &= frozenset().union(*(kinds(each, document, depth + 1) for each in choices))
    for each in schema.get("allOf", ()):
        found &= kinds(each, document, depth + 1)
    if isinstance(reference := schema.get("$ref"), str) and reference.startswith(DEFINITIONS):
        found &= kinds(document["$defs"][reference.removeprefix(DEFINITIONS)], document, depth + 1)
    return found


def _own_kinds(schema: Mapping[str, JSON]) -> frozenset[str]:
    if "enum" in schema or "const" in schema:
        return frozenset(json_type(each) for each in schema.get("enum", [schema.get("const")]))
    said = schema.get("type")
    if said is None:
        return EVERY_TYPE
    return frozenset([said] if isinstance(said, str) else said)


def outline(schema: JSON, document: JSON) -> Mapping[str, JSON]:
    """Return the schema behind references, and behind a choice between it and null."""
    for _ in range(DEEP):
        if not isinstance(schema, dict):
            return {}
        reference = schema.get("$ref")
        choices = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or []
        inner = [each for each in choices if not isinstance(each, dict) or each.get("type") != "null"]
        if isinstance(reference, str) and reference.startswith(DEFINITIONS):
            schema = document["$defs"][reference.removeprefix(DEFINITIONS)]
        elif len(inner) == 1 and "properties" not in schema:
            schema = inner[0]
        else:
            return schema
    return {}


def members(schema: JSON, document: JSON) -> Mapping[str, JSON]:
    """Return the schemas of an object's members, by their names in JSON; none if it is no object."""
    found = outline(schema, document).get("properties")
    return found if isinstance(found, dict) else {}
