"""The shell around a bulk run: workers take rows, carry out their dialogues and settle them.

What may begin, go out and be handed out is decided by `schedule`, `limits` and `budget`; each request
goes through the limiter, the journal and the wire, in this order.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sized
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from ..dialogue.policy import dollars, is_hopeless
from ..errors import BudgetExceeded, ConfigError, ExtractorError, JournalError, RunStopped
from ..groups import check_run
from ..quotas import Dimension, SharedQuota
from ..readers.given import aopened
from ..results import Extraction, Progress
from .batches.client import Collected
from .exchange.asking import Dialogue
from .exchange.context import Caller, RunContext
from .exchange.multi_row import MultiRow
from .journal.address import JournalAddress, is_url
from .journal.interface import Journal, Ledger, Memory
from .journal.places import place_of
from .journal.spool import read
from .limits.budget import RunBudget
from .limits.limiter import LONGEST_STANDSTILL, Limiter
from .limits.rates import Bucket, Concurrency, Limits, Rates
from .outcomes import Row, RowOutcome
from .schedule import Window
from .tally import Tally

T = TypeVar("T")
LOOKED_FOR = (
    64  # rows at once, while the journal has their answers: what it reads needs no room at the service
)
TICK = 0.2  # seconds between two reports of progress
INTERRUPTED = "Finished rows are in the journal. Run it again to resume."
_ALL = sys.maxsize


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a run goes about it; what each of these means stands at RowOptions."""

    concurrency: int = 64
    ordered: bool = True
    journal: Journal | str | Path | bool = field(default=True, repr=False)  # it may tell a password
    mode: Literal["live", "batch"] = "live"
    retry: Literal["failed"] | None = None
    max_cost: Decimal | float | RunBudget | None = None  # a RunBudget is one that several runs share
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    limiter: SharedQuota | None = None
    on_progress: Callable[[Progress], None] | None = None
    rows_per_request: int = 1
    held: int | None = None  # outcomes that may be in memory at once, if the run is told; no option of a call

    def __post_init__(self) -> None:
        check_run(self)
        if self.max_cost is not None and not isinstance(self.max_cost, RunBudget):
            dollars("max_cost", self.max_cost)
        if isinstance(self.journal, str) and is_url(self.journal):
            JournalAddress.of(self.journal)
        other = isinstance(self.journal, Journal) and not isinstance(self.journal, Ledger)
        server = isinstance(self.journal, str) and is_url(self.journal)
        if self.mode == "batch" and (self.journal is False or other or server):
            raise ConfigError(
                "mode='batch' keeps its batches in the journal, so that none is sent twice: name a file "
                "as journal=, or add the methods of extractor.types.Ledger to your own journal"
            )

    @property
    def journal_place(self) -> str | None:
        """Where answers are kept, without passwords; None where they are not."""
        if self.journal is False:
            return None
        if isinstance(self.journal, Journal):
            return getattr(self.journal, "place", None) or type(self.journal).__name__
        return str(place_of(self.journal))

    @property
    def budget(self) -> RunBudget | None:
        """What the run may cost: a new one each time, unless it is shared."""
        if self.max_cost is None or isinstance(self.max_cost, RunBudget):
            return self.max_cost
        return RunBudget(dollars("max_cost", self.max_cost))

    @property
    def given(self) -> dict[Dimension, float]:
        """The limits for a minute that the caller knows."""
        limits: dict[Dimension, float | None] = {
            "requests": self.requests_per_minute,
            "tokens": self.tokens_per_minute,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}

    @property
    def ahead(self) -> int:
        """Rows that may wait behind one that takes long; so many outcomes are in memory at most."""
        if self.held is not None:
            return self.held
        return max(1024, 16 * self.concurrency, 4 * self.concurrency * self.rows_per_request)


class Stop:
    """Asks a run to end by itself, from any thread: what is in flight is waited for, and kept. halted: set
    where it is not waited for after all.
    """

    def __init__(self) -> None:
        self._asked = self.halted = False
        self._stop: Callable[[], object] = lambda: None
        self._advice: Callable[[], str] = lambda: INTERRUPTED

    def bind(self, stop: Callable[[], object], advice: Callable[[], str] = lambda: INTERRUPTED) -> None:
        """Say what to do, at once where it has been asked for, and what is said to who asks."""
        self._stop, self._advice = stop, advice
        if self._asked:
            stop()

    def __call__(self) -> str:
        """Stop the run, also one that has not begun; return how to go on later."""
        self._asked = True
        with contextlib.suppress(RuntimeError):  # the loop has closed: it has ended by itself
            self._stop()
        return self._advice()


async def arows(
    rows: Iterable[Any] | AsyncIterable[Any],
    row_of: Callable[[Any], Row],
    caller: Caller[T],
    settings: RunSettings,
    stop: Stop | None = None,
    collected: Collected | None = None,
) -> AsyncGenerator[RowOutcome[T]]:
    """Yield what came of each row, in the order of the input, or as they settle. collected: what batches
    have brought.

    Raises RunStopped where going on makes no sense, after all outcomes that there are. Left before its
    end it abandons what is in flight; the journal knows of it.
    """
    journal = await open_journal(settings.journal)
    try:
        run = _Run(rows, row_of, caller, settings, journal, collected or Collected(time.time()))
        if stop is not None:
            loop = asyncio.get_running_loop()
            stop.bind(partial(loop.call_soon_threadsafe, run.stop, None))
        async with contextlib.aclosing(run.outcomes()) as outcomes:
            async for outcome in outcomes:
                yield outcome
    finally:
        if not isinstance(settings.journal, Journal):
            await journal.aclose()


async def open_journal(journal: Journal | str | Path | bool) -> Journal:
    """Return the journal that is meant. Raises JournalError."""
    if journal is False:
        return Memory()
    if isinstance(journal, Journal):
        return journal
    from .journal.writer import opened

    return await opened(journal)


class _Run(Generic[T]):
    """One run. Everything happens in one event loop."""

    def __init__(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        row_of: Callable[[Any], Row],
        caller: Caller[T],
        settings: RunSettings,
        journal: Journal,
        collected: Collected,
    ) -> None:
        self._source = read(rows)
        self._length = len(rows) if isinstance(rows, Sized) else None
        self._row_of, self._caller, self._settings, self._journal = row_of, caller, settings, journal
        self._window: Window[RowOutcome[T]] = Window(settings.ahead, settings.ordered)
        self._budget = settings.budget
        self._limiters: dict[str, Limiter] = {}
        self._reading = self._exhausted = self._stopped = False
        self._main = self._limiter(caller.name)
        retry, capped = settings.retry == "failed", self._budget is not None
        self._context: RunContext[T] = RunContext(
            journal, self._limiter, capped, retry, collected.began, self._on_wire
        )
        self._context.bought, self._context.refused = collected.bought, collected.refused
        if settings.rows_per_request > 1:
            self._context.packs = MultiRow(
                self._context, settings.rows_per_request, self._no_more, self._held_up
            )
        self._tally = Tally()
        self._began = time.monotonic()
        self._starting = 0  # rows begun whose first request has not come to the limiter
        self._error: BaseException | None = None
        self._workers: dict[asyncio.Task[None], bool] = {}  # whether each waits for the service
        self._idle: list[asyncio.Future[None]] = []
        self._news = asyncio.Event()
        journal.watch(self._news.set)

    def _limiter(self, name: str) -> Limiter:
        """The limiter to an endpoint; the limits that the caller gave are those of the first one."""
        limiter = self._limiters.get(name)
        if limiter is None:
            now, given = time.monotonic(), {} if self._limiters else self._settings.given
            among = self._settings.limiter or self._journal
            shared = among.limits(name, given) if isinstance(among, SharedQuota) else None
            buckets = {} if shared else {each: Bucket.of_minute(given[each], now) for each in given}
            limits = Limits(Concurrency(self._settings.concurrency), Rates(buckets))
            limiter = self._limiters[name] = Limiter(
                limits, self._budget, time.monotonic, self._changed, shared, self._longest_standstill
            )
            if self._stopped:
                limiter.close(RunStopped("the run was stopped"))
        return limiter

    @property
    def _longest_standstill(self) -> float:
        return max(LONGEST_STANDSTILL, self._caller.deadline or 0.0)

    # -- what the caller of the run sees

    async def outcomes(self) -> AsyncGenerator[RowOutcome[T]]:
        """Yield the outcomes; raise what stopped the run."""
        ticker = asyncio.create_task(self._tick()) if self._settings.on_progress else None
        try:
            await self._look_back()
            self._begin_more()
            while True:
                self._news.clear()
                if self._journal.error is not None:
                    self.stop(self._journal.error)
                durable = self._journal.durable if self._journal.error is None else _ALL
                for outcome in self._window.ready(durable):
                    yield outcome
                    self._begin_more()
                if self._ended:
                    break
                await self._news.wait()
        finally:
            if ticker:
                ticker.cancel()
            await self._end_workers()
            self._report()
        if self._error is not None:
            raise self._final(self._error) from self._error

    async def _look_back(self) -> None:
        """Find out in which ways earlier runs have asked, before the first row begins."""
        try:
            await self._context.ways.of(self._caller.name)
        except JournalError as error:
            self.stop(error)

    @property
    def _ended(self) -> bool:
        over = (self._exhausted or self._stopped) and not self._reading and self._window.open == 0
        return over and self._window.handed_out == self._window.begun

    def stop(self, error: BaseException | None) -> None:
        """Begin no more rows, let none ask anything new; what is on the wire is waited for."""
        if self._stopped:
            return
        self._stopped, self._error = True, error
        for limiter in self._limiters.values():
            limiter.close(RunStopped("the run was stopped"))
        for worker, on_wire in self._workers.items():
            if not on_wire and worker is not asyncio.current_task():
                worker.cancel()
        self._news.set()

    def _final(self, error: BaseException) -> BaseException:
        """The error with what is done and what is left."""
        if not isinstance(error, ExtractorError):
            return error  # the caller's own, out of the input
        done = self._tally.done
        left = None if self._length is None else self._length - done
        told = "" if left is None else f", {left} remain"
        message = f"the run stopped: {error}; {done} rows are done{told}. Run it again to resume"
        if isinstance(error, BudgetExceeded):
            return BudgetExceeded(message, None, done, left, error.needed)
        return RunStopped(message, None if isinstance(error, RunStopped) else error, done, left)

    async def _tick(self) -> None:
        while True:
            self._report()
            await asyncio.sleep(TICK)

    def _report(self) -> None:
        if self._settings.on_progress:
            self._settings.on_progress(self.progress())

    def progress(self) -> Progress:
        """Return how far the run is."""
        tally, now, limits = self._tally, time.monotonic(), self._main.limits
        pause = limits.paused_until - now
        return Progress(
            done=tally.done,
            ok=tally.ok,
            repaired=tally.repaired,
            failed=tally.failed,
            empty=tally.empty,
            from_cache=tally.from_cache,
            in_flight=sum(limiter.limits.in_flight for limiter in self._limiters.values()),
            limit=limits.limit,
            paused_until=pause if pause > 0 else None,
            usage=tally.usage,
            cost=tally.cost,
            unpriced=tally.unpriced,
            elapsed=now - self._began,
            possibly_paid_twice=self._context.lost,
            failures=dict(tally.failures),
            retried=dict(self._context.retried),
            journal=self._settings.journal_place,
        )

    # -- workers

    def _begin_more(self) -> None:
        """Have a worker begin the next row, where there is one and its request could go out at once."""
        if self._may_begin():
            if self._idle:
                waiting = self._idle.pop()
                if not waiting.done():
                    waiting.set_result(None)
            else:
                self._workers[asyncio.create_task(self._work())] = False

    def _may_begin(self) -> bool:
        going = not (self._exhausted or self._stopped or self._reading)
        if not (going and self._window.has_room):
            return False
        if self._context.reading_back and self._starting < LOOKED_FOR:
            return True
        return self._starting < self._main.room * self._settings.rows_per_request

    def _no_more(self) -> bool:
        return self._exhausted

    def _held_up(self) -> bool:
        """Whether the input has nothing at present, or too many rows wait to be handed out."""
        return self._reading or not self._window.has_room

    def _changed(self) -> None:
        for limiter in self._limiters.values():
            limiter.pump()
        self._begin_more()

    async def _work(self) -> None:
        while not self._stopped:
            if not self._may_begin():
                if self._exhausted:
                    return
                waiting = asyncio.get_running_loop().create_future()
                self._idle.append(waiting)
                await waiting
                continue
            self._reading = True
            try:
                given = await anext(self._source)
            except StopAsyncIteration:
                self._exhausted = True
                self._news.set()
                if self._context.packs:
                    self._context.packs.check()
                return
            except Exception as error:
                self._exhausted = True
                self.stop(error)
                return
            finally:
                self._reading = False
            index = self._window.begin()
            self._starting += 1
            self._begin_more()
            await self._settle(index, given)

    async def _end_workers(self) -> None:
        self._stopped = True
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        for limiter in self._limiters.values():
            limiter.close(RunStopped("the run has ended"))
        await asyncio.gather(*workers, return_exceptions=True)

    async def _settle(self, index: int, given: Any) -> None:
        dialogue = Dialogue(self._context, index, self._at_gate)
        key: Any = given
        error: ExtractorError | None = None
        extraction: Extraction[T] | None = None
        try:
            row = self._row_of(given)
            key = row.key
            text = row.asked(await aopened(row.text))
            if text is not None:
                extraction = await dialogue.of(self._caller, text)
                error = extraction.error
        except (RunStopped, JournalError) as stopping:
            self.stop(stopping)
            error = RunStopped(f"not run: {stopping}")
        except ConfigError as bad:
            error = _named(bad, index)
        except ExtractorError as bad:
            error = bad
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            error = RunStopped("not run: the run was stopped")
        except Exception as broken:  # a bug, and not of this row's reply
            broken.add_note(f"in row {index}")
            self.stop(broken)
            error = RunStopped(f"not run: {broken!r}")
        dialogue.started()
        hopeless = extraction is not None and self._is_hopeless(extraction)
        outcome = RowOutcome(index, extraction, error, dialogue.from_cache, key, hopeless)
        if not isinstance(error, RunStopped):
            self._tally.add(outcome, dialogue.paid)
        self._window.settle(index, outcome, dialogue.ticket)
        if self._window.heads(index):
            self._news.set()
        if hopeless:
            self.stop(error)

    def _at_gate(self) -> None:
        self._starting -= 1

    def _on_wire(self, waiting: bool, task: asyncio.Task[Any] | None) -> None:
        task = task or asyncio.current_task()
        if task in self._workers:
            self._workers[task] = waiting

    def _is_hopeless(self, extraction: Extraction[T]) -> bool:
        """Whether the account or the model is what is wrong, so that no other row would fare better. A 403
        or 404 may be about one text, unless nothing was ever answered.
        """
        failure = extraction.attempts[-1].failure if extraction.attempts else None
        if failure is None:
            return False
        alone = failure.status in (403, 404) and not self._context.answered
        return alone or is_hopeless(failure)


def _named(error: ConfigError, index: int) -> ConfigError:
    """Return the error of a bad row with the row's number."""
    named = type(error)(f"row {index}: {error}")
    named.__cause__ = error.__cause__ or error
    return named
