"""What a run over a table came to: each row accounted for, and what each file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..messages import Usage


@dataclass(frozen=True, slots=True)
class Holding:
    """A file or table that a run has written. rows: that it holds now, None for a table of a database and
    for a file that is as it was. added: those that this run put there.
    """

    place: str
    rows: int | None
    added: int

    def __str__(self) -> str:
        if self.rows is None:
            return f"{self.place}: {self.added:,} rows added" if self.added else f"{self.place}: as it was"
        new = f", {self.added:,} of them new" if 0 < self.added < self.rows else ""
        return f"{self.place}: {self.rows:,} rows{new}"


@dataclass(frozen=True, slots=True)
class TableRun:
    """What a run came to. Each row of the input counts once: rows = earlier + ok + repaired + failed + empty
    + left.

    rows: of the input; left: those that are still to do; both None where an input that can be read only
    once was not read to its end. answered: how many of those that are left have their answer in the journal,
    and wait for a row before them. earlier: rows that the output or its quarantine had before. ok, repaired:
    rows with a record; failed: without one; empty: without a text. from_journal: rows whose answers were
    paid for before; journal: where they were read from, None without one. failures: failed rows by
    reason. refused: why a database did not take rows, by their
    position from 0; bare: rows that it took without their record. places: what the files hold now. usage,
    cost (US dollars, None where no price is known): what this run has paid. stopped: why the run did not
    finish, None where it did. notes: what there is to know about how the input was read.
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
    stopped: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """Rows that this run has brought to an end."""
        return self.ok + self.repaired + self.failed + self.empty

    @property
    def sum(self) -> str:
        """The sum in which each row of the input stands once, such as "4 rows = 3 ok + 1 empty"."""
        parts = {
            "done before": self.earlier,
            "ok": self.ok,
            "repaired": self.repaired,
            "failed": self.failed,
            "empty": self.empty,
            "left": self.left or 0,
        }
        waiting = (
            f" ({self.answered:,} of them answered in the journal)" if self.left and self.answered else ""
        )
        told = " + ".join(f"{count:,} {name}" for name, count in parts.items() if count) or "0"
        rows = f"{self.rows:,} rows" if self.rows is not None else "rows so far"
        return f"{rows} = {told}{waiting}"

    def __str__(self) -> str:
        ended = "" if self.stopped is None else f"It did not finish: {self.stopped}."
        why = [f"{count:,} × {reason}" for reason, count in self.failures.items()]
        return "\n".join(filter(None, [self.sum, *why, *map(str, self.places), *self.notes, ended]))
