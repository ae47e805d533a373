"""How long to go on, and how long to wait in between. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from tenacity import RetryCallState
from tenacity.wait import wait_base, wait_exponential

from ..messages import Failure, FailureKind

TRANSIENT_STATUSES = frozenset({408, 409, 429})  # and all of 500 and above
HOPELESS_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached"}
)  # a 429 that waiting won't cure


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
