"""The journal on a real Redis or Valkey server: what only it does, and what happens when it goes away."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor import Run
from extractor.bulk.journal.address import JournalAddress
from extractor.bulk.journal.interface import Claim, Kept, key_of
from extractor.bulk.journal.places import find_store
from extractor.bulk.journal.store import StoreWork
from extractor.bulk.journal.writer import SharedJournal, opened
from extractor.bulk.limits.sharing import LimitRequest, Pool
from extractor.errors import ConfigError, JournalError, RunStopped
from extractor.quotas import Quota
from tests.bulk.callers import Service
from tests.bulk.servers import RedisServer, free_port, redis_server
from tests.loopback import Echo

pytest.importorskip("redis", reason="needs the `redis` extra")
from extractor.bulk.journal.redis import RedisStore

pytestmark = pytest.mark.server
KEY, OTHER = key_of("a"), key_of("b")
SAID = Kept(b'{"id": 1}', 200, "req-1", 0.5, model="any")


def store_at(url: str, **options: Any) -> RedisStore:
    return RedisStore.open(JournalAddress.of(url), **options)


def put(store: RedisStore, key: bytes = KEY) -> None:
    store.do("me", StoreWork(puts={key: SAID}))


# -- where it is


def test_a_socket_a_database_and_the_name_of_valkey_lead_to_it(redis: RedisServer) -> None:
    with closing(store_at(redis.url)) as store:
        put(store)
    for url in (redis.socket, redis.url.replace("redis://", "valkey://"), f"{redis.socket}?db=0"):
        with closing(store_at(url)) as store:
            assert store.look([(KEY, 0)])[0] is not None
    with closing(store_at(redis.url.replace("/0", "/1"))) as store:
        assert store.look([(KEY, 0)]) == [None]


def test_prefixes_keep_journals_apart(redis: RedisServer) -> None:
    with closing(store_at(redis.url)) as one, closing(store_at(f"{redis.url}?prefix=other")) as two:
        put(one)
        assert two.look([(KEY, 0)]) == [None]
        assert (one.stats().answers, two.stats().answers) == (1, 0)
        two.prune(math.inf)
        assert one.stats().answers == 1


def test_a_journal_that_is_not_there_is_not_made_by_looking_for_it(redis: RedisServer) -> None:
    assert find_store(JournalAddress.of(redis.url)) is None
    assert find_store(JournalAddress.of(redis.url)) is None
    store_at(redis.url).close()
    found = find_store(JournalAddress.of(redis.url))
    assert found is not None
    found.close()


@pytest.fixture
def tls_port(tmp_path: Path) -> Iterator[int]:
    """The port of a server for the user `me` with the password s3cret-w0rd."""
    authority, port = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    files = {"tls_cert_file": "server.pem", "tls_key_file": "server.pem", "tls_ca_cert_file": "ca.pem"}
    try:
        with redis_server(tmp_path, tls_port=str(port), tls_auth_clients="no", **files) as server:
            with server.client() as client:
                words = ["+s3cret-w0rd"]
                client.acl_setuser("me", enabled=True, passwords=words, keys=["*"], categories=["+@all"])
            yield port
    except RuntimeError:
        pytest.skip("needs a server that was built with TLS")


def test_tls_and_a_user_with_a_password(tls_port: int, tmp_path: Path) -> None:
    host = f"127.0.0.1:{tls_port}"
    url = f"rediss://me:s3cret-w0rd@{host}?ssl_ca_certs={tmp_path / 'ca.pem'}"
    with closing(store_at(url)) as store:
        put(store)
    with pytest.raises(JournalError, match=r"give a user and a password with access") as caught:
        store_at(url.replace("w0rd", "guessed"))
    assert "s3cret" not in f"{caught.value!r}{caught.value.__cause__!r}"
    with pytest.raises(JournalError, match="certificate"):
        store_at(f"rediss://me:s3cret-w0rd@{host}")


def test_an_option_that_redis_py_does_not_take_is_told_of(redis: RedisServer) -> None:
    with pytest.raises(ConfigError, match="socket_colour"):
        store_at(f"{redis.url}?socket_colour=red")


def test_data_of_a_later_release_is_refused_and_left_alone(redis: RedisServer) -> None:
    store_at(redis.url).close()
    with redis.client() as client:
        client.set("{extractor}:version", 99)
    for open_it in (store_at, lambda url: find_store(JournalAddress.of(url))):
        with pytest.raises(JournalError, match=r"later release.*upgrade, or start another"):
            open_it(redis.url)
    store_at(f"{redis.url}?prefix=other").close()


def test_a_server_that_may_forget_answers_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"maxmemory": "50mb", "maxmemory_policy": "allkeys-lru", "requirepass": "s3cret"}
    with redis_server(tmp_path, **options) as server:
        url = server.url.replace("//", "//:s3cret@")
        store_at(url).close()
        assert "maxmemory-policy allkeys-lru. Set it to noeviction" in caplog.text
        assert "s3cret" not in caplog.text
        caplog.clear()
        with server.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
        store_at(url).close()
        assert not caplog.text


def test_a_server_that_is_full_keeps_what_it_has_and_says_what_to_do(tmp_path: Path) -> None:
    with redis_server(tmp_path, maxmemory="0") as server, closing(store_at(server.url)) as store:
        put(store)
        with server.client() as client:
            client.config_set("maxmemory", 1)
        with pytest.raises(JournalError, match=r"give it more memory \(maxmemory\), or forget old answers"):
            put(store, OTHER)
        first, second = store.look([(KEY, 0), (OTHER, 0)])
        assert first is not None
        assert second is None
        again = find_store(JournalAddress.of(server.url))
        assert again is not None
        with closing(again):
            assert again.prune(math.inf) == 1


# -- when it goes away


def test_a_server_that_is_not_there_is_told_of_at_once(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        server.stop()
        began = time.monotonic()
        with pytest.raises(JournalError, match="start the server, or repair the connection to it"):
            store_at(server.url)
        assert time.monotonic() - began < 5


def test_a_server_that_is_started_anew_in_the_middle_is_found_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with redis_server(tmp_path, appendonly="yes") as server, closing(store_at(server.url)) as store:
        store.enter("me", 20)
        put(store)
        store.do("me", StoreWork(claims=[(OTHER, 0)]))
        server.stop()
        with server.back_after(0.5):
            done = store.do(
                "me",
                StoreWork(claims=[(KEY, 0), (OTHER, 0)], limit_requests=[LimitRequest("any", wanted=[1.0])]),
            )
        kept, granted = done.claims
        assert kept.kept is not None
        assert granted == Claim(granted=True)
        assert done.grants[0].granted == 1
        assert store.do("you", StoreWork(claims=[(OTHER, 0)])).claims == [Claim()]
        assert "Trying again" in caplog.text


def test_a_server_that_forgot_the_scripts_is_taught_them_again(redis: RedisServer) -> None:
    with closing(store_at(redis.url)) as store:
        store.enter("me", 20)
        with redis.client() as client:
            client.script_flush()
            client.zrem("{extractor}:owners", "me")
        assert store.do("me", StoreWork(claims=[(KEY, 0)])).claims == [Claim(granted=True)]
        assert store.do("you", StoreWork(claims=[(KEY, 0)])).claims == [Claim()], "it counts as alive again"


def test_a_server_that_stays_away_is_given_up_after_a_while(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server, closing(store_at(server.url, patience=0.3)) as store:
        server.stop()
        began = time.monotonic()
        with pytest.raises(JournalError, match="Its answers are kept"):
            put(store)
        assert 0.3 <= time.monotonic() - began < 5


def test_a_server_that_hangs_is_not_waited_for_without_end(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server:
        url = f"{server.url}?socket_timeout=0.2"
        with closing(store_at(url, patience=0.5)) as store:
            server.freeze()
            with pytest.raises(JournalError, match="start the server"):
                put(store)
            server.freeze(False)
            put(store)


def test_a_run_whose_server_goes_away_for_good_stops_by_name_and_goes_on_later(tmp_path: Path) -> None:
    texts = [f"The text of row {row}" for row in range(400)]

    async def scene() -> None:
        with redis_server(tmp_path, appendonly="yes", appendfsync="always") as server:
            address, service, outcomes = JournalAddress.of(server.url), Service(latency=0.01), list[Any]()
            journal = SharedJournal(lambda: RedisStore.open(address, patience=0.2), lease=1)
            await journal.opened()

            async def run() -> None:
                rows = service.extractor().rows(texts, Echo, run=Run(journal=journal, concurrency=16))
                async for outcome in rows:
                    outcomes.append(outcome)
                    if len(outcomes) == 100:
                        server.stop()

            with pytest.raises(RunStopped, match=r"start the server.* rows are done") as caught:
                await run()
            assert isinstance(caught.value.cause, JournalError)
            await journal.aclose()
            done = sum(outcome.error is None for outcome in outcomes)
            assert 100 <= done < 400

            server.start()
            again = await service.outcomes(texts, journal=server.url)
            assert [outcome.record for outcome in again] == [Echo.of(text) for text in texts]
            assert sum(outcome.from_cache for outcome in again) >= done - 16
            assert len(service.asked) <= 400 + 16

    asyncio.run(scene())


def test_a_run_goes_on_where_its_server_comes_back_in_time(tmp_path: Path) -> None:
    async def scene() -> None:
        with redis_server(tmp_path, appendonly="yes", appendfsync="always") as server:
            service, texts = Service(latency=0.01), [f"Text {row}" for row in range(300)]
            outcomes = []
            with contextlib.ExitStack() as stack:
                async for outcome in service.extractor().rows(texts, Echo, run=Run(journal=server.url)):
                    outcomes.append(outcome)
                    if len(outcomes) == 50:
                        server.stop()
                        stack.enter_context(server.back_after(0.2))
            assert [outcome.record for outcome in outcomes] == [Echo.of(text) for text in texts]
            assert len(service.asked) == 300

    asyncio.run(scene())


def test_a_frame_that_another_host_has_enriched_is_enriched_again_without_asking(redis: RedisServer) -> None:
    frame = pl.DataFrame({"body": ["one", "two", None, "one"]})
    first, second = Service(), Service()

    async def enriched(service: Service) -> pl.DataFrame:
        return await service.extractor().aframe(frame, Echo, text="body", run=Run(journal=redis.url))

    assert asyncio.run(enriched(first)).equals(asyncio.run(enriched(second)))
    assert (sorted(first.asked), second.asked) == (["one", "two"], [])


# -- the quota that is shared

QUOTA = st.builds(
    Quota,
    st.sampled_from(["requests", "tokens"]),
    st.sampled_from([20.0, 60.0]),
    st.floats(0, 20),
    st.floats(1, 60),
)
ERRANDS = st.builds(
    LimitRequest,
    st.just("any"),
    st.dictionaries(st.sampled_from(["requests", "tokens"]), st.sampled_from([12.0, 600.0])),
    st.floats(-2, 2),
    st.floats(-500, 500),
    st.sampled_from([0.0, 0.0, 0.0, 5.0]),
    st.lists(QUOTA, max_size=2).map(lambda quotas: {(q.dimension, q.limit): q for q in quotas}),
    st.lists(st.floats(0, 200), max_size=6),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30), ERRANDS), max_size=20))
def test_the_server_decides_as_the_pool_does(
    redis: RedisServer, limit_requests: list[tuple[float, LimitRequest]]
) -> None:
    now, pool = 1.7e9, Pool()
    with redis.client() as client:
        client.flushall()
    with closing(store_at(redis.url, clock=lambda: now)) as store:
        for wait, request in limit_requests:
            now += wait
            (grant,) = store.do("me", StoreWork(limit_requests=[request])).grants
            assert grant == pytest.approx(pool.run(request, now), abs=1e-3)


def test_all_workers_on_a_server_together_keep_a_limit_in_any_minute(redis: RedisServer) -> None:
    now, sent = 1.7e9, list[float]()
    with (
        closing(store_at(redis.url, clock=lambda: now)) as one,
        closing(store_at(redis.url, clock=lambda: now)) as two,
    ):
        for step in range(3000):
            now += 0.1
            store = one if step % 3 else two
            request = LimitRequest("any", {"requests": 100}, wanted=[1.0] * (step % 5))
            sent += [now] * store.do("me", StoreWork(limit_requests=[request])).grants[0].granted
    assert all(last - first > 60 for first, last in zip(sent, sent[100:], strict=False))
    assert len(sent) > 5 * 90


def test_what_a_dead_worker_reserved_comes_back_by_itself_and_is_forgotten_in_the_end(
    redis: RedisServer,
) -> None:
    now = 1.7e9
    request = LimitRequest("any", {"requests": 60}, wanted=[1.0] * 5)
    with closing(store_at(redis.url, clock=lambda: now)) as store:
        assert store.do("dead", StoreWork(limit_requests=[request])).grants[0].granted == 5
        assert store.do("me", StoreWork(limit_requests=[request])).grants[0].granted == 0
        now += 6
        assert store.do("me", StoreWork(limit_requests=[request])).grants[0].granted == 5
    with redis.client() as client:
        (name,) = client.keys("{extractor}:limits:*")
        assert 0 < client.pttl(name) <= 3_600_000


def test_runs_of_one_server_share_quota_and_pauses_and_endpoints_do_not(redis: RedisServer) -> None:
    async def scene() -> None:
        one, two = await opened(redis.url), await opened(redis.url)
        assert isinstance(one, SharedJournal)
        assert isinstance(two, SharedJournal)
        here, there = one.limits("a", {"requests": 60}), two.limits("a", {"requests": 60})
        assert (await here.reserve([1.0] * 4)).granted == 4
        assert (await there.reserve([1.0] * 4)).granted == 1
        there.take(-3, 0)  # what was not sent after all
        await there.reserve([])
        assert (await here.reserve([1.0] * 9)).granted == 3
        here.take(-5, 0)
        here.pause(5.0)
        refused = await here.reserve([1.0])
        assert refused.granted == (await there.reserve([1.0])).granted == 0
        assert 4 < refused.pause <= 5
        other = two.limits("b", {})
        assert (await other.reserve([1.0] * 99)).granted == 99
        other.learn([Quota("requests", 10, 2, 60.0)])
        shares = await asyncio.gather(*[other.reserve([1.0, 1.0]) for _ in range(3)])
        assert [grant.granted for grant in shares] == [2, 0, 0]
        await one.aclose()
        await two.aclose()

    asyncio.run(scene())
