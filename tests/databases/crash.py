"""Writing in a process that can be killed: `python -m tests.databases.crash URL MODE ROWS BATCH`.

Prints a line as each batch is about to be written, and waits for one.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator

import pyarrow as pa

from extractor import DatabaseSink
from tests.databases.places import Place

BODY = "x" * 2_000


def batches(rows: int, size: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, size):
        ids = range(start, min(start + size, rows))
        print(start, flush=True)  # noqa: T201
        sys.stdin.readline()
        yield pa.RecordBatch.from_pydict({"id": [*ids], "body": [f"{i} {BODY}" for i in ids]})


def main(url: str, mode: str, rows: str, size: str) -> None:
    key = "id" if mode == "upsert" else ()
    sink = DatabaseSink(url, "crashed", mode, key, batch_rows=int(size))  # type: ignore[arg-type]
    written = sink.write(batches(int(rows), int(size)), run="one" if mode == "append" else None)
    print("written", written.rows)  # noqa: T201


def started(place: Place, mode: str, rows: int, size: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.databases.crash", place.url, mode, str(rows), str(size)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, text=True, bufsize=1, **pipes)


def killed_while_writing(place: Place, mode: str, rows: int, size: int, kills: int, seed: int) -> list[int]:
    """Kill a writer with SIGKILL while it writes, again and again, then let it come to its end.

    Returns how many rows the table had after each kill.
    """
    chance, found = random.Random(seed), list[int]()
    for nth in range(kills):
        with started(place, mode, rows, size) as process:
            assert process.stdout
            assert process.stdin
            target = rows * (nth + 0.5) / (kills + 1)
            for line in process.stdout:
                process.stdin.write("\n")
                if int(line) >= target:
                    break
            time.sleep(chance.random() * 0.04)
            process.kill()
        found.append(place.count("crashed"))
    with started(place, mode, rows, size) as process:
        said, errors = process.communicate("\n" * rows, timeout=300)
        assert process.returncode == 0, errors
        assert "written" in said
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
