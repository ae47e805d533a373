"""The OpenAI chat-completions API as a server speaks it. Pure.

Source: https://platform.openai.com/docs/api-reference/chat and /chat-streaming.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from extractor.messages import JSON, Choice, Message

from .received import ReceivedRequest
from .replies import Reply, Status
from .speaking import CREATED, DONE, as_format, pieces, text_of, usage_of

PATHS: tuple[str, ...] = ("/v1/chat/completions", "/openai/v1/chat/completions")
REQUEST_ID = "x-request-id"
USUAL_ERRORS: Mapping[int, tuple[str, str | None]] = {  # status: type, code
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def as_chat(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request as it is; a grammar whose comment is a schema counts as a response_format."""
    shown = re.search(r"^// (\{.*\})$", str(asked.get("grammar")), re.MULTILINE)
    return {**asked, "response_format": as_format(json.loads(shown[1]))} if shown else asked


def is_streamed(asked: Mapping[str, Any], request: ReceivedRequest) -> bool:
    """Return whether the answer is to be a stream."""
    return bool(asked.get("stream"))


def event_name(data: JSON) -> str | None:
    """Return None: events have no names."""
    return None


def error_body(failure: Status, request: ReceivedRequest) -> JSON:
    """Return `{"error": {"message", "type", "param", "code"}}`."""
    other = "server_error" if failure.status >= 500 else "invalid_request_error"
    kind, code = USUAL_ERRORS.get(failure.status, (other, None))
    told = {
        "message": failure.message,
        "type": failure.type or kind,
        "param": failure.param,
        "code": failure.code or code,
    }
    return {"error": told}


def whole(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> JSON:
    """Return the chat completion object."""
    choices = [
        {
            "index": choice.index,
            "message": _message(choice.message),
            "logprobs": _logprobs(choice, asked),
            "finish_reason": choice.finish_reason,
        }
        for choice in reply.choices
    ]
    usage = _usage(reply, asked)
    return {
        **_envelope("chat.completion", asked, request),
        "choices": choices,
        **({} if usage is None else {"usage": usage}),
    }


def events(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Iterator[JSON]:
    """Yield the chat completion chunk objects; choices take turns, as their tokens do."""
    include_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
    envelope = _envelope("chat.completion.chunk", asked, request)
    nothing_yet = {"usage": None} if include_usage else {}
    for turn in zip_longest(*(_chunk_choices(choice, reply, asked) for choice in reply.choices)):
        for choice in turn:
            if choice is not None:
                yield {**envelope, "choices": [choice], **nothing_yet}
    if include_usage and reply.usage is not None:
        yield {**envelope, "choices": [], "usage": _usage(reply, asked)}
    if reply.delivery.sse.done:
        yield DONE


def _logprobs(choice: Choice, asked: Mapping[str, Any]) -> JSON:
    return choice.logprobs if asked.get("logprobs") else None


def _chunk_choices(choice: Choice, reply: Reply, asked: Mapping[str, Any]) -> Iterator[JSON]:
    for delta in _deltas(choice.message, reply):
        yield {"index": choice.index, "delta": delta, "logprobs": None, "finish_reason": None}
    ending = {"delta": {}, "logprobs": _logprobs(choice, asked), "finish_reason": choice.finish_reason}
    yield {"index": choice.index, **ending}


def _deltas(message: Message, reply: Reply) -> Iterator[JSON]:
    text = text_of(message)
    yield {"role": message.role, "content": None if text is None else "", "refusal": None}
    yield from ({"content": piece} for piece in pieces(text, reply))
    yield from ({"refusal": piece} for piece in pieces(message.refusal, reply))
    for index, call in enumerate(message.tool_calls):
        function = {"name": call.function.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.id, "type": call.type, "function": function}]}
        for piece in pieces(call.function.arguments, reply):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _message(message: Message) -> JSON:
    calls = [
        {
            "id": call.id,
            "type": call.type,
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    told = {"role": message.role, "content": message.content, "refusal": message.refusal}
    return {**told, **({"tool_calls": calls} if calls else {})}


def _envelope(kind: str, asked: Mapping[str, Any], request: ReceivedRequest) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{request.index}",
        "object": kind,
        "created": CREATED,
        "model": asked["model"],
        "system_fingerprint": "fp_test",
    }


def _usage(reply: Reply, asked: Mapping[str, Any]) -> JSON:
    usage = usage_of(reply, asked)
    return usage and {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def problem(asked: JSON) -> Status | None:
    """Return the error for a body that is no request; None if it is one."""
    if not isinstance(asked, dict):
        return Status(400, "The body of a request is a JSON object.")
    for param, is_right, message in _PARAMETERS:
        if not is_right(asked.get(param)):
            return Status(400, message, param=param)
    return None


def _are_messages(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(m, dict) and "role" in m for m in value)


def _are_tools(value: JSON) -> bool:
    return isinstance(value or [], list) and all(map(_is_tool, value or []))


def _is_tool(value: JSON) -> bool:
    match value:
        case {"type": "function", "function": {"name": str()}}:
            return True
        case {"type": str(kind)}:
            return kind != "function"
    return False


_PARAMETERS: tuple[tuple[str, Callable[[JSON], bool], str], ...] = (
    ("model", lambda value: isinstance(value, str), "you must provide a model parameter"),
    ("messages", _are_messages, "'messages' is a list of at least one object with a 'role'"),
    ("n", lambda value: value is None or value in range(1, 129), "'n' is a whole number from 1 to 128"),
    ("tools", _are_tools, "'tools' is a list of objects with a 'type' and, of functions, a 'function'"),
    ("response_format", lambda value: isinstance(value or {}, dict), "'response_format' is an object"),
)
