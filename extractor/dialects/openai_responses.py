"""The OpenAI Responses API.

Source: https://platform.openai.com/docs/api-reference/responses and /responses-streaming; the
types of the package `openai` 3.54. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
from .asking import SYSTEM, Name, one_limit, parts_of, spelt, text_of, tool_name, with_format
from .fields import count, counted, explained, mapping, mappings, merged, moment, position, text, written
from .openai_chat import headers as headers
from .providers import Provider

API = "OpenAI Responses"
LOGPROBS = "message.output_text.logprobs"

PARAMETERS: Mapping[str, Name] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": ("include", lambda wanted: [LOGPROBS] if wanted else []),
    **{
        name: name
        for name in (
            "metadata",
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_retention",
            "safety_identifier",
            "service_tier",
            "store",
            "temperature",
            "top_logprobs",
            "top_p",
            "user",
        )
    },
}
FINISH_REASONS: Mapping[str, str] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def path(request: Request, *, stream: bool = False) -> str:
    """Return what follows the base URL."""
    return "/responses"


def encode(request: Request, provider: Provider, *, stream: bool = False) -> dict[str, JSON]:
    """Return the request body. What never changes between rows of a job comes first.

    By default, the service would keep each reply, with the source text, for 30 days. We ask it not to, unless
    the caller says otherwise, since nothing here reads a kept reply.
    """
    request = with_format(request)
    body: dict[str, JSON] = {"model": request.model, "store": False}
    body = merged(body | spelt(one_limit(request.params), PARAMETERS, API), _forced(request))
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.tools and request.tool_choice is not None:
        body["tool_choice"] = _tool_choice(request.tool_choice)
    if stream:
        body["stream"] = True
    instructions, messages = _instructions(request.messages)
    if instructions:
        body["instructions"] = instructions
    body["input"] = [item for message in messages for item in _items(message)]
    return merged(body, request.params.get("extra_body") or {})


def _forced(request: Request) -> dict[str, JSON]:
    """What makes the reply a record, in each mode."""
    schema = request.response_schema
    if schema is None or request.mode is Mode.PROMPT:
        return {}
    match request.mode:
        case Mode.JSON_SCHEMA:
            return {"text": {"format": {"type": "json_schema", **_strict(schema, "schema")}}}
        case Mode.TOOL:
            return {"tools": [_tool(schema)], "tool_choice": _tool_choice(schema.name)}
    return {"text": {"format": {"type": "json_object"}}}


def _strict(schema: StrictSchema, member: str) -> dict[str, JSON]:
    described = {"description": schema.description} if schema.description else {}
    return {"name": schema.name, "strict": True, **described, member: schema.schema}


def _tool(schema: StrictSchema) -> JSON:
    return {"type": "function", **_strict(schema, "parameters")}


def _tool_choice(choice: str | Mapping[str, Any]) -> JSON:
    name = tool_name(choice)
    return choice if name is None else {"type": "function", "name": name}


def _instructions(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """The text of the system messages at the beginning, and the messages after them."""
    first = next((i for i, message in enumerate(messages) if message.role not in SYSTEM), len(messages))
    return "\n\n".join(map(text_of, messages[:first])), messages[first:]


def _items(message: Message) -> list[JSON]:
    if message.role == "tool":
        output = _content(message)
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": output}]
    said = [{"role": message.role, "content": _content(message)}] if parts_of(message) else []
    return said + [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.function.name,
            "arguments": call.function.arguments,
        }
        for call in message.tool_calls
    ]


def _content(message: Message) -> JSON:
    if isinstance(message.content, str):
        return message.content
    return [_part(part, message.role) for part in parts_of(message)]


def _part(part: Mapping[str, Any], role: str) -> dict[str, JSON]:
    """One content part; those of no chat-completions type are taken for the API's own."""
    match part:
        case {"type": "text", "text": words}:
            return {"type": "output_text" if role == "assistant" else "input_text", "text": words}
        case {"type": "image_url", "image_url": {"url": url, **more}}:
            return {"type": "input_image", "image_url": url, "detail": more.get("detail", "auto")}
        case {"type": "file", "file": file}:
            return {"type": "input_file", **file}
    return dict(part)


def decode(body: JSON) -> Completion | None:
    """Return the completion in a reply's body; None if the body is no completion, or one that failed."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), list):
        return None
    if body.get("status") == "failed":
        return None
    items = mappings(body["output"])
    reason = _finish_reason(body)
    return Completion(
        id=text(body.get("id")) or "",
        model=text(body.get("model")) or "",
        choices=(_choice(items, reason),) if items or reason != "stop" else (),
        usage=_usage(body.get("usage")),
        created=moment(body.get("created_at")),
        raw=body,
    )


def _choice(items: Sequence[Mapping[str, JSON]], reason: str | None) -> Choice:
    parts = [
        part for item in items if item.get("type") == "message" for part in mappings(item.get("content"))
    ]
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    refusals = [part["refusal"] for part in parts if isinstance(part.get("refusal"), str)]
    message = Message(
        "assistant",
        "".join(texts) if texts else None,
        refusal="".join(refusals) if refusals else None,
        tool_calls=tuple(_tool_call(item) for item in items if item.get("type") == "function_call"),
    )
    tokens = [token for part in parts for token in mappings(part.get("logprobs"))]
    return Choice(message, reason, logprobs={"content": tokens} if tokens else None)


def _tool_call(item: Mapping[str, JSON]) -> ToolCall:
    function = FunctionCall(text(item.get("name")) or "", written(item.get("arguments")) or "")
    return ToolCall(text(item.get("call_id")) or "", function)


def decode_chunk(body: JSON) -> CompletionChunk | None:
    """Return the chunk in an event's data; None if the data is an error or no event."""
    if not isinstance(body, dict) or body.get("type") in ("error", "response.failed"):
        return None
    if not isinstance(body.get("type"), str) and explain(body)[0]:
        return None
    response = mapping(body.get("response"))
    choice = _chunk_choice(body, response)
    return CompletionChunk(
        id=text(response.get("id")) or "",
        model=text(response.get("model")) or "",
        choices=() if choice is None else (choice,),
        usage=_usage(response.get("usage")),
        created=moment(response.get("created_at")),
        raw=body,
    )


def _chunk_choice(body: Mapping[str, JSON], response: Mapping[str, JSON]) -> ChunkChoice | None:
    index = position(body.get("output_index"), 0)
    match body:
        case {"type": "response.created"}:
            return ChunkChoice(Delta(role="assistant"))
        case {"type": "response.output_text.delta", "delta": str(words)}:
            tokens = mappings(body.get("logprobs"))
            return ChunkChoice(Delta(content=words), logprobs={"content": tokens} if tokens else None)
        case {"type": "response.refusal.delta", "delta": str(words)}:
            return ChunkChoice(Delta(refusal=words))
        case {"type": "response.output_item.added", "item": {"type": "function_call"} as item}:
            call = ToolCallDelta(index, text(item.get("call_id")), text(item.get("name")))
            return ChunkChoice(Delta(tool_calls=(call,)))
        case {"type": "response.function_call_arguments.delta", "delta": str(more)}:
            return ChunkChoice(Delta(tool_calls=(ToolCallDelta(index, arguments=more),)))
        case {"type": "response.completed" | "response.incomplete"}:
            whole = _choice(mappings(response.get("output")), None).message
            return ChunkChoice(Delta(), _finish_reason(response), message=whole)
    return None  # the ends of parts and items, reasoning, and what is yet to come


def explain(body: JSON) -> tuple[str, str | None]:
    """Return the message and the code of an error: of a body, of an event, or of a failed response."""
    if not isinstance(body, dict):
        return explained(body)
    error = mapping(body.get("response")).get("error") or body.get("error") or body
    return explained(error, "code", "type")


def _finish_reason(response: Mapping[str, JSON]) -> str | None:
    status = text(response.get("status"))
    if status != "completed":
        reason = text(mapping(response.get("incomplete_details")).get("reason"))
        return status if reason is None else FINISH_REASONS.get(reason, reason)
    calls = any(item.get("type") == "function_call" for item in mappings(response.get("output")))
    return "tool_calls" if calls else "stop"


def _usage(usage: JSON) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return counted(
        count(usage.get("input_tokens")),
        count(usage.get("output_tokens")),
        count(usage.get("total_tokens")),
        cached=count(mapping(usage.get("input_tokens_details")).get("cached_tokens")),
        reasoning=count(mapping(usage.get("output_tokens_details")).get("reasoning_tokens")),
    )
