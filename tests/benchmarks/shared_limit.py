"""Two processes, one Redis, one quota for a minute: `python -m tests.benchmarks.shared_limit [LIMIT [ROWS]]`.

Both do the same rows against a server that counts what comes in any sixty seconds. Takes about ROWS /
LIMIT minutes. Checks that the limit is kept, that each row is asked for once, and prints how much of the
quota was made use of.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from tests.bulk.crash import expected, started
from tests.bulk.servers import redis_server
from tests.loopback import Weather, running


def main(limit: int = 100, rows: int = 200) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        redis_server(Path(folder)) as redis,
        running(Weather(latency=0.3)) as server,
    ):
        began = time.monotonic()
        both = [started(server, redis.url, rows, requests_per_minute=limit) for _ in range(2)]
        said = [process.communicate(timeout=590) for process in both]
        took, seen = time.monotonic() - began, server.stats()
    for lines, errors in said:
        assert [json.loads(line) for line in lines.splitlines()][:-1] == expected(rows), errors
    shares = [rows - json.loads(lines.splitlines()[-1])["from_cache"] for lines, _ in said]
    print(f"most in any minute: {seen['busiest_minute']} of {limit}")
    print(f"{rows} rows in {took:.0f} s: {rows / took * 60:.0f} a minute; asked by each: {shares}")
    print(f"requests: {seen['requests']}, sent again: {seen['repeated']}")
    assert seen["busiest_minute"] <= limit
    assert (seen["distinct"], seen["repeated"]) == (rows, 0)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
