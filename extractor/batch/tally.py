"""What a run has come to, counted as its rows settle. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..messages import Outcome, Usage
from .outcomes import RowOutcome


@dataclass(slots=True)
class Tally:
    """What a run has come to, as plain numbers."""

    ok: int = 0
    repaired: int = 0
    failed: int = 0
    empty: int = 0
    from_cache: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0
    cost: Decimal | None = None

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
        for attempt, live in zip(outcome.attempts, paid, strict=False):
            if live and attempt.usage is not None:
                self.prompt_tokens += attempt.usage.prompt_tokens
                self.completion_tokens += attempt.usage.completion_tokens
                self.cached_tokens += attempt.usage.cached_tokens
                self.reasoning_tokens += attempt.usage.reasoning_tokens
                self.cache_write_tokens += attempt.usage.cache_write_tokens
            if live and attempt.cost is not None:
                self.cost = (self.cost or Decimal(0)) + attempt.cost

    @property
    def usage(self) -> Usage:
        """Tokens that this run has paid for."""
        return Usage(
            self.prompt_tokens,
            self.completion_tokens,
            self.cached_tokens,
            self.reasoning_tokens,
            self.cache_write_tokens,
        )
