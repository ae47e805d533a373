"""What a call is given to read: a text, content parts or a conversation, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from os import PathLike
from typing import Any, TypeAlias

from . import content
from .errors import ConfigError
from .layout import Source
from .messages import ROLES, FunctionCall, Message, ToolCall
from .readers.given import text_of
from .schema import source_text

Content: TypeAlias = str | Sequence[Mapping[str, Any]]  # a text, or content parts
Parts: TypeAlias = Sequence[str | Mapping[str, Any] | Sequence[Mapping[str, Any]]]
Document: TypeAlias = Source | PathLike[str] | bytes  # opened; a string never is
Text: TypeAlias = str | Parts | Document  # as it may be given
Messages: TypeAlias = Sequence[Message | Mapping[str, Any]]
SHORT = 20_000  # characters that every window has room for
MOST_CHARACTERS_A_TOKEN = 6  # of a text of any length, white space counted once


def checked_text(text: Text) -> Content:
    """Return a text, or content parts. Raises ConfigError."""
    if isinstance(text, str):
        if not text.strip():
            raise ConfigError("the text is empty")
        return text
    if isinstance(text, Sequence) and text and not isinstance(text, bytes):
        if len(text) > 1 and all(isinstance(part, str) for part in text):
            raise ConfigError(
                f"these are {len(text)} texts: use `rows`, which gives a record for each; if they are "
                "one text, join them"
            )
        return content.parts(text)
    raise ConfigError(
        f"the text must be a string, a document or a list of content parts, not {type(text).__name__}"
    )


def with_images(given: Any, text: Content) -> Content:
    """Return what is shown of a document that is asked of: its text, with the images of its pages where it
    has them.
    """
    if not isinstance(given, Source) or not given.images:
        return text
    return content.parts([text, *map(content.image, given.images)])


def check_length(text: str, window: int | None, model: str) -> None:
    """Raise ConfigError for a text that is longer than a model's window (tokens), whatever its tokens are."""
    if window is not None:
        least = len(" ".join(text.split())) // MOST_CHARACTERS_A_TOKEN
        if least > window:
            raise ConfigError(
                f"the text has {len(text):,} characters, more than the {window:,} tokens that {model!r} "
                "can read at once: use document(...), which reads it in chunks (`extractor extract "
                "--long`)"
            )


def checked_messages(messages: Messages) -> tuple[Message, ...]:
    """Return a conversation. Raises ConfigError."""
    if isinstance(messages, str | Mapping) or not messages:
        raise ConfigError(
            "messages must be a list with at least one message: [{'role': 'user', 'content': '...'}]"
        )
    return tuple(map(_message, messages))


def said_by_user(messages: Sequence[Message]) -> str | None:
    """Return all that users say in a conversation; None if some of it is no text."""
    said = [source_text(message.content) for message in messages if message.role == "user"]
    return None if None in said else "\n\n".join(filter(None, said)) or None


def context_of(text: Text | None, context: object, attempt: int = 1) -> dict[str, Any]:
    """Return what Pydantic validators find in `info.context`: the text, the number of the attempt, counted
    from 1, and what the caller gives. Raises ConfigError if that is no mapping.
    """
    if not isinstance(context, Mapping | None):
        raise ConfigError(f"context must be a mapping for validators, not {context!r:.80}")
    return {"text": text_of(text), "attempt": attempt, **(context or {})}


def message_of(value: Message | Mapping[str, Any]) -> Message:
    """Return `value` as a Message; a mapping has the API's own keys. Raises ConfigError."""
    if isinstance(value, Message):
        return value
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"a message must be a Message or a mapping with 'role' and 'content', not {value!r:.80}"
        )
    unknown = value.keys() - {f.name for f in fields(Message)} - {"annotations", "audio", "function_call"}
    if value.get("role") not in ROLES or unknown:
        what = f"has the unknown key {min(unknown)!r}" if unknown else f"has the role {value.get('role')!r}"
        raise ConfigError(f"a message {what}; its role is one of {', '.join(sorted(ROLES))}")
    return Message(
        role=value["role"],
        content=value.get("content"),
        name=value.get("name"),
        tool_calls=tuple(map(_tool_call, value.get("tool_calls") or ())),
        tool_call_id=value.get("tool_call_id"),
        refusal=value.get("refusal"),
        extra_content=value.get("extra_content"),
        reasoning_content=value.get("reasoning_content"),
    )


def _message(value: Message | Mapping[str, Any]) -> Message:
    message = message_of(value)
    if message.content is None or isinstance(message.content, str):
        return message
    return replace(message, content=content.parts(message.content))


def _tool_call(value: ToolCall | Mapping[str, Any]) -> ToolCall:
    if isinstance(value, ToolCall):
        return value
    function = value["function"]
    call = FunctionCall(function["name"], function["arguments"])
    return ToolCall(value["id"], call, extra_content=value.get("extra_content"))
