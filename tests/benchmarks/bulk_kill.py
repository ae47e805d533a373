"""Kill -9 a run of 5,000 rows ten times:
`python -m tests.benchmarks.bulk_kill [ROWS [KILLS [SEED [ROWS_PER_REQUEST]]]] [--redis]`.

Checks that every row is there once, in order and equal to that of an undisturbed run, and prints how
many rows were asked again, beside those in flight at the kills (at most `peak` at each). With
--redis the journal is on a server, where a dead worker's claims are taken over after three seconds.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from tests.bulk.crash import expected, killed_again_and_again
from tests.bulk.servers import redis_server
from tests.loopback import Weather, running


def main(
    rows: int = 5000, kills: int = 10, seed: int = 1, together: int = 1, on_server: bool = False
) -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running(Weather(latency=0.02)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journal = str(folder / "journal.sqlite")
        if on_server:
            journal = f"{stack.enter_context(redis_server(folder)).url}?lease=3"
        seen = killed_again_and_again(server, journal, rows, kills, seed, rows_per_request=together)
    whole = seen.pop("rows") == expected(rows)
    print("every row once, in order, equal:", whole)
    print(f"rows asked again: {seen['texts_again']}, allowed: {kills * together * seen['peak']}")
    print(seen)
    assert whole
    assert seen["texts"] == rows
    assert seen["texts_again"] <= kills * together * seen["peak"]


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:] if argument != "--redis"]
    main(*numbers, on_server="--redis" in sys.argv)
