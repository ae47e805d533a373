"""JSON Schemas in what APIs take them in: requests, tools, response formats. Pure.

Sources: `response_format` and `tools` of https://platform.openai.com/docs/api-reference/chat/create,
`text.format` of its Responses, `tools` of https://docs.claude.com/en/api/messages, `tools` of the Model
Context Protocol, `toolSpec` of Amazon Bedrock, `functionDeclarations` of Gemini.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

from ....errors import SchemaError
from ....messages import JSON
from ...grounding.verbatim import VERBATIM
from .convert import ANNOTATIONS, CHECKED, OF_TYPE

Document: TypeAlias = Mapping[str, JSON]
_JUDGING = frozenset().union(*OF_TYPE.values()) | CHECKED | {VERBATIM} | {
    *("type", "enum", "const", "allOf", "anyOf", "oneOf", "$ref", "$dynamicRef", "$recursiveRef"),
    *("additionalItems", "dependencies", "nullable"),
}  # fmt: skip
_WRAPPED_TYPES = ("json_schema", "json_object", "function")  # what stands under "type" there
_HOLDERS = (
    *("schema", "json_schema", "jsonSchema", "response_format", "responseFormat", "format", "json"),
    *("response_schema", "responseSchema", "responseJsonSchema"),
    *("function", "toolSpec", "parameters", "parametersJsonSchema", "input_schema", "inputSchema"),
)
_BESIDE: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("name", "title", "description", "$schema"), (str, type(None))),
    **dict.fromkeys(("type", "method"), str),
    **dict.fromkeys(("strict", "defer_loading"), (bool, type(None))),
    **dict.fromkeys(("annotations", "_meta", "cache_control"), (Mapping, type(None))),
    **dict.fromkeys(("input_examples", "tags"), list),
}
_DEFINING = ("$defs", "definitions", "components")
_DEEPEST = 4  # wrappers in wrappers
_EXAMPLE = "{'type': 'object', 'properties': {'name': {'type': 'string'}}}"


def unwrapped(document: Document) -> Document:
    """Return the schema of a document: itself, or what stands in a wrapper of an API's.

    A wrapper has no keyword that judges a value, and one reading. Its name and description are those of
    the schema, where that has none.
    """
    schema, said = document, dict[str, JSON]()
    for _ in range(_DEEPEST):
        holder = _holder(schema)
        if holder is None:
            break
        about = {"title": schema.get("name"), "description": schema.get("description")}
        said |= {keyword: text for keyword, text in about.items() if text}
        schema = schema[holder]
    return {**said, **schema} if said else schema


def _holder(document: Document, depth: int = 0) -> str | None:
    """Return the member that holds the schema; None for a schema, and for what has more than one reading."""
    if depth == _DEEPEST or _judges(document):
        return None
    held = [key for key in _HOLDERS if isinstance(document.get(key), Mapping)]
    if len(held) != 1 or not all(_is_beside(key, document[key]) for key in document.keys() - held):
        return None
    inner = document[held[0]]
    marked = "name" in document or "strict" in document or "type" in document
    plain = marked or not inner.keys().isdisjoint({"properties", "$ref", "anyOf", "oneOf", "allOf"})
    return held[0] if (plain and _judges(inner)) or _holder(inner, depth + 1) else None


def _judges(document: Document) -> bool:
    """Whether a document has a keyword that values can fail."""
    return any(keyword in _JUDGING and not _is_wrapping(keyword, document[keyword]) for keyword in document)


def _is_wrapping(keyword: str, value: JSON) -> bool:
    return (keyword == "type" and value in _WRAPPED_TYPES) or (
        keyword == "format" and isinstance(value, Mapping)
    )


def _is_beside(key: str, value: JSON) -> bool:
    return key in _BESIDE and isinstance(value, _BESIDE[key])


def refuse_empty(document: Document) -> None:
    """Raise SchemaError for a document that admits anything, or any object, and can't be meant so: it has
    members that are no annotations, or only defines schemas.
    """
    judging = {keyword: document[keyword] for keyword in document if keyword in _JUDGING}
    if judging not in ({}, {"type": "object"}):
        return
    known = (*_JUDGING, *ANNOTATIONS, *_DEFINING)
    unknown = [key for key in document if key not in known and not key.startswith(("x-", "$"))]
    if judging:
        unknown = [key for key in unknown if key in _HOLDERS or _near(key) or _describes(document[key])]
    if unknown:
        held = [key for key in unknown if isinstance(document[key], Mapping)]
        raise SchemaError(_advice(unknown, [key for key in held if key in _HOLDERS or len(unknown) == 1]))
    defined = next((key for key in _DEFINING if document.get(key)), None)
    if defined and not judging:
        raise SchemaError(
            f"it only defines schemas: say which one describes the record, {{'$ref': '#/{defined}/...', "
            f"'{defined}': ...}}"
        )


def _describes(value: JSON) -> bool:
    """Whether a value has members that are said to be of a type, or are described."""
    types = (*OF_TYPE, "integer", "boolean")
    parts = value.values() if isinstance(value, Mapping) else ()
    return any(isinstance(part, Mapping) or (isinstance(part, str) and part in types) for part in parts)


def _advice(unknown: Sequence[str], held: Sequence[str]) -> str:
    """Say what to do. held: the unknown members under which the schema may stand."""
    key = (*held, *unknown)[0]
    if near := _near(key):
        what = f"did you mean {near!r}?"
    elif held:
        what = f"if the schema is the value of {key!r}, pass only that"
    else:
        what = f"a record is described so: {_EXAMPLE}"
    return f"it does not describe a record, since {key!r} is not a keyword of JSON Schema: {what}"


def _near(key: str) -> str | None:
    near = get_close_matches(key, _JUDGING, 1, cutoff=0.75)
    return near[0] if near else None
