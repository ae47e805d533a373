"""Replies that make a library raise: each is an outcome of its call, none is the exception of a library."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tenacity.wait import wait_none

from extractor import AsyncExtractor, ConfigError, Extractor, ExtractorError, Outcome, Run
from extractor.dialects import DIALECTS, read_reply
from extractor.messages import Completion, Failure
from extractor.streams import StreamReader
from extractor.tables.files import table
from extractor.transport.http import Head
from extractor.transport.sse import SSEDecoder

from .conftest import Bounded

DIGITS = "1" * 5_000
TEXT = "Ada is 36."
Answer = httpx.Response | Exception


class Person(BaseModel):
    name: str
    age: int


def said(content: str, more: str = "") -> bytes:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return (json.dumps({"choices": [choice]})[:-1] + more + "}").encode()


ADA = said('{"name": "Ada", "age": 36}')
LATER = "Wed, 21 Oct 2015 07:28:00"


def headed(name: str, value: str | bytes, status: int = 429, body: bytes = b"{}") -> httpx.Response:
    raw = value if isinstance(value, bytes) else value.encode()
    return httpx.Response(status, headers=[(name.encode(), raw)], content=body)


def quota(limit: str, remaining: str, reset: str = "") -> httpx.Response:
    told = {"limit": limit, "remaining": remaining, "reset": reset}
    headers = {f"x-ratelimit-{name}-tokens": value for name, value in told.items()}
    return httpx.Response(200, headers=headers, content=ADA)


def body(text: str | bytes, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=text)


def encoded(encoding: str) -> httpx.Response:
    return httpx.Response(200, headers={"content-encoding": encoding}, stream=httpx.ByteStream(b"no"))


REPLIES: dict[str, Answer] = {
    "a zone of 22 digits": headed("retry-after", f"{LATER} +{'9' * 22}"),
    "a zone of 4 nines": headed("retry-after", f"{LATER} +9999"),
    "the year 99999": headed("retry-after", "Wed, 21 Oct 99999 07:28:00 GMT"),
    "the year 1, east of Greenwich": headed("retry-after", "Mon, 01 Jan 0001 00:00:00 +2359"),
    "a wait of 5,000 digits": headed("retry-after", DIGITS),
    "a wait of Latin 1": headed("retry-after", b"\xb2"),
    "half a date": headed("retry-after", "Wed, 21"),
    "milliseconds without end": headed("retry-after-ms", "1e400"),
    "a redirect to no URL": headed("location", "http://[::1", 302),
    "a redirect of bytes": headed("location", b"\xff\xfe//a:b@c", 302),
    "a request id of bytes": headed("x-request-id", b"\xff\x80", 200, ADA),
    "an unknown encoding of bytes": encoded("nonsense"),
    "no gzip": encoded("gzip"),
    "no brotli": encoded("br"),
    "no deflate": encoded("deflate"),
    "a quota of 5,000 digits": quota(DIGITS, "1", f"{DIGITS}d"),
    "a quota beside nothing": quota("5e-324", "0", "5e-324"),
    "a quota of NaN": quota("nan", "-0", "inf"),
    "a quota until the year 1": quota("10", "1", "0001-01-01T00:00:00+23:59"),
    "a quota until the year 9999": quota("10", "1", "9999-12-31T23:59:59-23:59"),
    "a code of 5,000 digits": body(json.dumps({"error": {"code": f"0500{DIGITS}", "message": "x"}})),
    "a code that is such a number": body(f'{{"error": {{"code": 500{DIGITS}}}}}'),
    "a code of other digits": body(json.dumps({"error": {"code": "４００", "message": "x"}})),
    "a message that is such a number": body(f'{{"error": {{"message": {DIGITS}}}}}', 400),
    "a message that is a list": body('{"error": {"code": [], "message": [1]}}', 400),
    "status 999": body("x", 999),
    "status 204": body("", 204),
    "a number of 5,000 digits": body(said(f'{{"name": "Ada", "age": {DIGITS}}}')),
    "such a number beside the choices": body(said('{"name": "Ada", "age": 36}', f', "created": {DIGITS}')),
    "a number beyond floats": body(said('{"name": "Ada", "age": 1e999}')),
    "NaN": body(said('{"name": "Ada", "age": NaN}')),
    "half of a pair": body(said('{"name": "\\ud800", "age": 36}')),
    "half of a pair in an error": body('{"error": {"message": "\\ud800", "code": "\\udc00"}}', 400),
    "half of a pair in a name": body(
        '{"model": "\\ud800", "choices": [{"message": {"content": "\\udfff"}}]}'
    ),
    "UTF-16": body(ADA.decode().encode("utf-16")),
    "no UTF-8": body(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "a null byte": body(said('{"name": "\\u0000", "age": 36}')),
    "lists 100,000 deep": body("[" * 100_000),
    "a text that is lists 100,000 deep": body(said("[" * 100_000)),
    "a record 900 deep": body(said('{"name": ' + '{"a":' * 900 + "1" + "}" * 900 + "}")),
    "a body 900 deep": body(said('{"name": "Ada", "age": 36}', ', "x": ' + "[" * 900 + "]" * 900)),
    "8 MB that are no JSON": body("x" * 8_000_000),
    "an index of 30 digits": body(
        '{"choices": [{"index": -1' + "0" * 30 + ', "message": {"content": "x"}}]}'
    ),
    "a disk that fails": OSError(5, "input/output error"),
    "a name that can't be looked up": UnicodeError("label empty or too long"),
    "a value that does not fit": ValueError("no"),
    "a closed client": RuntimeError("Cannot send a request, as the client has been closed."),
    "no room on the stack": RecursionError("maximum recursion depth exceeded"),
    "a missing key": KeyError("k"),
}


def answering(answer: Answer) -> Callable[[httpx.Request], httpx.Response]:
    data = b"" if isinstance(answer, Exception) else b"".join(answer.stream)  # type: ignore[arg-type]

    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers.raw, stream=httpx.ByteStream(data))

    return handler


def options(**more: Any) -> dict[str, Any]:
    bounds = {"max_retries": 1, "max_repairs": 1, "retry_wait": wait_none(), "deadline": 3}
    return {"base_url": "http://127.0.0.1:1/v1", "api_key": "k", **bounds, **more}


def ended(name: str, way: str) -> str:
    """Return how a call ended by a record, an outcome or an error of ours."""
    http = httpx.Client(transport=httpx.MockTransport(answering(REPLIES[name])))
    with Extractor("m", http_client=http, **options()) as ex:
        try:
            match way:
                case "run":
                    return str(ex.run(Person, TEXT, confidence=True).outcome)
                case "stream":
                    return str(ex.stream(Person, TEXT).result)
                case "chat":
                    return str(ex.chat([{"role": "user", "content": TEXT}]).finish_reason)
                case "rows":
                    rows = ex.rows([TEXT, "Bob"], Person, run=Run(journal=False))
                    return str([outcome.outcome for outcome in rows])
        except ExtractorError as error:
            return type(error).__name__
    return asyncio.run(aended(name))


async def aended(name: str) -> str:
    handler = answering(REPLIES[name])

    async def ahandler(request: httpx.Request) -> httpx.Response:
        return handler(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(ahandler))
    async with AsyncExtractor("m", http_client=http, **options()) as ex:
        return str((await ex.run(Person, TEXT)).outcome)


def ended_in_all_ways(name: str) -> list[str]:
    return [ended(name, way) for way in ("run", "stream", "chat", "rows", "async")]


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_an_outcome_whatever_reading_it_raises(name: str, bounded: Bounded) -> None:
    outcome = bounded(ended_in_all_ways, name, seconds=60)
    assert len(outcome.value or ()) == 5, outcome


# -- a run, and those after it


def run_over(place: str, answer: str) -> list[list[str]]:
    """Return the outcomes of two runs over three rows, the second of which gets one reply of its kind."""

    def handler(request: httpx.Request) -> httpx.Response:
        return answering(REPLIES[answer] if b"row 2" in request.content else body(ADA))(request)

    outcomes = []
    for _ in range(2):
        http = httpx.Client(transport=httpx.MockTransport(handler))
        with Extractor("m", http_client=http, **options()) as ex:
            rows = ex.rows(["row 1", "row 2", "row 3"], Person, run=Run(journal=place))
            outcomes.append([str(row.outcome) for row in rows])
    return outcomes


@pytest.mark.parametrize(
    "name",
    ["a number of 5,000 digits", "a code of 5,000 digits", "a value that does not fit", "half of a pair"],
)
def test_one_reply_ends_neither_its_run_nor_later_ones(name: str, tmp_path: Path, bounded: Bounded) -> None:
    for outcomes in bounded(run_over, str(tmp_path / "j.sqlite"), name, seconds=60).value:
        assert (outcomes[0], outcomes[2]) == ("ok", "ok")
        assert outcomes[1] in list(Outcome)


DAMAGES = {
    "a body that is a text": "UPDATE answers SET body = 'x'",
    "a body that is a number": "UPDATE answers SET body = 7",
    "a status that is a text": "UPDATE answers SET status = 'x'",
    "a latency that is a text": "UPDATE answers SET latency = 'x'",
    "a moment that is a text": "UPDATE answers SET at = 'x'",
    "a share that is a text": "UPDATE answers SET share = 'x'",
    "a share without end": "UPDATE answers SET share = 9e999",
    "a model that is bytes": "UPDATE answers SET model = x'ff'",
    "a request id that is bytes": "UPDATE answers SET request_id = x'ff'",
    "a status of no HTTP": "UPDATE answers SET status = -1",
}


def damaged(place: str, statement: str) -> list[list[str]]:
    first = run_over(place, "NaN")
    with sqlite3.connect(place) as connection:
        connection.execute(statement)
    return [*first, *run_over(place, "NaN")]


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_answer_of_a_journal_counts_as_absent(name: str, tmp_path: Path, bounded: Bounded) -> None:
    runs = bounded(damaged, str(tmp_path / "j.sqlite"), DAMAGES[name], seconds=60).value
    assert [(run[0], run[2]) for run in runs] == [("ok", "ok")] * 4


# -- files


def flipped(place: str, flips: int) -> set[str]:
    """Return what reading a Parquet file came to, over 50 ways to damage it."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    texts = [f"text {number * 7919 % 10_007}" for number in range(5_000)]
    parquet.write_table(pa.table({"body": texts}), place, row_group_size=1_000)
    whole, ends = Path(place).read_bytes(), set()
    for seed in range(50):
        chance, bytes_ = random.Random(seed), bytearray(whole)
        for _ in range(flips):
            bytes_[chance.randrange(4, len(bytes_) - 4)] = chance.randrange(256)
        Path(place).write_bytes(bytes_)
        try:
            ends.add(f"{sum(1 for _ in table(place).rows())} rows")
        except ConfigError as error:
            ends.add("damaged" if "is damaged" in str(error) else "not a Parquet file")
    return ends


@pytest.mark.parametrize("flips", [1, 20, 500])
def test_a_damaged_parquet_file_is_told_as_one(flips: int, tmp_path: Path, bounded: Bounded) -> None:
    outcome = bounded(flipped, str(tmp_path / "in.parquet"), flips, seconds=60, megabytes=600)
    assert outcome.value is not None, outcome
    assert outcome.value & {"damaged", "not a Parquet file"}


# -- arguments


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": "http://a..b/v1"},
        {"base_url": f"http://{'a' * 64}.b/v1"},
        {"base_url": "http://a b/v1"},
        {"base_url": "http://a\nb/v1"},
        {"base_url": "http://[::1/v1"},
        {"base_url": "http://a:99999/v1"},
        {"base_url": "http://a/v\x001"},
        {"extra_headers": {"x-a": "one\r\nx-b: two"}},
        {"extra_headers": {"x-a": "\x00"}},
        {"extra_headers": {"x-a": "é"}},
        {"extra_headers": {"x-a": 5}},
        {"extra_headers": {"x a": "one"}},
        {"extra_headers": {"": "one"}},
        {"extra_headers": [("x-a", "one")]},
        {"proxy": "http://user:secret/word@host:1"},
        {"proxy": "http://[host"},
        {"proxy": "http://a..b"},
        {"proxy": "host:1"},
        {"api_key": "one\ntwo"},
        {"max_tokens": "many"},
    ],
    ids=str,
)
def test_an_argument_that_could_never_be_sent_is_refused_at_once(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refused:
        Extractor("m", **options(**arguments))
    assert "secret" not in str(refused.value)


def test_the_repr_of_what_was_not_made_says_so() -> None:
    assert repr(object.__new__(Extractor)) == "Extractor(not made)"


# -- anything in the place of anything

WHOLE: dict[str, Any] = {
    "openai_chat": json.loads(ADA)
    | {
        "id": "1",
        "created": 1,
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}},
        "error": {"code": "c", "message": "m", "metadata": {"raw": "{}"}, "details": [{"retryDelay": "1s"}]},
    },
    "openai_responses": {
        "type": "response.completed",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "{}", "logprobs": []}]}],
        "response": {"output": [{"type": "function_call", "name": "f", "arguments": "{}"}], "error": {}},
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
        "status": "completed",
    },
    "anthropic": {
        "type": "content_block_start",
        "content": [{"type": "text", "text": "{}"}, {"type": "tool_use", "name": "f", "input": {"a": 1}}],
        "content_block": {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
        "message": {"id": "1", "usage": {"input_tokens": 1}},
        "usage": {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 1},
    },
    "gemini": {
        "candidates": [
            {
                "content": {"parts": [{"text": "{}"}, {"functionCall": {"name": "f", "args": {"a": 1}}}]},
                "logprobsResult": {
                    "chosenCandidates": [{"token": "a"}],
                    "topCandidates": [{"candidates": []}],
                },
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
}
ODD = [
    "null",
    "true",
    "-1",
    "1e999",
    "NaN",
    DIGITS,
    '""',
    '"\\ud800"',
    "[]",
    "[null]",
    "{}",
    '{"a": 1}',
    f'"{DIGITS}"',
]
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(each for name, item in inner for each in places(item, (*place, name)))]


def changed(value: Any, place: tuple[Any, ...]) -> Any:
    if not place:
        return "@@"
    name, *rest = place
    inner = dict(value) if isinstance(value, dict) else list(value)
    inner[name] = changed(value[name], tuple(rest))
    return inner


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, str]:
    """A dialect, and a body of its API with anything in the place of something."""
    name = draw(st.sampled_from(sorted(WHOLE)))
    whole = dict(WHOLE[name])
    for member in draw(st.sets(st.sampled_from(sorted(whole)))):
        whole.pop(member)
    place = draw(st.sampled_from(places(whole)))
    return name, json.dumps(changed(whole, place)).replace('"@@"', draw(st.sampled_from(ODD)))


@FUZZ
@given(bodies(), st.sampled_from([200, 302, 400, 429, 500]))
def test_whatever_stands_in_a_body_reading_it_gives_an_event(told: tuple[str, str], status: int) -> None:
    name, text = told
    event = read_reply(DIALECTS[name], status, {}, text.encode(), 0.0, 0.0)
    assert isinstance(event, Completion | Failure)
    if isinstance(event, Failure):  # each reader takes it for what it is
        assert "could not be read" not in event.message


@FUZZ
@given(st.lists(bodies(), min_size=1, max_size=4), st.integers(1, 50))
def test_whatever_stands_in_events_reading_them_gives_an_event(
    told: list[tuple[str, str]], size: int
) -> None:
    name = told[0][0]
    sent = "".join(f"data: {text}\n\n" for _, text in told).encode()
    ticks = iter(range(1_000_000))
    reading = StreamReader(DIALECTS[name], lambda: float(next(ticks)), lambda: 0.0)
    list(reading.feed(Head(200, {"content-type": "text/event-stream"})))
    for start in range(0, len(sent), size):
        list(reading.feed(sent[start : start + size]))
    assert isinstance(reading.end(), Completion | Failure)


@FUZZ
@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: a\n", b"\r", b"\n", b"\n\n", b":\n", b"event"])
    )
)
def test_events_are_the_same_however_their_bytes_are_split(pieces: list[bytes]) -> None:
    whole, split = SSEDecoder(), SSEDecoder()
    at_once = list(whole.feed(b"".join(pieces)))
    assert [event for piece in pieces for event in split.feed(piece)] == at_once


class Breaks:
    """A dialect whose readers raise, as nobody has thought of it."""

    def __getattr__(self, name: str) -> Any:
        def fails(*arguments: Any) -> Any:
            raise ZeroDivisionError(name)

        return fails


def test_an_error_that_nobody_has_thought_of_is_a_failure_with_what_came() -> None:
    event = read_reply(Breaks(), 200, {}, b'{"a": 1}', 0.5, 0.0)  # type: ignore[arg-type]
    assert isinstance(event, Failure)
    assert (event.message, event.body) == (
        "the reply could not be read: ZeroDivisionError: decode",
        '{"a": 1}',
    )
    reading = StreamReader(Breaks(), lambda: 0.0, lambda: 0.0)  # type: ignore[arg-type]
    list(reading.feed(Head(200, {"content-type": "text/event-stream"})))
    assert list(reading.feed(b"data: {}\n\n")) == []
    ended = reading.end()
    assert isinstance(ended, Failure)
    assert "ZeroDivisionError: decode_chunk" in ended.message
