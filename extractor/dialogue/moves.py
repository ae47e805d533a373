"""What is tried after each ending of an attempt: the one table, which the documentation shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ..messages import Completion, Outcome
from .input import INPUT_CUT
from .judge import BROKEN_OFF, CUT_OFF, Verdict


class Ending(StrEnum):
    """How an attempt without a record ended; the value says it in words."""

    INVALID = "`invalid` or `invalid_json`: no JSON, or JSON that the type rejects"
    OUT_OF_TOKENS = "`truncated` by the limit of tokens"
    BROKEN_OFF = "`truncated` by the server, as it reports"
    FULL = "`truncated` by a bound that was added to the schema"
    INPUT_CUT = "`truncated`: the server cut the text"
    EMPTY = "`empty`: no text"
    DECLINED = "`refused` or `filtered`"
    TOOL_CALL = "a call of a tool that does not fit"
    FAILED = "`transport`: no reply, or an HTTP error"


class Remedy(StrEnum):
    """What the same model is asked next; the value says it in words."""

    ANOTHER_WAY = "in a weaker mode, in other turns or without log-probabilities, if the server rejects those"
    WAIT = "the same after a back-off, up to `max_retries`, if the failure is transient"
    REPAIR = "only for what is wrong, or else for the whole, with the reasons"
    CONTINUE = "for the rest of the list that was cut"
    ENLARGE = "the same with twice the `max_tokens`, once, if you gave a limit"
    ONCE_MORE = "the same, once"
    SAME = "the same, if `on=` says `again`"


TABLE: Mapping[Ending, Sequence[Remedy]] = MappingProxyType(
    {
        Ending.INVALID: (Remedy.REPAIR,),
        Ending.OUT_OF_TOKENS: (Remedy.CONTINUE, Remedy.ENLARGE),
        Ending.BROKEN_OFF: (Remedy.CONTINUE, Remedy.ONCE_MORE),
        Ending.FULL: (Remedy.REPAIR,),
        Ending.INPUT_CUT: (),
        Ending.EMPTY: (Remedy.ONCE_MORE,),
        Ending.DECLINED: (Remedy.SAME,),
        Ending.TOOL_CALL: (),
        Ending.FAILED: (Remedy.ANOTHER_WAY, Remedy.WAIT),
    }
)


def ending_of(reply: Completion, verdict: Verdict[Any], has_tools: bool) -> Ending:
    """Return how an attempt ended whose reply is no record. has_tools: whether it could call some."""
    if has_tools:
        return Ending.TOOL_CALL
    if any(problem.type == INPUT_CUT for problem in verdict.problems):
        return Ending.INPUT_CUT
    match verdict.outcome:
        case Outcome.TRUNCATED if reply.finish_reason in CUT_OFF:
            return Ending.OUT_OF_TOKENS
        case Outcome.TRUNCATED if reply.finish_reason in BROKEN_OFF:
            return Ending.BROKEN_OFF
        case Outcome.TRUNCATED:
            return Ending.FULL
        case Outcome.EMPTY:
            return Ending.EMPTY
        case Outcome.INVALID | Outcome.INVALID_JSON:
            return Ending.INVALID
    return Ending.DECLINED


def shown() -> str:
    """Return the table in Markdown, as the documentation has it."""
    rows = (f"| {ending.value} | {'; else '.join(moves) or 'nothing'} |" for ending, moves in TABLE.items())
    return "\n".join(["| an attempt ended in | the same model is asked |", "| --- | --- |", *rows])
