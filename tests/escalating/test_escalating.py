"""Doubtful values put to a second model, to a person, or made null: in run, rows and frame."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel, Field, ValidationInfo, model_validator

from extractor import AsyncExtractor, ConfigError, Extractor, Price, Run, RunStopped, view
from extractor.confidence import FieldPromise, Promise
from extractor.escalating import narrowed
from extractor.report import EscalatedValue
from extractor.schema import compile_schema
from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, reply
from extractor.tuned import Tuned

TOWNS = ["Basel", "Bern", "Ulm", "Linz"]


class Visit(BaseModel):
    """A visit."""

    town: str
    guests: int
    code: str | None = Field(None, description="two letters")


def asked(request: ReceivedRequest) -> str:
    return str(json.loads(request.body)["messages"][-1]["content"])


def number(request: ReceivedRequest) -> int:
    return int(re.findall(r"(\d+): ", asked(request))[-1])


def small(request: ReceivedRequest) -> Scripted:
    """Of every second text it names another town that stands there, and is not sure of it."""
    i = number(request)
    wrong = i % 2 == 0
    town = TOWNS[(i + 1) % 4] if wrong else TOWNS[i % 4]
    return logprobs(
        reply({"town": town, "guests": i, "code": None}), {town: math.log(0.3 if wrong else 0.99)}
    )


def large(request: ReceivedRequest) -> Scripted:
    """It is right, and asked for no more than it is asked for."""
    i = number(request)
    body = json.loads(request.body)
    members = body["response_format"]["json_schema"]["schema"]["properties"]
    right = {"town": TOWNS[i % 4], "guests": i, "code": None}
    return logprobs(reply({name: right[name] for name in members}), {})


def text_of(i: int) -> str:
    return f"{i}: {TOWNS[i % 4]}, not {TOWNS[(i + 1) % 4]}, {i} guests"


@pytest.fixture
def servers() -> Iterator[tuple[ChatServer, ChatServer]]:
    with ChatServer(small) as first, ChatServer(large) as second:
        yield first, second


PRICES = {name: Price(input=1, output=1) for name in ("small", "large")}


def clients(servers: tuple[ChatServer, ChatServer], **options: Any) -> tuple[Extractor, Extractor]:
    second = Extractor("large", base_url=servers[1].base_url, prices=PRICES)
    first = Extractor("small", base_url=servers[0].base_url, prices=PRICES, escalate=second, **options)
    return first, second


@pytest.mark.slow
def test_the_second_model_is_asked_for_the_doubtful_members_alone_and_both_answers_stay(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    first, second = clients(servers, below=0.6)
    with first, second:
        result, sure = first.run(Visit, text_of(2)), first.run(Visit, text_of(3))
    assert result.record == Visit(town="Ulm", guests=2)
    assert sure.record == Visit(town="Linz", guests=3)
    assert sure.escalation is None
    told = result.escalation
    assert told is not None
    assert (told.doubtful, told.to, told.choices) == (("/town",), "large", {"/town": "second"})
    assert told.first == Visit(town="Linz", guests=2)
    assert told.second is not None
    assert [each.model for each in result.attempts] == ["small", "large"]
    assert result.cost is not None
    assert told.second.cost is not None
    assert result.cost > told.second.cost
    assert result.evidence["/town"][0].start == 3
    assert result.notes[-1] == "not sure enough, asked of large: /town: second"
    (request,) = servers[1].requests
    assert list(json.loads(request.body)["response_format"]["json_schema"]["schema"]["properties"]) == [
        "town"
    ]
    assert '{"guests": 2, "code": null}' in json.loads(request.body)["messages"][0]["content"]


def test_a_second_model_that_was_tuned_for_the_whole_type_is_refused_at_once() -> None:
    tuned = Tuned("large", compile_schema(Visit).fingerprint, "Codes.")
    with (
        Extractor("large", base_url="http://127.0.0.1:9/v1", tuned=tuned) as second,
        pytest.raises(ConfigError, match="the second model can't have tuned="),
    ):
        Extractor("small", base_url="http://127.0.0.1:9/v1", escalate=second, below=0.6)


@pytest.mark.slow
def test_a_written_result_tells_whose_each_value_is_and_what_it_replaced(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    first, second = clients(servers, below=0.6)
    with first, second:
        result = first.run(Visit, text_of(2))
    assert result.escalation is not None
    assert result.escalation.first_values == {"/town": "Linz"}
    told = {"/town": EscalatedValue("second", "large", "Linz")}
    (whole,) = view([result.to_dict()]).entries
    line = {"text": text_of(2), "record": {"town": "Ulm"}}
    short = {"to": "large", "choices": {"/town": "second"}, "first_values": {"/town": "Linz"}}
    (written,) = view([{**line, "escalation": short}]).entries
    assert whole.escalated == written.escalated == told
    for odd in (None, "x", {"to": 3, "choices": {}}, {"to": "a", "choices": ["b"]}, {"to": "a"}):
        (entry,) = view([{**line, "escalation": odd}]).entries
        assert entry.escalated == {}


@pytest.mark.slow
def test_rows_keep_their_order_and_frames_the_better_values(servers: tuple[ChatServer, ChatServer]) -> None:
    first, second = clients(servers, below=0.6)
    with first, second:
        outcomes = list(first.rows([text_of(i) for i in range(150)], Visit, run=Run(journal=False)))
        df = first.frame(
            pd.DataFrame({"body": [text_of(6), text_of(7)]}), Visit, text="body", run=Run(journal=False)
        )
    assert [each.index for each in outcomes] == list(range(150))
    assert all(each.record == Visit(town=TOWNS[i % 4], guests=i) for i, each in enumerate(outcomes))
    assert sum(each.extraction.escalation is not None for each in outcomes if each.extraction) == 75
    assert [each["town"] for each in df["visit"]] == ["Ulm", "Linz"]
    assert len(servers[1].requests) == 75 + 1
    sure = df["visit_confidence"].tolist()
    assert {each["pointer"] for row in sure for each in row} == {"/town", "/guests", "/code"}
    escalated, none = df["visit_escalation"].tolist()
    assert escalated == [{"pointer": "/town", "choice": "second", "to": "large", "first": '"Linz"'}]
    assert none is None
    entries = view(df).entries
    assert [each.escalated for each in entries] == [{"/town": EscalatedValue("second", "large", "Linz")}, {}]


@pytest.mark.slow
def test_a_bound_of_the_cost_is_for_both_models_and_no_outcome_is_lost(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    first, second = clients(servers, below=0.6)
    outcomes: list[Any] = []
    asked_of = [text_of(i) for i in range(40)]
    with first, second:
        rows = first.rows(
            asked_of, Visit, run=Run(journal=False, max_cost=0.004, concurrency=1), max_tokens=9
        )
        with pytest.raises(RunStopped):
            outcomes.extend(rows)
    assert 0 < sum((each.cost or Decimal(0)) for each in outcomes) <= Decimal("0.004")
    assert len([each for each in outcomes if each.extraction is not None]) == len(servers[0].requests)


def test_a_price_that_is_not_known_is_told_before_anything_is_asked(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    second = Extractor("large", base_url=servers[1].base_url)
    with (
        second,
        Extractor("small", base_url=servers[0].base_url, prices=PRICES, escalate=second, below=0.6) as ex,
    ):
        with pytest.raises(ConfigError, match="price of 'large'"):
            ex.rows([text_of(2)], Visit, run=Run(max_cost=1))
        assert servers[0].requests == ()


@pytest.mark.slow
def test_an_estimate_tells_what_may_go_to_the_second_model(
    servers: tuple[ChatServer, ChatServer], tmp_path: Any
) -> None:
    run, texts = Run(journal=tmp_path / "j.sqlite"), [text_of(i) for i in range(40)]
    first, larger = servers
    second = Extractor("large", base_url=larger.base_url, prices={"large": Price(input=10, output=10)})
    options: dict[str, Any] = {
        "prices": {"small": Price(input=1, output=1)},
        "escalate": second,
        "below": 0.6,
    }
    with second, Extractor("small", base_url=first.base_url, **options) as ex:
        unknown = ex.estimate(texts, Visit, run=run)
        assert (unknown.requests, unknown.second_requests) == (40, 40)
        assert "not known before 20 are in the journal: at most 40 requests to large" in str(unknown)
        list(ex.rows(texts[:20], Visit, run=run))
        known = ex.estimate(texts, Visit, run=run)
        assert (known.answered, known.requests, known.second_requests) == (20, 20, 20)
        assert "of 20 answers in the journal 10 are doubtful: up to 20 requests to large, about $" in str(
            known
        )
        paid = sum(o.cost or 0 for o in ex.rows(texts, Visit, run=run) if o.extraction)
        assert known.second_cost is not None
        assert known.second_alone == pytest.approx(known.second_cost * 2, rel=Decimal("0.01"))  # half is sure
        assert "more; large alone, asked for all of them, about $" in str(known)
        assert paid > 0
        assert len(larger.requests) == known.second_requests


@pytest.mark.slow
def test_the_async_client_does_the_same(servers: tuple[ChatServer, ChatServer]) -> None:
    async def both() -> tuple[Any, list[Any]]:
        second = AsyncExtractor("large", base_url=servers[1].base_url)
        first = AsyncExtractor("small", base_url=servers[0].base_url, escalate=second, below=0.6)
        async with second, first:
            one = await first.run(Visit, text_of(4))
            rows = first.rows([text_of(i) for i in range(5)], Visit, run=Run(journal=False))
            return one, [each async for each in rows]

    one, rows = asyncio.run(both())
    assert one.record == Visit(town="Basel", guests=4)
    assert [each.record.town for each in rows] == ["Basel", "Bern", "Ulm", "Linz", "Basel"]


def test_doubtful_values_become_null_where_the_type_takes_one(servers: tuple[ChatServer, ChatServer]) -> None:
    class Loose(BaseModel):
        town: str | None
        guests: int

    with Extractor("small", base_url=servers[0].base_url, escalate="null", below=0.6) as ex:
        loose, strict = ex.run(Loose, text_of(2)), ex.run(Visit, text_of(2))
    assert loose.record == Loose(town=None, guests=2)
    assert strict.record == Visit(town="Linz", guests=2)
    assert strict.escalation is not None
    assert strict.escalation.choices == {"/town": "first"}
    assert strict.escalation.note == "not set to null, since the type does not allow it: /town"


TOWN = {
    "title": "Town",
    "type": "object",
    "properties": {"name": {"type": "string"}, "once": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("unsure", ["Linz", "Lentia"])
def test_what_becomes_of_doubtful_values_is_a_record_of_a_json_schema_too(unsure: str) -> None:
    said = {"name": "Linz", "once": "Lentia"}
    with (
        ChatServer([logprobs(reply(said), {unsure: math.log(0.3)})]) as server,
        Extractor("small", base_url=server.base_url, escalate="null", below=0.6) as ex,
    ):
        result = ex.run(TOWN, "Linz, once Lentia")
    assert result.record == said
    assert result.escalation is not None
    assert set(result.escalation.choices.values()) == {"first"}


def test_a_member_that_the_second_model_leaves_out_is_left_out() -> None:
    first = logprobs(reply({"name": "Linz", "once": "Lentia"}), {"Lentia": math.log(0.3)})
    with ChatServer([first]) as one, ChatServer([logprobs(reply({"once": None}), {})]) as two:
        second = Extractor("large", base_url=two.base_url)
        with second, Extractor("small", base_url=one.base_url, escalate=second, below=0.6) as ex:
            result = ex.run(TOWN, "Linz, once Lentia")
    assert result.record == {"name": "Linz"}
    assert result.escalation is not None
    assert result.escalation.choices == {"/once": "second"}


def test_a_validator_that_looks_at_the_text_judges_what_becomes_of_doubtful_values() -> None:
    class Stay(BaseModel):
        town: str | None

        @model_validator(mode="after")
        def stands_there(self, info: ValidationInfo) -> Stay:
            assert self.town is None or self.town in info.context["text"]
            return self

    first = logprobs(reply({"town": "Linz"}), {"Linz": math.log(0.3)})
    with (
        ChatServer([first]) as server,
        Extractor("small", base_url=server.base_url, escalate="null", below=0.6) as ex,
    ):
        assert ex.run(Stay, "Linz").record == Stay(town=None)


def test_for_review_the_record_stays_and_says_what_to_look_at(servers: tuple[ChatServer, ChatServer]) -> None:
    with Extractor("small", base_url=servers[0].base_url, escalate="review", below=0.6) as ex:
        result = ex.run(Visit, text_of(2))
    assert result.record == Visit(town="Linz", guests=2)
    assert result.escalation is not None
    assert result.escalation.choices == {"/town": "review"}


def test_a_second_model_that_fails_leaves_the_first_ones_values_with_a_note() -> None:
    with ChatServer(small) as one, ChatServer([reply("no")] * 9) as two:
        second = Extractor("large", base_url=two.base_url, max_repairs=0)
        with second, Extractor("small", base_url=one.base_url, escalate=second, below=0.6) as ex:
            result = ex.run(Visit, text_of(2))
    assert result.record == Visit(town="Linz", guests=2)
    assert result.escalation is not None
    assert result.escalation.choices == {"/town": "first"}
    assert str(result.escalation.note).startswith("the second model gave no record: ")
    assert [each.model for each in result.attempts] == ["small", "large"]


def test_a_promise_tells_which_values_are_doubtful_and_holds_for_its_model_and_type_alone(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    fields = {f"/{name}": FieldPromise(0.6) for name in ("town", "guests", "code")}
    promise = Promise(0.9, 0.95, "small", compile_schema(Visit).fingerprint, 1, 100, fields)
    with Extractor("small", base_url=servers[0].base_url, escalate="review", below=promise) as ex:
        result = ex.run(Visit, text_of(2))
        assert result.escalation is not None
        assert result.escalation.doubtful == ("/town",)

        class Other(BaseModel):
            town: str

        with pytest.raises(ConfigError, match="the promise does not apply here: it was made for another"):
            ex.run(Other, text_of(2))
        with pytest.raises(ConfigError, match="it was made with samples=1, not with samples=3"):
            ex.run(Visit, text_of(2), samples=3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"escalate": "review"}, "escalate= and below= must be given together"),
        ({"below": 0.5}, "escalate= and below= must be given together"),
        ({"below": 5}, "below must be a number from 0 to 1, not 5"),
        ({"escalate": "review", "below": 5}, "below must be a number from 0 to 1, not 5"),
        ({"escalate": 7, "below": 0.5}, 'escalate must be "null", "review", a model or a Extractor'),
    ],
)
def test_what_cannot_work_is_told_when_the_client_is_made(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Extractor("small", base_url="http://127.0.0.1:9", **options)


def test_texts_that_are_masked_go_to_no_model_that_does_not_mask() -> None:
    url = "http://127.0.0.1:9"
    with Extractor("large", base_url=url) as second:
        with pytest.raises(ConfigError, match="the texts of the first model are masked"):
            Extractor("small", base_url=url, mask=["email"], escalate=second, below=0.5)
        with (
            Extractor("small", base_url=url, escalate=second, below=0.5) as ex,
            pytest.raises(ConfigError, match="masks its texts"),
        ):
            ex.run(Visit, "x", mask=["email"])


def test_verbs_that_ask_one_model_alone_say_so() -> None:
    with Extractor("small", base_url="http://127.0.0.1:9", escalate="review", below=0.5) as ex:
        for verb in (ex.items, ex.update):
            with pytest.raises(ConfigError, match="is for run, extract, stream, document, rows and frame"):
                verb(Visit, "x")


def test_a_type_is_narrowed_with_its_descriptions_and_aliases() -> None:
    class Named(BaseModel):
        town: str = Field(alias="Town", description="where", max_length=9)
        code: str

    made = narrowed(Named, ["Town"])
    told = made.model_json_schema(by_alias=True)
    assert told["properties"] == {
        "Town": {"description": "where", "maxLength": 9, "title": "Town", "type": "string"}
    }
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a", "b"]}
    assert narrowed(schema, ["a"]) == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
    }
