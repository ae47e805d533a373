"""The cost of all runs over one output, kept from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from ..transport import kept

Cost: TypeAlias = Decimal | None  # US dollars; None where it is not known


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of each run over an output, oldest first."""

    costs: tuple[Cost, ...] = ()

    @property
    def total(self) -> Cost:
        """What all runs have cost; None where one of them is not known."""
        known = [cost for cost in self.costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(self.costs) else None


class BillBook:
    """The bill of one output. place: its file or table; None keeps nothing. name: of what is read into it."""

    def __init__(self, place: str | None, name: str) -> None:
        self._path, self._name = None if place is None else kept.path_of("bills", place), name
        self._costs, self._of = _kept_at(self._path)

    def begin(self) -> None:
        """Keep that a run has begun. Where it is killed its cost stays unknown."""
        self._save([*(self._costs or ()), None])

    def settle(self, cost: Cost, goes_on: bool, reads_back: bool) -> Bill:
        """Return the bill with this run's cost, and keep it. goes_on: whether the output has rows of earlier
        runs. reads_back: whether answers were paid for by earlier runs.
        """
        earlier = self._costs if goes_on or self._of == self._name else None
        costs = [cost]
        if goes_on or reads_back:
            costs = [*([None] if earlier is None else earlier), cost]
        self._save(costs)
        return Bill(tuple(costs))

    def _save(self, costs: Sequence[Cost]) -> None:
        if self._path is not None:
            told = [None if cost is None else str(cost) for cost in costs]
            with suppress(OSError):
                kept.save(self._path, {"of": self._name, "costs": told})


def _kept_at(path: Path | None) -> tuple[list[Cost] | None, str | None]:
    found = None if path is None else kept.load(path)
    if not isinstance(found, dict):
        return None, None
    try:
        costs = [None if cost is None else Decimal(cost) for cost in found["costs"]]
        return costs, str(found["of"])
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None, None
