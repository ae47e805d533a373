"""An async generator, iterated by code that is not async."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from functools import partial

import pytest

from extractor.bulk.bridge import iterate
from extractor.bulk.run import INTERRUPTED, Stop


def test_items_are_all_taken_where_the_generator_has_ended_before_the_caller_came_to_them() -> None:
    async def many() -> AsyncGenerator[int]:
        for number in range(200):
            yield number

    items = iterate(many)
    first = next(items)
    for thread in threading.enumerate():
        if thread.name == "extractor-rows":
            thread.join(10)  # its event loop is closed by then
    assert [first, *items] == list(range(200))


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_no_more_items_wait_to_be_taken_than_may(ahead: int) -> None:
    made = list[int]()

    async def many() -> AsyncGenerator[int]:
        for number in range(50):
            made.append(number)
            yield number

    for taken in iterate(many, ahead=ahead):
        assert made[-1] <= taken + ahead + 1  # one more is taken, and one is made
    assert made == list(range(50))


class Work:
    """An async generator that ends by itself once it is asked to, and notes how it ended."""

    def __init__(self) -> None:
        self.asked, self.ended = threading.Event(), "not yet"

    async def items(self) -> AsyncGenerator[int]:
        try:
            number = 0
            while not self.asked.is_set():
                yield (number := number + 1)
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)  # what is in flight
            self.ended = "by itself"
        except asyncio.CancelledError:
            self.ended = "at once"
            raise

    def stop(self) -> str:
        self.asked.set()
        return ""


@pytest.mark.parametrize(("keeps", "ended"), [(True, "by itself"), (False, "at once")])
def test_one_that_is_left_early_is_asked_to_end_where_it_keeps_what_comes(keeps: bool, ended: str) -> None:
    work = Work()
    items = iterate(work.items, work.stop, lambda: keeps)
    assert next(items) == 1
    items.close()
    assert work.ended == ended


def test_an_error_in_the_middle_of_a_loop_waits_for_what_is_in_flight() -> None:
    work = Work()

    def loop() -> None:
        for number in iterate(work.items, work.stop, lambda: True):
            if number > 400:  # more than may wait to be taken
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert work.ended == "by itself"


def test_a_run_that_was_asked_to_stop_before_it_began_stops_as_it_begins() -> None:
    stop, called = Stop(), list[str]()
    assert stop() == INTERRUPTED
    stop.bind(lambda: called.append("stopped"), lambda: "go on like this")
    assert called == ["stopped"]
    assert stop() == "go on like this"
    assert called == ["stopped", "stopped"]


def test_to_stop_a_run_whose_loop_has_closed_changes_nothing() -> None:
    stop, loop = Stop(), asyncio.new_event_loop()
    stop.bind(partial(loop.call_soon_threadsafe, print))
    loop.close()
    assert stop() == INTERRUPTED
