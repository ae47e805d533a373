"""Asking only for what failed, and putting the answer back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from extractor.dialogue.patch import Patch, plan
from extractor.errors import Problem
from extractor.messages import StrictSchema

TEXT = {"type": "string"}
LINE = {
    "type": "object",
    "properties": {"what": TEXT, "price": {"type": "number"}},
    "required": ["what", "price"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "number": TEXT,
        "start": TEXT,
        "end": TEXT,
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "seller": {"anyOf": [{"$ref": "#/$defs/Party"}, {"type": "null"}]},
    },
    "required": ["number", "start", "end", "lines", "seller"],
    "additionalProperties": False,
    "$defs": {
        "Line": LINE,
        "Party": {
            "type": "object",
            "properties": {"name": TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
}
STRICT = StrictSchema("Invoice", SCHEMA)
REPLY = {
    "number": "A-1",
    "start": "b",
    "end": "a",
    "lines": [{"what": "x", "price": 1.5}, {"what": "y", "price": -2}],
    "seller": {"name": "ACME"},
}


def planned(*problems: Problem, reply: Any = REPLY) -> Patch | None:
    return plan(STRICT, json.dumps(reply), problems)


@pytest.mark.parametrize(
    ("problem", "places"),
    [
        (Problem("/number", "bad"), {"number": ("number",)}),
        (Problem("/lines/1/price", "too low"), {"lines_1_price": ("lines", 1, "price")}),
        (Problem("/seller/name", "bad"), {"seller_name": ("seller", "name")}),
        (Problem("/lines/1", "bad", type="dict_type"), {"lines_1": ("lines", 1)}),
        (Problem("/lines/7/price", "bad"), {"lines": ("lines",)}),
        (Problem("/number/deeper", "in another shape"), {"number": ("number",)}),
        (Problem("", "Value error, end must come after start"), {"end": ("end",), "start": ("start",)}),
        (Problem("/lines/0", "what and price disagree"), {"lines_0": ("lines", 0)}),
        (Problem("/lines/0", "the price is wrong"), {"lines_0_price": ("lines", 0, "price")}),
    ],
)
def test_a_problem_leads_to_the_smallest_place_that_can_be_asked_for(problem: Problem, places: Any) -> None:
    patch = planned(problem)
    assert patch is not None
    assert patch.places == places
    Draft202012Validator.check_schema(patch.schema.schema)
    assert list(patch.schema.schema["properties"]) == patch.schema.schema["required"] == list(places)


def test_a_missing_member_is_asked_for_alone() -> None:
    reply = {name: value for name, value in REPLY.items() if name != "end"}
    patch = planned(Problem("/end", "Field required", type="missing"), reply=reply)
    assert patch is not None
    assert json.loads(patch.merge('{"end": "z"}') or "") == {**reply, "end": "z"}


def test_numbers_beside_what_was_asked_for_again_keep_their_digits() -> None:
    reply = json.dumps(REPLY).replace("1.5", "1.50")
    patch = plan(STRICT, reply, [Problem("/lines/1/price", "must be positive", -2)])
    assert patch is not None
    merged = patch.merge('{"lines_1_price": 2.10}')
    assert merged is not None
    assert ('"price":1.50}' in merged, '"price":2.10}' in merged) == (True, True)


def test_only_the_definitions_that_are_needed_are_sent() -> None:
    assert planned(Problem("/number", "bad")).schema.schema.keys() == {  # type: ignore[union-attr]
        "type", "properties", "required", "additionalProperties",
    }  # fmt: skip
    assert planned(Problem("/lines", "bad")).schema.schema["$defs"] == {"Line": LINE}  # type: ignore[union-attr]


def test_a_place_inside_of_another_is_asked_for_once() -> None:
    patch = planned(Problem("/lines/1/price", "bad"), Problem("/lines/1", "bad", type="dict_type"))
    assert patch is not None
    assert patch.places == {"lines_1": ("lines", 1)}


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (json.dumps(REPLY), Problem("", "bad")),
        (json.dumps(REPLY), Problem("/nowhere", "bad")),
        ("{", Problem("/number", "bad")),
        ("[1]", Problem("/0", "bad")),
        ("3", Problem("", "bad")),
        ('{"number": 1e999}', Problem("/number", "bad")),
        ("[" * 100_000, Problem("/number", "bad")),
    ],
)
def test_where_nothing_less_than_the_whole_will_do_there_is_no_plan(reply: str, problem: Problem) -> None:
    assert plan(STRICT, reply, [problem]) is None


@pytest.mark.parametrize("answer", ["{", "[]", "3", "{}", '{"other": 1}'])
def test_an_answer_that_does_not_give_the_place_is_not_merged(answer: str) -> None:
    patch = planned(Problem("/number", "bad"))
    assert patch is not None
    assert patch.merge(answer) is None


pointers = st.sampled_from(
    ["", "/number", "/start", "/end", "/lines", "/lines/0", "/lines/0/what", "/lines/1/price", "/lines/9",
     "/seller", "/seller/name", "/x", "/lines/what", "/~0~1", "/lines/0/price/deep"]
)  # fmt: skip
problems = st.lists(
    st.builds(Problem, pointers, st.sampled_from(["bad", "end before start", "what?"])),
    min_size=1,
    max_size=6,
)


@given(problems)
def test_the_right_values_put_back_give_the_right_record(problems: list[Problem]) -> None:
    patch = planned(*problems)
    if patch is not None:
        right = {name: _at(REPLY, path) for name, path in patch.places.items()}
        Draft202012Validator(patch.schema.schema).validate(right)
        assert json.loads(patch.merge(json.dumps(right)) or "") == REPLY


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for token in path:
        value = value[token]
    return value
