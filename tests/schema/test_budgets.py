"""Schemas past a target's limits: as much as fits is kept, and the note names the limit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import create_model

from extractor.dialects import COMPATIBLE
from extractor.errors import Invalid
from extractor.schema import TARGETS, CompiledSchema, compile_schema
from extractor.schema.compiler.limits import size

JSON = Any
SMALL = replace(TARGETS["openai"], name="small", max_properties=20, max_text=300, max_depth=3)


def wide(count: int, of: JSON = None) -> dict[str, JSON]:
    return {"type": "object", "properties": {f"field_{i}": of or {"type": "string"} for i in range(count)}}


def details(compiled: CompiledSchema[Any], keyword: str, pointer: str = "") -> list[str]:
    return [n.detail for n in compiled.report if n.keyword == keyword and n.pointer == pointer]


@pytest.mark.slow
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


parts_of_all_kinds = st.recursive(
    st.sampled_from(
        [{"type": "string"}, {"enum": ["one", "two"]}, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]
    ),
    lambda inner: st.integers(1, 4).flatmap(lambda n: inner.map(lambda each: wide(n, each))),
    max_leaves=4,
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(parts_of_all_kinds, min_size=1, max_size=12))
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


def strings(count: int) -> JSON:
    return {"type": "array", "items": {"type": "string"}, "maxItems": count}


def members(**of: JSON) -> JSON:
    return {"type": "object", "properties": of, "required": list(of)}


@pytest.mark.parametrize("target", ["gemini", "vertex"])
def test_lengths_of_arrays_are_told_where_gemini_would_add_them_up(target: str) -> None:
    compiled = compile_schema(members(long=strings(500), other=strings(450), short=strings(20)), target)
    properties = compiled.schema["properties"]
    assert ["maxItems" in properties[name] for name in ("long", "other", "short")] == [False, True, True]
    assert properties["long"]["description"] == "At most 500 items."
    assert details(compiled, "maxItems") == ["At most 500 items. 970 items of all arrays, at most 900"]
    within = compile_schema(members(a=strings(450), b=strings(450)), target)
    assert not details(within, "maxItems")


def test_arrays_in_one_another_multiply() -> None:
    rows = {"type": "array", "maxItems": 100, "items": {"$ref": "#/$defs/Row"}}
    document = {**members(rows=rows), "$defs": {"Row": members(tags=strings(10))}}
    compiled = compile_schema(document, "gemini")
    assert "maxItems" not in compiled.schema["properties"]["rows"]
    assert compiled.schema["$defs"]["Row"]["properties"]["tags"]["maxItems"] == 10
    assert "1,000 items of all arrays, at most 900" in details(compiled, "maxItems")[0]


@pytest.mark.parametrize("target", ["gemini", "vertex"])
def test_values_of_enums_are_told_whole_where_gemini_would_count_their_text(target: str) -> None:
    values = [f"a value of twenty {i:02}" for i in range(60)]
    compiled = compile_schema(members(a={"enum": values}, b={"enum": values[:50]}), target)
    (first, second) = compiled.schema["properties"].values()
    assert "enum" not in first
    assert values[-1] in first["description"]
    assert second["enum"] == values[:50]
    with pytest.raises(Invalid):
        compiled.decode(json.dumps({"a": "another", "b": values[0]}))


def nested(levels: int) -> JSON:
    return members(k=nested(levels - 1)) if levels else {"type": "string"}


def value(levels: int) -> JSON:
    return {"k": value(levels - 1)} if levels else "x"


def test_levels_are_counted_with_references_written_out_where_the_server_does_so() -> None:
    for target in ("vertex", "gemini"):
        compiled = compile_schema(nested(8), target)
        assert compiled.decode(compiled.encode(value(8))) == value(8)
        assert ("JSON text" in json.dumps(compiled.schema)) == (target == "vertex")
    (note,) = details(compile_schema(nested(8), "vertex"), "$ref")
    assert note.startswith("8 levels of objects written out, at most 5")
    assert not details(compile_schema(nested(5), "vertex"), "$ref")


def test_members_of_a_union_are_told_apart_where_one_of_them_is_said_as_text_for_its_depth() -> None:
    """The body of a reference stands a level deeper than the reference."""
    kinds = {f"K{i}": members(**{f"k{i}": {"type": "integer"}, "deep": nested(3)}) for i in range(2)}
    one_of = {"anyOf": [{"$ref": "#/$defs/K0"}, {"$ref": "#/$defs/K1"}, {"type": "string"}]}
    document: JSON = members(x=members(y=members(z={"type": "array", "items": one_of})))
    compiled = compile_schema({**document, "$defs": kinds}, "vertex")
    record = {"x": {"y": {"z": [{"k0": 1, "deep": value(3)}, {"k1": 2, "deep": value(3)}, "text"]}}}
    assert compiled.decode(compiled.encode(record)) == record


def test_a_reference_with_a_description_gets_a_definition_of_its_own_where_it_may_not_stand_alone() -> None:
    tree = members(x={"type": "string"})
    tree["properties"]["t"] = {"$ref": "#/$defs/T", "description": "The next."}
    first, again, other = ({"$ref": "#/$defs/T", "description": f"The {n}."} for n in ("root", "root", "end"))
    compiled = compile_schema({**members(a=first, b=again, c=other), "$defs": {"T": tree}}, "deepseek")
    refs = [node["$ref"] for node in compiled.schema["properties"].values()]
    assert refs[0] == refs[1] != refs[2]
    assert compiled.schema["$defs"][refs[0].rpartition("/")[2]]["description"] == "The root."
    record = {"a": {"x": "1", "t": {"x": "2"}}, "b": {"x": "3"}, "c": {"x": "4"}}
    assert compiled.decode(compiled.encode(record)) == record


@pytest.mark.parametrize(
    ("pattern", "sent"),
    [("^[a-z]{1,64}$", True), ("^[a-z]{1,500}$", False), ("^([a-z]{2,20}-){1,9}$", False), ("^a{3,}$", True)],
)
def test_anthropic_is_sent_no_pattern_with_large_repetitions(pattern: str, sent: bool) -> None:
    compiled = compile_schema(members(x={"type": "string", "pattern": pattern}), "anthropic")
    assert ("pattern" in compiled.schema["properties"]["x"]) == sent
    assert sent or pattern in compiled.schema["properties"]["x"]["description"]


@pytest.mark.parametrize("target", ["llguidance", "local", "mistral"])
def test_fractions_as_multiples_are_told_where_llguidance_reads_the_schema(target: str) -> None:
    x, y = {"type": "number", "multipleOf": 0.1}, {"type": "integer", "multipleOf": 5}
    sent = compile_schema(members(x=x, y=y), target).schema["properties"]
    assert sent["x"] == {"type": "number", "description": "A multiple of 0.1."}
    assert sent["y"]["multipleOf"] == 5


def test_a_server_that_is_known_by_its_url_alone_is_sent_no_recursion() -> None:
    document = {
        **members(any=True, tree={"$ref": "#/$defs/T"}),
        "$defs": {"T": members(x={"type": "string"})},
    }
    document["$defs"]["T"]["properties"]["t"] = {"$ref": "#/$defs/T"}
    compiled = compile_schema(document, COMPATIBLE.target)
    assert compiled.schema["properties"]["any"]["type"] == "string"
    record = {"any": [1, {"k": None}], "tree": {"x": "1", "t": {"x": "2", "t": {"x": "3", "t": {"x": "4"}}}}}
    assert compiled.decode(compiled.encode(record)) == record


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


@pytest.mark.slow
def test_long_enums_are_read_without_comparing_each_with_each() -> None:
    values = [f"v{i}" for i in range(20_000)] + [1, True, 1.0, [1], [True]]
    compiled = compile_schema({"type": "object", "properties": {"x": {"enum": values}}}, "permissive")
    kinds = [
        branch.get("enum") for branch in json.loads(json.dumps(compiled.schema["properties"]["x"]["anyOf"]))
    ]
    assert sum(len(each) for each in kinds if each) >= 20_002
    for value in (True, 1, [True], [1], "v19999"):
        assert json.dumps(compiled.decode(compiled.encode({"x": value}))["x"]) == json.dumps(value)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["openai", "azure", "gemini", "permissive"])
def test_a_thousand_references_to_one_definition_compile(target: str) -> None:
    document = {**wide(1000, {"$ref": "#/$defs/A"}), "$defs": {"A": wide(1)}}
    record = {"field_0": {"field_0": "x"}, "field_999": {"field_0": "y"}}
    compiled = compile_schema(document, target)
    assert compiled.decode(compiled.encode(record)) == record


def test_the_members_that_need_not_be_there_become_text_first_and_a_note_names_them() -> None:
    fields: dict[str, Any] = {f"must_{i}": (int, ...) for i in range(80)}
    mixed = {
        name: each
        for i, (name, each) in enumerate(fields.items())
        for name, each in ((f"may_{i}", (int | None, None)), (name, each))
    }
    compiled = compile_schema(create_model("Mixed", **mixed), "azure")
    names = list(compiled.schema["properties"])
    assert [name for name in names if name.startswith("must_")] == list(fields)
    assert len([name for name in names if name.startswith("may_")]) > 10
    note = details(compiled, "properties")[-1]
    assert re.search(
        r"members as JSON text in 'other_members': .*; they are (may_\d+, )+may_\d+ and \d+ more$", note
    )
    record = compiled.source.validate(json.dumps({name: i for i, name in enumerate(mixed)}), None)
    assert compiled.decode(compiled.encode(record)) == record
