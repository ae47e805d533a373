"""The journal at work: a thread writes all that waits in one transaction, the event loop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import JournalError
from .journal import Claim, Kept
from .store import Store

LEASE = 20.0  # seconds that a process is believed to live after its last sign of life
HEARTBEAT = 5.0  # seconds between those


@dataclass(slots=True)
class _Batch:
    """What goes into one transaction."""

    looks: list[tuple[bytes, float, asyncio.Future[Any]]] = field(default_factory=list)
    claims: list[tuple[bytes, float, asyncio.Future[Any]]] = field(default_factory=list)
    puts: dict[bytes, Kept] = field(default_factory=dict)
    released: list[bytes] = field(default_factory=list)
    ticket: int = 0
    last: bool = False

    @property
    def futures(self) -> list[asyncio.Future[Any]]:
        return [future for _, _, future in (*self.looks, *self.claims)]


class SqliteJournal:
    """A Journal in one SQLite file, of which several processes may make use at once.

    A committed answer survives the death of the process at once; that of the machine, within its last
    seconds, only where SQLite has synced its log.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.durable = 0
        self.error: JournalError | None = None
        self._loop = asyncio.get_running_loop()
        self._changed: Callable[[], None] = lambda: None
        self._tickets = 0
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._news = threading.Event()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="extractor-journal", daemon=True)
        self._thread.start()

    @classmethod
    async def open(cls, path: Path) -> SqliteJournal:
        """Return the journal in a file, made where it is not there. Raises JournalError."""
        journal = cls(path)
        await journal._opened
        return journal

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` in the event loop whenever `durable` grew or the journal broke."""
        self._changed = changed

    async def look(self, key: bytes, since: float) -> Kept | None:
        """Return the answer that came at `since` or later."""
        kept: Kept | None = await self._ask("look", key, since)
        return kept

    async def claim(self, key: bytes, since: float) -> Claim:
        """Return the answer, or else the right to ask. Raises JournalError."""
        claim: Claim = await self._ask("claim", key, since)
        return claim

    def put(self, key: bytes, kept: Kept) -> int:
        """Keep an answer in place of its claim; return its ticket."""
        self._tickets += 1
        self._submit("put", key, kept, self._tickets)
        return self._tickets

    def release(self, key: bytes) -> None:
        """Give a claim back."""
        self._submit("release", key)

    async def aclose(self) -> None:
        """Write what waits, and close. Claims that are still held count as lost."""
        self._submit("close")
        await asyncio.to_thread(self._thread.join)

    async def _ask(self, *operation: Any) -> Any:
        if self.error:
            raise self.error
        future = self._loop.create_future()
        self._submit(*operation, future)
        return await future

    def _submit(self, *operation: Any) -> None:
        self._waiting.append(operation)
        if not self._news.is_set():
            self._news.set()

    # -- in the thread

    def _work(self) -> None:
        batch = _Batch()
        try:
            with contextlib.closing(Store.open(self.path)) as store:
                owner = store.enter(uuid.uuid4().hex, socket.gethostname(), os.getpid(), time.time() + LEASE)
                self._tell(_settle, [(self._opened, None)], 0)
                while not batch.last:
                    self._wait(store, owner)
                    batch = self._gather()
                    self._tell(self._deliver, self._write(store, owner, batch), batch.ticket)
                store.leave(owner)
        except JournalError as error:
            lost = [self._opened, *batch.futures, *self._gather().futures]
            self._tell(self._break, error, lost)

    def _wait(self, store: Store, owner: str) -> None:
        """Wait for work; give a sign of life now and then."""
        while not self._waiting:
            if not self._news.wait(HEARTBEAT):
                store.beat(owner, time.time() + LEASE)
            self._news.clear()

    def _gather(self) -> _Batch:
        batch = _Batch()
        while self._waiting:
            match self._waiting.popleft():
                case "look", key, since, future:
                    batch.looks.append((key, since, future))
                case "claim", key, since, future:
                    batch.claims.append((key, since, future))
                case "put", key, kept, ticket:
                    batch.puts[key], batch.ticket = kept, ticket
                case "release", key:
                    batch.released.append(key)
                case _:
                    batch.last = True
        return batch

    def _write(self, store: Store, owner: str, batch: _Batch) -> list[tuple[asyncio.Future[Any], Any]]:
        claims = [(key, since) for key, since, _ in batch.claims]
        found = store.look([(key, since) for key, since, _ in batch.looks])
        granted = store.write(owner, batch.puts, batch.released, claims, time.time())
        return list(zip(batch.futures, (*found, *granted), strict=True))

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens any more
            self._loop.call_soon_threadsafe(what, *arguments)

    # -- in the event loop

    def _deliver(self, answers: list[tuple[asyncio.Future[Any], Any]], ticket: int) -> None:
        _settle(answers, 0)
        if ticket:
            self.durable = ticket
            self._changed()

    def _break(self, error: JournalError, lost: list[asyncio.Future[Any]]) -> None:
        self.error = error
        for future in (*lost, *self._gather().futures):
            if not future.done():
                future.set_exception(error)
        self._changed()


def _settle(answers: list[tuple[asyncio.Future[Any], Any]], _: int) -> None:
    for future, answer in answers:
        if not future.done():
            future.set_result(answer)
