"""Schemas past a target's limits: as much as fits is kept, and the note names the limit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from extractor.schema import TARGETS, CompiledSchema, compile_schema
from extractor.schema.limits import size

JSON = Any
SMALL = replace(TARGETS["openai"], name="small", max_properties=20, max_text=300, max_depth=3)


def wide(count: int, of: JSON = None) -> dict[str, JSON]:
    return {"type": "object", "properties": {f"field_{i}": of or {"type": "string"} for i in range(count)}}


def details(compiled: CompiledSchema[Any], keyword: str, pointer: str = "") -> list[str]:
    return [n.detail for n in compiled.report if n.keyword == keyword and n.pointer == pointer]


def test_as_many_members_are_kept_as_the_target_takes() -> None:
    compiled = compile_schema(wide(12_000), "azure")
    assert len(compiled.schema["properties"]) == 100
    assert details(compiled, "properties")[-1].startswith("11901 members as JSON text in 'other_members': ")
    assert "12,000 properties, at most 100" in details(compiled, "properties")[-1]
    record = {f"field_{i}": str(i) for i in range(0, 12_000, 999)}
    assert compiled.decode(compiled.encode(record)) == record


def test_a_pydantic_model_is_cut_at_the_same_place() -> None:
    fields: dict[str, Any] = {f"field_{i}": (str | None, None) for i in range(300)}
    compiled = compile_schema(create_model("Wide", **fields), "azure")
    assert len(compiled.schema["properties"]) == 100
    assert "300 properties, at most 100" in details(compiled, "properties")[-1]


members = st.recursive(
    st.sampled_from(
        [{"type": "string"}, {"enum": ["one", "two"]}, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]
    ),
    lambda inner: st.integers(1, 4).flatmap(lambda n: inner.map(lambda each: wide(n, each))),
    max_leaves=4,
)


@settings(deadline=None)
@given(st.lists(members, min_size=1, max_size=12))
def test_whatever_is_cut_fits_and_comes_back(parts: list[JSON]) -> None:
    document = {
        "type": "object",
        "properties": {f"part_{i}": part for i, part in enumerate(parts)},
        "$defs": {"A": wide(3), "B": wide(2, {"$ref": "#/$defs/A"})},
    }
    compiled = compile_schema(document, SMALL)
    bodies = {
        "": {k: v for k, v in compiled.schema.items() if k != "$defs"},
        **compiled.schema.get("$defs", {}),
    }
    assert size(bodies).fits(SMALL)
    assert compiled.decode(compiled.encode({})) == {}


def test_a_definition_that_is_said_as_text_names_the_limit() -> None:
    document = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/Big"}, "b": {"type": "string"}},
        "$defs": {"Big": wide(30)},
    }
    compiled = compile_schema(document, SMALL)
    assert compiled.schema["properties"].keys() == {"a", "b"}
    assert details(compiled, "$ref", "/properties/a") == ["JSON text in a string: 32 properties, at most 20"]


def test_an_enum_that_is_told_names_the_limit() -> None:
    document = {"type": "object", "properties": {"x": {"enum": [f"value {i}" for i in range(1200)]}}}
    (detail,) = details(compile_schema(document, "openai"), "enum")
    assert detail.endswith("1,200 enum values, at most 1,000")


def test_members_that_become_required_for_their_number_name_the_limit() -> None:
    assert details(compile_schema(wide(30), "anthropic"), "required") == [
        "30 optional members, at most 24: all are required"
    ]


def test_doubled_references_are_merged_once() -> None:
    document = {
        "$ref": "#/$defs/A0",
        "$defs": {
            **{
                f"A{i}": {
                    "allOf": [{"$ref": f"#/$defs/A{i + 1}"}] * 2,
                    "properties": {f"p{i}": {"type": "integer"}},
                }
                for i in range(60)
            },
            "A60": {"type": "object", "properties": {"x": {"type": "string"}}},
        },
    }
    record = {"x": "here", **{f"p{i}": i for i in range(60)}}
    compiled = compile_schema(document, "openai")
    assert compiled.decode(compiled.encode(record)) == record


def test_long_enums_are_read_without_comparing_each_with_each() -> None:
    values = [f"v{i}" for i in range(20_000)] + [1, True, 1.0, [1], [True]]
    compiled = compile_schema({"type": "object", "properties": {"x": {"enum": values}}}, "permissive")
    kinds = [
        branch.get("enum") for branch in json.loads(json.dumps(compiled.schema["properties"]["x"]["anyOf"]))
    ]
    assert sum(len(each) for each in kinds if each) >= 20_002
    for value in (True, 1, [True], [1], "v19999"):
        assert json.dumps(compiled.decode(compiled.encode({"x": value}))["x"]) == json.dumps(value)


@pytest.mark.parametrize("target", ["openai", "azure", "gemini", "permissive"])
def test_a_thousand_references_to_one_definition_compile(target: str) -> None:
    document = {**wide(1000, {"$ref": "#/$defs/A"}), "$defs": {"A": wide(1)}}
    record = {"field_0": {"field_0": "x"}, "field_999": {"field_0": "y"}}
    compiled = compile_schema(document, target)
    assert compiled.decode(compiled.encode(record)) == record
