"""Conversations for servers whose templates want user and assistant in turn, or no system message. Pure.

The templates of Mistral, Gemma and many local models raise an error for other turns. Sources:
vllm-project/vllm #6862 ("After the optional system message, conversation roles must alternate") and #2964
("System role not supported"); microsoft/autogen #1037, where the system message is what does not alternate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..messages import Failure, Message, Request, Turns

_ORDER = tuple(Turns)
_SYSTEM = re.compile(
    r"system (role|messages?|prompts?) (is |are )?not (supported|allowed|permitted)"
    r"|(not|n't) support (a |the )?system|only user(,| and) (and )?(assistant|model) roles"
    r"|roles?: ?\W?system|developer instruction is not"
    r"|(unsupported|unknown|unexpected|invalid) (message )?role\W{0,4}system",
    re.I,
)
_ALTERNATE = re.compile(
    r"roles? must alternate|must alternate between|alternating (between )?(user|roles)"
    r"|(expected|expecting) last role|roles? (should|must|need to) (be )?alternat"
    r"|consecutive \w+ (messages|roles)|(multiple|two) (user|assistant) (messages|roles) in a row",
    re.I,
)


def turns_after(failure: Failure, request: Request) -> Turns | None:
    """Return the turns to ask in after a failure; None if it is about something else, or where nothing
    is left to join. Some servers send the template's error as a 500.
    """
    said = failure.said
    if failure.status is None or failure.status < 400 or request.turns is Turns.NO_SYSTEM:
        return None
    if _SYSTEM.search(said):
        wanted = Turns.NO_SYSTEM
    elif _ALTERNATE.search(said):
        wanted = _ORDER[_ORDER.index(request.turns) + 1]
        if joined(request.messages, wanted) == joined(request.messages, request.turns):
            wanted = Turns.NO_SYSTEM  # they did alternate: what is left is the system message
    else:
        return None
    changes = joined(request.messages, wanted) != joined(request.messages, request.turns)
    return wanted if changes else None


def joined(messages: Sequence[Message], turns: Turns) -> tuple[Message, ...]:
    """Return the messages as a server takes them: a system message with no place becomes the user's,
    and neighbours of one role become one message. Calls of tools and their results stay as they are.
    """
    if turns is Turns.ANY:
        return tuple(messages)
    result: list[Message] = []
    for place, message in enumerate(messages):
        system = message.role in ("system", "developer")
        if system and (place or turns is Turns.NO_SYSTEM):
            message = replace(message, role="user")
        if result and _are_one(result[-1], message):
            result[-1] = replace(message, content=_content(result[-1], message))
        else:
            result.append(message)
    return tuple(result)


def _are_one(before: Message, after: Message) -> bool:
    return before.role == after.role and after.role != "tool" and not (before.tool_calls or after.tool_calls)


def _content(before: Message, after: Message) -> str | list[Mapping[str, Any]]:
    if isinstance(before.content, str) and isinstance(after.content, str):
        return f"{before.content}\n\n{after.content}"
    return [*_parts(before), *_parts(after)]


def _parts(message: Message) -> Iterator[Mapping[str, Any]]:
    if isinstance(message.content, str):
        yield {"type": "text", "text": message.content}
    else:
        yield from message.content or ()
