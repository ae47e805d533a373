"""What holds in each API's dialect: nothing crashes it, and its streams say what its whole replies say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.dialects import DIALECTS, PROVIDERS, Accumulator, Provider
from extractor.dialects.replies import read_reply
from extractor.dialogue import Policy, judge_record, start
from extractor.errors import ConfigError
from extractor.messages import (
    Choice,
    Completion,
    Failure,
    FunctionCall,
    Message,
    Mode,
    Outcome,
    Request,
    StrictSchema,
    ToolCall,
    Usage,
)
from extractor.results import Extraction
from extractor.testing import ReceivedRequest, Reply, replies

from extractor.testing import anthropic, gemini, openai_chat, openai_responses  # isort: skip

SERVERS: Mapping[str, Any] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
}
ASKED: Mapping[str, Any] = {
    "openai_chat": {"model": "m", "messages": [], "stream_options": {"include_usage": True}},
    "openai_responses": {"model": "m", "input": "Hi"},
    "anthropic": {"model": "m", "messages": [], "max_tokens": 9},
    "gemini": {"contents": []},
}
RECEIVED = ReceivedRequest(0, "POST", "/v1beta/models/m:streamGenerateContent")
PLACES = {name: next(p for p in PROVIDERS.values() if p.dialect == name) for name in DIALECTS}
SCHEMA = StrictSchema("Person", {"type": "object", "properties": {}, "required": []}, "A person.")
every_dialect = pytest.mark.parametrize("name", DIALECTS)

WORDS = ["type", "content", "text", "choices", "message", "delta", "candidates", "parts"]
WORDS += [
    "thinking",
    "redacted_thinking",
    "functionCall",
    "finishReason",
    "index",
    "usage",
    "usageMetadata",
    "promptFeedback",
]
WORDS += ["blockReason", "output", "status", "error", "code", "response", "item", "content_block"]
WORDS += ["content_block_start", "content_block_delta", "message_start", "message_delta", "text_delta"]
WORDS += ["partial_json", "input", "response.output_item.added", "response.completed"]
WORDS += ["response.failed", "function_call", "thoughtSignature", "stop_reason", "stop_details"]
WORDS += ["incomplete_details", "logprobs", "logprobsResult", "chosenCandidates", "topCandidates"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=15,
)


@every_dialect
@given(value=json_values)
def test_whatever_json_comes_reading_it_never_crashes(name: str, value: object) -> None:
    dialect = DIALECTS[name]
    body = json.dumps(value)
    accumulator = Accumulator()
    for chunk in filter(None, [dialect.decode_chunk(json.loads(body))]):
        accumulator.add(chunk)
    assert isinstance(accumulator.completion(), Completion)
    for status in (200, 400):
        assert isinstance(read_reply(dialect, status, {}, body.encode(), 0.0, 0.0), Completion | Failure)


usages = st.builds(
    lambda prompt, cached, said, thought: Usage(prompt + cached, said + thought, cached, thought),
    st.integers(0, 999),
    st.integers(0, 999),
    st.integers(1, 999),
    st.integers(0, 999),
)
arguments = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9), min_size=1, max_size=3)


@st.composite
def said(draw: st.DrawFn, name: str) -> Reply:
    text = draw(st.none() | st.text(min_size=1))
    calls = tuple(
        ToolCall(f"call_{n}", FunctionCall("tool", json.dumps(a, ensure_ascii=False, separators=(",", ":"))))
        for n, a in enumerate(draw(st.lists(arguments, max_size=3)))
    )
    if text is None and not calls:
        text = "nothing"
    reason = draw(st.sampled_from(["length", "tool_calls" if calls else "stop"]))
    refusal = "No." if name.startswith("openai") and not calls and draw(st.booleans()) else None
    message = Message("assistant", None if refusal else text, refusal=refusal, tool_calls=calls)
    reply = Reply((Choice(message, reason),), draw(usages))
    return replace(reply, delivery=replies.Delivery(sse=replies.Sse(piece=draw(st.integers(1, 9)))))


@pytest.mark.slow
@every_dialect
@given(data=st.data())
def test_chunks_add_up_to_the_completion_that_the_same_reply_is_without_a_stream(
    name: str, data: st.DataObject
) -> None:
    reply = data.draw(said(name))
    server, dialect, accumulator = SERVERS[name], DIALECTS[name], Accumulator()
    events = [e for e in server.events(reply, ASKED[name], RECEIVED) if not isinstance(e, str)]
    for n, event in enumerate(events):
        chunk = dialect.decode_chunk(json.loads(json.dumps(event)))
        assert chunk is not None
        accumulator.add(chunk)
        assert accumulator.finished <= (n >= len(events) - 2)  # the usage, or a last word, may come later
    assert accumulator.finished
    whole = dialect.decode(json.loads(json.dumps(server.whole(reply, ASKED[name], RECEIVED))))
    assert whole is not None
    assert replace(accumulator.completion(), raw={}) == replace(whole, raw={})
    (choice,) = reply.choices
    assert whole.message == choice.message
    assert (whole.finish_reason, whole.usage, whole.model) == (choice.finish_reason, reply.usage, "m")


@every_dialect
@pytest.mark.parametrize(("usage", "cut"), [(Usage(4_090, 2, 1_000), True), (Usage(12_000, 2), False)])
def test_a_prompt_that_was_cut_is_told_by_the_tokens_that_each_api_counts(
    name: str, usage: Usage, cut: bool
) -> None:
    reply = Reply((Choice(Message("assistant", "36"), "stop"),), usage)
    whole = DIALECTS[name].decode(json.loads(json.dumps(SERVERS[name].whole(reply, ASKED[name], RECEIVED))))
    assert whole is not None
    text = "Ada Lovelace is 36 years old. " * 2_000
    request = Request("m", (Message("user", text),), response_schema=SCHEMA, source=text)
    step = start(request, lambda reply, part: judge_record(reply, part, int), Policy(), 0.0)
    end = step.receive(whole, 0.0, 0.0)
    assert isinstance(end, Extraction)
    assert end.outcome is (Outcome.TRUNCATED if cut else Outcome.OK)


@every_dialect
def test_an_error_has_its_message_and_its_code(name: str) -> None:
    body = SERVERS[name].error_body(replies.status(429, "Slow down."), RECEIVED)
    message, code = DIALECTS[name].explain(body)
    assert message == "Slow down."
    assert code in ("rate_limit_exceeded", "rate_limit_error", "RESOURCE_EXHAUSTED")
    assert DIALECTS[name].decode(body) is None
    assert name == "openai_chat" or DIALECTS[name].decode_chunk(body) is None


@every_dialect
def test_the_key_stands_in_a_header_and_nowhere_else(name: str) -> None:
    dialect, place = DIALECTS[name], PLACES[name]
    request = Request("m", (Message("user", "Hi"),), place.defaults)
    held = [h for h, value in dialect.headers("sk-123", request, place).items() if "sk-123" in value]
    assert len(held) == 1
    assert "sk-123" not in dialect.path(request, stream=True) + str(dialect.encode(request, place))
    assert not any("sk" in value for value in dialect.headers("", request, place).values())


def test_azure_takes_the_key_in_a_header_of_its_own() -> None:
    request = Request("m", (Message("user", "Hi"),))
    assert DIALECTS["openai_chat"].headers("k", request, PROVIDERS["azure"]) == {"api-key": "k"}


@every_dialect
@pytest.mark.parametrize("mode", Mode)
def test_what_changes_from_row_to_row_comes_last(name: str, mode: Mode) -> None:
    messages = (Message("system", "Extract."), Message("user", "the text"))
    request = Request("m", messages, {"max_tokens": 5}, SCHEMA, mode)
    body = json.dumps(DIALECTS[name].encode(request, PLACES[name]))
    assert body.index("the text") > len(body) - 60
    assert body.index("Extract.") < body.index("the text")


@every_dialect
@pytest.mark.parametrize("mode", Mode)
def test_only_the_prompt_mode_and_a_missing_json_mode_force_nothing(name: str, mode: Mode) -> None:
    messages = (Message("user", "the text"),)
    dialect, place = DIALECTS[name], PLACES[name]
    free = dialect.encode(Request("m", messages, place.defaults), place)
    forced = dialect.encode(Request("m", messages, place.defaults, SCHEMA, mode), place)
    assert (forced == free) == (mode is Mode.PROMPT or (mode is Mode.JSON_OBJECT and name == "anthropic"))


@every_dialect
def test_extra_body_goes_through_and_leaves_its_neighbours(name: str) -> None:
    extra = {
        "generationConfig": {"topK": 1},
        "output_config": {"effort": "low"},
        "text": {"verbosity": "low"},
    }
    messages = (Message("user", "Hi"),)
    place: Provider = PLACES[name]
    plain = DIALECTS[name].encode(Request("m", messages, place.defaults, SCHEMA), place)
    params = {**place.defaults, "extra_body": extra}
    body = DIALECTS[name].encode(Request("m", messages, params, SCHEMA), place)
    for member, value in extra.items():
        before = plain.get(member, {})
        assert body[member] == {**before, **value}
    assert {k: v for k, v in body.items() if k not in extra} == {
        k: v for k, v in plain.items() if k not in extra
    }


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("anthropic", {"logit_bias": {"5": 1}}),
        ("anthropic", {"seed": 1}),
        ("anthropic", {"n": 2}),
        ("anthropic", {"logprobs": True}),
        ("gemini", {"logit_bias": {"5": 1}}),
        ("gemini", {"parallel_tool_calls": False}),
        ("openai_responses", {"seed": 1}),
        ("openai_responses", {"stop": "x"}),
        ("openai_responses", {"n": 2}),
    ],
)
def test_what_an_api_has_no_word_for_is_refused_before_it_is_sent(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"nothing like '{next(iter(params))}'"):
        DIALECTS[name].encode(Request("m", (Message("user", "Hi"),), params), PLACES[name])


@pytest.mark.parametrize("name", ["anthropic", "gemini", "openai_responses"])
def test_what_asks_for_nothing_is_left_out(name: str) -> None:
    messages, place = (Message("user", "Hi"),), PLACES[name]
    idle = {"n": None, "logit_bias": {}, "seed": None, "temperature": None}
    assert DIALECTS[name].encode(Request("m", messages, idle), place) == DIALECTS[name].encode(
        Request("m", messages), place
    )


@pytest.mark.parametrize("name", ["anthropic", "gemini", "openai_responses"])
def test_response_format_of_a_chat_is_understood(name: str) -> None:
    messages, place = (Message("user", "Hi"),), PLACES[name]
    told = {"name": "Person", "schema": SCHEMA.schema, "strict": True, "description": "A person."}
    params = {"response_format": {"type": "json_schema", "json_schema": told}}
    assert DIALECTS[name].encode(Request("m", messages, params), place) == DIALECTS[name].encode(
        Request("m", messages, response_schema=SCHEMA), place
    )


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_arguments_that_are_no_object_are_refused_before_they_are_sent(name: str) -> None:
    call = ToolCall("call_0", FunctionCall("tool", '{"city": "Ro'))
    request = Request("m", (Message("assistant", tool_calls=(call,)), Message("user", "Hi")))
    with pytest.raises(ConfigError, match="call_0"):
        DIALECTS[name].encode(request, PLACES[name])
