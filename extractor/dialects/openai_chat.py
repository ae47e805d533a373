"""The OpenAI chat-completions API, and the many servers that speak it.

Source: https://platform.openai.com/docs/api-reference/chat. Pure: no client, no key, no clock.
Readers take what is there: servers leave out or add members, so only the shape of the whole is held to.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
from .asking import one_limit, spelt
from .fields import count, counted, ended, explained, mapping, mappings, moment, position, text, written
from .providers import Provider

THOUGHTS = ("thinking", "reasoning", "reasoning_content", "thought")  # types of content parts


def path(request: Request, *, stream: bool = False) -> str:
    """Return what follows the base URL."""
    return "/chat/completions"


def headers(key: str, request: Request, provider: Provider) -> dict[str, str]:
    """Return the header that carries the key."""
    if not key:
        return {}
    return {provider.key_header: key} if provider.key_header else {"Authorization": f"Bearer {key}"}


def encode(request: Request, provider: Provider, *, stream: bool = False) -> dict[str, JSON]:
    """Return the request body. What never changes between rows of a job comes first."""
    body: dict[str, JSON] = {"model": request.model}
    if request.response_schema is not None:
        body.update(_forced(request.response_schema, request, provider))
    if request.tools:
        body["tools"] = [_tool(schema) for schema in request.tools]
    if request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if stream:
        body["stream"] = True
        if provider.stream_usage == "asked":
            body["stream_options"] = {"include_usage": True}
    params = one_limit(request.params)
    extra = params.pop("extra_body", None) or {}
    for name in ("max_tokens", "max_completion_tokens"):
        if name in params and name != provider.max_tokens and provider.max_tokens not in params:
            params[provider.max_tokens] = params.pop(name)
    body.update((provider.names.get(name, name), value) for name, value in params.items())
    if provider.prompt_cache == "key":
        body = _cache_key(request) | body
    body["messages"] = [encode_message(message) for message in request.messages]
    return {**body, **extra}


def _cache_key(request: Request) -> dict[str, JSON]:
    """A name for what stays the same from row to row: all up to the model's last turn. Nothing can be
    read out of it.
    """
    lasting = [encode_message(message) for message in request.messages]
    while lasting and lasting[-1]["role"] in ("user", "tool"):
        lasting.pop()
    if not lasting:
        return {}
    told = json.dumps([request.model, lasting], sort_keys=True, default=str)
    return {"prompt_cache_key": hashlib.sha256(told.encode()).hexdigest()[:32]}


def _forced(schema: StrictSchema, request: Request, provider: Provider) -> dict[str, JSON]:
    """What makes the reply a record, in each mode."""
    match request.mode:
        case Mode.JSON_SCHEMA if request.grammar is not None and provider.grammar is not None:
            return spelt({"grammar": request.grammar}, {"grammar": provider.grammar}, provider.name)
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
                **({"extra_content": call.extra_content} if call.extra_content else {}),
            }
            for call in message.tool_calls
        ]
    return body


def decode(body: JSON) -> Completion | None:
    """Return the completion in a reply's body; None if the body is no completion."""
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list) or body.get("error"):
        return None
    choices = [_choice(i, c) for i, c in enumerate(mappings(body["choices"]))]
    broken = _error_of_choice(body)
    if broken and not any(choice.message.content or choice.message.tool_calls for choice in choices):
        return None
    return Completion(
        choices=tuple(sorted(choices, key=lambda choice: choice.index)),
        raw=body,
        fault=explain(body)[0] or None if broken else None,
        **_envelope(body),
    )


def _error_of_choice(body: Mapping[str, JSON]) -> JSON:
    """The error that OpenRouter puts into a choice, where the provider failed once it had begun."""
    return next((c["error"] for c in mappings(body.get("choices")) if c.get("error")), None)


def decode_chunk(body: JSON) -> CompletionChunk | None:
    """Return the chunk in a server-sent event's data; None if the data is no chunk. An event without
    choices that explains nothing says nothing: pings, the usage, what a gateway tells of its own.
    """
    if not isinstance(body, dict) or body.get("error") or _error_of_choice(body):
        return None
    if not isinstance(body.get("choices"), list) and (explain(body)[0] or body.get("object") == "error"):
        return None
    return CompletionChunk(
        choices=tuple(_chunk_choice(i, c) for i, c in enumerate(mappings(body.get("choices")))),
        raw=body,
        **_envelope(body),
    )


def explain(body: JSON) -> tuple[str, str | None]:
    """Return the message and the code of an error body: OpenAI's {"error": {"message", "code"}} and
    the looser forms of other servers. Both are "" or None if there is nothing.
    """
    if not isinstance(body, dict):
        return explained(body)
    return explained(body.get("error") or _error_of_choice(body) or body, "code", "type")


def _envelope(body: Mapping[str, JSON]) -> dict[str, Any]:
    return {
        "id": text(body.get("id")) or "",
        "model": text(body.get("model")) or "",
        "created": moment(body.get("created")),
        "system_fingerprint": text(body.get("system_fingerprint")),
        "usage": _usage(body.get("usage")),
    }


def _usage(usage: JSON) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    prompt, completion = (mapping(usage.get(f"{side}_tokens_details")) for side in ("prompt", "completion"))
    return counted(
        count(usage.get("prompt_tokens")),
        count(usage.get("completion_tokens")),
        count(usage.get("total_tokens")),
        cached=count(prompt.get("cached_tokens")),
        reasoning=count(completion.get("reasoning_tokens")),
    )


def _choice(place: int, choice: Mapping[str, JSON]) -> Choice:
    message = mapping(choice.get("message"))
    calls = tuple(map(_tool_call, mappings(message.get("tool_calls"))))
    return Choice(
        message=Message(
            role="assistant",
            content=_content(message.get("content")),
            refusal=text(message.get("refusal")),
            tool_calls=calls,
            reasoning_content=_reasoning(message),
        ),
        finish_reason="error"
        if choice.get("error")
        else ended(text(choice.get("finish_reason")), bool(calls)),
        index=position(choice.get("index"), place),
        logprobs=choice.get("logprobs"),
    )


def _chunk_choice(place: int, choice: Mapping[str, JSON]) -> ChunkChoice:
    delta = mapping(choice.get("delta"))
    return ChunkChoice(
        delta=Delta(
            role=cast(Any, text(delta.get("role"))),
            content=_content(delta.get("content")),
            refusal=text(delta.get("refusal")),
            tool_calls=tuple(_tool_delta(i, c) for i, c in enumerate(mappings(delta.get("tool_calls")))),
            reasoning_content=_reasoning(delta),
        ),
        finish_reason=text(choice.get("finish_reason")),
        index=position(choice.get("index"), place),
        logprobs=choice.get("logprobs"),
        message=_choice(place, choice).message if choice.get("message") else None,
    )


def _reasoning(message: Mapping[str, JSON]) -> str | None:
    """Thoughts in words, by the names that servers give them."""
    return text(message.get("reasoning_content")) or text(message.get("reasoning"))


def _tool_call(call: Mapping[str, JSON]) -> ToolCall:
    function = mapping(call.get("function"))
    return ToolCall(
        text(call.get("id")) or "",
        FunctionCall(text(function.get("name")) or "", written(function.get("arguments")) or ""),
        extra_content=mapping(call.get("extra_content")) or None,
    )


def _tool_delta(place: int, call: Mapping[str, JSON]) -> ToolCallDelta:
    function = mapping(call.get("function"))
    return ToolCallDelta(
        index=position(call.get("index"), place),
        id=text(call.get("id")),
        name=text(function.get("name")),
        arguments=written(function.get("arguments")) or "",
        extra_content=mapping(call.get("extra_content")) or None,
    )


def _content(content: JSON) -> str | None:
    """Text, also out of the content parts that some servers answer with."""
    if isinstance(content, list):
        said = [part for part in mappings(content) if part.get("type") not in THOUGHTS]
        return "".join(text(part.get("text")) or "" for part in said)
    return written(content)
