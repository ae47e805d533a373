"""The shell around batches at providers: it builds them from rows, and follows each to its end.

What is to be done next is decided in `handles`. What comes of it is in the journal: the run that follows
finds the answers there, and asks for what is missing by ordinary calls.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...dialects import most_usage
from ...dialects.batches import Line
from ...dialects.bodies import written
from ...dialogue import Ask
from ...dialogue.policy import Price, dearest, is_transient, may_be_paid, no_price
from ...errors import ConfigError, ExtractorError, JournalError, RunStopped, ServiceError
from ...files import make_folder
from ...messages import JSON, BatchStatus, Completion
from ...readers.given import aopened
from ...results import Progress
from ...transport import http
from ...words import one_line
from ..exchange.context import Caller, request_key
from ..journal.handles import MANY, MOST_ROUNDS, Action, Course, Handle, Rejected, Stage
from ..journal.interface import Journal, Kept, Ledger
from ..journal.spool import Bounds, Replayed, requests_of
from ..limits.budget import ZERO, RunBudget, worst_cost
from ..outcomes import Row
from .service import CallFailed, Service
from .shelf import AskedRow, Shelf

_log = logging.getLogger("extractor")
T = TypeVar("T")
V = TypeVar("V")
ALONE = 3  # times that a batch of one request may find the queue full though no other one of ours runs
AT_ONCE = 500  # rows looked up together, and lines kept together
TICK = 1.0  # seconds between two reports of progress
UNKNOWN = Decimal("Infinity")  # US dollars, where an answer does not tell what it took
TURN = 1.0  # seconds between two looks whether another process has made a batch


@dataclass(slots=True)
class Collected:
    """What batches have brought that the journal does not tell. began: Unix time. bought: requests whose
    answers this run has paid for. refused: error replies that trying again would not change, by request.
    """

    began: float
    bought: set[bytes] = field(default_factory=set)
    refused: dict[bytes, http.HttpReply] = field(default_factory=dict)


class _GivenUp(Exception):
    """A batch can't be sent as it is. Nothing of it was."""


class BatchClient(Generic[T]):
    """Puts rows into batches, and brings the answers. For one run, in one event loop."""

    def __init__(
        self,
        caller: Caller[T],
        service: Service,
        ledger: Ledger,
        journal: Journal,
        budget: RunBudget | None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._caller, self._service, self._ledger, self._journal = caller, service, ledger, journal
        self._api, self._spool = service.api, ledger.spool
        self._budget = budget
        self._price: Price = no_price
        self._on_progress = on_progress
        self._began = time.monotonic()
        self._alone = Counter[str]()  # how often each batch was refused so
        self._most = service.limits.requests  # fewer where the provider's queue takes no more, or the budget
        self._handles: dict[str, Handle] = {}
        self._paid = defaultdict[str, Decimal](Decimal)  # US dollars, by handle
        self._settled = Counter[str]()  # requests, by handle
        self._news = asyncio.Event()  # a batch has ended
        self._stopped = asyncio.Event()
        self.collected = Collected(time.time())

    @property
    def advice(self) -> str:
        """How to go on, for who stops it; "" if nothing is at the provider."""
        running = sum(handle.stage is Stage.RUNNING for handle in self._handles.values())
        if not running:
            return ""
        return (
            f"{running} {'batch goes' if running == 1 else 'batches go'} on at the provider. Run it "
            "again to collect the answers; `extractor batches cancel` cancels them."
        )

    def stop(self) -> None:
        """Go no further. What is at the provider stays there."""
        self._stopped.set()

    async def collect(self, rows: Replayed, row_of: Callable[[Any], Row]) -> bool:
        """Bring what batches can bring for the rows; return whether that is all, or False after `stop`.

        Raises RunStopped if the provider lets nothing more through.
        """
        work = asyncio.create_task(self._collect(rows, row_of))
        stop = asyncio.create_task(self._stopped.wait())
        ticker = asyncio.create_task(self._tick())
        try:
            await asyncio.wait((work, stop), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                await work
            return work.done()
        except (ServiceError, JournalError) as error:
            raise RunStopped(f"the run stopped: {error}. Run it again to resume", error) from error
        finally:
            for task in (work, stop, ticker):
                task.cancel()
            await asyncio.gather(work, stop, ticker, return_exceptions=True)

    async def _collect(self, rows: Replayed, row_of: Callable[[Any], Row]) -> None:
        while True:
            async with _alone(self._spool):
                wanted = await self._build(rows, row_of)
                handles = [each for each in await self._ledger.batches() if each.id in wanted]
            await _all(self._carry(handle) for handle in handles)
            if all(self._settled[handle.id] == handle.requests for handle in handles):
                return  # else the rows are gone through once more, for what was left or given up

    async def _tick(self) -> None:
        while self._on_progress is not None:
            batches = tuple(handle.status for handle in self._handles.values())
            self._on_progress(Progress(batches=batches, elapsed=time.monotonic() - self._began))
            await asyncio.sleep(TICK)

    # -- from rows to batches

    async def _build(self, rows: Replayed, row_of: Callable[[Any], Row]) -> set[str]:
        """Keep new batches of the rows that have no answer and are in none that may bring one. Return
        those and these.
        """
        self._sweep({handle.id for handle in await self._ledger.batches()})
        fresh, again = self._shelf(), self._shelf()
        try:
            wanted = await self._fill(rows, row_of, fresh, again)
        except BaseException:
            fresh.discard()
            again.discard()
            raise
        if again.count < MANY:
            again.discard()
        for handle, keys in (*fresh.close(), *again.close()):
            await self._ledger.begin(handle, keys)
            wanted.add(handle.id)
        return wanted

    async def _fill(
        self, rows: Replayed, row_of: Callable[[Any], Row], fresh: Shelf, again: Shelf
    ) -> set[str]:
        """Put what has no answer on the shelves: what no batch was tried for, and what one has left.
        Return the batches that may answer others.
        """
        wanted = set[str]()
        seen = set(self.collected.refused)
        async for some in _chunks(self._first_requests(rows, row_of), AT_ONCE):
            new = {asked.key: asked for asked in some if asked.key not in seen}
            seen.update(new)
            # in this order: what another run settles in between is found as an answer, and not bought again
            tried = await self._ledger.tried([*new])
            kept = await asyncio.gather(*(self._journal.look(key, 0.0) for key in new))
            unanswered = [asked for asked, found in zip(new.values(), kept, strict=True) if found is None]
            for asked in unanswered:
                before = tried.get(asked.key)
                if before is None:
                    fresh.add(asked, 0)
                elif before.open:
                    wanted.add(before.batch)
                elif before.round + 1 < MOST_ROUNDS:
                    again.add(asked, before.round + 1)
        return wanted

    async def _first_requests(self, rows: Replayed, row_of: Callable[[Any], Row]) -> AsyncGenerator[AskedRow]:
        async for given in rows:
            try:
                row = row_of(given)
                text = row.asked(await aopened(row.text))
                if text is None:
                    continue
                questions = self._caller.round(text).questions  # one for each part of the record
                some = [self._asked_row(self._caller.begin(text, question)) for question in questions]
            except ExtractorError:
                continue  # the run that follows says so
            for asked in some:
                yield asked

    def _asked_row(self, step: Ask[T]) -> AskedRow:
        """Return a request as a batch has it. Raises ExtractorError."""
        post = self._caller.post(step.request, step.timeout)
        self._price = step.policy.budget.price
        worst = ZERO
        if self._budget is not None:
            model, most = step.request.model, most_usage(post.body, step.request.model)
            worst = worst_cost(model, most, self._price) * self._service.limits.share
        path = self._service.limits.root + post.url.removeprefix(self._service.base_url)
        return AskedRow(request_key(self._caller.name, post), step.request, post.body, path, worst)

    def _shelf(self) -> Shelf:
        limits, around = self._service.limits, self._api.sending(uuid.uuid4().hex)
        left = None if self._budget is None else self._budget.cap - self._budget.spent
        size = limits.size - len(around.before) - len(around.after)
        return Shelf(self._spool, self._caller.name, self._api, Bounds(self._most, size, worst=left))

    def _sweep(self, known: set[str]) -> None:
        """Remove files that a process left behind while it built."""
        for file in self._spool.glob("*.jsonl"):
            if file.stem not in known:
                file.unlink(missing_ok=True)

    def _file(self, handle: Handle) -> Path:
        return requests_of(self._spool, handle.id)

    # -- from batches to answers

    async def _carry(self, handle: Handle) -> None:
        """Carry a batch to its end, or give it up if it can't be sent as it is."""
        self._handles[handle.id] = handle
        try:
            await self._reserve(handle)
            try:
                await self._to_its_end(Course(handle))
            finally:
                self._settle_budget(handle)
        except (_GivenUp, Rejected) as error:
            await self._ledger.forget(handle.id)
            self._file(handle).unlink(missing_ok=True)
            if isinstance(error, Rejected):
                raise
        finally:
            self._news.set()
        self._handles[handle.id] = self._handles[handle.id]._replace(stage=Stage.ENDED)
        self._file(handle).unlink(missing_ok=True)

    async def _to_its_end(self, course: Course) -> None:
        while not course.ended:
            await asyncio.sleep(course.wait)
            mine = await self._mine(course)
            if mine is None or mine.ended:
                return
            course = await self._step(mine)

    async def _mine(self, course: Course) -> Course | None:
        """Return a batch's course once no other process is at its beginning; None if it is over."""
        handle = course.handle
        if handle.stage is Stage.RUNNING:
            return course
        while (mine := await self._ledger.take(handle.id)) is None:
            open_ = await self._ledger.batches()
            current = next((each for each in open_ if each.id == handle.id), None)
            if current is None or current.stage is Stage.RUNNING:
                return None if current is None else Course(current)
            await asyncio.sleep(TURN)
        return course if mine == handle else Course(mine)

    async def _step(self, course: Course) -> Course:
        """Do what is next, and return where that has led to. Both are kept."""
        action, handle = course.action, course.intended(time.time())
        if handle != course.handle:
            await self._ledger.save(handle)
        course = replace(course, handle=handle)
        try:
            after = await self._done(action, course)
        except CallFailed as error:
            after = course.failed(action, error.failure, random.random())
            _log.warning("batch %s: %s; next try in %.0f s", handle.id, one_line(str(error)), after.wait)
        except Rejected as error:
            after = self._held_back(course, error)
        if after.handle != handle:
            await self._ledger.save(after.handle)
        self._handles[handle.id] = after.handle
        return after

    async def _done(self, action: Action, course: Course) -> Course:
        api, service, handle = self._api, self._service, course.handle
        match action:
            case Action.UPLOAD:
                return course.filed(await self._sent(handle))
            case Action.FIND_FILE:
                is_it = partial(_is_file_of, handle)
                return course.filed(await service.found(api.files(), is_it, handle.at))
            case Action.CREATE if api.UPLOADS:
                return course.made(await service.told(api.create(handle.id, handle.file, handle.path)))
            case Action.CREATE:
                return course.made(await self._sent(handle))
            case Action.FIND_BATCH:
                is_ours = partial(course.is_found, marks=api.MARKS)
                return course.made(await service.found(api.batches(), is_ours, handle.at))
            case Action.LOOK:
                return course.looked(await service.told(api.look(handle.batch)))
            case Action.FETCH:
                assert course.told is not None  # noqa: S101  the end was told
                return course.fetched(await self._fetch(handle, course.told))

    def _held_back(self, course: Course, error: Rejected) -> Course:
        """What to do about a batch that was not begun: later where others are before it in the queue, in
        smaller batches if it is alone. Raises _GivenUp for that, and the error where none of it helps.
        """
        if not error.queue_full:
            raise error
        handle = course.handle
        if any(e.stage is Stage.RUNNING for e in self._handles.values() if e.id != handle.id):
            return course.held_back()
        if handle.requests == 1:
            self._alone[handle.id] += 1
            if self._alone[handle.id] > ALONE:
                raise error
            return course.held_back()  # those that filled the queue may have ended since it was made
        self._most = max(1, min(self._most, handle.requests // 2))
        raise _GivenUp

    async def _fetch(self, handle: Handle, told: BatchStatus) -> bool:
        """Keep all answers of a batch; return whether they are its own."""
        first, found = handle.first, not told.results
        for path in told.results:
            async for some in _chunks(self._service.lines(path), AT_ONCE):
                found = found or any(line.custom_id == first for line in some)
                await self._keep(handle, some)
        return found or self._api.MARKS

    async def _keep(self, handle: Handle, lines: Sequence[Line]) -> None:
        """Keep answers, and take note of what was refused for good; of the rest nothing came."""
        answers, refused = dict[bytes, Kept](), dict[bytes, http.HttpReply]()
        costs = dict[bytes, Decimal]()
        share = self._service.limits.share
        for line in lines:
            key = _key(line.custom_id)
            if key is None:  # an answer that may have been paid for, and is nobody's
                self._paid[handle.id] = UNKNOWN
            if key is None or line.status is None:
                continue
            headers = {"x-request-id": line.request_id} if line.request_id else {}
            reply = http.HttpReply(line.status, headers, _as_it_came(line.body), 0.0)
            event = self._caller.read(reply)
            if isinstance(event, Completion):
                if key in answers and answers[key].body != reply.body:
                    self._paid[handle.id] += self._cost(event, handle.model)
                    _log.warning("batch %s has two answers to one request: the first was taken", handle.id)
                    continue
                kept = Kept(reply.body, reply.status, line.request_id, model=handle.model, share=float(share))
                answers[key] = kept
                costs[key] = self._cost(event, handle.model)
            elif not is_transient(event):
                refused[key] = reply
            elif may_be_paid(event):
                self._paid[handle.id] = UNKNOWN
        found = await self._ledger.settle(handle.id, answers, [*refused])
        self._settled[handle.id] += len(found)
        self.collected.bought.update(found & answers.keys())
        self.collected.refused.update((key, refused[key]) for key in found & refused.keys())
        self._paid[handle.id] += sum((costs[key] for key in found & costs.keys()), ZERO)

    def _cost(self, event: Completion, model: str) -> Decimal:
        """Return what an answer cost, in US dollars."""
        counted = event.usage if event.is_counted else None
        cost = None if counted is None else dearest(self._price, (model, event.model), counted)
        return UNKNOWN if cost is None else cost * self._service.limits.share

    async def _sent(self, handle: Handle) -> BatchStatus:
        """Send the file of requests."""
        file = self._file(handle)
        if not file.exists():
            raise _GivenUp  # the rows are still there: it is built again
        return await self._service.sent(handle.id, file)

    # -- the budget

    async def _reserve(self, handle: Handle) -> None:
        """Wait until the worst that a batch may cost is left of the budget. Raises _GivenUp if it never
        will be: what is left is then for smaller batches, or for ordinary calls.
        """
        if self._budget is None:
            return
        worst = Decimal(handle.worst)
        if handle.stage in (Stage.CREATING, Stage.RUNNING):
            self._budget.reserved += worst
            return
        while not self._budget.reserve(worst):
            if self._budget.hopeless:
                self._most = 0 if handle.requests < MANY else self._most
                raise _GivenUp
            self._news.clear()
            await self._news.wait()

    def _settle_budget(self, handle: Handle) -> None:
        if self._budget is not None:
            worst, paid = Decimal(handle.worst), self._paid[handle.id]
            self._budget.settle(worst, paid if paid < UNKNOWN else worst)


def _is_file_of(handle: Handle, file: BatchStatus) -> bool:
    return file.marker == handle.id


def _as_it_came(body: JSON) -> bytes:
    """Return the body of a reply, with NaN and lone surrogates where it has such."""
    try:
        return written(body)
    except ConfigError:
        return json.dumps(body).encode()


def _key(custom_id: str) -> bytes | None:
    try:
        return bytes.fromhex(custom_id)
    except ValueError:
        return None


async def _chunks(values: AsyncGenerator[V], most: int) -> AsyncGenerator[list[V]]:
    some = list[V]()
    async with aclosing(values):
        async for value in values:
            some.append(value)
            if len(some) == most:
                yield some
                some = []
    if some:
        yield some


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Wait for all; where one raises, cancel the others and raise that."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _alone(folder: Path) -> AsyncGenerator[None]:
    """Keep other processes from building batches meanwhile: they wait, and find these."""
    from filelock import FileLock, Timeout

    make_folder(folder)
    lock = FileLock(folder / ".lock", mode=0o600, thread_local=False)
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            await asyncio.sleep(TURN)
    try:
        yield
    finally:
        lock.release()
