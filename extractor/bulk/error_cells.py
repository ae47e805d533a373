"""Errors as cells of a table: kind, message, attempts, HTTP status. Pure."""

from __future__ import annotations

from typing import Any, TypeAlias

from ..messages import JSON
from ..results import Result

Cell: TypeAlias = dict[str, JSON]


def error_cell(result: Result[Any]) -> Cell | None:
    """Return kind, message, attempts and http_status of what went wrong with a row; None for nothing.

    kind: the outcome; for an exchange that failed the kind of failure ("status", "timeout", ...); else
    "input" for a bad row.
    """
    if result.error is None:
        return None
    failure = result.attempts[-1].failure if result.attempts else None
    kind = str(failure.kind if failure else result.outcome or "input")
    return cell(kind, str(result.error), len(result.attempts), failure.status if failure else None)


def cell(kind: str, message: str, attempts: int = 0, status: int | None = None) -> Cell:
    """Return an error as it is written."""
    return {"kind": kind, "message": message, "attempts": attempts, "http_status": status}
