"""Compiling: what comes out, that it is the same each time, and what is refused with a reason."""

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from extractor.errors import ConfigError, SchemaError
from extractor.schema import TARGETS, CompiledSchema, Target, compile_schema


class Line(BaseModel):
    """One line of an order."""

    item: str = Field(description="As printed.")
    count: int = Field(1, ge=1)


class Order(BaseModel):
    number: Annotated[str, Field(pattern=r"^\d+$")]
    lines: list[Line]
    note: str | None = None
    prices: dict[str, float] = {}


class Tree(BaseModel):
    name: str
    parent: "Tree | None" = Field(None, description="Where it hangs.")
    children: list["Tree"] = []


class Cat(BaseModel):
    name: str


class Dog(BaseModel):
    name: str


def actions(compiled: CompiledSchema[Any]) -> set[tuple[str, str, str]]:
    return {(note.pointer, note.keyword, note.action) for note in compiled.report}


def test_a_strict_schema_is_closed_requires_everything_and_keeps_the_models_own_order() -> None:
    assert compile_schema(Order).schema == {
        "type": "object",
        "properties": {
            "number": {"type": "string", "pattern": "^[0-9]+$"},
            "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "prices": {
                "anyOf": [
                    {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {"key": {"type": "string"}, "value": {"type": "number"}},
                            "required": ["key", "value"],
                            "additionalProperties": False,
                        },
                    },
                    {"type": "null"},
                ]
            },
        },
        "required": ["number", "lines", "note", "prices"],
        "additionalProperties": False,
        "$defs": {
            "Line": {
                "type": "object",
                "properties": {
                    "item": {"type": "string", "description": "As printed."},
                    "count": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
                },
                "required": ["item", "count"],
                "additionalProperties": False,
                "description": "One line of an order.",
            }
        },
    }


def test_the_report_says_where_and_what_became_of_it() -> None:
    assert actions(compile_schema(Order)) == {
        ("/$defs/Line/properties/count", "required", "re-encoded"),
        ("/properties/prices", "additionalProperties", "re-encoded"),
        ("/properties/prices", "required", "re-encoded"),
    }


def test_a_recursive_root_is_a_copy_that_points_at_its_definition() -> None:
    schema = compile_schema(Tree).schema
    assert schema["properties"]["parent"] == {
        "anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}],
        "description": "Where it hangs.",
    }
    assert schema["$defs"]["Tree"]["properties"].keys() == schema["properties"].keys()


def test_a_described_reference_stands_alone_in_an_any_of() -> None:
    class Holder(BaseModel):
        line: Line = Field(description="The first line.")

    assert compile_schema(Holder).schema["properties"]["line"] == {
        "description": "The first line.",
        "anyOf": [{"$ref": "#/$defs/Line"}],
    }


def test_members_that_look_alike_are_said_under_their_own_names() -> None:
    compiled = compile_schema(list[Cat | Dog])
    assert compiled.encode([Dog(name="Rex"), Cat(name="Tom")]) == (
        '{"value":[{"Dog":{"name":"Rex"}},{"Cat":{"name":"Tom"}}]}'
    )
    assert compiled.decode('{"value":[{"Dog":{"name":"Rex"}}]}') == [Dog(name="Rex")]


def test_what_is_said_more_than_once_is_said_the_same_way() -> None:
    class Two(BaseModel):
        a: Annotated[list[int], Field(min_length=2)]
        b: Annotated[list[str], Field(min_length=2)]

    properties = compile_schema(Two, "groq").schema["properties"]
    assert properties["a"]["description"] == properties["b"]["description"] == "At least 2 items."


@pytest.mark.parametrize(
    ("record_type", "name"),
    [
        (Order, "Order"),
        (list[Order], "list_Order"),
        (Order | None, "Order_None"),
        (type("Größe", (Order,), {"__module__": __name__}), "Gr_e_"),
        (type("X" * 80, (Order,), {"__module__": __name__}), "X" * 50),
    ],
)
def test_names_are_legal_and_say_what_the_type_is(record_type: Any, name: str) -> None:
    found = compile_schema(record_type).name
    assert found.startswith(name)
    assert len(found) <= 64
    assert found.isascii()


def test_a_type_is_compiled_once_for_each_target() -> None:
    assert compile_schema(Order) is compile_schema(Order, "openai")
    assert compile_schema(Order) is not compile_schema(Order, "gemini")
    assert compile_schema({"type": "string"}) is compile_schema({"type": "string"})


def test_unions_that_compare_equal_keep_their_own_order() -> None:
    first, second = compile_schema(int | str, "permissive"), compile_schema(str | int, "permissive")
    assert [part["type"] for part in first.schema["anyOf"]] == ["integer", "string"]
    assert [part["type"] for part in second.schema["anyOf"]] == ["string", "integer"]


@pytest.mark.parametrize("record_type", [Order, Tree, {"type": "object", "title": "Free"}])
def test_a_compiled_schema_survives_pickling(record_type: Any) -> None:
    compiled = compile_schema(record_type)
    back = pickle.loads(pickle.dumps(compiled))
    assert (back.fingerprint, back.schema) == (compiled.fingerprint, compiled.schema)


def test_fingerprints_tell_types_and_targets_apart() -> None:
    found = {compile_schema(t, target).fingerprint for t in (Order, Tree) for target in ("openai", "groq")}
    assert len(found) == 4


def test_a_target_of_ones_own_is_taken() -> None:
    mine = Target("mine", "our own server's manual", all_required=True)
    assert compile_schema(Order, mine).schema["required"] == ["number", "lines", "note", "prices"]


@dataclass
class Plain:
    a: int
    b: str = "x"


@pytest.mark.parametrize("target", TARGETS)
def test_a_dataclass_and_a_document_of_the_same_shape_say_the_same(target: str) -> None:
    document = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert compile_schema(Plain, target).schema == compile_schema(document, target).schema


def unknown(value: int) -> str:
    return str(value)


@pytest.mark.parametrize(
    ("record_type", "reason"),
    [
        (unknown, "tool_schema"),
        (Callable[[int], int], "no JSON"),
        (type[int], "no JSON"),
        ("NoSuchType", "not fully defined"),
        (7, "no JSON|not a type"),
        ({"$ref": "https://example.com/x.json"}, "not fetched"),
        ({"type": "object", "properties": {"a": 3}}, "3 is not of type 'object', 'boolean'"),
    ],
)
def test_what_cannot_be_compiled_says_why(record_type: Any, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        compile_schema(record_type)


def test_a_member_that_no_json_describes_is_named_by_its_pointer() -> None:
    class Bad(BaseModel):
        inner: Annotated[dict[str, Any], Field()]
        call: Callable[[int], int]

    with pytest.raises(SchemaError) as error:
        compile_schema(Bad)
    assert error.value.pointer == "/call"


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="there is no target 'nobody'; there are openai, azure"):
        compile_schema(Order, "nobody")


def test_deep_described_references_cost_linear_time() -> None:
    """Inlined, fifteen levels of two described references each would be 32,768 copies."""
    inner: Any = Line
    for level in range(15):
        inner = type(
            f"Level{level}",
            (BaseModel,),
            {
                "__annotations__": {"a": inner, "b": inner},
                "a": Field(description="left"),
                "b": Field(description="right"),
                "__module__": __name__,
            },
        )
    assert len(json.dumps(compile_schema(inner).schema)) < 10_000


def test_constant_members_need_no_null_for_being_left_out() -> None:
    class Tagged(BaseModel):
        kind: Literal["a"] = "a"

    assert compile_schema(Tagged).schema["properties"] == {"kind": {"type": "string", "const": "a"}}


def categories(count: int, length: int = 12) -> Any:
    names = {f"c{n}": f"category {n}".ljust(length, "x") for n in range(count)}
    return create_model("Mail", category=(Enum("Category", names), ...))  # type: ignore[call-overload]


@pytest.mark.parametrize("target", ["openai", "azure", "groq", "deepseek", "gemini"])
def test_an_enum_of_more_values_than_a_target_takes_is_told_whole(target: str) -> None:
    compiled = compile_schema(categories(1_200), target)
    category = compiled.schema["$defs"]["Category"]
    assert "enum" not in category
    told = json.loads(f"[{category['description'].removeprefix('One of 1200 values: ').removesuffix('.')}]")
    assert told == [f"category {n}".ljust(12, "x") for n in range(1_200)]
    [note] = compiled.report
    assert note.action == "told"
    assert note.detail.startswith("One of 1200 values: the description has them all;")
    assert ", at most " in note.detail


def test_values_for_which_there_is_no_room_are_told_of_in_the_report() -> None:
    compiled = compile_schema(categories(1_200), "cerebras")  # a schema of 5,000 characters at most
    assert 4_000 < len(json.dumps(compiled.schema)) < 5_500
    [note] = compiled.report
    told = compiled.schema["$defs"]["Category"]["description"].count('"') // 2
    wanted = f"One of 1200 values: the description has {told}, there is no room for the others; "
    assert note.detail.startswith(wanted)
    assert "at most 5,000" in note.detail
    assert 200 < told < 400


def test_of_several_long_enums_as_many_are_told_as_are_too_many() -> None:
    class Both(BaseModel):
        a: Literal[tuple(f"a{n}" for n in range(900))]  # type: ignore[valid-type]
        b: Literal[tuple(f"b{n}" for n in range(300))]  # type: ignore[valid-type]

    members = compile_schema(Both).schema["properties"]
    assert ("enum" in members["a"], len(members["b"]["enum"])) == (False, 300)
    assert '"a899".' in members["a"]["description"]
