"""Identical rows at the same time: one sends the request, the others share its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

V = TypeVar("V")


class SingleFlight(Generic[V]):
    """What is asked at present, by key."""

    def __init__(self) -> None:
        self._asked: dict[bytes, asyncio.Future[V | None] | None] = {}  # None while nobody waits

    def __contains__(self, key: bytes) -> bool:
        """Whether somebody asks this."""
        return key in self._asked

    async def shared(self, key: bytes) -> V | None:
        """Return what comes for the one who asks this; None if that is nothing to share."""
        waiting = self._asked[key] or asyncio.get_running_loop().create_future()
        self._asked[key] = waiting
        return await asyncio.shield(waiting)

    @contextmanager
    def asking(self, key: bytes) -> Iterator[Callable[[V], None]]:
        """Have others that ask the same wait for what is handed over; left without it they get None."""
        found: V | None = None

        def hand_over(answer: V) -> None:
            nonlocal found
            found = answer

        self._asked[key] = None
        try:
            yield hand_over
        finally:
            waiting = self._asked.pop(key)
            if waiting is not None and not waiting.done():
                waiting.set_result(found)
