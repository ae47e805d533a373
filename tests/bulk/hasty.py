"""An event loop whose clock is fast: what sleeps for a second in it has slept 50 ms."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
SPEED = 20.0


class _Selector(selectors.DefaultSelector):
    """Is asked for seconds of that clock, and waits for seconds of the real one."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / SPEED)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return super().time() * SPEED


def hastily(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of it. Its sleeps and its timeouts are a twentieth of what they say."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
