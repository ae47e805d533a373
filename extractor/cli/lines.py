"""The line of JSON for one input. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from pydantic_core import to_jsonable_python

from ..documents import ChunkOutcome, DocumentExtraction
from ..errors import ExtractorError, Problem
from ..evaluation.records import Dump
from ..evidence import Evidence, Span
from ..evidence.merging import Conflict
from ..loading import BadInput
from ..messages import JSON, Outcome
from ..results import Extraction

Line: TypeAlias = dict[str, JSON]
NO_INPUT = "input"  # the outcome of an input that could not be read


def line_of(source: str, result: Extraction[Any] | DocumentExtraction[Any] | BadInput, dump: Dump) -> Line:
    """Return source, outcome, and either the record, or the error that tells why there is none. Of a long
    text there may be both; what came of its chunks, and where its values stand, are in the line too.
    """
    if isinstance(result, BadInput):
        return {"source": source, "outcome": NO_INPUT, "error": _error(result.kind, result.message)}
    if isinstance(result, DocumentExtraction):
        return _document_line(source, result, dump)
    if result.error is not None:
        return _line(source, str(result.outcome), result, error=_why(result, result.error))
    try:
        return _line(source, str(result.outcome), result, record=dump(result.record))
    except ValueError as error:  # what a serializer of the user's own raises
        why = _error("serialization", str(error), attempts=len(result.attempts), reply=result.raw)
        return _line(source, str(Outcome.INVALID), result, error=why)


def _line(source: str, outcome: str, result: Extraction[Any], **found: JSON) -> Line:
    return _told(source, outcome, result, found, {**_parts(result), **_escalation(result)})


def _told(
    source: str, outcome: str, result: Extraction[Any] | DocumentExtraction[Any], found: Line, more: Line
) -> Line:
    """Return the line of a result. found: its record or error; more: what only its kind says."""
    if result.confidence is not None:
        found["confidence"] = dict(result.confidence)
    usage = {**asdict(result.usage), "total_tokens": result.usage.total_tokens}
    return {
        "source": source,
        "outcome": outcome,
        **found,
        "usage": usage,
        **more,
        **_notes(result),
        **_placed(result),
    }


def _escalation(result: Extraction[Any]) -> Line:
    """Return where a line's doubtful values went, by pointer whose were taken, and what they replaced."""
    found = result.escalation
    if found is None:
        return {}
    told = {"to": found.to, "choices": dict(found.choices), "first_values": found.first_values}
    return {"escalation": told}


def _parts(result: Extraction[Any]) -> Line:
    """Return what a line says of the requests that a record was asked for in, where it was several."""
    told = [
        {
            "fields": list(part.fields),
            "outcome": part.outcome and str(part.outcome),
            "requests": len(part.attempts),
            **({} if part.error is None else {"error": str(part.error)}),
        }
        for part in result.parts
    ]
    return {"parts": told} if told else {}


def _notes(result: Extraction[Any] | DocumentExtraction[Any]) -> Line:
    return {"notes": list(result.notes)} if result.notes else {}


def _placed(result: Extraction[Any] | DocumentExtraction[Any]) -> Line:
    """Return what a line says of where the values stand on the pages of a document, where it has any."""
    boxes = [
        {
            "pointer": pointer,
            "page": box.page,
            "box": [box.left, box.top, box.right, box.bottom],
            "fractions": [round(share, 5) for share in box.fractions],
            "score": box.score,
        }
        for pointer, found in result.boxes.items()
        for box in found
    ]
    return {"boxes": boxes} if result.boxes else {}


def _document_line(source: str, result: DocumentExtraction[Any], dump: Dump) -> Line:
    found, outcome = Line(), str(result.outcome)
    try:
        found |= {} if result.record is None else {"record": dump(result.record)}
    except ValueError as error:  # what a serializer of the user's own raises
        outcome = str(Outcome.INVALID)
        found["error"] = _error("serialization", str(error), attempts=len(result.attempts))
    if result.error is not None:
        found["error"] = _error(str(result.outcome), str(result.error), result.problems, len(result.attempts))
        if result.record is None:
            found["found"] = result.found
    more: Line = {
        "evidence": list(_spans(result.evidence)),
        "conflicts": list(map(_conflict, result.conflicts)),
        "chunks": list(map(_chunk, result.chunks)),
    }
    return _told(source, outcome, result, found, more)


def _spans(evidence: Evidence) -> Iterator[JSON]:
    for pointer, spans in evidence.items():
        yield from ({"pointer": pointer, **_span(span)} for span in spans)


def _span(span: Span) -> JSON:
    return {"start": span.start, "end": span.end, "how": str(span.how), "score": span.score}


def _conflict(conflict: Conflict) -> JSON:
    candidates = [
        {"value": one.value, "readings": one.readings, "spans": list(map(_span, one.spans))}
        for one in conflict.candidates
    ]
    return {"pointer": conflict.pointer, "candidates": candidates}


def _chunk(chunk: ChunkOutcome) -> JSON:
    told: Line = {"start": chunk.start, "end": chunk.end, "pass": chunk.passed}
    told |= {"outcome": chunk.outcome and str(chunk.outcome), "requests": len(chunk.attempts)}
    if chunk.error is None:
        return told
    return {**told, "error": chunk.reason, "again": chunk.again, "missing": chunk.missing}


@dataclass(frozen=True, slots=True)
class LineTally:
    """Counts over inputs: those with a record, those without one, and the tokens of all."""

    ok: int = 0
    failed: int = 0
    tokens: int = 0

    def __add__(self, other: LineTally) -> LineTally:
        return LineTally(self.ok + other.ok, self.failed + other.failed, self.tokens + other.tokens)

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.ok} ok{failed}, {self.tokens:,} tokens"


def tally(line: Line) -> LineTally:
    """Return what one line adds to the counts."""
    found = "record" in line and "error" not in line
    return LineTally(int(found), int(not found), line.get("usage", {}).get("total_tokens", 0))


def _error(
    kind: str,
    message: str,
    problems: Iterable[Problem] = (),
    attempts: int = 0,
    status: int | None = None,
    reply: str | None = None,
) -> JSON:
    return {
        "kind": kind,
        "message": message,
        "problems": [to_jsonable_python(problem, serialize_unknown=True) for problem in problems],
        "attempts": attempts,
        "http_status": status,
        "reply": reply,
    }


def _why(result: Extraction[Any], error: ExtractorError) -> JSON:
    problems: tuple[Problem, ...] = getattr(error, "problems", ())
    failure = result.attempts[-1].failure if result.attempts else None
    kind, status = (result.outcome, None) if failure is None else (failure.kind, failure.status)
    return _error(str(kind), str(error), problems, len(result.attempts), status, result.raw)
