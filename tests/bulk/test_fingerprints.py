"""What a record type means: the same for another wording, another for other records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from extractor import Verbatim
from extractor.schema.outline import changes, fingerprint
from tests.record_types import meaning_of


class Line(BaseModel):
    price: Decimal
    title: str = "none"


class Posten(BaseModel):
    """A line, in other words."""

    title: str = Field("none", description="What was bought.", examples=["tea"])
    price: Decimal = Field(title="Price")


class Node(BaseModel):
    value: int
    next: Node | None = None


class Knoten(BaseModel):
    next: Knoten | None = None
    value: int


def bill(**fields: Any) -> Any:
    return create_model("Bill", **{"lines": (list[Line], ...), "day": (date, ...), **fields})


SAME: list[tuple[Any, Any]] = [
    (Line, Posten),
    (Node, Knoten),
    (bill(), bill(lines=(list[Posten], ...))),
    (bill(), create_model("Rechnung", day=(date, ...), lines=(list[Line], ...))),
    (Literal["a", "b"], Literal["b", "a"]),
    (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/definitions/A"}},
            "definitions": {"A": {"type": "integer"}},
        },
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/B"}},
            "$defs": {"B": {"type": "integer", "title": "B"}},
        },
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_types_that_differ_in_words_alone_are_one_version(one: Any, other: Any) -> None:
    assert fingerprint(meaning_of(one)) == fingerprint(meaning_of(other))
    assert changes(meaning_of(one), meaning_of(other)) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (bill(day=(datetime, ...)), ['/day: type was "date" and is "datetime"']),
        (
            bill(day=(date, date(2026, 1, 1))),
            ['/day: default was not said and is "2026-01-01"', "/day may be left out now"],
        ),
        (bill(day=(date | None, ...)), ["/day may be null now"]),
        (bill(lines=(list[Line] | None, ...)), ["/lines may be null now"]),
        (bill(total=(int, ...)), ["/total is new", "/total must be there now"]),
        (bill(lines=(list[Annotated[str, Field(max_length=3)]], ...)), None),
        (
            bill(
                lines=(
                    list[
                        create_model(
                            "Line", price=(Annotated[Decimal, Field(ge=0)], ...), title=(str, "none")
                        )
                    ],
                    ...,
                )
            ),
            ['/lines/*/price: ge was not said and is "0"'],
        ),
        (
            bill(
                lines=(list[create_model("Line", price=(Decimal, ...), title=(Verbatim[str], "none"))], ...)
            ),
            ["/lines/*/title: x-verbatim was not said and is true"],
        ),
    ],
)
def test_what_changed_is_told_where_it_stands_in_a_record(changed: Any, told: list[str] | None) -> None:
    before, after = meaning_of(bill()), meaning_of(changed)
    assert fingerprint(before) != fingerprint(after)
    found = changes(before, after)
    assert found == told if told else found


def test_what_is_told_of_a_change_is_told_of_the_way_back() -> None:
    plain, wider = meaning_of(bill()), meaning_of(bill(day=(date | None, None)))
    assert changes(plain, wider) == ["/day may be null now", "/day may be left out now"]
    assert changes(wider, plain) == ["/day may not be null now", "/day must be there now"]


def test_a_change_in_a_recursive_type_is_told_once() -> None:
    deeper = create_model("Node", value=(str, ...), next=("Node | None", None))
    deeper.model_rebuild(_types_namespace={"Node": deeper})
    assert changes(meaning_of(Node), meaning_of(deeper)) == ['/value: type was "integer" and is "string"']


def test_members_called_as_keywords_are_members() -> None:
    one = {"type": "object", "properties": {"title": {"type": "string"}, "description": {"type": "string"}}}
    other = {"type": "object", "properties": {"title": {"type": "integer"}}}
    assert changes(meaning_of(one), meaning_of(other)) == [
        "/description is gone",
        '/title: type was "string" and is "integer"',
    ]


@dataclass
class Odd:
    """A type that no JSON Schema describes whole."""

    check: Any
    kind: type[int]


def test_a_type_without_a_json_schema_has_a_version_too() -> None:
    assert len(fingerprint(meaning_of(Odd))) == 16
