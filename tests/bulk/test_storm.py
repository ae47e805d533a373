"""Through a storm of failures every row settles, once, and the service is asked as much again after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bulk.storms import weathered

pytestmark = pytest.mark.slow
# what the 429s ask for in turn, in seconds: a busy client has 1.2 s until it has to know of a pause
PAUSES = (*[None] * 14, 1.6)


def test_packs_come_through_a_storm_with_each_row_in_its_place(tmp_path: Path) -> None:
    seen = weathered(tmp_path, 480, 240, 16, PAUSES, rows_per_request=8)
    assert seen["indexes"] == list(range(720))
    assert (seen["right"], seen["errors"]) == (720, [])
    assert seen["in_pauses"] == 0
    assert seen["texts"] == 720
    assert min(seen[fate] for fate in ("429", "503", "dropped", "truncated", "invalid")) > 0


def test_no_row_is_lost_or_doubled_and_no_pause_is_broken(tmp_path: Path) -> None:
    seen = weathered(tmp_path, rows=250, fair=300, concurrency=32, retry_after=PAUSES)
    assert seen["indexes"] == list(range(550))
    assert (seen["right"], seen["errors"]) == (550, [])
    assert seen["in_pauses"] == 0
    assert seen["429"] > 60
    assert min(seen[fate] for fate in ("503", "dropped", "truncated", "invalid")) > 0
    assert seen["limits"]["fair"] > 24
