"""The journal's writer: a thread does all pending work in one trip to the store, so the event loop never
waits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import ExtractorError, JournalError
from ...quotas import Dimension, LimitGrant, Quota
from ..limits.sharing import LimitRequest
from .address import LEASE, JournalAddress
from .handles import Handle
from .interface import Claim, Kept, Tried
from .places import open_store, place_of
from .spool import spool_of
from .store import Done, Store, StoreWork

if TYPE_CHECKING:
    from .sqlite import SqliteStore

V = TypeVar("V")
BEATS = 4  # heartbeats in the time for which one counts

Answers = list[tuple["asyncio.Future[Any]", Any]]


@dataclass(slots=True)
class _Batch:
    """What goes into one trip."""

    looks: list[tuple[bytes, float, asyncio.Future[Any]]] = field(default_factory=list)
    claims: list[tuple[bytes, float, asyncio.Future[Any]]] = field(default_factory=list)
    puts: dict[bytes, Kept] = field(default_factory=dict)
    released: list[bytes] = field(default_factory=list)
    limit_requests: dict[str, LimitRequest] = field(default_factory=dict)
    reserving: list[tuple[str, int, asyncio.Future[Any]]] = field(default_factory=list)
    calls: list[tuple[Callable[[Any, str], Any], asyncio.Future[Any]]] = field(default_factory=list)
    ticket: int = 0
    last: bool = False

    @property
    def futures(self) -> list[asyncio.Future[Any]]:
        told = [future for *_, future in (*self.claims, *self.looks, *self.reserving)]
        return [*told, *(future for _, future in self.calls)]

    @property
    def work(self) -> StoreWork:
        return StoreWork(
            self.puts,
            self.released,
            [(key, since) for key, since, _ in self.claims],
            [(key, since) for key, since, _ in self.looks],
            [*self.limit_requests.values()],
        )

    def limit_request(self, endpoint: str, given: Mapping[Dimension, float]) -> LimitRequest:
        """Return the request to an endpoint's limits."""
        request = self.limit_requests.setdefault(endpoint, LimitRequest(endpoint))
        request.given = given
        return request

    def answers(self, done: Done, called: Sequence[Any]) -> Answers:
        """Return the result of each future. called: what came of the calls."""
        told = [*done.claims, *done.found, *self._granted(done.grants), *called]
        return list(zip(self.futures, told, strict=True))

    def _granted(self, grants: Sequence[LimitGrant]) -> list[LimitGrant]:
        """Share out what was granted for each endpoint among those who asked, the first first."""
        left = dict(zip(self.limit_requests, grants, strict=True))
        shares = []
        for endpoint, asked, _ in self.reserving:
            grant = left[endpoint]
            share = min(asked, grant.granted)
            shares.append(grant._replace(granted=share))
            left[endpoint] = grant._replace(granted=grant.granted - share)
        return shares


class StoreJournal:
    """A Journal in a store, of which several processes may make use at once.

    An answer in a file survives the death of the process as soon as it is committed. It survives a power
    failure only once SQLite has synced its log, seconds later. On a server it survives what the server does.
    """

    def __init__(self, opened: Callable[[], Store], lease: float = LEASE) -> None:
        self.durable = 0
        self.place: str | None = None  # where it is, for a person
        self.error: JournalError | None = None
        self._open, self._lease, self._process = opened, lease, os.getpid()
        self._loop = asyncio.get_running_loop()
        self._changed: Callable[[], None] = lambda: None
        self._tickets = 0
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._news, self._waking = threading.Event(), False
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._work, name="extractor-journal", daemon=True)
        self._thread.start()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` in the event loop whenever `durable` grew or the journal broke."""
        self._changed = changed

    async def opened(self) -> None:
        """Return once it is open. Raises JournalError and ConfigError."""
        await self._opened

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
        if self._process != os.getpid():
            raise JournalError("an open journal can't be used in a forked child, which has no thread for it")
        future = self._loop.create_future()
        self._submit(*operation, future)
        return await future

    def _submit(self, *operation: Any) -> None:
        """Have an operation done in the next trip, with all that this turn of the event loop adds to it."""
        self._waiting.append(operation)
        if not self._waking:
            self._waking = True
            self._loop.call_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        self._news.set()

    # -- in the thread

    def _work(self) -> None:
        batch, owner = _Batch(), uuid.uuid4().hex
        try:
            with contextlib.closing(self._open()) as store:
                store.enter(owner, self._lease)
                self._tell(_settle, [(self._opened, None)])
                beaten = time.monotonic()
                while not batch.last:
                    self._news.wait(self._lease / BEATS)
                    self._news.clear()
                    if time.monotonic() - beaten >= self._lease / BEATS:
                        store.beat(owner, self._lease)
                        beaten = time.monotonic()
                    batch = self._gather()
                    done = store.do(owner, batch.work)
                    called = [call(store, owner) for call, _ in batch.calls]
                    self._tell(self._deliver, batch.answers(done, called), batch.ticket)
                store.leave(owner)
        except Exception as error:  # whatever it is, nobody may wait for ever
            self._tell(self._break, error, [self._opened, *batch.futures])

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
                    if any(key == claimed for claimed, *_ in batch.claims):
                        self._waiting.appendleft(("release", key))
                        self._news.set()
                        break  # a trip gives back before it claims: this one after it
                    batch.released.append(key)
                case "take", endpoint, given, requests, tokens:
                    request = batch.limit_request(endpoint, given)
                    request.requests += requests
                    request.tokens += tokens
                case "pause", endpoint, given, seconds:
                    request = batch.limit_request(endpoint, given)
                    request.pause = max(request.pause, seconds)
                case "learn", endpoint, given, quotas:
                    batch.limit_request(endpoint, given).learn(quotas)
                case "reserve", endpoint, given, tokens, future:
                    batch.limit_request(endpoint, given).wanted.extend(tokens)
                    batch.reserving.append((endpoint, len(tokens), future))
                case "call", call, future:
                    batch.calls.append((call, future))
                case _:
                    batch.last = True
        return batch

    def _tell(self, what: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens any more
            self._loop.call_soon_threadsafe(what, *arguments)

    # -- in the event loop

    def _deliver(self, answers: Answers, ticket: int) -> None:
        _settle(answers)
        if ticket:
            self.durable = ticket
            self._changed()

    def _break(self, error: Exception, lost: list[asyncio.Future[Any]]) -> None:
        if isinstance(error, JournalError):
            self.error = error
        elif isinstance(error, ExtractorError):
            self.error = JournalError(str(error))
        else:
            self.error = JournalError(f"the journal failed: {error!r}")
        for future in (*lost, *self._gather().futures):
            if not future.done():
                future.set_exception(error if future is self._opened else self.error)
        self._changed()


class FileJournal(StoreJournal):
    """A journal in a file, which is a Ledger as well. Its methods are those of SqliteStore."""

    def __init__(self, path: Path) -> None:
        super().__init__(partial(open_store, path))
        self.spool = spool_of(path)

    async def batches(self) -> list[Handle]:
        """Return the batches that have not ended."""
        return await self._call(lambda store, owner: store.batches())

    async def tried(self, keys: Sequence[bytes]) -> Mapping[bytes, Tried]:
        """Return which of these requests are, or were, in a batch that has not answered them."""
        return await self._call(lambda store, owner: store.tried(keys))

    async def begin(self, handle: Handle, keys: Sequence[bytes]) -> None:
        """Keep a new batch, of this process's, with the keys of its requests."""
        await self._call(lambda store, owner: store.begin(owner, handle, keys))

    async def take(self, id_: str) -> Handle | None:
        """Return a batch as it stands, this process's from now on; None if another is at work on it."""
        return await self._call(lambda store, owner: store.take(owner, id_))

    async def save(self, handle: Handle) -> None:
        """Keep how far a batch is."""
        await self._call(lambda store, owner: store.save(handle))

    async def settle(self, id_: str, answers: Mapping[bytes, Kept], refused: Sequence[bytes]) -> set[bytes]:
        """Keep answers, and cross them and refused requests off a batch; return which were open in it."""
        return await self._call(lambda store, owner: store.settle(id_, answers, refused))

    async def forget(self, id_: str) -> None:
        """Forget a batch."""
        await self._call(lambda store, owner: store.forget(id_))

    async def _call(self, call: Callable[[SqliteStore, str], V]) -> V:
        result: V = await self._ask("call", call)
        return result


class SharedJournal(StoreJournal):
    """A journal on a server, which also shares the quota of each endpoint among all who use it."""

    def limits(self, endpoint: str, given: Mapping[Dimension, float]) -> _Limits:
        """Return the limits that are shared."""
        return _Limits(self._ask, self._submit, (endpoint, given))


class _Limits:
    """SharedLimits that go the journal's way, in the same trips."""

    def __init__(
        self,
        ask: Callable[..., Awaitable[Any]],
        submit: Callable[..., None],
        about: tuple[str, Mapping[Dimension, float]],
    ) -> None:
        self._ask, self._submit, self._about = ask, submit, about

    async def reserve(self, tokens: Sequence[float]) -> LimitGrant:
        grant: LimitGrant = await self._ask("reserve", *self._about, tokens)
        return grant

    def take(self, requests: float, tokens: float) -> None:
        self._submit("take", *self._about, requests, tokens)

    def pause(self, seconds: float) -> None:
        self._submit("pause", *self._about, seconds)

    def learn(self, quotas: Sequence[Quota]) -> None:
        self._submit("learn", *self._about, quotas)


def _settle(answers: Answers) -> None:
    for future, answer in answers:
        if not future.done():
            future.set_result(answer)


async def opened(journal: Any) -> StoreJournal:
    """Return the journal that `journal=` names. Raises JournalError and ConfigError."""
    place = place_of(journal)
    if isinstance(place, JournalAddress):
        work: StoreJournal = SharedJournal(partial(open_store, place), place.lease)
    else:
        work = FileJournal(place)
    work.place = str(place)
    await work.opened()
    return work
