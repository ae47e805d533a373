"""A service's quota, and how workers may share one: the interface of a shared limiter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

Dimension: TypeAlias = Literal["requests", "tokens"]


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit: of `limit` requests or tokens `remaining` are left; all are back in `reset` seconds,
    None where that is not told.
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
    """granted: how many of the requests, from the first on, may go out now. wait: seconds after which to
    ask for the next one. pause: seconds of it in which the service has asked all to wait.
    """

    granted: int
    wait: float = 0.0
    pause: float = 0.0


class SharedLimits(Protocol):
    """What all workers together may ask of one endpoint. Seconds are spans, so that clocks may differ.

    `take`, `pause` and `learn` return at once; what they say holds for every `reserve` that begins
    afterwards in this worker, and soon for those of the others.
    """

    async def reserve(self, tokens: Sequence[float]) -> LimitGrant:
        """Take what the first requests of so many tokens each need. Raises ExtractorError where the
        limiter is away for good.
        """
        ...

    def take(self, requests: float, tokens: float) -> None:
        """Take so much more, as a request took more than was reserved; what is negative is given back."""
        ...

    def pause(self, seconds: float) -> None:
        """Let nobody out for so long; a longer pause that is under way stays."""
        ...

    def learn(self, quotas: Sequence[Quota]) -> None:
        """Take in what a reply's headers say."""
        ...


@runtime_checkable
class SharedQuota(Protocol):
    """Hands out the shared limits of each endpoint."""

    def limits(self, endpoint: str, given: Mapping[Dimension, float]) -> SharedLimits:
        """Return those of an endpoint. given: for a minute, where the caller knows them; of workers that
        do not agree the last to ask is believed.
        """
        ...
