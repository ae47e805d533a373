"""JSON Schema documents as record types: what they admit is said, what they refuse is refused."""

from __future__ import annotations

import json
from typing import Any

import pandas
import pytest
from jsonschema import Draft202012Validator

from extractor import Extractor, Run
from extractor.errors import ConfigError, Invalid, SchemaError
from extractor.schema import TARGETS, Chunked, CompiledSchema, compile_schema
from extractor.schema.compiler.leaves import said_pattern
from extractor.testing import ChatServer, reply

JSON = Any
BOX: dict[str, JSON] = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
NOBODY = {"enum": ["x"], "type": "integer"}  # no value fits


def comes_back(compiled: CompiledSchema[Any], value: JSON) -> bool:
    """Whether a value is said within the strict schema and read again as it was, true and 1 apart."""
    text = compiled.encode(value)
    assert not compiled.target.sends_schema or Draft202012Validator(compiled.schema).is_valid(
        json.loads(text)
    )
    return json.dumps(compiled.decode(text), sort_keys=True) == json.dumps(value, sort_keys=True)


# --- members that a document does not name


@pytest.mark.parametrize("target", TARGETS)
def test_open_objects_keep_the_members_that_they_do_not_name(target: str) -> None:
    compiled = compile_schema({**BOX, "properties": {**BOX["properties"], "b": BOX}}, target, extras="keep")
    assert comes_back(compiled, {"a": "x", "more": [1, {"k": None}], "b": {"a": "y", "deep": True}})


@pytest.mark.parametrize("target", TARGETS)
def test_objects_are_sent_closed_unless_they_are_opened(target: str) -> None:
    compiled = compile_schema(BOX, target)
    assert compiled.schema["additionalProperties"] is False
    assert ("/", "additionalProperties", "bounded") in {
        (n.pointer or "/", n.keyword, n.action) for n in compiled.report
    }
    with pytest.raises(Invalid, match="unknown members 'more'"):
        compiled.encode({"a": "x", "more": 1})


@pytest.mark.parametrize("stated", [{"additionalProperties": False}, {"unevaluatedProperties": False}])
def test_opening_does_not_open_what_the_document_closes(stated: dict[str, JSON]) -> None:
    compiled = compile_schema({**BOX, **stated}, "llguidance", extras="keep")
    assert compiled.schema["additionalProperties"] is False


def test_patterns_of_names_do_not_close_an_open_object() -> None:
    document = {**BOX, "patternProperties": {"^n_": {"type": "integer"}}}
    compiled = compile_schema(document, "openai", extras="keep")
    assert comes_back(compiled, {"a": "x", "n_1": 1, "other": [None]})
    with pytest.raises(Invalid):
        compiled.decode(compiled.encode({"a": "x", "n_1": "no integer"}))


def test_keywords_without_a_type_speak_of_one_type_only_in_open_documents() -> None:
    document = {"type": "object", "properties": {"x": {"properties": {"a": {"type": "string"}}}}}
    compiled = compile_schema(document, "openai", extras="keep")
    for value in (5, None, ["a"], {"a": "x", "b": 1}):
        assert comes_back(compiled, {"x": value})
    with pytest.raises(Invalid):
        compile_schema(document, "openai").encode({"x": 5})


def test_only_documents_are_opened_and_only_by_that_word() -> None:
    with pytest.raises(ConfigError, match='extra="allow"'):
        compile_schema(dict[str, int], extras="keep")
    with pytest.raises(ConfigError, match='"keep" or None'):
        compile_schema(BOX, extras="allow")  # type: ignore[arg-type]


def test_an_open_document_compiles_once_and_apart_from_the_closed_one() -> None:
    assert compile_schema(BOX, extras="keep") is compile_schema(dict(BOX), extras="keep")
    assert compile_schema(BOX, extras="keep").fingerprint != compile_schema(BOX).fingerprint


def opened_reply() -> Any:
    return reply({"a": "x", "additional_properties": [{"key": "more", "value": "[1, 2]"}]})


def test_each_way_of_asking_keeps_the_extras_of_an_open_document() -> None:
    record = {"a": "x", "more": [1, 2]}
    with ChatServer([opened_reply()] * 5) as server, Extractor("m", base_url=server.base_url) as ex:
        assert ex.run(BOX, "text", extras="keep", examples=[("t", {"a": "b", "c": None})]).record == record
        (row,) = ex.rows(["text"], BOX, extras="keep", run=Run(journal=False))
        assert row.extraction is not None
        assert row.extraction.record == record
        assert ex.document(BOX, "some text", extras="keep", run=Run(journal=False)).record == record
        assert [*ex.stream(BOX, "text", extras="keep")][-1].record == record
        frame = ex.frame(
            pandas.DataFrame({"body": ["text"]}), BOX, text="body", extras="keep", run=Run(journal=False)
        )
        assert frame["record"][0] == {"a": "x", "extra": '{"more":[1,2]}'}
        with pytest.raises(ConfigError, match='extra="allow"'):
            ex.run(dict[str, int], "text", extras="keep")


# --- what is said to be checked is checked


@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07"])
@pytest.mark.parametrize(
    ("name", "wrong"), [("date", "2020-01-32"), ("uuid", "x"), ("duration", "P"), ("time", "25:00:00Z")]
)
def test_formats_are_checked_whichever_draft_the_document_names(draft: str, name: str, wrong: str) -> None:
    document = {
        "$schema": f"http://json-schema.org/{draft}/schema#",
        "type": "object",
        "properties": {"x": {"type": "string", "format": name}},
    }
    with pytest.raises(Invalid):
        compile_schema(document, "groq").decode(json.dumps({"x": wrong}))


def test_a_format_that_no_check_knows_is_noted() -> None:
    document = {"type": "object", "properties": {"x": {"type": "string", "format": "phone"}}}
    notes = {(n.pointer, n.keyword, n.action) for n in compile_schema(document).report}
    assert ("/properties/x", "format", "dropped") in notes


# --- definitions that no value fits


def test_a_reference_to_what_no_value_fits_is_no_member_and_no_branch() -> None:
    document = {
        "type": "object",
        "properties": {
            "a": {"$ref": "#/$defs/Nobody"},
            "b": {"anyOf": [{"$ref": "#/$defs/Nobody"}, {"type": "integer"}]},
            "c": {"type": "array", "items": {"$ref": "#/$defs/OnlyNobody"}},
            "d": {"type": "array", "prefixItems": [{"type": "integer"}, {"$ref": "#/$defs/Nobody"}]},
        },
        "$defs": {
            "Nobody": NOBODY,
            "OnlyNobody": {
                "type": "object",
                "required": ["n"],
                "properties": {"n": {"$ref": "#/$defs/Nobody"}},
            },
        },
    }
    for target in TARGETS:
        compiled = compile_schema(document, target)
        assert comes_back(compiled, {"b": 1, "c": [], "d": [1]})
    with pytest.raises(SchemaError, match="no value fits"):
        compile_schema({"$ref": "#/$defs/OnlyNobody", "$defs": document["$defs"]})


# --- equality is JSON's


@pytest.mark.parametrize("values", [[[0], [False]], [{"a": 1}, {"a": True}], [[[1]], [[True]]], [0, False]])
@pytest.mark.parametrize("target", ["openai", "permissive", "local"])
def test_choices_that_python_calls_equal_are_kept_apart(values: list[JSON], target: str) -> None:
    compiled = compile_schema({"type": "object", "properties": {"x": {"enum": values}}}, target)
    for value in values:
        assert comes_back(compiled, {"x": value})


# --- patterns are ECMAScript's


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"^\w+$", "^[0-9A-Za-z_]+$"),
        (r"^\W$", "^[^0-9A-Za-z_]$"),
        (r"^\d\cJ$", r"^[0-9]\n$"),
        (r"^[\w-]+$", r"^[0-9A-Za-z_\-]+$"),
    ],
)
def test_patterns_of_documents_are_sent_with_ecmascripts_classes(pattern: str, said: str) -> None:
    assert said_pattern(TARGETS["llguidance"], pattern, ecmascript=True) == said


def test_white_space_is_ecmascripts_in_the_pattern_that_is_sent_and_in_the_check() -> None:
    document = {"type": "object", "properties": {"x": {"type": "string", "pattern": r"^\s$"}}}
    compiled = compile_schema(document, "llguidance")
    for space in " \u00a0\u2028\u3000\ufeff":
        assert comes_back(compiled, {"x": space})
    with pytest.raises(Invalid):
        compiled.decode(json.dumps({"x": "\x85"}))


# --- chunks of documents


def test_no_member_of_an_object_in_a_tuple_is_needed_in_a_chunk() -> None:
    place = {"type": "array", "items": [BOX, {"type": "integer"}], "additionalItems": False, "minItems": 2}
    document = {"type": "object", "properties": {"places": place}, "required": ["places"]}
    compiled = compile_schema(Chunked(document), "llguidance")
    assert compiled.decode('{"places": [{}, 1]}') == {"places": [{}, 1]}
    assert compiled.schema["properties"]["places"]["prefixItems"][0]["required"] == []
