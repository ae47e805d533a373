"""A run that is killed and started again asks only for what it has no answer to."""

from __future__ import annotations

from pathlib import Path

from tests.batch.crash import expected, killed_again_and_again
from tests.loopback import Weather, running


def test_killed_three_times_every_row_is_there_once_in_order_and_little_is_asked_again(
    tmp_path: Path,
) -> None:
    with running(Weather(latency=0.02)) as server:
        seen = killed_again_and_again(server, tmp_path / "journal.sqlite", rows=600, kills=3, seed=1)
    assert seen["rows"] == expected(600)
    assert seen["distinct"] == 600
    assert seen["repeated"] <= 3 * seen["peak"]
    assert seen["from_cache"] > 0
