"""Broken replies by types: the record is what the reply says, or a note tells of it, or there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from enum import IntEnum
from functools import reduce
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, create_model

from extractor.dialogue import Verdict, judge_record, judge_tool_calls
from extractor.dialogue.judge import CHANGED
from extractor.dialogue.patch import Patch, plan
from extractor.errors import Unjudged
from extractor.evidence.plain_json import canonical
from extractor.messages import Choice, Completion, FunctionCall, Message, Outcome, ToolCall
from extractor.schema import compile_schema
from tests.selecting import examples


class Size(NamedTuple):
    width: int
    height: int = 1


class Left(BaseModel):
    x: int


class Right(BaseModel):
    y: str


class Level(IntEnum):
    low = 1
    high = 2


def judged(record_type: Any, text: str, target: str = "openai", asked: Patch | None = None) -> Verdict[Any]:
    """Return the verdict on a reply with that text. asked: the part that was asked for, if so."""
    compiled = compile_schema(record_type, target)
    completion = Completion(choices=(Choice(Message("assistant", text), "stop"),))
    return judge_record(completion, asked, compiled.decode, reader=compiled.reader())


def value_of(kind: Any, said: str) -> Any:
    """Return the value of a record's only field, "invalid" where there is no record."""
    verdict = judged(create_model("Only", v=(kind, ...)), f'{{"v": {said}}}')
    return "invalid" if verdict.record is None else verdict.record.v


@pytest.mark.parametrize(
    ("kind", "said", "meant"),
    [
        (bool | int, "1.0", 1),
        (bool | int, "0.0", 0),
        (bool | int, "12345678901234567890.0", 12345678901234567890),
        (bool | int | None, "1e0", 1),
        (bool | float, "1", 1.0),
        (bool | Level, "1.0", Level.low),
        (datetime | int, "1.0", 1),
        (time | int, "0.0", 0),
        (timedelta | None | int, "2.0", 2),
        (date | int, '"1"', "invalid"),
        (datetime | float, '"1"', "invalid"),
        (date | float, '"2026-11-30"', date(2026, 11, 30)),
        (Literal[True] | int, "1", 1),
        (Literal[1] | bool, "true", True),
        (Literal[1, 2] | bool, "0", "invalid"),
    ],
    ids=str,
)
def test_a_value_of_a_union_is_of_the_member_that_json_says(kind: Any, said: str, meant: Any) -> None:
    value = value_of(kind, said)
    assert (type(value), value) == (type(meant), meant)


def test_a_note_names_members_with_slashes_by_pointers_that_can_be_read_back() -> None:
    record_type = create_model("Only", v=(int, ...), rate=(int | None, Field(None, alias="km/h")))
    assert judged(record_type, '{"v": 1, "a~b": 2}').note == (
        "members that are missing: /km~1h; members that the schema does not have: /a~0b"
    )


FIRST_TWO = Annotated[str, WithJsonSchema({"type": "string", "enum": ["a", "b"]})]
NO_CHOICE = "texts that are none of the choices asked for: /v"
OTHER_TYPE = "values of another type than asked for: /v"


@pytest.mark.parametrize(
    ("kind", "said", "meant", "note"),
    [
        (timedelta | int, '"1"', 1, OTHER_TYPE),
        (timedelta | float | None, '"1e3"', 1000.0, OTHER_TYPE),
        (datetime | int, '"1_000"', 1000, OTHER_TYPE),
        (timedelta | int, '"PT5M"', timedelta(minutes=5), None),
        (timedelta | int, "1", 1, None),
        (FIRST_TWO, '"z"', "z", NO_CHOICE),
        (FIRST_TWO | None, '"z"', "z", NO_CHOICE),
        (FIRST_TWO, '"b"', "b", None),
    ],
    ids=str,
)
def test_a_text_that_the_type_takes_though_the_schema_does_not_is_noted(
    kind: Any, said: str, meant: Any, note: str | None
) -> None:
    for target in ("openai", "gemini"):
        verdict = judged(create_model("Only", v=(kind, ...)), f'{{"v": {said}}}', target)
        assert (verdict.record.v, verdict.note) == (meant, note)


@pytest.mark.parametrize("target", ["anthropic", "gemini", "permissive"])
def test_a_list_where_an_object_was_asked_for_is_noted(target: str) -> None:
    record_type = create_model("Only", sizes=(list[Size], ...))
    verdict = judged(record_type, '{"sizes": [{"width": 2, "height": 3}, [4]]}', target)
    assert verdict.record.sizes == [Size(2, 3), Size(4)]
    assert verdict.note == "values of another type than asked for: /sizes/1"


NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
NO_NAME = "read with tolerance: a value without the name of its type (/v)"
NO_WRAPPER = "read with tolerance: a list without its wrapper (/v)"


@pytest.mark.parametrize(
    ("kind", "said", "meant", "note"),
    [
        (date | str, '"2026-11-30"', date(2026, 11, 30), NO_NAME),
        (date | str, '"early in May"', "early in May", NO_NAME),
        (date | str, "12", "invalid", None),
        (datetime | date, '"2026-11-30"', "invalid", None),
        (UUID | str, '"12345678-1234-4678-9234-567812345678"', "invalid", None),
        (Left | Right, '"no data"', "invalid", None),
        (list[Left] | list[Right], "[]", [], NO_WRAPPER),
        (dict[str, int] | list[int], "[]", [], NO_WRAPPER),
    ],
    ids=str,
)
def test_a_value_without_the_name_of_its_type_is_read_where_one_type_is_meant(
    kind: Any, said: str, meant: Any, note: str | None
) -> None:
    verdict = judged(create_model("Only", v=(kind, ...)), f'{{"v": {said}}}')
    found = "invalid" if verdict.record is None else verdict.record.v
    assert (type(found), found, verdict.note) == (type(meant), meant, note)


def test_members_that_no_list_of_a_union_has_are_noted() -> None:
    document = {
        "type": "object",
        "properties": {
            "v": {"anyOf": [{"type": "array", "items": schema} for schema in (NAMED, {"type": "string"})]}
        },
        "required": ["v"],
    }
    verdict = judged(document, '{"v": [{"name": "Ada", "more": 1}]}', "json_object")
    assert verdict.note == "members that the schema does not have: /v/0/more"


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ('{"x": 2}', None),
        ("", "read with tolerance: the call has no arguments: defaults were taken"),
        (" ", "read with tolerance: the call has no arguments: defaults were taken"),
    ],
)
def test_a_call_without_arguments_that_takes_defaults_is_noted(arguments: str, note: str | None) -> None:
    compiled = compile_schema(create_model("Look", x=(int, 2)), "anthropic")
    call = ToolCall("c", FunctionCall("Look", arguments))
    completion = Completion(choices=(Choice(Message("assistant", None, tool_calls=(call,)), "tool_calls"),))
    verdict = judge_tool_calls(
        completion, None, {"Look": compiled.decode}, readers={"Look": compiled.reader()}
    )
    assert verdict.record is not None
    assert verdict.record.tool_calls[0].function.parsed_arguments.x == 2
    assert verdict.note == note


def halved(value: Any) -> float:
    return float(value) / 2


def test_a_type_whose_own_code_fails_at_what_was_not_asked_for_ends_in_invalid() -> None:
    half = Annotated[float, PlainValidator(halved, json_schema_input_type=float)]
    record_type = create_model("Only", half=(half, ...))
    assert judged(record_type, '{"half": 3}').record.half == 1.5
    verdict = judged(record_type, '{"half": {"value": 3}}')
    assert (verdict.outcome, verdict.note) == (Outcome.INVALID, "the type's own code raised TypeError")
    assert verdict.problems[0].reason == "does not have the shape that the schema asks for"


def test_a_type_whose_own_code_fails_at_what_was_asked_for_raises() -> None:
    inverse = Annotated[float, PlainValidator(lambda value: 1 / value, json_schema_input_type=float)]
    with pytest.raises(Unjudged, match="ZeroDivisionError"):
        judged(create_model("Only", x=(inverse, ...)), '{"x": 0}')


class Everything(BaseModel):
    """One member of each kind, and none with a default: what was said can be compared with the record."""

    count: int
    share: float
    name: str
    paid: bool
    day: date | None
    when: date | str
    flag: bool | int
    tone: Literal["calm", "angry"]
    pair: tuple[int, str]
    sizes: list[int]
    names: list[str | None]
    either: Left | Right
    several: list[Left] | list[Right]
    by_name: dict[str, int]


RIGHT = Everything(
    count=3,
    share=0.5,
    name="Ada",
    paid=True,
    day=date(2026, 11, 30),
    when="in May",
    flag=1,
    tone="calm",
    pair=(1, "b"),
    sizes=[2, 5],
    names=["Bo", None],
    either=Right(y="z"),
    several=[Left(x=1)],
    by_name={"k": 4},
)
ODD = st.sampled_from(
    [None, True, False, 0, 1, 1.0, -1, 2.5, "", "1", "true", "null", "calm", "2026-11-30", "12:30", [], {}]
) | st.text(max_size=3)


def steps_in(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to each value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*at, key)
        yield from steps_in(below, (*at, key))


def broken(said: Any, data: st.DataObject) -> Any:
    """Return a reply with one thing in it that is otherwise."""
    said = deepcopy(said)
    *way, last = data.draw(st.sampled_from(list(steps_in(said))))
    holder = reduce(lambda value, key: value[key], way, said)
    how = data.draw(st.sampled_from(["other", "gone", "listed", "boxed", "text", "more"]))
    if how == "gone":
        del holder[last]
    elif how == "more" and isinstance(holder[last], list | dict):
        more = data.draw(ODD)
        holder[last] = (
            [*holder[last], more] if isinstance(holder[last], list) else holder[last] | {"x!": more}
        )
    else:
        value = holder[last]
        other = {"listed": [value], "boxed": {"value": value}, "text": json.dumps(value)}
        holder[last] = other[how] if how in other else data.draw(ODD)
    return said


@pytest.mark.slow
@pytest.mark.parametrize("target", ["openai", "anthropic", "json_object", "local"])
@settings(max_examples=examples(800), deadline=None)
@given(data=st.data())
def test_a_record_without_a_note_is_what_the_reply_says(target: str, data: st.DataObject) -> None:
    compiled = compile_schema(Everything, target)
    said = broken(json.loads(compiled.encode(RIGHT)), data)
    verdict = judged(Everything, json.dumps(said), target)
    if verdict.record is not None and verdict.note is None:
        assert canonical(json.loads(compiled.encode(verdict.record))) == canonical(said)


@pytest.mark.parametrize(
    ("again", "outcome", "note"),
    [
        ({"sizes": [1, 2, 3], "name": "Ada"}, Outcome.OK, f"read with tolerance: {CHANGED}"),
        ({"sizes": [1], "name": "Ada"}, Outcome.INVALID, None),
        ({"sizes": [1, 2, 3]}, Outcome.INVALID, None),
    ],
    ids=str,
)
def test_a_whole_record_in_place_of_an_item_counts_if_it_loses_nothing(
    again: Any, outcome: Outcome, note: str | None
) -> None:
    record_type = create_model("Only", sizes=(list[int], ...), name=(str | None, ...))
    rejected = judged(record_type, '{"sizes": [1, "two"], "name": "Ada"}')
    assert rejected.text is not None
    patch = plan(compile_schema(record_type, "openai").strict, rejected.text, rejected.problems)
    verdict = judged(record_type, json.dumps(again), asked=patch)
    assert (verdict.outcome, verdict.note) == (outcome, note)
