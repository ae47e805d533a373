"""CPU of a row with a journal: `python -m tests.benchmarks.journal_rows [ROWS]`.

The same rows are answered by the loopback server (5 ms an answer) without a journal, then with a new one in a
file, and then read back from it. Counted is the CPU time of this process, all its threads together: the least
of three turns. The server runs in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from extractor import AsyncExtractor, Run
from tests.benchmarks.bulk_cpu import TEXT
from tests.loopback import Echo, Weather, running

TURNS = 3


async def measured(ex: AsyncExtractor, texts: list[str], journal: Path | bool) -> float:
    """Return the microseconds of CPU that each row took."""
    gc.collect()
    began, count = time.process_time(), 0
    async for row in ex.rows(texts, Echo, run=Run(journal=journal)):
        assert row.record == Echo.of(texts[row.index])
        count += 1
    assert count == len(texts)
    return (time.process_time() - began) / count * 1e6


async def turns(url: str, rows: int) -> dict[str, float]:
    least: dict[str, float] = {}
    async with AsyncExtractor("openai:m", base_url=url, api_key="any") as ex:
        await measured(ex, [TEXT.format(-i) for i in range(256)], False)
        for turn in range(TURNS):
            texts = [TEXT.format(turn * rows + i) for i in range(rows)]
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "journal.sqlite"
                for name, journal in (("no journal", False), ("a new row", file), ("read back", file)):
                    took = await measured(ex, texts, journal)
                    least[name] = min(took, least.get(name, took))
    return least


def serve(urls: Any, stop: Any) -> None:
    with running(Weather(latency=0.005)) as server:
        urls.put(server.base_url)
        stop.wait()


def main(rows: int = 3000) -> None:
    context = multiprocessing.get_context("spawn")
    urls, stop = context.Queue(), context.Event()
    server = context.Process(target=serve, args=(urls, stop))
    server.start()
    try:
        for name, took in asyncio.run(turns(urls.get(), rows)).items():
            print(f"{name:12} {took:5.0f} µs")
    finally:
        stop.set()
        server.join()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
