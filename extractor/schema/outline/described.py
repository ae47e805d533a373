"""Any record type as a JSON Schema, for what needs to know its outline, not to send it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ...messages import JSON
from ..nodes import json_type
from ..types.documents.library import load

EVERYTHING = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
DEFINITIONS = "#/$defs/"
HIDDEN = (
    "{} will be written as **********, since a secret does not say what it is: "
    "a field_serializer that returns its value writes it"
)
DEEP = 32  # references and unions that are looked through


class Lenient(GenerateJsonSchema):
    """Pydantic's generator; what has no JSON Schema is `{}`."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Any JSON."""
        return {}

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Warn of nothing: a default that is no JSON is left out."""


def described(
    record_type: Any,
    mode: Literal["validation", "serialization"] = "validation",
    generator: type[GenerateJsonSchema] = Lenient,
) -> dict[str, JSON]:
    """Return a type as one JSON Schema whose references are all `#/$defs/NAME`. Raises SchemaError."""
    if isinstance(record_type, Mapping):
        return load(record_type)
    return generator().generate(TypeAdapter(record_type).core_schema, mode)


def hidden_in(record_type: Any) -> list[str]:
    """Return the members that Pydantic writes as asterisks, by their names: those that are secrets, and have
    no serializer of the user's own.
    """
    if isinstance(record_type, Mapping):
        return []
    found = set[str]()
    pending: list[tuple[str, Any]] = [("", TypeAdapter(record_type).core_schema)]
    while pending:
        name, core = pending.pop()
        if isinstance(core, list | tuple):
            pending += ((name, each) for each in core)
        elif isinstance(core, dict):
            written = core.get("serialization", {}).get("function")
            if written is None:
                pending += _parts(name, core)
            elif _hides(written):
                found.add(name)
    return sorted(found)


def _parts(name: str, core: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    fields = core.get("fields", ())
    if isinstance(fields, dict):
        yield from fields.items()
    else:  # of a dataclass, which also has them as mere names
        yield from ((each["name"], each) for each in fields if isinstance(each, dict))
    yield from ((name, each) for key, each in core.items() if key not in ("fields", "metadata"))


def _hides(written: Any) -> bool:
    """Whether a serializer is that of Pydantic's secrets."""
    own = getattr(written, "__module__", "") == "pydantic.types"
    return own and "secret" in getattr(written, "__qualname__", "").lower()


def kinds(schema: JSON, document: JSON, depth: int = 0) -> frozenset[str]:
    """Return the JSON types that a schema may take, a few too many where it is not plain to see."""
    if schema is False:
        return frozenset()
    if not isinstance(schema, dict) or depth > DEEP:
        return EVERYTHING
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
        return EVERYTHING
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
    """Return the schemas of an object's members, by their names in JSON; none where it is no object."""
    found = outline(schema, document).get("properties")
    return found if isinstance(found, dict) else {}
