"""Pieces that a model repeats where it has no others: found in right records never, in wrong ones often."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from extractor import Extractor, Verbatim
from extractor.reading import whole_value
from extractor.schema import compile_schema, grounding, repeats
from extractor.testing import ChatServer, reply

TEXT = "Claim of Ann Lee: water at 9350  Broadway, Chicago. Ann Lee reports it; paid in EUR, 2024 and 2024."


class Place(BaseModel):
    street: Verbatim[str] | None = None
    city: Verbatim[str] | None = None
    state: Verbatim[str] | None = None


class Claim(BaseModel):
    policyholder: str
    reporter: str | None = None
    place: Place
    second: Place | None = None
    currency: Literal["EUR", "USD"] = "EUR"
    of_tax: Literal["EUR", "USD"] = "EUR"
    code: Annotated[str, Field(pattern="^[A-Z]+$")] = "EUR"
    tags: list[str] = []
    named: dict[str, str] = {}


def found(**changes: Any) -> tuple[str, ...]:
    claim = Claim(**{"policyholder": "Ann Lee", "place": {"street": "9350 Broadway"}, **changes})
    compiled = compile_schema(Claim, grounding("local", "marked"))
    return repeats(compiled.schema, claim.model_dump(), TEXT)


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, ()),
        ({"reporter": "Ann Lee"}, ()),  # it stands there twice
        ({"reporter": "ann lee", "tags": ["Ann Lee"]}, ()),
        ({"place": {"street": "9350 Broadway", "city": "9350 Broadway"}}, ("/place/street", "/place/city")),
        (
            {"place": {"street": "9350 Broadway", "city": "9350 broadway", "state": "9350 Broadway"}},
            ("/place/street", "/place/city", "/place/state"),
        ),
        ({"second": {"street": "9350 Broadway"}}, ()),  # the same place, in another object
        ({"second": {"street": "Chicago", "city": "Chicago"}}, ("/second/street", "/second/city")),
        ({"place": {"street": "nowhere", "city": "nowhere"}}, ()),  # not in the text: said elsewhere
        ({"place": {"street": "it", "city": "it"}}, ()),
        ({"place": {"street": "2024", "city": "2024", "state": "2024"}}, ()),
        ({"tags": ["water", "water"]}, ("/tags/0", "/tags/1")),
        ({"named": {"a": "water", "b~/": "water"}}, ("/named/a", "/named/b~0~1")),
    ],
)
def test_a_piece_is_noted_that_one_object_has_more_often_than_the_text(changes: Any, places: Any) -> None:
    assert found(**changes) == places


def test_a_reply_of_a_grounded_model_that_repeats_a_piece_has_a_note() -> None:
    said = '{"street": "9350 Broadway", "city": "9350 Broadway", "state": null}'
    with (
        ChatServer([reply(said), reply(said.replace("null", '"Chicago"'))]) as server,
        Extractor("vllm:m", base_url=server.base_url, grounded=True) as grounded,
        Extractor("openai:m", base_url=server.base_url, api_key="k") as hosted,
    ):
        result, other = grounded.run(Place, TEXT), hosted.run(Place, TEXT)
    assert result.notes == ("a piece of the text more often than it stands there (/street, /city)",)
    assert other.notes == ()


class Left(BaseModel):
    name: str
    inner: Left | Right | list[Left | Right] | None = None


class Right(BaseModel):
    name: str
    other: str = ""
    inner: Left | Right | list[Left | Right] | None = None


def test_unions_of_unions_are_looked_through_once() -> None:
    record = Right(name="water", other="water")
    for _ in range(40):
        record = Right(name="Chicago", inner=record)
    compiled = compile_schema(Right, "local")
    data = whole_value(compiled.encode(record))
    assert [place.rpartition("/")[2] for place in repeats(compiled.schema, data, TEXT)] == ["name", "other"]
