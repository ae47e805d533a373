"""The Gemini API's generateContent as a server speaks it. Pure.

Source: https://ai.google.dev/api/generate-content and /gemini-api/docs/troubleshooting. The API has no field
for a refusal: a model that refuses says so in its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from extractor.messages import JSON, Choice

from .received import ReceivedRequest
from .replies import Reply, Status
from .speaking import arguments_of, as_format, as_function, pieces, text_of, usage_of

PATHS: tuple[str, ...] = tuple(
    f"/{version}/models/{{model}}:{method}"
    for version in ("v1beta", "v1")
    for method in ("generateContent", "streamGenerateContent")
)
REQUEST_ID = "x-request-id"
FINISH_REASONS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}
ERRORS = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def problem(asked: JSON) -> Status | None:
    """Return the error for a body that is no request; None if it is one."""
    if not isinstance(asked, dict):
        return Status(400, "Invalid JSON payload received.")
    contents = asked.get("contents")
    if not isinstance(contents, list) or not contents or not all(isinstance(c, dict) for c in contents):
        return Status(400, "* GenerateContentRequest.contents: contents is not specified")
    return None


def as_chat(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request as chat completions have it."""
    config = asked.get("generationConfig") or {}
    chat: dict[str, Any] = {"messages": [asked.get("systemInstruction"), *asked["contents"]]}
    schema = config.get("responseJsonSchema") or _plain(config.get("responseSchema"))
    if schema:
        chat["response_format"] = as_format(schema)
    elif config.get("responseMimeType") == "application/json":
        chat["response_format"] = {"type": "json_object"}
    functions = [f for tool in asked.get("tools") or () for f in tool.get("functionDeclarations") or ()]
    chat["tools"] = [
        as_function(
            f["name"],
            f.get("parametersJsonSchema") or f.get("parameters_json_schema") or _plain(f.get("parameters")),
        )
        for f in functions
    ]
    match (asked.get("toolConfig") or {}).get("functionCallingConfig"):
        case {"mode": "ANY", "allowedFunctionNames": [name, *_]}:
            chat["tool_choice"] = {"function": {"name": name}}
        case {"mode": mode}:
            chat["tool_choice"] = {"ANY": "required", "NONE": "none"}.get(mode, "auto")
    return {**chat, "n": config.get("candidateCount")}


def _plain(schema: JSON) -> JSON:
    """JSON Schema of the API's older form, in which types are in capitals."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _plain(value)
        for name, value in schema.items()
    }


def is_streamed(asked: Mapping[str, Any], request: ReceivedRequest) -> bool:
    """Return whether the answer is to be a stream."""
    return request.path.endswith(":streamGenerateContent")


def event_name(data: JSON) -> str | None:
    """Return None: events have no names."""
    return None


def error_body(failure: Status, request: ReceivedRequest) -> JSON:
    """Return `{"error": {"code", "message", "status"}}`."""
    usual = ERRORS.get(failure.status, "INTERNAL" if failure.status >= 500 else "INVALID_ARGUMENT")
    status = failure.code or failure.type or usual
    return {"error": {"code": failure.status, "message": failure.message, "status": status}}


def whole(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> JSON:
    """Return the generate-content response."""
    candidates = [
        {
            **_candidate(choice, [*_texts(choice), *_calls(choice)], choice.finish_reason),
            **_logprobs(choice, asked),
        }
        for choice in reply.choices
    ]
    return {"candidates": candidates, **_envelope(reply, asked, request)}


def events(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> Iterator[JSON]:
    """Yield responses that each hold a piece of the text, or whole calls; the last says why it ended."""
    envelope = _envelope(reply, asked, request)
    for choice in reply.choices:
        said = [part["text"] for part in _texts(choice)]
        parts = [{"text": piece} for piece in pieces("".join(said), reply)] + _calls(choice)
        for part in parts:
            yield {"candidates": [_candidate(choice, [part], None)], **envelope}
        ending = _candidate(choice, [{"text": ""}] if said else [], choice.finish_reason)
        yield {"candidates": [ending], **envelope}
    if not reply.choices:
        yield envelope


def _texts(choice: Choice) -> list[dict[str, str]]:
    said = text_of(choice.message) if choice.message.refusal is None else choice.message.refusal
    return [] if said is None else [{"text": said}]


def _calls(choice: Choice) -> list[JSON]:
    calls = choice.message.tool_calls
    return [
        {"functionCall": {"id": call.id, "name": call.function.name, "args": arguments_of(call)}}
        for call in calls
    ]


def _candidate(choice: Choice, parts: list[JSON], reason: str | None) -> JSON:
    told = {"content": {"role": "model", "parts": parts}} if parts else {}
    ended = {"finishReason": FINISH_REASONS.get(reason, reason)} if reason else {}
    return {**told, **ended, "index": choice.index}


def _logprobs(choice: Choice, asked: Mapping[str, Any]) -> dict[str, JSON]:
    wanted = (asked.get("generationConfig") or {}).get("responseLogprobs")
    if not wanted or not choice.logprobs:
        return {}
    tokens = [{"token": t["token"], "logProbability": t["logprob"]} for t in choice.logprobs["content"]]
    return {"logprobsResult": {"chosenCandidates": tokens}}


def _envelope(reply: Reply, asked: Mapping[str, Any], request: ReceivedRequest) -> dict[str, Any]:
    usage = usage_of(reply, as_chat(asked))
    told = usage and {
        "promptTokenCount": usage.prompt_tokens,
        "candidatesTokenCount": usage.completion_tokens - usage.reasoning_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
        "totalTokenCount": usage.total_tokens,
    }
    model = request.path.rpartition("/")[2].partition(":")[0]
    return {
        **({"usageMetadata": told} if told else {}),
        "modelVersion": model,
        "responseId": f"response-{request.index}",
    }
