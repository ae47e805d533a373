"""The result of a run over a table: each row counted once, and what each file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..messages import Usage
from .bill import Bill


@dataclass(frozen=True, slots=True)
class Holding:
    """A file or table that a run has written.

    - rows: how many it holds now; None for a table of a database, and for a file that did not change.
    - added: how many this run added.
    """

    place: str
    rows: int | None
    added: int

    def __str__(self) -> str:
        if self.rows is None:
            return f"{self.place}: {_rows(self.added)} added" if self.added else f"{self.place}: unchanged"
        new = f", {self.added:,} of them new" if 0 < self.added < self.rows else ""
        return f"{self.place}: {_rows(self.rows)}{new}"


@dataclass(frozen=True, slots=True)
class TableRun:
    """The result of a run over a table. Each row of the input counts once: rows = earlier + ok + repaired +
    failed + empty + left.

    - rows: of the input; left: rows that remain. Both are None if an input that can be read only once was not
      read to its end.
    - answered: how many of the remaining rows have an answer in the journal, and wait for a row before them.
    - earlier: rows that the output or its quarantine had before.
    - ok, repaired: rows with a record; failed: rows without one; empty: rows without text.
    - from_journal: rows whose answers came from the journal; journal: where that is, None without one.
    - failures: failed rows by reason.
    - refused: why a database refused rows, by their position from 0; bare: rows that it took without their
      record.
    - places: what the files hold now.
    - usage, cost: what this run has paid, the cost in US dollars; None if no price is known.
    - bill: what this run and the earlier ones over the same output have cost.
    - stopped: why the run did not finish; None if it did.
    - notes: what you should know about how the input was read.
    """

    rows: int | None
    earlier: int
    ok: int
    repaired: int
    failed: int
    empty: int
    left: int | None
    answered: int
    from_journal: int
    failures: Mapping[str, int]
    journal: str | None
    refused: Mapping[int, str]
    bare: int
    places: tuple[Holding, ...]
    usage: Usage
    cost: Decimal | None
    bill: Bill
    stopped: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many rows this run has finished."""
        return self.ok + self.repaired + self.failed + self.empty

    @property
    def sum(self) -> str:
        """The counts of all rows as a sum, such as "4 rows = 3 ok + 1 empty"."""
        parts = {
            "done before": self.earlier,
            "ok": self.ok,
            "repaired": self.repaired,
            "failed": self.failed,
            "empty": self.empty,
            "left": self.left or 0,
        }
        waiting = (
            f" ({self.answered:,} of them with an answer in the journal)"
            if self.left and self.answered
            else ""
        )
        told = " + ".join(f"{count:,} {name}" for name, count in parts.items() if count) or "0"
        rows = _rows(self.rows) if self.rows is not None else "rows so far"
        return f"{rows} = {told}{waiting}"

    @property
    def costs(self) -> str:
        """What this run and all runs over its output have cost, "Cost: $0.1 in this run, $0.3 in all 2 runs";
        "" for one run whose cost is not known.
        """
        number, total = len(self.bill.costs), self.bill.total
        here = "unknown" if self.cost is None and self.usage.total_tokens else f"${self.cost or 0:.4f}"
        if number < 2:
            return "" if self.cost is None else f"Cost: {here}."
        if total is None:
            if self.bill.least <= (self.cost or 0):
                return f"Cost: {here} in this run; what earlier runs paid for these answers is not known."
            unknown = sum(cost is None for cost in self.bill.costs)
            return (
                f"Cost: {here} in this run, at least ${self.bill.least:.4f} in all {number} runs: what "
                f"{unknown} of them paid is not known in full, as of a run that was killed."
            )
        return f"Cost: {here} in this run, ${total:.4f} in all {number} runs."

    def __str__(self) -> str:
        ended = "" if self.stopped is None else f"It did not finish: {self.stopped}."
        why = [f"{count:,} × {reason}" for reason, count in self.failures.items()]
        told = [self.sum, *why, *map(str, self.places), self.costs, *self.notes, ended]
        return "\n".join(filter(None, told))


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"
