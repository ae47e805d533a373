"""What hooks of the user's make of a schema: kept where it is legal, noted if it is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ....messages import JSON
from ...nodes import EVERY_TYPE, Record, Schema, python_of


class Derived(str):
    """A title that was made of a name: hooks look for it, and it says nothing."""

    __slots__ = ()


def is_number(value: JSON) -> bool:
    """Return whether a value is a number of JSON's."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: JSON) -> bool:
    """Return whether a value may be a length."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_schema(value: JSON) -> bool:
    """Return whether a value may be a schema."""
    return isinstance(value, bool) or (isinstance(value, dict) and not any(illegal(value)))


def _are_types(value: JSON) -> bool:
    kinds = value if isinstance(value, list) and value else [value]
    return all(isinstance(kind, str) and kind in EVERY_TYPE for kind in kinds)


def _are_schemas(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(map(is_schema, value))


def _are_members(value: JSON) -> bool:
    return isinstance(value, dict) and all(map(is_schema, value.values()))


def _is_text(value: JSON) -> bool:
    return isinstance(value, str)


def _are_texts(value: JSON) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


LEGAL: Mapping[str, Callable[[JSON], bool]] = {
    "type": _are_types,
    "enum": lambda value: isinstance(value, list),
    "required": _are_texts,
    "properties": _are_members,
    "uniqueItems": lambda value: isinstance(value, bool),
    "multipleOf": lambda value: is_number(value) and value > 0,
    **dict.fromkeys(("$ref", "description", "format", "pattern", "title"), _is_text),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), is_count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), is_count),
    **dict.fromkeys(("items", "additionalProperties", "propertyNames", "contains", "not"), is_schema),
    **dict.fromkeys(("if", "then", "else"), is_schema),
    **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), _are_schemas),
    **dict.fromkeys(("$defs", "definitions", "patternProperties", "dependentSchemas"), _are_members),
}


def illegal(schema: Schema) -> Iterator[str]:
    """Yield the keywords of a node whose values JSON Schema does not allow."""
    for keyword in LEGAL.keys() & schema.keys():
        if not LEGAL[keyword](schema[keyword]):
            yield keyword


def kinds_said(schema: Schema) -> set[str]:
    """Return the JSON types that a node says it has, enumerated values one by one; few may be known."""
    branches = schema.get("anyOf", [])
    if "enum" in schema:
        return {repr(value) for value in schema["enum"]}
    return {str(schema["type"])} if "type" in schema else set[str]().union(*map(kinds_said, branches))


def records(schema: JSON) -> Iterator[tuple[Schema, Record]]:
    """Yield the objects with named members below a node of the compiler's, each once."""
    pending, seen = [schema], set[int]()
    while pending:
        part = pending.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, list):
            pending += part
        if not isinstance(part, dict):
            continue
        python = python_of(part)
        if python is not None:
            pending += python.parts()
        if python is not None and isinstance(python.data, Record):
            yield part, python.data
        pending += [inner for inner in part.values() if isinstance(inner, dict | list)]


def remove_titles(properties: Schema) -> None:
    """Take back the titles that were made of the members' names; a member that may be anything is a node."""
    for key, part in properties.items():
        if part is True:
            properties[key] = {}
        elif isinstance(part, dict) and isinstance(part.get("title"), Derived):
            del part["title"]


def plain(words: Any) -> str:
    """Return words of Pydantic's without addresses in memory, and without its advertisement."""
    return re.sub(r" at 0x[0-9a-fA-F]+|(?<=\w):\d{9,}|\s+For further information visit \S+", "", str(words))
