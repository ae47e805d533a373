"""Our own async client leaves nothing open that nobody waits for any more."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest

from extractor import AsyncExtractor, Run
from extractor.testing import ChatServer, shaped, slow, split
from tests.asking import Person

pytestmark = pytest.mark.crash


async def until_closed(server: ChatServer, connections: int) -> None:
    ends = time.monotonic() + 10
    while server.connections > connections and time.monotonic() < ends:
        await asyncio.sleep(0.01)
    assert server.connections == connections


@pytest.mark.parametrize("waits", ["latency", "body_delay", "chunk_delay"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_requests_that_are_cancelled_leave_no_connection_open(waits: str, stream: bool) -> None:
    async def scene(server: ChatServer) -> None:
        async with AsyncExtractor("any", base_url=server.base_url) as extractor:

            async def ask(number: int) -> None:
                if stream:
                    async for _ in extractor.stream(Person, f"Text {number}."):
                        pass
                else:
                    await extractor.extract(Person, f"Text {number}.")

            asking = [asyncio.create_task(ask(n)) for n in range(20)]
            await server.await_for(20, timeout=60)
            await asyncio.sleep(0.05)
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            await until_closed(server, 0)

    with ChatServer(slow(split(shaped(), at=10), **{waits: 60.0})) as server:
        asyncio.run(scene(server))


def test_a_run_that_is_left_in_the_middle_leaves_no_connection_open() -> None:
    async def scene(server: ChatServer) -> None:
        async with AsyncExtractor("any", base_url=server.base_url) as extractor:
            outcomes = extractor.rows((f"Text {n}." for n in range(100)), Person, run=Run(journal=False))
            async with contextlib.aclosing(outcomes):  # type: ignore[type-var]
                reading = asyncio.create_task(anext(outcomes))
                await server.await_for(8, timeout=60)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            await until_closed(server, 0)

    with ChatServer(slow(shaped(), latency=60.0)) as server:
        asyncio.run(scene(server))
