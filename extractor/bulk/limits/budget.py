"""A hard cap on what a run may cost: the worst case of each request is reserved before it is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from ...dialogue.policy import Price
from ...errors import BudgetExceeded, ConfigError
from ...messages import Usage
from ...pricing import no_price

ZERO = Decimal(0)


@dataclass(slots=True)
class RunBudget:
    """US dollars. Every `reserve` that returned True is followed by one `settle` of the same amount."""

    cap: Decimal
    spent: Decimal = ZERO
    reserved: Decimal = ZERO

    def reserve(self, worst: Decimal) -> bool:
        """Whether a request that may cost so much can be paid for whatever happens; then it is reserved."""
        if self.spent + self.reserved + worst > self.cap:
            return False
        self.reserved += worst
        return True

    def settle(self, worst: Decimal, cost: Decimal) -> None:
        """The request has cost so much."""
        self.reserved -= worst
        self.spent += cost

    def exceeded(self, worst: Decimal) -> BudgetExceeded:
        """Return the error for a request that may cost so much, more than is left."""
        least, cap = rounded_up(worst), self.cap
        if worst > cap:
            told = f"one request could cost ${least}, more than max_cost={cap}: raise it to {least} at least"
            return BudgetExceeded(told, needed=least)
        left = cap - self.spent
        told = f"the next request could cost ${worst:.6f}, and only ${left:.6f} of max_cost={cap} are left"
        return BudgetExceeded(told, needed=cap)

    @property
    def hopeless(self) -> bool:
        """Whether waiting for others to cost less than their worst will not help."""
        return self.reserved == ZERO


def rounded_up(cost: Decimal) -> Decimal:
    """Return an amount of two digits that is not less."""
    return Decimal(f"{cost.quantize(Decimal(1).scaleb(cost.adjusted() - 1), ROUND_UP).normalize():f}")


def worst_cost(model: str, most: Usage, price: Price) -> Decimal:
    """Return what a request can cost at most, in US dollars. Raises ConfigError if no price is known.

    most: the tokens that it can take.
    """
    cost = price(model, most)
    if cost is None:
        raise ConfigError(f"max_cost needs the price of {model!r}: {no_price(model)}")
    return cost
