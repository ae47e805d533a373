"""Runs what the model called, and formats the result for it. Nothing else here runs code."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from ..errors import ConfigError, Invalid, Problem
from ..messages import JSON, Message, ToolCall
from ..recorded import error_as_json, error_from_json, listed_as_json, listed_from_json
from ..words import one_line
from .box import Called

ERROR_CHARACTERS = 1000  # of an exception's text
SHOWN_PROBLEMS = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """One tool call of the model with its result.

    - value: what the tool returned.
    - error: why there is no value; Invalid if the call did not fit its tool.
    - content: what the model was shown.
    """

    call: ToolCall
    content: str
    value: Any = field(default=None, repr=False)
    error: Exception | None = None

    @property
    def message(self) -> Message:
        """The turn that answers the call."""
        return Message("tool", self.content, tool_call_id=self.call.id)

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON; what JSON has no form for is its repr."""
        call, value = listed_as_json(Any, [self.call, self.value])
        error = error_as_json(self.error)
        return {"call": call, "content": self.content, "value": value, "error": error}

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON]) -> ToolResult:
        """Return what `to_dict` said: the value as JSON, a foreign error as an ExtractorError."""
        (call,) = listed_from_json(ToolCall, [told["call"]])
        return cls(call, told["content"], told["value"], error_from_json(told["error"]))


def run(called: Called) -> ToolResult:
    """Return what a call gives. An exception of the tool is its result, for the model to read.

    Raises ConfigError if the tool returns something to await.
    """
    if called.function is None:
        return _not_run(called)
    try:
        value = called.function(called.arguments)
    except Exception as error:
        return _failed(called, error)
    if inspect.isawaitable(value):
        if isinstance(value, Coroutine):
            value.close()
        raise ConfigError(f"{called.call.function.name} is async: only AsyncExtractor.run_tools can await it")
    return _done(called, value)


async def arun(called: Called) -> ToolResult:
    """`run` for async code: an async tool is awaited, any other is run in a thread."""
    if called.function is None:
        return _not_run(called)
    try:
        value = await asyncio.to_thread(called.function, called.arguments)
        if inspect.isawaitable(value):
            value = await value
    except Exception as error:
        return _failed(called, error)
    return _done(called, value)


def _not_run(called: Called) -> ToolResult:
    if called.is_answer:
        return ToolResult(called.call, '{"accepted":true}', called.arguments)
    told = {"invalid_call": [_told(problem) for problem in called.problems[:SHOWN_PROBLEMS]]}
    error = Invalid(f"{called.call.function.name!r}: {called.problems[0]}", called.problems)
    return ToolResult(called.call, _said({"error": told}), error=error)


def _told(problem: Problem) -> dict[str, str]:
    return {"at": problem.pointer, "reason": _short(problem.reason)}


def _failed(called: Called, error: Exception) -> ToolResult:
    """The exception's text goes to the model as a member of an object: as data, shortened."""
    _log.info("the tool %s raised %s", one_line(called.call.function.name, 100), type(error).__name__)
    told = {"type": type(error).__name__, "message": _short(str(error))}
    return ToolResult(called.call, _said({"error": told}), error=error)


def _done(called: Called, value: Any) -> ToolResult:
    try:
        return ToolResult(called.call, value if isinstance(value, str) else _said(value), value)
    except (ValueError, RecursionError) as error:  # pydantic's PydanticSerializationError is a ValueError
        return _failed(called, error)


def _said(value: Any) -> str:
    return to_json(value, inf_nan_mode="strings").decode()


def _short(text: str) -> str:
    return text if len(text) <= ERROR_CHARACTERS else text[:ERROR_CHARACTERS] + "…"
