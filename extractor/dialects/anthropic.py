"""The Anthropic Messages API.

Source: https://platform.claude.com/docs/en/api/messages and /docs/en/build-with-claude/streaming,
/structured-outputs, /prompt-caching; the types of the package `anthropic` 2.12. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
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
from .asking import (
    SYSTEM,
    Name,
    arguments_of,
    as_list,
    inline,
    one_limit,
    parts_of,
    spelt,
    tool_name,
    with_format,
)
from .fields import count, explained, mapping, mappings, merged, position, text, written
from .providers import Provider

API = "Anthropic Messages"
VERSION = "2026-10-21"
SAMPLING_VERSION = "2023-06-01"  # the last one with temperature and top_p, which older models still take
MAX_STRICT_TOOLS = 20
THOUGHTS = ("thinking", "redacted_thinking")
THOUGHT = ("type", "thinking", "signature", "data")
MARK = {"cache_control": {"type": "ephemeral"}}

PARAMETERS: Mapping[str, Name] = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "stop": ("stop_sequences", as_list),
    "temperature": "temperature",
    "top_p": "top_p",
    "reasoning_effort": "output_config.effort",
    "service_tier": "service_tier",
    "user": "metadata.user_id",
    "safety_identifier": "metadata.user_id",
}
FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}


def path(request: Request, *, stream: bool = False) -> str:
    """Return what follows the base URL."""
    return "/messages"


def headers(key: str, request: Request, provider: Provider) -> dict[str, str]:
    """Return the headers with the key and the version of the API that has the request's parameters."""
    samples = any(request.params.get(name) is not None for name in ("temperature", "top_p"))
    version = {"anthropic-version": SAMPLING_VERSION if samples else VERSION}
    return {**version, provider.key_header or "x-api-key": key} if key else version


def encode(request: Request, provider: Provider, *, stream: bool = False) -> dict[str, JSON]:
    """Return the request body. What never changes between rows of a job comes first."""
    request = with_format(request)
    params = dict(request.params)
    parallel = params.pop("parallel_tool_calls", None) is not False
    body: dict[str, JSON] = {"model": request.model}
    body |= merged(spelt(one_limit(params), PARAMETERS, API), _forced(request))
    if request.tools:
        body["tools"] = [*map(_tool, request.tools[:MAX_STRICT_TOOLS])]
        body["tools"] += [_tool(tool, strict=False) for tool in request.tools[MAX_STRICT_TOOLS:]]
    if request.tools and (request.tool_choice is not None or not parallel):
        body["tool_choice"] = _tool_choice(request.tool_choice or "auto", parallel)
    if stream:
        body["stream"] = True
    system = [block for m in request.messages if m.role in SYSTEM for block in _blocks(m)]
    messages = _messages(request.messages)
    if provider.prompt_cache == "marks":
        _mark(system, messages)
    if system:
        body["system"] = _short(system)
    body["messages"] = [{**message, "content": _short(message["content"])} for message in messages]
    return merged(body, request.params.get("extra_body") or {})


def _forced(request: Request) -> dict[str, JSON]:
    """What makes the reply a record. The API has no mode for JSON without a schema. The tool is not
    strict: it is for models and schemas that strict decoding does not take, in a tool either.
    """
    schema = request.response_schema
    match request.mode:
        case Mode.JSON_SCHEMA if schema is not None:
            return {"output_config": {"format": {"type": "json_schema", "schema": schema.schema}}}
        case Mode.TOOL if schema is not None:
            tools = [_tool(schema, strict=False)]
            return {"tools": tools, "tool_choice": _tool_choice(schema.name, parallel=False)}
    return {}


def _tool(schema: StrictSchema, strict: bool = True) -> dict[str, JSON]:
    described = {"description": schema.description} if schema.description else {}
    return {
        "name": schema.name,
        **described,
        "input_schema": schema.schema,
        **({"strict": True} if strict else {}),
    }


def _tool_choice(choice: str | Mapping[str, Any], parallel: bool) -> dict[str, JSON]:
    name = tool_name(choice)
    if name is not None:
        told: dict[str, JSON] = {"type": "tool", "name": name}
    elif isinstance(choice, str):
        told = {"type": "any" if choice == "required" else choice}
    else:
        told = dict(choice)  # the API's own form
    return told if parallel or choice == "none" else {**told, "disable_parallel_tool_use": True}


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The turns; results of tools that were called together belong into one."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        blocks = [] if message.role in SYSTEM else _blocks(message)
        if message.role == "tool" and turns and turns[-1]["content"][0]["type"] == "tool_result":
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": "assistant" if message.role == "assistant" else "user", "content": blocks})
    return turns


def _blocks(message: Message) -> list[dict[str, JSON]]:
    blocks = [_block(part) for part in parts_of(message)]
    if message.role == "tool":
        content = {"content": _short(blocks)} if blocks else {}
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, **content}]
    blocks += [
        {
            "type": "tool_use",
            "id": call.id,
            "name": call.function.name,
            "input": arguments_of(call, API),
        }
        for call in message.tool_calls
    ]
    return _thoughts(message) + blocks if blocks else []


def _thoughts(message: Message) -> list[dict[str, JSON]]:
    """The signed thoughts of a turn, which calls of tools want to see before them as they came."""
    told = mapping(mapping(message.extra_content).get("anthropic")).get("thinking")
    return [{k: v for k, v in block.items() if k != "index"} for block in mappings(told)]


def _thinking(*blocks: tuple[int, Mapping[str, JSON]]) -> dict[str, JSON] | None:
    """What is kept of thoughts, or of pieces of them, each with its place among the blocks."""
    told = [
        {"index": index, **{k: v for k, v in block.items() if k in THOUGHT and isinstance(v, str)}}
        for index, block in blocks
    ]
    return {"anthropic": {"thinking": told}} if told else None


def _block(part: Mapping[str, Any]) -> dict[str, JSON]:
    """One content part; those of no chat-completions type are taken for the API's own."""
    match part:
        case {"type": "image_url", "image_url": {"url": url}}:
            image = inline(url)
            if image is None:
                return {"type": "image", "source": {"type": "url", "url": url}}
            source = {"type": "base64", "media_type": image.media_type, "data": image.data}
            return {"type": "image", "source": source}
        case {"type": "file", "file": file}:
            named = {"title": file["filename"]} if file.get("filename") else {}
            return {"type": "document", "source": _source(file), **named}
        case {"type": "input_audio"}:
            raise ConfigError(f"the {API} API does not accept audio")
    return dict(part)


def _source(file: Mapping[str, Any]) -> dict[str, JSON]:
    held = inline(file.get("file_data"))
    if held is None and "file_id" in file:
        return {"type": "file", "file_id": file["file_id"]}
    if held is None and "file_url" in file:
        return {"type": "url", "url": file["file_url"]}
    if held is None:
        raise ConfigError(
            "a file part needs 'file_data', 'data:application/pdf;base64,...', a 'file_id' or a 'file_url'"
        )
    if held.media_type == "text/plain":
        plain = base64.b64decode(held.data).decode(errors="replace")
        return {"type": "text", "media_type": "text/plain", "data": plain}
    return {"type": "base64", "media_type": held.media_type, "data": held.data}


def _mark(system: list[dict[str, JSON]], messages: list[dict[str, Any]]) -> None:
    """Mark the end of what stays the same from row to row: all up to the model's last turn."""
    turns = [system, *(turn["content"] for turn in messages if turn["role"] == "assistant")]
    if turns[-1]:
        turns[-1][-1] = MARK | turns[-1][-1]


def _short(blocks: list[dict[str, JSON]]) -> JSON:
    """A single text stands for itself."""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} else blocks


def decode(body: JSON) -> Completion | None:
    """Return the completion in a reply's body; None if the body is no completion."""
    if not isinstance(body, dict) or not isinstance(body.get("content"), list):
        return None
    blocks = mappings(body["content"])
    texts = [text(block.get("text")) or "" for block in blocks if block.get("type") == "text"]
    message = Message(
        "assistant",
        "".join(texts) if texts else None,
        refusal=_refusal(body),
        tool_calls=tuple(_tool_call(block) for block in blocks if block.get("type") == "tool_use"),
        extra_content=_thinking(*(pair for pair in enumerate(blocks) if pair[1].get("type") in THOUGHTS)),
    )
    return Completion(
        id=text(body.get("id")) or "",
        model=text(body.get("model")) or "",
        choices=(Choice(message, _finish_reason(body)),),
        usage=_usage(body.get("usage")),
        raw=body,
    )


def _tool_call(block: Mapping[str, JSON]) -> ToolCall:
    function = FunctionCall(text(block.get("name")) or "", written(block.get("input")) or "{}")
    return ToolCall(text(block.get("id")) or "", function)


def decode_chunk(body: JSON) -> CompletionChunk | None:
    """Return the chunk in an event's data; None if the data is an error or no event."""
    if not isinstance(body, dict) or body.get("type") == "error" or body.get("error"):
        return None
    if not isinstance(body.get("type"), str) and explain(body)[0]:
        return None
    message = mapping(body.get("message"))
    delta, reason = _delta(body)
    return CompletionChunk(
        id=text(message.get("id")) or "",
        model=text(message.get("model")) or "",
        choices=() if delta is None else (ChunkChoice(delta, reason),),
        usage=_usage(message.get("usage") or body.get("usage")),
        raw=body,
    )


def _delta(body: Mapping[str, JSON]) -> tuple[Delta | None, str | None]:
    """What an event adds to the message, and why the message ended, if it did."""
    index = position(body.get("index"), 0)
    match body:
        case {"type": "message_start"}:
            return Delta(role="assistant"), None
        case {"type": "content_block_start", "content_block": {"type": "tool_use"} as block}:
            given = block.get("input")  # mostly empty: the arguments follow as text
            arguments = written(given) or "" if given else ""
            call = ToolCallDelta(index, text(block.get("id")), text(block.get("name")), arguments)
            return Delta(tool_calls=(call,)), None
        case {
            "type": "content_block_start",
            "content_block": {"type": "thinking" | "redacted_thinking"} as block,
        }:
            return Delta(extra_content=_thinking((index, block))), None
        case {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": str(words)}}:
            return Delta(extra_content=_thinking((index, {"thinking": words}))), None
        case {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": str(words)}}:
            return Delta(extra_content=_thinking((index, {"signature": words}))), None
        case {"type": "content_block_start", "content_block": {"type": "text", "text": str(words)}}:
            return Delta(content=words), None
        case {"type": "content_block_delta", "delta": {"type": "text_delta", "text": str(words)}}:
            return Delta(content=words), None
        case {
            "type": "content_block_delta",
            "delta": {"type": "input_json_delta", "partial_json": str(more)},
        }:
            return Delta(tool_calls=(ToolCallDelta(index, arguments=more),)), None
        case {"type": "message_delta", "delta": dict(ending)}:
            return Delta(refusal=_refusal(ending)), _finish_reason(ending)
    return None, None  # citations, the ends of blocks, pings, and what is yet to come


def explain(body: JSON) -> tuple[str, str | None]:
    """Return the message and the type of an error body, "" and None if there are none."""
    return explained(body.get("error", body) if isinstance(body, dict) else body, "type")


def _finish_reason(body: Mapping[str, JSON]) -> str | None:
    reason = text(body.get("stop_reason"))
    return None if reason is None else FINISH_REASONS.get(reason, reason)


def _refusal(body: Mapping[str, JSON]) -> str | None:
    return text(mapping(body.get("stop_details")).get("explanation"))


def _usage(usage: JSON) -> Usage | None:
    """Tokens read from the cache and written to it are apart from `input_tokens`."""
    if not isinstance(usage, dict):
        return None
    said, completion = count(usage.get("input_tokens")), count(usage.get("output_tokens"))
    cached = count(usage.get("cache_read_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    prompt = said + cached + written
    if not (prompt or completion):
        return None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=count(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
    )
