"""Concurrency, pauses and rates. Pure: the clock's seconds are arguments.

Concurrency grows by what succeeds and halves where the service is overloaded. A 429 pauses all who
share the quota. Rates are token buckets, given by the caller or learned from headers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...quotas import Dimension, Quota

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0  # seconds, where a 429 does not say how long
BURST = 5 / 60  # of a given limit that may be asked at once
MINUTE = 60.0


@dataclass(slots=True)
class Bucket:
    """A token bucket. It may go into debt by one oversized taking, so that this is let through at all."""

    capacity: float
    per_second: float
    level: float
    at: float

    @classmethod
    def of_minute(cls, limit: float, now: float, minute: float = MINUTE) -> Bucket:
        """Return one that lets through at most `limit` in any minute, oversized takings apart."""
        capacity = max(1.0, limit * BURST)
        return cls(capacity, max(limit - capacity + 1, limit / 120) / minute, capacity, now)

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until `amount` may be taken."""
        self._refill(now)
        missing = min(amount, self.capacity) - self.level
        return 0.0 if missing <= 1e-9 else missing / self.per_second

    def take(self, amount: float) -> None:
        """Take `amount`; a negative one gives back what was reserved and not used."""
        self.level = min(self.level - amount, self.capacity)

    def _refill(self, now: float) -> None:
        if now > self.at:
            self.level = min(self.capacity, self.level + (now - self.at) * self.per_second)
            self.at = now


@dataclass(slots=True)
class Concurrency:
    """How many requests in flight a service can handle. It is found by trial, in rounds of about `limit`
    replies.

    A round without overload lets more in: twice as many until the first overload, then one more, two more,
    four more. A round with overload halves the limit. If half of it got only half as much done, the overload
    was not of our making: the limit is restored, and for a while it grows anyway.
    """

    ceiling: int
    limit: float = 8.0
    fine: int = 0  # replies of this round that were fine
    overloads: int = 0  # and those that told of overload
    latency: float = 0.0  # of the fine ones, summed
    best_latency: float = math.inf
    step: float = 0.0  # what the next good round adds; 0 for as much again
    halved_from: tuple[float, float] | None = None  # the limit and what it got done, while a trial runs
    stale: int = 0  # replies still to come to what was asked before the limit was halved
    kept: int = 0  # rounds for which overload is not believed to be of our making

    def __post_init__(self) -> None:
        self.limit = min(self.limit, float(self.ceiling))

    def note(self, overloaded: bool, latency: float = 0.0) -> None:
        """Count one reply."""
        if self.stale:
            self.stale -= 1
            return
        if overloaded:
            self.overloads += 1
        else:
            self.fine += 1
            self.latency += latency
        if self.fine + self.overloads >= int(self.limit):
            self._end_round()

    def _end_round(self) -> None:
        total, done = self.fine + self.overloads, self.limit * self.fine / (self.fine + self.overloads)
        slow = self._slower() if self.fine else 1.0
        if self.overloads:
            self._overloaded(done)
        elif slow <= 2 or total < 4:  # growing latency is the first sign of a queue: then it stays
            self._grow()
        else:
            self.halved_from = None
        self.fine = self.overloads = 0
        self.latency = 0.0

    def _slower(self) -> float:
        """How many times longer than at its best the service takes. The best fades, as loads differ."""
        mean = self.latency / self.fine
        self.best_latency = min(self.best_latency * 1.01, mean)
        return mean / self.best_latency if self.best_latency > 0 else 1.0

    def _overloaded(self, done: float) -> None:
        if self.kept:
            self._grow()
            return
        if self.halved_from is not None and done < 0.75 * self.halved_from[1]:
            self.limit, self.halved_from, self.kept = self.halved_from[0], None, 16
            return
        self.halved_from, self.stale = (self.limit, done), int(self.limit)
        self.limit, self.step = max(1.0, self.limit / 2), 1.0

    def _grow(self) -> None:
        self.halved_from, self.kept = None, max(0, self.kept - 1)
        self.limit = min(float(self.ceiling), self.limit + (self.step or self.limit))
        self.step *= 2


@dataclass(slots=True)
class Rates:
    """Requests and tokens in a time. given: limits for a minute that the caller knows; they are not learned
    from headers.
    """

    given: dict[Dimension, Bucket] = field(default_factory=dict)
    learned: dict[Dimension, Bucket] = field(default_factory=dict)
    known: dict[Dimension, float] = field(default_factory=dict)  # learned limits, nan once contradicted

    def wait(self, tokens: float, now: float) -> float:
        """Return the seconds until a request of so many tokens may go out."""
        waits = (bucket.wait(1 if name == "requests" else tokens, now) for name, bucket in self._buckets())
        return max(waits, default=0.0)

    def take(self, requests: float, tokens: float) -> None:
        """Take so much; what is negative is given back."""
        for dimension, bucket in self._buckets():
            bucket.take(requests if dimension == "requests" else tokens)

    def learn(self, quota: Quota, now: float) -> bool:
        """Take in what a reply's headers say; return whether it is the first word on that limit. One that
        changes in a run is nobody's: it is dropped.
        """
        name, known = quota.dimension, self.known.get(quota.dimension)
        if known == quota.limit:
            _correct(self.learned[name], quota, now)
        elif name in self.given or (known is not None and math.isnan(known)):
            return False
        elif known is None:
            self.known[name] = quota.limit
            self.learned[name] = Bucket(quota.limit, quota.per_second, quota.remaining, now)
            return True
        else:
            self.known[name] = math.nan
            self.learned.pop(name, None)
        return False

    def _buckets(self) -> Iterable[tuple[Dimension, Bucket]]:
        if not self.given and not self.learned:
            return ()
        return (*self.given.items(), *self.learned.items())


@dataclass(slots=True)
class Limits:
    """Whether the next request may go out, and if not, when to ask again.

    Every `admit` that returned 0 is followed by one `settle` with the same number of tokens.
    """

    concurrency: Concurrency
    rates: Rates = field(default_factory=Rates)
    in_flight: int = 0
    paused_until: float = -math.inf
    pauses: int = 0  # one after the other, with no success in between

    @property
    def limit(self) -> int:
        """Requests that may be in flight, pauses and rates apart."""
        return int(self.concurrency.limit)

    @property
    def room(self) -> int:
        """Requests that may come on top of those in flight, pauses and rates apart."""
        return max(0, self.limit - self.in_flight)

    def admit(self, tokens: float, now: float) -> float:
        """Return 0 if a request of so many tokens may go out now: it then counts as in flight. Else
        the seconds after which to ask again, infinite where something has to settle first.
        """
        if self.in_flight >= self.limit:
            return math.inf
        wait = max(self.paused_until - now, self.rates.wait(tokens, now))
        if wait > 0:
            return wait
        self.in_flight += 1
        self.rates.take(1, tokens)
        return 0.0

    def settle(self, reserved: float, used: float | None = None) -> None:
        """A request has ended. used: the tokens that it took, None if that is not known."""
        self.in_flight -= 1
        if used is not None:
            self.rates.take(0, used - reserved)

    def take_back(self, reserved: float) -> None:
        """A request that was admitted was not sent after all."""
        self.in_flight -= 1
        self.rates.take(-1, -reserved)

    def succeeded(self, latency: float) -> None:
        """The service answered."""
        self.pauses = 0
        self.concurrency.note(False, latency)

    def overloaded(self) -> None:
        """The service could not answer, and did not say when it can."""
        self.concurrency.note(True)

    def throttled(self, retry_after: float | None, sent: float, now: float, chance: float) -> None:
        """The service answered 429: all wait, as long as it said. If it said nothing, a while that
        doubles from one to the next; answers to what was sent before the last pause ended count as one.

        sent: when the request went out. chance: a random number in [0, 1).
        """
        self.concurrency.note(True)
        if retry_after is not None:
            self.paused_until = max(self.paused_until, now + retry_after)
        elif now >= self.paused_until and sent >= self.paused_until:
            planned = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self.pauses)
            self.pauses = min(self.pauses + 1, 10)
            self.paused_until = now + planned * (0.5 + 0.5 * chance)

    def learn(self, quotas: Iterable[Quota], now: float) -> None:
        """Take in what a reply's headers say."""
        for quota in quotas:
            if self.rates.learn(quota, now) and quota.dimension == "requests":
                self.concurrency.limit = min(self.concurrency.limit, max(1.0, quota.remaining))


def _correct(bucket: Bucket, quota: Quota, now: float) -> None:
    """Others may draw on the same quota: the service's word counts where it is the lower one."""
    bucket.wait(0, now)
    bucket.per_second = quota.per_second
    bucket.level = min(bucket.level, quota.remaining)


@dataclass(slots=True)
class TokenEstimate:
    """Tokens of a request before it is sent: a quarter of its characters, calibrated by what requests took,
    and as many for the answer as answers took.
    """

    a_character: float = 0.25
    answer: float = 256.0
    seen: int = 0

    def of(self, characters: int) -> float:
        """Return the tokens of a request and its answer together."""
        return characters * self.a_character + self.answer

    def learn(self, characters: int, prompt_tokens: int, completion_tokens: int) -> None:
        """Take in what one request took."""
        self.seen += 1
        weight = max(0.02, 1 / self.seen)  # an average at first, then one that forgets
        self.a_character += weight * (prompt_tokens / max(1, characters) - self.a_character)
        self.answer += weight * (completion_tokens - self.answer)
