"""Requests, replies and streams of Anthropic's Messages API, in the shapes that its documentation shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from extractor.dialects import PROVIDERS, Accumulator, anthropic
from extractor.errors import ConfigError
from extractor.messages import FunctionCall, Message, Mode, Request, StrictSchema, ToolCall, Usage

ROW = PROVIDERS["anthropic"]
UNMARKED = replace(ROW, prompt_cache="none")
CONTACT = StrictSchema(
    "Contact",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "plan": {"type": "string"}},
        "required": ["name", "plan"],
        "additionalProperties": False,
    },
    "Who wrote.",
)
HELLO = (Message("system", "Extract."), Message("user", "Mia wants the Pro plan."))


def encoded(*messages: Message, row: Any = UNMARKED, **request: Any) -> dict[str, Any]:
    params = {"max_tokens": 1024, **request.pop("params", {})}
    return anthropic.encode(Request("claude-x", messages, params, **request), row)


def test_a_schema_is_an_output_format() -> None:
    assert encoded(*HELLO, response_schema=CONTACT) == {
        "model": "claude-x",
        "max_tokens": 1024,
        "output_config": {"format": {"type": "json_schema", "schema": CONTACT.schema}},
        "system": "Extract.",
        "messages": [{"role": "user", "content": "Mia wants the Pro plan."}],
    }


def test_in_tool_mode_for_models_that_decode_nothing_strictly_the_one_call_has_the_schema() -> None:
    body = encoded(*HELLO, response_schema=CONTACT, mode=Mode.TOOL)
    assert body["tools"] == [{"name": "Contact", "description": "Who wrote.", "input_schema": CONTACT.schema}]
    assert body["tool_choice"] == {"type": "tool", "name": "Contact", "disable_parallel_tool_use": True}
    assert "output_config" not in body


@pytest.mark.parametrize(
    ("choice", "params", "told"),
    [
        (None, {}, None),
        ("auto", {}, {"type": "auto"}),
        ("none", {"parallel_tool_calls": False}, {"type": "none"}),
        ("required", {}, {"type": "any"}),
        ("Contact", {}, {"type": "tool", "name": "Contact"}),
        ({"type": "function", "function": {"name": "Contact"}}, {}, {"type": "tool", "name": "Contact"}),
        ({"type": "any"}, {}, {"type": "any"}),
        (None, {"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_among_tools(choice: Any, params: dict[str, Any], told: Any) -> None:
    assert encoded(*HELLO, tools=(CONTACT,), tool_choice=choice, params=params).get("tool_choice") == told


def test_no_more_than_twenty_tools_are_strict() -> None:
    tools = tuple(replace(CONTACT, name=f"tool_{n}") for n in range(25))
    assert sum("strict" in tool for tool in encoded(*HELLO, tools=tools)["tools"]) == 20


def test_parameters_have_their_names_there() -> None:
    params = {"max_completion_tokens": 7, "stop": "END", "reasoning_effort": "low", "user": "u1", "n": 1}
    body = encoded(*HELLO, response_schema=CONTACT, params=params)
    assert (body["max_tokens"], body["stop_sequences"], body["metadata"]) == (7, ["END"], {"user_id": "u1"})
    assert body["output_config"].keys() == {"format", "effort"}
    assert not body.keys() & params.keys()


def test_the_version_is_the_newest_that_has_the_parameters() -> None:
    def version(params: dict[str, Any]) -> str:
        return anthropic.headers("k", Request("m", HELLO, params), ROW)["anthropic-version"]

    assert [version({}), version({"temperature": None}), version({"temperature": 0})] == [
        "2026-10-21", "2026-10-21", "2023-06-01",
    ]  # fmt: skip
    assert anthropic.headers("k", Request("m", HELLO), ROW)["x-api-key"] == "k"


def test_calls_and_their_results_are_blocks_and_results_of_one_turn_stand_together() -> None:
    calls = tuple(ToolCall(f"c{n}", FunctionCall("weather", f'{{"n": {n}}}')) for n in (1, 2))
    body = encoded(
        Message("user", "Weather?"),
        Message("assistant", "I'll look.", tool_calls=calls),
        Message("tool", "15 degrees", tool_call_id="c1"),
        Message("tool", "", tool_call_id="c2"),
        Message("user", "Thanks."),
    )
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I'll look."},
                {"type": "tool_use", "id": "c1", "name": "weather", "input": {"n": 1}},
                {"type": "tool_use", "id": "c2", "name": "weather", "input": {"n": 2}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "15 degrees"},
                {"type": "tool_result", "tool_use_id": "c2"},
            ],
        },
        {"role": "user", "content": "Thanks."},
    ]


def test_thoughts_alone_are_no_turn() -> None:
    thoughts = {"anthropic": {"thinking": [{"index": 0, "type": "redacted_thinking", "data": "x"}]}}
    message = Message("assistant", None, extra_content=thoughts)
    assert len(encoded(Message("user", "Hi"), message, Message("user", "Hi"))["messages"]) == 2


def test_images_and_documents() -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,R3LDvMOfZQ=="}},
        {"type": "file", "file": {"file_id": "file_1"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
    ]
    assert encoded(Message("user", parts))["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}},
        {"type": "image_url", "image_url": {"url": "data:image/png,raw"}},
        {"type": "file", "file": {"file_data": "JVBE"}},
    ],
)
def test_parts_that_cannot_be_said_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        encoded(Message("user", [part]))


def test_turns_and_texts_without_words_are_left_out() -> None:
    blank = [{"type": "text", "text": "  "}, {"type": "text", "text": "Hi"}]
    assert encoded(Message("user", blank), Message("assistant", ""), Message("user", "Hi"))["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "user", "content": "Hi"},
    ]


MARK = {"cache_control": {"type": "ephemeral"}}


def test_the_end_of_what_stays_the_same_from_row_to_row_is_marked() -> None:
    short = encoded(*HELLO, row=ROW)
    assert short["system"] == [{"type": "text", "text": "Extract.", **MARK}]
    examples = (Message("user", "an example"), Message("assistant", "{}"))
    long = encoded(HELLO[0], *examples, HELLO[1], row=ROW)
    assert long["system"] == "Extract."
    assert [m["content"] for m in long["messages"]] == [
        "an example", [{"type": "text", "text": "{}", **MARK}], "Mia wants the Pro plan.",
    ]  # fmt: skip
    assert "cache_control" not in str(encoded(HELLO[1], row=ROW))


def test_neither_the_text_nor_a_question_after_it_is_marked() -> None:
    asked_again = encoded(*HELLO, Message("user", "The plan is missing."), row=ROW)
    assert asked_again["system"] == [{"type": "text", "text": "Extract.", **MARK}]
    assert "cache_control" not in str(asked_again["messages"])


def test_a_reply_is_its_texts_and_calls_without_the_thoughts() -> None:
    body = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-1",
        "content": [
            {"type": "thinking", "thinking": "Let me see.", "signature": "s"},
            {"type": "text", "text": "I'll look. "},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 20,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 30,
            "output_tokens": 50,
            "output_tokens_details": {"thinking_tokens": 40},
        },
    }
    reply = anthropic.decode(body)
    assert reply is not None
    call = ToolCall("toolu_1", FunctionCall("weather", '{"city":"Köln"}'))
    said = reply.message
    assert (said.content, said.tool_calls) == ("I'll look. ", (call,))
    sent = encoded(Message("user", "Weather?"), said)["messages"][1]["content"]
    assert sent == [*body["content"][:1], {**body["content"][1]}, body["content"][2]]
    assert (reply.id, reply.model, reply.finish_reason) == ("msg_01", "claude-x-1", "tool_calls")
    assert reply.usage == Usage(150, 50, cached_tokens=100, reasoning_tokens=40, cache_write_tokens=30)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "refusal"),
        ("pause_turn", "pause_turn"),
        (None, None),
    ],
)
def test_why_a_reply_ended(reason: str | None, finish: str | None) -> None:
    reply = anthropic.decode({"content": [], "stop_reason": reason})
    assert reply is not None
    assert (reply.finish_reason, reply.content) == (finish, None)


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "That could do harm."}
    reply = anthropic.decode({"content": [], "stop_reason": "refusal", "stop_details": details})
    assert reply is not None
    assert reply.message.refusal == "That could do harm."


def test_a_stream_of_thoughts_text_and_a_call() -> None:
    def block(index: int, kind: str, **members: Any) -> dict[str, Any]:
        return {"type": f"content_block_{kind}", "index": index, **members}

    start = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-x",
        "stop_reason": None,
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 10, "output_tokens": 1},
    }
    events = [
        {"type": "message_start", "message": start},
        block(0, "start", content_block={"type": "thinking", "thinking": "", "signature": ""}),
        block(0, "delta", delta={"type": "thinking_delta", "thinking": "Hm."}),
        block(0, "delta", delta={"type": "signature_delta", "signature": "s"}),
        block(0, "stop"),
        block(1, "start", content_block={"type": "text", "text": ""}),
        {"type": "ping"},
        block(1, "delta", delta={"type": "text_delta", "text": "Hello"}),
        block(1, "delta", delta={"type": "text_delta", "text": "!"}),
        block(1, "stop"),
        block(2, "start", content_block={"type": "tool_use", "id": "t1", "name": "weather", "input": {}}),
        block(2, "delta", delta={"type": "input_json_delta", "partial_json": ""}),
        block(2, "delta", delta={"type": "input_json_delta", "partial_json": '{"city": "S'}),
        block(2, "delta", delta={"type": "input_json_delta", "partial_json": 'an Francisco"}'}),
        block(2, "stop"),
        {"type": "an_event_of_tomorrow"},
    ]
    accumulator = Accumulator()
    for event in events:
        chunk = anthropic.decode_chunk(event)
        assert chunk is not None
        accumulator.add(chunk)
    assert not accumulator.finished
    ending = {"stop_reason": "tool_use", "stop_sequence": None}
    end = anthropic.decode_chunk({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 15}})
    assert end is not None
    accumulator.add(end)
    whole = accumulator.completion()
    assert accumulator.finished
    call = ToolCall("t1", FunctionCall("weather", '{"city": "San Francisco"}'))
    thought = {"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"}
    thoughts = {"anthropic": {"thinking": [thought]}}
    assert whole.message == Message("assistant", "Hello!", tool_calls=(call,), extra_content=thoughts)
    blocks = [{k: v for k, v in thought.items() if k != "index"}, {"type": "text", "text": "Hello!"}]
    same = anthropic.decode({"content": blocks, "stop_reason": "end_turn"})
    assert same is not None
    assert same.message.extra_content == thoughts
    assert encoded(Message("user", "Hi"), same.message)["messages"][1]["content"] == blocks
    assert (whole.id, whole.model, whole.finish_reason) == ("msg_1", "claude-x", "tool_calls")
    assert whole.usage == Usage(35, 15, cached_tokens=10)


def test_an_error_event_is_no_chunk_and_has_its_type_for_a_code() -> None:
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert anthropic.decode_chunk(event) is None
    assert anthropic.explain(event) == ("Overloaded", "overloaded_error")
