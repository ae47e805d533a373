"""An HTTP reply's meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.dialects import Accumulator, gemini, openai_chat
from extractor.dialects.replies import parse_json, read_reply, retry_after
from extractor.messages import ChunkChoice, Completion, CompletionChunk, Delta, Failure, FailureKind, Usage

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60.0),
        ({"retry-after": "Tuesday, 14-Nov-23 22:14:20 GMT"}, 60.0),
        ({"retry-after": "Tue Nov 14 22:14:20 2023"}, 60.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:12:20 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "Mon, 99 Foo 2023 99:99:99 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


@given(st.text())
def test_no_retry_after_is_ever_negative_or_a_crash(value: str) -> None:
    assert (retry_after({"retry-after": value}, NOW) or 0.0) >= 0.0


@pytest.mark.parametrize(
    ("delay", "seconds"), [("34s", 34.0), ("1.25s", 1.25), ("-3s", None), ("soon", None), (7, None)]
)
def test_googles_apis_say_in_the_error_how_long_to_wait(delay: object, seconds: float | None) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    error = {"code": 429, "message": "Quota.", "status": "RESOURCE_EXHAUSTED", "details": [{}, info]}
    failure = read_reply(gemini, 429, {}, json.dumps({"error": error}).encode(), 0.0, NOW)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.retry_after) == ("RESOURCE_EXHAUSTED", seconds)


def test_an_error_keeps_its_status_reason_code_wait_and_request_id() -> None:
    body = b'{"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}}'
    headers = {"retry-after": "2", "x-request-id": "req-9"}
    assert read_reply(openai_chat, 429, headers, body, 0.25, NOW) == Failure(
        FailureKind.STATUS, "Rate limit reached", status=429, code="rate_limit_exceeded", retry_after=2.0,
        request_id="req-9", latency=0.25, body=body.decode(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "model not found"}', "model not found"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"object": "error", "message": "bad", "code": 400}', "bad"),
        (b"<html>Bad gateway</html>", "the server answered with HTTP status 502"),
        (b"", "the server answered with HTTP status 502"),
        (b"[" * 100_000, "the server answered with HTTP status 502"),
    ],
)
def test_the_looser_error_bodies_of_other_servers_are_read_too(body: bytes, message: str) -> None:
    failure = read_reply(openai_chat, 502, {}, body, 0.0, NOW)
    assert isinstance(failure, Failure)
    assert (failure.message, failure.status) == (message, 502)
    assert len(failure.body) <= 500


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[]", b'{"choices": 3}', b"null", b"\xff\xfe"])
def test_a_success_that_is_no_completion_is_a_protocol_failure(body: bytes) -> None:
    failure = read_reply(openai_chat, 200, {}, body, 0.0, NOW)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.PROTOCOL


def test_a_completion_has_its_usage_with_details() -> None:
    body = b"""{"id": "c1", "model": "m", "created": 5, "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13,
                  "prompt_tokens_details": {"cached_tokens": 8},
                  "completion_tokens_details": {"reasoning_tokens": 3}}}"""
    reply = read_reply(openai_chat, 200, {"x-request-id": "r"}, body, 1.5, NOW)
    assert isinstance(reply, Completion)
    assert (reply.content, reply.finish_reason, reply.request_id, reply.latency) == ("hi", "stop", "r", 1.5)
    assert reply.usage == Usage(9, 4, cached_tokens=8, reasoning_tokens=3)
    assert reply.usage.total_tokens == 13


NAMES = ["choices", "message", "delta", "content", "tool_calls", "function", "arguments", "usage", "id"]
NAMES += ["prompt_tokens_details", "error", "index", "created", "logprobs", "finish_reason"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@pytest.mark.slow
@given(json_values)
def test_whatever_json_comes_reading_it_never_crashes(value: object) -> None:
    body = json.dumps({"choices": [value], "usage": value, "id": value, "created": value}).encode()
    accumulator = Accumulator()
    for chunk in filter(None, [openai_chat.decode_chunk(json.loads(body))]):
        accumulator.add(chunk)
    assert isinstance(accumulator.completion(), Completion)
    assert isinstance(read_reply(openai_chat, 200, {}, body, 0.0, NOW), Completion | Failure)
    assert isinstance(read_reply(openai_chat, 500, {}, json.dumps(value).encode(), 0.0, NOW), Failure)


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.slow
@given(ANY_JSON, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_a_body_is_read_as_the_standard_library_reads_it(value: object, escaped: bool, encoding: str) -> None:
    body = json.dumps(value, ensure_ascii=escaped).encode(encoding, "backslashreplace")
    assert parse_json(body) == json.loads(body)
    assert repr(parse_json(body)) == repr(json.loads(body))


def test_what_is_nested_deep_is_read_or_is_no_json() -> None:
    assert parse_json(b"[" * 500 + b"]" * 500) == json.loads("[" * 500 + "]" * 500)
    assert parse_json(b"[" * 10**6) is None
    assert parse_json(b'"\\ud800"') == "\ud800"


@pytest.mark.parametrize(
    ("reasons", "last"),
    [
        (["length", "stop"], "length"),
        (["content_filter", "stop"], "content_filter"),
        (["stop", "length"], "length"),
        ([None, "stop", None], "stop"),
        (["over", "stop"], "stop"),
    ],
    ids=str,
)
def test_a_stream_that_was_cut_off_stays_so_though_it_ends_in_stop(
    reasons: list[str | None], last: str
) -> None:
    accumulator = Accumulator()
    for reason in reasons:
        accumulator.add(CompletionChunk(choices=(ChunkChoice(Delta(content="a"), finish_reason=reason),)))
    assert accumulator.completion().finish_reason == last
