"""How sure each value is: asked of a server, mapped to the record's own pointers, kept through repairs."""

from __future__ import annotations

import asyncio
import json
import math
import pickle
from collections.abc import Iterator
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel

from extractor import AsyncExtractor, Extraction, Extractor, Outcome
from extractor.confidence import Signals
from extractor.testing import (
    ChatServer,
    ReceivedRequest,
    Reply,
    calls,
    logprobs,
    reply,
    status,
    stream,
    truncated,
)

TEXT = "Ada Lovelace, 36, born 10 December 1815, likes maths and poetry. She pays."
HALF, THIRD = math.log(0.5), math.log(1 / 3)


class Mood(Enum):
    GLAD = "glad"


class Person(BaseModel):
    name: str
    age: int | None = None
    likes: list[str] = []


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def run(server: ChatServer, record_type: Any, said: Any, **options: Any) -> Extraction[Any]:
    server.play(said)
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        return ex.run(record_type, TEXT, **{"confidence": True, **options})


def sure(value: Any, told: dict[str, float] | None = None) -> Reply:
    return logprobs(reply(value), told or {})


def probabilities(result: Extraction[Any]) -> dict[str, float | None]:
    assert result.signals is not None
    return {where: each.probability and round(each.probability, 6) for where, each in result.signals.items()}


def test_confidence_is_off_unless_asked(server: ChatServer) -> None:
    result = run(server, Person, sure({"name": "Ada Lovelace"}), confidence=None)
    assert (result.confidence, result.signals) == (None, None)
    assert "logprobs" not in server.requests[0].json


def test_each_leaf_has_a_number_from_its_own_tokens(server: ChatServer) -> None:
    said = {"name": "Ada Lovelace", "age": 36, "likes": ["maths", "poetry"]}
    result = run(server, Person, sure(said, {"36": HALF, "poetry": THIRD}))
    assert server.requests[0].json["logprobs"] is True
    assert probabilities(result) == {
        "/name": 1, "/age": 0.5, "/likes/0": 1, "/likes/1": round((1 / 3) ** (1 / 3), 6),
    }  # fmt: skip
    assert result.confidence is not None
    assert result.confidence["/age"] == pytest.approx(0.5)
    assert list(result.confidence) == list(result.evidence)
    assert pickle.loads(pickle.dumps(result)).confidence == result.confidence


def test_a_value_that_is_nowhere_in_the_text_is_half_as_sure(server: ChatServer) -> None:
    result = run(server, Person, sure({"name": "Grace Hopper", "age": 36}))
    assert result.confidence == {"/name": 0.5, "/age": 1}


def test_labels_answers_and_nulls_need_not_stand_in_the_text(server: ChatServer) -> None:
    class Seen(BaseModel):
        mood: Mood
        kind: Literal["person", "firm"]
        pays: bool
        spouse: str | None

    result = run(
        server, Seen, sure({"mood": "glad", "kind": "firm", "pays": True, "spouse": None}, {"firm": HALF})
    )
    assert result.signals is not None
    assert {each.evidence for each in result.signals.values()} == {None}
    assert result.confidence == {"/mood": 1, "/kind": pytest.approx(0.5 ** (1 / 3)), "/pays": 1, "/spouse": 1}


def test_what_the_codec_moves_keeps_its_number(server: ChatServer) -> None:
    class Moved(BaseModel):
        prices: dict[str, int]
        pair: tuple[int, str]
        born: date

    said = {
        "prices": [{"key": "a/b", "value": 36}, {"key": "c", "value": 4}],
        "pair": [7, "x"],
        "born": "1815-12-10",
    }
    result = run(server, Moved, lambda request: sure(_in_shape(request, said), {"36": HALF, "7": THIRD}))
    assert result.outcome is Outcome.OK, result.error
    found = probabilities(result)
    assert (found["/prices/a~1b"], found["/prices/c"], found["/pair/0"], found["/born"]) == (
        0.5,
        1,
        0.333333,
        1,
    )


def _in_shape(request: ReceivedRequest, said: dict[str, Any]) -> dict[str, Any]:
    """The pair as the schema in the request spells it."""
    pair = request.json["response_format"]["json_schema"]["schema"]["properties"]["pair"]
    names = list(pair.get("properties", {}))
    return {**said, "pair": dict(zip(names, said["pair"], strict=True)) if names else said["pair"]}


def test_a_root_that_is_no_object_has_its_own_pointers(server: ChatServer) -> None:
    result = run(server, list[int], sure({"value": [36, 10]}, {"10": HALF}))
    assert probabilities(result) == {"/0": 1, "/1": 0.5}


def test_items_that_a_validator_reorders_take_their_numbers_along(server: ChatServer) -> None:
    class Ordered(BaseModel):
        ages: Annotated[list[int], AfterValidator(sorted)]
        names: set[str]

    result = run(
        server, Ordered, sure({"ages": [36, 4], "names": ["Ada", "Bob", "Cy"]}, {"36": HALF, "Ada": THIRD})
    )
    found = probabilities(result)
    assert (found["/ages/0"], found["/ages/1"]) == (1, 0.5)
    names = list(json.loads(result.record.model_dump_json())["names"])
    assert found[f"/names/{names.index('Ada')}"] == round((1 / 3) ** (1 / 3), 6)


def test_tokens_of_another_text_give_no_probability_rather_than_a_wrong_one(server: ChatServer) -> None:
    said = reply({"name": "Ada Lovelace", "age": 36})
    result = run(server, Person, logprobs(said, [('{"name": "Ada"}', HALF)]))
    assert probabilities(result) == {"/name": None, "/age": None}
    assert result.confidence == {"/name": 1.0, "/age": 1.0}  # the text alone tells


def test_a_call_of_a_tool_has_no_token_probabilities(server: ChatServer) -> None:
    server.play(calls(("Person", {"name": "Ada Lovelace"})))
    with Extractor("m", base_url=server.base_url, api_key="any", mode="tool") as ex:
        result = ex.run(Person, TEXT, confidence=True)
    assert probabilities(result) == {"/name": None, "/age": None}
    assert result.confidence == {"/name": 1.0}  # of an age that is null nothing tells


def test_a_repaired_record_has_each_number_from_the_reply_that_wrote_the_value(server: ChatServer) -> None:
    first = sure({"name": "Ada Lovelace", "age": "?", "likes": ["maths"]}, {"maths": HALF})
    second = sure({"age": 36}, {"36": THIRD})
    result = run(server, Person, [first, second])
    assert result.outcome is Outcome.REPAIRED
    assert probabilities(result) == {
        "/name": 1, "/age": 0.333333, "/likes/0": round(0.5 ** (1 / 3), 6),
    }  # fmt: skip


def test_the_items_of_a_list_that_was_cut_off_have_no_probabilities(server: ChatServer) -> None:
    cut = truncated('{"value": [36, 10, 18')
    result = run(server, list[int], [cut, sure({"value": [1815]})])
    assert result.record == [36, 10, 1815]
    assert set(probabilities(result).values()) == {None}


@pytest.mark.parametrize(
    "refused",
    [
        status(403, "You are not allowed to request logprobs from this model"),
        status(400, "Unsupported parameter: 'top_logprobs' is not supported with this model."),
    ],
)
def test_a_model_that_tells_no_log_probabilities_is_asked_without_them_from_then_on(
    server: ChatServer, refused: Any
) -> None:
    server.play(lambda request: refused if request.json.get("logprobs") else reply({"name": "Ada Lovelace"}))
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        first = ex.run(Person, TEXT, confidence=True)
        second = ex.run(Person, TEXT, confidence=True)
    assert (first.outcome, first.confidence) == (Outcome.OK, {"/name": 1.0})
    assert first.attempts[1].note == "the server tells no log-probabilities: asked without"
    assert len(second.attempts) == 1
    assert not any("top_logprobs" in request.json for request in server.requests[1:])


def test_log_probabilities_that_the_caller_wants_are_not_given_up(server: ChatServer) -> None:
    result = run(server, Person, [status(403, "no logprobs")], logprobs=True)
    assert result.outcome is Outcome.TRANSPORT


def test_a_provider_without_log_probabilities_is_not_asked_for_them(server: ChatServer) -> None:
    server.play(reply({"name": "Ada Lovelace", "age": None, "likes": []}))
    with Extractor("anthropic:m", base_url=server.base_url, api_key="any") as ex:
        result = ex.run(Person, TEXT, confidence=True)
    assert result.confidence == {"/name": 1.0}


@pytest.mark.parametrize("model", ["openai-responses:m", "gemini:m"])
def test_other_apis_tell_them_in_their_own_way(server: ChatServer, model: str) -> None:
    server.play(sure({"name": "Ada Lovelace", "age": 36, "likes": []}, {"36": HALF}))
    with Extractor(model, base_url=server.base_url, api_key="any") as ex:
        result = ex.run(Person, TEXT, confidence=True)
    assert probabilities(result) == {"/name": 1, "/age": 0.5}


def test_a_streamed_record_has_them_too(server: ChatServer) -> None:
    server.play(stream(sure({"name": "Ada Lovelace", "age": 36}, {"36": HALF})))
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        growing = ex.stream(Person, TEXT, confidence=True)
        for _ in growing:
            pass
    assert growing.result is not None
    assert probabilities(growing.result) == {"/name": 1, "/age": 0.5}


def test_the_async_client_and_the_rows_of_a_run_have_them_alike(server: ChatServer) -> None:
    server.play(sure({"name": "Ada Lovelace", "age": 36}, {"36": HALF}))

    async def both() -> list[Any]:
        async with AsyncExtractor("m", base_url=server.base_url, api_key="any") as ex:
            one = await ex.run(Person, TEXT, confidence=True)
            rows = [row async for row in ex.rows([TEXT], Person, confidence=True, journal=False)]
            return [one.confidence, rows[0].extraction.confidence]

    assert asyncio.run(both()) == [{"/name": 1, "/age": pytest.approx(0.5)}] * 2


def test_the_score_is_the_mean_of_what_there_is_halved_without_evidence() -> None:
    assert Signals(probability=0.8).score == 0.8
    assert Signals(agreement=0.4).score == 0.4
    assert Signals(probability=0.8, agreement=0.4).score == pytest.approx(0.6)
    assert Signals(probability=0.8, agreement=0.4, evidence=0.93).score == pytest.approx(0.6)
    assert Signals(probability=0.8, evidence=0).score == 0.4
    assert (Signals(evidence=0).score, Signals(evidence=0.9).score) == (0.5, 1)
    assert not Signals().told
