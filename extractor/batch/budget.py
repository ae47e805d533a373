"""A hard cap on what a run may cost: the worst case of each request is reserved before it is sent. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ..errors import ConfigError
from ..messages import Request, Usage

Price: TypeAlias = Callable[[str, Usage], Decimal | None]
ZERO = Decimal(0)


@dataclass(slots=True)
class Budget:
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


def worst_cost(request: Request, size: int, price: Price) -> Decimal:
    """Return what a request can cost at most, in US dollars. Raises ConfigError where nothing bounds it.

    size: bytes of its body. A token has at least one byte, so the prompt has no more tokens than that.
    """
    most = max_tokens(request)
    if most is None:
        raise ConfigError(
            "max_cost is kept by reserving the longest answer: say how long it may be, max_tokens=..."
        )
    cost = price(request.model, Usage(size, most * int(request.params.get("n") or 1)))
    if cost is None:
        raise ConfigError(
            f"max_cost needs the price of {request.model!r}: give the client prices={{{request.model!r}: "
            "Price(input=..., output=...)}, in US dollars for a million tokens, or install genai-prices"
        )
    return cost


def max_tokens(request: Request) -> int | None:
    """Return the bound that a request sets on its answer; None where it sets none."""
    bounds = (request.params.get(name) for name in ("max_tokens", "max_completion_tokens"))
    return next((bound for bound in bounds if isinstance(bound, int)), None)
