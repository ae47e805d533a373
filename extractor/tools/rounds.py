"""The loop of tools, one round at a time: a request, the calls in its reply, and their results. Pure.

`first_round` gives the first Round. A shell asks `round.ask`, carries out `round.calls` of the reply, and
hands both to `round.after`, until that gives a ToolRun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

from ..dialects import Provider
from ..dialogue import (
    Ask,
    Judge,
    Policy,
    Verdict,
    how_called,
    judge_record,
    judge_tool_calls,
    start,
    stopped_early,
)
from ..errors import ConfigError, ExtractionError, ExtractorError, Problem, Truncated
from ..messages import JSON, Attempt, Completion, Message, Outcome, Request
from ..options import Tool
from ..results import Extraction, Result, reading_back, typed, written
from ..schema import bounded
from .box import Called, Toolbox
from .running import ToolResult
from .spoken import heard, read_step, spoken

T = TypeVar("T")
Choice: TypeAlias = str | Mapping[str, Any] | None
NO_ANSWER = (Outcome.INVALID, Outcome.INVALID_JSON, Outcome.EMPTY)


@dataclass(frozen=True, slots=True, repr=False)
class ToolRun(Result[T]):
    """How a conversation with tools ended, as data.

    - record: the validated answer; None if no record type was given.
    - error: why there is no answer.
    - messages: the whole conversation, to be continued by another call.
    - results: every tool call with its result, in order.
    - attempts: every request with its result.
    - rounds: how many replies the model gave.
    - completion: the last of them.
    """

    outcome: Outcome
    messages: tuple[Message, ...] = field(repr=False)
    attempts: tuple[Attempt, ...] = field(repr=False)
    results: tuple[ToolResult, ...]
    rounds: int
    record: T | None = None
    error: ExtractorError | None = None
    completion: Completion | None = field(default=None, repr=False)

    @property
    def content(self) -> str | None:
        """The text of the last reply."""
        return self.completion.content if self.completion else None

    def unwrap(self) -> T:
        """Return the record, or the answer's text if no record type was given. Raises `error`."""
        if self.error is not None:
            raise self.error
        return cast(T, self.content if self.record is None else self.record)

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON, for `from_dict` to read. Requests lose their messages, which are in `messages`;
        values that JSON has no form for are written as their repr.
        """
        from ..recorded import attempts_as_json, error_as_json, listed_as_json

        return {
            "outcome": str(self.outcome),
            **written("record", self.record),
            "error": error_as_json(self.error),
            "content": self.content,
            "messages": listed_as_json(Message, self.messages),
            "results": [each.to_dict() for each in self.results],
            "rounds": self.rounds,
            **self.spent(),
            "attempts": attempts_as_json(self.attempts),
            "completion": None if self.completion is None else self.completion.to_dict(),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON], record_type: Any = None) -> ToolRun[Any]:
        """Return the run that `to_dict` said. record_type: as given to `run_tools`. What tools were given and
        returned stays JSON, and an error of theirs is an ExtractorError. Raises ValueError.
        """
        from ..recorded import attempts_from_json, error_from_json, listed_from_json

        with reading_back(cls):
            attempts, record, answer = (
                attempts_from_json(told["attempts"]),
                told["record"],
                told["completion"],
            )
            return cls(
                Outcome(told["outcome"]),
                listed_from_json(Message, told["messages"]),
                attempts,
                tuple(map(ToolResult.from_dict, told["results"])),
                told["rounds"],
                None if record_type is None or record is None else typed("record", told, record_type),
                error_from_json(told["error"], attempts),
                None if answer is None else Completion.from_dict(answer),
            )


@dataclass(frozen=True, slots=True)
class ToolReply:
    """One reply, read: its calls; whether it ends the conversation, and with which record; what is wrong
    with it where it should have been a record.
    """

    completion: Completion
    calls: tuple[Called, ...] = ()
    ends: bool = False
    record: Any = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Settled:
    """What holds for all rounds. max_calls: of tools, in all of them. params: sampling parameters of each
    request. reading: how arguments and answers are read, see CompiledSchema.reader.
    """

    tools: tuple[Tool, ...]
    record_type: Any
    params: Mapping[str, Any]
    max_rounds: int
    max_calls: int
    policy: Policy
    reading: Mapping[str, bool] = field(default_factory=dict)

    def box(self, provider: Provider) -> Toolbox:
        """Return the tools with their schemas for one provider."""
        target = bounded(provider.target, provider.bounds, provider.bare_decimals)
        return Toolbox(self.tools, self.record_type, target, self.reading)


@dataclass(frozen=True, slots=True)
class Round:
    """Ask this next. rounds: replies so far. choice: this round's tool_choice. answer: what the record
    type is called as a tool, where there is one.
    """

    messages: tuple[Message, ...]
    settled: Settled
    answer: str | None
    choice: Choice
    ends: float | None
    rounds: int = 0
    attempts: tuple[Attempt, ...] = ()
    results: tuple[ToolResult, ...] = ()

    def ask(self, request: Request, provider: Provider, policy: Policy, now: float) -> Ask[ToolReply]:
        """Return the dialogue of this round, within the time and the budget of the whole.

        request: without tools. provider: whose schemas the tools get. policy: of the model that is asked.
        """
        box = self.settled.box(provider)
        judge: Judge[ToolReply] = partial(_judge, box=box)
        if provider.tools:
            request = replace(request, tools=box.strict, tool_choice=self.choice)
        else:
            request = spoken(request, box.strict, self.choice, answers=box.answer is None)
            judge = partial(_judge_spoken, box=box, number=self.rounds)
        return start(request, judge, policy, now).within(self.attempts, self.ends, now)

    def calls(self, reply: Extraction[ToolReply], now: float) -> tuple[Called, ...]:
        """Return the calls to carry out: none where nobody would hear of their results."""
        read = reply.record
        if read is None or not self._has_room(read) or not (read.ends or self._goes_on(reply, now)):
            return ()
        return read.calls

    def after(
        self, reply: Extraction[ToolReply], results: Sequence[ToolResult], now: float
    ) -> Round | ToolRun[Any]:
        """Return the next round, or how it ended. results: what the calls of `calls` gave."""
        read = reply.record
        if read is None or len(results) < len(read.calls):
            return self._ended(reply, cut=read is not None)
        said = (*self.messages, read.completion.message, *(result.message for result in results))
        heard = replace(self, messages=said, results=(*self.results, *results))
        if read.ends or not self._goes_on(reply, now):
            return heard._ended(reply, cut=not read.ends)
        if read.problems:
            heard = replace(heard, messages=(*said, _complaint(read.problems)))
        return replace(heard, choice=self._next_choice(), rounds=self.rounds + 1, attempts=reply.attempts)

    def _next_choice(self) -> Choice:
        """A choice that forces a call holds for the first round alone, or there would be no end. In the
        last round the model has to answer.
        """
        if self.rounds + 2 >= self.settled.max_rounds:
            return "none" if self.answer is None else self.answer
        if self.answer is not None:
            return "required" if self.choice != "auto" else "auto"
        return self.choice if self.choice in (None, "auto", "none") else None

    def _goes_on(self, reply: Extraction[ToolReply], now: float) -> bool:
        in_time = self.ends is None or now < self.ends
        return (
            in_time
            and self.rounds + 1 < self.settled.max_rounds
            and self.settled.policy.budget.left_after(reply.attempts)
        )

    def _has_room(self, read: ToolReply) -> bool:
        return len(self.results) + len(read.calls) <= self.settled.max_calls

    def _ended(self, reply: Extraction[ToolReply], cut: bool) -> ToolRun[Any]:
        """Return how it ended. cut: because of a bound, before there was an answer."""
        read, outcome, error = reply.record, reply.outcome, reply.error
        if cut:
            outcome, error = Outcome.TRUNCATED, _bound_reached(self.rounds + 1, reply.attempts)
        return ToolRun(
            outcome,
            self.messages,
            reply.attempts,
            self.results,
            self.rounds + (read is not None),
            read.record if read is not None and not cut else None,
            error,
            reply.completion if read is None else read.completion,
        )


def first_round(
    messages: tuple[Message, ...], settled: Settled, choice: Choice, provider: Provider, now: float
) -> Round:
    """Return the round that begins it. Raises ConfigError and SchemaError."""
    if settled.max_rounds < 1:
        raise ConfigError(f"max_rounds must be at least 1, not {settled.max_rounds}")
    answer = settled.box(provider).answer
    ends = None if settled.policy.deadline is None else now + settled.policy.deadline
    if answer is None:
        return Round(messages, settled, None, choice, ends)
    return Round(messages, settled, answer.name, choice or "required", ends)


def _judge(completion: Completion, patch: Any, box: Toolbox) -> Verdict[ToolReply]:
    """Judge a reply to a request with tools. A bad call is no bad reply: its error goes to the model."""
    calls = completion.tool_calls
    if calls and stopped_early(completion) is None:
        checked = box.check(calls)
        note = how_called([called.read for called in checked])
        return Verdict(Outcome.OK, _reply(completion, checked), note=note)
    if not calls and box.answer is not None:
        return _judge_answer(completion, box)
    verdict = judge_tool_calls(completion, patch, {}, required=True)
    if calls or verdict.outcome not in NO_ANSWER:
        return Verdict(verdict.outcome, problems=verdict.problems)
    return Verdict(Outcome.OK, ToolReply(completion, ends=True))


def _judge_answer(completion: Completion, box: Toolbox) -> Verdict[ToolReply]:
    """Judge words where the model should have called the type of the answer: they may hold it anyway."""
    assert box.answer is not None  # noqa: S101  the caller has looked
    verdict = judge_record(completion, None, box.answer.decode, reader=box.answer_reader)
    if verdict.outcome is Outcome.OK:
        return Verdict(Outcome.OK, ToolReply(completion, ends=True, record=verdict.record), note=verdict.note)
    if verdict.outcome in NO_ANSWER:
        missing = Problem("", f"the answer has to be a call of {box.answer.name!r}", type="missing")
        return Verdict(Outcome.OK, ToolReply(completion, problems=(missing, *verdict.problems)))
    return Verdict(verdict.outcome, problems=verdict.problems)


def _judge_spoken(completion: Completion, patch: Any, box: Toolbox, number: int) -> Verdict[ToolReply]:
    """Judge a reply to a request whose tools are described in the prompt."""
    verdict = judge_record(completion, patch, read_step)
    if verdict.record is None:
        return Verdict(verdict.outcome, problems=verdict.problems, text=verdict.text)
    said = heard(completion, verdict.record, number)
    checked = box.check(said.tool_calls)
    notes = (verdict.note, how_called([called.read for called in checked]))
    note = "; ".join(filter(None, notes)) or None
    return Verdict(Outcome.OK, _reply(said, checked), text=verdict.text, note=note)


def _reply(completion: Completion, calls: tuple[Called, ...]) -> ToolReply:
    """A reply without a call is the last; so is one that calls what nothing has to be run for."""
    answer = next((called for called in calls if called.is_answer), None)
    checked = completion.with_message(tool_calls=tuple(called.call for called in calls))
    return ToolReply(checked, calls, not calls or answer is not None, answer.arguments if answer else None)


def _complaint(problems: Sequence[Problem]) -> Message:
    listed = "\n".join(f"- {problem}" for problem in problems[:10])
    return Message("user", f"Your last answer was rejected:\n{listed}\nRejected values are quoted as data.")


def _bound_reached(rounds: int, attempts: tuple[Attempt, ...]) -> ExtractionError:
    reason = f"no answer after {rounds} rounds: max_rounds, max_calls, the deadline or the budget was reached"
    return Truncated(reason, [Problem("", reason, type="max_rounds")], attempts)
