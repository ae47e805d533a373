"""The limiter in front of a service: requests wait here, oldest row first, for limits and budget.

If the quota is shared with other workers, what this run's own limits let out is asked for there, all
that waits in one question.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from ...errors import ExtractorError, RunStopped
from ...messages import Usage
from ...quotas import Quota, SharedLimits
from .budget import ZERO, RunBudget
from .rates import Limits

LONGEST_STANDSTILL = 600.0  # seconds; who is told to come back tomorrow does not wait


class Reservation(NamedTuple):
    """What a request has reserved: tokens, and US dollars for the most that it can take. `at`: the clock's
    seconds when it was let out.
    """

    tokens: float
    worst: Decimal = ZERO
    at: float = 0.0
    most: Usage = Usage()


class _Waiting(NamedTuple):
    row: int
    order: int
    wanted: Reservation
    future: asyncio.Future[Reservation]


class Limiter:
    """The requests of one run to one quota. `changed` is called when there may be room for more rows.
    longest: seconds that all may have to wait; where it is longer the run stops.
    """

    def __init__(
        self,
        limits: Limits,
        budget: RunBudget | None,
        clock: Callable[[], float],
        changed: Callable[[], None],
        shared: SharedLimits | None = None,
        longest: float = LONGEST_STANDSTILL,
    ) -> None:
        self._longest = longest
        self.limits, self._budget, self._clock, self._changed = limits, budget, clock, changed
        self._shared = shared
        self._waiting: list[_Waiting] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._ask_again = 0.0  # the clock's seconds when the shared limits may have room
        self._closed: ExtractorError | None = None

    @property
    def paused(self) -> bool:
        """Whether the service has asked to wait, and that time is not over."""
        return self.limits.paused_until > self._clock()

    def check(self) -> None:
        """Raise RunStopped if the service has asked to wait for too long."""
        self._check(self.limits.paused_until - self._clock())

    def is_shut(self) -> bool:
        """Whether nothing may go out at present."""
        return self._closed is not None or self.paused

    @property
    def room(self) -> int:
        """Rows that may begin now, since their requests could go out at once, or be asked for together."""
        if self.paused or self._ask_again > self._clock() or (self._waiting and not self._shared):
            return 0
        return max(0, self.limits.room - len(self._waiting))

    def try_reserve(self, wanted: Reservation) -> Reservation | None:
        """Return the reservation where the request may go out at once. Raises what `reserve` raises."""
        if self._closed:
            raise self._closed
        return None if self._waiting or self._shared else self._enter(wanted)

    async def reserve(self, wanted: Reservation, row: int) -> Reservation:
        """Return the reservation once the request may go out. Raises BudgetExceeded, RunStopped if that
        would take too long, or what `close` was given.
        """
        if self._closed:
            raise self._closed
        future: asyncio.Future[Reservation] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, _Waiting(row, next(self._order), wanted, future))
        self.pump()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.take_back(future.result())
            raise

    def leave(self, reserved: Reservation, used: float | None, cost: Decimal) -> None:
        """A request has ended. used: the tokens that it took, None if that is not known."""
        self.limits.settle(reserved.tokens, used)
        if self._shared and used is not None and used != reserved.tokens:
            self._shared.take(0, used - reserved.tokens)
        self._pay(reserved, cost)

    def take_back(self, reserved: Reservation) -> None:
        """A request that was let out was not sent after all."""
        if self._shared:
            self._shared.take(-1, -reserved.tokens)
        self._keep(reserved)

    def throttled(self, reserved: Reservation, retry_after: float | None, chance: float) -> None:
        """The service answered 429: all wait. chance: a random number in [0, 1)."""
        now = self._clock()
        self.limits.throttled(retry_after, reserved.at, now, chance)
        pause = max(0.0, self.limits.paused_until - now)
        if self._shared and pause:
            self._shared.pause(pause)
        self._wake_after(pause)

    def learn(self, quotas: Sequence[Quota]) -> None:
        """Take in what a reply's headers say."""
        if self._shared is None:
            self.limits.learn(quotas, self._clock())
        elif quotas:
            self._shared.learn(quotas)

    def _keep(self, reserved: Reservation) -> None:
        """A request was not let out after all."""
        self.limits.take_back(reserved.tokens)
        self._pay(reserved, ZERO)

    def _pay(self, reserved: Reservation, cost: Decimal) -> None:
        if self._budget is not None:
            self._budget.settle(reserved.worst, cost)
        if self._waiting:
            self.pump()
        self._changed()

    def pump(self) -> None:
        """Let out what may go."""
        if self._shared is None:
            for waiting, reserved in self._admitted():
                waiting.future.set_result(reserved)
        elif self._waiting and self._asking is None and not self._closed:
            early = self._ask_again - self._clock()
            if early > 0:
                self._wake_after(early)
            else:
                self._asking = asyncio.create_task(self._ask(self._shared))

    def _admitted(self) -> Iterator[tuple[_Waiting, Reservation]]:
        """Yield what may go as far as this run is concerned: it no longer waits."""
        while self._waiting:
            wanted, future = self._waiting[0].wanted, self._waiting[0].future
            reserved: Reservation | None = None
            if not future.done():
                try:
                    reserved = self._enter(wanted)
                except RunStopped as error:
                    future.set_exception(error)
                else:
                    if reserved is None:
                        return
            first = heapq.heappop(self._waiting)
            if reserved is not None:
                yield first, reserved

    async def _ask(self, shared: SharedLimits) -> None:
        """Ask for what may go until all is out, or has to wait."""
        asked: list[tuple[_Waiting, Reservation]] = []
        try:
            while asked := list(self._admitted()):
                grant = await shared.reserve([reserved.tokens for _, reserved in asked])
                granted, asked = asked[: grant.granted], asked[grant.granted :]
                for waiting, reserved in granted:
                    if waiting.future.done():  # it does not want to any more
                        self.take_back(reserved)
                    else:
                        waiting.future.set_result(reserved._replace(at=self._clock()))
                if grant.pause > 0:
                    self.limits.paused_until = max(self.limits.paused_until, self._clock() + grant.pause)
                if asked:
                    self._check(grant.wait)
                    self._ask_again = self._clock() + grant.wait
                    self._wake_after(grant.wait)
                    break
        except Exception as error:  # no row may wait for ever, nor one that came meanwhile
            self._waiting.extend(waiting for waiting, _ in asked)
            self._send_away(error)
        finally:
            for waiting, reserved in asked:
                self._keep(reserved)
                if not waiting.future.done():
                    heapq.heappush(self._waiting, waiting)
            self._asking = None
            if self._closed:
                self._send_away(self._closed)

    def close(self, error: ExtractorError) -> None:
        """Let nobody out who still waits, or comes."""
        self._closed = error
        self._send_away(error)
        if self._timer:
            self._timer.cancel()
        if self._asking:
            self._asking.cancel()

    def _send_away(self, error: Exception) -> None:
        for waiting in self._waiting:
            if not waiting.future.done():
                waiting.future.set_exception(error)
        self._waiting.clear()

    def _enter(self, wanted: Reservation) -> Reservation | None:
        now = self._clock()
        if self._budget is not None and not self._budget.reserve(wanted.worst):
            if self._budget.hopeless:
                raise self._budget.exceeded(wanted.worst)
            return None
        wait = self.limits.admit(wanted.tokens, now)
        if wait == 0:
            return wanted._replace(at=now)
        if self._budget is not None:
            self._budget.settle(wanted.worst, ZERO)
        if wait < math.inf:
            self._check(wait)
            self._wake_after(wait)
        return None

    def _check(self, wait: float) -> None:
        """Raise RunStopped for a wait that is too long."""
        if wait > self._longest:
            raise RunStopped(f"the service accepts no more requests for {_words_of(wait)}")

    def _wake_after(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self.pump()
        self._changed()


def _words_of(seconds: float) -> str:
    for name, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} seconds"
