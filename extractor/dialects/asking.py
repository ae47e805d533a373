"""What a request in the words of chat completions means to an API that has other words. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..errors import ConfigError
from ..messages import JSON, Message, Mode, Request, StrictSchema, ToolCall
from ..reading import says_nothing
from .fields import mapping, merged

Name: TypeAlias = str | tuple[str, Callable[[Any], JSON]]  # "a.b": the member b of the object a

SYSTEM = ("system", "developer")
# Values that ask for what an API without the parameter does anyway.
_NEUTRAL: Mapping[str, JSON] = {
    "n": 1,
    "logprobs": False,
    "logit_bias": {},
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "parallel_tool_calls": True,
}


def spelt(params: Mapping[str, Any], names: Mapping[str, Name], api: str) -> dict[str, JSON]:
    """Return parameters under the API's names, a value that is None left out.

    names: for each parameter that the API has, its name there, and how its value is said if
    otherwise. Raises ConfigError for a parameter that it does not have.
    """
    body: dict[str, JSON] = {}
    for name, value in params.items():
        if value is None or name == "extra_body":
            continue
        if name in names:
            body = merged(body, _spelt(names[name], value))
        elif name not in _NEUTRAL or _NEUTRAL[name] != value:
            raise ConfigError(
                f"the {api} API has nothing like {name!r}: leave it out "
                "(what only that API has goes into extra_body={...})"
            )
    return body


def _spelt(name: Name, value: JSON) -> dict[str, JSON]:
    path, convert = (name, None) if isinstance(name, str) else name
    said = value if convert is None else convert(value)
    for member in reversed(path.split(".")):
        said = {member: said}
    return dict(said)


def one_limit(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with one limit of tokens, `max_completion_tokens` if it is given:
    `max_tokens`, which says the same, may be the provider's default.
    """
    newer = params.get("max_completion_tokens") is not None
    return {name: value for name, value in params.items() if not newer or name != "max_tokens"}


def as_list(value: JSON) -> list[JSON]:
    """Return a list of texts where one of them may stand for itself."""
    return list(value) if isinstance(value, list | tuple) else [value]


def with_format(request: Request) -> Request:
    """Return the request with what `response_format` asks for said by its schema and mode."""
    params = dict(request.params)
    wanted = mapping(params.pop("response_format", None))
    match wanted.get("type"):
        case "json_schema":
            told = mapping(wanted.get("json_schema"))
            schema = StrictSchema(
                told.get("name", "reply"), mapping(told.get("schema")), told.get("description")
            )
            return replace(request, params=params, response_schema=schema, mode=Mode.JSON_SCHEMA)
        case "json_object":
            anything = StrictSchema("reply", {"type": "object"})
            return replace(request, params=params, response_schema=anything, mode=Mode.JSON_OBJECT)
    return replace(request, params=params)


def tool_name(choice: str | Mapping[str, Any]) -> str | None:
    """Return the one tool that a tool choice names; None if it names none."""
    if isinstance(choice, str):
        return None if choice in ("auto", "none", "required") else choice
    name = mapping(choice.get("function")).get("name")
    return name if isinstance(name, str) else None


def arguments_of(call: ToolCall, api: str) -> dict[str, JSON]:
    """Return a tool call's arguments as the object that they say. Raises ConfigError."""
    try:
        arguments = {} if says_nothing(call.function.arguments) else json.loads(call.function.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise ConfigError(
            f"the arguments of the tool call {call.id!r} are not a JSON object, as the {api} API requires"
        )
    return arguments


@dataclass(frozen=True, slots=True)
class Inline:
    """Bytes within a message, in base64."""

    media_type: str
    data: str
    name: str | None = None


def parts_of(message: Message) -> list[Mapping[str, Any]]:
    """Return a message's content as parts, those without any text left out."""
    content = message.content if message.content is not None else message.refusal
    parts: Sequence[Mapping[str, Any]] = (
        [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    )
    return [part for part in parts if part.get("type") != "text" or str(part.get("text", "")).strip()]


def text_of(message: Message) -> str:
    """Return the text of a message, its parts joined by line breaks."""
    return "\n".join(part["text"] for part in parts_of(message) if isinstance(part.get("text"), str))


def inline(url: JSON, name: str | None = None) -> Inline | None:
    """Return what a data URL holds; None for any other URL. Source: RFC 2397, the base64 form."""
    if not isinstance(url, str) or not url.startswith("data:"):
        return None
    head, _, data = url.removeprefix("data:").partition(",")
    media_type, *attributes = head.split(";")
    if "base64" not in attributes or not data:
        raise ConfigError("write the data URL of a content part as 'data:image/png;base64,...'")
    return Inline(media_type or "text/plain", data, name)
