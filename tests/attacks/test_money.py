"""Servers that do not count, or count wrong: what could have been paid never passes the cap.

Each server here charges for what it counts. Where it leaves something uncounted it charges for the worst:
every byte of a request as a token, and an answer as long as the body allows, also for what it breaks off.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tenacity.wait import wait_none

from extractor import Chunks, ConfigError, Extractor, ExtractorError, Price, Run

from .conftest import Bounded

PRICE = Price(input=10, output=100)
CAP = Decimal("0.5")
LONGEST = 400  # tokens of an answer: 0.04 dollars
LARGE = 2**60
Usage = Any


class Person(BaseModel):
    name: str
    age: int


class Till:
    """A server that answers by a script over and over, and counts what it could ask to be paid for."""

    def __init__(self, replies: list[httpx.Response | Exception]) -> None:
        self._replies, self._lock = replies, threading.Lock()
        self.requests, self.due = 0, Decimal(0)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            reply = self._replies[self.requests % len(self._replies)]
            self.requests += 1
            self.due += cost(request.content, {} if isinstance(reply, Exception) else usage_of(reply))
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=dict(reply.headers), stream=reply.stream)


def cost(body: bytes, usage: Usage) -> Decimal:
    """Return what a request may cost: as it is counted, or the worst."""
    sent = json.loads(body)
    limits = [sent.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens")]
    limits.append((sent.get("generationConfig") or {}).get("maxOutputTokens"))
    longest = max(limit for limit in limits if isinstance(limit, int)) * (sent.get("n") or 1)
    marks = Decimal("1.25") if b"cache_control" in body else 1
    prompt, completion = told(usage.get("prompt_tokens")), told(usage.get("completion_tokens"))
    if prompt and completion:
        return (prompt * 10 + completion * 100) / Decimal(1_000_000)
    return (len(body) * marks * 10 + longest * 100) / Decimal(1_000_000)


def told(count: Any) -> int | None:
    return count if type(count) is int and 0 < count < 2**53 else None


def usage_of(reply: httpx.Response) -> dict[str, Any]:
    try:
        usage = json.loads(b"".join(reply.stream))["usage"]  # type: ignore[arg-type]
    except (LookupError, TypeError, ValueError):
        return {}
    return usage if isinstance(usage, dict) else {}


def completion(usage: Usage, content: Any = '{"name": "Ada"}', **members: Any) -> httpx.Response:
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return httpx.Response(200, json={"choices": [said], "usage": usage, **members})


def client(till: Till, **options: Any) -> Extractor:
    given = {
        "prices": {"m": PRICE, "other": Price(0, 0)},
        "max_tokens": LONGEST,
        "retry_wait": wait_none(),
        "http_client": httpx.Client(transport=httpx.MockTransport(till)),
        **options,
    }
    model = given.pop("model", "m")
    return Extractor(model, base_url="http://127.0.0.1:1/v1", api_key="k", **given)


def run_rows(till: Till, rows: Any = None, **options: Any) -> tuple[int, Decimal]:
    """Return the requests of a run with a cap, and what could have been paid for them."""
    asked = {name: options.pop(name) for name in ("rows_per_request", "samples") if name in options}
    rows = rows or [f"Text {n}." for n in range(200)]
    with client(till, **options) as ex, suppress(ExtractorError):
        for _ in ex.rows(rows, Person, run=Run(journal=False, max_cost=CAP), **asked):
            pass
    return till.requests, till.due


USAGES: dict[str, Usage] = {
    "none": None,
    "empty": {},
    "zeros": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    "nulls": {"prompt_tokens": None, "completion_tokens": None},
    "negatives": {"prompt_tokens": -5, "completion_tokens": -5},
    "true": {"prompt_tokens": True, "completion_tokens": True},
    "a total alone": {"total_tokens": 500},
    "2**60": {"prompt_tokens": LARGE, "completion_tokens": LARGE},
    "a list": [1, 2],
    "a text": "many",
    "texts of no number": {"prompt_tokens": "many", "completion_tokens": "more"},
    "5,000 digits": {"prompt_tokens": "9" * 5_000, "completion_tokens": "-1"},
    "no completion": {"prompt_tokens": 300, "completion_tokens": 0},
    "no prompt": {"prompt_tokens": 0, "completion_tokens": LONGEST},
    "fractions": {"prompt_tokens": 0.4, "completion_tokens": 0.1},
    "objects": {"prompt_tokens": {"n": 1}, "completion_tokens": []},
}
BROKEN: dict[str, Any] = {
    "a page": httpx.Response(200, text="<html>Sign in</html>"),
    "nothing": httpx.Response(200, text=""),
    "half a body": httpx.Response(200, text='{"choices": [{"message"'),
    "no gzip": httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no")),
    "null": httpx.Response(200, text="null"),
    "no choices": httpx.Response(200, json={"choices": None}),
    "a gateway's timeout": httpx.Response(504, text="gateway timeout"),
    "a lost connection": httpx.ReadError("gone"),
    "a timeout": httpx.ReadTimeout("late"),
    "no HTTP": httpx.RemoteProtocolError("what?"),
    "an empty choice": completion({}, content=""),
}


def with_usage(name: str) -> tuple[int, Decimal]:
    return run_rows(Till([completion(USAGES[name])]))


@pytest.mark.parametrize("name", USAGES)
def test_no_usage_passes_the_cap_of_a_run(name: str, bounded: Bounded) -> None:
    requests, due = bounded(with_usage, name, seconds=30).value
    assert requests > 5
    assert due <= CAP


def with_reply(name: str) -> tuple[int, Decimal]:
    return run_rows(Till([BROKEN[name]]))


@pytest.mark.parametrize("name", BROKEN)
def test_no_reply_passes_the_cap_of_a_run(name: str, bounded: Bounded) -> None:
    requests, due = bounded(with_reply, name, seconds=30).value
    assert requests > 5
    assert due <= CAP


def with_reasoning(total: bool) -> tuple[int, Decimal]:
    usage = {
        "prompt_tokens": 300,
        "completion_tokens": 10,
        "completion_tokens_details": {"reasoning_tokens": LONGEST - 10},
        **({"total_tokens": 300 + LONGEST} if total else {}),
    }
    requests, _ = run_rows(Till([completion(usage)]))
    return requests, requests * (300 * Decimal(10) + LONGEST * Decimal(100)) / 1_000_000


@pytest.mark.parametrize("total", [False, True])
def test_reasoning_beside_the_completion_is_paid_for(total: bool, bounded: Bounded) -> None:
    requests, due = bounded(with_reasoning, total, seconds=30).value
    assert requests > 5
    assert due <= CAP


OPTIONS: dict[str, dict[str, Any]] = {
    "a larger limit in extra_body": {"extra_body": {"max_tokens": 4_000}},
    "another limit in extra_body": {"extra_body": {"max_completion_tokens": 4_000}},
    "several answers": {"n": 3},
    "several answers in extra_body": {"extra_body": {"n": 4}},
    "a newer limit beside the older one": {"max_completion_tokens": 700},
    "packs": {"rows_per_request": 4},
    "samples": {"samples": 3},
    "a cheaper model's name in the reply": {},
    "Anthropic's cache": {"model": "anthropic:m"},
    "a longer answer in Gemini's words": {
        "model": "gemini:m",
        "extra_body": {"generationConfig": {"maxOutputTokens": 3_000}},
    },
    "a longer answer of Responses": {
        "model": "openai-responses:m",
        "extra_body": {"max_output_tokens": 3_000},
    },
}


def with_options(name: str) -> tuple[int, Decimal]:
    counted = {"prompt_tokens": 300, "completion_tokens": LONGEST}
    usage = counted if name == "a cheaper model's name in the reply" else {}
    replies = {
        "anthropic:m": httpx.Response(200, json={"content": [{"type": "text", "text": "{}"}], "usage": {}}),
        "gemini:m": httpx.Response(200, json={"candidates": [{"content": {"parts": [{"text": "{}"}]}}]}),
        "openai-responses:m": httpx.Response(200, json={"status": "completed", "output": []}),
    }
    usual = completion(usage, model="other")
    return run_rows(Till([replies.get(OPTIONS[name].get("model", ""), usual)]), **OPTIONS[name])


@pytest.mark.parametrize("name", OPTIONS)
def test_no_option_passes_the_cap_of_a_run(name: str, bounded: Bounded) -> None:
    requests, due = bounded(with_options, name, seconds=30).value
    assert requests > 0
    assert due <= CAP


REFUSED: dict[str, dict[str, Any]] = {
    "no bound": {"max_tokens": None},
    "no bound in extra_body": {"extra_body": {"max_tokens": -1}},
    "another model": {"extra_body": {"model": "dearer"}},
    "other models": {"extra_body": {"models": ["dearer"]}},
    "a search": {"web_search_options": {}},
    "tools of the provider": {"extra_body": {"tools": [{"type": "web_search"}]}},
    "faster service": {"service_tier": "priority"},
    "sound": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    "what lies at the provider": {"extra_body": {"previous_response_id": "r"}},
}


def with_refused(name: str) -> tuple[int, Decimal]:
    return run_rows(Till([completion({})]), **REFUSED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_bound_is_refused_under_a_cap(name: str, bounded: Bounded) -> None:
    assert bounded(with_refused, name, seconds=30).value == (0, Decimal(0))


def with_files() -> tuple[int, Decimal]:
    audio = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    return run_rows(Till([completion({})]), rows=[["Read this.", audio]] * 50)


def with_images() -> tuple[int, Decimal]:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    rows = [[f"Read {n}.", image] for n in range(50)]
    requests, due = run_rows(Till([completion({})]), rows=rows, model="openai:m", prices={"m": Price(0.1, 1)})
    return requests, due / 100 + requests * 48_169 * Decimal("0.1") / 1_000_000  # as gpt-4o-mini counts it


def test_sound_is_refused_under_a_cap(bounded: Bounded) -> None:
    assert bounded(with_files, seconds=30).value == (0, Decimal(0))


def test_a_picture_by_its_url_is_reserved_as_the_dearest_that_there_is(bounded: Bounded) -> None:
    requests, due = bounded(with_images, seconds=30).value
    assert requests > 5
    assert due <= CAP


# -- a call


def call(till: Till, **options: Any) -> tuple[int, Decimal]:
    with client(till, max_repairs=20, max_retries=20, **options) as ex:
        ex.run(Person, "Ada is 36.")
    return till.requests, till.due


def call_with(name: str, budget: dict[str, Any]) -> tuple[int, Decimal]:
    reply = BROKEN[name] if name in BROKEN else completion(USAGES[name])
    return call(Till([reply]), **budget)


@pytest.mark.parametrize("name", [*USAGES, *BROKEN])
def test_no_reply_passes_the_max_cost_of_a_call(name: str, bounded: Bounded) -> None:
    requests, due = bounded(call_with, name, {"max_cost": CAP}, seconds=30).value
    assert 1 <= requests < 21
    assert due <= CAP


@pytest.mark.parametrize("name", [*USAGES, *BROKEN])
def test_no_reply_passes_the_max_tokens_total_of_a_call(name: str, bounded: Bounded) -> None:
    requests, _ = bounded(call_with, name, {"max_tokens_total": 5 * LONGEST}, seconds=30).value
    assert 1 <= requests < 5


def call_unbound(name: str) -> int:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return completion(USAGES[name])

    http = httpx.Client(transport=httpx.MockTransport(answer))
    options = {"max_tokens": None, "max_tokens_total": 1_000, "http_client": http, "max_repairs": 20}
    with client(Till([]), **options) as ex:
        ex.run(Person, "Ada is 36.")
    return len(asked)


@pytest.mark.parametrize("name", USAGES)
def test_an_answer_without_any_bound_and_count_is_the_last_of_its_call(name: str, bounded: Bounded) -> None:
    assert bounded(call_unbound, name, seconds=30).value == 1


def tools_with(name: str) -> int:
    calls = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    till = Till([httpx.Response(200, json={"choices": [choice], "usage": USAGES[name]})])

    def look() -> str:
        """Look."""
        return "nothing"

    with client(till, max_tokens_total=5 * LONGEST) as ex:
        ex.run_tools([{"role": "user", "content": "?"}], tools=[look], max_rounds=30)
    return till.requests


@pytest.mark.parametrize("name", ["none", "empty", "negatives", "2**60", "no completion"])
def test_rounds_of_tools_end_with_the_budget(name: str, bounded: Bounded) -> None:
    assert bounded(tools_with, name, seconds=30).value <= 5


def document_with(name: str) -> tuple[int, Decimal]:
    till = Till([completion(USAGES[name])])
    with client(till) as ex, pytest.raises(ExtractorError):
        ex.document(
            list[Person], "Ada is 36. " * 2_000, chunks=Chunks(size=500), run=Run(journal=False, max_cost=CAP)
        ).unwrap()
    return till.requests, till.due


@pytest.mark.parametrize("name", ["none", "zeros", "no completion"])
def test_a_document_that_is_read_again_keeps_to_one_cap(name: str, bounded: Bounded) -> None:
    requests, due = bounded(document_with, name, seconds=60).value
    assert requests > 5
    assert due <= CAP


# -- arguments


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": -1},
        {"max_tokens": 0},
        {"max_tokens": True},
        {"max_tokens": 1.5},
        {"max_tokens": "9"},
        {"max_completion_tokens": -1},
        {"n": 0},
        {"n": True},
        {"max_cost": "5"},
        {"max_cost": float("nan")},
        {"max_cost": Decimal("NaN")},
        {"max_cost": True},
        {"max_tokens_total": 2.5},
        {"prices": {"m": 5}},
        {"prices": [PRICE]},
    ],
    ids=str,
)
def test_a_bound_that_bounds_nothing_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        client(Till([]), **options)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "5", True, None, Decimal("sNaN")], ids=str)
def test_a_price_is_a_number_from_0(value: Any) -> None:
    least: list[tuple[Any, ...]] = [(value, 1), (1, value)]
    for arguments in least if value is None else [*least, (1, 1, value), (1, 1, 1, value)]:
        with pytest.raises(ConfigError):
            Price(*arguments)


# -- any sequence of replies with any usage

COUNTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 0),
    st.integers(LARGE, 2**70),
    st.text(max_size=3),
    st.floats(-5, 0),
    st.just([]),
)
UNCOUNTED = st.one_of(
    st.none(),
    st.dictionaries(st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens"]), COUNTS),
    st.fixed_dictionaries({"total_tokens": st.integers(1, 10**6)}),
    st.fixed_dictionaries({"prompt_tokens": st.integers(1, 9), "completion_tokens": COUNTS}),
    st.fixed_dictionaries({"prompt_tokens": COUNTS, "completion_tokens": st.integers(1, 9)}),
)
SAID = st.sampled_from(['{"name": "Ada"}', '{"name": "Ada", "age": 36}', "no", "{"])
REPLIES = st.lists(
    st.builds(completion, UNCOUNTED, SAID) | st.sampled_from([*BROKEN.values()]), min_size=1, max_size=6
)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(REPLIES)
def test_whatever_comes_a_run_never_passes_its_cap(replies: list[Any]) -> None:
    _, due = run_rows(Till(replies))
    assert due <= CAP


@FEW
@given(REPLIES, st.integers(1, 12))
def test_whatever_comes_a_call_never_passes_its_cap(replies: list[Any], most: int) -> None:
    till = Till(replies)
    cap = most * Decimal("0.05")
    call(till, max_cost=cap)
    assert till.requests == 1 or till.due <= cap
