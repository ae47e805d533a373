"""Client CPU of one row in bulk: `python -m tests.benchmarks.bulk_cpu [--venv DIR] [--rows N] [--rounds N]`.

Each client answers the same rows against the loopback server (20 ms an answer), with 64 and 256 requests
in flight, in a process of its own; counted is that process's CPU time, beside that of stock async httpx.
With --venv, the virtual environment of DIR runs the peers that it has: openai's own client, instructor.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.loopback import Echo, Weather, running

OURS = ("extractor rows", "extractor run")
PLAIN = ("httpx", "aiohttp")
PEERS = ("openai", "instructor")
AT_ONCE = (64, 256)
TEXT = "Row {}: the figures of the year, department by department. "
SYSTEM = "Extract the record that the schema describes from the text in the user's message."
Ask = Callable[[str], Awaitable[Any]]


async def gathered(ask: Ask, texts: list[str], at_once: int) -> None:
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


async def with_httpx(url: str, texts: list[str], at_once: int) -> None:
    import httpx

    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=60) as client:

        async def ask(text: str) -> Echo:
            return record_of((await client.post(f"{url}/chat/completions", json=body(text))).json())

        await gathered(ask, texts, at_once)


async def with_aiohttp(url: str, texts: list[str], at_once: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:

        async def ask(text: str) -> Echo:
            async with session.post(f"{url}/chat/completions", json=body(text)) as response:
                return record_of(await response.json())

        await gathered(ask, texts, at_once)


async def with_rows(url: str, texts: list[str], at_once: int) -> None:
    from extractor import AsyncExtractor

    async with AsyncExtractor("openai:m", base_url=url, api_key="any") as ex:
        rows = ex.rows(texts, Echo, concurrency=at_once, journal=False)
        count = 0
        async for row in rows:
            assert row.record == Echo.of(texts[row.index])
            count += 1
        assert count == len(texts)


async def with_run(url: str, texts: list[str], at_once: int) -> None:
    from extractor import AsyncExtractor

    async with AsyncExtractor("openai:m", base_url=url, api_key="any") as ex:
        await gathered(lambda text: ex.extract(Echo, text), texts, at_once)


async def with_openai(url: str, texts: list[str], at_once: int) -> None:
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="any") as client:

        async def ask(text: str) -> Any:
            reply = await client.chat.completions.parse(
                model="m", messages=messages(text), response_format=Echo
            )
            return reply.choices[0].message.parsed

        await gathered(ask, texts, at_once)


async def with_instructor(url: str, texts: list[str], at_once: int) -> None:
    import instructor
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="any") as client:
        patched = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)

        async def ask(text: str) -> Any:
            return await patched.chat.completions.create(
                model="m", messages=messages(text), response_model=Echo
            )

        await gathered(ask, texts, at_once)


CLIENTS = {
    "extractor rows": with_rows,
    "extractor run": with_run,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "openai": with_openai,
    "instructor": with_instructor,
}


def one(name: str, url: str, rows: int, at_once: int) -> None:
    """Print the CPU seconds of a row, connections and imports paid before."""
    run = CLIENTS[name]
    texts = [TEXT.format(i) for i in range(rows)]

    async def timed() -> float:
        await run(url, [TEXT.format(-i) for i in range(2 * at_once)], at_once)
        began = time.process_time()
        await run(url, texts, at_once)
        return (time.process_time() - began) / rows

    print(asyncio.run(timed()))


def measured(python: str, name: str, url: str, rows: int, at_once: int) -> float | None:
    command = [python, "-m", "tests.benchmarks.bulk_cpu", "--one", name, "--url", url]
    more = ["--rows", str(rows), "--at-once", str(at_once)]
    ended = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
    return float(ended.stdout) if ended.returncode == 0 else None


def main(venv: Path | None, rows: int, rounds: int) -> None:
    clients = [(name, sys.executable) for name in (*OURS, *PLAIN)]
    clients += [(name, str(venv / "bin" / "python")) for name in PEERS if venv]
    print(f"{'':16}" + "".join(f"{n:>8} in flight{'to httpx':>10}" for n in AT_ONCE) + f"{'256 to 64':>11}")
    times: dict[tuple[str, int], list[float]] = {}
    with running(Weather(latency=0.02)) as server:
        for _ in range(rounds):
            for name, python in clients:
                for at_once in AT_ONCE:
                    few = rows if name in OURS else max(rows // 4, 2 * at_once)
                    found = measured(python, name, server.base_url, few, at_once)
                    if found is not None:
                        times.setdefault((name, at_once), []).append(found)
    middle = {key: statistics.median(found) for key, found in times.items()}
    for name, _ in clients:
        if all((name, n) in middle for n in AT_ONCE):
            cells = "".join(
                f"{middle[name, n] * 1e6:15.0f} µs{middle[name, n] / middle['httpx', n]:10.3f}"
                for n in AT_ONCE
            )
            print(f"{name:16}{cells}{middle[name, 256] / middle[name, 64]:11.2f}")
        else:
            print(f"{name:16}  not installed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=CLIENTS)
    parser.add_argument("--url")
    parser.add_argument("--at-once", type=int)
    told = parser.parse_args()
    if told.one:
        one(told.one, told.url, told.rows, told.at_once)
    else:
        main(told.venv, told.rows, told.rounds)
