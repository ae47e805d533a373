"""Requests, replies and streams of OpenAI's Responses API, in the shapes that its documentation shows."""

from __future__ import annotations

from typing import Any

import pytest

from extractor.dialects import PROVIDERS, Accumulator, openai_responses
from extractor.messages import FunctionCall, Message, Mode, Request, StrictSchema, ToolCall, Usage

ROW = PROVIDERS["openai-responses"]
EVENT = StrictSchema(
    "Event",
    {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    },
    "What happens.",
)
HELLO = (Message("system", "Extract."), Message("developer", "Be exact."), Message("user", "Fair on Friday."))


def encoded(*messages: Message, **request: Any) -> dict[str, Any]:
    return openai_responses.encode(Request("gpt-x", messages, **request), ROW)


def test_a_schema_is_the_format_of_the_text_and_nothing_is_stored() -> None:
    strict = {"name": "Event", "strict": True, "description": "What happens.", "schema": EVENT.schema}
    assert encoded(*HELLO, response_schema=EVENT) == {
        "model": "gpt-x",
        "store": False,
        "text": {"format": {"type": "json_schema", **strict}},
        "instructions": "Extract.\n\nBe exact.",
        "input": [{"role": "user", "content": "Fair on Friday."}],
    }
    assert encoded(*HELLO, params={"store": True})["store"] is True


def test_in_json_mode_any_object_is_asked_for() -> None:
    body = encoded(*HELLO, response_schema=EVENT, mode=Mode.JSON_OBJECT)
    assert body["text"] == {"format": {"type": "json_object"}}


def test_in_tool_mode_the_one_call_that_must_come_has_the_schema() -> None:
    body = encoded(*HELLO, response_schema=EVENT, mode=Mode.TOOL)
    assert body["tools"] == [
        {
            "type": "function",
            "name": "Event",
            "strict": True,
            "description": "What happens.",
            "parameters": EVENT.schema,
        }
    ]
    assert body["tool_choice"] == {"type": "function", "name": "Event"}


@pytest.mark.parametrize("choice", ["auto", "none", "required", {"type": "allowed_tools", "tools": []}])
def test_other_choices_among_tools_are_the_same_here(choice: Any) -> None:
    assert encoded(*HELLO, tools=(EVENT,), tool_choice=choice)["tool_choice"] == choice


def test_parameters_have_their_names_there() -> None:
    params = {
        "max_completion_tokens": 50,
        "reasoning_effort": "low",
        "verbosity": "low",
        "logprobs": True,
        "top_logprobs": 2,
        "temperature": 0,
        "metadata": {"row": "1"},
    }
    body = encoded(*HELLO, response_schema=EVENT, params=params)
    assert body["max_output_tokens"] == 50
    assert body["reasoning"] == {"effort": "low"}
    assert body["text"].keys() == {"verbosity", "format"}
    assert body["include"] == ["message.output_text.logprobs"]
    assert (body["top_logprobs"], body["temperature"], body["metadata"]) == (2, 0, {"row": "1"})


def test_calls_and_their_results_are_items() -> None:
    call = ToolCall("call_1", FunctionCall("weather", '{"city": "Rome"}'))
    body = encoded(
        Message("user", "Weather?"),
        Message("assistant", "I'll look.", tool_calls=(call,)),
        Message("tool", "hot", tool_call_id="call_1"),
        Message("system", "Answer in German."),
    )
    assert body["input"][1:] == [
        {"role": "assistant", "content": "I'll look."},
        {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": '{"city": "Rome"}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "hot"},
        {"role": "system", "content": "Answer in German."},
    ]
    assert "instructions" not in body


def test_images_and_files() -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ]
    said = [{"type": "text", "text": "A cat."}]
    user, assistant = encoded(Message("user", parts), Message("assistant", said))["input"]
    assert user["content"] == [
        {"type": "input_text", "text": "What is it?"},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"},
        {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "auto"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
    ]
    assert assistant["content"] == [{"type": "output_text", "text": "A cat."}]


def response(*output: dict[str, Any], status: str = "completed", **members: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1741476777,
        "status": status,
        "model": "gpt-x-1",
        "output": list(output),
        **members,
    }


def said(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "content": list(content)}


def test_a_reply_is_its_texts_and_calls_without_the_reasoning() -> None:
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    reply = openai_responses.decode(
        response(
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
            said({"type": "output_text", "text": "Hi", "annotations": [], "logprobs": [token]}),
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "add", "arguments": "{}"},
            usage={
                "input_tokens": 90,
                "input_tokens_details": {"cached_tokens": 80},
                "output_tokens": 30,
                "output_tokens_details": {"reasoning_tokens": 20},
                "total_tokens": 120,
            },
        )
    )
    assert reply is not None
    call = ToolCall("call_1", FunctionCall("add", "{}"))
    assert reply.message == Message("assistant", "Hi", tool_calls=(call,))
    assert (reply.id, reply.model, reply.created) == ("resp_1", "gpt-x-1", 1741476777)
    assert (reply.finish_reason, reply.choices[0].logprobs) == ("tool_calls", {"content": [token]})
    assert reply.usage == Usage(90, 30, cached_tokens=80, reasoning_tokens=20)


def test_a_refusal_is_a_part_of_its_own() -> None:
    reply = openai_responses.decode(response(said({"type": "refusal", "refusal": "No."})))
    assert reply is not None
    assert (reply.message.refusal, reply.content, reply.finish_reason) == ("No.", None, "stop")


@pytest.mark.parametrize(
    ("status", "reason", "finish"),
    [
        ("completed", None, "stop"),
        ("incomplete", "max_output_tokens", "length"),
        ("incomplete", "content_filter", "content_filter"),
        ("incomplete", "max_messages", "max_messages"),
        ("cancelled", None, "cancelled"),
    ],
)
def test_why_a_reply_ended(status: str, reason: str | None, finish: str) -> None:
    details = {"reason": reason} if reason else None
    text = said({"type": "output_text", "text": "{"})
    reply = openai_responses.decode(response(text, status=status, incomplete_details=details))
    assert reply is not None
    assert reply.finish_reason == finish
    chunk = openai_responses.decode_chunk(
        {"type": "response.incomplete", "response": response(status=status, incomplete_details=details)}
    )
    assert chunk is not None
    assert chunk.choices[0].finish_reason == finish


def test_a_reply_without_items_has_no_choice_unless_it_was_cut_off() -> None:
    empty = openai_responses.decode(response())
    cut = response(status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    thought_only = openai_responses.decode(cut)
    assert empty is not None
    assert thought_only is not None
    assert (empty.choices, thought_only.finish_reason) == ((), "length")


@pytest.mark.parametrize("event", ["error", "response.failed", None])
def test_a_response_that_failed_is_an_error_with_its_code(event: str | None) -> None:
    error = {"code": "server_error", "message": "The model failed."}
    failed = response(status="failed", error=error)
    body: dict[str, Any] = (
        {"type": event, **error} if event == "error" else {"type": event, "response": failed}
    )
    if event is None:
        body = failed
        assert openai_responses.decode(body) is None
    else:
        assert openai_responses.decode_chunk(body) is None
    assert openai_responses.explain(body) == ("The model failed.", "server_error")


def test_a_stream_of_text_and_a_call() -> None:
    call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": ""}
    usage = {"input_tokens": 10, "output_tokens": 5}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": response(status="in_progress", usage=None)},
        {"type": "response.in_progress", "response": response(status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": said()},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hi"},
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hi"},
        {"type": "response.output_item.added", "output_index": 1, "item": call},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"city":'},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '"Rome"}'},
        {"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "..."},
        {"type": "response.completed", "response": response(said(), call, usage=usage)},
    ]
    accumulator = Accumulator()
    for event in events:
        assert not accumulator.finished
        chunk = openai_responses.decode_chunk(event)
        assert chunk is not None
        accumulator.add(chunk)
    whole = accumulator.completion()
    made = ToolCall("call_1", FunctionCall("weather", '{"city":"Rome"}'))
    assert whole.message == Message("assistant", "Hi", tool_calls=(made,))
    assert (whole.id, whole.finish_reason, whole.usage) == ("resp_1", "tool_calls", Usage(10, 5))
