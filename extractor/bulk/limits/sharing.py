"""One quota for many workers: how it is shared. Pure.

A limiter asks it for each request that its own run would let out: concurrency and the budget stay with the
run, rates and pauses are shared. Nothing is held for a request but what a bucket fills up again by
itself, so that a worker that dies leaves nothing behind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...quotas import Dimension, LimitGrant, Quota
from .rates import MINUTE, Bucket, Rates

SHARED_MINUTE = MINUTE + 1  # seconds: what was let out together does not arrive together


@dataclass(slots=True)
class LimitRequest:
    """What a worker reports of one endpoint, and what it asks for there, in one round trip. The order is:
    requests and tokens to take, seconds to pause, quotas from replies, tokens of requests to reserve.
    """

    endpoint: str
    given: Mapping[Dimension, float] = field(default_factory=dict)
    requests: float = 0.0
    tokens: float = 0.0
    pause: float = 0.0
    quotas: dict[tuple[Dimension, float], Quota] = field(default_factory=dict)  # by name and limit
    wanted: list[float] = field(default_factory=list)

    def learn(self, quotas: Sequence[Quota]) -> None:
        """Take note of quotas; of several words on one limit the lowest remainder counts."""
        for quota in quotas:
            known = self.quotas.get((quota.dimension, quota.limit))
            if known is None or quota.remaining <= known.remaining:
                self.quotas[quota.dimension, quota.limit] = quota


@dataclass(slots=True)
class Pool:
    """How a shared limiter decides, for one endpoint. Pure: the clock's seconds are arguments."""

    rates: Rates = field(default_factory=Rates)
    given: dict[Dimension, float] = field(default_factory=dict)
    paused_until: float = -math.inf

    def give(self, given: Mapping[Dimension, float], now: float) -> None:
        """Keep to these limits for a minute. Nothing is gained by changing them back and forth."""
        for name, limit in given.items():
            if self.given.get(name) != limit:
                self.given[name] = limit
                bucket = Bucket.of_minute(limit, now, SHARED_MINUTE)
                before = self.rates.given.get(name, bucket)
                before.wait(0, now)
                bucket.level = min(bucket.level, before.level)
                self.rates.given[name] = bucket

    def run(self, request: LimitRequest, now: float) -> LimitGrant:
        """Return what is granted, after all reports."""
        self.give(request.given, now)
        self.rates.take(request.requests, request.tokens)
        if request.pause > 0:
            self.pause(request.pause, now)
        for quota in request.quotas.values():
            self.rates.learn(quota, now)
        return self.reserve(request.wanted, now)

    def reserve(self, tokens: Sequence[float], now: float) -> LimitGrant:
        """Take what the first requests need, as many as may go out now."""
        pause = self.paused_until - now
        if pause > 0:
            return LimitGrant(0, pause, pause)
        for granted, each in enumerate(tokens):
            wait = self.rates.wait(each, now)
            if wait > 0:
                return LimitGrant(granted, wait)
            self.rates.take(1, each)
        return LimitGrant(len(tokens))

    def pause(self, seconds: float, now: float) -> None:
        """Let nobody out for so long."""
        self.paused_until = max(self.paused_until, now + seconds)
