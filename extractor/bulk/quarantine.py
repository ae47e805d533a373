"""Rows without a record, as lines of a quarantine: to be inspected and run again. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, TypeAlias

from pydantic_core import to_jsonable_python

from ..errors import Problem
from ..messages import JSON, Attempt
from ..results import Result
from .error_cells import Cell, cell, error_cell

Line: TypeAlias = dict[str, JSON]
VERSION = 2
KEYS = frozenset({"quarantine", "index", "input", "error", "attempts", "schema", "again", "seal"})
NO_TEXT = cell("no_text", "there is no text")


def line_of(index: int, row: JSON, error: Cell, schema: str, again: str) -> Line:
    """Return what a quarantine holds of a row: a JSON object.

    index: the row's position in the input, from 0. row: its own fields. error: kind, message, problems,
    attempts, http_status. schema: the record type's fingerprint. again: the command that feeds it again.
    """
    return {
        "quarantine": VERSION,
        "index": index,
        "input": row,
        "error": error,
        "attempts": [],
        "schema": schema,
        "again": again,
        "seal": _seal(index, schema, again),
    }


def quarantined(
    index: int, result: Result[Any], row: JSON, schema: str, again: str, fault: str | None = None
) -> Line:
    """Return the line for a row of a run. index: its position in the input, from 0. fault: why its record
    could not be written, where it has one.
    """
    if fault is not None:
        error = cell("serialization", fault, len(result.attempts))
    else:
        error = error_cell(result) or NO_TEXT
    found = problem_cells(getattr(result.error, "problems", ()))
    whole = {"kind": error["kind"], "message": error["message"], "problems": found, **error}
    line = line_of(index, _plain(row), whole, schema, again)
    return {**line, "attempts": [_attempt(each) for each in result.attempts]}


def is_quarantined(row: Mapping[str, JSON]) -> bool:
    """Whether a row is a line of a quarantine, and not one that has the same keys by chance."""
    if row.keys() != KEYS:
        return False
    told = [row[name] for name in ("index", "schema", "again")]
    return [*map(type, told)] == [int, str, str] and row["seal"] == _seal(*told)


def _seal(*told: JSON) -> str:
    """Return what only we write. The rest of a line may be mended by hand."""
    return blake2b(json.dumps([VERSION, *told]).encode(), digest_size=8).hexdigest()


def problem_cells(problems: Iterable[Problem]) -> list[JSON]:
    """Return each problem's pointer, reason, value and type."""
    return [_plain(problem) for problem in problems]


def _attempt(attempt: Attempt) -> JSON:
    failure = attempt.failure
    return {
        "model": attempt.model,
        "outcome": str(attempt.outcome),
        "text": attempt.text,
        "finish_reason": attempt.finish_reason,
        "http_status": failure.status if failure else attempt.status,
        "request_id": attempt.request_id,
        "latency": attempt.latency,
        "usage": _plain(attempt.usage),
        "problems": problem_cells(attempt.problems),
        "failure": failure and {"kind": str(failure.kind), "message": failure.message, "body": failure.body},
    }


def _plain(value: Any) -> JSON:
    return to_jsonable_python(value, serialize_unknown=True, bytes_mode="base64", inf_nan_mode="strings")
