"""A process that forks after use: parent and child each get the answers to their own questions."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import sqlite3
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from extractor import AsyncExtractor, ConfigError, Extractor, Run, ServiceError
from extractor.bulk.journal.address import JournalAddress
from extractor.bulk.journal.interface import Kept, key_of
from extractor.bulk.journal.sqlite import SqliteStore
from extractor.bulk.journal.store import StoreWork
from extractor.processes import leave_alone, when_forked
from extractor.testing import ChatServer, reply, slow
from extractor.transport import local
from tests.bulk.servers import RedisServer
from tests.loopback import Echo, Loopback, Weather, running

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),  # of Python 3.12, of threads
]


@contextmanager
def forked(act: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
    """Run `act` in a forked child beside the block; yield what waits for it and returns its result."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result = act()
        except BaseException:
            result = traceback.format_exc()
        os.write(theirs, pickle.dumps(result))
        os._exit(0)
    os.close(theirs)
    told: list[Any] = []

    def result() -> Any:
        if not told:
            with os.fdopen(ours, "rb") as pipe:
                told.append(pickle.loads(pipe.read()))
            os.waitpid(child, 0)
        return told[0]

    try:
        yield result
    finally:
        result()


def in_child(act: Callable[[], Any]) -> Any:
    with forked(act) as result:
        return result()


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with running(Weather(latency=0.002)) as server:
        yield server


def texts(whose: str, n: int = 100) -> list[str]:
    return [f"{whose} asks question {i}" for i in range(n)]


def answered(extractor: Extractor, asked: list[str], threads: int = 4) -> list[str]:
    """Return the questions that got a wrong answer, asked by several threads at once."""
    wrong: list[str] = []

    def ask(some: list[str]) -> None:
        wrong.extend(t for t in some if extractor.extract(Echo, t) != Echo.of(t))

    asking = [threading.Thread(target=ask, args=(asked[n::threads],)) for n in range(threads)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    return wrong


async def aanswered(extractor: AsyncExtractor, asked: list[str]) -> list[str]:
    found = await asyncio.gather(*(extractor.extract(Echo, text) for text in asked))
    return [text for text, echo in zip(asked, found, strict=True) if echo != Echo.of(text)]


def test_parent_and_child_ask_at_once_with_one_client_and_each_gets_its_own(server: Loopback) -> None:
    with Extractor("any", base_url=server.base_url) as extractor:
        assert answered(extractor, texts("before", 20)) == []
        with forked(lambda: answered(extractor, texts("child"))) as child:
            assert answered(extractor, texts("parent")) == []
        assert child() == []
        assert answered(extractor, texts("afterwards", 20)) == []


def test_a_child_that_is_forked_while_requests_are_in_flight_asks_its_own(server: Loopback) -> None:
    with Extractor("any", base_url=server.base_url) as extractor:
        wrong: list[str] = []
        busy = threading.Thread(target=lambda: wrong.extend(answered(extractor, texts("busy", 400))))
        busy.start()
        children = [in_child(lambda: answered(extractor, texts("child", 20))) for _ in range(5)]
        busy.join()
    assert (children, wrong) == ([[]] * 5, [])


def test_async_clients_open_connections_of_their_own_in_the_child(server: Loopback) -> None:
    extractor = AsyncExtractor("any", base_url=server.base_url)

    async def asked(whose: str) -> list[str]:
        return await aanswered(extractor, texts(whose, 50))

    def child() -> list[str]:
        return asyncio.run(asked("child"))

    async def parent() -> tuple[list[str], list[str]]:
        assert await asked("before") == []
        with forked(child) as result:
            wrong = await asked("parent")
            theirs = await asyncio.to_thread(result)
        assert await asked("afterwards") == []  # on connections that the child has left alone
        await extractor.aclose()
        return wrong, theirs

    assert asyncio.run(parent()) == ([], [])


def test_rows_can_be_run_by_parent_and_child_with_one_client_and_one_journal(
    server: Loopback, tmp_path: Path
) -> None:
    def run(extractor: Extractor, whose: str) -> list[bool]:
        asked = texts(whose)
        outcomes = extractor.rows(asked, Echo, run=Run(journal=tmp_path / "journal.sqlite"))
        return [each.record == Echo.of(text) for each, text in zip(outcomes, asked, strict=True)]

    with Extractor("any", base_url=server.base_url) as extractor:
        assert all(run(extractor, "before"))
        with forked(lambda: run(extractor, "child")) as child:
            assert run(extractor, "parent") == [True] * 100
        assert child() == [True] * 100


_EXTRACTOR: Extractor


def _pooled(text: str) -> bool:
    return bool(_EXTRACTOR.extract(Echo, text) == Echo.of(text))


def test_a_pool_of_forked_workers_uses_a_client_that_was_made_and_used_before(server: Loopback) -> None:
    global _EXTRACTOR
    with Extractor("any", base_url=server.base_url) as _EXTRACTOR:
        assert _pooled("before")
        with multiprocessing.get_context("fork").Pool(4) as pool:
            asked = pool.map_async(_pooled, texts("worker", 200), chunksize=5)
            assert all(map(_pooled, texts("parent", 100)))
            assert all(asked.get(60))


def test_a_client_of_the_callers_own_is_refused_in_the_child(server: Loopback) -> None:
    def refused(act: Callable[[], Any]) -> str:
        with pytest.raises(ConfigError) as error:
            act()
        return str(error.value)

    with httpx.Client() as own, Extractor("any", base_url=server.base_url, http_client=own) as extractor:
        assert extractor.extract(Echo, "before") == Echo.of("before")
        calls = [
            lambda: extractor.extract(Echo, "x"),
            lambda: list(extractor.rows(["x"], Echo, run=Run(journal=False))),
        ]
        said = in_child(lambda: [refused(call) for call in calls])
        assert len(said) == 2
        assert all("http_client of your own" in each and "in each process" in each for each in said), said
        assert extractor.extract(Echo, "after") == Echo.of("after")


def test_a_stream_of_the_parents_is_not_read_on_in_the_child() -> None:
    script = slow(reply("one two three four five six seven"), chunk_delay=0.05)
    with ChatServer(script) as server, Extractor("any", base_url=server.base_url) as extractor:
        stream = extractor.chat_stream([{"role": "user", "content": "Count."}])
        begun = next(stream)

        def read_on() -> str:
            with pytest.raises(ServiceError) as error:
                list(stream)
            return str(error.value)

        assert "in each process" in in_child(read_on)
        whole = "".join(chunk.content for chunk in (begun, *stream))
    assert whole == "one two three four five six seven"


def test_rows_of_the_parents_are_not_iterated_on_in_the_child(server: Loopback) -> None:
    with Extractor("any", base_url=server.base_url) as extractor:
        outcomes = extractor.rows(texts("parent"), Echo, run=Run(journal=False))
        next(outcomes)

        def read_on() -> str:
            with pytest.raises(ConfigError) as error:
                list(outcomes)
            return str(error.value)

        assert "in each process" in in_child(read_on)
        assert len(list(outcomes)) == 99


def test_an_sqlite_journal_is_opened_anew_in_the_child_and_the_parents_stays_whole(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "j")
    keys = {name: key_of(name) for name in ("parent", "child")}
    store.do("parent", StoreWork(puts={keys["parent"]: Kept(b"parent")}))

    def child() -> Any:
        found = store.look([(keys["parent"], 0.0)])
        store.do("child", StoreWork(puts={keys["child"]: Kept(b"child")}))
        store.close()
        return [each and each.body for each in found]

    assert in_child(child) == [b"parent"]
    found = store.look([(key, 0.0) for key in keys.values()])
    store.do("parent", StoreWork(puts={key_of("after"): Kept(b"after")}))
    store.close()
    assert [each and each.body for each in found] == [b"parent", b"child"]
    with sqlite3.connect(tmp_path / "j") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_redis_journal_is_connected_anew_in_the_child(redis: RedisServer) -> None:
    from extractor.bulk.journal.redis import RedisStore

    store = RedisStore.open(JournalAddress.of(redis.url))

    def many(whose: str) -> bool:
        kept = {key_of(whose, str(i)): Kept(f"{whose} {i}".encode()) for i in range(200)}
        for key, each in kept.items():
            store.do(whose, StoreWork(puts={key: each}))
        found = [store.look([(key, 0.0)])[0] for key in kept]
        return [each and each.body for each in found] == [each.body for each in kept.values()]

    assert many("before")
    with forked(lambda: many("child")) as child:
        assert many("parent")
    assert child() is True
    store.close()


def test_the_end_of_a_child_ends_no_model_server_of_the_parents() -> None:
    import subprocess

    with subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        server = local.LocalServer("http://127.0.0.1:1/v1", "k", "m", process)
        child = os.fork()
        if child == 0:
            server.close()
            local._close_all()
            os._exit(0)
        os.waitpid(child, 0)
        assert server.alive
        server.close()
        assert not server.alive


def test_what_is_left_alone_is_never_finalised_and_what_is_gone_is_not_made_anew() -> None:
    class Thing:
        anew = 0

        def __del__(self) -> None:
            ended.append(self)

        def begin_anew(self) -> None:
            self.anew += 1

    ended: list[Thing] = []
    kept, gone = Thing(), Thing()
    when_forked(kept, Thing.begin_anew)
    when_forked(gone, Thing.begin_anew)
    del gone
    ended.clear()

    def child() -> tuple[int, int]:
        nonlocal kept
        anew = kept.anew
        leave_alone(kept)
        del kept
        return anew, len(ended)

    with warnings.catch_warnings():
        assert in_child(child) == (1, 0)
    assert kept.anew == 0
