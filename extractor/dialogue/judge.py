"""What one reply is worth: its outcome, its record, its problems. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

from ..errors import Invalid, InvalidJSON, Problem
from ..messages import Completion, Outcome

T = TypeVar("T")

CUT_OFF = ("length", "max_tokens")  # finish reasons
BOUND_REACHED = (
    "bound_reached"  # the type of problem where a value fills a bound that was added for the model
)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """One reply, judged. `record` is set where the outcome is ok."""

    outcome: Outcome
    record: T | None = None
    problems: tuple[Problem, ...] = ()


Judge: TypeAlias = Callable[[Completion], Verdict[T]]


def accept(completion: Completion) -> Verdict[Completion]:
    """Take any completion as it is: the judge of plain chat."""
    return Verdict(Outcome.OK, completion)


def judge_record(completion: Completion, decode: Callable[[str], T]) -> Verdict[T]:
    """Judge a reply that should be a record. A reply that is cut off is never read, though its
    beginning may look whole.
    """
    stopped = _stopped(completion)
    if stopped is not None:
        return Verdict(stopped, problems=(_REASONS[stopped],))
    try:
        return Verdict(Outcome.OK, decode(completion.content or ""))
    except InvalidJSON as error:
        return Verdict(Outcome.INVALID_JSON, problems=error.problems)
    except Invalid as error:
        cut = any(problem.type == BOUND_REACHED for problem in error.problems)
        return Verdict(Outcome.TRUNCATED if cut else Outcome.INVALID, problems=error.problems)


def judge_tool_calls(
    completion: Completion, decoders: Mapping[str, Callable[[str], Any]]
) -> Verdict[Completion]:
    """Judge a reply to a chat with tools: each call has to fit its tool; text is taken as it is.

    decoders: by the tool's name, from the arguments' JSON text to their value. The record is the
    completion, with `parsed_arguments` filled in.
    """
    if not completion.tool_calls:
        return Verdict(Outcome.OK, completion)
    if completion.finish_reason in CUT_OFF:
        return Verdict(Outcome.TRUNCATED, problems=(_REASONS[Outcome.TRUNCATED],))
    calls, problems = [], list[Problem]()
    for i, call in enumerate(completion.tool_calls):
        decode = decoders.get(call.function.name)
        if decode is None:
            reason = f"{call.function.name!r} is no tool of this request"
            problems.append(Problem(f"/tool_calls/{i}", reason, call.function.name, "unknown_tool"))
            continue
        try:
            arguments = decode(call.function.arguments or "{}")
        except Invalid as error:
            where = f"/tool_calls/{i}/function/arguments"
            problems += [replace(p, pointer=where + p.pointer) for p in error.problems]
        else:
            calls.append(replace(call, function=replace(call.function, parsed_arguments=arguments)))
    if problems:
        return Verdict(Outcome.INVALID, problems=tuple(problems))
    return Verdict(Outcome.OK, completion.with_message(tool_calls=tuple(calls)))


def _stopped(completion: Completion) -> Outcome | None:
    """How the provider ended a reply that needs no reading, None for one that does."""
    match completion.finish_reason:
        case "content_filter":
            return Outcome.FILTERED
        case "refusal":
            return Outcome.REFUSED
    if completion.finish_reason in CUT_OFF:
        return Outcome.TRUNCATED
    if completion.message.refusal:
        return Outcome.REFUSED
    if not (completion.content or "").strip():
        return Outcome.EMPTY
    return None


_REASONS = {
    Outcome.FILTERED: Problem("", "the provider's content filter withheld the reply", type="content_filter"),
    Outcome.REFUSED: Problem("", "the model refused to answer", type="refusal"),
    Outcome.TRUNCATED: Problem("", "the reply was cut off by the token limit", type="length"),
    Outcome.EMPTY: Problem("", "the reply holds no text", type="empty"),
}
