"""Ray Data: the step in actors, each of them one long run over all batches that come to it.

One more actor keeps the limits that they share.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Unpack

from ..bulk import LimitRequest, Pool, Select
from ..errors import ConfigError, RunStopped
from ..groups import flat, grouped
from ..options import EngineOptions
from ..quotas import Dimension, LimitGrant, Quota
from .step import OF_MODEL, ArrowStep, shares_limits

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

TASKS_AT_ONCE = 2  # of Ray's tasks, one block each, that an actor has in its run


def extract(
    dataset: Dataset,
    record_type: Any,
    *,
    text: Select,
    model: str | None = None,
    actors: int | tuple[int, int] = 1,
    batch_size: int = 256,
    ray_options: Mapping[str, Any] | None = None,
    **options: Unpack[EngineOptions],
) -> Dataset:
    """Return the dataset with a column of records beside its own, and one of errors.

    record_type, text, model, options: as for ArrowStep; `concurrency` holds for each actor, rates and pauses
    for all of them, `max_cost` is shared out among them. actors: how many, or the least and the most of a
    pool that grows. ray_options: of `map_batches`, such as num_cpus and runtime_env.

    Nothing is sent before the dataset is consumed; each time that it is carries all out again, and sends
    nothing again of what is in the journal. Raises ConfigError and SchemaError for what could work on no
    worker; what stops a run aborts the dataset, with RunStopped as the cause.
    """
    try:
        import pyarrow as pa
        from ray.data import ActorPoolStrategy
    except ImportError as error:
        raise ConfigError("Ray is not installed: pip install 'typed-extractor[ray]'") from error
    least, most = (actors, actors) if isinstance(actors, int) else actors
    given: Any = flat(options, "run", "columns", apart=OF_MODEL)
    if (cost := given.get("max_cost")) is not None:
        given["max_cost"] = Decimal(str(cost)) / most
    if not shares_limits(given):
        given["limiter"] = ActorLimiter.of_job()
    step = ArrowStep(record_type, text=text, model=model, **grouped(given, "run", "columns", apart=OF_MODEL))
    known = getattr(dataset.schema(fetch_if_missing=False), "base_schema", None)
    if isinstance(known, pa.Schema):
        step.schema(known)
    return dataset.map_batches(
        RayEnriching,
        fn_constructor_args=(step,),
        compute=ActorPoolStrategy(
            min_size=least, max_size=most, max_concurrent_calls_per_actor=TASKS_AT_ONCE
        ),
        batch_format="pyarrow",
        batch_size=batch_size,
        udf_modifying_row_count=False,
        **(ray_options or {}),
    )


class RayEnriching:
    """What an actor does: the batches of all its tasks go into one run, so that none waits for another."""

    def __init__(self, step: ArrowStep) -> None:
        self._step, self._run = step, ActorRun(step)

    async def __call__(self, table: pa.Table) -> pa.Table:
        """Return the table with its records."""
        import pyarrow as pa

        batches = table.combine_chunks().to_batches()
        if not batches:
            return self._step.schema(table.schema).empty_table()
        if self._run.ended:
            self._run = ActorRun(self._step)
        return pa.Table.from_batches([await asyncio.wrap_future(self._run.put(batches[0]))])


class ActorRun:
    """A run over batches that come one by one from another thread; it ends only if it can't go on."""

    def __init__(self, step: ArrowStep) -> None:
        self.ended: BaseException | None = None
        self._given: deque[pa.RecordBatch] = deque()
        self._promised: deque[Future[pa.RecordBatch]] = deque()
        self._lock = threading.Lock()
        self._news: Callable[[], object] = lambda: None
        threading.Thread(target=self._drive, args=(step,), name="extractor-step", daemon=True).start()

    def put(self, batch: pa.RecordBatch) -> Future[pa.RecordBatch]:
        """Return what will be the batch with its records, or what stopped the run."""
        promise: Future[pa.RecordBatch] = Future()
        promise.set_running_or_notify_cancel()  # whoever waits may be cancelled; the run goes on
        with self._lock:
            if self.ended:
                promise.set_exception(self.ended)
                return promise
            self._promised.append(promise)
            self._given.append(batch)
        self._news()
        return promise

    async def _batches(self) -> AsyncIterator[pa.RecordBatch]:
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        self._news = partial(loop.call_soon_threadsafe, news.set)
        while True:
            while self._given:
                yield self._given.popleft()
            await news.wait()
            news.clear()

    def _drive(self, step: ArrowStep) -> None:
        try:
            for batch in step.over(self._batches()):
                self._promised.popleft().set_result(batch)
        except BaseException as error:
            with self._lock:
                self.ended = error
            for promise in self._promised:
                promise.set_exception(error)


# -- what the actors share


class Quotas:
    """The limits of all endpoints; an actor, so that one is asked at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._pools: defaultdict[str, Pool] = defaultdict(Pool)

    def run(self, request: LimitRequest) -> LimitGrant:
        """Take in what a worker tells, and return what it may do."""
        return self._pools[request.endpoint].run(request, self._clock())


class ActorLimiter:
    """A shared quota that asks an actor of `Quotas`."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    @classmethod
    def of_job(cls) -> ActorLimiter:
        """Return the one of this job; its actor is started if there is none."""
        import ray

        context = ray.get_runtime_context()
        return cls(_quotas_of(context.get_job_id(), context.get_node_id()))

    def limits(self, endpoint: str, given: Mapping[Dimension, float]) -> ActorLimits:
        """Return the limits of an endpoint."""
        return ActorLimits(self._actor, partial(LimitRequest, endpoint, given))


@cache
def _quotas_of(job: str, node: str) -> Any:
    """Return the actor, which lives as long as the job. The handle of its creator is kept here, since a
    handle that was looked up by name does not keep an actor alive. node: tells jobs of different clusters
    apart.
    """
    import ray

    quotas = ray.remote(Quotas).options(
        name=f"extractor limits of {job}",
        get_if_exists=True,
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=-1,
    )
    return quotas.remote()


class ActorLimits:
    """The limits of one endpoint as one worker sees them; what it has to tell waits for its next question."""

    def __init__(self, actor: Any, new: Callable[[], LimitRequest]) -> None:
        self._actor, self._new, self._request = actor, new, new()

    async def reserve(self, tokens: Sequence[float]) -> LimitGrant:
        """Take what the first requests need. Raises RunStopped if the actor has gone."""
        from ray.exceptions import RayError

        try:
            return await self._send(tokens)
        except RayError as error:
            raise RunStopped(f"the actor that keeps the limits has gone: {error}") from error

    def take(self, requests: float, tokens: float) -> None:
        """Take so much more."""
        self._request.requests += requests
        self._request.tokens += tokens

    def pause(self, seconds: float) -> None:
        """Let nobody out for so long. It is told at once, since this worker asks nothing in the pause."""
        self._request.pause = seconds
        self._send(())

    def learn(self, quotas: Sequence[Quota]) -> None:
        """Take in what a reply's headers say."""
        self._request.learn(quotas)

    def _send(self, wanted: Sequence[float]) -> Awaitable[LimitGrant]:
        request, self._request = self._request, self._new()
        request.wanted.extend(wanted)
        answer: Awaitable[LimitGrant] = self._actor.run.remote(request)
        return answer
