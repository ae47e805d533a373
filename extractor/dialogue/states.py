"""The dialogue: requests and replies that end in one record or one error. A pure state machine.

`start` gives the first Ask. A shell waits `ask.wait` seconds, posts `ask.request`, and hands what
came to `ask.receive`, until that gives an Extraction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import inf
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from ..errors import (
    ExtractorError,
    Problem,
    Unjudged,
)
from ..layout import Source
from ..messages import REJECTED, Attempt, Completion, Failure, Mode, Outcome, Request, Spent, Turns
from ..results import Extraction
from ..vocabularies import Shortlist
from .failing import error_of, no_record, service_error
from .input import cut_input
from .judge import Judge, Part, Verdict
from .ladder import ModeLadder, is_vague, refuses_logprobs, refuses_mode, without
from .moves import TABLE, Ending, Remedy, ending_of
from .policy import Policy, back_off, is_hopeless, is_too_long, is_transient, with_body
from .remedies import AFTER_REPLIES
from .turns import turns_after
from .wording import insisting

T = TypeVar("T")
Step: TypeAlias = "Ask[T] | Extraction[T]"


class Learner(Protocol):
    """A model that learns from what became of its requests."""

    def learn(self, attempts: Sequence[Attempt]) -> None:
        """Remember what the attempts of a dialogue, all with this model, showed of its server."""
        ...


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """Do this next: sleep `wait` seconds, then post `request` to `model` and allow it `timeout` seconds.

    others: what begins the same dialogue with each fallback model, in order. earlier: how many of the
    attempts came before this model was asked.
    """

    request: Request
    wait: float
    timeout: float
    left: float  # seconds until the dialogue's deadline
    first: Request
    judge: Judge[T]
    policy: Policy
    ends: float | None
    ladder: ModeLadder | None = None
    patch: Part | None = None  # what `request` asks for, if it is not the whole record
    attempts: tuple[Attempt, ...] = ()
    repairs: int = 0
    retries: int = 0
    note: str | None = None  # why `request` is asked in another way than the one before
    counted: bool = True  # whether the usage of the next reply is that of `request`
    told: Callable[[Any, bool], None] | None = field(default=None, repr=False, compare=False)
    judges: Callable[[int], Judge[T]] | None = None  # the judge of the n-th attempt, where that differs
    model: Learner | None = field(default=None, repr=False, compare=False)
    others: tuple[Callable[[], Ask[T]], ...] = field(default=(), repr=False, compare=False)
    earlier: int = 0
    origin: Source | None = field(default=None, repr=False, compare=False)  # what the text was read from
    given: str | None = field(default=None, repr=False)  # the text, where the request has it masked
    reference_date: date | None = None  # the day that the text counts from
    locale: str | None = None  # how the text writes numbers and dates
    shown: Mapping[str, Shortlist] = field(default_factory=dict, repr=False, compare=False)  # codes

    def tell(self, step: Step[T], asked: bool = True) -> Step[T]:
        """Let the model and who watches know what follows. asked: whether the reply was sent for just now."""
        if self.told is not None:
            self.told(step, asked)
        if self.model is not None and not (isinstance(step, Ask) and step.model is self.model):
            self.model.learn(step.attempts[self.earlier :])
        return step

    def receive(self, event: Completion | Failure, now: float, chance: float) -> Step[T]:
        """Return what to do next, or how it ended.

        now: the same clock's seconds that `start` was given. chance: a random number in [0, 1).
        """
        if isinstance(event, Failure):
            return self._failed(event, now, chance)
        try:
            return self._replied(event, now)
        except MemoryError:
            raise
        except Exception as error:  # the one place: whatever judging a reply raises ends its dialogue alone
            return self._unjudged(event, error)

    def _replied(self, event: Completion, now: float) -> Step[T]:
        verdict = self._judged(event)
        attempt = _attempt(self, event, verdict)
        if verdict.outcome is Outcome.OK:
            return Extraction(
                Outcome.REPAIRED if self.repairs else Outcome.OK,
                (*self.attempts, attempt),
                verdict.record,
                completion=event,
                source=self.source,
                origin=self.origin,
                quotes=verdict.quotes,
                measured=verdict.measured,
                reference_date=self.reference_date,
                locale=self.locale,
                shown=self.shown,
            )
        asked = self._record(attempt)
        again = asked._asked_better(event, verdict, now)
        return again or asked.or_fallback(asked._give_up(verdict, event), now)

    def _judged(self, reply: Completion) -> Verdict[T]:
        """Return what a reply is worth. One to a part of the text is no record."""
        judge = self.judges(len(self.attempts) + 1) if self.judges and self.attempts else self.judge
        verdict = judge(reply, self.patch) if reply.finish_reason != REJECTED else _rejected(reply)
        cut = cut_input(self.request, reply.usage, self.attempts) if self.counted else None
        if isinstance(cut, str):
            return replace(verdict, note=_notes(verdict.note, cut))
        if cut is None or verdict.outcome in (Outcome.REFUSED, Outcome.FILTERED):
            return verdict
        return Verdict(Outcome.TRUNCATED, problems=(cut,))

    def _unjudged(self, reply: Completion, error: Exception) -> Extraction[T]:
        """The end of a dialogue whose reply could not be judged. The model is not asked again."""
        raised = error if isinstance(error, Unjudged) else Unjudged.of(error)
        verdict: Verdict[T] = Verdict(Outcome.INVALID, problems=raised.problems)
        attempts = (*self.attempts, _attempt(self, reply, verdict))
        told = Unjudged(no_record(verdict, attempts), verdict.problems, attempts)
        told.__cause__ = raised.__cause__ or error
        return self._end(verdict.outcome, attempts, told, reply)

    def or_fallback(self, ended: Extraction[T], now: float) -> Step[T]:
        """Return the first request to the next model, where one is to be asked; else how it ended."""
        last, in_time = ended.attempts[-1], self.ends is None or now < self.ends
        wanted = bool(self.others) and self.policy.may("fallback", last.outcome, last.failure)
        if not (wanted and in_time and self.policy.budget.left_after(ended.attempts)):
            return ended
        begin, *others = self.others
        step = begin()
        policy = replace(step.policy, budget=step.policy.budget.within(self.policy.budget))
        note = f"fallback: {last.request.model} ended in {last.outcome}"
        sequel = replace(step, policy=policy, note=note, told=self.told, others=tuple(others))
        return replace(sequel, earlier=len(ended.attempts)).within(ended.attempts, self.ends, now)

    def after_stream(
        self, event: Completion | Failure, begun: bool, others: bool, now: float, chance: float
    ) -> Step[T]:
        """Return what follows on a streamed reply. begun: whether the caller has seen a part of it: what then
        broke off is not asked for again. others: whether another model may still be asked.
        """
        step = self
        if begun and isinstance(event, Failure):
            step = replace(step, policy=replace(step.policy, max_retries=0))
        if begun and not others:
            step = replace(step, others=())
        return self.tell(step.receive(event, now, chance))

    def within(self, attempts: tuple[Attempt, ...], ends: float | None, now: float) -> Ask[T]:
        """Return this step as part of something longer: after earlier attempts, which count, and within
        its deadline.
        """
        return replace(self, attempts=attempts, ends=ends).at(now, 0.0)

    def _failed(self, failure: Failure, now: float, chance: float) -> Step[T]:
        asked = self._record(_failed_attempt(self, failure))
        for remedy in TABLE[Ending.FAILED]:
            step = _AFTER_FAILURES[remedy](asked, failure, chance)
            if step is not None and step.may_be_asked(now + step.wait):
                return step.at(now, step.wait)
        later = asked._later(failure, chance)
        error = service_error(
            failure, asked.attempts, None if later is None else later.wait, self._hint(failure)
        )
        return asked.or_fallback(self._end(Outcome.TRANSPORT, asked.attempts, error), now)

    def _later(self, failure: Failure, chance: float) -> Ask[T] | None:
        """Return the same step after a back-off; None if that is not wanted, or would not help."""
        again = is_transient(failure) and self.policy.may("again", Outcome.TRANSPORT, failure)
        if not again or self.retries >= self.policy.max_retries:
            return None
        wait = back_off(self.policy, self.retries + 1, failure.retry_after, chance)
        return replace(self, retries=self.retries + 1, wait=wait)

    def _in_another_way(self, failure: Failure, chance: float) -> Ask[T] | None:
        """Return how to ask a server that refuses how it was asked; None if it does not."""
        if self.ladder and self.ladder.spare and refuses_logprobs(failure):
            return self._without_logprobs(self.ladder)
        turns = turns_after(failure, self.request)
        if turns:
            return self._in_turns(turns)
        mode = self.ladder.below(self.request.mode) if self.ladder else None
        return self._step_down(mode, failure) if mode and self._refuses_mode(failure) else None

    def _without_logprobs(self, ladder: ModeLadder) -> Ask[T]:
        return replace(
            self,
            first=without(self.first, ladder.spare),
            request=without(self.request, ladder.spare),
            ladder=ladder.without_spare(),
            note="the server does not return log-probabilities: asked without them",
        )

    def _in_turns(self, turns: Turns) -> Ask[T]:
        """Ask the same with messages joined, and so from now on."""
        what = "no system message" if turns is Turns.NO_SYSTEM else "user and assistant in turn"
        first, request = replace(self.first, turns=turns), replace(self.request, turns=turns)
        return replace(
            self, first=first, request=request, note=f"the server accepts only {what}: messages are joined"
        )

    def _refuses_mode(self, failure: Failure) -> bool:
        other = is_hopeless(failure) or is_too_long(failure)
        return not other and refuses_mode(failure, self.request.mode)

    def _step_down(self, mode: Mode, failure: Failure) -> Ask[T]:
        """Ask anew by the next weaker mode, from the beginning."""
        assert self.ladder is not None  # noqa: S101  the mode below came from there
        first = replace(self.ladder.request(mode), turns=self.request.turns)
        why = "rejects, without a reason," if is_vague(failure) else "does not support"
        note = f"the server {why} mode {self.request.mode}: asked in mode {mode} instead"
        return replace(self, first=first, request=first, patch=None, note=note)

    def _hint(self, failure: Failure) -> str:
        """What to look at after a failure."""
        if is_too_long(failure):
            return "document(...) reads a long text in chunks"
        if self.request.response_schema is not None and self._refuses_mode(failure):
            return (
                f"mode {self.request.mode} may be what the server does not support: try mode='tool' "
                "or 'prompt'"
            )
        return failure.hint

    def _record(self, attempt: Attempt) -> Ask[T]:
        return replace(self, attempts=(*self.attempts, attempt), note=None, counted=True)

    def may_be_asked(self, then: float) -> bool:
        """Whether there is time and budget left for the request."""
        in_time = self.ends is None or then < self.ends
        return in_time and self.policy.budget.left_for(self.attempts, self.request)

    def at(self, now: float, wait: float) -> Ask[T]:
        """Return this step as it is asked in `wait` seconds, within what is left of the deadline."""
        left = inf if self.ends is None else self.ends - now - wait
        return replace(self, wait=wait, timeout=min(self.policy.timeout, left), left=left)

    def _asked_better(self, reply: Completion, verdict: Verdict[T], now: float) -> Ask[T] | None:
        """Return what is asked after a reply that is no record; None if nothing more may be."""
        if self.repairs >= self.policy.max_repairs or not self.policy.may("again", verdict.outcome):
            return None
        for remedy in TABLE[ending_of(reply, verdict, bool(self.request.tools))]:
            found = AFTER_REPLIES[remedy](self, reply, verdict)
            if found is None:
                continue
            wanted, patch = found
            if verdict.outcome is Outcome.TRUNCATED:
                wanted = replace(wanted, params=with_body(wanted.params, self.policy.after_runaway))
            request = self._not_yet_sent(wanted) if remedy is Remedy.REPAIR else wanted
            if request is None:
                return None
            step = replace(self, request=request, patch=patch, repairs=self.repairs + 1)
            return step.at(now, wait=0.0) if step.may_be_asked(now) else None
        return None

    def _not_yet_sent(self, request: Request) -> Request | None:
        """Return a request to repair; with words that say so where the same was sent before and did not help.
        None if those were sent, too.
        """
        sent = [attempt.request for attempt in self.attempts[self.earlier :]]
        if request not in sent:
            return request
        firmer = replace(request, messages=insisting(request.messages))
        return None if firmer in sent else firmer

    def _give_up(self, verdict: Verdict[T], reply: Completion) -> Extraction[T]:
        return self._end(verdict.outcome, self.attempts, error_of(verdict, self.attempts), reply)

    def _end(
        self,
        outcome: Outcome,
        attempts: tuple[Attempt, ...],
        error: ExtractorError,
        reply: Completion | None = None,
    ) -> Extraction[T]:
        """Return the end of a dialogue without a record."""
        ended: Extraction[T] = Extraction(outcome, attempts, None, error, reply, self.source, self.origin)
        return replace(ended, shown=self.shown) if self.shown else ended

    @property
    def source(self) -> str | None:
        """The text that the record is extracted from, as it was given."""
        return self.first.source if self.given is None else self.given


_AFTER_FAILURES: Mapping[Remedy, Callable[..., Ask[Any] | None]] = {
    Remedy.ANOTHER_WAY: Ask._in_another_way,
    Remedy.WAIT: Ask._later,
}


def start(
    request: Request,
    judge: Judge[T],
    policy: Policy,
    now: float,
    ladder: ModeLadder | None = None,
    judges: Callable[[int], Judge[T]] | None = None,
    model: Learner | None = None,
) -> Ask[T]:
    """Return the first step of a dialogue that begins `now` (seconds of a monotonic clock).

    ladder: the weaker modes to step down to, where the server does not support the request's. judges: the
    judge of the n-th attempt, counted from 1, if it is not `judge` for all of them. model: the one that
    is asked, which is told how it ended.
    """
    ends = None if policy.deadline is None else now + policy.deadline
    left = inf if policy.deadline is None else policy.deadline
    timeout = min(policy.timeout, left)
    return Ask(request, 0.0, timeout, left, request, judge, policy, ends, ladder, judges=judges, model=model)


def _attempt(ask: Ask[Any], reply: Completion, verdict: Verdict[Any]) -> Attempt:
    budget, spent = ask.policy.budget, _spent(ask, reply)
    usage = reply.usage if reply.is_counted else None
    cost = budget.cost(reply.model or ask.request.model, usage)
    uncounted = _uncounted(spent) if spent and usage is None else None
    return Attempt(
        request=ask.request,
        outcome=verdict.outcome,
        model=reply.model or ask.request.model,
        text=reply.said,
        finish_reason=reply.finish_reason,
        status=reply.status,
        request_id=reply.request_id,
        latency=reply.latency,
        waited=ask.wait,
        usage=reply.usage,
        cost=None if cost is None else cost * reply.share,
        problems=verdict.problems,
        note=_notes(ask.note, verdict.note, uncounted),
        spent=spent,
    )


def _uncounted(spent: Spent) -> str:
    most = f"{spent.tokens:,}" if spent.tokens < inf else "any number of them"
    return f"the server did not report all tokens: {most} count against the budget"


def _spent(ask: Ask[Any], event: Completion | Failure) -> Spent | None:
    return ask.policy.budget.spent(ask.request, event, ask.policy.max_output)


def _notes(*notes: str | None) -> str | None:
    return "; ".join(filter(None, notes)) or None


def _failed_attempt(ask: Ask[Any], failure: Failure) -> Attempt:
    return Attempt(
        request=ask.request,
        outcome=Outcome.TRANSPORT,
        model=ask.request.model,
        status=failure.status,
        request_id=failure.request_id,
        latency=failure.latency,
        waited=ask.wait,
        failure=failure,
        note=ask.note,
        spent=_spent(ask, failure),
    )


def _rejected(reply: Completion) -> Verdict[Any]:
    """The verdict on an answer that the server itself found to be none."""
    reason = f"the server rejected the answer: {reply.fault or 'without a reason'}"
    return Verdict(Outcome.INVALID, problems=(Problem("", reason, type="rejected"),))
