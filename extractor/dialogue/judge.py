"""What one reply is worth: its outcome, its record, its problems. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from ..confidence import Measured, Told, told_by_tokens
from ..errors import Invalid, InvalidJSON, Problem, Unjudged
from ..messages import Cited, Completion, Outcome
from .found import found_json, without_thoughts
from .patch import Patch, Path
from .rest import Rest

T = TypeVar("T")

CUT_OFF = ("length", "max_tokens", "model_length", "MAX_TOKENS", "LENGTH")  # finish reasons
MOST_CANDIDATES = 100  # JSON values in a reply's prose that are tried, the last ones
BROKEN_OFF = ("error", "insufficient_system_resource")  # the server stopped in the middle, and says so
BOUND_REACHED = (
    "bound_reached"  # the type of problem where a value fills a bound that was added for the model
)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """One reply, judged. `record` is set where the outcome is ok; `text` is the JSON that was judged,
    the reply's or the patched one, or the beginning of a reply that is cut off. `quotes`: what the model
    quoted from the text, checked, by pointer. told: what the tokens tell of the values in `text`, by path,
    where that is asked for and known; measured: what it says of the record.
    """

    outcome: Outcome
    record: T | None = None
    problems: tuple[Problem, ...] = ()
    text: str | None = None
    quotes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    told: Mapping[Path, Told] = field(default_factory=dict)
    measured: Measured | None = None


Decode: TypeAlias = Callable[[str], T]
Measure: TypeAlias = Callable[[Any, str, Mapping[Path, Told]], Measured]  # of a record, out of which text
Part: TypeAlias = Patch | Rest  # what was asked for, where it was not the whole record
Judge: TypeAlias = Callable[[Completion, Part | None], Verdict[T]]


def accept(completion: Completion, patch: Part | None = None) -> Verdict[Completion]:
    """Take any completion as it is: the judge of plain chat."""
    return Verdict(Outcome.OK, completion)


def judge_record(
    completion: Completion, patch: Part | None, decode: Decode[T], measure: Measure | None = None
) -> Verdict[T]:
    """Judge a reply that should be a record. A reply that is cut off is never read, though its
    beginning may look whole. patch: what was asked for, where it was not the whole record. measure: what
    says how sure the values are, where that is asked for.
    """
    verdict, said = _judged(completion, patch, decode)
    if measure is None or said is None or verdict.text is None:
        return verdict
    told: Mapping[Path, Told] = told_by_tokens(said, completion.choices[0].logprobs)
    if verdict.text is not said:  # the patched one
        told = {} if patch is None else patch.told_of(told)
    measured = measure(verdict.record, verdict.text, told) if verdict.outcome is Outcome.OK else None
    return replace(verdict, told=told, measured=measured)


def _judged(completion: Completion, patch: Part | None, decode: Decode[T]) -> tuple[Verdict[T], str | None]:
    """Return the verdict, and the JSON in the reply that it is about."""
    text = _record_text(completion)
    stopped = _stopped(completion, text)
    if stopped is not None:
        return Verdict(stopped, problems=(_reason(stopped, completion),), text=text or None), None
    first = _read(text, patch, decode)
    if first.outcome is not Outcome.INVALID_JSON:
        return first, text
    candidates = found_json(without_thoughts(text))
    if candidates is None:
        return replace(first, problems=(*first.problems, _UNFINISHED)), None
    verdicts = [(_read(each, patch, decode), each) for each in candidates[: -MOST_CANDIDATES - 1 : -1]]
    right = (pair for pair in verdicts if pair[0].outcome is Outcome.OK)
    return next(right, verdicts[0] if verdicts else (first, None))


def _record_text(completion: Completion) -> str:
    """Return the reply's text, or the arguments of the call that it was forced to make."""
    called = completion.tool_calls[0].function.arguments if completion.tool_calls else ""
    return called or completion.content or ""


def _read(text: str, patch: Part | None, decode: Decode[T]) -> Verdict[T]:
    merged = patch.merge(text) if patch else text
    verdict = _decoded(text if merged is None else merged, decode)
    if patch is None or merged is not None or verdict.outcome is Outcome.OK or patch.is_whole(text):
        return verdict  # some models answer with the whole, though a part was asked for
    return Verdict(verdict.outcome, problems=patch.missing)


def _decoded(text: str, decode: Decode[T]) -> Verdict[T]:
    try:
        record = decode(text)
    except InvalidJSON as error:
        _raise_other(error)
        return Verdict(Outcome.INVALID_JSON, problems=error.problems)
    except Invalid as error:
        _raise_other(error)
        cut = any(problem.type == BOUND_REACHED for problem in error.problems)
        return Verdict(Outcome.TRUNCATED if cut else Outcome.INVALID, problems=error.problems, text=text)
    if isinstance(record, Cited):
        return Verdict(Outcome.OK, record.record, text=text, quotes=record.quotes)
    return Verdict(Outcome.OK, record, text=text)


def _raise_other(error: Invalid) -> None:
    """Raise what is no verdict on a reply: an error of the caller's own code, or of Python's bounds."""
    if isinstance(error, Unjudged):
        raise error
    if isinstance(error, InvalidJSON) and error.__cause__ is not None:  # JSON, of what Python can't hold
        raise error.__cause__ from None


def judge_tool_calls(
    completion: Completion, patch: Part | None, decoders: Mapping[str, Decode[Any]], required: bool = False
) -> Verdict[Completion]:
    """Judge a reply to a chat with tools: each call has to fit its tool; text is taken as it is.

    decoders: by the tool's name, from the arguments' JSON text to their value. required: whether a
    reply without a call will not do. The record is the completion, with `parsed_arguments` filled in.
    """
    if not completion.tool_calls:
        stopped = _stopped(completion, completion.content or "") if required else Outcome.OK
        if stopped is Outcome.OK:
            return Verdict(Outcome.OK, completion)
        return Verdict(stopped or Outcome.INVALID, problems=(_REASONS.get(stopped, _NO_CALL),))
    if completion.finish_reason in (*CUT_OFF, *BROKEN_OFF):
        return Verdict(Outcome.TRUNCATED, problems=(_reason(Outcome.TRUNCATED, completion),))
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
            _raise_other(error)
            where = f"/tool_calls/{i}/function/arguments"
            problems += [replace(p, pointer=where + p.pointer) for p in error.problems]
        else:
            calls.append(replace(call, function=replace(call.function, parsed_arguments=arguments)))
    if problems:
        return Verdict(Outcome.INVALID, problems=tuple(problems))
    return Verdict(Outcome.OK, completion.with_message(tool_calls=tuple(calls)))


def _stopped(completion: Completion, text: str) -> Outcome | None:
    """How the provider ended a reply that needs no reading, None for one that does."""
    match completion.finish_reason:
        case "content_filter":
            return Outcome.FILTERED
        case "refusal":
            return Outcome.REFUSED
    if completion.finish_reason in (*CUT_OFF, *BROKEN_OFF):
        return Outcome.TRUNCATED
    if completion.message.refusal:
        return Outcome.REFUSED
    if not text.strip():
        return Outcome.EMPTY
    return None


def _reason(stopped: Outcome, completion: Completion) -> Problem:
    """Why a reply that the provider ended is none, in the provider's own words where it has some."""
    ending, plain = completion.finish_reason, _REASONS[stopped]
    said = f": {completion.fault}" if completion.fault else ""
    if stopped is Outcome.TRUNCATED and ending in BROKEN_OFF:
        return Problem("", f"the server broke the reply off{said}", type="broken_off")
    if stopped is Outcome.EMPTY and ending not in (None, "stop", "tool_calls"):
        said = f"{said}; it ended in {ending!r}"
    return replace(plain, reason=plain.reason + said)


_UNFINISHED = Problem("", "the reply ends inside a JSON value", type="unfinished")
_NO_CALL = Problem("/tool_calls", "the model called no tool, though it had to", type="missing")
_REASONS: Mapping[Outcome | None, Problem] = {
    Outcome.FILTERED: Problem("", "the provider's content filter withheld the reply", type="content_filter"),
    Outcome.REFUSED: Problem("", "the model refused to answer", type="refusal"),
    Outcome.TRUNCATED: Problem("", "the reply was cut off by the token limit", type="length"),
    Outcome.EMPTY: Problem("", "the reply holds no text", type="empty"),
}
