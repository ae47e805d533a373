"""Reading JSON that may be anything: what is not of the wanted type counts as absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import JSON, Usage

_REASON = 300  # characters of what a provider says behind a gateway


def mapping(value: JSON) -> Mapping[str, JSON]:
    """Return an object, an empty one if there is none."""
    return value if isinstance(value, dict) else {}


def mappings(values: JSON) -> list[Mapping[str, JSON]]:
    """Return the objects in a list."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def text(value: JSON) -> str | None:
    """Return a text."""
    return value if isinstance(value, str) else None


def count(value: JSON) -> int:
    """Return a number of tokens, 0 if there is none. Some servers write it as text or with a point."""
    if isinstance(value, str) and value.isdecimal():
        value = float(value[:20])
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**53
    return int(value) if is_count else 0


def counted(
    prompt: int, completion: int, total: int = 0, cached: int = 0, reasoning: int = 0
) -> Usage | None:
    """Return what a reply took, of counts that are 0 if there is none; None if nothing was counted.

    Servers count cached tokens as part of the prompt's or apart from them, and reasoning as part of the
    completion's or apart. The total tells; if there is none, they are taken for apart.
    """
    if not (prompt or completion):
        return None
    apart = max(0, total - prompt - completion) if prompt else 0
    if cached > prompt > 0 or apart == cached != reasoning:
        prompt, apart = prompt + cached, max(0, apart - cached)
    completion += apart
    if completion and (reasoning > completion or not total):
        completion += reasoning
    return Usage(prompt, completion, cached, reasoning)


def moment(value: JSON) -> int:
    """Return a Unix time in whole seconds, 0 if there is none."""
    return int(value) if isinstance(value, int | float) and abs(value) < 2**53 else 0


def position(value: JSON, default: int) -> int:
    """Return the place of something in a list."""
    return value if isinstance(value, int) else default


def explained(error: JSON, *codes: str) -> tuple[str, str | None]:
    """Return the message and the code of an error object, the code being the first of these members
    that it has; "" and None if there are none. An error that is a text is its own message. A gateway's
    message is followed by the reason of the provider behind it.
    """
    if not isinstance(error, dict):
        return text(error) or "", None
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    message = message if isinstance(message, str) else str(message)
    code = next((error[name] for name in codes if error.get(name)), None)
    inner = behind(error)
    reason = explained(inner, *codes)[0] if isinstance(inner, dict) else text(inner)
    if reason and reason not in message:
        message = f"{message}: {reason[:_REASON]}" if message else reason[:_REASON]
    return message, (None if code is None else str(code))


def behind(error: Mapping[str, JSON]) -> JSON:
    """Return the error of the provider behind a gateway: OpenRouter's `metadata.raw`, which may be JSON text.

    Source: https://openrouter.ai/docs/api/reference/errors-and-debugging.
    """
    raw = mapping(error.get("metadata")).get("raw")
    try:
        raw = json.loads(raw) if isinstance(raw, str) else raw
    except (ValueError, RecursionError):
        return raw
    return mapping(raw).get("error") or raw


def ended(reason: str | None, calls: bool) -> str | None:
    """Return why a reply ended: one that calls tools ends in that, though some APIs say that it
    just stopped.
    """
    return "tool_calls" if calls and reason == "stop" else reason


def written(value: JSON) -> str | None:
    """Return a text; an object or a list as its JSON text, which it stands for at some servers."""
    return json_text(value) if isinstance(value, dict | list) else text(value)


def json_text(value: JSON) -> str:
    """Return a value as JSON text, the way models write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def joined(pieces: Sequence[JSON]) -> JSON:
    """Return a value that came in pieces: texts in a row, objects member by member, the items of lists
    by their `index`; of anything else the last.
    """
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(pieces)
    if all(isinstance(piece, dict) for piece in pieces):
        names = dict.fromkeys(name for piece in pieces for name in piece)
        return {name: joined([piece[name] for piece in pieces if name in piece]) for name in names}
    if all(isinstance(piece, list) for piece in pieces):
        items: dict[JSON, list[JSON]] = {}
        for item in (item for piece in pieces for item in piece):
            items.setdefault(item["index"], []).append(item)
        return [joined(item) for item in items.values()]
    return pieces[-1]


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return two objects as one, members that are objects in both merged too; `other` wins."""
    result = dict(one)
    for name, value in other.items():
        both = isinstance(value, Mapping) and isinstance(result.get(name), Mapping)
        result[name] = merged(result[name], value) if both else value
    return result
