"""How sure each value is: asked of a server, mapped to the record's own pointers, kept through repairs."""

from __future__ import annotations

import asyncio
import json
import math
import pickle
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel

from extractor import (
    PROVIDERS,
    AsyncExtractor,
    ConfigError,
    Extraction,
    Extractor,
    Outcome,
    Run,
    Usage,
    compile_schema,
)
from extractor.confidence import Calibration, Signals
from extractor.testing import (
    ChatServer,
    ReceivedRequest,
    Reply,
    calls,
    logprobs,
    refusal,
    reply,
    shaped,
    slow,
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


def of_three(probability: float) -> float:
    """What a string in quotes comes to whose one word has this probability."""
    return round(probability ** (1 / math.sqrt(3)), 6)


def test_confidence_is_off_unless_asked(server: ChatServer) -> None:
    result = run(server, Person, sure({"name": "Ada Lovelace"}), confidence=None)
    assert (result.confidence, result.signals) == (None, None)
    assert "logprobs" not in server.requests[0].json


def test_each_leaf_has_a_number_from_its_own_tokens(server: ChatServer) -> None:
    said = {"name": "Ada Lovelace", "age": 36, "likes": ["maths", "poetry"]}
    result = run(server, Person, sure(said, {"36": HALF, "poetry": THIRD}))
    assert server.requests[0].json["logprobs"] is True
    assert probabilities(result) == {
        "/name": 1, "/age": 0.5, "/likes/0": 1, "/likes/1": of_three(1 / 3),
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
    assert result.confidence == {
        "/mood": 1,
        "/kind": pytest.approx(of_three(0.5), abs=1e-6),
        "/pays": 1,
        "/spouse": 1,
    }


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
    assert found[f"/names/{names.index('Ada')}"] == of_three(1 / 3)


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
        "/name": 1, "/age": 0.333333, "/likes/0": of_three(0.5),
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
        status(400, "Logprobs is not enabled for models/gemini-2.5-pro"),
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
    said = "the server does not return log-probabilities: asked without them"
    assert (first.attempts[1].note or "").startswith(said)
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
            rows = [row async for row in ex.rows([TEXT], Person, confidence=True, run=Run(journal=False))]
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


# -- several answers


def test_of_several_answers_the_one_that_most_agree_with_is_taken_and_all_are_paid_for(
    server: ChatServer,
) -> None:
    ada, bob = sure({"name": "Ada Lovelace", "age": 36}), sure({"name": "Ada Lovelace", "age": 37})
    result = run(server, Person, [bob, ada, ada], samples=3)
    assert (result.record, result.outcome) == (Person(name="Ada Lovelace", age=36), Outcome.OK)
    assert result.signals is not None
    assert {where: each.agreement for where, each in result.signals.items()} == {
        "/name": 1, "/age": pytest.approx(2 / 3),
    }  # fmt: skip
    used = [attempt.usage.completion_tokens for attempt in result.attempts if attempt.usage]
    assert (len(used), result.usage.completion_tokens) == (3, sum(used))
    assert result.raw == json.dumps({"name": "Ada Lovelace", "age": 36})


def test_samples_alone_turn_confidence_on_and_are_asked_at_once(server: ChatServer) -> None:
    server.play(lambda request: slow(sure({"name": "Ada Lovelace"}), latency=0.3))
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        began = time.monotonic()
        result = ex.run(Person, TEXT, samples=4)
        assert time.monotonic() - began < 1.1  # one after the other they would take 1.2
    assert result.confidence is not None
    assert "temperature" not in server.requests[0].json  # the server's own is above 0


def test_an_async_client_samples_alike(server: ChatServer) -> None:
    server.play([sure({"name": name}) for name in ("Bob", "Ada Lovelace", "Ada Lovelace")])

    async def ask() -> Extraction[Any]:
        async with AsyncExtractor("m", base_url=server.base_url, api_key="any") as ex:
            return await ex.run(Person, TEXT, samples=3)

    result = asyncio.run(ask())
    assert (result.record.name, len(result.attempts)) == ("Ada Lovelace", 3)


def test_a_sample_that_is_no_record_lowers_the_agreement(server: ChatServer) -> None:
    result = run(server, Person, [refusal(), sure({"name": "Ada Lovelace"})], samples=2)
    assert result.outcome is Outcome.OK
    assert result.signals is not None
    assert result.signals["/name"].agreement == 0.5


def test_where_no_sample_is_a_record_the_error_has_all_attempts(server: ChatServer) -> None:
    result = run(server, Person, refusal(), samples=3)
    assert (result.outcome, result.confidence, len(result.attempts)) == (Outcome.REFUSED, None, 3)


@pytest.mark.parametrize("samples", [0, -1, 2.5, "3", True, None, 1000])
def test_a_number_of_samples_that_is_none_is_refused(server: ChatServer, samples: Any) -> None:
    with pytest.raises(ConfigError, match="samples must be a whole number from 1 to 100"):
        run(server, Person, shaped(), samples=samples)


@pytest.mark.parametrize(
    ("option", "why"), [({"temperature": 0}, "temperature above 0"), ({"seed": 7}, "leave the seed out")]
)
def test_samples_that_would_all_be_the_same_are_refused_before_anything_is_sent(
    server: ChatServer, option: dict[str, Any], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        run(server, Person, shaped(), samples=3, **option)
    assert not server.requests


def test_where_the_provider_is_asked_at_temperature_0_samples_have_another(server: ChatServer) -> None:
    cold = replace(PROVIDERS["llamacpp"], defaults={"temperature": 0})
    server.play(shaped())
    with Extractor("m", base_url=server.base_url, provider=cold) as ex:
        ex.run(Person, TEXT, samples=2)
        ex.run(Person, TEXT, confidence=True)
    assert [request.json["temperature"] for request in server.requests] == [0.7, 0.7, 0]


def test_all_samples_together_keep_to_the_budget_of_a_call(server: ChatServer) -> None:
    server.play(lambda request: reply({"name": request.index}, usage=Usage(5, 5)))
    options: dict[str, Any] = {"max_tokens_total": 40, "max_repairs": 9}
    with Extractor("m", base_url=server.base_url, api_key="any", **options) as ex:
        alone, together = ex.run(Person, TEXT), ex.run(Person, TEXT, samples=2)
    assert (alone.usage.total_tokens, together.usage.total_tokens) == (40, 40)


def test_a_stream_is_one_answer(server: ChatServer) -> None:
    options: Any = {"samples": 2}
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        with pytest.raises(ConfigError, match="a stream is one answer"):
            ex.stream(Person, TEXT, **options)
        with pytest.raises(ConfigError, match="a stream is one answer"):
            ex.items(Person, TEXT, **options)


def test_the_samples_of_a_row_are_answers_of_their_own_and_each_is_paid_for_once(
    server: ChatServer, tmp_path: Path
) -> None:
    names = iter(["Bob", "Ada Lovelace", "Ada Lovelace"] * 2)
    server.play(lambda request: sure({"name": next(names)}))
    options: dict[str, Any] = {"samples": 3, "run": Run(journal=tmp_path / "j.db", concurrency=1)}
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        before = ex.estimate([TEXT, "Bob."], Person, **options)
        (first, second) = ex.rows([TEXT, "Bob."], Person, **options)
        again = list(ex.rows([TEXT, "Bob."], Person, **options))
        after = ex.estimate([TEXT, "Bob."], Person, **options)
    assert (before.distinct, before.in_journal, after.in_journal) == (6, 0, 6)
    assert len(server.requests) == 6
    assert (first.record.name, second.record.name) == ("Ada Lovelace", "Ada Lovelace")
    assert len(first.attempts) == 3
    assert [row.from_cache for row in again] == [True, True]
    assert [row.extraction.confidence for row in again] == [
        first.extraction.confidence, second.extraction.confidence,
    ]  # fmt: skip


# -- calibrated


def test_a_calibration_makes_probabilities_of_scores_and_warns_where_it_was_fitted_for_something_else(
    server: ChatServer, tmp_path: Path
) -> None:
    made_for = compile_schema(Person).fingerprint
    half = Calibration("isotonic", "m", made_for, knots=((0.0, 0.0), (1.0, 0.5)))
    path = tmp_path / "c.json"
    path.write_text(half.to_json())
    said = sure({"name": "Ada Lovelace", "age": 36}, {"36": HALF})
    result = run(server, Person, said, confidence=path)
    assert result.confidence == {"/name": 0.5, "/age": pytest.approx(0.25)}
    path.write_text(replace(half, model="other").to_json())
    with pytest.warns(UserWarning, match="does not apply here: it was fitted for the model other"):
        run(server, Person, said, confidence=str(path))


def test_a_calibration_that_is_not_there_is_said_before_anything_is_sent(server: ChatServer) -> None:
    wrongs: list[tuple[Any, str]] = [
        ("none.json", "cannot read the calibration none.json"),
        (3, "confidence must be True or"),
    ]
    for wrong, why in wrongs:
        with pytest.raises(ConfigError, match=why):
            run(server, Person, shaped(), confidence=wrong)
    assert not server.requests
