"""The counts of a run, updated as its rows settle. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..messages import Outcome, Usage
from .outcomes import RowOutcome
from .reasons import count, reason_of


@dataclass(slots=True)
class Tally:
    """What a run has come to, as plain numbers. usage: tokens that this run has paid for."""

    ok: int = 0
    repaired: int = 0
    failed: int = 0
    empty: int = 0
    from_cache: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None
    unpriced: int = 0  # answers that this run has paid for, at a cost that is not known
    failures: Counter[str] = field(default_factory=Counter)  # failed rows by reason

    @property
    def done(self) -> int:
        """Rows settled."""
        return self.ok + self.repaired + self.failed + self.empty

    def add(self, outcome: RowOutcome[Any], paid: Sequence[bool]) -> None:
        """Count a row. paid: by attempt, whether it was paid for in this run."""
        if outcome.outcome is None:
            self.failed += outcome.error is not None
            self.empty += outcome.error is None
        else:
            self.ok += outcome.outcome is Outcome.OK
            self.repaired += outcome.outcome is Outcome.REPAIRED
            self.failed += not outcome.outcome.has_record
        self.from_cache += outcome.from_cache
        if (reason := reason_of(outcome)) is not None:
            count(self.failures, reason)
        for attempt, live in zip(outcome.attempts, paid, strict=False):
            if live and attempt.usage is not None:
                self.usage += attempt.usage
            if live and attempt.cost is not None:
                self.cost = (self.cost or Decimal(0)) + attempt.cost
            self.unpriced += live and attempt.cost is None and attempt.failure is None
