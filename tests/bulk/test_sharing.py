"""One quota for many workers: how it is shared out, and how a limiter keeps to what it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.limits.budget import ZERO, RunBudget
from extractor.bulk.limits.limiter import Limiter, Reservation
from extractor.bulk.limits.rates import Concurrency, Limits
from extractor.bulk.limits.sharing import Pool
from extractor.errors import JournalError, RunStopped
from extractor.quotas import Dimension, LimitGrant, Quota, SharedQuota
from tests.bulk.callers import Service
from tests.bulk.crash import expected, started
from tests.bulk.servers import RedisServer
from tests.loopback import Echo, Weather, running

FAR = 1e9


@dataclass
class Desk:
    """A limiter in this process: its clock is `now`."""

    pool: Pool = field(default_factory=Pool)
    now: float = 0.0
    speed: float = 1.0  # how much faster its clock goes than that of the event loop
    asked: list[list[float]] = field(default_factory=list)
    on_the_way: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)

    def limits(self, endpoint: str, given: Mapping[Dimension, float]) -> Desk:
        self.pool.give(given, self.now)
        return self

    async def reserve(self, tokens: Sequence[float]) -> LimitGrant:
        self.asked.append([*tokens])
        await self.on_the_way()
        grant = self.pool.reserve(tokens, self.now)
        return grant._replace(wait=grant.wait / self.speed)

    def take(self, requests: float, tokens: float) -> None:
        self.pool.rates.take(requests, tokens)

    def pause(self, seconds: float) -> None:
        self.pool.pause(seconds, self.now)

    def learn(self, quotas: Sequence[Quota]) -> None:
        for quota in quotas:
            self.pool.rates.learn(quota, self.now)


def limiter(desk: Desk, at_once: int = 64, budget: RunBudget | None = None) -> Limiter:
    def clock() -> float:
        return desk.now

    return Limiter(Limits(Concurrency(at_once, at_once)), budget, clock, lambda: None, desk.limits("any", {}))


# -- the pool


@given(st.integers(1, 500), st.lists(st.tuples(st.floats(0, 3), st.integers(1, 30)), max_size=200))
def test_a_given_limit_is_not_passed_in_any_minute_by_all_together(
    limit: int, asking: list[tuple[float, int]]
) -> None:
    pool, now, sent = Pool(), 0.0, list[float]()
    for wait, requests in asking:
        now += wait
        pool.give({"requests": limit}, now)
        sent += [now] * pool.reserve([1.0] * requests, now).granted
    for first, last in zip(sent, sent[limit:], strict=False):
        assert last - first >= 60


@given(st.lists(st.tuples(st.sampled_from([10, 60]), st.floats(0, 3)), max_size=200))
def test_workers_that_do_not_agree_on_the_limit_gain_nothing_by_it(asking: list[tuple[int, float]]) -> None:
    pool, now, sent = Pool(), 0.0, list[float]()
    for limit, wait in asking:
        now += wait
        pool.give({"requests": limit}, now)
        sent += [now] * pool.reserve([1.0] * 5, now).granted
    for first, last in zip(sent, sent[60:], strict=False):
        assert last - first >= 60


def test_the_wait_that_a_pool_tells_is_neither_too_short_nor_too_long() -> None:
    pool = Pool()
    pool.give({"requests": 60, "tokens": 6000}, 0.0)
    first = pool.reserve([100.0] * 9, 0.0)
    assert first.granted == 5
    assert pool.reserve([100.0], first.wait - 0.01).granted == 0
    assert pool.reserve([100.0], first.wait + 0.01).granted == 1


def test_what_was_reserved_and_not_used_is_there_for_others() -> None:
    pool = Pool()
    pool.give({"tokens": 12_000}, 0.0)  # 1,000 at once
    assert pool.reserve([1000.0, 1000.0], 0.0).granted == 1
    pool.rates.take(0, -1000)
    assert pool.reserve([1000.0], 0.0).granted == 1


def test_nobody_goes_out_in_a_pause_and_the_longest_one_counts() -> None:
    pool = Pool()
    pool.pause(5.0, 0.0)
    pool.pause(1.0, 1.0)
    assert pool.reserve([1.0], 2.0) == LimitGrant(0, 3.0, 3.0)
    assert pool.reserve([1.0], 5.0) == LimitGrant(1)


# -- the limiter


def test_requests_that_wait_are_asked_for_together_and_the_oldest_rows_go_first() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.pool.give({"requests": 36}, 0.0)  # three at once
        door = limiter(desk)
        waiting = {row: asyncio.create_task(door.reserve(Reservation(10), row)) for row in (4, 2, 0, 3, 1)}
        await asyncio.sleep(0.01)
        assert desk.asked == [[10.0] * 5]
        assert sorted(row for row, task in waiting.items() if task.done()) == [0, 1, 2]
        desk.now = FAR
        door.pump()
        await asyncio.gather(*waiting.values())
        assert door.limits.in_flight == 5
        door.close(RunStopped("over"))

    asyncio.run(scene())


def test_a_quota_that_is_used_up_is_asked_again_when_it_said_and_not_before() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.pool.give({"requests": 1}, 0.0)
        door = limiter(desk)
        await door.reserve(Reservation(1), 0)
        waiting = asyncio.create_task(door.reserve(Reservation(1), 1))
        await asyncio.sleep(0.01)
        times = len(desk.asked)
        for _ in range(50):
            door.pump()
            await asyncio.sleep(0)
        assert len(desk.asked) == times
        desk.now = 62.0
        door.pump()
        await waiting
        door.close(RunStopped("over"))

    asyncio.run(scene())


def test_a_429_pauses_the_others_too_and_shows_there() -> None:
    async def scene() -> None:
        desk = Desk()
        one, other = limiter(desk), limiter(desk)
        held = await one.reserve(Reservation(1), 0)
        one.throttled(held, 7.0, 0.5)
        waiting = asyncio.create_task(other.reserve(Reservation(1), 0))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        assert other.paused
        assert other.limits.paused_until == 7.0
        desk.now = 7.5
        other.pump()
        await waiting

    asyncio.run(scene())


def test_what_a_cancelled_or_unsent_request_reserved_is_given_back() -> None:
    async def scene() -> None:
        desk = Desk()
        desk.pool.give({"requests": 12, "tokens": 12_000}, 0.0)  # one at once, of 1,000 tokens
        door = limiter(desk)
        gone = asyncio.create_task(door.reserve(Reservation(1000), 0))
        desk.on_the_way = lambda: asyncio.sleep(0.01)
        await asyncio.sleep(0.005)
        gone.cancel()
        await asyncio.sleep(0.02)
        held = await door.reserve(Reservation(1000), 1)
        door.take_back(held)
        held = await door.reserve(Reservation(1000), 2)
        door.leave(held, 0.0, ZERO)  # its tokens, but not the request
        assert desk.pool.rates.given["tokens"].level == 1000
        assert desk.pool.rates.given["requests"].level == 0
        assert door.limits.in_flight == 0

    asyncio.run(scene())


def test_a_budget_is_kept_where_the_quota_is_shared() -> None:
    async def scene() -> None:
        desk = Desk()
        door = limiter(desk, budget=RunBudget(Decimal(10)))
        dear = Reservation(1, Decimal(6))
        held = await door.reserve(dear, 0)
        waiting = asyncio.create_task(door.reserve(dear, 1))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        door.leave(held, 1, Decimal(4))
        await waiting

    asyncio.run(scene())


@pytest.mark.parametrize("error", [JournalError("the server is away"), ValueError("a fault of ours")])
def test_a_limiter_that_is_away_lets_no_row_wait_for_ever(error: Exception) -> None:
    async def broken() -> None:
        raise error

    async def scene() -> None:
        door = limiter(Desk(on_the_way=broken))
        for row in range(3):
            with pytest.raises(type(error), match=str(error)):
                await door.reserve(Reservation(1), row)
        assert door.limits.in_flight == 0

    asyncio.run(scene())


def test_a_gate_that_closes_while_it_asks_lets_nobody_out() -> None:
    async def scene() -> None:
        desk = Desk(on_the_way=lambda: asyncio.sleep(10))
        door = limiter(desk)
        waiting = [asyncio.create_task(door.reserve(Reservation(1), row)) for row in range(3)]
        await asyncio.sleep(0.01)
        door.close(RunStopped("stopped"))
        for each in waiting:
            with pytest.raises(RunStopped, match="stopped"):
                await each
        assert door.limits.in_flight == 0

    asyncio.run(scene())


# -- the run


@pytest.mark.slow
def test_runs_with_one_limiter_together_keep_the_limit_of_each_endpoint() -> None:
    async def scene() -> None:
        loop, desk, service = asyncio.get_running_loop(), Desk(speed=100), Service()
        assert isinstance(desk, SharedQuota)
        began = loop.time()

        async def clock() -> None:
            desk.now = (loop.time() - began) * desk.speed  # a minute in 0.6 seconds

        desk.on_the_way = clock
        texts = [[f"{run} {row}" for row in range(40)] for run in range(2)]
        runs = [service.outcomes(each, limiter=desk, requests_per_minute=60) for each in texts]
        outcomes = [outcome for run in await asyncio.gather(*runs) for outcome in run]
        assert [o.record for o in outcomes] == [Echo.of(text) for run in texts for text in run]
        assert len(service.at) == 80
        assert max(service.at) - min(service.at) >= 0.6

    asyncio.run(scene())


def test_no_process_on_one_server_asks_in_a_pause_that_another_was_told_of(redis: RedisServer) -> None:
    weather = Weather(latency=0.02, throttled=0.02, retry_after=(2.0,))
    with running(weather) as server:
        both = [started(server, redis.url, 60) for _ in range(2)]
        said = [process.communicate(timeout=60) for process in both]
        seen = server.stats()
    for lines, errors in said:
        assert [json.loads(line) for line in lines.splitlines()][:-1] == expected(60), errors
    assert seen["429"] > 0
    assert seen["in_pauses"] == 0


@pytest.mark.slow
def test_as_many_rows_are_in_flight_with_a_limiter_that_is_far_away_as_with_none() -> None:
    desk, far = Desk(on_the_way=lambda: asyncio.sleep(0.02)), Service(latency=0.05)
    near = Service(latency=0.05)

    async def scene() -> None:
        texts = [f"text {i}" for i in range(200)]
        await near.outcomes(texts, Echo, concurrency=32)
        await far.outcomes(texts, Echo, concurrency=32, limiter=desk)

    asyncio.run(scene())
    assert far.peak > near.peak / 2 > 8
    assert max(map(len, desk.asked)) > 4
