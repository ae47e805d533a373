"""Pieces that a model repeats where it has no others: found in right records never, in wrong ones often."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from extractor import Extractor, Free, Verbatim
from extractor.dialects import PROVIDERS
from extractor.reading import whole_value
from extractor.schema import can_be_outweighed, compile_schema, grounding, outweighed, repeats
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


def places(place: Any, odds: Any) -> tuple[str, ...]:
    compiled = compile_schema(Claim, grounding("local", "marked"))
    data = Claim(policyholder="it", reporter="it", place=place).model_dump()
    return tuple("/".join(map(str, path)) for path in outweighed(compiled.schema, data, odds))


@pytest.mark.parametrize(
    ("place", "odds", "doubtful"),
    [
        ({"street": "9350 Broadway"}, {("place", "street"): -0.9}, ()),
        ({"street": "9350 Broadway"}, {("place", "street"): -1.1}, ("place/street",)),
        ({"street": "9350 Broadway"}, {}, ()),  # nothing is known of null
        ({"street": "it", "city": "it"}, {("place", "street"): -2.0}, ("place/street", "place/city")),
        ({"street": "it", "city": "it"}, {("place", "city"): -2.0}, ("place/city",)),  # the first was meant
        ({"street": "it"}, {("reporter",): -9.0, ("policyholder",): -9.0}, ()),  # free, or never null
    ],
)
def test_null_is_better_than_a_piece_that_the_model_found_less_likely(
    place: Any, odds: Any, doubtful: Any
) -> None:
    assert places(place, odds) == doubtful


@pytest.mark.parametrize(
    ("asked", "can"), [(Place, True), (Claim, True), (list[Place], False), (Free[str] | None, False)]
)
def test_odds_are_asked_for_where_an_object_has_a_piece_or_null(asked: Any, can: bool) -> None:
    assert can_be_outweighed(compile_schema(asked, grounding("local", "marked")).schema) is can


LED = '{"street": "paid in EUR", "city": "Chicago", "state": "paid in EUR"}'
TOLD = [
    {"token": "{", "logprob": 0.0},
    {"token": '"street": "', "logprob": -0.1, "top_logprobs": [{"token": '"street": null', "logprob": -2.4}]},
    {"token": "paid in EUR", "logprob": -9.0},
    {"token": '", "city": "Chicago", "state": "paid in EUR"}', "logprob": 0.0},
]


def test_a_model_that_was_led_to_a_piece_it_did_not_mean_gives_null_with_a_note() -> None:
    row = replace(PROVIDERS["vllm"], weighs_nulls=True)
    choice = replace(reply(LED).choices[0], logprobs={"content": TOLD})
    with ChatServer([replace(reply(LED), choices=(choice,))] * 2) as server:
        options: Any = {"base_url": server.base_url, "grounded": True, "provider": row}
        with Extractor("vllm:m", **options) as weighing:
            result = weighing.run(Place, TEXT, confidence=True)
            strict = weighing.run(Place, TEXT, strict_reading=True)
    assert result.record == Place(city="Chicago")
    assert (
        "null was taken, which the model found likelier than what the text has (/street, /state)"
        in result.notes[0]
    )
    assert result.attempts[0].text == LED
    assert strict.record == Place(street="paid in EUR", city="Chicago", state="paid in EUR")
    assert [request.json.get("logprobs") for request in server.requests] == [True, None]


class Led(Place):
    @model_validator(mode="after")
    def whole(self) -> Led:
        if self.street is None:
            raise ValueError("a street is needed")
        return self


def test_a_record_stays_as_it_is_if_it_would_not_be_valid_with_null() -> None:
    choice = replace(reply(LED).choices[0], logprobs={"content": TOLD})
    with ChatServer([replace(reply(LED), choices=(choice,))]) as server:
        row = replace(PROVIDERS["vllm"], weighs_nulls=True)
        with Extractor("vllm:m", base_url=server.base_url, grounded=True, provider=row) as ex:
            assert ex.run(Led, TEXT).unwrap().street == "paid in EUR"


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
