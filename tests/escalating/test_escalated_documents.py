"""Doubtful values of long texts: a second model reads the chunks again that hold them."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from extractor import (
    AsyncExtractor,
    Chunks,
    ConfigError,
    DocumentExtraction,
    Extractor,
    Price,
    Run,
    RunStopped,
)
from extractor.confidence import FieldPromise, Promise
from extractor.schema import compile_schema
from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, refusal, reply

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
TOWNS = ("Ghent", "Nantes", "Basel", "Linz")
LINE = re.compile(r"(D-\d{3}) went to (\w+), not to (\w+)\.")
PRICES = {name: Price(input=1, output=1) for name in ("small", "large")}
DOUBTFUL = {"D-007": "Ulm", "D-041": "Bonn"}  # of which the small model names the other town
SIZE = 900


class Delivery(BaseModel):
    number: str
    town: str


class Ledger(BaseModel):
    keeper: str
    deliveries: list[Delivery]


def line_of(i: int) -> str:
    number = f"D-{i:03}"
    return f"{number} went to {TOWNS[i % 4]}, not to {DOUBTFUL.get(number, TOWNS[(i + 1) % 4])}."


TEXT = "Kept by Ada Byron.\n\n" + "\n".join(line_of(i) for i in range(60))
RIGHT = Ledger(
    keeper="Ada Byron", deliveries=[Delivery(number=f"D-{i:03}", town=TOWNS[i % 4]) for i in range(60)]
)


def text_of(request: ReceivedRequest) -> str:
    return str(request.json["messages"][-1]["content"])


def members(request: ReceivedRequest) -> list[str]:
    return list(request.json["response_format"]["json_schema"]["schema"]["properties"])


def small(request: ReceivedRequest) -> Scripted:
    """It takes the wrong town of two deliveries, and is not sure of it."""
    text = text_of(request)
    wrong = {number: other for number, _, other in LINE.findall(text) if number in DOUBTFUL}
    items = [{"number": n, "town": wrong.get(n, town)} for n, town, _ in LINE.findall(text)]
    keeper = next((name for name in ("Ada Byron", "[KEEPER_1]") if name in text), None)
    said = {"keeper": keeper, "deliveries": items}
    return logprobs(reply(said), {town: math.log(0.2) for town in wrong.values()})


def large(request: ReceivedRequest) -> Scripted:
    text = text_of(request)
    items = [{"number": number, "town": town} for number, town, _ in LINE.findall(text)]
    said = {"keeper": "Ada Byron" if "Ada" in text else None, "deliveries": items}
    return logprobs(reply({name: said[name] for name in members(request)}), {})


@pytest.fixture
def servers() -> Iterator[tuple[ChatServer, ChatServer]]:
    with ChatServer(small) as first, ChatServer(large) as second:
        yield first, second


def read(servers: tuple[ChatServer, ChatServer], text: str = TEXT, **how: Any) -> DocumentExtraction[Ledger]:
    client = {"prices": PRICES, "escalate": None, "below": 0.5, **how.pop("client", {})}
    second = Extractor("large", base_url=servers[1].base_url, prices=PRICES, **how.pop("second", {}))
    client["escalate"] = client["escalate"] or second
    said = {"chunks": Chunks(size=SIZE), "run": Run(journal=False), **how}
    with second, Extractor("small", base_url=servers[0].base_url, **client) as ex:
        return ex.document(said.pop("record_type", Ledger), text, **said)


@pytest.mark.slow
def test_only_the_chunks_that_hold_doubtful_values_are_read_again(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    result = read(servers)
    assert result.record == RIGHT
    assert result.outcome == "ok"
    told = result.escalation
    assert told is not None
    assert told.choices == {"/deliveries/7/town": "second", "/deliveries/41/town": "second"}
    assert told.first.deliveries[7].town == "Ulm"
    asked = [text_of(request) for request in servers[1].requests]
    assert {number for number in DOUBTFUL for text in asked if number in text} == set(DOUBTFUL)
    assert all(DOUBTFUL.keys() & {number for number, _, _ in LINE.findall(text)} for text in asked)
    assert len(asked) < len(servers[0].requests)
    assert {tuple(members(request)) for request in servers[1].requests} == {("deliveries",)}
    assert "These fields are settled, and none of them is asked for" in str(asked) + str(
        [request.json["messages"][0] for request in servers[1].requests]
    )
    again = [chunk for chunk in result.chunks if chunk.second]
    assert [(chunk.start, chunk.end) for chunk in again] == [
        (TEXT.index(text), TEXT.index(text) + len(text)) for text in sorted(asked, key=TEXT.index)
    ]
    assert [attempt.model for attempt in result.attempts].count("large") == len(asked)
    assert result.evidence["/deliveries/7/town"][0].start == TEXT.index(line_of(7)) + len("D-007 went to ")
    assert "not sure enough, asked of large: /deliveries/7/town: second" in str(result.notes)


def test_a_text_that_fits_one_request_is_asked_about_as_run_asks(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    text = "Kept by Ada Byron.\n\n" + line_of(7)
    result = read(servers, text)
    assert result.record == Ledger(keeper="Ada Byron", deliveries=[Delivery(number="D-007", town=TOWNS[3])])
    assert result.escalation is not None
    assert result.escalation.choices == {"/deliveries/0/town": "second"}
    (chunk,) = result.chunks
    assert chunk.second is not None
    assert [attempt.model for attempt in result.attempts] == ["small", "large"]
    (request,) = servers[1].requests
    assert '{"keeper": "Ada Byron"}' in request.json["messages"][0]["content"]


@pytest.mark.slow
def test_a_document_without_doubt_asks_no_second_model(servers: tuple[ChatServer, ChatServer]) -> None:
    result = read(servers, client={"below": 0.1})
    assert result.escalation is None
    assert servers[1].requests == ()


@pytest.mark.slow
def test_the_async_client_reads_again_what_the_sync_one_does(servers: tuple[ChatServer, ChatServer]) -> None:
    async def asked() -> DocumentExtraction[Ledger]:
        second = AsyncExtractor("large", base_url=servers[1].base_url)
        first = AsyncExtractor("small", base_url=servers[0].base_url, escalate=second, below=0.5)
        async with second, first:
            return await first.document(Ledger, TEXT, chunks=Chunks(size=SIZE), run=Run(journal=False))

    result, again = asyncio.run(asked()), read(servers)
    assert result.record == again.record == RIGHT
    assert result.escalation is not None
    assert again.escalation is not None
    assert result.escalation.choices == again.escalation.choices


@pytest.mark.slow
def test_doubtful_values_are_left_to_review_or_emptied_without_a_second_model(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    class LooseDelivery(BaseModel):
        number: str
        town: str | None

    class Loose(BaseModel):
        keeper: str
        deliveries: list[LooseDelivery]

    kept = read(servers, client={"escalate": "review"})
    nulled = read(servers, client={"escalate": "null"}, record_type=Loose)
    assert kept.record is not None
    assert kept.record.deliveries[7].town == "Ulm"
    assert kept.escalation is not None
    assert set(kept.escalation.choices.values()) == {"review"}
    assert nulled.record is not None
    assert [i for i, each in enumerate(nulled.record.deliveries) if each.town is None] == [7, 41]
    assert servers[1].requests == ()


@pytest.mark.slow
def test_a_promise_names_the_doubtful_values_of_a_document(servers: tuple[ChatServer, ChatServer]) -> None:
    fields = {name: FieldPromise(0.5) for name in ("/keeper", "/deliveries/*/number", "/deliveries/*/town")}
    promise = Promise(0.9, 0.95, "small", compile_schema(Ledger).fingerprint, 1, 100, fields)
    result = read(servers, client={"below": promise, "escalate": "review"})
    assert result.escalation is not None
    assert result.escalation.doubtful == ("/deliveries/7/town", "/deliveries/41/town")


@pytest.mark.slow
def test_the_same_call_again_comes_out_of_the_journal(
    servers: tuple[ChatServer, ChatServer], tmp_path: Path
) -> None:
    run = Run(journal=tmp_path / "j.sqlite")
    first = read(servers, run=run)
    asked = len(servers[0].requests) + len(servers[1].requests)
    again = read(servers, run=run)
    assert again.record == first.record == RIGHT
    assert len(servers[0].requests) + len(servers[1].requests) == asked


@pytest.mark.slow
def test_one_bound_of_the_cost_is_for_both_models_and_the_partial_keeps_the_first_ones_values(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    dear = {"large": Price(input=1000, output=1000)}
    second = Extractor("large", base_url=servers[1].base_url, prices=dear)
    with second, pytest.raises(RunStopped) as stopped:
        read(servers, client={"escalate": second}, run=Run(journal=False, max_cost=1))
    partial = stopped.value.partial
    assert 0 < partial.cost < 1
    assert servers[1].requests == ()
    assert partial.record.deliveries[7].town == "Ulm"
    assert set(partial.escalation.choices.values()) == {"first"}
    assert "of characters 0 to 824: not run: one request could cost $" in partial.escalation.note
    assert partial.escalation.note.endswith("; and 1 more chunk")


def test_a_price_that_is_not_known_is_told_before_a_chunk_is_read(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    second = Extractor("large", base_url=servers[1].base_url)
    with second, pytest.raises(ConfigError, match="price of 'large'"):
        read(servers, client={"escalate": second}, run=Run(journal=False, max_cost=1))
    assert servers[0].requests == ()


@pytest.mark.slow
def test_a_second_model_that_fails_about_a_chunk_leaves_its_values_with_a_note(
    servers: tuple[ChatServer, ChatServer],
) -> None:
    def moody(request: ReceivedRequest) -> Scripted:
        return refusal() if "D-007" in text_of(request) else large(request)

    with ChatServer(moody) as other:
        result = read((servers[0], other), second={"max_repairs": 0})
    assert result.escalation is not None
    assert result.escalation.choices == {"/deliveries/7/town": "first", "/deliveries/41/town": "second"}
    assert "the second model gave no record of characters 0 to" in str(result.escalation.note)
    assert result.record is not None
    assert result.record.deliveries[7].town == "Ulm"


@pytest.mark.slow
def test_values_that_make_the_whole_invalid_are_not_taken(servers: tuple[ChatServer, ChatServer]) -> None:
    class Strict(Ledger):
        @field_validator("deliveries")
        @classmethod
        def _known(cls, found: list[Delivery]) -> list[Delivery]:
            if len(found) > 10 and any(each.town == "Linz" and each.number == "D-007" for each in found):
                raise ValueError("D-007 can't have gone to Linz")
            return found

    result = read(servers, record_type=Strict)
    assert result.record is not None
    assert result.record.deliveries[7].town == "Ulm"
    assert result.escalation is not None
    assert set(result.escalation.choices.values()) == {"first"}
    assert "do not fit the settled ones" in str(result.escalation.note)
    assert [attempt.model for attempt in result.attempts].count("large") > 0


def test_chunks_that_disagree_about_a_value_are_all_asked_about() -> None:
    class Note(BaseModel):
        keeper: str

    filler = "\n\n".join(f"Paragraph {i} of the book says nothing of interest." for i in range(60))
    text = f"Kept by Ada.\n\n{filler}\n\nKept by Bo.\n\n{filler}\n\nKept, rightly, by Ada."

    def one(request: ReceivedRequest) -> Scripted:
        names = re.findall(r"by (\w+)\.", text_of(request))
        return logprobs(reply({"keeper": names[-1] if names else None}), {})

    def two(request: ReceivedRequest) -> Scripted:
        return logprobs(reply({"keeper": "Ada" if "Ada" in text_of(request) else None}), {})

    with ChatServer(one) as first, ChatServer(two) as second:
        result = read((first, second), text, client={"below": 0.9}, record_type=Note)
        asked = [text_of(request) for request in second.requests]
    assert all("by Ada" in each or "by Bo" in each for each in asked)
    assert any("by Bo" in each for each in asked)
    assert len(asked) < len(result.chunks)
    assert result.conflicts == ()
    assert result.record == Note(keeper="Ada")
    assert result.escalation is not None
    assert result.escalation.choices == {"/keeper": "both"}


@pytest.mark.slow
def test_what_a_mask_hides_is_in_no_request_about_a_chunk(servers: tuple[ChatServer, ChatServer]) -> None:
    mask: Any = {"keeper": "Ada Byron"}
    result = read(servers, client={"mask": mask}, second={"mask": mask})
    assert servers[1].requests
    for server in servers:
        for request in server.requests:
            assert b"Byron" not in request.body
    assert result.record == RIGHT
    assert result.source == TEXT


@pytest.mark.slow
def test_a_result_with_doubts_comes_back_from_its_line(servers: tuple[ChatServer, ChatServer]) -> None:
    result = read(servers)
    line = json.loads(json.dumps(result.to_dict()))
    again = DocumentExtraction.from_dict(line, Ledger)
    assert again.record == result.record
    assert again.escalation == result.escalation
    assert [bool(chunk.second) for chunk in again.chunks] == [bool(chunk.second) for chunk in result.chunks]
    assert again.cost == result.cost


def test_a_second_model_with_one_of_its_own_is_refused(servers: tuple[ChatServer, ChatServer]) -> None:
    url = servers[1].base_url
    with (
        Extractor("larger", base_url=url) as third,
        Extractor("large", base_url=url, escalate=third, below=0.5) as second,
        pytest.raises(ConfigError, match="can't have a second model of its own"),
    ):
        read(servers, client={"escalate": second})
