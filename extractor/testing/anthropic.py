"""The Anthropic Messages API as a server speaks it. Pure.

Source: https://platform.claude.com/docs/en/api/messages, /api/errors and /build-with-claude/streaming. The
API has no finish reason for a content filter, so a filtered reply is a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extractor.messages import JSON, Message, ToolCall

from .received import ReceivedRequest
from .replies import Reply, Status
from .speaking import arguments_of, as_format, as_function, pieces, text_of, usage_of

PATHS: tuple[str, ...] = ("/v1/messages",)
REQUEST_ID = "request-id"
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def problem(asked: JSON) -> Status | None:
    """Return the error for a body that is no request; None if it is one."""
    if not isinstance(asked, dict):
        return Status(400, "The body of a request is a JSON object.")
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if not isinstance(asked.get(name), kind):
            return Status(400, f"{name}: Field required")
    roles = [m.get("role") if isinstance(m, dict) else None for m in asked["messages"]]
    if not roles or not {"user", "assistant", "system"}.issuperset(roles):
        return Status(400, "messages: at least one message, each of the role 'user' or 'assistant'")
    return None


def as_chat(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request as chat completions have it."""
    chat: dict[str, Any] = {"messages": [asked.get("system"), *asked["messages"]]}
    wanted = (asked.get("output_config") or {}).get("format")
    if wanted:
        chat["response_format"] = as_format(wanted["schema"])
    chat["tools"] = [as_function(tool["name"], tool.get("input_schema")) for tool in asked.get("tools") or ()]
    match asked.get("tool_choice"):
        case {"type": "tool", "name": name}:
            chat["tool_choice"] = {"function": {"name": name}}
        case {"type": kind}:
            chat["tool_choice"] = "required" if kind == "any" else kind
    return chat


def is_streamed(asked: Mapping[str, Any], request: ReceivedRequest) -> bool:
    """Return whether the answer is to be a stream."""
    return bool(asked.get("stream"))


def event_name(data: JSON) -> str | None:
    """Return an event's type, which is its name."""
    return str(data["type"])


def error_body(failure: Status, request: ReceivedRequest) -> JSON:
    """Return `{"type": "error", "error": {"type", "message"}, "request_id"}`."""
    usual = ERRORS.get(failure.status, "api_error" if failure.status >= 500 else "invalid_request_error")
    told = {"type": failure.type or failure.code or usual, "message": failure.message}
    return {"type": "error", "error": told, "request_id": f"req_{request.index}"}


def whole(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> JSON:
    """Return the message object."""
    message = _message(reply)
    texts = [] if text_of(message) is None else [{"type": "text", "text": text_of(message)}]
    calls = [{**_call(call), "input": arguments_of(call)} for call in message.tool_calls]
    return {**_envelope(reply, asked, request), "content": [*texts, *calls], **_ending(reply)}


def events(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Iterator[JSON]:
    """Yield the events: the message begins, each block comes in pieces, the message ends."""
    begun = _envelope(reply, asked, request)
    usage = begun.get("usage")
    if usage:
        begun["usage"] = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": {**begun, "content": [], **_ending(None)}}
    yield {"type": "ping"}
    for index, (block, deltas) in enumerate(_blocks(reply)):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    told = {"usage": {"output_tokens": usage["output_tokens"]}} if usage else {}
    yield {"type": "message_delta", "delta": _ending(reply), **told}
    if reply.delivery.sse.done:
        yield {"type": "message_stop"}


def _blocks(reply: Reply) -> Iterator[tuple[JSON, list[JSON]]]:
    message = _message(reply)
    text = text_of(message)
    if text is not None:
        yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": p} for p in pieces(text, reply)]
    for call in message.tool_calls:
        more = pieces(call.function.arguments, reply)
        yield {**_call(call), "input": {}}, [{"type": "input_json_delta", "partial_json": p} for p in more]


def _message(reply: Reply) -> Message:
    return reply.choices[0].message if reply.choices else Message("assistant")


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.function.name}


def _envelope(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> dict[str, Any]:
    usage = usage_of(reply, as_chat(asked))
    told = usage and {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
    }
    return {
        "id": f"msg_{request.index}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        **({"usage": told} if told else {}),
    }


def _ending(reply: Reply | None) -> dict[str, JSON]:
    """Why the message ended; None for one that goes on."""
    if reply is None:
        return {"stop_reason": None, "stop_sequence": None, "stop_details": None}
    refusal = _message(reply).refusal
    reason = (reply.choices[0].finish_reason if reply.choices else None) or "stop"
    reason = "refusal" if refusal is not None else STOP_REASONS.get(reason, reason)
    details = {"type": "refusal", "category": None, "explanation": refusal} if reason == "refusal" else None
    return {"stop_reason": reason, "stop_sequence": None, "stop_details": details}
