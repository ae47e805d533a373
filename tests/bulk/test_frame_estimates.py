"""What a run will come to: counted, looked up, and never sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, Extractor, Price, Run, Usage
from extractor.bulk.estimate import answer_tokens
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, shaped, status


class Visit(BaseModel):
    town: str
    guests: int


TEXTS = [f"We were in town {i}." for i in range(30)]
PRICES = {"m": Price(input=2, output=10)}


def test_rows_are_counted_and_priced_and_nothing_is_sent(tmp_path: Path) -> None:
    frame = pl.DataFrame({"body": [*TEXTS, TEXTS[0], None, " "]})
    with ChatServer(shaped()) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        told = ex.estimate(frame, Visit, text="body", run=Run(journal=tmp_path / "j.sqlite"))
        assert not server.requests
    assert (told.rows, told.empty, told.bad, told.distinct, told.in_journal) == (33, 2, 0, 30, 0)
    assert told.cost == PRICES["m"](Usage(told.prompt_tokens, told.completion_tokens))
    assert told.why_no_cost is None
    assert "estimated from its schema" in told.assumption
    assert "33 rows" in str(told)
    assert not (tmp_path / "j.sqlite").exists(), "an estimate makes no file"


@pytest.mark.slow
def test_what_the_journal_has_is_paid_for_and_tells_how_long_answers_are(tmp_path: Path) -> None:
    journal = tmp_path / "j.sqlite"
    with ChatServer(shaped()) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        list(ex.rows(TEXTS[:25], Visit, run=Run(journal=journal)))
        asked = len(server.requests)
        told = ex.estimate(TEXTS, Visit, run=Run(journal=journal))
        assert len(server.requests) == asked
        run = list(ex.rows(TEXTS, Visit, run=Run(journal=journal)))
        assert len(server.requests) == asked + 5
    assert (told.distinct, told.in_journal) == (30, 25)
    assert told.assumption == "tokens as in 25 answers of the journal"
    used = [outcome.usage for outcome in run if not outcome.from_cache]
    assert len(used) == 5
    assert sum(u.completion_tokens for u in used) == pytest.approx(told.completion_tokens, rel=0.5)


@pytest.mark.slow
def test_an_estimate_is_within_a_fifth_on_texts_like_the_first_fifty(tmp_path: Path) -> None:
    """By a tokenizer that has 2.6 characters to a token, and answers that grow with the text."""
    journal, random = tmp_path / "j.sqlite", Random(7)
    texts = [f"{i}: " + "We were in Basel. " * random.randint(1, 60) for i in range(400)]

    def answer(request: ReceivedRequest) -> Scripted:
        said = "".join(message["content"] for message in request.json["messages"])
        town = "Basel" * (1 + len(said) // 400)
        return reply({"town": town, "guests": 2}, usage=Usage(round(len(said) / 2.6), 12 + 2 * len(town)))

    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        list(ex.rows(texts[:50], Visit, run=Run(journal=journal)))
        told = ex.estimate(texts, Visit, run=Run(journal=journal))
        run = [
            outcome for outcome in ex.rows(texts, Visit, run=Run(journal=journal)) if not outcome.from_cache
        ]
    assert told.requests == len(run) == 350
    assert told.prompt_tokens == pytest.approx(sum(o.usage.prompt_tokens for o in run), rel=0.2)
    assert told.completion_tokens == pytest.approx(sum(o.usage.completion_tokens for o in run), rel=0.2)
    assert float(told.cost or 0) == pytest.approx(float(sum(o.cost or 0 for o in run)), rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("caps", [(1.0, None), (None, 1.0), (1.0, 2.0)])
def test_what_was_paid_under_a_cap_counts_without_it_and_the_other_way_round(
    tmp_path: Path, caps: tuple[float | None, float | None]
) -> None:
    journal, (first, second) = tmp_path / "j.sqlite", caps
    with ChatServer(shaped()) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        list(ex.rows(TEXTS, Visit, run=Run(journal=journal, max_cost=first)))
        asked = len(server.requests)
        assert ex.estimate(TEXTS, Visit, run=Run(journal=journal, max_cost=second)).requests == 0
        assert all(
            outcome.from_cache for outcome in ex.rows(TEXTS, Visit, run=Run(journal=journal, max_cost=second))
        )
        assert len(server.requests) == asked
        list(ex.rows(TEXTS[:1], Visit, run=Run(journal=journal, max_cost=second), max_tokens=500))
        assert len(server.requests) == asked + 1, "a bound of the caller's own is another question"
        assert [b"max_tokens" in each.body for each in server.requests[:1]] == [first is not None]


def test_an_unknown_price_is_none_with_the_reason() -> None:
    with Extractor("m", base_url="http://127.0.0.1:1") as ex:
        told = ex.estimate(["Basel", {"not": "a text"}], Visit, run=Run(journal=False))
    assert (told.cost, told.bad) == (None, 1)
    assert "the price of 'm' is not known" in str(told.why_no_cost)
    assert "cost unknown" in str(told)
    assert repr(told).startswith("Estimate(2 rows = 1 to ask + 1 invalid, 1 request, ")
    assert repr(told).endswith(" tokens, cost unknown)")


def test_the_embedded_model_is_not_started_for_an_estimate() -> None:
    pytest.importorskip("xllamacpp")
    with Extractor("local:smollm2") as ex:
        assert ex.estimate(["Basel"], Visit, run=Run(journal=False)).distinct == 1


def test_an_async_client_estimates_too() -> None:
    async def told() -> Any:
        async with AsyncExtractor("m", base_url="http://127.0.0.1:1", prices=PRICES) as ex:
            return await ex.estimate(["Basel"], Visit, run=Run(journal=False))

    assert asyncio.run(told()).cost > Decimal(0)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "array", "items": {"enum": ["a"]}},
    ],
)
def test_every_schema_has_a_size(schema: Any) -> None:
    assert 0 < answer_tokens(schema) < 1_000


def broken_for_odd(request: ReceivedRequest) -> Scripted:
    text = request.json["messages"][-1]["content"] + request.json["messages"][1]["content"]
    odd = any(f"town {i}." in text for i in range(1, 30, 2))
    return reply({"town": "?", "guests": "many"} if odd else {"town": "Basel", "guests": 2})


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 4])
def test_rows_whose_answers_gave_no_record_are_counted_where_they_are_asked_again(
    together: int, tmp_path: Path
) -> None:
    run = Run(journal=tmp_path / "j.sqlite", rows_per_request=together)
    retry = replace(run, retry="failed")
    with ChatServer(broken_for_odd) as server, Extractor("m", base_url=server.base_url, prices=PRICES) as ex:
        found = list(ex.rows(TEXTS, Visit, run=replace(run, rows_per_request=1)))
        assert sum(outcome.record is None for outcome in found) == 15
        plain = ex.estimate(TEXTS, Visit, run=run)
        assert (plain.requests, plain.answered, plain.to_ask, plain.again) == (0, 30, 0, 0)
        told = ex.estimate([*TEXTS, TEXTS[1]], Visit, run=retry)
        assert (told.answered, told.to_ask, told.again, told.in_journal) == (15, 16, 15, 30)
        assert told.sum == "31 rows = 15 from the journal + 16 to ask"
        server.play(shaped())
        before = len(server.requests)
        list(ex.rows(TEXTS, Visit, run=retry))
        assert len(server.requests) - before == told.requests == 15


@pytest.mark.slow
def test_an_answer_that_came_in_a_way_learned_in_the_run_is_found(tmp_path: Path) -> None:
    def no_schema(request: ReceivedRequest) -> Scripted:
        if "response_format" in request.json:
            return status(400, "response_format is not supported by this model")
        return reply({"town": "Basel", "guests": 2})

    run = Run(journal=tmp_path / "j.sqlite", concurrency=1)
    with ChatServer(no_schema) as server:
        for expected in ((0, 30), (30, 0)):
            with Extractor("m", base_url=server.base_url) as ex:
                told = ex.estimate(TEXTS, Visit, run=run)
                assert (told.answered, told.to_ask) == expected
                list(ex.rows(TEXTS, Visit, run=run))


def test_invalid_rows_are_named_with_the_reason() -> None:
    with Extractor("m", base_url="http://127.0.0.1:9") as ex:
        told = ex.estimate([{"body": "Basel"}, {"bod": "Bonn"}], Visit, text="body", run=Run(journal=False))
    assert told.invalid == ("row 1: the row has no field 'body'; it has bod",)
    assert "2 rows = 1 to ask + 1 invalid." in str(told)
