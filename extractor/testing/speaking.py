"""From a script's answer to a response of any API. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from extractor.messages import JSON, Choice, FunctionCall, Message, ToolCall, Usage

from .received import ReceivedRequest
from .replies import Event, Raw, Reply, Response, Scripted, Shaped, Status
from .script import Handler, Play
from .values import value_of

CREATED = 1_767_225_600  # 2026-01-01: the same in every reply, so that runs can be compared
DONE = "[DONE]"


class Api(Protocol):
    """What differs from API to API. A module with these names is one."""

    PATHS: tuple[str, ...]  # where it is posted to; `{...}` stands for any text
    REQUEST_ID: str  # the header with the service's name for a request

    def problem(self, asked: JSON) -> Status | None:
        """Return the error for a body that is no request; None if it is one."""
        ...

    def as_chat(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return as chat completions have them: messages, response_format, tools, tool_choice, n."""
        ...

    def is_streamed(self, asked: Mapping[str, Any], request: ReceivedRequest) -> bool:
        """Return whether the answer is to be a stream."""
        ...

    def whole(self, reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> JSON:
        """Return the body of a reply that is not streamed."""
        ...

    def events(self, reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Iterator[JSON]:
        """Yield the data of a stream's events, in order; a text goes out as it is."""
        ...

    def event_name(self, data: JSON) -> str | None:
        """Return the name of an event, where this API's events have names."""
        ...

    def error_body(self, failure: Status, request: ReceivedRequest) -> JSON:
        """Return the body of an error."""
        ...


def speaking(api: Api) -> Handler:
    """Return the handler that answers in this API's words."""

    def answer(request: ReceivedRequest, play: Play) -> Response | Raw:
        try:
            asked = request.json
        except (ValueError, RecursionError):
            return error(api, Status(400, "We could not parse the JSON body of your request."), request)
        if problem := api.problem(asked):
            return error(api, problem, request)
        return _spelt(api, play(request), asked, request)

    return answer


def error(api: Api, failure: Status, request: ReceivedRequest) -> Response:
    """Return an error response."""
    return response(api, api.error_body(failure, request), failure, request)


def response(api: Api, content: JSON, scripted: Reply | Status, request: ReceivedRequest) -> Response:
    """Return a response with this JSON."""
    status = scripted.status if isinstance(scripted, Status) else 200
    headers = _headers(api, scripted, request, "application/json")
    return Response(status, dumps(content).encode(), headers, scripted.delivery)


def _spelt(
    api: Api, scripted: Scripted, asked: Mapping[str, Any], request: ReceivedRequest
) -> Response | Raw:
    if isinstance(scripted, Response | Raw):
        return scripted
    if isinstance(scripted, Status):
        return error(api, scripted, request)
    if isinstance(scripted, Shaped):
        try:
            scripted = shaped_reply(scripted, api.as_chat(asked))
        except ValueError as reason:
            refused = Status(400, f"Invalid schema: {reason}", code="invalid_json_schema")
            return error(api, refused, request)
    if api.is_streamed(asked, request):
        return _stream(api, scripted, asked, request)
    return response(api, api.whole(scripted, asked, request), scripted, request)


def _stream(api: Api, reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Response:
    indent = 1 if reply.delivery.sse.multiline else None
    told = tuple(
        Event(data if isinstance(data, str) else dumps(data, indent), api.event_name(data))
        for data in api.events(reply, asked, request)
    )
    return Response(
        200, told, _headers(api, reply, request, "text/event-stream; charset=utf-8"), reply.delivery
    )


def _headers(
    api: Api, scripted: Reply | Status, request: ReceivedRequest, content_type: str
) -> tuple[tuple[str, str], ...]:
    usual = {"content-type": content_type, api.REQUEST_ID: f"req_{request.index}"}
    return tuple((usual | {name.lower(): value for name, value in scripted.headers}).items())


def shaped_reply(shape: Shaped, chat: Mapping[str, Any]) -> Reply:
    """Return a reply whose values are made for the schema in the request; text if there is none.

    Raises ValueError if no value can be made.
    """
    choices = tuple(_shaped_choice(shape, chat, index) for index in range(chat.get("n") or 1))
    return Reply(choices, shape.usage, shape.headers, shape.delivery)


def _shaped_choice(shape: Shaped, chat: Mapping[str, Any], index: int) -> Choice:
    seed = f"{shape.seed}/{index}/{dumps(chat['messages'])}"
    if tool := _wanted_tool(chat):
        arguments = dumps(value_of(tool.get("parameters", {"type": "object"}), seed))[: shape.keep]
        call = ToolCall(f"call_{index}", FunctionCall(tool["name"], arguments))
        message, reason = Message("assistant", tool_calls=(call,)), "tool_calls"
    else:
        value = value_of(_reply_schema(chat), seed)
        text = value if isinstance(value, str) else dumps(value)
        message, reason = Message("assistant", text[: shape.keep]), "stop"
    return Choice(message, reason if shape.keep is None else "length", index)


def _reply_schema(chat: Mapping[str, Any]) -> Mapping[str, Any]:
    match chat.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return dict(schema)
        case {"type": "json_object"}:
            return {"type": "object", "additionalProperties": {"type": "string"}}
    return {"type": "string"}


def _wanted_tool(chat: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the function that the model calls: the one it must, else the first, else none."""
    tools = [tool["function"] for tool in chat.get("tools") or () if tool.get("type") == "function"]
    match chat.get("tool_choice"):
        case {"function": {"name": name}}:
            return next((tool for tool in tools if tool["name"] == name), None)
        case "none":
            return None
        case "required":
            return tools[0] if tools else None
    return tools[0] if tools and "response_format" not in chat else None


def usage_of(reply: Reply, chat: Mapping[str, Any]) -> Usage | None:
    """Return the tokens that a reply reports; None if it reports none."""
    if reply.usage != "counted":
        return reply.usage
    said = sum(len(dumps(_said(choice.message))) for choice in reply.choices)
    return Usage(len(dumps(chat["messages"])) // 4, said // 4)


def _said(message: Message) -> JSON:
    calls = [[call.id, call.function.name, call.function.arguments] for call in message.tool_calls]
    return [message.content, message.refusal, calls]


def text_of(message: Message) -> str | None:
    """Return what a message says."""
    return message.content if isinstance(message.content, str) else None


def as_function(name: str, schema: JSON) -> JSON:
    """Return a tool in the form of chat completions."""
    return {"type": "function", "function": {"name": name, "parameters": schema or {"type": "object"}}}


def as_format(schema: JSON) -> JSON:
    """Return a schema for the reply in the form of chat completions."""
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments as an object; an empty one where they are none."""
    try:
        value = json.loads(call.function.arguments)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def pieces(text: str | None, reply: Reply) -> Iterable[str]:
    """Return a text in the pieces in which the reply is streamed."""
    size = reply.delivery.sse.piece
    return [text[start : start + size] for start in range(0, len(text), size)] if text else ()


def dumps(content: JSON, indent: int | None = None) -> str:
    """Return JSON as it is sent."""
    return json.dumps(content, ensure_ascii=False, indent=indent)
