"""Checks of plain JSON text against a record type. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ...errors import Problem


class Check(Protocol):
    """Says what is wrong with JSON text, () if it is a record. text: where marked values have to stand."""

    def __call__(self, data: bytes, text: str | None = None) -> Sequence[Problem]:
        """Return the problems."""
        ...


def no_json(why: str) -> Problem:
    """Return the problem of text that is no JSON."""
    return Problem("", f"is no JSON: {why}", type="json_invalid")
