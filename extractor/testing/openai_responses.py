"""The OpenAI Responses API as a server speaks it. Pure.

Source: https://platform.openai.com/docs/api-reference/responses and /responses-streaming.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extractor.messages import JSON, Message, ToolCall

from .openai_chat import REQUEST_ID as REQUEST_ID
from .openai_chat import error_body as error_body
from .openai_chat import is_streamed as is_streamed
from .received import ReceivedRequest
from .replies import Reply, Status
from .speaking import CREATED, as_format, as_function, pieces, text_of, usage_of

PATHS: tuple[str, ...] = ("/v1/responses", "/openai/v1/responses")
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}  # of incomplete responses


def problem(asked: JSON) -> Status | None:
    """Return the error for a body that is no request; None if it is one."""
    if not isinstance(asked, dict):
        return Status(400, "The body of a request is a JSON object.")
    if not isinstance(asked.get("model"), str):
        return Status(400, "Missing required parameter: 'model'.", param="model")
    if not asked.get("input") or not isinstance(asked["input"], str | list):
        return Status(400, "Missing required parameter: 'input'.", param="input")
    return None


def as_chat(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request as chat completions have it."""
    chat: dict[str, Any] = {"messages": [asked.get("instructions"), asked["input"]]}
    match (asked.get("text") or {}).get("format"):
        case {"type": "json_schema", "schema": schema}:
            chat["response_format"] = as_format(schema)
        case {"type": "json_object"}:
            chat["response_format"] = {"type": "json_object"}
    functions = [tool for tool in asked.get("tools") or () if tool.get("type") == "function"]
    chat["tools"] = [as_function(tool["name"], tool.get("parameters")) for tool in functions]
    choice = asked.get("tool_choice")
    chat["tool_choice"] = {"function": choice} if isinstance(choice, dict) else choice
    return chat


def event_name(data: JSON) -> str | None:
    """Return an event's type, which is its name."""
    return str(data["type"])


def whole(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> JSON:
    """Return the response object."""
    return _response(reply, asked, request, [item for item, _ in _items(reply, asked, request)])


def events(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Iterator[JSON]:
    """Yield the events, numbered: the response begins, each item comes in pieces, the response ends."""
    for number, event in enumerate(_events(reply, asked, request)):
        yield {**event, "sequence_number": number}


def _events(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Iterator[dict[str, JSON]]:
    begun = {
        **_response(reply, asked, request, []),
        "status": "in_progress",
        "usage": None,
        "incomplete_details": None,
    }
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, (item, told) in enumerate(_items(reply, asked, request)):
        empty: dict[str, JSON] = {"content": []} if item["type"] == "message" else {"arguments": ""}
        added = {**item, "status": "in_progress", **empty}
        yield {"type": "response.output_item.added", "output_index": index, "item": added}
        for event in told:
            yield {"output_index": index, "item_id": item["id"], **event}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    ended = _response(reply, asked, request, [item for item, _ in _items(reply, asked, request)])
    yield {"type": f"response.{ended['status']}", "response": ended}


def _items(
    reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest
) -> Iterator[tuple[dict[str, Any], Iterator[dict[str, JSON]]]]:
    """Yield the items of the output, each with the events that tell it."""
    message = reply.choices[0].message if reply.choices else Message("assistant")
    part = _part(message)
    if (
        part is not None
        and "logprobs" in part
        and "message.output_text.logprobs" in (asked.get("include") or ())
    ):
        part["logprobs"] = (reply.choices[0].logprobs or {}).get("content", [])
    if part is not None:
        item = {"type": "message", "id": f"msg_{request.index}", "role": "assistant", "content": [part]}
        yield {**item, "status": "completed"}, _part_events(part, reply)
    for n, call in enumerate(message.tool_calls):
        yield _call(call, f"fc_{request.index}_{n}"), _call_events(call, reply)


def _part(message: Message) -> dict[str, JSON] | None:
    if message.refusal is not None:
        return {"type": "refusal", "refusal": message.refusal}
    text = text_of(message)
    return None if text is None else {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _part_events(part: dict[str, JSON], reply: Reply) -> Iterator[dict[str, JSON]]:
    member = "refusal" if part["type"] == "refusal" else "text"
    kind = f"response.{part['type']}"
    more: dict[str, JSON] = {"logprobs": []} if member == "text" else {}
    yield {"type": "response.content_part.added", "content_index": 0, "part": {**part, member: ""}}
    for piece in pieces(part[member], reply):
        yield {"type": f"{kind}.delta", "content_index": 0, "delta": piece, **more}
    yield {"type": f"{kind}.done", "content_index": 0, member: part[member], **more}
    yield {"type": "response.content_part.done", "content_index": 0, "part": part}


def _call(call: ToolCall, item_id: str) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": item_id,
        "call_id": call.id,
        "name": call.function.name,
        "arguments": call.function.arguments,
        "status": "completed",
    }


def _call_events(call: ToolCall, reply: Reply) -> Iterator[dict[str, JSON]]:
    kind = "response.function_call_arguments"
    for piece in pieces(call.function.arguments, reply):
        yield {"type": f"{kind}.delta", "delta": piece}
    yield {"type": f"{kind}.done", "arguments": call.function.arguments, "name": call.function.name}


def _response(
    reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest, output: list[JSON]
) -> dict[str, Any]:
    reason = REASONS.get((reply.choices[0].finish_reason if reply.choices else None) or "stop")
    return {
        "id": f"resp_{request.index}",
        "object": "response",
        "created_at": CREATED,
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": asked.get("instructions"),
        "metadata": {},
        "model": asked["model"],
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "text": asked.get("text") or {"format": {"type": "text"}},
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": asked.get("tools") or [],
        "top_p": 1.0,
        "usage": _usage(reply, asked),
    }


def _usage(reply: Reply, asked: Mapping[str, Any]) -> JSON:
    usage = usage_of(reply, as_chat(asked))
    return usage and {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }
