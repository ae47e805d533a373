"""What every store of a journal does, files and servers alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor.bulk.journal.address import JournalAddress
from extractor.bulk.journal.interface import Claim, Kept, key_of
from extractor.bulk.journal.sqlite import SqliteStore
from extractor.bulk.journal.store import Store, StoreWork
from extractor.processes import Process
from tests.bulk.servers import RedisServer

KEY, OTHER = key_of("a"), key_of("b\n")
SAID = Kept(b'{"id": 1}', 200, "req-1", 0.5, model="any")
LONG = Kept(b"\x00\xff\n long " * 5000, 201, None, 1 / 3, model="another, with a \n and an é", share=0.5)
GRANTED, BUSY, LOST = Claim(granted=True), Claim(), Claim(granted=True, lost=True)
LEASE = 20.0


class Clock:
    """Unix time, as the tests say."""

    now = 1.0

    def __call__(self) -> float:
        return self.now


Open = Callable[[str], Store]
Opened = Callable[..., Store]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.server)])
def open_named(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Open:
    """Opens the store of a name."""
    if request.param == "sqlite":
        far = Process("another machine", 1, 0.0, 0.0)
        return lambda name: SqliteStore.open(tmp_path / f"{name}.sqlite", clock, clock, far)
    server: RedisServer = request.getfixturevalue("redis")
    from extractor.bulk.journal.redis import RedisStore

    return lambda name: RedisStore.open(JournalAddress.of(f"{server.url}?prefix={name}"), clock)


@pytest.fixture
def opened(open_named: Open) -> Iterator[Opened]:
    """Opens the same store again and again, each time with owners who sign in."""
    with ExitStack() as stack:

        def opened(*owners: str) -> Store:
            store = stack.enter_context(closing(open_named("journal")))
            for owner in owners:
                store.enter(owner, LEASE)
            return store

        yield opened


def kept(at: float, said: Kept = SAID) -> Kept:
    return said._replace(at=at)


def claim(store: Store, owner: str, *keys: bytes, since: float = 0) -> list[Claim]:
    return list(store.do(owner, StoreWork(claims=[(key, since) for key in keys])).claims)


def put(store: Store, owner: str, key: bytes, said: Kept = SAID) -> None:
    store.do(owner, StoreWork(puts={key: said}))


def test_an_answer_is_found_by_its_key_and_only_if_it_is_recent_enough(opened: Opened, clock: Clock) -> None:
    store = opened("me")
    assert claim(store, "me", KEY) == [GRANTED]
    clock.now = 5.0
    put(store, "me", KEY)
    assert store.look([(KEY, 0), (KEY, 5.0), (KEY, 6.0), (OTHER, 0)]) == [kept(5.0), kept(5.0), None, None]
    assert claim(store, "me", KEY) == [Claim(kept(5.0))]
    assert claim(store, "me", KEY, since=6.0) == [GRANTED]


@pytest.mark.parametrize("said", [SAID, LONG, Kept(b"")])
def test_an_answer_comes_back_whole_also_to_others(opened: Opened, said: Kept) -> None:
    put(opened("me"), "me", KEY, said)
    assert opened("you").look([(KEY, 0)]) == [kept(1.0, said)]


def test_the_last_answer_counts(opened: Opened, clock: Clock) -> None:
    store = opened("me")
    put(store, "me", KEY)
    clock.now = 2.0
    put(store, "me", KEY, LONG)
    assert store.look([(KEY, 0)]) == [kept(2.0, LONG)]
    assert store.stats().answers == 1


def test_what_one_worker_is_asking_no_other_may_ask(opened: Opened) -> None:
    mine, yours = opened("me"), opened("you")
    assert claim(mine, "me", KEY) == [GRANTED]
    assert claim(mine, "me", KEY) == [GRANTED]
    assert claim(yours, "you", KEY, OTHER) == [BUSY, GRANTED]
    mine.do("me", StoreWork(released=[KEY]))
    assert claim(yours, "you", KEY) == [GRANTED]
    put(yours, "you", KEY)
    assert claim(mine, "me", KEY) == [Claim(kept(1.0))]


def test_what_is_done_in_one_trip_is_done_in_its_order(opened: Opened) -> None:
    store = opened("me")
    claim(store, "me", OTHER)
    work = StoreWork({KEY: SAID}, [OTHER], [(KEY, 0), (OTHER, 0)], [(KEY, 0), (OTHER, 0)])
    done = store.do("me", work)
    assert done.claims == [Claim(kept(1.0)), GRANTED]
    assert done.found == [kept(1.0), None]


def test_the_claim_of_a_silent_worker_is_taken_over_and_told_of(opened: Opened, clock: Clock) -> None:
    mine, yours = opened("me"), opened("you")
    claim(yours, "you", KEY, OTHER)
    assert mine.stats().claimed == 2  # from here on mine waits for a sign of life
    clock.now += LEASE - 1
    mine.beat("me", LEASE)
    assert claim(mine, "me", KEY) == [BUSY]
    clock.now += 2
    assert (mine.stats().claimed, mine.stats().lost) == (0, 2)
    assert claim(mine, "me", KEY, OTHER) == [LOST, LOST]
    assert (mine.stats().claimed, mine.stats().lost) == (2, 0)


def test_a_worker_that_gives_signs_of_life_keeps_its_claims(opened: Opened, clock: Clock) -> None:
    mine, yours = opened("me"), opened("you")
    claim(yours, "you", KEY)
    for _ in range(5):
        clock.now += LEASE / 2
        yours.beat("you", LEASE)
    assert claim(mine, "me", KEY) == [BUSY]


def test_the_claims_of_a_worker_that_signed_out_are_lost(opened: Opened) -> None:
    mine, yours = opened("me"), opened("you")
    claim(yours, "you", KEY)
    yours.leave("you")
    assert claim(mine, "me", KEY) == [LOST]


def test_nobody_gives_back_what_another_has_taken_over(opened: Opened, clock: Clock) -> None:
    mine, yours, theirs = opened("me"), opened("you"), opened("they")
    claim(mine, "me", KEY)
    clock.now += LEASE + 1
    for store, owner in ((yours, "you"), (theirs, "they")):
        store.beat(owner, LEASE)
    assert claim(yours, "you", KEY) == [LOST]
    mine.beat("me", LEASE)  # it was not dead, only late
    mine.do("me", StoreWork(released=[KEY]))
    assert claim(theirs, "they", KEY) == [BUSY]
    put(mine, "me", KEY, LONG)  # an answer counts, whoever brings it
    found = claim(theirs, "they", KEY)[0].kept
    assert found is not None
    assert found.body == LONG.body


def test_of_workers_that_claim_at_the_same_moment_one_is_granted_each_key(open_named: Open) -> None:
    keys = [key_of(str(nth)) for nth in range(100)]

    def granted(owner: str) -> list[bytes]:
        with closing(open_named("journal")) as store:
            store.enter(owner, LEASE)
            turn = int(owner) * 25
            return [key for key in keys[turn:] + keys[:turn] if claim(store, owner, key) == [GRANTED]]

    open_named("journal").close()
    with ThreadPoolExecutor(4) as threads:
        shares = [*threads.map(granted, "0123")]
    assert sorted(key for share in shares for key in share) == sorted(keys)


def test_many_answers_are_written_and_found_at_once(opened: Opened) -> None:
    keys = [key_of(str(nth)) for nth in range(1001)]
    store = opened("me")
    assert claim(store, "me", *keys) == [GRANTED] * 1001
    store.do("me", StoreWork(puts=dict.fromkeys(keys, SAID)))
    assert store.look([(key, 0) for key in keys]) == [kept(1.0)] * 1001
    assert (store.stats().answers, store.stats().claimed) == (1001, 0)
    assert len([*store.export()]) == 1001
    assert store.prune(2.0) == 1001


def test_nothing_to_do_is_done_at_once(opened: Opened) -> None:
    store = opened("me")
    assert [*store.do("me", StoreWork()).claims] == []
    assert [*store.look([])] == []


def test_stats_export_and_prune(opened: Opened, clock: Clock) -> None:
    store = opened("me")
    assert store.stats().oldest is None
    clock.now = 10.0
    put(store, "me", KEY)
    clock.now = 20.0
    put(store, "me", OTHER, LONG)
    claim(store, "dead", key_of("c"))
    claim(store, "me", key_of("d"))
    clock.now = 22.0
    stats = store.stats()
    assert (stats.answers, stats.oldest, stats.newest) == (2, 10.0, 20.0)
    assert stats.models == {"any": 1, LONG.model: 1}
    assert stats.size > 0
    assert (stats.claimed, stats.lost) == (0, 2)
    store.enter("again", LEASE)
    assert [key for key, _ in store.export()] == [KEY, OTHER]
    assert store.prune(before=15.0) == 1
    assert [key for key, _ in store.export()] == [OTHER]
    assert store.stats().lost == 0


# -- whatever the workers do

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "claim", "put", "release", "beat", "leave", "tick"]),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=40,
)
_names = count()


class Workers:
    """Three workers on one store, with what each believes, and who lives."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.until = dict.fromkeys(range(3), clock.now + LEASE)
        self.believed: dict[int, set[int]] = {key: set() for key in range(3)}
        self.answered: dict[int, Kept] = {}
        for worker in self.until:
            store.enter(str(worker), LEASE)

    def lives(self, worker: int) -> bool:
        return self.until.get(worker, 0) > self.clock.now

    def step(self, what: str, worker: int, key: int) -> None:
        if what == "tick":
            self.clock.now += LEASE * 0.4
        elif worker in self.until:
            getattr(self, what)(worker, key)

    def claim(self, worker: int, key: int) -> None:
        (given,) = claim(self.store, str(worker), key_of(str(key)))
        assert given.kept == self.answered.get(key)
        others = self.believed[key] - {worker}
        if given.granted:
            assert not any(self.lives(other) for other in others)
            self.believed[key] = {worker}
        elif given.kept is None:
            assert any(self.lives(other) for other in others)

    def put(self, worker: int, key: int) -> None:
        said = SAID._replace(request_id=f"{worker} {self.clock.now}")
        put(self.store, str(worker), key_of(str(key)), said)
        self.answered[key] = kept(self.clock.now, said)
        self.believed[key].discard(worker)

    def release(self, worker: int, key: int) -> None:
        self.store.do(str(worker), StoreWork(released=[key_of(str(key))]))
        self.believed[key].discard(worker)

    def beat(self, worker: int, _: Any) -> None:
        self.store.beat(str(worker), LEASE)
        self.until[worker] = self.clock.now + LEASE

    def leave(self, worker: int, _: Any) -> None:
        self.store.leave(str(worker))
        del self.until[worker]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS)
def test_whatever_they_do_no_two_living_workers_are_granted_a_key_and_no_answer_is_lost(
    open_named: Open, clock: Clock, steps: list[tuple[str, int, int]]
) -> None:
    clock.now = 1.0
    with closing(open_named(str(next(_names)))) as store:
        workers = Workers(store, clock)
        for step in steps:
            workers.step(*step)
        found = store.look([(key_of(str(key)), 0) for key in range(3)])
        assert found == [workers.answered.get(key) for key in range(3)]
