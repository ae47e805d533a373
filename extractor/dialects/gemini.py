"""The Gemini API: generateContent and streamGenerateContent.

Source: https://ai.google.dev/api/generate-content, /gemini-api/docs/structured-output,
/function-calling and /thought-signatures; the types of the package `google-genai` 3.4. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

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
    text_of,
    tool_name,
    with_format,
)
from .fields import count, counted, ended, explained, mapping, mappings, merged, position, text, written
from .providers import Provider

API = "Gemini"
# What the API documents for a call that it did not make itself, and so did not sign.
UNSIGNED = base64.b64encode(b"skip_thought_signature_validator").decode()

PARAMETERS: Mapping[str, Name] = {
    "max_tokens": "generationConfig.maxOutputTokens",
    "max_completion_tokens": "generationConfig.maxOutputTokens",
    "temperature": "generationConfig.temperature",
    "top_p": "generationConfig.topP",
    "n": "generationConfig.candidateCount",
    "stop": ("generationConfig.stopSequences", as_list),
    "seed": "generationConfig.seed",
    "presence_penalty": "generationConfig.presencePenalty",
    "frequency_penalty": "generationConfig.frequencyPenalty",
    "logprobs": "generationConfig.responseLogprobs",
    "top_logprobs": "generationConfig.logprobs",
    "reasoning_effort": ("generationConfig.thinkingConfig.thinkingLevel", lambda effort: str(effort).upper()),
    "service_tier": "serviceTier",
    "store": "store",
}
FINISH_REASONS: Mapping[str, str | None] = {
    "FINISH_REASON_UNSPECIFIED": None,
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}
_CALLING_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def path(request: Request, *, stream: bool = False) -> str:
    """Return what follows the base URL."""
    name = request.model if "/" in request.model else f"models/{request.model}"
    return f"/{quote(name)}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")


def headers(key: str, request: Request, provider: Provider) -> dict[str, str]:
    """Return the header that carries the key, which thus stands in no URL."""
    return {provider.key_header or "x-goog-api-key": key} if key else {}


def encode(request: Request, provider: Provider, *, stream: bool = False) -> dict[str, JSON]:
    """Return the request body. What never changes between rows of a job comes first."""
    request = with_format(request)
    body = merged(spelt(one_limit(request.params), PARAMETERS, API), _forced(request))
    if request.tools:
        body["tools"] = _tools(request.tools)
    if request.tools and request.tool_choice is not None:
        body["toolConfig"] = _tool_config(request.tool_choice)
    system = [part for m in request.messages if m.role in SYSTEM for part in map(_part, parts_of(m))]
    if system:
        body["systemInstruction"] = {"parts": system, "role": "user"}
    body["contents"] = _contents(request.messages)
    return merged(body, request.params.get("extra_body") or {})


def _forced(request: Request) -> dict[str, JSON]:
    """What makes the reply a record, in each mode."""
    schema = request.response_schema
    if schema is None or request.mode is Mode.PROMPT:
        return {}
    if request.mode is Mode.TOOL:
        return {"tools": _tools([schema]), "toolConfig": _tool_config(schema.name)}
    told: dict[str, JSON] = {"responseMimeType": "application/json"}
    if request.mode is Mode.JSON_SCHEMA:
        told["responseJsonSchema"] = schema.schema
    return {"generationConfig": told}


def _tools(tools: Sequence[StrictSchema]) -> JSON:
    return [{"functionDeclarations": [_function(tool) for tool in tools]}]


def _function(tool: StrictSchema) -> JSON:
    described = {"description": tool.description} if tool.description else {}
    return {**described, "name": tool.name, "parametersJsonSchema": tool.schema}


def _tool_config(choice: str | Mapping[str, Any]) -> JSON:
    name = tool_name(choice)
    if name is not None:
        return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [name]}}
    if isinstance(choice, str):
        return {"functionCallingConfig": {"mode": _CALLING_MODES[choice]}}
    return dict(choice)  # the API's own form


def _contents(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The turns; results of functions that were called together belong into one."""
    turns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        names |= {call.id: call.function.name for call in message.tool_calls}
        if message.role == "tool":
            parts = [_function_response(message, names)]
        else:
            parts = [] if message.role in SYSTEM else [*map(_part, parts_of(message)), *_calls(message)]
        if message.role == "tool" and turns and "functionResponse" in turns[-1]["parts"][0]:
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"parts": parts, "role": "model" if message.role == "assistant" else "user"})
    return turns


def _calls(message: Message) -> list[JSON]:
    """The calls of a turn. Gemini 3 refuses a turn whose first call is not signed."""
    parts = []
    for i, call in enumerate(message.tool_calls):
        told = {"id": call.id, "args": arguments_of(call, API), "name": call.function.name}
        signature = mapping(mapping(call.extra_content).get("google")).get("thought_signature")
        signature = signature or (UNSIGNED if i == 0 else None)
        parts.append({"functionCall": told, **({"thoughtSignature": signature} if signature else {})})
    return parts


def _function_response(message: Message, names: Mapping[str, str]) -> JSON:
    name = names.get(message.tool_call_id or "") or message.name
    if not name:
        raise ConfigError(
            f"no earlier message calls the tool that {message.tool_call_id!r} answers. The {API} API "
            "needs the tool's name: give it as `name`"
        )
    said = text_of(message)
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        value = said
    response = value if isinstance(value, dict) else {"output": value}
    return {"functionResponse": {"id": message.tool_call_id, "name": name, "response": response}}


def _part(part: Mapping[str, Any]) -> dict[str, JSON]:
    """One content part; those of no chat-completions type are taken for the API's own."""
    match part:
        case {"type": "text", "text": words}:
            return {"text": words}
        case {"type": "image_url", "image_url": {"url": url}}:
            return _data(url)
        case {"type": "file", "file": {"file_data": data}}:
            return _data(data)
        case {"type": "file", "file": {"file_id": uri}}:
            return _data(uri)
        case {"type": "file", "file": {"file_url": uri}}:
            return {"fileData": {"fileUri": uri, "mimeType": "application/pdf"}}
        case {"type": "input_audio", "input_audio": {"data": data, "format": form}}:
            return {"inlineData": {"data": data, "mimeType": f"audio/{form}"}}
    return dict(part)


def _data(url: str) -> dict[str, JSON]:
    held = inline(url)
    if held is not None:
        return {"inlineData": {"data": held.data, "mimeType": held.media_type}}
    media_type, _ = mimetypes.guess_type(url.partition("?")[0])
    return {"fileData": {"fileUri": url, **({"mimeType": media_type} if media_type else {})}}


def decode(body: JSON) -> Completion | None:
    """Return the completion in a reply's body; None if the body is no completion."""
    chunk = decode_chunk(body)
    if chunk is None or not chunk.raw.keys() & {"candidates", "promptFeedback", "usageMetadata"}:
        return None
    return Completion(
        id=chunk.id,
        model=chunk.model,
        choices=tuple(map(_choice, chunk.choices)),
        usage=chunk.usage,
        raw=chunk.raw,
    )


def _choice(choice: ChunkChoice) -> Choice:
    """The whole is spelt as its chunks are."""
    delta = choice.delta
    calls = tuple(
        ToolCall(d.id or "", FunctionCall(d.name or "", d.arguments), extra_content=d.extra_content)
        for d in delta.tool_calls
    )
    message = Message("assistant", delta.content, tool_calls=calls)
    return Choice(message, ended(choice.finish_reason, bool(calls)), choice.index, choice.logprobs)


def decode_chunk(body: JSON) -> CompletionChunk | None:
    """Return the chunk in an event's data; None if the data is an error or no event. Some events, mostly
    the first, have no candidates.
    """
    if not isinstance(body, dict) or explain(body)[0] or "error" in body:
        return None
    candidates = mappings(body.get("candidates"))
    choices = [_chunk_choice(i, candidate, body) for i, candidate in enumerate(candidates)]
    if not candidates and mapping(body.get("promptFeedback")).get("blockReason"):
        choices = [ChunkChoice(Delta(role="assistant"), "content_filter")]
    return CompletionChunk(
        id=text(body.get("responseId")) or "",
        model=text(body.get("modelVersion")) or "",
        choices=tuple(choices),
        usage=_usage(body.get("usageMetadata")),
        raw=body,
    )


def _chunk_choice(place: int, candidate: Mapping[str, JSON], body: Mapping[str, JSON]) -> ChunkChoice:
    parts = mappings(mapping(candidate.get("content")).get("parts"))
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str) and not part.get("thought")]
    calls = [part for part in parts if isinstance(part.get("functionCall"), dict)]
    reason = text(candidate.get("finishReason"))
    return ChunkChoice(
        delta=Delta(
            role="assistant",
            content="".join(texts) if texts else None,
            tool_calls=tuple(_tool_delta(i, part, body) for i, part in enumerate(calls)),
        ),
        finish_reason=FINISH_REASONS.get(reason, reason) if reason else None,
        index=position(candidate.get("index"), place),
        logprobs=_logprobs(candidate.get("logprobsResult")),
    )


def _tool_delta(place: int, part: Mapping[str, JSON], body: Mapping[str, JSON]) -> ToolCallDelta:
    """A call comes whole. Older models give it no id, though an answer needs one to name."""
    call, signature = mapping(part["functionCall"]), text(part.get("thoughtSignature"))
    return ToolCallDelta(
        index=place,
        id=text(call.get("id")) or _call_id(place, body),
        name=text(call.get("name")),
        arguments=written(call.get("args")) or "{}",
        extra_content={"google": {"thought_signature": signature}} if signature else None,
    )


def _call_id(place: int, body: Mapping[str, JSON]) -> str:
    """An id that no call of another reply, or of another event of a stream, is given."""
    return f"call_{hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]}_{place}"


def _logprobs(result: JSON) -> JSON:
    """The chosen tokens with their alternatives, in the form of chat completions."""
    if not isinstance(result, dict):
        return None
    tops = mappings(result.get("topCandidates"))
    told = [_logprob(token) for token in mappings(result.get("chosenCandidates"))]
    for token, top in zip(told, tops, strict=False):
        token["top_logprobs"] = [_logprob(other) for other in mappings(top.get("candidates"))]
    return {"content": told}


def _logprob(token: Mapping[str, JSON]) -> dict[str, JSON]:
    return {"token": token.get("token"), "logprob": token.get("logProbability")}


def explain(body: JSON) -> tuple[str, str | None]:
    """Return the message and the status of an error body, "" and None if there are none."""
    body = body[0] if isinstance(body, list) and body else body
    return explained(body.get("error", body) if isinstance(body, dict) else body, "status", "code")


def _usage(usage: JSON) -> Usage | None:
    """Thoughts are apart from the candidates' tokens, results of the API's own tools from the prompt's."""
    if not isinstance(usage, dict):
        return None
    prompt, thoughts = count(usage.get("promptTokenCount")), count(usage.get("thoughtsTokenCount"))
    said, total = count(usage.get("candidatesTokenCount")), count(usage.get("totalTokenCount"))
    told = counted(
        prompt and prompt + count(usage.get("toolUsePromptTokenCount")),
        said + thoughts if said or total else 0,
        total,
        cached=count(usage.get("cachedContentTokenCount")),
    )
    return told and replace(told, reasoning_tokens=thoughts)
