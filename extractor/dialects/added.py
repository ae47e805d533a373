"""The text that a stream's commonest events add: a short cut past `decode_chunk`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..messages import JSON

AddedText = Callable[[JSON], str | None]


def openai_chat(body: JSON) -> str | None:
    """Return the text that an event adds to the one choice, None if it does not do just that."""
    try:
        (choice,) = body["choices"]
        delta = choice["delta"]
        words = delta["content"]
    except (KeyError, TypeError, ValueError):
        return None
    more = choice.get("finish_reason") or choice.get("logprobs") or choice.get("index") or body.get("usage")
    more = more or choice.get("error") or body.get("error")
    only = len(delta) == 1 or (len(delta) == 2 and delta.get("role") == "assistant")
    return words if only and not more and type(words) is str else None


def openai_responses(body: JSON) -> str | None:
    """Return the text that an event adds, None if it does not do just that."""
    if type(body) is not dict or body.get("type") != "response.output_text.delta" or body.get("logprobs"):
        return None
    words = body.get("delta")
    return words if type(words) is str else None


def anthropic(body: JSON) -> str | None:
    """Return the text that an event adds, None if it does not do just that."""
    if type(body) is not dict or body.get("type") != "content_block_delta":
        return None
    delta = body.get("delta")
    words = delta.get("text") if type(delta) is dict and delta.get("type") == "text_delta" else None
    return words if type(words) is str else None


def never(body: JSON) -> str | None:
    """Return None: these events always say more."""
    return None


ADDED_TEXT: Mapping[str, AddedText] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
}
