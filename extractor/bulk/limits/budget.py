"""A hard cap on what a run may cost: the worst case of each request is reserved before it is sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ...dialogue.policy import Price
from ...errors import ConfigError
from ...messages import Usage

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

    @property
    def hopeless(self) -> bool:
        """Whether waiting for others to cost less than their worst will not help."""
        return self.reserved == ZERO


def worst_cost(model: str, most: Usage, price: Price) -> Decimal:
    """Return what a request can cost at most, in US dollars. Raises ConfigError where no price is known.

    most: the tokens that it can take.
    """
    cost = price(model, most)
    if cost is None:
        raise ConfigError(
            f"max_cost needs the price of {model!r}: give the client prices={{{model!r}: "
            "Price(input=..., output=...)}, in US dollars for a million tokens, or install genai-prices"
        )
    return cost
