"""Events as lines of the logger "extractor": no texts, no keys, and nothing unless a handler is set."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set

from ..messages import JSON, Attempt, Outcome, StrictSchema
from ..pointers import pointer as written
from ..pointers import steps_of
from ..words import one_line
from .events import AttemptEnded, Event

LOG = logging.getLogger("extractor")
LONGEST_CODE = 100  # characters
LOG.addHandler(logging.NullHandler())


def heard() -> bool:
    """Whether anybody has set a handler."""
    own = len(LOG.handlers) > 1
    return (own or bool(logging.root.handlers)) and LOG.isEnabledFor(logging.WARNING)


def log(event: Event) -> None:
    """Write a line for each attempt: DEBUG if it went well, INFO if it is to be tried again or failed,
    WARNING if the server was asked in another way than wanted.
    """
    if not isinstance(event, AttemptEnded):
        return
    attempt = event.attempt
    if attempt.note:
        LOG.warning("%s: %s", one_line(attempt.request.model), one_line(attempt.note))
    level = logging.DEBUG if attempt.outcome is Outcome.OK else logging.INFO
    if LOG.isEnabledFor(level):
        then = "" if event.wait is None else f"; next try in {event.wait:.1f} s"
        LOG.log(level, "%s: attempt %d: %s%s", one_line(attempt.model), event.number, _what(attempt), then)


def _what(attempt: Attempt) -> str:
    failure = attempt.failure
    if failure is not None:
        said = " ".join(str(part) for part in (failure.status, failure.code) if part is not None)
        return f"{failure.kind} {one_line(said, LONGEST_CODE)}".rstrip()
    tokens = (
        f", {attempt.usage.prompt_tokens} + {attempt.usage.completion_tokens} tokens" if attempt.usage else ""
    )
    known = _members(attempt.request.response_schema)
    where = ", ".join(dict.fromkeys(_place(problem.pointer, known) for problem in attempt.problems[:5]))
    return f"{attempt.outcome}{f' at {where}' if where else ''} in {attempt.latency:.2f} s{tokens}"


def _place(pointer: str, known: Set[str]) -> str:
    """Return a pointer without names that are no members of the record type: they come out of the text."""
    steps = steps_of(pointer) or ("",)
    return written(each if not each or each.isdecimal() or each in known else "*" for each in steps)


def _members(schema: StrictSchema | None) -> Set[str]:
    """Return the names of all members that a schema knows of."""
    found: set[str] = set()
    left: list[JSON] = [] if schema is None else [schema.schema]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            members = part.get("properties")
            found |= {*members} if isinstance(members, Mapping) else set()
            left += part.values()
        elif isinstance(part, list):
            left += part
    return found
