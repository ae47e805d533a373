"""A run that is killed and started again asks only for what it has no answer to."""

from __future__ import annotations

import json

import pytest

from tests.bulk.crash import expected, killed_again_and_again, started
from tests.loopback import Weather, running

pytestmark = pytest.mark.crash


@pytest.mark.sampled(1)
def test_killed_three_times_every_row_is_there_once_in_order_and_little_is_asked_again(
    place: str,
) -> None:
    with running(Weather(latency=0.02)) as server:
        seen = killed_again_and_again(server, place, rows=600, kills=3, seed=1)
    assert seen["rows"] == expected(600)
    assert seen["distinct"] == 600
    assert seen["repeated"] <= 3 * seen["peak"]
    assert seen["from_cache"] > 0


@pytest.mark.sampled(1)
def test_killed_with_packs_in_flight_no_more_rows_are_asked_again_than_these_held(place: str) -> None:
    with running(Weather(latency=0.02)) as server:
        seen = killed_again_and_again(
            server, place, rows=800, kills=2, seed=2, rows_per_request=8, concurrency=16
        )
    assert seen["rows"] == expected(800)
    assert seen["texts"] == 800
    assert seen["texts_again"] <= 2 * 8 * seen["peak"]
    assert seen["from_cache"] > 0


@pytest.mark.sampled(1)
def test_where_one_of_two_is_killed_the_other_does_every_row(place: str) -> None:
    with running(Weather(latency=0.05)) as server, started(server, place, 400) as other:
        with started(server, place, 400) as killed:
            assert killed.stdout
            for count, _ in enumerate(killed.stdout):
                if count == 100:
                    killed.kill()
        said, errors = other.communicate(timeout=60)
        seen = server.stats()
    assert other.returncode == 0, errors
    *lines, last = map(json.loads, said.splitlines())
    assert lines == expected(400)
    assert seen["distinct"] == 400
    assert seen["repeated"] <= last["lost"] <= seen["peak"]
