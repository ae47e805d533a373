"""The OpenAI chat-completions API as a server speaks it: a request in, a response out. Pure.

Source: https://platform.openai.com/docs/api-reference/chat and /chat-streaming.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from extractor.messages import JSON, Choice, FunctionCall, Message, ToolCall, Usage

from .received import ReceivedRequest
from .replies import Event, Raw, Reply, Response, Scripted, Shaped, Status
from .script import Handler, Play
from .values import value_of

CREATED = 1_767_225_600  # 2026-01-01: the same in every reply, so that runs can be compared
USUAL_ERRORS: Mapping[int, tuple[str, str | None]] = {  # status: type, code
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def chat_completions(request: ReceivedRequest, play: Play) -> Response | Raw:
    """Answer `POST /v1/chat/completions` with what the script says."""
    try:
        asked = request.json
    except (ValueError, RecursionError):
        return error(Status(400, "We could not parse the JSON body of your request."), request)
    if problem := _problem(asked):
        return error(problem, request)
    return spell(play(request), asked, request)


def models(request: ReceivedRequest, play: Play) -> Response | Raw:
    """Answer `GET /v1/models` with a list of one model."""
    model = {"id": "test-model", "object": "model", "created": CREATED, "owned_by": "extractor"}
    return _response({"object": "list", "data": [model]}, Reply(()), request)


ROUTES: Mapping[tuple[str, str], Handler] = {
    ("POST", "/v1/chat/completions"): chat_completions,
    ("GET", "/v1/models"): models,
}


def spell(scripted: Scripted, asked: Mapping[str, Any], request: ReceivedRequest) -> Response | Raw:
    """Return `scripted` in this API's words, as the answer to the body `asked`."""
    if isinstance(scripted, Response | Raw):
        return scripted
    if isinstance(scripted, Status):
        return error(scripted, request)
    if isinstance(scripted, Shaped):
        try:
            scripted = shaped_reply(scripted, asked)
        except ValueError as reason:
            refused = Status(400, f"Invalid schema: {reason}", code="invalid_json_schema")
            return error(refused, request)
    if asked.get("stream"):
        return _stream(scripted, asked, request)
    return _response(completion(scripted, asked, request), scripted, request)


def shaped_reply(shape: Shaped, asked: Mapping[str, Any]) -> Reply:
    """Return a reply whose values are made for the schema in the request; text where there is none.

    Raises ValueError where no value can be made.
    """
    choices = tuple(_shaped_choice(shape, asked, index) for index in range(asked.get("n") or 1))
    return Reply(choices, shape.usage, shape.headers, shape.delivery)


def _shaped_choice(shape: Shaped, asked: Mapping[str, Any], index: int) -> Choice:
    seed = f"{shape.seed}/{index}/{_dumps(asked['messages'])}"
    if tool := _wanted_tool(asked):
        arguments = _dumps(value_of(tool.get("parameters", {"type": "object"}), seed))[: shape.keep]
        call = ToolCall(f"call_{index}", FunctionCall(tool["name"], arguments))
        message, reason = Message("assistant", tool_calls=(call,)), "tool_calls"
    else:
        value = value_of(_reply_schema(asked), seed)
        text = value if isinstance(value, str) else _dumps(value)
        message, reason = Message("assistant", text[: shape.keep]), "stop"
    return Choice(message, reason if shape.keep is None else "length", index)


def _reply_schema(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    match asked.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return dict(schema)
        case {"type": "json_object"}:
            return {"type": "object", "additionalProperties": {"type": "string"}}
    return {"type": "string"}


def _wanted_tool(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the function that the model calls: the one it must, else the first, else none."""
    tools = [tool["function"] for tool in asked.get("tools") or () if tool.get("type") == "function"]
    match asked.get("tool_choice"):
        case {"function": {"name": name}}:
            return next((tool for tool in tools if tool["name"] == name), None)
        case "none":
            return None
        case "required":
            return tools[0] if tools else None
    return tools[0] if tools and "response_format" not in asked else None


def error(failure: Status, request: ReceivedRequest) -> Response:
    """Return an error response: `{"error": {"message", "type", "param", "code"}}`."""
    other = "server_error" if failure.status >= 500 else "invalid_request_error"
    kind, code = USUAL_ERRORS.get(failure.status, (other, None))
    told = {
        "message": failure.message,
        "type": failure.type or kind,
        "param": failure.param,
        "code": failure.code or code,
    }
    return _response({"error": told}, failure, request)


def no_route(request: ReceivedRequest, routes: Iterable[tuple[str, str]]) -> Response:
    """Return the error for a path, or a method on it, that is not among the routes."""
    if request.path in {path for _, path in routes}:
        message = f"Not allowed to {request.method} on {request.path}."
        return error(Status(405, message, code="method_not_supported"), request)
    message = f"Unknown request URL: {request.method} {request.path}."
    return error(Status(404, message, code="unknown_url"), request)


def completion(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> JSON:
    """Return the chat completion object."""
    choices = [
        {
            "index": choice.index,
            "message": _message(choice.message),
            "logprobs": choice.logprobs,
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


def chunks(
    reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest, include_usage: bool
) -> Iterator[JSON]:
    """Yield the chat completion chunk objects; choices take turns, as their tokens do."""
    envelope = _envelope("chat.completion.chunk", asked, request)
    nothing_yet = {"usage": None} if include_usage else {}
    size = reply.delivery.sse.piece
    for turn in zip_longest(*(_chunk_choices(choice, size) for choice in reply.choices)):
        for choice in turn:
            if choice is not None:
                yield {**envelope, "choices": [choice], **nothing_yet}
    if include_usage and reply.usage is not None:
        yield {**envelope, "choices": [], "usage": _usage(reply, asked)}


def _chunk_choices(choice: Choice, size: int) -> Iterator[JSON]:
    for delta in _deltas(choice.message, size):
        yield {"index": choice.index, "delta": delta, "logprobs": None, "finish_reason": None}
    ending = {"delta": {}, "logprobs": choice.logprobs, "finish_reason": choice.finish_reason}
    yield {"index": choice.index, **ending}


def _deltas(message: Message, size: int) -> Iterator[JSON]:
    text = message.content if isinstance(message.content, str) else None
    yield {"role": message.role, "content": None if text is None else "", "refusal": None}
    yield from ({"content": piece} for piece in _pieces(text or "", size))
    yield from ({"refusal": piece} for piece in _pieces(message.refusal or "", size))
    for index, call in enumerate(message.tool_calls):
        function = {"name": call.function.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.id, "type": call.type, "function": function}]}
        for piece in _pieces(call.function.arguments, size):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


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
    usage = _counted(reply, asked) if reply.usage == "counted" else reply.usage
    return usage and {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _counted(reply: Reply, asked: Mapping[str, Any]) -> Usage:
    said = sum(len(_dumps(_message(choice.message))) for choice in reply.choices)
    return Usage(len(_dumps(asked["messages"])) // 4, said // 4)


def _problem(asked: JSON) -> Status | None:
    """Return the error for a body that is no request; None where it is one."""
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


def _stream(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Response:
    include_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
    sse = reply.delivery.sse
    data = [_dumps(c, 1 if sse.multiline else None) for c in chunks(reply, asked, request, include_usage)]
    data += ["[DONE]"] if sse.done else []
    headers = _headers(reply, request, "text/event-stream; charset=utf-8")
    return Response(200, tuple(map(Event, data)), headers, reply.delivery)


def _response(content: JSON, scripted: Reply | Status, request: ReceivedRequest) -> Response:
    status = scripted.status if isinstance(scripted, Status) else 200
    headers = _headers(scripted, request, "application/json")
    return Response(status, _dumps(content).encode(), headers, scripted.delivery)


def _headers(
    scripted: Reply | Status, request: ReceivedRequest, content_type: str
) -> tuple[tuple[str, str], ...]:
    usual = {"content-type": content_type, "x-request-id": f"req_{request.index}"}
    return tuple((usual | {name.lower(): value for name, value in scripted.headers}).items())


def _dumps(content: JSON, indent: int | None = None) -> str:
    return json.dumps(content, ensure_ascii=False, indent=indent)
