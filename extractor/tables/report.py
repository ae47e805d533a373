"""The counts of a run over a table, while it runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from ..bulk import RowOutcome, RunFacts
from ..errors import RunStopped
from ..messages import Outcome
from ..results import Progress
from .bill import Bill, Cost


@dataclass(slots=True)
class Put:
    """What an output holds. before: rows of it that are kept; added: rows that were put there."""

    before: int = 0
    added: int = 0


@dataclass(slots=True)
class RunReport:
    """What a run came to. told: its progress, before records were written; lost: those that couldn't be,
    by how their dialogue ended.
    """

    told: Progress = field(default_factory=Progress)
    lost: Counter[Outcome | None] = field(default_factory=Counter)
    facts: RunFacts = field(default_factory=RunFacts)
    settled: Counter[str] = field(default_factory=Counter)  # rows that are where they belong, by outcome
    earlier: int = 0  # rows of the input that earlier files have
    put: defaultdict[str, Put] = field(default_factory=lambda: defaultdict(Put))  # rows by output
    quarantined_before: int = 0  # lines of the quarantine that are kept
    error: RunStopped | None = None  # what stopped it, unless a signal has
    quarantined: int = 0  # rows in the quarantine
    bare: set[int] = field(default_factory=set)  # rows whose record a database did not take
    refused: dict[int, str] = field(default_factory=dict)  # rows that it did not take at all, and why
    stopped: str | None = None  # why, where it did not finish
    notes: Sequence[str] = ()  # what there is to know about that
    is_full: bool = False  # whether it is because the journal took no more, as on a full disk
    kept: bool = False  # whether files are as they were
    bill: Bill = field(default_factory=Bill)  # what it has cost, and the runs before it over the same output

    def tell(self, progress: Progress) -> None:
        """Take note of how far it is."""
        self.told = progress

    def settle(self, outcome: RowOutcome[Any]) -> None:
        """Take note of a row that is written, or quarantined."""
        self.facts.add(outcome)
        self.settled[settled_as(outcome)] += 1

    def stop(self, error: RunStopped) -> None:
        """Take note of why it can't go on."""
        self.stopped, self.error = str(error).rstrip("."), error

    def lose(self, outcome: RowOutcome[Any], why: str) -> None:
        """Take note of a record that can't be written."""
        self.lost[outcome.outcome] += 1
        self.facts.fail("serialization", why)

    @property
    def cost(self) -> Cost:
        """What this run has paid, in US dollars; None if that is not known in full."""
        if self.told.unpriced:
            return None
        return self.told.cost or Decimal(0)

    @property
    def goes_on(self) -> bool:
        """Whether its outputs have rows of earlier runs."""
        return bool(self.earlier or self.quarantined_before or any(put.before for put in self.put.values()))

    @property
    def progress(self) -> Progress:
        """How far it is; a row whose record was lost has failed."""
        ok, repaired = self.lost[Outcome.OK], self.lost[Outcome.REPAIRED]
        return replace(
            self.told,
            ok=self.told.ok - ok,
            repaired=self.told.repaired - repaired,
            failed=self.told.failed + ok + repaired,
        )


def settled_as(outcome: RowOutcome[Any]) -> str:
    """Return what a row counts as: "ok", "repaired", "failed" or "empty"."""
    if outcome.error is not None:
        return "failed"
    if outcome.extraction is None:
        return "empty"
    return "repaired" if outcome.outcome is Outcome.REPAIRED else "ok"
