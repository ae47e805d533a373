"""Doubtful values: asked of a second model, left to a person, or set to null."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, create_model

from .confidence import Measured, Promise, load_promise
from .errors import ConfigError, Invalid, RunStopped
from .evidence.leaves import plain, value_at
from .groups import grouped
from .messages import JSON
from .options import ExtractOptions, check_share
from .pointers import steps_of
from .results import Escalation, Extraction
from .saying import FromColumn
from .schema import RecordType, Share, compile_schema

if TYPE_CHECKING:
    from .bulk import RowOutcome

T = TypeVar("T")
Settled = TypeVar("Settled", bound=Any)  # a result: of one dialogue, or of a document
WHOLE = Share(((),))
WINDOW = 64  # rows whose doubtful values are asked for together
SETTLED = "These fields are settled, and none of them is asked for: {}"
NO_TEXT = "the second model can't be asked, since there is no text"


@dataclass(frozen=True, slots=True)
class Doubt:
    """What of one result is not sure enough. names: those of the record's members, in JSON, that the doubtful
    values, `pointers`, are in; None if the whole record is asked for again.
    """

    pointers: tuple[str, ...]
    names: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class SecondQuestion:
    """What the second model is asked: a record type of the doubtful members, and what is settled."""

    record_type: Any
    text: str
    settled: str | None

    @property
    def options(self) -> ExtractOptions:
        """What the second model is asked with."""
        return {"instructions": self.settled, "confidence": True}


@dataclass(frozen=True, slots=True)
class Escalating:
    """Where values go that are below a promise, or below a score. second: a client of the same kind; None
    if `to` is "null" or "review".
    """

    below: Promise | float
    to: str
    second: Any = None

    @classmethod
    def of(cls, below: Any, escalate: Any, kind: type, masks: bool) -> Escalating | None:
        """Return what the options of a client mean. kind: of that client; masks: whether it hides values.
        Raises ConfigError.
        """
        if below is None and escalate is None:
            return None
        known = load_promise(below) if isinstance(below, str | os.PathLike) else below
        if not isinstance(known, Promise | None):
            check_share("below", known)
        if known is None or escalate is None:
            raise ConfigError("escalate= and below= must be given together: where values go, and which ones")
        if escalate in ("null", "review"):
            return cls(known, escalate)
        if not isinstance(escalate, kind):
            raise ConfigError(
                f'escalate must be "null", "review", a model or a {kind.__name__}, not {escalate!r:.80}'
            )
        if escalate.asked_with.get("tuned") is not None:  # type: ignore[attr-defined]
            raise ConfigError(
                "escalate=: the second model can't have tuned=, since it is asked only for the doubtful "
                "parts of the record type"
            )
        if masks and not escalate.masks:  # type: ignore[attr-defined]
            raise ConfigError(
                "escalate=: the texts of the first model are masked, but the second model has no mask"
            )
        return cls(known, escalate.model, escalate)  # type: ignore[attr-defined]

    def check(self, record_type: Any, model: str, samples: int) -> None:
        """Raise ConfigError if the promise is one of another record type, model or number of answers."""
        if isinstance(self.below, Promise):
            fingerprint = compile_schema(RecordType.of(record_type).written).fingerprint
            if why := self.below.misfit(model, fingerprint, samples):
                raise ConfigError(f"below=: the promise does not apply here: {why}")

    def doubt(self, record_type: Any, result: Extraction[Any] | None) -> Doubt | None:
        """Return what is not sure enough; None if all is, or there is no record."""
        signals = None if result is None else result.signals
        if not signals:
            return None
        return self.doubt_of(
            record_type, {at: each.score if each.told else None for at, each in signals.items()}
        )

    def doubt_of(self, record_type: Any, scores: Mapping[str, float | None]) -> Doubt | None:
        """Return what is not sure enough; None if all is. scores: of leaves, by pointer, None if
        nothing is known.
        """
        if isinstance(self.below, Promise):
            pointers = self.below.below(scores)
        else:
            pointers = [where for where, score in scores.items() if score is None or score < self.below]
        if not pointers:
            return None
        members = frozenset(steps_of(pointer)[0] for pointer in pointers if pointer)
        return Doubt(tuple(pointers), members if "" not in pointers and _has_members(record_type) else None)

    def question(self, record_type: Any, result: Extraction[Any], doubt: Doubt) -> SecondQuestion | None:
        """Return what the second model is asked; None if there is no second model, or no text."""
        if self.second is None or result.source is None:
            return None
        names = doubt.names
        if names is None:
            return SecondQuestion(record_type, result.source, None)
        return SecondQuestion(narrowed(record_type, names), result.source, self.told(result.record, names))

    def told(self, record: Any, names: Iterable[str]) -> str | None:
        """Return what the second model sees of the members that are not asked for. With a mask it is told
        nothing of them: the record may have hidden values in another form, which no mask would find.
        """
        if self.second.masks:
            return None
        asked = frozenset(names)
        known = {name: value for name, value in plain(record).items() if name not in asked}
        return SETTLED.format(json.dumps(known, ensure_ascii=False)) if known else None

    def settled(
        self, record_type: Any, result: Extraction[T], doubt: Doubt, answer: Extraction[Any] | None
    ) -> Extraction[T]:
        """Return the result once its doubtful values are settled. answer: the second model's."""
        if self.second is None:
            return self.alone(record_type, result, doubt)
        if answer is None:
            return _kept(result, self, doubt, "first", NO_TEXT)
        plainly = replace(
            answer, record=plain(answer.record)
        )  # its narrowed type has no name to pickle it by
        return _answered(record_type, result, self, doubt, plainly)

    def alone(self, record_type: Any, result: Settled, doubt: Doubt) -> Settled:
        """Return the result once its doubtful values are null, or marked for review."""
        if self.to == "review":
            return _kept(result, self, doubt, "review", None)
        return _nulled(record_type, result, self, doubt)


@dataclass(frozen=True, slots=True)
class DoubtfulRows:
    """Rows whose doubtful values are in the same members. at: their positions among the rows of a window."""

    record_type: Any
    rows: list[dict[str, str | None]]
    at: list[int]


class RowEscalation:
    """Doubtful values of rows: windows of outcomes, what to ask about them, and what comes of that."""

    def __init__(self, how: Escalating, record_type: Any, options: Mapping[str, Any]) -> None:
        self._how, self._type, self._options = how, record_type, options
        self._types: dict[frozenset[str] | None, Any] = {}
        self._spent = Decimal(0)
        if how.second is not None:  # what could not work there is told before anything is asked
            how.second.rows((), record_type, **self.asked_with())

    @property
    def second(self) -> Any:
        """The client that is asked."""
        return self._how.second

    def asked_with(self) -> dict[str, Any]:
        """Return the options that the second model is asked with; a bound of the cost is for both models."""
        kept = {name: self._options[name] for name in ("journal", "concurrency") if name in self._options}
        if (most := self._options.get("max_cost")) is not None:
            kept["max_cost"] = max(Decimal(str(most)) - self._spent, Decimal("1e-9"))
        said = {"text": "text", "instructions": FromColumn("settled"), "confidence": True}
        return {**grouped(kept, "run"), **said}

    def groups(self, window: Sequence[RowOutcome[Any]]) -> list[DoubtfulRows]:
        """Return what to ask about a window of outcomes."""
        found: dict[frozenset[str] | None, DoubtfulRows] = {}
        for at, outcome in enumerate(window):
            self._count(outcome)
            doubt = self._how.doubt(self._type, outcome.extraction)
            asked = doubt and outcome.extraction and self._how.question(self._type, outcome.extraction, doubt)
            if doubt and asked:
                kind = self._types.setdefault(doubt.names, asked.record_type)
                group = found.setdefault(doubt.names, DoubtfulRows(kind, [], []))
                group.rows.append({"text": asked.text, "settled": asked.settled})
                group.at.append(at)
        return list(found.values())

    def settled(
        self, window: Sequence[RowOutcome[T]], answers: Mapping[int, RowOutcome[Any]]
    ) -> list[RowOutcome[T]]:
        """Return the outcomes of a window. answers: the second model's, by position in the window."""
        return [self._settled(each, answers.get(at)) for at, each in enumerate(window)]

    def _settled(self, outcome: RowOutcome[T], answer: RowOutcome[Any] | None) -> RowOutcome[T]:
        doubt = self._how.doubt(self._type, outcome.extraction)
        if doubt is None or outcome.extraction is None:
            return outcome
        if answer is not None:
            self._count(answer)
        second = None if answer is None else answer.extraction
        made = self._how.settled(self._type, outcome.extraction, doubt, second)
        from_cache = outcome.from_cache and (answer is None or answer.from_cache)
        return replace(outcome, extraction=made, from_cache=from_cache)

    def _count(self, outcome: RowOutcome[Any]) -> None:
        self._spent += 0 if outcome.from_cache else outcome.cost or 0


def escalated(outcomes: Iterator[RowOutcome[T]], rows: RowEscalation) -> Iterator[RowOutcome[T]]:
    """Yield outcomes with their doubtful values settled, a window at a time. Raises RunStopped."""
    window: list[RowOutcome[T]] = []
    stopped: RunStopped | None = None
    with closing(cast(Any, outcomes)):
        while stopped is None:
            try:
                window.append(next(outcomes))
            except StopIteration:
                break
            except RunStopped as error:
                stopped = error
            if stopped is None and len(window) < WINDOW:
                continue
            yield from _asked(window, rows)
            window = []
    yield from _asked(window, rows)
    if stopped is not None:
        raise stopped


def _asked(window: Sequence[RowOutcome[T]], rows: RowEscalation) -> Iterator[RowOutcome[T]]:
    answers: dict[int, RowOutcome[Any]] = {}
    stopped: RunStopped | None = None
    try:
        for group in rows.groups(window):
            for answer in rows.second.rows(group.rows, group.record_type, **rows.asked_with()):
                answers[group.at[answer.index]] = answer
    except RunStopped as error:
        stopped = error
    yield from rows.settled(window, answers)
    if stopped is not None:
        raise stopped


async def aescalated(
    outcomes: AsyncIterator[RowOutcome[T]], rows: RowEscalation
) -> AsyncIterator[RowOutcome[T]]:
    """`escalated` for async code."""
    window: list[RowOutcome[T]] = []
    stopped: RunStopped | None = None
    async with aclosing(cast(Any, outcomes)):
        while stopped is None:
            try:
                window.append(await anext(outcomes))
            except StopAsyncIteration:
                break
            except RunStopped as error:
                stopped = error
            if stopped is None and len(window) < WINDOW:
                continue
            async for each in _aasked(window, rows):
                yield each
            window = []
    async for each in _aasked(window, rows):
        yield each
    if stopped is not None:
        raise stopped


async def _aasked(window: Sequence[RowOutcome[T]], rows: RowEscalation) -> AsyncIterator[RowOutcome[T]]:
    answers: dict[int, RowOutcome[Any]] = {}
    stopped: RunStopped | None = None
    try:
        for group in rows.groups(window):
            async for answer in rows.second.rows(group.rows, group.record_type, **rows.asked_with()):
                answers[group.at[answer.index]] = answer
    except RunStopped as error:
        stopped = error
    for each in rows.settled(window, answers):
        yield each
    if stopped is not None:
        raise stopped


def narrowed(record_type: Any, names: Iterable[str]) -> Any:
    """Return a record type that has some members of another one, called as its JSON calls them."""
    wanted, written = set(names), RecordType.of(record_type).written
    if isinstance(written, Mapping):
        properties = {name: each for name, each in written["properties"].items() if name in wanted}
        required = [name for name in written.get("required", ()) if name in wanted]
        return {**written, "properties": properties, "required": required}
    fields: dict[str, Any] = {
        name: (each.annotation, each)
        for name, each in written.model_fields.items()
        if (each.serialization_alias or each.alias or name) in wanted
    }
    made: Any = create_model(
        f"{written.__name__}Part", __config__=written.model_config, __doc__=written.__doc__, **fields
    )
    return made


def _has_members(record_type: Any) -> bool:
    """Whether a type's members can be asked for by themselves."""
    written = RecordType.of(record_type).written
    if isinstance(written, Mapping):
        return isinstance(written.get("properties"), Mapping) and "$ref" not in written
    return isinstance(written, type) and issubclass(written, BaseModel) and "root" not in written.model_fields


def _answered(
    record_type: Any, result: Extraction[T], how: Escalating, doubt: Doubt, answer: Extraction[Any]
) -> Extraction[T]:
    attempts = (*result.attempts, *answer.attempts)
    if not answer.outcome.has_record:
        kept = _kept(result, how, doubt, "first", f"the second model gave no record: {answer.error}", answer)
        return replace(kept, attempts=attempts)
    first, second = plain(result.record), plain(answer.record)
    names = doubt.names
    joined = second if names is None else _joined(first, second, names)
    try:
        record = _judged(record_type, joined, result)
    except Invalid as error:
        why = f"the second model's values do not fit the settled ones: {error}"
        return replace(_kept(result, how, doubt, "first", why, answer), attempts=attempts)
    choices = {
        where: "both" if value_at(first, where) == value_at(joined, where) else "second"
        for where in doubt.pointers
    }
    escalation = Escalation(doubt.pointers, how.to, choices, None, result.record, answer)
    measured = _measured(result.measured, answer.measured, names)
    return replace(
        result, record=record, attempts=attempts, measured=measured, escalation=escalation, quotes={}
    )


def _joined(first: Mapping[str, JSON], second: Mapping[str, JSON], names: frozenset[str]) -> dict[str, JSON]:
    """Return the settled members, and of the others those that the second model gave."""
    order = dict.fromkeys((*first, *second))
    return {
        name: second[name] if name in names else first[name]
        for name in order
        if name in (second if name in names else first)
    }


def _judged(record_type: Any, data: JSON, result: Any) -> Any:
    """Return the record that plain JSON is, by the type's validators. Raises Invalid."""
    return RecordType.of(record_type).united((WHOLE,), [data], {"text": result.source, "attempt": 1})


def _measured(first: Measured | None, second: Measured | None, names: frozenset[str] | None) -> Measured:
    """Return what is known of each leaf by the model that gave it; a calibration is the first model's."""
    one, other = first or Measured(), second or Measured()

    def of_second(pointer: str) -> bool:
        return names is None or (steps_of(pointer) or ("",))[0] in names

    def joined(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
        kept = {where: each for where, each in a.items() if not of_second(where)}
        return {**kept, **{where: each for where, each in b.items() if of_second(where)}}

    choices = frozenset(w for w in one.choices if not of_second(w)) | other.choices
    return Measured(joined(one.told, other.told), joined(one.agreement, other.agreement), choices)


def _nulled(record_type: Any, result: Settled, how: Escalating, doubt: Doubt) -> Settled:
    """Return the result with null in place of doubtful values, where the type takes one."""
    record, choices = result.record, dict[str, str]()
    known, notes = plain(result.record), list[str]()
    for where in doubt.pointers:
        tried = _with_null(known, steps_of(where))
        try:
            record = _judged(record_type, tried, result)
        except Invalid:
            choices[where] = "first"
            notes.append(where)
        else:
            known, choices[where] = tried, "null"
    note = f"not set to null, since the type does not allow it: {', '.join(notes)}" if notes else None
    escalation = Escalation(doubt.pointers, "null", choices, note, result.record)
    return replace(result, record=record, escalation=escalation)


def _with_null(value: JSON, steps: Sequence[str]) -> JSON:
    if not steps:
        return None
    step, *rest = steps
    if isinstance(value, list):
        return [_with_null(each, rest) if str(i) == step else each for i, each in enumerate(value)]
    return {name: _with_null(each, rest) if name == step else each for name, each in value.items()}


def _kept(
    result: Settled,
    how: Escalating,
    doubt: Doubt,
    choice: str,
    note: str | None,
    answer: Extraction[Any] | None = None,
) -> Settled:
    choices = dict.fromkeys(doubt.pointers, choice)
    return replace(
        result, escalation=Escalation(doubt.pointers, how.to, choices, note, result.record, answer)
    )
