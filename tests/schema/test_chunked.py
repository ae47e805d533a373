"""Record types as chunks have them: nothing has to be there, and what is there has to be right."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NotRequired, Self

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue, RootModel, TypeAdapter, model_validator
from typing_extensions import TypedDict

from extractor import Invalid, Verbatim, compile_schema
from extractor.evidence.merging import NOTHING, ChunkReading, merge
from extractor.schema import TARGETS as EVERY_TARGET
from extractor.schema import Chunked, Quoted
from tests.schema.corpus import CASES, Case
from tests.schema.same import same
from tests.schema.test_random_types import TARGETS, TYPES, Typed
from tests.schema.wire import wire_values
from tests.selecting import examples


class Line(BaseModel):
    sku: str
    qty: int = Field(ge=1)
    note: str | None = None


class Card(BaseModel, extra="forbid"):
    kind: Literal["card"]
    digits: str
    holder: str


class Bank(BaseModel, extra="forbid"):
    kind: Literal["bank"]
    iban: str


class Invoice(BaseModel):
    number: Verbatim[str]
    due: date
    total: Decimal
    town: str | None
    lines: list[Line] = Field(min_length=1)
    paid_by: Card | Bank | None = None
    at: tuple[float, float] | None = None
    tags: set[str] = set()

    @model_validator(mode="after")
    def has_pens(self) -> Self:
        if all(line.sku != "pens" for line in self.lines):
            raise ValueError("there are no pens")
        return self


EMPTY = (
    '{"number":null,"due":null,"total":null,"town":null,"lines":null,"paid_by":null,"at":null,"tags":null}'
)
CHUNKED = compile_schema(Chunked(Invoice))


def test_a_chunk_may_say_nothing_at_all() -> None:
    assert CHUNKED.decode(EMPTY) == {}


def test_what_a_chunk_says_is_plain_json_without_nulls() -> None:
    said = EMPTY.replace(
        '"lines":null', '"lines":[{"sku":"inks","qty":null,"note":null},{"sku":null,"qty":2,"note":null}]'
    )
    assert CHUNKED.decode(said) == {"lines": [{"sku": "inks"}, {"qty": 2}]}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (EMPTY.replace('"due":null', '"due":"tomorrow"'), "/due"),
        (EMPTY.replace('"number":null', '"number":"N-9"'), "/number"),
        (EMPTY.replace('"lines":null', '"lines":[{"sku":null,"qty":0,"note":null}]'), "/lines/0/qty"),
    ],
)
def test_a_value_that_is_wrong_by_itself_is_a_problem_in_the_chunk(wrong: str, pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        CHUNKED.decode(wrong, {"text": "Invoice N-1"})
    assert [problem.pointer for problem in caught.value.problems] == [pointer]


def test_a_union_of_which_a_chunk_gives_a_part_is_no_problem() -> None:
    part = EMPTY.replace('"paid_by":null', '"paid_by":{"kind":"card","digits":"4111","holder":null}')
    assert CHUNKED.decode(part) == {"paid_by": {"kind": "card", "digits": "4111"}}


def test_the_whole_has_to_be_valid_and_what_is_missing_is_named() -> None:
    compiled = compile_schema(Invoice)
    with pytest.raises(Invalid) as caught:
        compiled.whole({"lines": [{"sku": "pens"}], "due": "2026-03-01"}, {"text": ""})
    assert {(p.pointer, p.type) for p in caught.value.problems} == {
        ("/number", "missing"),
        ("/total", "missing"),
        ("/lines/0/qty", "missing"),
    }
    found = {"number": "N-1", "due": "2026-03-01", "total": "9", "lines": [{"sku": "pens", "qty": 1}]}
    record = compiled.whole(found, {"text": "Invoice N-1"})
    assert (record.town, record.total, record.lines[0].note) == (None, Decimal(9), None)
    with pytest.raises(Invalid, match="there are no pens"):
        compiled.whole({**found, "lines": [{"sku": "inks", "qty": 1}]}, {"text": "Invoice N-1"})


def test_nothing_at_all_is_an_empty_list_or_a_record_without_its_members() -> None:
    assert compile_schema(list[Line]).whole(None) == []
    with pytest.raises(Invalid, match="/sku: no part of the text gives it"):
        compile_schema(Line).whole(None)


class Named(BaseModel):
    name: str

    @model_validator(mode="before")
    @classmethod
    def stripped(cls, data: Any) -> Any:
        return {**data, "name": data["name"].strip()}


@pytest.mark.parametrize("record_type", [Named | None, RootModel[Named | None], list[Named] | None])
def test_where_null_is_a_record_it_is_that_of_a_text_that_gives_nothing(record_type: Any) -> None:
    record = compile_schema(record_type).whole(None)
    assert getattr(record, "root", record) is None


def test_it_is_known_how_lists_are_joined() -> None:
    compiled = compile_schema(Invoice)
    assert [compiled.joins((name,)) for name in ("lines", "at", "tags")] == ["list", "value", "set"]
    assert [compiled.has(path) for path in (("lines", "*", "sku"), ("lines", "*", "size"), ())] == [
        True,
        False,
        True,
    ]


def test_quotes_are_checked_and_taken_out() -> None:
    compiled = compile_schema(Quoted(Chunked(Line)))
    said = '{"quotes_from_text":{"sku":"two pens","qty":"","note":""},"sku":"pens","qty":null,"note":null}'
    cited: Any = compiled.decode(said, {"text": "Ada has two pens."})
    assert (cited.record, cited.quotes) == ({"sku": "pens"}, {"/sku": ("two pens",)})


@pytest.mark.parametrize("target", EVERY_TARGET)
def test_every_target_takes_a_chunk_of_an_invoice(target: str) -> None:
    compiled = compile_schema(Chunked(Invoice), target)
    record = Invoice(
        number="N-1", due=date(2026, 3, 1), total=Decimal("9.50"), town=None, lines=[Line(sku="pens", qty=2)]
    )
    told = compiled.decode(compiled.encode(record), {"text": "N-1"})
    assert told["lines"] == [{"sku": "pens", "qty": 2}]
    assert compile_schema(Invoice, target).whole(told, {"text": "N-1"}) == record


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Item .a. on TypedDict")
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_a_record_that_is_whole_goes_through_a_chunk_unchanged(case: Case) -> None:
    chunked, compiled = compile_schema(Chunked(case.record_type)), compile_schema(case.record_type)
    for value in case.values:
        if "None" in repr(value):
            continue
        told = chunked.decode(chunked.encode(value))
        assert same(compiled.whole(told), value)


class Loose(TypedDict):
    a: NotRequired[JsonValue]


@pytest.mark.parametrize("target", sorted(EVERY_TARGET))
@pytest.mark.parametrize("value", [{}, {"a": 1}, {"a": {"b": [None]}}])
def test_any_value_may_be_left_out_of_a_chunk(target: str, value: Any) -> None:
    chunked = compile_schema(Chunked(Loose), target)
    assert chunked.decode(chunked.encode(value)) == value


@pytest.mark.slow
@settings(max_examples=examples(150), derandomize=True, suppress_health_check=list(HealthCheck))
@given(TYPES, TARGETS, st.data())
def test_a_random_record_goes_through_a_chunk_unchanged(
    typed: Typed, target: str, data: st.DataObject
) -> None:
    record_type, values = typed
    value = data.draw(values)
    assume("None" not in repr(value) and same(TypeAdapter(record_type).validate_python(value), value))
    chunked, compiled = compile_schema(Chunked(record_type), target), compile_schema(record_type, target)
    assert same(compiled.whole(chunked.decode(chunked.encode(value))), value)


@pytest.mark.slow
@settings(max_examples=examples(150), derandomize=True, suppress_health_check=list(HealthCheck))
@given(TYPES, TARGETS, st.data())
def test_whatever_a_chunk_may_say_is_taken_or_told_to_be_wrong(
    typed: Typed, target: str, data: st.DataObject
) -> None:
    chunked, compiled = compile_schema(Chunked(typed[0]), target), compile_schema(typed[0], target)
    wire = json.dumps(data.draw(wire_values(chunked.schema)))
    try:
        told = chunked.decode(wire)
        merged = merge([ChunkReading(0, 9, told, {}), ChunkReading(0, 9, told, {}, 2)], compiled.joins)
        compiled.whole(None if merged.record is NOTHING else merged.record)
    except Invalid as error:
        assert error.problems  # noqa: PT017  (a record is as good an end)


@pytest.mark.parametrize(
    ("record_type", "name", "expected"),
    [
        (Invoice, "sku", True),
        (Invoice, "number", False),
        (list[Card | Bank], "iban", True),
        (dict[str, list[Line] | None], "qty", True),
        (list[dict[str, int]], "whatever", True),
        (list[Any], "whatever", True),
        (list[str], "sku", False),
        (Line, "sku", False),
    ],
)
def test_it_is_told_whether_items_of_lists_can_have_a_member(
    record_type: Any, name: str, expected: bool
) -> None:
    assert compile_schema(record_type).items_have(name) is expected
