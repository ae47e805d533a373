"""The verdict on one reply: outcome, record, problems. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from ..confidence import Measured, TokenScore, odds_of_strings, told_by_tokens
from ..errors import Invalid, InvalidJSON, Problem, Unjudged
from ..messages import Cited, Completion, Outcome
from ..pointers import pointer
from ..reading import (
    Decoded,
    Read,
    Reader,
    RecordShape,
    begun_json,
    distinct,
    how,
    listed,
    whole_value,
    written,
)
from .continuation import Continuation
from .patch import Patch, Path, loses

T = TypeVar("T")

CUT_OFF = ("length", "max_tokens", "model_length", "MAX_TOKENS", "LENGTH")  # finish reasons
BROKEN_OFF = (  # the server stopped in the middle, and says so
    *("error", "insufficient_system_resource", "cancelled", "incomplete", "failed"),
)
NATURAL = frozenset(  # ends of a whole reply, in the words of servers
    {
        *("stop", "tool_calls", "function_call", "eos", "eos_token", "end_turn", "stop_sequence", "tool_use"),
        *("STOP", "complete", "COMPLETE", "completed", "end_of_text"),
    }
)
BOUND_REACHED = (
    "bound_reached"  # the type of problem where a value fills a bound that was added for the model
)
_FENCED = re.compile(r"\s*```(?:json)?\s(.*)```\s*", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[T]):
    """One reply, judged. `record` is set where the outcome is ok; `text` is the JSON that was judged,
    the reply's or the patched one, or the beginning of a reply that is cut off. `quotes`: what the model
    quoted from the text, checked, by pointer. told: the log-probabilities of the values in `text`, by path,
    if that is asked for and known; measured: what it says of the record.
    """

    outcome: Outcome
    record: T | None = None
    problems: tuple[Problem, ...] = ()
    text: str | None = None
    quotes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    told: Mapping[Path, TokenScore] = field(default_factory=dict)
    measured: Measured | None = None
    note: str | None = None

    def with_note(self, note: str | None) -> Verdict[T]:
        """Return the verdict with one more note, if there is one."""
        return replace(self, note="; ".join(filter(None, (self.note, note)))) if note else self


Decode: TypeAlias = Callable[[str], T]
Measure: TypeAlias = Callable[
    [Any, str, Mapping[Path, TokenScore]], Measured
]  # of a record, out of which text
Weigh: TypeAlias = Callable[[Any, Mapping[Path, float]], Sequence[Path]]  # of JSON, by the odds of strings
NULL_TAKEN = "null was taken, which the model found likelier than what the text has"
CHANGED = (
    "when asked for a part, the model returned the whole record, with different values in settled fields"
)
KEPT = "when asked for a part, the model returned the whole record; settled fields were kept"
NO_ARGUMENTS = "the call has no arguments: defaults were taken"
Part: TypeAlias = Patch | Continuation  # what was asked for, if it was not the whole record
Judge: TypeAlias = Callable[[Completion, Part | None], Verdict[T]]


def accept(completion: Completion, patch: Part | None = None) -> Verdict[Completion]:
    """Take any completion as it is: the judge of plain chat."""
    return Verdict(Outcome.OK, completion)


def judge_record(
    completion: Completion,
    patch: Part | None,
    decode: Decode[T],
    measure: Measure | None = None,
    reader: Reader | None = None,
    weigh: Weigh | None = None,
) -> Verdict[T]:
    """Judge a reply that should be a record. A reply that is cut off is never read, though its
    beginning may look whole. patch: what was asked for, if it was not the whole record. measure: what
    says how sure the values are, if that is asked for. reader: finds the record in the reply, by the
    schema that was sent; by default what `decode` takes is one. weigh: finds strings that are less likely
    than null, which takes their place in a whole record.
    """
    reader = reader or Reader(taken_by(decode))
    verdict, said = _judged(completion, patch, decode, reader)
    logprobs = completion.choices[0].logprobs if completion.choices else None
    emptied: tuple[Path, ...] = ()
    if weigh is not None and said is not None and verdict.outcome is Outcome.OK and verdict.text == said:
        emptied = tuple(weigh(whole_value(said), odds_of_strings(said, logprobs)))
        verdict = _with_nulls(verdict, emptied, decode)
    if measure is None or verdict.text is None or verdict.outcome is Outcome.TRUNCATED:
        return verdict
    told = told_by_tokens(said, logprobs) if said is not None else {}
    told = {path: each for path, each in told.items() if path not in emptied}
    if patch is not None and verdict.text is not said:
        told = patch.told_of(told)
    measured = measure(verdict.record, verdict.text, told) if verdict.outcome is Outcome.OK else None
    return replace(verdict, told=told, measured=measured)


def _with_nulls(verdict: Verdict[T], places: Sequence[Path], decode: Decode[T]) -> Verdict[T]:
    """Return the verdict on the record with null at those places, if that is a valid one."""
    if not places:
        return verdict
    data = whole_value(verdict.text or "")
    for steps in places:
        inner = data
        for step in steps[:-1]:
            inner = inner[step]
        inner[steps[-1]] = None
    emptied = _decoded(written(data), decode)
    if emptied.outcome is not Outcome.OK:
        return verdict
    said = f"{NULL_TAKEN} ({listed(tuple(map(pointer, places)))})"
    return replace(emptied, note=verdict.note).with_note(said)


def _judged(
    completion: Completion, patch: Part | None, decode: Decode[T], reader: Reader
) -> tuple[Verdict[T], str | None]:
    """Return the verdict, and the JSON in the reply that it is about, where it stands there as it is."""
    texts, notes = _said(completion, reader)
    stopped = _stopped(completion, texts[0])
    if stopped is not None:
        begun = begun_json(texts[0]) if stopped is Outcome.TRUNCATED else texts[0] or None
        return Verdict(stopped, problems=(_reason(stopped, completion),), text=begun), None
    if patch is None:
        read = reader.read_all(texts)
        others = (
            *_other_choices(completion, reader, read),
            *_beside_calls(completion, reader, read),
            *_odd_ending(completion),
        )
        whole = replace(read, passed_over=(*read.passed_over, *others)) if others else read
        return _verdict(whole, decode, notes), read.slice
    return _part(texts, patch, decode, reader, notes)


def _other_choices(completion: Completion, reader: Reader, first: Read) -> Sequence[str]:
    """Return what is said of further choices of a reply, where they hold other values than the first."""
    others = completion.choices[1:]
    if not others or first.text is None:
        return ()
    reads = (reader.read_all(_said(replace(completion, choices=(each,)), reader)[0]) for each in others)
    values = distinct([whole_value(each.text) for each in (first, *reads) if each.text is not None])
    if len(values) == 1:
        return ()
    return (f"the {len(completion.choices)} choices of the reply differ, and the first was taken",)


def _beside_calls(completion: Completion, reader: Reader, called: Read) -> Sequence[str]:
    """Return what is said of a reply that calls with one record, and holds another one in its text."""
    message, content = completion.message, completion.content or ""
    if not message.tool_calls or called.text is None or "{" not in content:
        return ()
    written = reader.read(content)
    if written.text is None or called.text == written.text:
        return ()
    if len(distinct([whole_value(called.text), whole_value(written.text)])) == 1:
        return ()
    return ("the text beside the call holds other values, and the call was taken",)


def _odd_ending(completion: Completion) -> Sequence[str]:
    """Return what is said of a reply that ended for a reason which nobody knows."""
    reason = completion.finish_reason
    if reason is None or reason in NATURAL:
        return ()
    return (f"the server ended the reply with {reason!r:.60}, and it may not be whole",)


def _part(
    texts: Sequence[str], patch: Part, decode: Decode[T], reader: Reader, notes: tuple[str, ...]
) -> tuple[Verdict[T], str | None]:
    """Judge a reply to a question for a part of the record. Some models answer with the whole: it counts if
    it has lost nothing of what was settled; else only what was asked for is taken out of it.
    """
    part = replace(reader, shape=RecordShape(patch.schema.schema, reader.shape.name)).read_all(texts)
    merged = None if part.text is None else patch.merge(part.text)
    noted = notes if part.text is None else (*notes, *patch.remarks(part.text))
    if merged is not None and not part.others:
        return _verdict(_put_together(merged, part, reader), decode, noted), part.slice
    whole = reader.read_all(texts)
    verdict = _verdict(whole, decode, notes)
    within = None if whole.text is None else patch.within_whole(whole.text)
    if within is not None and whole.text is not None:
        before, now = json.loads(within), json.loads(whole.text)
        if before == now:
            return verdict, whole.slice
        if verdict.outcome is Outcome.OK and not loses(before, now):
            return _verdict(whole, decode, (*notes, CHANGED)), whole.slice
        found = _verdict(_put_together(within, whole, reader), decode, (*notes, KEPT))
        if merged is None or found.outcome is Outcome.OK:
            return found, None
    if merged is not None:
        return _verdict(_put_together(merged, part, reader), decode, noted), part.slice
    if verdict.outcome is Outcome.OK and whole.text is not None and patch.keeps(json.loads(whole.text)):
        return _verdict(whole, decode, (*notes, CHANGED)), whole.slice
    outcome = Outcome.INVALID if verdict.outcome is Outcome.OK else verdict.outcome
    return Verdict(outcome, problems=patch.missing), None


def _put_together(text: str, read: Read, reader: Reader) -> Read:
    """Return a record that is partly of this reply and partly of an earlier one, which was no record: what
    was left in doubt there is so still.
    """
    return replace(reader.checked(text), notes=read.notes, passed_over=read.passed_over)


def _said(completion: Completion, reader: Reader) -> tuple[list[str], tuple[str, ...]]:
    """Return the arguments of the calls that the reply was forced to make, else its text. If there is
    neither, some servers took the answer for a thought; that of a thought which is the record alone counts.
    """
    message, content = completion.message, completion.content or ""
    texts = [call.function.arguments for call in message.tool_calls]
    if reader.slips and reader.shape.takes_nothing:
        texts = [text if text.strip() else "null" for text in texts]
    texts = [text for text in texts if text.strip()]
    if texts or content.strip():
        return texts or [content], ()
    thought = message.reasoning_content or ""
    if fenced := _FENCED.fullmatch(thought):
        thought = fenced[1]
    if not reader.slips or not reader.shape.is_whole(thought):
        return [content], ()
    return [thought], ("the record was in reasoning_content, and content was empty",)


def _verdict(read: Read, decode: Decode[T], notes: tuple[str, ...]) -> Verdict[T]:
    if read.text is None:
        outcome = Outcome.INVALID if read.invalid else Outcome.INVALID_JSON
        return Verdict(outcome, problems=read.problems)
    try:
        verdict = _decoded(read.text, decode)
    except Unjudged as error:
        if read.fits:
            raise
        failed = f"the type's own code raised {type(error.__cause__).__name__}"
        return Verdict(Outcome.INVALID, problems=read.problems or (_MISSHAPEN,), text=read.text, note=failed)
    if verdict.outcome is Outcome.OK and read.problems:
        return Verdict(Outcome.INVALID, problems=read.problems, text=read.text)
    if verdict.outcome is Outcome.INVALID:
        told = {problem.pointer for problem in verdict.problems}
        more = tuple(problem for problem in read.problems if problem.pointer not in told)
        verdict = replace(verdict, problems=(*verdict.problems, *more))
    remarks = (*read.remarks, *read.passed_over) if verdict.outcome is Outcome.OK else ()
    note = how((*notes, *read.notes), remarks)
    return verdict if note is None else replace(verdict, note=note)


def taken_by(decode: Decode[Any]) -> RecordShape:
    """Return the shape of what `decode` takes."""
    return Decoded(
        lambda text: _decoded(text, decode).outcome is not Outcome.INVALID_JSON,
        lambda text: _decoded(text, decode).outcome is Outcome.OK,
    )


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
    """Raise an error that says nothing about a reply: one of the caller's own code, or of Python's bounds."""
    if isinstance(error, Unjudged):
        raise error
    if isinstance(error, InvalidJSON) and error.__cause__ is not None:  # JSON, of what Python can't hold
        raise error.__cause__ from None


def judge_tool_calls(
    completion: Completion,
    patch: Part | None,
    decoders: Mapping[str, Decode[Any]],
    required: bool = False,
    readers: Mapping[str, Reader] | None = None,
) -> Verdict[Completion]:
    """Judge a reply to a chat with tools: each call has to fit its tool; text is taken as it is.

    decoders: by the tool's name, from the arguments' JSON text to their value. required: whether a
    reply without a call will not do. readers: by the tool's name, what reads the arguments first. The
    record is the completion, with `parsed_arguments` filled in.
    """
    if not completion.tool_calls:
        stopped = _stopped(completion, completion.content or "") if required else Outcome.OK
        if stopped is Outcome.OK:
            return Verdict(Outcome.OK, completion)
        return Verdict(stopped or Outcome.INVALID, problems=(_REASONS.get(stopped, _NO_CALL),))
    if (stopped := stopped_early(completion)) is not None:
        return Verdict(stopped, problems=(_reason(stopped, completion),))
    calls, problems, reads = [], list[Problem](), list[Read]()
    for i, call in enumerate(completion.tool_calls):
        name = call.function.name
        if name not in decoders:
            reason = f"{name!r} is no tool of this request"
            problems.append(Problem(f"/tool_calls/{i}", reason, name, "unknown_tool"))
            continue
        try:
            read = readable_arguments(call.function.arguments, (readers or {}).get(name))
            arguments = decoders[name](read.text or "{}")
        except Invalid as error:
            _raise_other(error)
            where = f"/tool_calls/{i}/function/arguments"
            problems += [replace(p, pointer=where + p.pointer) for p in error.problems]
        else:
            reads.append(read)
            calls.append(replace(call, function=replace(call.function, parsed_arguments=arguments)))
    if problems:
        return Verdict(Outcome.INVALID, problems=tuple(problems))
    return Verdict(Outcome.OK, completion.with_message(tool_calls=tuple(calls)), note=how_called(reads))


def readable_arguments(arguments: str, reader: Reader | None) -> Read:
    """Return how a call's arguments are read, with their JSON text. Raises Invalid if there is no one
    reading of them.
    """
    if reader is None:
        return Read(arguments.strip() or "{}")
    read = reader.read(arguments.strip() or "{}")
    if not arguments.strip() and not reader.shape.takes_nothing:
        read = replace(read, notes=(*read.notes, NO_ARGUMENTS))
    if read.problems:
        kind = Invalid if read.invalid or read.text is not None else InvalidJSON
        raise kind("; ".join(map(str, read.problems)), read.problems)
    return read


def how_called(reads: Sequence[Read]) -> str | None:
    """Return what is said of calls whose arguments were read so; None if nothing is."""
    notes = [note for read in reads for note in read.notes]
    remarks = [remark for read in reads for remark in (*read.remarks, *read.passed_over)]
    return how(notes, tuple(dict.fromkeys(remarks)))


def stopped_early(completion: Completion) -> Outcome | None:
    """Return the outcome of a reply that its provider ended before its end, however whole it looks; None for
    any other.
    """
    match completion.finish_reason:
        case "content_filter":
            return Outcome.FILTERED
        case "refusal":
            return Outcome.REFUSED
    return Outcome.TRUNCATED if completion.finish_reason in (*CUT_OFF, *BROKEN_OFF) else None


def _stopped(completion: Completion, text: str) -> Outcome | None:
    """How the provider ended a reply that needs no reading, None for one that does."""
    if (stopped := stopped_early(completion)) is not None:
        return stopped
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
        return Problem("", f"the server cut the reply off{said}", type="broken_off")
    if stopped is Outcome.EMPTY and ending not in (None, "stop", "tool_calls"):
        said = f"{said}; it ended in {ending!r}"
    return replace(plain, reason=plain.reason + said)


_MISSHAPEN = Problem("", "does not have the shape that the schema asks for", type="shape")
_NO_CALL = Problem("/tool_calls", "the model called no tool, though it had to", type="missing")
_REASONS: Mapping[Outcome | None, Problem] = {
    Outcome.FILTERED: Problem("", "the provider's content filter withheld the reply", type="content_filter"),
    Outcome.REFUSED: Problem("", "the model refused to answer", type="refusal"),
    Outcome.TRUNCATED: Problem("", "the reply was cut off by the token limit", type="length"),
    Outcome.EMPTY: Problem("", "the reply has no text", type="empty"),
}
