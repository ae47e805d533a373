"""Peak memory of 100,000 and of 1,000,000 rows from a generator, through a transport that answers at once:
`python -m tests.benchmarks.bulk_memory [ROWS ...]`. Each size has a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from extractor import AsyncExtractor, Run
from tests.loopback import Echo

REPLY = {
    "id": "1",
    "model": "any",
    "choices": [{"finish_reason": "stop", "message": {"content": Echo.of("x").model_dump_json()}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10},
}
BODY = json.dumps(REPLY).encode()


def texts(rows: int) -> Iterator[str]:
    for row in range(rows):
        yield f"The text of row {row}"


async def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=BODY)


async def run(rows: int) -> dict[str, Any]:
    began, done = time.process_time(), 0
    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    async with client, AsyncExtractor("any", base_url="http://127.0.0.1:9/v1", http_client=client) as ex:
        async for outcome in ex.rows(texts(rows), Echo, run=Run(journal=False)):
            done += outcome.record is not None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": done,
        "peak_mb": round(peak, 1),
        "cpu_us_a_row": round((time.process_time() - began) / rows * 1e6),
    }


def main(*sizes: int) -> None:
    for size in sizes:
        subprocess.run([sys.executable, "-m", "tests.benchmarks.bulk_memory", "--one", str(size)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(asyncio.run(run(int(sys.argv[2]))))
    else:
        main(*(map(int, sys.argv[1:]) if sys.argv[1:] else (100_000, 1_000_000)))
