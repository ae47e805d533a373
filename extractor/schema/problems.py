"""Pydantic's errors -> problems at JSON pointers in the user's own shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from ..errors import Invalid, InvalidJSON, Problem
from ..messages import JSON
from ..pointers import Step, pointer
from .nodes import TAG, VALUE, TypeSource


def invalid(problems: Sequence[Problem]) -> Invalid:
    """Return the error that holds `problems`."""
    return Invalid("; ".join(map(str, problems[:5])), problems)


def not_json(reason: str, text: str | bytes) -> InvalidJSON:
    """Return the error for `text` that is no JSON."""
    problem = Problem("", f"is no JSON: {reason}", text[:200], "json_invalid")
    return InvalidJSON(str(problem), [problem])


def judged(source: TypeSource, data: JSON, context: Any) -> Any:
    """Return the record that plain JSON is. Raises Invalid with what is wrong with it."""
    plain = to_json(data, inf_nan_mode="constants")
    try:
        return source.validate(plain, context)
    except ValidationError as error:
        raise invalid(source.problems(error, plain)) from error


def explain(error: Exception, text: str | bytes) -> list[Problem]:
    """Return the problems that `error` holds about the JSON `text` that Pydantic was given."""
    if not isinstance(error, ValidationError):
        return [Problem("", f"{type(error).__name__}: {error}", type="validator_error")]
    data = from_json(text)
    return [
        Problem(
            pointer(locate(found["loc"], data, missing=found["type"] == "missing")),
            found["msg"],
            unmarked(found["input"]),
            found["type"],
        )
        for found in error.errors(include_url=False, include_context=False)
    ]


def locate(loc: Sequence[Step], data: JSON, *, missing: bool = False) -> list[Step]:
    """Return the steps of `loc` that are in `data`: Pydantic also names union members and validators."""
    steps: list[Step] = []
    for i, step in enumerate(loc):
        if isinstance(data, dict) and TAG in data and VALUE in data:
            data = data[VALUE]
        if isinstance(data, dict) and str(step) in data:
            data = data[str(step)]
            steps.append(str(step))
        elif isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
            data = data[step]
            steps.append(step)
        elif missing and i == len(loc) - 1:
            steps.append(step)
    return steps


def unmarked(data: JSON) -> JSON:
    """Return `data` without the marks that say which member of a union is meant."""
    if isinstance(data, dict):
        if data.keys() == {TAG, VALUE}:
            return unmarked(data[VALUE])
        return {key: unmarked(value) for key, value in data.items()}
    if isinstance(data, list):
        return [unmarked(item) for item in data]
    return data
