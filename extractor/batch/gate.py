"""The gate in front of a service: requests wait here, oldest row first, for limits and budget."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from ..errors import BudgetExceeded, ExtractorError
from .budget import ZERO, Budget
from .limits import Limits


class Pass(NamedTuple):
    """What a request has reserved: tokens, and US dollars. `at`: the clock's seconds when it was let out."""

    tokens: float
    worst: Decimal = ZERO
    at: float = 0.0


class Gate:
    """The requests of one run to one quota. `changed` is called when there may be room for more rows."""

    def __init__(
        self, limits: Limits, budget: Budget | None, clock: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self.limits, self._budget, self._clock, self._changed = limits, budget, clock, changed
        self._waiting: list[tuple[int, int, Pass, asyncio.Future[Pass]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._closed: ExtractorError | None = None

    @property
    def paused(self) -> bool:
        """Whether the service has asked to wait, and that time is not over."""
        return self.limits.paused_until > self._clock()

    @property
    def room(self) -> int:
        """Rows that may begin now, since their requests could go out at once."""
        if self._waiting or self.paused:
            return 0
        return self.limits.room

    def try_enter(self, wanted: Pass) -> Pass | None:
        """Return the pass where the request may go out at once. Raises what `enter` raises."""
        if self._closed:
            raise self._closed
        return None if self._waiting else self._enter(wanted)

    async def enter(self, wanted: Pass, row: int) -> Pass:
        """Return the pass once the request may go out. Raises BudgetExceeded, or what `close` was given."""
        if self._closed:
            raise self._closed
        future: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (row, next(self._order), wanted, future))
        self.pump()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.take_back(future.result())
            raise

    def leave(self, held: Pass, used: float | None, cost: Decimal) -> None:
        """A request has ended. used: the tokens that it took, None where that is not known."""
        self.limits.settle(held.tokens, used)
        self._pay(held, cost)

    def take_back(self, held: Pass) -> None:
        """A request that was let out was not sent after all."""
        self.limits.take_back(held.tokens)
        self._pay(held, ZERO)

    def throttled(self, held: Pass, retry_after: float | None, chance: float) -> None:
        """The service answered 429: all wait. chance: a random number in [0, 1)."""
        now = self._clock()
        self.limits.throttled(retry_after, held.at, now, chance)
        self._wake_after(max(0.0, self.limits.paused_until - now))

    def _pay(self, held: Pass, cost: Decimal) -> None:
        if self._budget is not None:
            self._budget.settle(held.worst, cost)
        if self._waiting:
            self.pump()
        self._changed()

    def pump(self) -> None:
        """Let out what may go."""
        while self._waiting:
            *_, wanted, future = self._waiting[0]
            if not future.done():
                try:
                    held = self._enter(wanted)
                except BudgetExceeded as error:
                    future.set_exception(error)
                else:
                    if held is None:
                        return
                    future.set_result(held)
            heapq.heappop(self._waiting)

    def close(self, error: ExtractorError) -> None:
        """Let nobody out who still waits, or comes."""
        self._closed = error
        for *_, future in self._waiting:
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()

    def _enter(self, wanted: Pass) -> Pass | None:
        now = self._clock()
        if self._budget is not None and not self._budget.reserve(wanted.worst):
            if self._budget.hopeless:
                raise BudgetExceeded(f"max_cost={self._budget.cap} would be passed")
            return None
        wait = self.limits.admit(wanted.tokens, now)
        if wait == 0:
            return wanted._replace(at=now)
        if self._budget is not None:
            self._budget.settle(wanted.worst, ZERO)
        if wait < math.inf:
            self._wake_after(wait)
        return None

    def _wake_after(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self.pump()
        self._changed()
