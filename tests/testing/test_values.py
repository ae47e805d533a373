"""Values made for a schema are valid under it, by `jsonschema`'s judgement, and the same for equal seeds."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import pytest
from hypothesis import event, given, reject, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from extractor.testing import value_of
from extractor.testing.patterns import text_for
from extractor.testing.values import FORMATS, WORDS
from tests.selecting import examples


def errors(schema: Any, value: Any) -> list[str]:
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator.FORMAT_CHECKER
    return [
        error.message for error in Draft202012Validator(schema, format_checker=checker).iter_errors(value)
    ]


PATTERNS = [
    "^[A-Z]{2}[0-9]{4}$",
    "^(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?$",
    "^[^,;]+, (a|b|c)$",
    "\\d{3}",
    "^(ab)+\\1$",
    "^.{3,5}$",
]
NAMES = st.sampled_from(["a", "b", "name", "unit price", "größe", "$ref", "x/y~z"])


def closed_object(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members), "additionalProperties": False}


def bounded(low: int, width: int | None, names: tuple[str, str]) -> dict[str, Any]:
    return {names[0]: low} if width is None else {names[0]: low, names[1]: low + width}


def bounds(names: tuple[str, str], low: st.SearchStrategy[int]) -> st.SearchStrategy[dict[str, Any]]:
    limits = st.builds(bounded, low, st.none() | st.integers(0, 40), st.just(names))
    nothing: st.SearchStrategy[dict[str, Any]] = st.just({})
    return nothing | limits


STRINGS = st.one_of(
    bounds(("minLength", "maxLength"), st.integers(0, 60)),
    st.sampled_from(sorted(FORMATS)).map(lambda name: {"format": name}),
    st.sampled_from(PATTERNS).map(lambda pattern: {"pattern": pattern}),
).map(lambda more: {"type": "string", **more})
INTEGERS = bounds(("minimum", "maximum"), st.integers(-(10**20), 10**20)).map(
    lambda m: {"type": "integer", **m}
)
NUMBERS = st.one_of(
    bounds(("minimum", "maximum"), st.integers(-1000, 1000)),
    st.integers(-1000, 1000).map(lambda low: {"exclusiveMinimum": low, "exclusiveMaximum": low + 1}),
    st.sampled_from([{"multipleOf": 0.01}, {"multipleOf": 5}, {"multipleOf": 0.25, "maximum": -3}]),
).map(lambda more: {"type": "number", **more})
CONSTANTS = st.sampled_from(
    [{"const": None}, {"const": "one"}, {"enum": ["a", 2, None]}, {"type": "boolean"}, {"type": "null"}]
)
REFERENCES = st.sampled_from(["A", "B"]).map(lambda name: {"$ref": f"#/$defs/{name}"})
LEAVES = STRINGS | INTEGERS | NUMBERS | CONSTANTS | REFERENCES


def nodes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.builds(
        lambda items, more: {"type": "array", "items": items, **more},
        inner,
        bounds(("minItems", "maxItems"), st.integers(0, 3)),
    )
    objects = st.dictionaries(NAMES, inner, max_size=4).map(closed_object)
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
    return lists | objects | unions | STRINGS.map(lambda s: {**s, "type": ["string", "null"]})


NODES = st.recursive(LEAVES, nodes, max_leaves=12)
SCHEMAS = st.builds(
    lambda root, a, b: {**closed_object(root), "$defs": {"A": a, "B": b}},
    st.dictionaries(NAMES, NODES, max_size=4),
    NODES,
    NODES,
)


@pytest.mark.slow
@given(SCHEMAS, st.integers())
@settings(max_examples=examples(150))
def test_a_value_is_valid_under_its_schema_unless_that_is_endless(schema: Any, seed: int) -> None:
    try:
        value = value_of(schema, seed)
    except ValueError as error:
        reason = str(error)
        event(reason)
        value = None
    if value is None:
        assert "needs itself inside itself" in reason
    else:
        try:
            found = errors(schema, value)
        except RecursionError:  # the judge follows a branch that leads to itself for ever
            reject()
        assert found == []
        assert value_of(schema, seed) == value
        assert len(json.dumps(value)) < 200_000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 56},
        {"type": "integer", "multipleOf": 2.5, "exclusiveMinimum": 5},
        {"type": "number", "minimum": 0.001, "maximum": 0.002},
        {"type": "number", "minimum": 1e308},
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 3},
            "minItems": 3,
            "uniqueItems": True,
        },
        {
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "null"}],
            "items": False,
            "minItems": 2,
        },
        {"type": "object", "additionalProperties": {"type": "number"}, "minProperties": 2},
        {**closed_object({word: {"const": 1} for word in WORDS}), "additionalProperties": {"const": 2}},
        {"type": "object", "required": ["left"], "additionalProperties": {"type": "boolean"}},
        {
            "type": "object",
            "additionalProperties": {"type": "null"},
            "propertyNames": {"pattern": "^[a-f]{8}$"},
        },
        {"type": "string", "pattern": "^[a-z]+$", "minLength": 40, "maxLength": 44},
        {"type": "string", "pattern": r"^\w+@\S+\.[a-z]{2,3}$"},
        {"type": ["integer", "null"], "minimum": 3},
        {"oneOf": [{"type": "string"}, {"type": "integer"}], "description": "either"},
        {"properties": {"kind": {"const": "x"}}, "required": ["kind"]},
        {"minItems": 2},
        {},
        True,
    ],
)
def test_a_value_is_valid_under_this_schema(schema: Any) -> None:
    for seed in range(20):
        assert errors(schema, value_of(schema, seed)) == []


ENDLESS = {"$defs": {"Tree": closed_object({"left": {"$ref": "#/$defs/Tree"}})}, "$ref": "#/$defs/Tree"}


@pytest.mark.slow
def test_recursion_ends() -> None:
    tree = {
        "$ref": "#/$defs/Tree",
        "$defs": {
            "Tree": closed_object(
                {
                    side: {"anyOf": [{"$ref": "#/$defs/Tree", "description": side}, {"type": "null"}]}
                    for side in "abcd"
                }
            )
        },
    }
    for seed in range(10):
        value = value_of(tree, seed)
        assert errors(tree, value) == []
        assert len(json.dumps(value)) < 20_000


def test_a_reference_to_the_root_is_followed() -> None:
    schema = closed_object({"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}})
    assert errors(schema, value_of(schema)) == []


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (ENDLESS, "needs itself inside itself"),
        ({"$ref": "https://example.org/schema"}, "leaves the schema"),
        ({"$ref": "#/$defs/None"}, "leads nowhere"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no number is left"),
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4}, "no number is left"),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}, "2 different items"),
        ({"type": "array", "items": {}, "minItems": 2, "maxItems": 1}, "cannot both be"),
        ({"type": "string", "pattern": "^[a-z]{3}$", "minLength": 4}, "no text was found"),
        ({"type": "string", "pattern": "("}, "not a regular expression"),
        ({"type": "string", "pattern": "^(?=a)"}, "no text can be made for assert"),
        ({"enum": []}, "malformed"),
        ({"type": "text"}, "malformed"),
        ({"properties": [], "required": "name"}, "malformed"),
        (False, "nothing is valid"),
    ],
)
def test_a_schema_without_a_value_says_why(schema: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        value_of(schema)


def test_seeds_and_only_seeds_change_the_value() -> None:
    schema = closed_object({name: {"type": "string"} for name in "abc"})
    values = [json.dumps(value_of(schema, seed)) for seed in range(20)]
    assert len(set(values)) > 10
    assert values == [json.dumps(value_of(schema, seed)) for seed in range(20)]


@given(st.sampled_from(PATTERNS), st.integers(), st.integers(0, 20))
def test_a_text_is_found_by_its_pattern(pattern: str, seed: int, more: int) -> None:
    assert re.search(pattern, text_for(pattern, Random(seed), more))
