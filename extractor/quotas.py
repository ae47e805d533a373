"""A service's quota, and how workers may share one: the interface of a shared limiter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

Dimension: TypeAlias = Literal["requests", "tokens"]


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of requests or tokens.

    - limit, remaining: how many there are, and how many are left.
    - reset: seconds until all are back; None if that is not known.
    """

    dimension: Dimension
    limit: float
    remaining: float
    reset: float | None = None

    @property
    def per_second(self) -> float:
        """How fast they come back. A limit that says no time is one for a minute. Whatever the headers
        say, one request is tried each minute, and all tokens are back after an hour.
        """
        used = self.limit - self.remaining
        told = used / self.reset if self.reset and used > 0 else self.limit / 60
        return max(told, 1 / 60 if self.dimension == "requests" else self.limit / 3600)


class LimitGrant(NamedTuple):
    """What a limiter grants.

    - granted: how many of the requests, from the first on, may be sent now.
    - wait: seconds after which to ask for the next one.
    - pause: how many of these seconds the service has asked all to wait.
    """

    granted: int
    wait: float = 0.0
    pause: float = 0.0


class SharedLimits(Protocol):
    """What all workers together may send to one endpoint. Times are durations in seconds, so clocks may
    differ.

    `take`, `pause` and `learn` return at once. They apply to every later `reserve` in this worker, and soon
    after in the others.
    """

    async def reserve(self, tokens: Sequence[float]) -> LimitGrant:
        """Reserve for the first of the requests, given the tokens of each. Raises ExtractorError if the
        limiter is gone for good.
        """
        ...

    def take(self, requests: float, tokens: float) -> None:
        """Take more for a request that used more than was reserved. A negative number gives tokens back."""
        ...

    def pause(self, seconds: float) -> None:
        """Let no request out for so many seconds. A longer pause that is under way stays."""
        ...

    def learn(self, quotas: Sequence[Quota]) -> None:
        """Apply what a reply's headers say about quotas."""
        ...


@runtime_checkable
class SharedQuota(Protocol):
    """Returns the shared limits of each endpoint."""

    def limits(self, endpoint: str, given: Mapping[Dimension, float]) -> SharedLimits:
        """Return the limits of an endpoint. given: the limits for a minute, if the caller knows them. If
        workers are configured differently, the latest request's limits apply.
        """
        ...
