"""What results are made of as JSON, and back: attempts, errors and evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from . import errors
from .errors import ExtractionError, ExtractorError, Problem, ServiceError
from .evidence import Evidence, How, Span
from .messages import JSON, Attempt

_LEFT_OUT = {
    "messages",
    "source",
    "grammar",
    "response_schema",
    "tools",
}  # of a request: it holds the text again


@cache
def _attempts() -> TypeAdapter[tuple[Attempt, ...]]:
    return TypeAdapter(tuple[Attempt, ...])


@cache
def _problems() -> TypeAdapter[tuple[Problem, ...]]:
    return TypeAdapter(tuple[Problem, ...])


def attempts_as_json(attempts: Sequence[Attempt]) -> list[JSON]:
    """Return attempts as JSON; of their requests all but what was said and the schemas."""
    without = {"__all__": {"request": _LEFT_OUT}}
    written: list[JSON] = _attempts().dump_python(
        tuple(attempts), mode="json", exclude=without, fallback=repr, warnings=False
    )
    return written


def attempts_from_json(told: Iterable[JSON]) -> tuple[Attempt, ...]:
    """Return the attempts; their requests have no messages. Raises ValueError for what says none."""
    whole = [{**one, "request": {**one["request"], "messages": ()}} for one in told]
    return _attempts().validate_python(whole)


def error_as_json(error: ExtractorError, kind: str) -> JSON:
    """Return an error's class, kind, message and data. kind: as in the line of a run."""
    found: dict[str, JSON] = {"kind": kind, "message": str(error), "type": type(error).__name__}
    if isinstance(error, ServiceError):
        found |= {
            "http_status": error.status,
            "retry_after": error.retry_after,
            "request_id": error.request_id,
        }
    if isinstance(error, ExtractionError):
        found["problems"] = [to_jsonable_python(each, serialize_unknown=True) for each in error.problems]
    return found


def error_from_json(told: Mapping[str, JSON], attempts: tuple[Attempt, ...]) -> ExtractorError:
    """Return the error; its `__cause__` is not kept. An unknown class is an ExtractorError."""
    kind, message = getattr(errors, str(told.get("type")), ExtractorError), str(told["message"])
    if kind is ServiceError:
        status, wait, request_id = (told.get(each) for each in ("http_status", "retry_after", "request_id"))
        return ServiceError(message, status, wait, request_id, attempts)
    if isinstance(kind, type) and issubclass(kind, ExtractionError):
        return kind(message, _problems().validate_python(tuple(told.get("problems", ()))), attempts)
    return (
        kind(message)
        if isinstance(kind, type) and issubclass(kind, ExtractorError)
        else ExtractorError(message)
    )


def spans_as_json(evidence: Evidence) -> list[JSON]:
    """Return where values stand, as `extractor view` reads it: pointer, start, end, how and score."""
    return [
        {"pointer": pointer, "start": span.start, "end": span.end, "how": str(span.how), "score": span.score}
        for pointer, spans in evidence.items()
        for span in spans
    ]


def evidence_from_json(told: Iterable[JSON], text: str, not_found: Iterable[str]) -> Evidence:
    """Return where values stand in a text. not_found: pointers of the leaves without a place."""
    found: dict[str, tuple[Span, ...]] = dict.fromkeys(not_found, ())
    for one in told:
        start, end = one["start"], one["end"]
        span = Span(start, end, text[start:end], How(one["how"]), one["score"])
        found[one["pointer"]] = (*found.get(one["pointer"], ()), span)
    return found
