"""The details behind one text's figures: both records, their evidence, and the model's replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..messages import JSON, Attempt
from .gold import Places


@dataclass(frozen=True, slots=True)
class AttemptDetail:
    """One request with what came of it. reply: what the model said. problems: why it was no record.
    cost: US dollars, None if no price is known. seconds: waits included.
    """

    outcome: str
    model: str
    reply: str | None = None
    problems: tuple[str, ...] = ()
    note: str | None = None
    tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptDetail:
        """Return what is kept of an attempt: its request can be had again from text and options."""
        why = tuple(str(problem) for problem in attempt.problems)
        return cls(
            str(attempt.outcome),
            attempt.model,
            attempt.text,
            why if attempt.failure is None else (*why, attempt.failure.message),
            attempt.note,
            0 if attempt.usage is None else attempt.usage.total_tokens,
            None if attempt.cost is None else float(attempt.cost),
            attempt.latency + attempt.waited,
        )


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """One text with its gold record and what was found. found: None if there is no record, for the
    reason `error`. gold_places: None if the gold spans are not known. columns: what the text is
    sliced by. from_journal: whether nothing was asked, since all answers were kept from before.
    """

    text: str
    gold: JSON
    found: JSON = None
    gold_places: Places | None = None
    places: Places = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    error: str | None = None
    attempts: tuple[AttemptDetail, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    from_journal: bool = False
