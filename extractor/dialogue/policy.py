"""How long to go on, and how long to wait in between. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from tenacity import RetryCallState
from tenacity.wait import wait_base, wait_exponential

from ..messages import Attempt, Failure, FailureKind, Usage

TRANSIENT_STATUSES = frozenset({408, 409, 429})  # and all of 500 and above
HOPELESS_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached"}
)  # a 429 that waiting won't cure


def no_price(model: str, usage: Usage) -> Decimal | None:
    """Return None: nothing is known of any price."""
    return None


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may spend; once it is spent, nothing more is asked. max_tokens_total: tokens of all
    attempts together. max_cost: US dollars. price: what a usage of a model costs, None if unknown.
    """

    max_tokens_total: int | None = None
    max_cost: Decimal | None = None
    price: Callable[[str, Usage], Decimal | None] = no_price

    def cost(self, model: str, usage: Usage | None) -> Decimal | None:
        """Return what one attempt cost in US dollars, None where that is unknown."""
        return None if usage is None else self.price(model, usage)

    def left_after(self, attempts: Sequence[Attempt]) -> bool:
        """Whether there is something left to spend."""
        tokens = sum(a.usage.total_tokens for a in attempts if a.usage)
        cost = sum((a.cost for a in attempts if a.cost is not None), Decimal(0))
        return (self.max_tokens_total is None or tokens < self.max_tokens_total) and (
            self.max_cost is None or cost < self.max_cost
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of one dialogue: at most 1 + max_repairs + max_retries requests, all within the deadline.

    max_repairs: further requests after replies that are no record. max_retries: further requests
    after transient transport failures. timeout: seconds for one request. deadline: seconds for the
    whole call, waits included; None for no end. wait: a tenacity wait strategy for the back-off,
    of which between a half and the whole is waited (jitter).
    """

    max_repairs: int = 2
    max_retries: int = 4
    timeout: float = 120.0
    deadline: float | None = 600.0
    wait: wait_base = field(default_factory=lambda: wait_exponential(multiplier=0.5, max=30))
    budget: Budget = Budget()


def is_transient(failure: Failure) -> bool:
    """Whether the same request may well succeed later."""
    if failure.kind is not FailureKind.STATUS:
        return failure.kind is not FailureKind.PROTOCOL
    if failure.code in HOPELESS_CODES:
        return False
    return failure.status in TRANSIENT_STATUSES or (failure.status or 0) >= 500


def back_off(policy: Policy, failures: int, retry_after: float | None, chance: float) -> float:
    """Return the seconds to wait after the n-th transport failure in a dialogue.

    chance: a random number in [0, 1). What the service asks for is waited in full, and never less
    than that; the jitter on top keeps clients that failed together from coming back together.
    """
    state = RetryCallState(retry_object=cast("object", None), fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = failures
    planned = max(0.0, policy.wait(state))
    if retry_after is not None:
        return retry_after + 0.1 * planned * chance
    return planned * (0.5 + 0.5 * chance)
