"""Kill -9 a run of 5,000 rows ten times: `python -m tests.benchmarks.bulk_kill [ROWS [KILLS [SEED]]]`.

Checks that every row is there once, in order and equal to that of an undisturbed run, and prints how
many requests were sent again, beside those in flight at the kills (at most `peak` at each).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.batch.crash import expected, killed_again_and_again
from tests.loopback import Weather, running


def main(rows: int = 5000, kills: int = 10, seed: int = 1) -> None:
    with running(Weather(latency=0.02)) as server, tempfile.TemporaryDirectory() as folder:
        seen = killed_again_and_again(server, Path(folder) / "journal.sqlite", rows, kills, seed)
    whole = seen.pop("rows") == expected(rows)
    print("every row once, in order, equal:", whole)
    print(f"sent again: {seen['repeated']}, allowed: {kills * seen['peak']}")
    print(seen)
    assert whole
    assert seen["distinct"] == rows
    assert seen["repeated"] <= kills * seen["peak"]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
