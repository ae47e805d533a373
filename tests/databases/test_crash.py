"""Writers that are killed in the middle of a write leave no half batch, and double no row."""

from __future__ import annotations

import pytest

from tests.databases.crash import BODY, killed_while_writing
from tests.databases.places import Place

ROWS, SIZE, KILLS = 4_000, 500, 3


@pytest.mark.crash
@pytest.mark.sampled(1)
@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_killed_in_the_middle_of_a_write_and_begun_again_every_row_is_there_once(
    mode: str, place: Place
) -> None:
    seen = killed_while_writing(place, mode, ROWS, SIZE, KILLS, seed=1)
    assert [rows % SIZE for rows in seen] == [0] * KILLS, f"half a batch: {seen}"
    assert 0 < seen[-1] < ROWS, f"nothing was in the middle: {seen}"
    found = place.rows(
        "SELECT count(*), count(DISTINCT id), min(id), max(id), min(length(body)) FROM crashed"
    )
    assert found == [(ROWS, ROWS, 0, ROWS - 1, len(BODY) + 2)]
