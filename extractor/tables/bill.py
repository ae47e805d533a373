"""The cost of all runs over one output, kept from run to run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from ..messages import JSON
from ..transport import kept

Cost: TypeAlias = Decimal | None  # US dollars; None if it is not known
NOTHING = Decimal(0)
EVERY = 1.0  # seconds, at least, between two looks at what a run has cost so far


@dataclass(frozen=True, slots=True)
class Bill:
    """The cost of each run over an output, oldest first. least: what all of them have cost at least, with
    what is known of a run that was killed.
    """

    costs: tuple[Cost, ...] = ()
    least: Decimal = NOTHING

    @property
    def total(self) -> Cost:
        """What all runs have cost; None if one of them is not known."""
        known = [cost for cost in self.costs if cost is not None]
        return sum(known, NOTHING) if len(known) == len(self.costs) else None


@dataclass(frozen=True, slots=True)
class RunCost:
    """What is kept of one run. cost: None if it is not known, as of one that was killed. least: what it
    has cost at least.
    """

    cost: Cost
    least: Decimal = NOTHING

    def to_json(self) -> JSON:
        """Return it as it is kept."""
        if self.cost is not None:
            return str(self.cost)
        return {"least": str(self.least)} if self.least else None

    @classmethod
    def of(cls, told: JSON) -> RunCost:
        """Return what was kept. Raises ArithmeticError, KeyError, TypeError and ValueError."""
        if told is None:
            return cls(None)
        if isinstance(told, dict):
            return cls(None, Decimal(told["least"]))
        return cls(Decimal(told), Decimal(told))


class BillBook:
    """The bill of one output. place: its file or table; None keeps nothing. name: of what is read into it."""

    def __init__(self, place: str | None, name: str) -> None:
        self._path, self._name = None if place is None else kept.path_of("bills", place), name
        self._costs, self._of = _kept_at(self._path)
        self._told = NOTHING, 0.0

    def begin(self) -> None:
        """Keep that a run has begun. Where it is killed its cost stays unknown."""
        self._save([*(self._costs or ()), RunCost(None)])

    def tell(self, least: Decimal, elapsed: float) -> None:
        """Keep what the run has cost so far, in case it is killed. elapsed: seconds since its start.
        It is written once a second at most.
        """
        before, at = self._told
        if least > before and elapsed >= at + EVERY:
            self._told = least, elapsed
            self._save([*(self._costs or ()), RunCost(None, least)])

    def settle(self, cost: Cost, goes_on: bool, reads_back: bool, least: Decimal = NOTHING) -> Bill:
        """Return the bill with this run's cost, and keep it. goes_on: whether the output has rows of earlier
        runs. reads_back: whether answers were paid for by earlier runs. least: what it has cost at least.
        """
        earlier = self._costs if goes_on or self._of == self._name else None
        runs = [RunCost(cost, least if cost is None else cost)]
        if goes_on or reads_back:
            runs = [*([RunCost(None)] if earlier is None else earlier), *runs]
        self._save(runs)
        return Bill(tuple(each.cost for each in runs), sum((each.least for each in runs), NOTHING))

    def _save(self, runs: Sequence[RunCost]) -> None:
        if self._path is not None:
            with suppress(OSError):
                kept.save(self._path, {"of": self._name, "costs": [each.to_json() for each in runs]})


def _kept_at(path: Path | None) -> tuple[list[RunCost] | None, str | None]:
    found = None if path is None else kept.load(path)
    if not isinstance(found, dict):
        return None, None
    try:
        return [RunCost.of(cost) for cost in found["costs"]], str(found["of"])
    except (ArithmeticError, KeyError, TypeError, ValueError):
        return None, None
