"""Rows a second into and out of tables: `python -m tests.benchmarks.databases [ROWS]`.

Each row has an id, a text of 200 characters and a struct; transactions are of 1,000 rows. PostgreSQL is one
of this machine, without fsync. Appending is timed with the note of a run and without, and beside upserts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa

from extractor import DatabaseSink, DatabaseSource
from tests import postgres

SIZE = 1_000


def batches(rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, SIZE):
        ids = range(start, start + SIZE)
        yield pa.RecordBatch.from_pydict(
            {
                "id": [*ids],
                "body": [f"{i:0>200}" for i in ids],
                "visit": [{"n": i, "town": "Basel"} for i in ids],
            }
        )


def rate(rows: int, since: float) -> str:
    return f"{rows / (time.perf_counter() - since):>12,.0f}"


def main(rows: int = 50_000) -> None:
    print(f"{'rows/s':12}{'append':>12}{'with run=':>12}{'upsert':>12}{'upsert again':>14}{'read':>12}")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        places = {kind: f"{kind}:///{folder}/a.{kind}" for kind in ("sqlite", "duckdb")}
        if postgres.binaries():
            places["postgresql"] = stack.enter_context(postgres.running())
        for kind, url in places.items():
            told = []
            for table, mode, run in (
                *(("plain", "append", None), ("noted", "append", "one")),
                *(("keyed", "upsert", None), ("keyed", "upsert", None)),
            ):
                sink = DatabaseSink(url, table, mode, "id" if mode == "upsert" else ())
                since = time.perf_counter()
                sink.write(batches(rows), run)
                told.append(rate(rows, since))
            since = time.perf_counter()
            assert sum(each.num_rows for each in DatabaseSource(url, table="keyed").batches()) == rows
            print(f"{kind:12}{''.join(told[:3])}{told[3]:>14}{rate(rows, since)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
