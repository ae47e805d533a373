"""How it ended, as data: what all results have, and the result of one dialogue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from . import report
from .confidence import Measured, Signals
from .errors import ExtractorError
from .evidence import Evidence
from .evidence.leaves import value_at
from .layout import Box, Source
from .messages import (
    JSON,
    Attempt,
    BatchStatus,
    Choice,
    Completion,
    Message,
    Outcome,
    Usage,
    total_cost,
    total_usage,
)
from .vocabularies import Shortlist, remarks
from .words import one_line

T = TypeVar("T")
SHOWN = 400  # characters of a record or an error in a repr


class Result(Generic[T]):
    """What all results have: a record or the error that `unwrap` raises, and every attempt with its cost."""

    __slots__ = ()

    if TYPE_CHECKING:  # a dataclass would take what stands here for its fields' defaults

        @property
        def outcome(self) -> Outcome | None:
            """How it ended; None if nothing was asked."""
            ...

        @property
        def record(self) -> T | None:
            """The record; None if there is none."""
            ...

        @property
        def error(self) -> ExtractorError | None:
            """What `unwrap` raises."""
            ...

        @property
        def attempts(self) -> tuple[Attempt, ...]:
            """Every request with what came of it, in order."""
            ...

    @property
    def usage(self) -> Usage:
        """Tokens of all attempts together, the failed ones and those out of a journal too."""
        return total_usage(self.attempts)

    @property
    def cost(self) -> Decimal | None:
        """US dollars for all attempts together; None if no price is known."""
        return total_cost(self.attempts)

    def spent(self) -> dict[str, JSON]:
        """Return tokens and US dollars as JSON."""
        usage = {**asdict(self.usage), "total_tokens": self.usage.total_tokens}
        return {"usage": usage, "cost": None if self.cost is None else str(self.cost)}

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know: how replies were read, and why requests were sent in another way."""
        return tuple(dict.fromkeys(attempt.note for attempt in self.attempts if attempt.note))

    def unwrap(self) -> T:
        """Return the record, or raise `error`."""
        if self.error is not None:
            raise self.error
        return cast(T, self.record)

    def __repr__(self) -> str:
        """Fit a screen: what was sent and came back is in `attempts`."""
        what = f"error={one_line(str(self.error), SHOWN)!r}" if self.error else ""
        if self.record is not None or not what:
            record = one_line(repr(self.record), SHOWN)
            what = f"record={record}" + (f", {what}" if what else "")
        asked = f"{len(self.attempts)} request{'' if len(self.attempts) == 1 else 's'}"
        spent = f"{self.usage.total_tokens:,} tokens" + ("" if self.cost is None else f", ${self.cost:.6f}")
        return f"{type(self).__name__}({self.outcome or 'nothing asked'}, {what}, {asked}, {spent})"


class Shown(Result[T]):
    """A result that a page can show beside its text."""

    __slots__ = ()

    def to_html(self, title: str = "Record") -> str:
        """Return a self-contained HTML page: the source text, its spans marked, beside the record."""
        from .report import page

        return page([self.entry(title)], title)

    def entry(self, title: str) -> report.Entry:
        """Return what a page shows of it."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        from .report import frame, height_of, page

        entry = self.entry("Record")
        return frame(page([entry], "Record"), height_of(entry))

    def _facts(self) -> dict[str, str]:
        facts = {"requests": str(len(self.attempts)), "tokens": f"{self.usage.total_tokens:,}"}
        return facts if self.cost is None else {**facts, "US dollars": f"{self.cost:.6f}"}


@dataclass(frozen=True, slots=True)
class Escalation:
    """What became of values that were not sure enough. doubtful: their JSON pointers. to: the second model,
    or "null" or "review". choices: by pointer, whose value the record has: "first", "second", "both" where
    they say the same, "null", or "review" for the first one's, to be looked at. note: what could not be
    done. first: the record as the first model gave it. second: the second model's answer about the doubtful
    members, its record as plain JSON; None if it was not asked.
    """

    doubtful: tuple[str, ...]
    to: str
    choices: Mapping[str, str]
    note: str | None = None
    first: Any = None
    second: Extraction[Any] | None = None

    @property
    def first_values(self) -> dict[str, JSON]:
        """By pointer the first model's values that the record no longer has, as JSON."""
        first = report.as_json(self.first)
        left = [where for where, choice in self.choices.items() if choice in ("second", "null")]
        return {where: value_at(first, where) for where in left}

    @property
    def shown(self) -> dict[str, report.EscalatedValue]:
        """By pointer what a page says of the values."""
        first = self.first_values
        return {
            where: report.EscalatedValue(choice, self.to, first.get(where))
            for where, choice in self.choices.items()
        }

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {
            "doubtful": list(self.doubtful),
            "to": self.to,
            "choices": dict(self.choices),
            "note": self.note,
            **written("first", self.first),
            "second": None if self.second is None else self.second.to_dict(),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON], record_type: Any) -> Escalation:
        """Return what `to_dict` said. record_type: that of the whole record."""
        second = told["second"]
        return cls(
            tuple(told["doubtful"]),
            told["to"],
            told["choices"],
            told["note"],
            typed("first", told, record_type),
            None if second is None else Extraction.from_dict(second, PLAIN),
        )

    def __str__(self) -> str:
        named = {where or "(record)": choice for where, choice in self.choices.items()}
        if self.to == "review":
            return f"not sure enough, left to review: {', '.join(named)}"
        went = "set to null" if self.to == "null" else f"asked of {self.to}"
        told = ", ".join(f"{where}: {choice}" for where, choice in named.items())
        return f"not sure enough, {went}: {told}" + (f"; {self.note}" if self.note else "")


@dataclass(frozen=True, slots=True)
class PartOutcome:
    """The outcome of one part of a record that was asked for in several requests.

    - fields: the members that it asked for, as JSON pointers; * stands for the index in a list.
    - outcome: how its dialogue ended; None if it was not begun.
    - attempts: its requests.
    - found: the values that it gave, as plain JSON, also if another part failed.
    - error: why it gave none.
    """

    fields: tuple[str, ...]
    outcome: Outcome | None
    attempts: tuple[Attempt, ...] = field(default=(), repr=False)
    found: JSON = None
    error: ExtractorError | None = None

    @property
    def usage(self) -> Usage:
        """Tokens of its attempts."""
        return total_usage(self.attempts)

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON."""
        from .recorded import attempts_as_json, error_as_json

        return {
            "fields": list(self.fields),
            "outcome": None if self.outcome is None else str(self.outcome),
            "attempts": attempts_as_json(self.attempts),
            "found": self.found,
            "error": error_as_json(self.error),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON]) -> PartOutcome:
        """Return what `to_dict` said."""
        from .recorded import attempts_from_json, error_from_json

        attempts, outcome = attempts_from_json(told["attempts"]), told["outcome"]
        return cls(
            tuple(told["fields"]),
            None if outcome is None else Outcome(outcome),
            attempts,
            told["found"],
            error_from_json(told["error"], attempts),
        )


@dataclass(frozen=True, slots=True, repr=False)
class Extraction(Shown[T]):
    """How one extraction ended, as data.

    - record: the validated record; None unless `outcome` is ok or repaired. If the record type is optional,
      None may be the record: look at `outcome`.
    - error: what `extract` would have raised.
    - attempts: every request with its result, in order.
    - source: the text that was read; origin: the document that it came from, None for a text.
    - quotes: what the model quoted from the text, by the JSON pointer of a leaf. Each quote stands in the
      text.
    - measured: what `confidence` is computed from; None if you did not ask for it.
    - reference_date, locale: as given for the text.
    - parts: the outcome of each part, if the record was asked for in several requests.
    - escalation: what became of doubtful values; None if there were none, or you did not ask for it.
    - shown: which codes the model saw, by the JSON pointer of what is Coded; * stands for an index or a key.
    """

    outcome: Outcome
    attempts: tuple[Attempt, ...]
    record: T | None = None
    error: ExtractorError | None = None
    completion: Completion | None = field(default=None, repr=False)
    source: str | None = field(default=None, repr=False)
    origin: Source | None = field(default=None, repr=False)
    quotes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    measured: Measured | None = field(default=None, repr=False)
    reference_date: date | None = field(default=None, repr=False)
    locale: str | None = field(default=None, repr=False)
    parts: tuple[PartOutcome, ...] = ()
    escalation: Escalation | None = field(default=None, repr=False)
    shown: Mapping[str, Shortlist] = field(default_factory=dict, repr=False)
    _evidence: list[Evidence] = field(default_factory=list, init=False, repr=False, compare=False)
    _confidence: list[Mapping[str, float]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def notes(self) -> tuple[str, ...]:
        """What else you should know: what of the document was left out, how replies were read, which values
        were not sure enough, and which codes were not shown or not chosen.
        """
        read = () if self.origin is None else self.origin.notes
        said = tuple(dict.fromkeys([*read, *(attempt.note for attempt in self.attempts if attempt.note)]))
        if self.shown:
            said += remarks(self.shown, report.as_json(self.record) if self.outcome.has_record else None)
        return said if self.escalation is None else (*said, str(self.escalation))

    @property
    def evidence(self) -> Evidence:
        """Where in `source` the values stand: spans by the JSON pointer of each leaf, () for a leaf that is
        null or not found. Empty without record or source. Computed on first use.
        """
        if not self._evidence:
            from .evidence import align

            known = self.source is not None and self.record is not None
            given = {"reference_date": self.reference_date, "locale": self.locale}
            self._evidence.append(
                align(self.record, self.source or "", self.quotes, **given) if known else {}  # type: ignore[arg-type]
            )
        return self._evidence[0]

    @property
    def boxes(self) -> Mapping[str, tuple[Box, ...]]:
        """Where on the document's pages the values stand, by the pointers of `evidence`: a box for each line
        that a value spans. Empty for a text, and for a document without pages.
        """
        known = self.origin is not None and self.origin.pages
        return self.origin.boxes_by_pointer(self.evidence) if self.origin and known else {}

    @property
    def signals(self) -> Mapping[str, Signals] | None:
        """What the confidence of each leaf is computed from, by its JSON pointer. None if you did not ask for
        confidence, or there is no record.
        """
        if self.measured is None or not self.outcome.has_record:
            return None
        from .confidence import signals_of

        return signals_of(self.record, self.measured, None if self.source is None else self.evidence)

    @property
    def confidence(self) -> Mapping[str, float] | None:
        """A score in [0, 1] for each leaf of the record, by the JSON pointers of `evidence`. Leaves about
        which nothing is known have none. None unless you asked for it (`confidence=True`) and there is a
        record. A score is a probability only with a calibration.
        """
        if self._confidence:
            return self._confidence[0]
        signals = self.signals
        if signals is None or self.measured is None:
            return None
        return {where: self.measured.confidence(each) for where, each in signals.items() if each.told}

    @property
    def raw(self) -> str | None:
        """The text of the last reply, as the model wrote it. With samples, that of the chosen answer."""
        if self.completion is not None and self.completion.said is not None:
            return self.completion.said
        return next((a.text for a in reversed(self.attempts) if a.text is not None), None)

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON: a line that `extractor view` shows and `from_dict` reads.

        What is left out: the requests' messages, the last reply beside its text, a document's pages, and
        what confidence was made of. Raises ValueError if a serializer of the record type's own does.
        """
        from .recorded import attempts_as_json, error_as_json, spans_as_json

        failure = self.attempts[-1].failure if self.attempts else None
        kind = str(failure.kind if failure else self.outcome)
        return {
            "text": self.source,
            "outcome": str(self.outcome),
            **written("record", self.record if self.outcome.has_record else None),
            "error": error_as_json(self.error, kind),
            "evidence": spans_as_json(self.evidence),
            "not_found": [pointer for pointer, spans in self.evidence.items() if not spans],
            "confidence": None if self.confidence is None else dict(self.confidence),
            "quotes": {pointer: list(quotes) for pointer, quotes in self.quotes.items()},
            "reference_date": None if self.reference_date is None else self.reference_date.isoformat(),
            "locale": self.locale,
            **self.spent(),
            "attempts": attempts_as_json(self.attempts),
            "raw": self.raw,
            "parts": [part.to_dict() for part in self.parts],
            "escalation": None if self.escalation is None else self.escalation.to_dict(),
            "shown": {pointer: shortlist.to_dict() for pointer, shortlist in self.shown.items()},
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON], record_type: Any) -> Extraction[Any]:
        """Return the extraction that `to_dict` said. record_type: what it was asked for; a record of a JSON
        Schema document stays JSON. Raises ValueError for what says none, or no record of that type.
        """
        from .recorded import attempts_from_json, error_from_json, evidence_from_json

        with reading_back(cls):
            attempts, text, day = attempts_from_json(told["attempts"]), told["text"], told["reference_date"]
            outcome, doubts = Outcome(told["outcome"]), told.get("escalation")
            found = cls(
                outcome,
                attempts,
                cast(T, typed("record", told, record_type)) if outcome.has_record else None,
                error_from_json(told["error"], attempts),
                source=text,
                quotes={pointer: tuple(quotes) for pointer, quotes in told["quotes"].items()},
                reference_date=None if day is None else date.fromisoformat(day),
                locale=told["locale"],
                parts=tuple(map(PartOutcome.from_dict, told.get("parts", ()))),
                escalation=None if doubts is None else Escalation.from_dict(doubts, record_type),
                shown={at: Shortlist.from_dict(each) for at, each in told.get("shown", {}).items()},
            )
            raw = told.get("raw", found.raw)  # lines of before have none
            if raw != found.raw:  # of several samples, another than the last was chosen
                chosen = (Choice(Message("assistant", raw)),)
                found = replace(found, completion=Completion(choices=chosen))
            found._evidence.append(evidence_from_json(told["evidence"], text or "", told["not_found"]))
            if told["confidence"] is not None:
                found._confidence.append(told["confidence"])
        return found

    def entry(self, title: str) -> report.Entry:
        """Return what a page shows of it."""
        from .report import Entry, as_json, derived_of, shown_pages

        record = as_json(self.record) if self.outcome.has_record else None
        why = () if self.error is None else (str(self.error),)
        return Entry(
            title,
            self.outcome,
            self.source or "",
            record,
            self.evidence,
            why,
            self._facts(),
            confidence=self.confidence or {},
            pages=shown_pages(self.origin),
            boxes=self.boxes,
            derived=derived_of(self.record),
            escalated={} if self.escalation is None else self.escalation.shown,
        )


PLAIN: Mapping[str, JSON] = {}  # the record type of what stays JSON


def written(name: str, record: Any) -> dict[str, JSON]:
    """Return a record as JSON, with the names that its evidence has. If these are not the names of its
    fields, or some values are computed, the record is also given as its type reads it.
    """
    shown = report.as_json(record)
    fields = report.by_name(record)
    return {name: shown} if fields == shown else {name: shown, f"{name}_by_name": fields}


def typed(name: str, told: Mapping[str, JSON], record_type: Any) -> Any:
    """Return a record that `written` wrote, as its type. Raises ValueError."""
    if isinstance(record_type, Mapping):
        return told[name]
    from pydantic import TypeAdapter

    fields = told.get(f"{name}_by_name")
    if fields is None:
        return TypeAdapter(record_type).validate_json(json.dumps(told[name]))
    return TypeAdapter(record_type).validate_json(json.dumps(fields), by_name=True, by_alias=False)


@contextmanager
def reading_back(kind: type[Any]) -> Iterator[None]:
    """Raise ValueError if what is read is not what the kind's `to_dict` returns."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not what {kind.__name__}.to_dict returns: {error!r}") from error


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    - done: finished rows, ok + repaired + failed + empty.
    - from_cache: how many of them sent no request.
    - in_flight: requests that are being answered; limit: how many may be at present.
    - paused_until: seconds until the service may be asked again; None if it may now.
    - usage, cost: what this run has paid, the cost in US dollars; None if no price is known.
    - unpriced: replies that this run has paid for, at a cost that is not known and not in `cost`.
    - elapsed: seconds since the start.
    - possibly_paid_twice: requests whose answer was lost with a process that died.
    - batches: what the provider reports of each batch, with mode="batch".
    - failures: failed rows by reason.
    - retried: requests that failed and are sent again, by reason. Their rows may still succeed.
    - journal: where answers are kept and read from.
    """

    done: int = 0
    ok: int = 0
    repaired: int = 0
    failed: int = 0
    empty: int = 0
    from_cache: int = 0
    in_flight: int = 0
    limit: int = 0
    paused_until: float | None = None
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None
    unpriced: int = 0
    elapsed: float = 0.0
    possibly_paid_twice: int = 0
    batches: tuple[BatchStatus, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)
    retried: Mapping[str, int] = field(default_factory=dict)
    journal: str | None = None
