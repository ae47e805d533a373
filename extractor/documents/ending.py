"""What came of a long text: the merged record validated, and what is wrong with it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import ExtractionError, Invalid, Problem, RunStopped, ServiceError, Unjudged
from ..evidence.coverage import coverage
from ..evidence.leaves import leaves, value_at
from ..evidence.merging import Merged
from ..evidence.plain_json import canonical
from ..messages import JSON, Outcome
from ..pointers import any_index
from .checks import failures
from .outcome import ChunkOutcome, DocumentExtraction
from .planning import Plan

V = TypeVar("V")
NAMED = 3  # missing chunks in an error's message


def concluded(
    plan: Plan, lines: tuple[ChunkOutcome, ...], merged: Merged, made: Callable[[], Any]
) -> DocumentExtraction[Any]:
    """Return the result. made: makes the record of what was found, or raises Invalid."""
    lost = [line for line in lines if line.missing]
    record, evidence, problems = None, merged.evidence, list[Problem]()
    sure, cause = merged.confidence, lost[0].error.__cause__ if lost and lost[0].error else None
    if merged.record is not None or not lost:
        try:
            record = made()
        except Invalid as invalid:
            problems += [_unread(p) if lost and p.type == "missing" else p for p in invalid.problems]
            cause = invalid.__cause__ if isinstance(invalid, Unjudged) else None
        else:
            evidence = _moved(merged.evidence, merged.record, record, ())
            sure = {at: c for at, c in _moved(sure, merged.record, record, -1.0).items() if c >= 0}
            problems += _miscounted(plan.counts, merged.record)
            problems += [] if lost else failures(plan.checks, record)
    repaired = any(line.outcome is Outcome.REPAIRED or not line.used for line in lines)
    outcome = Outcome.REPAIRED if repaired else Outcome.OK
    if problems or lost:
        outcome = Outcome.INVALID if problems else _outcome(lost[0])
    error = error_of(problems, lost, lines) if problems or lost else None
    if error is not None:
        error.__cause__ = cause
    return DocumentExtraction(
        outcome,
        lines,
        record,
        error,
        merged.record,
        merged.conflicts,
        evidence,
        sure or None,
        plan.text,
        plan.origin,
        coverage(plan.text, evidence),
        tuple(at for at in merged.carried if at in evidence),
    )


def _unread(problem: Problem) -> Problem:
    return replace(problem, reason=f"{problem.reason}, as far as it was read")


def _outcome(line: ChunkOutcome) -> Outcome:
    return line.outcome or (Outcome.TRANSPORT if isinstance(line.error, RunStopped) else Outcome.INVALID)


def error_of(
    problems: Sequence[Problem], lost: Sequence[ChunkOutcome], lines: Sequence[ChunkOutcome]
) -> ServiceError | ExtractionError:
    """Return the error that names problems, and the chunks of a text that gave no record."""
    attempts = [attempt for line in lines for attempt in line.attempts]
    gone = [Problem("", f"{line}: {line.reason}", type="chunk") for line in lost]
    named = [str(line) for line in lost[:NAMED]] + ([f"and {len(lost) - NAMED} more"] if lost[NAMED:] else [])
    told = [f"{len(lost)} of {len(lines)} chunks gave no record ({'; '.join(named)})"] if lost else []
    told += [
        *map(str, problems[:NAMED]),
        *([f"and {len(problems) - NAMED} more"] if problems[NAMED:] else []),
    ]
    message, first = "; ".join(told), lost[0].error if lost and not problems else None
    if isinstance(first, ServiceError):
        return ServiceError(message, first.status, first.retry_after, first.request_id, attempts)
    kind = type(first) if isinstance(first, ExtractionError) else Invalid
    return kind(message, [*problems, *gone], attempts)


def _miscounted(counts: Mapping[str, int | str], found: JSON) -> Iterator[Problem]:
    """Yield a problem for each list that has not as many items as the text says."""
    for place, told in counts.items():
        said = told if isinstance(told, int) else value_at(found, told)
        items = value_at(found, place)
        number = len(items) if isinstance(items, list | dict) else 0
        if isinstance(said, int) and said != number:
            where = "" if isinstance(told, int) else f" at {told}"
            yield Problem(place, f"has {number} items, but {said} are declared{where}", number, "count")


def _moved(told: Mapping[str, V], found: JSON, record: Any, nothing: V) -> dict[str, V]:
    """Return the confidence of the leaves of merged JSON, by the pointers of the record that was made of it:
    validation may have put its values elsewhere.
    """
    others: defaultdict[tuple[str, str], list[V]] = defaultdict(list)
    for pointer, each in told.items():
        others[any_index(pointer), canonical(value_at(found, pointer))].append(each)
    moved = {}
    for leaf in leaves(record):
        same = others[any_index(leaf.pointer), canonical(leaf.json)]
        stays = canonical(value_at(found, leaf.pointer)) == canonical(leaf.json) or not same
        moved[leaf.pointer] = told.get(leaf.pointer, nothing) if stays else same.pop(0)
    return moved


def json_of(record: Any) -> JSON:
    """Return a record as JSON."""
    from ..report import as_json

    return as_json(record)
