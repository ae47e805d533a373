"""What every journal does that a run is given: the one in memory, files, servers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from extractor.bulk.journal.address import JournalAddress
from extractor.bulk.journal.interface import Claim, Journal, Kept, Memory, key_of
from extractor.bulk.journal.places import open_store
from extractor.bulk.journal.store import Done, Store, StoreWork
from extractor.bulk.journal.writer import FileJournal, SharedJournal, StoreJournal, opened
from extractor.errors import JournalError
from extractor.quotas import SharedQuota
from tests.bulk.servers import RedisServer

KEY, OTHER = key_of("a"), key_of("b")
SAID = Kept(b'{"id": 1}', 200, "req-1", 0.5, model="any")
GRANTED, BUSY = Claim(granted=True), Claim()

Open = Callable[[], Awaitable[Journal]]


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.server)])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    async def memory() -> Journal:
        return Memory()

    if request.param == "memory":
        return memory
    if request.param == "sqlite":
        return partial(opened, tmp_path / "journal.sqlite")
    server: RedisServer = request.getfixturevalue("redis")
    return partial(opened, server.url)


def test_an_answer_that_was_put_is_found_and_claimed_at_once(journal: Open) -> None:
    async def scene() -> None:
        kept = await journal()
        assert await kept.look(KEY, 0) is None
        assert await kept.claim(KEY, 0) == GRANTED
        kept.put(KEY, SAID)
        for found in (await kept.look(KEY, 0), (await kept.claim(KEY, 0)).kept):
            assert found is not None
            assert found._replace(at=0) == SAID
        await kept.aclose()

    asyncio.run(scene())


def test_a_claim_that_was_given_back_may_be_had_again(journal: Open) -> None:
    async def scene() -> None:
        kept = await journal()
        assert await kept.claim(KEY, 0) == GRANTED
        kept.release(KEY)
        assert await kept.claim(KEY, 0) == GRANTED
        await kept.aclose()

    asyncio.run(scene())


def test_what_came_before_a_moment_does_not_count_after_it_whatever_the_clock_of_the_store(
    place: str,
) -> None:
    async def scene() -> None:
        kept = await opened(place)
        kept.put(KEY, SAID)
        assert await kept.look(KEY, 0) is not None
        await asyncio.sleep(0.05)
        since = time.time()
        assert await kept.look(KEY, since) is None
        assert await kept.claim(KEY, since) == GRANTED
        await asyncio.sleep(0.05)
        kept.put(KEY, SAID)
        assert await kept.look(KEY, since) is not None
        await kept.aclose()

    asyncio.run(scene())


def test_a_ticket_is_durable_once_another_process_would_find_the_answer(place: str) -> None:
    async def scene() -> None:
        kept, news = await opened(place), asyncio.Event()
        kept.watch(news.set)
        tickets = [kept.put(key_of(str(nth)), SAID) for nth in range(300)]
        assert tickets == [*range(1, 301)]
        while kept.durable < tickets[-1]:
            await asyncio.wait_for(news.wait(), 20)
            news.clear()
            store = open_store(_address(place))
            found = store.look([(key_of(str(nth)), 0) for nth in range(300)])
            assert all(found[: kept.durable])
            store.close()
        await kept.aclose()

    asyncio.run(scene())


def test_closing_writes_what_waits(place: str) -> None:
    async def scene() -> None:
        kept = await opened(place)
        for nth in range(500):
            kept.put(key_of(str(nth)), SAID)
        await kept.aclose()

    asyncio.run(scene())
    store = open_store(_address(place))
    assert store.stats().answers == 500
    store.close()


def test_two_that_are_open_at_once_ask_for_nothing_twice(place: str) -> None:
    async def scene() -> None:
        one, two = await opened(place), await opened(place)
        assert await one.claim(KEY, 0) == GRANTED
        assert await two.claim(KEY, 0) == BUSY
        await one.aclose()  # with the claim still held
        assert await two.claim(KEY, 0) == Claim(granted=True, lost=True)
        await two.aclose()

    asyncio.run(scene())


@pytest.mark.slow
def test_one_that_is_never_idle_gives_signs_of_life_all_the_same(place: str) -> None:
    async def scene() -> None:
        busy = StoreJournal(partial(open_store, _address(place)), lease=0.4)
        await busy.opened()
        other = await opened(place)
        assert await busy.claim(KEY, 0) == GRANTED
        ends = time.monotonic() + 1.2
        while time.monotonic() < ends:
            await busy.look(OTHER, 0)
        assert await other.claim(KEY, 0) == BUSY
        for each in (busy, other):
            await each.aclose()

    asyncio.run(scene())


class Broken:
    """A store whose disk breaks with the first thing to do."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def do(self, owner: str, work: StoreWork) -> Done:
        if work == StoreWork(looks=[], claims=[], released=[], limit_requests=[]):
            return Done()
        raise OSError("a broken disk")


@pytest.mark.parametrize("waiting", ["claim", "look"])
def test_a_journal_that_breaks_lets_nobody_wait(tmp_path: Path, waiting: str) -> None:
    async def scene() -> None:
        kept, news = StoreJournal(lambda: Broken(open_store(tmp_path / "j"))), asyncio.Event()
        kept.watch(news.set)
        await kept.opened()
        for _ in range(2):
            with pytest.raises(JournalError, match="a broken disk"):
                await asyncio.wait_for(getattr(kept, waiting)(KEY, 0), 10)
        assert news.is_set()
        assert kept.error is not None
        await kept.aclose()

    asyncio.run(scene())


def test_only_a_journal_on_a_server_shares_limits(journal: Open) -> None:
    async def scene() -> None:
        kept = await journal()
        assert isinstance(kept, Journal)
        assert isinstance(kept, SharedQuota) is isinstance(kept, SharedJournal)
        await kept.aclose()

    asyncio.run(scene())


def _address(place: str) -> Path | JournalAddress:
    return JournalAddress.of(place) if "://" in place else Path(place)


def test_a_claim_that_is_given_back_before_it_was_made_is_not_left_behind(tmp_path: Path) -> None:
    """A row may be cancelled while its claim is on the way: both go into one trip."""
    keys = [bytes([n]) * 16 for n in range(200)]

    async def claimed_and_given_back() -> None:
        journal = FileJournal(tmp_path / "j.sqlite")
        await journal.look(keys[0], 0.0)
        claims = [asyncio.ensure_future(journal.claim(key, 0.0)) for key in keys]
        await asyncio.sleep(0)
        for claim, key in zip(claims, keys, strict=True):
            claim.cancel()
            journal.release(key)
        await journal.aclose()

    asyncio.run(claimed_and_given_back())
    with contextlib.closing(open_store(tmp_path / "j.sqlite")) as store:
        assert (store.stats().claimed, store.stats().lost) == (0, 0)


@pytest.mark.parametrize(("most_bytes", "kept"), [(25, [3, 4]), (10, [4]), (1, [4]), (1000, [2, 3, 4])])
def test_answers_that_are_kept_in_memory_have_a_bound_of_number_and_length(
    most_bytes: int, kept: list[int]
) -> None:
    async def scene() -> list[int]:
        journal = Memory(3, most_bytes)
        for number in range(5):
            journal.put(key_of(str(number)), SAID._replace(body=b"0123456789"))
            journal.put(key_of(str(number)), SAID._replace(body=b"9876543210"))
        return [number for number in range(5) if await journal.look(key_of(str(number)), 0)]

    assert asyncio.run(scene()) == kept
