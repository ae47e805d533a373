"""The OpenAI chat-completions API, and the many servers that speak it.

Source: https://platform.openai.com/docs/api-reference/chat. Pure: no client, no key, no clock.
Readers take what is there: servers leave out or add members, so only the shape of the whole is held to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..messages import (
    JSON,
    Choice,
    ChunkChoice,
    Completion,
    CompletionChunk,
    Delta,
    FunctionCall,
    Message,
    Mode,
    Request,
    StrictSchema,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from .providers import Provider


def path(request: Request, *, stream: bool = False) -> str:
    """Return what follows the base URL."""
    return "/chat/completions"


def headers(key: str) -> dict[str, str]:
    """Return the header that carries the key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def encode(request: Request, provider: Provider, *, stream: bool = False) -> dict[str, JSON]:
    """Return the request body. What never changes between rows of a job comes first."""
    body: dict[str, JSON] = {"model": request.model}
    if request.response_schema is not None:
        body.update(_forced(request.response_schema, request.mode))
    if request.tools:
        body["tools"] = [_tool(schema) for schema in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if stream:
        body["stream"] = True
        if provider.stream_usage:
            body["stream_options"] = {"include_usage": True}
    params = dict(request.params)
    extra = params.pop("extra_body", None) or {}
    for name in ("max_tokens", "max_completion_tokens"):
        if name in params and name != provider.max_tokens and provider.max_tokens not in params:
            params[provider.max_tokens] = params.pop(name)
    body.update(params)
    body["messages"] = [encode_message(message) for message in request.messages]
    return {**body, **extra}


def _forced(schema: StrictSchema, mode: Mode) -> dict[str, JSON]:
    """What makes the reply a record, in each mode."""
    match mode:
        case Mode.JSON_SCHEMA:
            strict = {"name": schema.name, "strict": True, "schema": schema.schema}
            if schema.description:
                strict["description"] = schema.description
            return {"response_format": {"type": "json_schema", "json_schema": strict}}
        case Mode.TOOL:
            return {"tools": [_tool(schema)], "tool_choice": _tool_choice(schema.name)}
        case Mode.JSON_OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Mode.PROMPT:
            return {}


def _tool(schema: StrictSchema) -> JSON:
    function = {"name": schema.name, "strict": True, "parameters": schema.schema}
    if schema.description:
        function["description"] = schema.description
    return {"type": "function", "function": function}


def _tool_choice(choice: str | Mapping[str, Any]) -> JSON:
    if isinstance(choice, Mapping) or choice in ("auto", "none", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def encode_message(message: Message) -> dict[str, JSON]:
    """Return a message as the API takes it; members without a value are left out."""
    content = message.content
    body: dict[str, JSON] = {
        "role": message.role,
        "content": content if content is None or isinstance(content, str) else list(content),
    }
    for name in ("name", "tool_call_id", "refusal"):
        if getattr(message, name) is not None:
            body[name] = getattr(message, name)
    if message.tool_calls:
        body["tool_calls"] = [
            {
                "id": call.id,
                "type": call.type,
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.tool_calls
        ]
    return body


def decode(body: JSON) -> Completion | None:
    """Return the completion in a reply's body; None if the body is no completion."""
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        return None
    return Completion(
        choices=tuple(_choice(i, c) for i, c in enumerate(_mappings(body["choices"]))),
        raw=body,
        **_envelope(body),
    )


def decode_chunk(body: JSON) -> CompletionChunk | None:
    """Return the chunk in a server-sent event's data; None if the data is no chunk."""
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        return None
    return CompletionChunk(
        choices=tuple(_chunk_choice(i, c) for i, c in enumerate(_mappings(body["choices"]))),
        raw=body,
        **_envelope(body),
    )


def explain(body: JSON) -> tuple[str, str | None]:
    """Return the message and the code of an error body: OpenAI's {"error": {"message", "code"}} and
    the looser forms of other servers. Both are "" or None where there is nothing.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return (error if isinstance(error, str) else ""), None
    message = error.get("message") or error.get("detail") or ""
    code = error.get("code") or error.get("type")
    return (message if isinstance(message, str) else str(message)), (None if code is None else str(code))


def _envelope(body: Mapping[str, JSON]) -> dict[str, Any]:
    created = body.get("created")
    return {
        "id": _text(body.get("id")) or "",
        "model": _text(body.get("model")) or "",
        "created": int(created) if isinstance(created, int | float) and abs(created) < 2**53 else 0,
        "system_fingerprint": _text(body.get("system_fingerprint")),
        "usage": _usage(body.get("usage")),
    }


def _usage(usage: JSON) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt, completion = (_mapping(usage.get(f"{side}_tokens_details")) for side in ("prompt", "completion"))
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(prompt.get("cached_tokens")),
        reasoning_tokens=_count(completion.get("reasoning_tokens")),
    )


def _choice(position: int, choice: Mapping[str, JSON]) -> Choice:
    message = _mapping(choice.get("message"))
    return Choice(
        message=Message(
            role="assistant",
            content=_content(message.get("content")),
            refusal=_text(message.get("refusal")),
            tool_calls=tuple(map(_tool_call, _mappings(message.get("tool_calls")))),
        ),
        finish_reason=_text(choice.get("finish_reason")),
        index=_index(choice, position),
        logprobs=choice.get("logprobs"),
    )


def _chunk_choice(position: int, choice: Mapping[str, JSON]) -> ChunkChoice:
    delta = _mapping(choice.get("delta"))
    return ChunkChoice(
        delta=Delta(
            role=cast(Any, _text(delta.get("role"))),
            content=_content(delta.get("content")),
            refusal=_text(delta.get("refusal")),
            tool_calls=tuple(_tool_delta(i, c) for i, c in enumerate(_mappings(delta.get("tool_calls")))),
        ),
        finish_reason=_text(choice.get("finish_reason")),
        index=_index(choice, position),
        logprobs=choice.get("logprobs"),
    )


def _tool_call(call: Mapping[str, JSON]) -> ToolCall:
    function = _mapping(call.get("function"))
    return ToolCall(
        _text(call.get("id")) or "",
        FunctionCall(_text(function.get("name")) or "", _text(function.get("arguments")) or ""),
    )


def _tool_delta(position: int, call: Mapping[str, JSON]) -> ToolCallDelta:
    function = _mapping(call.get("function"))
    return ToolCallDelta(
        index=_index(call, position),
        id=_text(call.get("id")),
        name=_text(function.get("name")),
        arguments=_text(function.get("arguments")) or "",
    )


def _content(content: JSON) -> str | None:
    """Text, also out of the content parts that some servers answer with."""
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "".join(_text(part.get("text")) or "" for part in _mappings(content))
    return _text(content)


def _mappings(values: JSON) -> list[Mapping[str, JSON]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _mapping(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}


def _index(value: Mapping[str, JSON], position: int) -> int:
    index = value.get("index")
    return index if isinstance(index, int) else position


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: JSON) -> int:
    return value if isinstance(value, int) and value > 0 else 0
