"""The errors of dialogues that end without a record: what happened, with the evidence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import (
    Empty,
    ExtractionError,
    ExtractorError,
    Filtered,
    Invalid,
    InvalidJSON,
    Refused,
    ServiceError,
    Truncated,
)
from ..messages import Attempt, Failure, Outcome
from ..words import shortened
from .judge import Verdict

_ERRORS: Mapping[Outcome, type[ExtractionError]] = {
    Outcome.TRUNCATED: Truncated,
    Outcome.REFUSED: Refused,
    Outcome.FILTERED: Filtered,
    Outcome.EMPTY: Empty,
    Outcome.INVALID_JSON: InvalidJSON,
    Outcome.INVALID: Invalid,
}
_QUOTED = 120  # characters of a reply in an error's message; all of it is in `attempts`
_SHOWN = 3  # problems in an error's message; all of them are in `problems`


def error_of(verdict: Verdict[Any], attempts: tuple[Attempt, ...]) -> ExtractorError:
    """Return the error of a dialogue that ended in this verdict."""
    return _ERRORS[verdict.outcome](no_record(verdict, attempts), verdict.problems, attempts)


def no_record(verdict: Verdict[Any], attempts: tuple[Attempt, ...]) -> str:
    """Return why there is no record, with the beginning of the last reply."""
    shown = "; ".join(shortened(str(each)) for each in verdict.problems[:_SHOWN])
    more = f"; and {len(verdict.problems) - _SHOWN} more" if len(verdict.problems) > _SHOWN else ""
    said = attempts[-1].text
    quoted = f"; the reply was {_excerpt(said)}" if said and said.strip() else ""
    return f"no record, {verdict.outcome}: {shown}{more}{_tries(attempts)}{quoted}"


def _excerpt(text: str) -> str:
    """Return the beginning of a reply on one line."""
    flat = " ".join(text[: 2 * _QUOTED].split())
    return repr(flat[:_QUOTED] + "…" if len(flat) > _QUOTED or len(text) > 2 * _QUOTED else flat)


def service_error(
    failure: Failure, attempts: tuple[Attempt, ...], wait: float | None, hint: str
) -> ServiceError:
    """Return the error of a service that gave no answer.

    wait: seconds to another try, for which there is no time or no budget; None if none is due.
    """
    status = f"HTTP {failure.status}: " if failure.status is not None else ""
    why = "" if wait is None else f"; another try, in {wait:.0f} s, would exceed the deadline or the budget"
    why += f"; {hint}" if hint else ""
    return ServiceError(
        f"{status}{failure.message}{_tries(attempts)}{why}",
        failure.status,
        failure.retry_after,
        failure.request_id,
        attempts,
    )


def _tries(attempts: tuple[Attempt, ...]) -> str:
    return f" (after {len(attempts)} requests)" if len(attempts) > 1 else ""
