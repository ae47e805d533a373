"""Going on with a list that was cut off: what came whole is kept, what is unsure is not."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel

from extractor.dialogue import Ask, ModeLadder, Policy, judge_record, start
from extractor.dialogue.continuation import BEGUN_AGAIN, OVERLAPS, Continuation, complete_items, rest
from extractor.dialogue.policy import BOTH, DEFAULT_MOVES
from extractor.messages import (
    Choice,
    Completion,
    Failure,
    FailureKind,
    Message,
    Mode,
    Outcome,
    Request,
    StrictSchema,
)
from extractor.reading import RecordShape
from extractor.results import Extraction
from extractor.schema import compile_schema

NUMBERS = compile_schema(list[int], "openai")
WHOLE = '{"value": [1, [2, "]"], {"a": "}, {"}, null]}'
ITEMS = [1, [2, "]"], {"a": "}, {"}, None]


class Lines(BaseModel):
    lines: list[int] = Field(min_length=2, max_length=9, description="All of them")


class Invoice(BaseModel):
    number: str
    lines: list[int]


@pytest.mark.parametrize(
    ("record_type", "name"),
    [
        (list[int], "value"),
        (set[str], "value"),
        (tuple[int, ...], "value"),
        (RootModel[list[int]], "value"),
        (list[int] | None, "value"),
        (Lines, "lines"),
        (Invoice, None),
        (dict[str, int], "value"),
        (tuple[int, str], None),
        (int, None),
    ],
    ids=str,
)
def test_a_record_that_is_one_list_is_known_as_such(record_type: Any, name: str | None) -> None:
    assert RecordShape(compile_schema(record_type, "openai").schema).list_name == name


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (WHOLE, ITEMS),
        (WHOLE[:-1], ITEMS),
        (WHOLE[:-2], ITEMS[:-1]),  # null may have been the beginning of something else
        ('{"value": [1, 2, 3', [1, 2]),  # as 3 may have been of 36
        ('{ "value" : [ 1 ,\n 2 , {"a', [1, 2]),
        ('{"a": {"value": [1, 2, 3', []),
        ('{"value": [', []),
        ('{"value": []', []),
        ('{"other": [1, 2', []),
        ('{"value": [' + "[" * 100_000, []),
        ('{"value": [{"a": 1}, {"a": 1, "a": 2}, {"a": 3}, {"a', [{"a": 1}]),  # it has two readings
        ("", []),
    ],
    ids=range(12),
)
def test_an_item_is_complete_where_something_follows_it(text: str, items: list[Any]) -> None:
    assert complete_items(text, "value") == items


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@given(st.lists(values, max_size=5), st.data())
def test_wherever_a_list_is_cut_off_what_is_kept_is_its_beginning(items: list[Any], data: Any) -> None:
    text = json.dumps({"value": items})
    found = complete_items(text[: data.draw(st.integers(0, len(text)))], "value")
    assert found == items[: len(found)]
    assert complete_items(text, "value") == items


def test_the_rest_has_no_bounds_but_the_shape_of_the_list() -> None:
    strict = compile_schema(Lines, "azure").strict
    more = rest(strict, '{"lines": [1, 2, 3', None)
    assert more is not None
    assert (more.name, more.items) == ("lines", (1, 2))
    [array] = more.schema.schema["properties"].values()
    assert array["items"] == {"type": "integer"}
    assert not {"minItems", "maxItems"} & array.keys()


def test_a_rest_is_put_behind_what_came_whole() -> None:
    more = Continuation("value", (1, 2), StrictSchema("x", {}))
    assert json.loads(more.merge('{"value": [3]}') or "") == {"value": [1, 2, 3]}
    assert json.loads(more.merge('{"value": [1, 2, 3]}') or "") == {"value": [1, 2, 3]}
    assert more.remarks('{"value": [3]}') == ()
    assert more.remarks('{"value": [1, 2, 3]}') == (BEGUN_AGAIN,)
    assert more.remarks('{"value": [2, 3]}') == (OVERLAPS,)  # which may stand twice in the text
    assert more.remarks('{"value": [1, 3]}') == (OVERLAPS,)
    for unfit in ("{", "[3]", '{"value": 3}', '{"values": [3]}', "null"):
        assert more.merge(unfit) is None


def test_numbers_of_a_list_that_goes_on_keep_their_digits() -> None:
    more = rest(
        compile_schema(list[Decimal], "local").strict, '{"value": [1.10, 2.0000000000000000001, 3', None
    )
    assert more is not None
    assert more.merge('{"value": [3.00]}') == '{"value":[1.10,2.0000000000000000001,3.00]}'


def said(text: str, reason: str) -> Completion:
    return Completion(choices=(Choice(Message("assistant", text), reason),))


def request(mode: Mode) -> Request:
    return Request("m", (Message("user", "Count!"),), {"max_tokens": 50}, NUMBERS.strict, mode)


count = st.lists(st.integers(0, 20), max_size=6).map(lambda items: json.dumps({"value": items}))
cut = st.tuples(count, st.integers(0, 40)).map(lambda drawn: drawn[0][: drawn[1]])
events = st.one_of(
    st.builds(said, count | cut | st.sampled_from(["", "no", "[1]", '{"value": ["x"]}']),
              st.sampled_from(["stop", "length", "content_filter", "refusal", "error"])),
    st.builds(Failure, st.sampled_from(FailureKind), st.just("response_format tools not supported"),
              status=st.sampled_from([None, 400, 401, 429, 503])),
)  # fmt: skip
keys = st.sampled_from([*DEFAULT_MOVES, *FailureKind, 429])
moves = st.dictionaries(keys, st.lists(st.sampled_from(BOTH), unique=True))


@pytest.mark.slow
@given(
    st.lists(events, min_size=20, max_size=20),
    st.integers(0, 4),
    st.integers(0, 4),
    moves,
    st.none() | st.integers(1, 300),
)
def test_whatever_arrives_and_is_wanted_a_dialogue_asks_no_more_than_it_may(
    arriving: list[Completion | Failure], repairs: int, retries: int, wanted: Any, longest: int | None
) -> None:
    policy = Policy(
        max_repairs=repairs, max_retries=retries, moves={**DEFAULT_MOVES, **wanted}, max_output=longest
    )
    ladder = ModeLadder(tuple(Mode), request, lambda mode: False)
    step: Any = start(
        request(Mode.JSON_SCHEMA),
        lambda reply, part: judge_record(reply, part, NUMBERS.decode),
        policy,
        0.0,
        ladder,
    )
    for event in arriving:
        assert isinstance(step, Ask)
        assert step.request.params["max_tokens"] <= max(50, min(100, longest or 100))
        step = step.receive(event, 0.0, 0.0)
        if isinstance(step, Extraction):
            break
    assert isinstance(step, Extraction)
    steps_down = len(Mode) - 1
    assert len(step.attempts) <= 1 + repairs + retries + steps_down
    assert step.outcome.has_record == (step.error is None)
    for before in step.attempts[:-1]:
        assert before.outcome not in (Outcome.OK, Outcome.REPAIRED)
