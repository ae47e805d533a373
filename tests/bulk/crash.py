"""A bulk run in a process that can be killed: `python -m tests.bulk.crash BASE_URL JOURNAL ROWS [OPTIONS]`.

Prints one line of JSON for each row as it is handed out, then one with what the run says of itself.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from extractor import Extractor
from extractor.groups import grouped
from extractor.results import Progress
from tests.loopback import Echo, Loopback


def text_of(row: int) -> str:
    return f"This is the text of row {row}."


def main(base_url: str, journal: str, rows: str, options: str = "{}") -> None:
    told: list[Progress] = []
    with Extractor("any", base_url=base_url) as extractor:
        texts = (text_of(row) for row in range(int(rows)))
        given = {"journal": journal, "on_progress": told.append, **json.loads(options)}
        for outcome in extractor.rows(texts, Echo, **grouped(given, "run")):
            record = outcome.record.model_dump() if outcome.record else None
            print(json.dumps([outcome.index, record]), flush=True)  # noqa: T201
    last = told[-1]
    print(json.dumps({"from_cache": last.from_cache, "lost": last.possibly_paid_twice}))  # noqa: T201


def started(
    server: Loopback, journal: Path | str, rows: int, clock_steps: float | None = None, **options: Any
) -> subprocess.Popen[str]:
    """Start a run. clock_steps: seconds by which the clock of its process is set in the middle."""
    program = ["tests.bulk.crash"] if clock_steps is None else ["tests.bulk.stepped", str(clock_steps)]
    command = [sys.executable, "-m", *program, server.base_url, str(journal), str(rows), json.dumps(options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed_again_and_again(
    server: Loopback, journal: Path | str, rows: int, kills: int, seed: int, **options: Any
) -> dict[str, Any]:
    """Kill a run `kills` times with SIGKILL, each time at a random row, then let it come to its end.

    Returns what the last run handed out and said, and what the server saw: answers beyond the first to
    one body, and the most requests in flight.
    """
    chance = random.Random(seed)
    handed_out: list[int] = []
    for nth in range(kills):
        target = rows * (nth + chance.random()) / (kills + 0.5)  # at random, and each time later than before
        with started(server, journal, rows, **options) as process:
            assert process.stdout
            for count, _ in enumerate(process.stdout):
                if count >= target:
                    break
            time.sleep(chance.random() * 0.05)
            process.kill()
            handed_out.append(count)
    with started(server, journal, rows, **options) as process:
        said, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
    *lines, last = map(json.loads, said.splitlines())
    return {"rows": lines, **last, "killed_after": handed_out, **server.stats()}


def expected(rows: int) -> list[Any]:
    return [[row, Echo.of(text_of(row)).model_dump()] for row in range(rows)]


if __name__ == "__main__":
    main(*sys.argv[1:])
