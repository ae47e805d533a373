"""How fast journals are, file and server side by side: `python -m tests.benchmarks.journal_puts [ANSWERS]`.

As a run does: each answer of 800 bytes is looked for, claimed and put, 64 at a time, and counts once it is
durable. Prints answers a second of two rounds each, and the CPU time that this process spends on one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from extractor.bulk.journal.interface import Kept, key_of
from extractor.bulk.journal.writer import opened
from tests.bulk.servers import redis_server

AT_ONCE = 64


async def round_of(place: str, answers: int, name: str) -> tuple[float, float]:
    """Return answers a second, and microseconds of CPU time for each."""
    journal, news = await opened(place), asyncio.Event()
    journal.watch(news.set)
    waiting = deque(range(answers))
    body = json.dumps({"id": name, "choices": [{"message": {"content": os.urandom(350).hex()}}]}).encode()

    async def worker() -> None:
        while waiting:
            key = key_of(name, str(waiting.popleft()))
            assert await journal.look(key, 0) is None
            assert (await journal.claim(key, 0)).granted
            ticket = journal.put(key, Kept(body, 200, "req", 0.5, model="any"))
            while journal.durable < ticket:
                news.clear()
                await news.wait()

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*[worker() for _ in range(AT_ONCE)])
    took = time.perf_counter() - began, time.process_time() - cpu
    await journal.aclose()
    return answers / took[0], took[1] / answers * 1e6


def main(answers: int = 20_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "aof").mkdir()
        with redis_server(root) as plain, redis_server(root / "aof", appendonly="yes") as logged:
            places = {
                "SQLite": str(root / "journal.sqlite"),
                "Redis, in memory": plain.url,
                "Redis, socket": plain.socket + "?prefix=socket",
                "Redis, appendfsync everysec": logged.url,
            }
            for nth in range(2):
                for name, place in places.items():
                    speed, cpu = asyncio.run(round_of(place, answers, f"{name} {nth}"))
                    print(f"{name:30} {speed:8,.0f} answers/s  {cpu:6.0f} µs CPU")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
