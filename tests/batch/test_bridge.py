"""An async generator, iterated by code that is not async."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator

from extractor.batch.bridge import iterate


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
