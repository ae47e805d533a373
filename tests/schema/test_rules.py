"""Each rule on its own: what a type becomes for a target, and what is said for a value."""

import datetime as dt
import enum
import json
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, JsonValue, NaiveDatetime

from extractor.schema import compile_schema
from extractor.schema.patterns.regex import translate


class Unit(enum.Enum):
    METRE = "m"
    FOOT = (12, "in")


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int


class Empty(BaseModel):
    pass


class Holder(BaseModel):
    empty: Empty


Nested = dict[str, list[tuple[int, str]]]


@pytest.mark.parametrize(
    ("record_type", "target", "value", "wire"),
    [
        (dict[str, int], "openai", {"a": 1}, {"value": [{"key": "a", "value": 1}]}),
        (dict[str, int], "permissive", {"a": 1}, {"a": 1}),
        (dict[dt.date, int], "permissive", {dt.date(2026, 1, 2): 1}, [{"key": "2026-01-02", "value": 1}]),
        (dict[tuple[int, int], str], "permissive", {(1, 2): "x"}, [{"key": [1, 2], "value": "x"}]),
        (tuple[int, str], "permissive", (1, "a"), [1, "a"]),
        (tuple[int, str], "openai", (1, "a"), {"item_1": 1, "item_2": "a"}),
        (set[int], "openai", {1}, {"value": [1]}),
        (bytes, "permissive", b"\xff\x00", "/wA="),
        (Unit, "permissive", Unit.FOOT, "FOOT"),
        (Literal[Unit.METRE], "permissive", Unit.METRE, "m"),
        (dt.timedelta, "permissive", dt.timedelta(days=-1, seconds=1), "-PT86399S"),
        (JsonValue, "openai", {"a": [None]}, {"value": {"entries": [{"key": "a", "value": [None]}]}}),
        (JsonValue, "gemini", [{}], {"value": {"items": [{"entries": []}]}}),
        (JsonValue, "anthropic", {"a": 1.5}, {"value": '{"a":1.5}'}),
        (Open, "openai", Open(id=1, x=2), {"id": 1, "additional_properties": [{"key": "x", "value": 2}]}),
        (Open, "permissive", Open(id=1, x=2), {"id": 1, "x": 2}),
        (Holder, "deepseek", Holder(empty=Empty()), {"empty": {"empty": True}}),
        (str | dt.date, "permissive", dt.date(2026, 1, 2), {"date": "2026-01-02"}),
        (int | str | None, "permissive", "1", "1"),
        (Literal[1, "1", True], "openai", True, {"value": True}),
        (Literal[9007199254740993], "openai", 9007199254740993, {"value": "9007199254740993"}),
        (
            Nested,
            "openai",
            {"a": [(1, "b")]},
            {"value": [{"key": "a", "value": [{"item_1": 1, "item_2": "b"}]}]},
        ),
    ],
)
def test_a_value_is_said_as_the_rule_has_it(record_type: Any, target: str, value: Any, wire: Any) -> None:
    compiled = compile_schema(record_type, target)
    said = compiled.encode(value)
    assert json.loads(said) == wire
    assert list(Draft202012Validator(compiled.schema).iter_errors(wire)) == []
    assert compiled.decode(said) == value


@pytest.mark.parametrize(
    ("keyword", "field", "target", "words"),
    [
        ("minimum", Annotated[float, Field(ge=1)], "llamacpp", "At least 1"),
        ("maximum", Annotated[int, Field(le=10**20)], "openai", "At most 100000000000000000000."),
        ("pattern", Annotated[str, Field(json_schema_extra={"pattern": "^(?=a)"})], "openai", "^(?=a)"),
        ("maxLength", Annotated[str, Field(max_length=5, pattern="^a+$")], "vllm", "At most 5 characters."),
        ("uniqueItems", set[int], "openai", "No item comes twice."),
        ("format", NaiveDatetime, "groq", "without an offset"),
        ("multipleOf", Annotated[int, Field(multiple_of=5)], "anthropic", "A multiple of 5."),
    ],
)
def test_what_a_target_does_not_carry_is_told_in_words(
    keyword: str, field: Any, target: str, words: str
) -> None:
    model = type("M", (BaseModel,), {"__annotations__": {"x": field}, "__module__": __name__})
    compiled = compile_schema(model, target)
    assert words in compiled.schema["properties"]["x"]["description"]
    assert keyword not in compiled.schema["properties"]["x"]
    assert ("/properties/x", keyword, "told") in {(n.pointer, n.keyword, n.action) for n in compiled.report}


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        (r"^\d{3}$", "^[0-9]{3}$"),
        (r"^[\d_]+$", "^[0-9_]+$"),
        (r"^a|b$", r"^(a(.|\n)*|(.|\n)*b)$"),
        (r"^[a-z]{2,}$|^[0-9]$", "^([a-z]{2,}|[0-9])$"),
        (r"^(?:a|b$)", r"^(a(.|\n)*|b)$"),
        (r"\Aab\z", "^ab$"),
        (r"x", r"^(.|\n)*x(.|\n)*$"),
        (r"^(?:ab)+?$", "^(ab)+$"),
        (r"^(?P<n>a)$", "^(a)$"),
        (r"^a{0,}b{1,}c{0,1}$", "^a*b+c?$"),
        (r"^\.\/$", r"^\./$"),
        (r"(?=a)b", None),
        (r"(a)\1", None),
        (r"\bword\b", None),
        (r"(?i)a", None),
        (r"^[[:alpha:]]$", None),
        (r"(", None),
    ],
)
def test_patterns_are_anchored_and_spelt_out_or_left_to_words(pattern: str, translated: str | None) -> None:
    assert translate(pattern) == translated


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        (r"^[a-z]+$", True),
        (r"^(a|b)$", True),
        (r"^[a-z]{2,}$|^[0-9]$", True),
        (r"^(?:a|b$)", False),
        (r"^$", True),
        (r"^.$", False),
        (r"a", False),
        (r"^[^,]$", False),
        (r'^"$', False),
        (r"^\s$", False),
        (r"^[!-~]$", False),
    ],
)
def test_patterns_on_raw_json_may_match_nothing_that_json_escapes(pattern: str, taken: bool) -> None:
    assert (translate(pattern, raw=True) is not None) == taken


def test_keywords_that_nobody_enforces_are_reported() -> None:
    class Extra(BaseModel):
        model_config = ConfigDict(json_schema_extra={"not": {"required": ["b"]}})
        a: Annotated[bytes, Field(max_length=4)]

    report = {(note.pointer, note.keyword, note.action) for note in compile_schema(Extra).report}
    assert {("", "not", "dropped"), ("/properties/a", "maxBytes", "told")} <= report


def test_recursion_is_unrolled_and_ends_in_json_text_where_it_is_not_taken() -> None:
    class Link(BaseModel):
        next: "Link | None" = None

    compiled = compile_schema(Link, "anthropic")
    deep: Link | None = None
    for _ in range(40):
        deep = Link(next=deep)
    assert deep is not None
    assert compiled.decode(compiled.encode(deep)) == deep
    assert {"Link", "Link_2", "Link_3"} >= compiled.schema["$defs"].keys()
    assert any(note.detail == "JSON text in a string" for note in compiled.report)


def test_members_past_the_limit_are_said_as_json_text() -> None:
    names = [f"member_{i}" for i in range(150)]
    model = type("Wide", (BaseModel,), {"__annotations__": dict.fromkeys(names, int), "__module__": __name__})
    compiled = compile_schema(model, "azure")
    assert len(compiled.schema["properties"]) <= 100
    record = model(**{name: i for i, name in enumerate(names)})
    assert compiled.decode(compiled.encode(record)) == record


def test_the_same_limits_share_what_is_nested_too_deep() -> None:
    deep: Any = int
    for _ in range(30):
        deep = tuple[deep, int]
    compiled = compile_schema(deep)
    value: Any = 0
    for _ in range(30):
        value = (value, 1)
    assert compiled.decode(compiled.encode(value)) == value
    assert any(name.startswith("Part") for name in compiled.schema["$defs"])
