"""Why rows have no record, in words that many rows share, to be counted. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from ..errors import Problem
from ..messages import Failure
from .outcomes import RowOutcome

LONGEST = 80  # characters of what a service or a validator says
MOST_REASONS = 100  # that a run distinguishes
OTHERS = "other reasons"
_OF_ONE_ROW = re.compile(  # what differs from row to row: quoted values, names with digits in them, numbers
    r"'[^']*'|\"[^\"]*\"|\b(?=[\w-]*\d)[\w-]{6,}\b|\d+(?:[.,]\d+)*"
)
_ROW = re.compile(r"^row \d+: ")
_ITEM = re.compile(r"/\d+(?=/|$)")


def reason_of(outcome: RowOutcome[Any]) -> str | None:
    """Return why a row has no record: "HTTP 500 overloaded", "timeout", "invalid /items/*/price: ...";
    None if nothing went wrong. What only this row would say is left out, as "…".
    """
    if outcome.error is None:
        return None
    failure = outcome.attempts[-1].failure if outcome.attempts else None
    if failure is not None:
        return reason_of_failure(failure)
    problems: tuple[Problem, ...] = getattr(outcome.error, "problems", ())
    if outcome.outcome is None:
        return f"input: {shared(unnumbered(str(outcome.error)))}"
    if not problems:
        return str(outcome.outcome)
    first = problems[0]
    return f"{outcome.outcome} {_ITEM.sub('/*', first.pointer)}: {shared(first.reason)}"


def reason_of_failure(failure: Failure) -> str:
    """Return why a request failed: "HTTP 503 overloaded"."""
    head = f"HTTP {failure.status}" if failure.status is not None else str(failure.kind)
    return f"{head} {shared(failure.message)}"


def unnumbered(message: str) -> str:
    """Return what a bad row's error says, without the row's number."""
    return _ROW.sub("", message)


def shared(message: str) -> str:
    """Return what a message says of any row: without values, names and numbers."""
    text = _OF_ONE_ROW.sub("…", " ".join(message.split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def count(reasons: Counter[str], reason: str) -> None:
    """Count a reason; after a hundred different ones, new ones are others."""
    reasons[reason if reason in reasons or len(reasons) < MOST_REASONS else OTHERS] += 1
