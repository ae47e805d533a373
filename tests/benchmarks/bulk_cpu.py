"""Client CPU of one row in bulk: `python -m tests.benchmarks.bulk_cpu [--venv DIR] [--rows N] [--rounds N]`.

Each client answers the same rows against the loopback server (20 ms an answer), with 64 and 256 requests
in flight, in a process of its own; counted is that process's CPU time, the least of all turns, beside
that of stock async httpx. Connections are open before. 64 and 256 take turns, so that other work on the
machine hits both: the last column is the median of the ratios of neighbours. With --venv, the virtual
environment of DIR runs the peers that it has: openai's own client, instructor.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.loopback import Echo, Weather, running

OURS = ("extractor rows", "extractor run")
PLAIN = ("httpx", "aiohttp")
PEERS = ("openai", "instructor")
AT_ONCE = (64, 256)
TURNS = 5
TEXT = "Row {}: the figures of the year, department by department. "
SYSTEM = "Extract the record that the schema describes from the text in the user's message."
Ask = Callable[[str], Awaitable[Any]]
Run = Callable[[list[str]], Awaitable[None]]


async def gathered(ask: Ask, at_once: int, texts: list[str]) -> None:
    """Ask for all texts, `at_once` in flight: the usual way."""
    free = asyncio.Semaphore(at_once)

    async def one(text: str) -> None:
        async with free:
            record = await ask(text)
            assert isinstance(record, Echo)

    await asyncio.gather(*map(one, texts))


def messages(text: str) -> list[Any]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def body(text: str) -> dict[str, Any]:
    schema = {**Echo.model_json_schema(), "additionalProperties": False}
    strict = {"name": "Echo", "strict": True, "schema": schema}
    return {
        "model": "m",
        "messages": messages(text),
        "response_format": {"type": "json_schema", "json_schema": strict},
    }


def record_of(completion: Any) -> Echo:
    return Echo.model_validate_json(completion["choices"][0]["message"]["content"])


@asynccontextmanager
async def with_httpx(url: str, at_once: int) -> AsyncIterator[Run]:
    import httpx

    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def ask(text: str) -> Echo:
            return record_of((await client.post(f"{url}/chat/completions", json=body(text))).json())

        yield partial(gathered, ask, at_once)


@asynccontextmanager
async def with_aiohttp(url: str, at_once: int) -> AsyncIterator[Run]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

        async def ask(text: str) -> Echo:
            async with session.post(f"{url}/chat/completions", json=body(text)) as response:
                return record_of(await response.json())

        yield partial(gathered, ask, at_once)


@asynccontextmanager
async def with_rows(url: str, at_once: int) -> AsyncIterator[Run]:
    from extractor import AsyncExtractor
    from extractor import Run as Settings

    settings = Settings(concurrency=at_once, journal=False)
    async with AsyncExtractor("openai:m", base_url=url, api_key="any") as ex:

        async def run(texts: list[str]) -> None:
            count = 0
            async for row in ex.rows(texts, Echo, run=settings):
                assert row.record == Echo.of(texts[row.index])
                count += 1
            assert count == len(texts)

        yield run


@asynccontextmanager
async def with_run(url: str, at_once: int) -> AsyncIterator[Run]:
    from extractor import AsyncExtractor

    async with AsyncExtractor("openai:m", base_url=url, api_key="any") as ex:
        yield partial(gathered, partial(ex.extract, Echo), at_once)


@asynccontextmanager
async def with_openai(url: str, at_once: int) -> AsyncIterator[Run]:
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="any") as client:

        async def ask(text: str) -> Any:
            reply = await client.chat.completions.parse(
                model="m", messages=messages(text), response_format=Echo
            )
            return reply.choices[0].message.parsed

        yield partial(gathered, ask, at_once)


@asynccontextmanager
async def with_instructor(url: str, at_once: int) -> AsyncIterator[Run]:
    import instructor
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="any") as client:
        patched = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)

        async def ask(text: str) -> Any:
            return await patched.chat.completions.create(
                model="m", messages=messages(text), response_model=Echo
            )

        yield partial(gathered, ask, at_once)


CLIENTS = {
    "extractor rows": with_rows,
    "extractor run": with_run,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "openai": with_openai,
    "instructor": with_instructor,
}


def one(name: str, url: str, rows: int) -> None:
    """Print the CPU seconds of a row, turn by turn: those at 64 in flight beside those at 256."""

    async def turns() -> None:
        async with AsyncExitStack() as stack:
            runs = [await stack.enter_async_context(CLIENTS[name](url, at_once)) for at_once in AT_ONCE]
            for run, at_once in zip(runs, AT_ONCE, strict=True):
                await run([TEXT.format(-i) for i in range(4 * at_once)])
            for turn in range(TURNS):
                took = {}
                for run in runs if turn % 2 else runs[::-1]:
                    took[run] = await timed(run, [TEXT.format(turn * rows + i) for i in range(rows)])
                print(*(took[run] for run in runs))

    asyncio.run(turns())


async def timed(run: Run, texts: list[str]) -> float:
    gc.collect()
    began = time.process_time()
    await run(texts)
    return (time.process_time() - began) / len(texts)


def measured(python: str, name: str, url: str, rows: int) -> list[tuple[float, ...]]:
    """Return the turns of a client in a process of its own; none where it is not installed."""
    command = [python, "-m", "tests.benchmarks.bulk_cpu", "--one", name, "--url", url, "--rows", str(rows)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines() if ended.returncode == 0 else []
    return [tuple(map(float, line.split())) for line in lines]


def main(venv: Path | None, rows: int, rounds: int) -> None:
    clients = [(name, sys.executable) for name in (*OURS, *PLAIN)]
    clients += [(name, str(venv / "bin" / "python")) for name in PEERS if venv]
    turns: dict[str, list[tuple[float, ...]]] = {name: [] for name, _ in clients}
    with running(Weather(latency=0.02)) as server:
        for _ in range(rounds):
            for name, python in clients:
                few = rows if name in OURS else max(rows // 4, 2 * max(AT_ONCE))
                turns[name] += measured(python, name, server.base_url, few)
    print(f"{'':16}" + "".join(f"{n:>8} in flight{'to httpx':>10}" for n in AT_ONCE) + f"{'256 to 64':>11}")
    stock = [*map(min, zip(*turns["httpx"], strict=True))]
    for name, found in turns.items():
        if found:
            least = map(min, zip(*found, strict=True))
            cells = (f"{m * 1e6:15.0f} µs{m / s:10.3f}" for m, s in zip(least, stock, strict=True))
            print(f"{name:16}{''.join(cells)}{statistics.median(b / a for a, b in found):11.2f}")
        else:
            print(f"{name:16}  not installed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", choices=CLIENTS)
    parser.add_argument("--url")
    told = parser.parse_args()
    if told.one:
        one(told.one, told.url, told.rows)
    else:
        main(told.venv, told.rows, told.rounds)
