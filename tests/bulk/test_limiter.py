"""Requests wait at the limiter in the order of their rows, and each gets through once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.limits.budget import ZERO, RunBudget
from extractor.bulk.limits.limiter import Limiter, Reservation
from extractor.bulk.limits.rates import Concurrency, Limits
from extractor.errors import BudgetExceeded, RunStopped, ServiceError
from extractor.quotas import LimitGrant, Quota


def limiter(at_once: int, budget: RunBudget | None = None) -> Limiter:
    return Limiter(Limits(Concurrency(at_once, at_once)), budget, lambda: 0.0, lambda: None)


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 5))
def test_every_request_gets_through_once_the_oldest_row_first(rows: list[int], at_once: int) -> None:
    let_out: list[int] = []

    async def one(row: int, door: Limiter) -> None:
        held = await door.reserve(Reservation(1), row)
        assert door.limits.in_flight <= at_once
        let_out.append(row)
        await asyncio.sleep(0)
        door.leave(held, 1, ZERO)

    async def all_of_them() -> None:
        door = limiter(at_once)
        stoppers = [door.try_reserve(Reservation(1)) for _ in range(at_once)]
        waiting = [asyncio.create_task(one(row, door)) for row in rows]
        await asyncio.sleep(0)
        assert not let_out
        for held in stoppers:
            assert held is not None
            door.leave(held, 1, ZERO)
        await asyncio.gather(*waiting)
        assert door.limits.in_flight == 0

    asyncio.run(all_of_them())
    assert let_out == sorted(rows)


class Lost:
    """Shared limits whose server has gone."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def reserve(self, tokens: Sequence[float]) -> LimitGrant:
        self.asked.set()
        await asyncio.sleep(0.01)
        raise ServiceError("the limiter is away")

    def take(self, requests: float, tokens: float) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def learn(self, quotas: Sequence[Quota]) -> None: ...


def test_a_row_that_comes_while_the_shared_limits_fail_does_not_wait_for_ever() -> None:
    async def scene() -> None:
        shared = Lost()
        door = Limiter(Limits(Concurrency(4, 4)), None, time.monotonic, lambda: None, shared)
        first = asyncio.create_task(door.reserve(Reservation(1), 0))
        await shared.asked.wait()
        second = asyncio.create_task(door.reserve(Reservation(1), 1))
        async with asyncio.timeout(5):
            found = await asyncio.gather(first, second, return_exceptions=True)
        assert [str(each) for each in found] == ["the limiter is away"] * 2
        assert door.limits.in_flight == 0

    asyncio.run(scene())


def test_what_can_not_be_paid_waits_for_others_to_cost_less_than_their_worst() -> None:
    async def scene() -> None:
        door = limiter(10, RunBudget(Decimal(10)))
        dear = Reservation(1, Decimal(6))
        held = door.try_reserve(dear)
        assert held is not None
        assert door.try_reserve(dear) is None
        waiting = asyncio.create_task(door.reserve(dear, 1))
        await asyncio.sleep(0)
        door.leave(held, 1, Decimal(4))
        door.leave(await waiting, 1, Decimal(5))
        with pytest.raises(BudgetExceeded):
            await door.reserve(dear, 2)

    asyncio.run(scene())


def test_a_request_that_no_longer_waits_takes_no_place() -> None:
    async def scene() -> None:
        door = limiter(1)
        held = door.try_reserve(Reservation(1))
        assert held is not None
        gone = asyncio.create_task(door.reserve(Reservation(1), 0))
        stays = asyncio.create_task(door.reserve(Reservation(1), 1))
        await asyncio.sleep(0)
        gone.cancel()
        door.leave(held, 1, ZERO)
        door.leave(await stays, 1, ZERO)
        assert door.limits.in_flight == 0

    asyncio.run(scene())


def test_a_closed_gate_lets_nobody_out() -> None:
    async def scene() -> None:
        door = limiter(1)
        door.try_reserve(Reservation(1))
        waiting = asyncio.create_task(door.reserve(Reservation(1), 0))
        await asyncio.sleep(0)
        door.close(RunStopped("stopped"))
        for entering in (waiting, door.reserve(Reservation(1), 1)):
            with pytest.raises(RunStopped, match="stopped"):
                await entering
        with pytest.raises(RunStopped, match="stopped"):
            door.try_reserve(Reservation(1))

    asyncio.run(scene())


def test_a_wait_that_is_too_long_stops_the_run_and_is_told() -> None:
    async def refused_after(seconds: float) -> None:
        door = limiter(4)
        held = door.try_reserve(Reservation(1))
        assert held is not None
        door.limits.throttled(seconds, held.at, 0.0, 0.5)
        door.check()
        assert door.try_reserve(Reservation(1)) is None

    asyncio.run(refused_after(600.0))
    with pytest.raises(RunStopped, match="accepts no more requests for 2 days"):
        asyncio.run(refused_after(2 * 86_400.0))
