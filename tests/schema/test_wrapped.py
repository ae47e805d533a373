"""Schemas as APIs take them, and documents that say nothing of a record."""

from __future__ import annotations

from typing import Any

import pytest

from extractor.errors import SchemaError
from extractor.schema import compile_schema
from extractor.schema.types.documents.library import load, problems
from extractor.schema.types.documents.wrapped import unwrapped
from extractor.task import list_of

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
NAMED = {"name": "person", "strict": True, "schema": PERSON}
FUNCTION = {"name": "person", "description": "Who it is.", "parameters": PERSON}


@pytest.mark.parametrize(
    "document",
    [
        NAMED,
        {"parameters": PERSON},
        FUNCTION,
        {"input_schema": PERSON},
        {"name": "person", "input_schema": PERSON, "cache_control": {"type": "ephemeral"}},
        {"name": "person", "title": None, "inputSchema": PERSON, "annotations": {"readOnlyHint": True}},
        {"json_schema": NAMED},
        {"schema": PERSON},
        {"type": "json_schema", "json_schema": NAMED},
        {"type": "json_schema", **NAMED},
        {"type": "json_object", "schema": PERSON},
        {"type": "function", "function": FUNCTION},
        {"type": "function", **FUNCTION},
        {"response_format": {"type": "json_schema", "json_schema": NAMED}},
        {"format": {"type": "json_schema", **NAMED}},
        {"toolSpec": {"name": "person", "inputSchema": {"json": PERSON}}},
        {"name": "person", "schema": {"$ref": "#/$defs/P", "$defs": {"P": PERSON}}},
    ],
)
def test_a_schema_in_what_an_api_takes_it_in_is_the_schema(document: dict[str, Any]) -> None:
    compiled = compile_schema(document)
    assert compiled.decode('{"name": "Ada"}') == {"name": "Ada"}
    assert "name" in compiled.schema["properties"]
    judge = problems(document)
    assert not judge({"name": "Ada"}, None)
    assert judge({}, None)


def test_a_wrapped_schema_has_the_name_and_the_description_of_its_wrapper_unless_it_has_its_own() -> None:
    compiled = compile_schema({"type": "function", "function": FUNCTION})
    assert (compiled.name, compiled.description) == ("person", "Who it is.")
    own = {"name": "person", "schema": {**PERSON, "title": "Customer", "description": "Who pays."}}
    assert compile_schema(own).name == "Customer"
    assert compile_schema(own).description == "Who pays."


def test_the_items_of_a_list_may_be_a_wrapped_schema() -> None:
    assert load(list_of(NAMED))["items"]["required"] == ["name"]


@pytest.mark.parametrize(
    "document",
    [
        {"type": "object", "properties": {"schema": PERSON, "name": {"type": "string"}}},
        {"properties": {"parameters": PERSON}},
        {"$ref": "#/schema", "schema": PERSON},
        {"type": "object", "required": ["name"], "schema": PERSON},
        {"anyOf": [PERSON], "name": "person", "parameters": PERSON},
        {"type": "string", "format": "date", "name": "day"},
        {"type": "object", "x-order": ["name"], "ui:order": ["name"], "options": {"collapsed": True}},
        {"description": "Anything at all.", "x-note": {"schema": PERSON}},
        {"title": "Anything"},
        {},
    ],
)
def test_what_is_a_schema_is_never_taken_for_a_wrapper(document: dict[str, Any]) -> None:
    assert unwrapped(document) is document
    load(document)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"name": "string"}, "'name' is not a keyword of JSON Schema: a record is described so"),
        ({"name": {"type": "string"}, "age": {"type": "integer"}}, "'name' is not a keyword"),
        ({"schema": {"type": "string"}}, "if the schema is the value of 'schema', pass only that"),
        ({"Person": PERSON}, "the value of 'Person'"),
        ({"name": "person", "schema": {}}, "is not a keyword"),
        ({"name": "f", "inputSchema": PERSON, "outputSchema": PERSON}, "the value of 'inputSchema'"),
        ({"name": "f", "schema": PERSON, "version": 2}, "the value of 'schema'"),
        ({"type": "object", "propertes": {"name": {}}}, "did you mean 'properties'?"),
        ({"type": "object", "fields": {"name": "string"}}, "'fields' is not a keyword"),
        ({"type": "object", "schema": PERSON}, "the value of 'schema'"),
        ({"$defs": {"Person": PERSON}}, "{'$ref': '#/$defs/...', '$defs': ...}"),
        ({"definitions": {"Person": PERSON}, "title": "all"}, "it only defines schemas"),
    ],
)
def test_a_document_that_says_nothing_of_a_record_is_refused_with_advice(
    document: dict[str, Any], says: str
) -> None:
    for reading in (load, problems, compile_schema):
        with pytest.raises(SchemaError) as raised:
            reading(document)  # type: ignore[operator]
        assert says in str(raised.value)


def test_a_wrapper_in_itself_ends() -> None:
    document: dict[str, Any] = {"name": "f"}
    document["schema"] = document
    assert unwrapped(document) is document
    with pytest.raises(SchemaError, match="levels deep"):
        load(document)
