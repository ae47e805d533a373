"""Kill -9 a run of 5,000 rows ten times:
`python -m tests.benchmarks.bulk_kill [ROWS [KILLS [SEED [ROWS_PER_REQUEST]]]]`.

Checks that every row is there once, in order and equal to that of an undisturbed run, and prints how
many rows were asked again, beside those in flight at the kills (at most `peak` at each).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.batch.crash import expected, killed_again_and_again
from tests.loopback import Weather, running


def main(rows: int = 5000, kills: int = 10, seed: int = 1, together: int = 1) -> None:
    with running(Weather(latency=0.02)) as server, tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal.sqlite"
        seen = killed_again_and_again(server, journal, rows, kills, seed, rows_per_request=together)
    whole = seen.pop("rows") == expected(rows)
    print("every row once, in order, equal:", whole)
    print(f"rows asked again: {seen['texts_again']}, allowed: {kills * together * seen['peak']}")
    print(seen)
    assert whole
    assert seen["texts"] == rows
    assert seen["texts_again"] <= kills * together * seen["peak"]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
