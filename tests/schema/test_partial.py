"""What has come of a record agrees with the record, wherever the text was cut."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any, Literal, cast

import pytest
from pydantic import BaseModel, Field, RootModel, field_validator
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from extractor.schema import CompiledSchema, compile_schema
from extractor.schema.nodes import ABSENT
from extractor.schema.reading.partial import Growing, Items, Partial
from tests.schema.corpus import CASES, Case
from tests.schema.same import same

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*using the `ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
TARGETS = ("openai", "permissive", "gemini")


class Line(BaseModel):
    text: str
    amount: float = Field(ge=0)


class Card(BaseModel):
    kind: Literal["card"] = "card"
    number: str


class Cash(BaseModel):
    kind: Literal["cash"] = "cash"
    coins: list[int]


class Invoice(BaseModel):
    vendor: str = Field(alias="Vendor Name")
    day: datetime.date
    lines: list[Line]
    tags: dict[str, int] = {}
    paid: Card | Cash | None = None


class Loose(BaseModel):
    plain: str | int
    other: int | str | None = None
    many: str | list[int]
    nested: str | Line


INVOICE = Invoice.model_validate(
    {
        "Vendor Name": 'ACME "Süd" \U0001f600\n',
        "day": "2026-01-02",
        "lines": [{"text": "Tea", "amount": 4.5}, {"text": "Tax", "amount": 1}],
        "tags": {"a": 1, "b": 22},
        "paid": {"kind": "cash", "coins": [1, 2]},
    }
)


def growing(compiled: CompiledSchema[Any], text: str, step: int = 1) -> Iterator[Partial[Any]]:
    grown = Growing(compiled)
    for start in range(0, len(text), step):
        yield from grown.feed(text[start : start + step])


def agrees(shown: Any, record: Any) -> bool:
    """Whether what is shown may become the record: what is whole is the same, a text is its beginning."""
    if isinstance(record, RootModel) and not isinstance(shown, RootModel):
        return agrees(shown, record.root)
    if not isinstance(shown, Partial):
        return same(shown, record) or (isinstance(shown, str) and str(record).startswith(shown))
    if shown._kind == "record":
        return all(agrees(value, getattr(record, name)) for name, value in shown)
    if shown._kind == "mapping":
        return all(agrees(value, record[name]) for name, value in shown._pairs())
    if isinstance(record, set | frozenset):
        return all(any(agrees(item, member) for member in record) for item in shown)
    return len(shown) <= len(record) and all(
        item is None or agrees(item, member) for item, member in zip(shown, record, strict=False)
    )


def test_parts_appear_as_they_come_and_stay() -> None:
    compiled = compile_schema(Invoice)
    partials = list(growing(compiled, compiled.encode(INVOICE)))
    assert partials[0].vendor is None
    assert partials[0].model_dump() == {}
    first = next(p for p in partials if p.lines)
    assert (first.vendor, first.day) == (INVOICE.vendor, datetime.date(2026, 1, 2))
    assert first.lines[0].text is None
    later = next(p for p in partials if len(p.lines or ()) == 2)
    assert later.lines[0] == Line(text="Tea", amount=4.5)
    assert later.model_dump()["lines"] == [{"text": "Tea", "amount": 4.5}, {}]
    assert later.closed == ("/Vendor Name", "/day", "/lines/0")
    assert (first.lines[0].text, len(first.lines)) == (None, 1)  # as it was then
    assert partials[-1].closed == ("",)


def test_what_has_come_is_dumped_as_pydantic_dumps_the_whole() -> None:
    compiled = compile_schema(Invoice)
    partials = list(growing(compiled, compiled.encode(INVOICE)))
    later = next(p for p in partials if len(p.lines or ()) == 2)
    assert later.model_dump(mode="json")["day"] == "2026-01-02"
    assert json.loads(later.model_dump_json()) == later.model_dump(mode="json")
    whole = Growing(compiled).now(INVOICE)
    assert whole.model_dump(mode="json") == INVOICE.model_dump(mode="json")
    assert whole.model_dump_json() == INVOICE.model_dump_json()


def test_keys_of_a_mapping_that_grows_are_dumped_as_json_has_them() -> None:
    compiled = compile_schema(dict[datetime.date, list[Line]])
    day = datetime.date(2026, 1, 2)
    text = compiled.encode({day: [Line(text="Tea", amount=4.5)]})
    partial = next(p for p in growing(compiled, text) if p.model_dump())
    assert list(partial.model_dump()) == [day]
    assert list(json.loads(partial.model_dump_json())) == ["2026-01-02"]


def test_a_text_grows_and_a_date_comes_as_a_whole() -> None:
    compiled = compile_schema(Invoice)
    partials = list(growing(compiled, compiled.encode(INVOICE)))
    seen = list(dict.fromkeys(p.vendor for p in partials))
    assert [v for v in seen if v is not None] == [INVOICE.vendor[:n] for n in range(len(INVOICE.vendor) + 1)]
    assert {p.day for p in partials} == {None, INVOICE.day}


def test_what_is_whole_but_not_valid_is_not_shown() -> None:
    text = '{"Vendor Name":"A","day":"tomorrow","lines":[{"text":"x","amount":-1},{"text":"y","amount":2}]'
    *_, last = growing(compile_schema(Invoice), text)
    assert (last.vendor, last.day) == ("A", None)
    assert (last.lines[0].text, last.lines[0].amount, last.lines[1]) == ("x", None, Line(text="y", amount=2))
    assert last.closed == ("/Vendor Name", "/lines/0/text", "/lines/1")


def test_a_typo_is_an_error_and_a_missing_part_is_none() -> None:
    partial = Growing(compile_schema(Invoice)).now()
    assert partial.get(lambda invoice: invoice.lines[3].amount) is None
    assert not partial.lines
    with pytest.raises(AttributeError, match="Invoice has no member 'lnes'"):
        _ = partial.lnes


@dataclass
class Ticket:
    closed: bool
    record: str
    get: int
    model_dump: list[str]


def test_members_that_are_called_as_methods_are_the_members() -> None:
    ticket, methods = Ticket(True, "R-7", 3, ["a"]), cast(Any, Partial)
    compiled = compile_schema(Ticket)
    first, *_, last = cast("list[Any]", list(growing(compiled, compiled.encode(ticket))))
    assert (first.closed, first.record, first.get, first.model_dump) == (None, None, None, None)
    assert (last.closed, last.record, last.get, last["model_dump"]) == (True, "R-7", 3, ["a"])
    assert methods.closed(last) == ("",)
    assert methods.get(last, lambda each: each.record) == "R-7"
    assert methods.model_dump(last) == {"closed": True, "record": "R-7", "get": 3, "model_dump": ["a"]}
    whole = Growing(compiled)
    whole.feed(compiled.encode(ticket))
    ended: Any = whole.now(ticket)
    assert (ended.closed, ended.record, methods.record(ended)) == (True, "R-7", ticket)


def test_the_member_of_a_union_shows_once_it_is_sure() -> None:
    compiled = compile_schema(Invoice)
    text = compiled.encode(INVOICE)
    partials = list(growing(compiled, text))
    coins = [list(p.paid.coins) for p in partials if isinstance(p.paid, Partial) and p.paid._kind == "record"
             and p.paid.coins is not None]  # fmt: skip
    assert coins[-1] == [1, 2]


def test_validators_see_the_context() -> None:
    class Quoted(BaseModel):
        words: str
        done: bool

        @field_validator("words")
        @classmethod
        def stand_in_the_text(cls, words: str, info: Any) -> str:
            if words not in info.context["text"]:
                raise ValueError("does not stand in the text")
            return words

    def last(words: str) -> Partial[Quoted]:
        grown = Growing(compile_schema(Quoted), {"text": "as said here"})
        *_, partial = grown.feed(json.dumps({"words": words})[:-1] + ',"done"')
        return partial

    assert last("said").closed == ("/words",)
    assert last("never").closed == ()


@dataclass
class Point:
    x: int
    name: str


class Named(TypedDict):
    name: str
    sizes: list[int]


@pytest.mark.parametrize(
    ("record_type", "text", "expected"),
    [
        (list[Line], '{"value":[{"text":"a","amount":1},{"te', [{"text": "a", "amount": 1.0}, {}]),
        (list[int], '{"value":[1,22,3', [1, 22]),
        (Point, '{"x":5,"name":"a', {"x": 5, "name": "a"}),
        (Named, '{"name":"a","sizes":[1,2', {"name": "a", "sizes": [1]}),
        (dict[str, int], '{"value":[{"key":"a","value":1},{"key":"b","value":2', {"a": 1}),
        (str, '{"value":"abc', "abc"),
        (int, '{"value":12', None),
        (tuple[int, str], '{"item_1":3,"item_2":"x', [3, "x"]),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
          "required": ["a", "b"], "additionalProperties": False}, '{"a":"x","b":1', {"a": "x"}),
    ],
)  # fmt: skip
def test_any_record_type_has_partials_in_its_own_terms(record_type: Any, text: str, expected: Any) -> None:
    *_, last = growing(compile_schema(record_type), text)
    assert last.model_dump() == expected


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_each_prefix_agrees_with_the_record_on_all_that_is_whole(case: Case, target: str) -> None:
    compiled = compile_schema(case.record_type, target)
    for value in case.values[:2]:
        text = compiled.encode(value)[:4000]
        record = compiled.decode(compiled.encode(value))
        for partial in growing(compiled, text, max(1, len(text) // 40)):
            shown = partial._shown()
            assert shown is ABSENT or agrees(shown, record), (partial, record)


def test_items_are_given_once_they_are_whole() -> None:
    items = Items(compile_schema(list[Line]))
    given = [
        items.feed(text) for text in ('{"value":[{"text":"a","amou', 'nt":1', '},{"text":"b","amount":-1},')
    ]
    assert [list(g) for g in given] == [[], [], [Line(text="a", amount=1)]]


@pytest.mark.parametrize("name", ["plain", "other", "many", "nested"])
def test_a_text_grows_where_nothing_else_of_a_union_is_said_as_text(name: str) -> None:
    growing = Growing(compile_schema(Loose))
    shown = [
        getattr(partial, name) for letter in f'{{"{name}": "some text' for partial in growing.feed(letter)
    ]
    assert "some te" in shown


def test_a_partial_stays_as_it_was_when_what_follows_breaks() -> None:
    growing = Growing(compile_schema(Invoice))
    (before,) = growing.feed('{"Vendor Name": "ACM')
    growing.feed('E\\q"')
    assert before.vendor == "ACM"


def test_another_object_after_the_record_is_not_shown_in_its_place() -> None:
    growing = Growing(compile_schema(Line))
    growing.feed('[see] {"a": 1} {"text": "tea", "amount": 1}\n{"note": "all')
    assert growing.now().text == "tea"


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_thoughts_are_not_shown(piece: int) -> None:
    text = '<think>[{"text": "no"}</think>{"text": "yes", "amount": 1}[THINK]{"text": "no"}'
    growing = Growing(compile_schema(Line))
    shown = [
        partial.text for i in range(0, len(text), piece) for partial in growing.feed(text[i : i + piece])
    ]
    assert set(shown) <= {None, "", "y", "ye", "yes"}
    assert growing.now().text == "yes"


def test_the_items_of_a_draft_in_a_second_list_are_not_given() -> None:
    items = Items(compile_schema(list[int]))
    assert [*items.feed('{"value": [1, 2]} or {"value": [3, 4]}')] == [1, 2]
