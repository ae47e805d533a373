"""Events as lines of the logger "extractor": no texts, no keys, and nothing unless a handler is set."""

from __future__ import annotations

import logging

from ..messages import Attempt, Outcome
from .events import AttemptEnded, Event

LOG = logging.getLogger("extractor")
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
        LOG.warning("%s: %s", attempt.request.model, attempt.note)
    level = logging.DEBUG if attempt.outcome is Outcome.OK else logging.INFO
    if LOG.isEnabledFor(level):
        then = "" if event.wait is None else f"; again in {event.wait:.1f} s"
        LOG.log(level, "%s: attempt %d: %s%s", attempt.model, event.number, _what(attempt), then)


def _what(attempt: Attempt) -> str:
    failure = attempt.failure
    if failure is not None:
        said = " ".join(str(part) for part in (failure.status, failure.code) if part is not None)
        return f"{failure.kind} {said}".rstrip()
    tokens = (
        f", {attempt.usage.prompt_tokens} + {attempt.usage.completion_tokens} tokens" if attempt.usage else ""
    )
    where = ", ".join(dict.fromkeys(problem.pointer or "/" for problem in attempt.problems[:5]))
    return f"{attempt.outcome}{f' at {where}' if where else ''} in {attempt.latency:.2f} s{tokens}"
