"""Rows come out once each, in order, and few are in memory, whatever the order in which they settle."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.schedule import Window


@pytest.mark.slow
@given(st.integers(1, 20), st.integers(0, 80), st.randoms(use_true_random=False), st.booleans())
def test_each_row_is_handed_out_once_and_the_window_is_not_passed(
    ahead: int, rows: int, chance: random.Random, ordered: bool
) -> None:
    window: Window[int] = Window(ahead, ordered)
    in_flight, out, durable = list[int](), list[int](), 0
    while len(out) < rows:
        if window.begun < rows and window.has_room and chance.random() < 0.6:
            in_flight.append(window.begin())
        elif in_flight:
            row = in_flight.pop(chance.randrange(len(in_flight)))
            window.settle(row, row, ticket=row)
            durable = max(durable, row) if chance.random() < 0.8 else durable
        else:
            durable = rows
        assert window.begun - window.handed_out <= ahead
        assert window.open == len(in_flight)
        fresh = list(window.ready(durable))
        assert all(row <= durable for row in fresh)
        out += fresh
    assert sorted(out) == list(range(rows))
    assert out == sorted(out) or not ordered


def test_a_slow_row_holds_up_the_handing_out_but_not_the_others() -> None:
    window: Window[str] = Window(ahead=100)
    for row in range(100):
        assert window.begin() == row
    for row in range(1, 100):
        window.settle(row, f"row {row}")
    assert not list(window.ready())
    assert not window.has_room
    window.settle(0, "row 0")
    assert len(list(window.ready())) == 100
    assert window.has_room


def test_without_order_the_slow_row_holds_up_nothing() -> None:
    window: Window[int] = Window(ahead=3, ordered=False)
    slow, quick = window.begin(), window.begin()
    window.settle(quick, quick)
    assert list(window.ready()) == [quick]
    window.settle(slow, slow)
    assert list(window.ready()) == [slow]


@pytest.mark.parametrize("times", [1, 2])
def test_a_row_settles_once(times: int) -> None:
    window: Window[str] = Window(10)
    row = window.begin()
    window.settle(row, "")
    for _ in range(times - 1):
        list(window.ready())
    with pytest.raises(ValueError, match="row 0"):
        window.settle(row, "")


def test_an_outcome_waits_until_its_answer_is_on_disk() -> None:
    window: Window[str] = Window(10)
    window.settle(window.begin(), "first", ticket=5)
    assert not list(window.ready(durable=4))
    assert list(window.ready(durable=5)) == ["first"]
