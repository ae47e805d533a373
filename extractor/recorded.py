"""What results are made of as JSON, and back: attempts, errors and evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from . import errors
from .errors import (
    ExtractionError,
    ExtractorError,
    Problem,
    RunStopped,
    SchemaError,
    ServiceError,
    UnreadableSource,
)
from .evidence import Evidence, How, Span
from .messages import JSON, Attempt

T = TypeVar("T")
_DATA: Mapping[type[ExtractorError], Mapping[str, str]] = {  # by name in JSON: the attribute, and argument
    ServiceError: {"http_status": "status", "retry_after": "retry_after", "request_id": "request_id"},
    SchemaError: {"reason": "reason", "pointer": "pointer"},
    UnreadableSource: {"unreadable": "kind"},
    RunStopped: {"done": "done", "left": "left"},
}
_LEFT_OUT = {
    "messages",
    "source",
    "grammar",
    "response_schema",
    "tools",
}  # of a request: it holds the text again


@cache
def _listed(kind: Any) -> TypeAdapter[tuple[Any, ...]]:
    return TypeAdapter(tuple[kind, ...])


def listed_as_json(kind: Any, values: Sequence[Any]) -> list[JSON]:
    """Return values of a dataclass as JSON; what JSON has no form for is its repr."""
    written: list[JSON] = _listed(kind).dump_python(
        tuple(values), mode="json", fallback=repr, warnings=False, by_alias=True
    )
    return written


def listed_from_json(kind: type[T], told: Iterable[JSON]) -> tuple[T, ...]:
    """Return the values that `listed_as_json` wrote. Raises ValueError for what says none."""
    return cast(tuple[T, ...], _listed(cast(Any, kind)).validate_python(tuple(told)))


def attempts_as_json(attempts: Sequence[Attempt]) -> list[JSON]:
    """Return attempts as JSON; of their requests all but what was said and the schemas."""
    without = {"__all__": {"request": _LEFT_OUT}}
    written: list[JSON] = _listed(Attempt).dump_python(
        tuple(attempts), mode="json", exclude=without, fallback=repr, warnings=False
    )
    return written


def attempts_from_json(told: Iterable[JSON]) -> tuple[Attempt, ...]:
    """Return the attempts; their requests have no messages. Raises ValueError for what says none."""
    whole = [{**one, "request": {**one["request"], "messages": ()}} for one in told]
    return listed_from_json(Attempt, whole)


def error_as_json(error: Exception | None, kind: str | None = None) -> JSON:
    """Return an error's class, kind, message and data; None for none. kind: as in the line of a run, by
    default the outcome that the error stands for.
    """
    if error is None:
        return None
    kind = kind or str(getattr(error, "outcome", "error"))
    found: dict[str, JSON] = {"kind": kind, "message": str(error), "type": type(error).__name__}
    data = next((names for known, names in _DATA.items() if isinstance(error, known)), {})
    found |= {name: getattr(error, attribute) for name, attribute in data.items()}
    if isinstance(error, ExtractionError):
        found["problems"] = [to_jsonable_python(each, serialize_unknown=True) for each in error.problems]
    return found


def error_from_json(
    told: Mapping[str, JSON] | None, attempts: tuple[Attempt, ...] = ()
) -> ExtractorError | None:
    """Return the error; its `__cause__` is not kept. An unknown class is an ExtractorError."""
    if told is None:
        return None
    named, message = getattr(errors, str(told.get("type")), None), str(told["message"])
    kind = named if isinstance(named, type) and issubclass(named, ExtractorError) else ExtractorError
    if issubclass(kind, ExtractionError):
        return kind(message, listed_from_json(Problem, told.get("problems", ())), attempts)
    names = next((names for known, names in _DATA.items() if issubclass(kind, known)), {})
    data = {attribute: told[name] for name, attribute in names.items() if name in told}
    if issubclass(kind, ServiceError):
        data["attempts"] = attempts
    return kind(**data) if "reason" in data else kind(message, **data)


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
