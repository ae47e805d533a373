"""What is asked for in which request, and what follows on the replies. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..confidence import Measured
from ..dialogue import RejectedPart
from ..errors import (
    ExtractionError,
    ExtractorError,
    Invalid,
    Problem,
    SchemaError,
    ServiceError,
    Unjudged,
)
from ..messages import JSON, Attempt, Outcome
from ..model import Model
from ..options import Parts, checked_parts
from ..pointers import steps_of
from ..results import Extraction, PartOutcome
from ..schema import Fork, RecordType, Share, Target, fork_question, kept_by
from ..task import asked_type

WHOLE = Share(((),))
NAMED = 3  # fields of a part, and problems, in an error's message
NOT_ASKED = "was not asked for, since the service failed"


@dataclass(frozen=True)
class Division:
    """A record type divided into the shares that are asked for, each in a dialogue of its own.

    record_type: in the form in which it is asked for. shares: one with all of it where it is asked whole.
    forks: the unions that one request decides first; `planned` is then what follows if the largest member of
    each is chosen, and there are no shares yet. limits: how to divide what is left.
    """

    record_type: RecordType
    shares: tuple[Share, ...] = (WHOLE,)
    forks: tuple[Fork, ...] = ()
    planned: Division | None = None
    limits: DivisionLimits | None = None

    @property
    def is_whole(self) -> bool:
        """Whether one request asks for all."""
        return len(self.shares) == 1 and not self.forks

    @property
    def plan(self) -> tuple[tuple[str, ...], ...]:
        """What each request asks for, as JSON pointers: as far as it is known, the first one first."""
        if self.planned is not None:
            return tuple(fork.pointer for fork in self.forks), *self.planned.plan
        return tuple(share.pointers for share in self.shares)

    @property
    def question(self) -> RecordType:
        """The record type that decides the unions."""
        return RecordType.of(fork_question(self.forks))

    def decided(self, record: JSON) -> Division:
        """Return how to ask for what is left, once a record has decided the unions."""
        return _division(
            self.record_type.narrowed(kept_by(self.forks, record)), self.limits or DivisionLimits(())
        )

    def asked(self, number: int) -> RecordType:
        """Return the record type that a part is of."""
        return self.record_type if self.is_whole else self.record_type.shared(self.shares[number])

    def first(self, now: float, max_repairs: int, context: Mapping[str, Any]) -> PartRound:
        """Return the first round. now: seconds of a monotonic clock. context: what the type's validators
        find. max_repairs: how often a reply that is no record may be followed by a question.
        """
        return PartRound(self, self.questions, now, max_repairs > 0, context)

    @property
    def questions(self) -> tuple[PartQuestion, ...]:
        """The questions that may be asked at once."""
        if self.forks:
            return (PartQuestion(0, of=self),)
        return tuple(PartQuestion(i, of=self) for i in range(len(self.shares)))


@dataclass(frozen=True)
class DivisionLimits:
    """How a record type is divided; see RecordType.divided."""

    targets: tuple[str | Target, ...]
    most: int | None = None
    count: int | None = None


def _division(asked: RecordType, limits: DivisionLimits) -> Division:
    """Return how to ask for a record type whose unions may be narrowed. Where that is too much to divide,
    what does not fit is said as JSON text.
    """
    try:
        shares = asked.divided(limits.targets, limits.most, limits.count)
    except SchemaError:
        return Division(asked)
    forks = asked.forks(limits.targets, shares)
    if not forks:
        return Division(asked, shares)
    largest = asked.narrowed(tuple((fork.place, (fork.largest,)) for fork in forks))
    return Division(asked, (), forks, _division(largest, limits), limits)


@dataclass(frozen=True)
class PartQuestion:
    """What one dialogue asks for: a part, by its number. rejected: an earlier answer, and what is wrong. of:
    the division that it is a part of; None for the first one.
    """

    number: int
    rejected: RejectedPart | None = None
    of: Division | None = None


@dataclass(frozen=True)
class PartRound:
    """Dialogues that may be carried out at the same time. done: how those of the round before ended.
    may_repeat: whether parts may be asked for again where the whole is not valid. decided: how the questions
    that decided unions ended.
    """

    division: Division
    questions: tuple[PartQuestion, ...]
    began: float
    may_repeat: bool
    context: Mapping[str, Any]
    done: tuple[Extraction[Any], ...] = ()
    decided: tuple[PartOutcome, ...] = ()

    def after(self, ended: Sequence[Extraction[Any]]) -> PartRound | Extraction[Any]:
        """Return what follows once dialogues have ended, in their order; those left out were not begun."""
        found = self._branched(ended[0]) if self.division.forks else self._merged(ended)
        return found if isinstance(found, PartRound) or not self.decided else self._with_decided(found, ended)

    def _branched(self, result: Extraction[Any]) -> PartRound | Extraction[Any]:
        """Return the questions for what is left of the unions, once one has decided them."""
        (places, *_), error = self.division.plan, result.error
        found = result.record if result.outcome.has_record else None
        outcome = PartOutcome(places, result.outcome, result.attempts, found, error)
        if not result.outcome.has_record:
            told = f"which kinds it has ({', '.join(places[:NAMED])}) was not found: {error}"
            lost = [Problem(at, str(error), type="part") for at in places]
            named = _error(told, lost, result, [result])
            return replace(result, record=None, error=named, completion=None, parts=(outcome,))
        division = self.division.decided(result.record)
        decided = (*self.decided, outcome)
        return replace(self, division=division, questions=division.questions, decided=decided)

    def _with_decided(self, found: Extraction[Any], ended: Sequence[Extraction[Any]]) -> Extraction[Any]:
        """Return an end with the requests that decided unions."""
        attempts = [attempt for outcome in self.decided for attempt in outcome.attempts]
        told = found.parts or _outcomes(self.division, ended)
        return replace(found, attempts=(*attempts, *found.attempts), parts=(*self.decided, *told))

    def _merged(self, ended: Sequence[Extraction[Any]]) -> PartRound | Extraction[Any]:
        if self.division.is_whole:
            return ended[0]
        results: list[Extraction[Any] | None] = [*self.done] or [None] * len(self.division.shares)
        for question, result in zip(self.questions, ended, strict=False):
            results[question.number] = result
        told, attempts = [result for result in results if result is not None], self._attempts(ended)
        if len(told) < len(results) or not all(result.outcome.has_record for result in told):
            return replace(_failed(self.division, results), attempts=attempts)
        try:
            found = [result.record for result in told]
            record = self.division.record_type.united(self.division.shares, found, self.context)
        except Invalid as error:
            again_ = () if isinstance(error, Unjudged) else self._again(error, told)
            if again_ and self.may_repeat:
                return replace(self, questions=again_, may_repeat=False, done=tuple(told))
            return replace(_rejected(self.division, told, error), attempts=attempts)
        return replace(_united(self.division, told, record), attempts=attempts)

    def _attempts(self, ended: Sequence[Extraction[Any]]) -> tuple[Attempt, ...]:
        """Return all attempts as they were made. A part that is asked again has its earlier ones, too."""
        earlier = [attempt for result in self.done for attempt in result.attempts]
        for question, result in zip(self.questions, ended, strict=False):
            earlier += result.attempts[len(question.rejected.attempts) if question.rejected else 0 :]
        return tuple(earlier)

    def _again(self, error: Invalid, told: Sequence[Extraction[Any]]) -> tuple[PartQuestion, ...]:
        """Return the questions for the parts that problems of the whole name; none if one names none."""
        named = [named_by(self.division.shares, problem) for problem in error.problems]
        if not named or not all(named):
            return ()
        return tuple(
            PartQuestion(
                number,
                RejectedPart(
                    told[number].raw,
                    tuple(p for p, of in zip(error.problems, named, strict=True) if number in of),
                    told[number].attempts,
                    self.began,
                ),
                self.division,
            )
            for number in sorted(set().union(*named))
        )


def divided(
    models: Sequence[Model], record_type: Any, parts: Parts | None, options: Mapping[str, Any]
) -> Division:
    """Return how a record type is asked of models: in parts where it is past the limits of one's target, or
    has more fields than `max_fields`; or as `parts` says. Raises ConfigError, and SchemaError if it can't
    be asked in so many.
    """
    first = models[0]
    asked = asked_type(record_type, options.get("extras"), options.get("evidence"))
    chosen = first.settings.parts if parts is None else checked_parts(parts)
    most, whole = first.settings.max_fields, Division(asked)
    if chosen == "never" or chosen == 1:
        return whole
    if chosen == "auto" and most is None and not any(asked.exceeds(model.schema_target) for model in models):
        return whole
    limits = DivisionLimits(
        tuple(model.schema_target for model in models), most, None if chosen == "auto" else chosen
    )
    if chosen != "auto" or most is not None:
        asked.divided(limits.targets, limits.most, limits.count)  # raises where it can't be asked in so many
    return _division(asked, limits)


def named_by(shares: Sequence[Share], problem: Problem) -> set[int]:
    """Return the numbers of the shares that a problem of the whole is about. These are the shares with its
    place. If the place is an object that several shares divide, they are those of the members that its reason
    names.
    """
    steps = steps_of(problem.pointer)
    at = {i for i, share in enumerate(shares) if share.has(problem.pointer)}
    owners = {i for i in at if shares[i].owns(problem)}
    if owners or problem.type == "parts":
        return owners or at
    told = {
        i
        for i in at
        for place in shares[i].places
        if len(place) > len(steps)
        and re.search(rf"(?<!\w){re.escape(str(place[len(steps)]))}(?!\w)", problem.reason)
    }
    return told or (at if len(at) == 1 else set())


# -- how it ended


def _outcomes(division: Division, results: Sequence[Extraction[Any] | None]) -> tuple[PartOutcome, ...]:
    return tuple(
        PartOutcome(
            share.pointers,
            None if result is None else result.outcome,
            () if result is None else result.attempts,
            None if result is None or not result.outcome.has_record else result.record,
            None if result is None else result.error,
        )
        for share, result in zip(division.shares, results, strict=True)
    )


def _united(division: Division, told: Sequence[Extraction[Any]], record: Any) -> Extraction[Any]:
    repaired = any(result.outcome is Outcome.REPAIRED for result in told)
    measured = [result.measured for result in told if result.measured is not None]
    return replace(
        told[0],
        outcome=Outcome.REPAIRED if repaired else Outcome.OK,
        record=record,
        completion=None,
        quotes={at: quotes for result in told for at, quotes in result.quotes.items()},
        measured=_measured(measured) if measured else None,
        shown={at: shortlist for result in told for at, shortlist in result.shown.items()},
        parts=_outcomes(division, told),
    )


def _measured(parts: Sequence[Measured]) -> Measured:
    return replace(
        parts[0],
        told={at: score for part in parts for at, score in part.told.items()},
        choices=frozenset[str]().union(*(part.choices for part in parts)),
    )


def _failed(division: Division, results: Sequence[Extraction[Any] | None]) -> Extraction[Any]:
    """Return the end of what has parts that gave no record: the first of them tells how."""
    lost = [i for i, r in enumerate(results) if r is None or not r.outcome.has_record]
    first = next(results[i] for i in lost if results[i] is not None)
    assert first is not None  # noqa: S101  one has failed: else all were begun
    named = "; ".join(_named(division, i, results[i]) for i in lost[:NAMED])
    more = f"; and {len(lost) - NAMED} more" if lost[NAMED:] else ""
    told = f"{len(lost)} of {len(results)} parts gave no record: {named}{more}"
    problems = [problem for i in lost for problem in _problems(division, i, results[i])]
    error = _error(told, problems, first, [r for r in results if r is not None])
    outcomes = _outcomes(division, results)
    return replace(first, record=None, error=error, completion=None, parts=outcomes)


def _named(division: Division, number: int, result: Extraction[Any] | None) -> str:
    fields = division.shares[number].pointers
    shown = ", ".join(fields[:NAMED]) + (", ..." if fields[NAMED:] else "")
    why = NOT_ASKED if result is None else str(result.error)
    return f"part {number + 1} ({shown}) {why}"


def _problems(division: Division, number: int, result: Extraction[Any] | None) -> Sequence[Problem]:
    found = tuple(getattr(result.error, "problems", ())) if result is not None else ()
    if found:
        return found
    reason = NOT_ASKED if result is None else str(result.error)
    return [Problem(at, reason, type="part") for at in division.shares[number].pointers]


def _error(
    told: str, problems: Sequence[Problem], first: Extraction[Any], results: Sequence[Extraction[Any]]
) -> ExtractorError:
    attempts = [attempt for result in results for attempt in result.attempts]
    cause = first.error
    made: ServiceError | ExtractionError
    if isinstance(cause, ServiceError):
        made = ServiceError(told, cause.status, cause.retry_after, cause.request_id, attempts)
    else:
        kind = type(cause) if isinstance(cause, ExtractionError) else Invalid
        made = kind(told, problems, attempts)
    made.__cause__ = None if cause is None else cause.__cause__
    return made


def _rejected(division: Division, told: Sequence[Extraction[Any]], error: Invalid) -> Extraction[Any]:
    """Return the end of what is not valid as a whole, though each part is."""
    attempts = [attempt for result in told for attempt in result.attempts]
    kind = Unjudged if isinstance(error, Unjudged) else Invalid
    shown = "; ".join(map(str, error.problems[:NAMED]))
    made = kind(f"no record, invalid: {len(told)} parts together: {shown}", error.problems, attempts)
    made.__cause__ = error.__cause__ if isinstance(error, Unjudged) else None
    return replace(
        told[0],
        outcome=Outcome.INVALID,
        record=None,
        error=made,
        completion=None,
        parts=_outcomes(division, told),
    )
