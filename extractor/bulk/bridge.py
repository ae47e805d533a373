"""An async generator for sync code: it runs in its own event loop, in its own thread."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import copy_context
from typing import Generic, TypeVar

from ..processes import check_process

T = TypeVar("T")
MOST_AHEAD = 256


def iterate(
    make: Callable[[], AsyncGenerator[T]],
    stop: Callable[[], str] = lambda: "",
    keeps: Callable[[], bool] = lambda: False,
    ahead: int = MOST_AHEAD,
) -> Generator[T]:
    """Yield what the async generator yields; it works on while the caller is busy with an item.

    stop: called from this thread on the first KeyboardInterrupt: asks the generator to end by itself,
    and returns how to go on later. It is waited for; a second KeyboardInterrupt ends it at once. keeps:
    whether it is asked and waited for also where the iterator is left before its end, as where the caller's
    code raises; else it is ended at once then. Safe where a loop is running. ahead: items that may wait to be
    taken, before the generator is held up.
    """
    crossing, process = _Crossing(make, ahead), os.getpid()

    def leave() -> None:
        if process != os.getpid() or sys.is_finalizing():  # here its thread does not run, or not any more
            return
        try:
            if keeps():
                crossing.finish(stop)
        finally:
            crossing.cancel()
            crossing.thread.join()

    atexit.register(leave)  # threads end with the interpreter, before an iterator that is held somewhere
    crossing.thread.start()
    try:
        for item in crossing.items(stop):
            yield item
            check_process(process, "an iterator over rows that was begun")
    except GeneratorExit:
        leave()
        raise
    finally:
        atexit.unregister(leave)
        if process == os.getpid() and not sys.is_finalizing():
            crossing.cancel()
            crossing.thread.join()


class _Crossing(Generic[T]):
    """What both threads see. The deque is theirs without a lock: append and popleft are atomic."""

    def __init__(self, make: Callable[[], AsyncGenerator[T]], ahead: int) -> None:
        self._make, self._ahead = make, ahead
        self._items: deque[T] = deque()
        self._news, self._begun = threading.Event(), threading.Event()
        self._ended = False
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._room: asyncio.Event | None = None
        run = copy_context().run  # so that the caller's span is the parent of those in the thread
        self.thread = threading.Thread(target=run, args=(self._run,), name="extractor-rows", daemon=True)

    def items(self, stop: Callable[[], str]) -> Generator[T]:
        """Yield the items as they come; raise what the generator raised."""
        interrupted: KeyboardInterrupt | None = None
        while True:
            try:
                while not self._items and not self._ended:
                    self._news.wait()
                    self._news.clear()
            except KeyboardInterrupt as error:
                if interrupted:
                    raise
                interrupted = error
                if advice := stop():
                    error.add_note(advice)
                continue
            if self._items:
                item = self._take()
                if not interrupted:
                    yield item
            elif self._error:
                raise self._error
            elif interrupted:
                raise interrupted
            else:
                return

    def finish(self, stop: Callable[[], str]) -> None:
        """Ask the generator to end, and wait until it has; what it still yields is not wanted any more."""
        self._begun.wait()
        stop()
        while not self._ended:
            self._news.wait()
            self._news.clear()
            while self._items:
                self._take()

    def _take(self) -> T:
        item = self._items.popleft()
        if len(self._items) == self._ahead // 2 and self._loop and self._room:
            with contextlib.suppress(RuntimeError):  # the generator has ended meanwhile, and its loop with it
                self._loop.call_soon_threadsafe(self._room.set)
        return item

    def cancel(self) -> None:
        """End the generator at once, where it still runs."""
        self._begun.wait()
        if not self._ended and self._loop and self._task:
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        try:
            asyncio.run(self._drive())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # it is raised again in the caller's thread
            self._error = error
        finally:
            self._ended = True
            self._begun.set()
            self._news.set()

    async def _drive(self) -> None:
        self._loop, self._task, self._room = (
            asyncio.get_running_loop(),
            asyncio.current_task(),
            asyncio.Event(),
        )
        self._begun.set()
        async with contextlib.aclosing(self._make()) as items:
            async for item in items:
                self._items.append(item)
                self._news.set()
                if len(self._items) >= self._ahead:
                    self._room.clear()
                    if len(self._items) >= self._ahead:
                        await self._room.wait()
