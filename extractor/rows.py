"""Rows put to a client: where the bulk run meets the calls. Sync and async differ by a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from .batch import run
from .batch.batch_client import BatchClient
from .batch.bridge import iterate
from .batch.budget import worst_cost
from .batch.frames import has_columns
from .batch.handles import Handle
from .batch.journal import Ledger
from .batch.outcomes import ChunkText, Row, RowOutcome, Text
from .batch.service import CallFailed, Service, Stream
from .batch.spool import Replayed
from .batch.texts import Select, row_maker
from .calls import Calls, Endpoint, samples_of
from .dialects import BATCH_APIS, PROVIDERS
from .dialogue import MAX_TOKENS, Ask
from .errors import ConfigError, ServiceError
from .messages import BatchStatus, Completion, Extraction, Failure, Message, Request
from .options import RowOptions
from .transport import http, tape

T = TypeVar("T")
Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]
Unwanted: TypeAlias = Callable[[], bool]
Send: TypeAlias = Callable[[http.Post, Unwanted], Awaitable[http.HttpReply | Failure]]
RUN_OPTIONS = frozenset(run.Settings.__dataclass_fields__)
MOST_TOKENS = 4096  # of an answer, in a run with a cap, where the caller sets no bound


class Wire(NamedTuple):
    """How requests to one endpoint go out, and their replies come back: whole, or in pieces."""

    send: Send
    stream: Stream


class ModelCaller(Generic[T]):
    """One model of a client, as a bulk run calls it; `fallback`: the caller of the next one."""

    def __init__(
        self,
        calls: Calls,
        record_type: Any,
        options: Mapping[str, Any],
        endpoint: Endpoint,
        send: Send,
        fallback: ModelCaller[T] | None,
    ) -> None:
        self._calls, self._endpoint, self._fallback = calls, endpoint, fallback
        self._begin = partial(calls._extraction, record_type)
        self._begin_pack = partial(calls._together, record_type)
        shots = calls._shots(record_type, **{"examples": (), **options})
        self._options = {**options, "examples": shots}
        self._send = send

    @property
    def name(self) -> str:
        """The provider and its URL; "local" for the embedded model, whose port is another each time."""
        config = self._calls._config
        return f"{config.provider.name} {config.base_url or 'local'}"

    @property
    def samples(self) -> int:
        """How many answers each row asks for."""
        return samples_of(self._options)

    @property
    def deadline(self) -> float | None:
        """Seconds that a row's dialogue may take."""
        return self._calls._policy.deadline

    def begin(self, text: Text) -> Ask[T]:
        """Return the first step of a row's dialogue."""
        options = {**self._options, "part": text.said} if isinstance(text, ChunkText) else self._options
        step: Ask[T] = self._begin(text.text if isinstance(text, ChunkText) else text, **options)
        return step

    def watching(self, step: Ask[T]) -> AbstractContextManager[Ask[T]]:
        """Return what the row's dialogue runs in."""
        return self._calls._watching(step)

    def plainly(self, step: Ask[T]) -> Request:
        """Return a row's first request in the mode that the client would begin with."""
        return self._calls._plainly(step)

    def begin_pack(self, texts: Sequence[str]) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several rows."""
        step: Ask[dict[int, str]] = self._begin_pack(texts, **self._options)
        return step

    def post(self, request: Request, timeout: float) -> http.Post:
        """Return the request as it is sent."""
        return self._calls._post(self._endpoint, request, timeout)

    async def send(self, post: http.Post, unwanted: Unwanted) -> http.HttpReply | Failure:
        """Return what came back."""
        return await self._send(post, unwanted)

    def read(self, reply: http.HttpReply | Failure) -> Completion | Failure:
        """Return what the reply says."""
        return self._calls._read(reply, self._endpoint)

    def learn(self, result: Extraction[Any]) -> None:
        """Remember the mode that the server took."""
        self._calls._learn(result)

    def sequel(self, result: Extraction[T], step: Ask[T], text: Text) -> tuple[ModelCaller[T], Ask[T]] | None:
        """Return the fallback's first step, where it is to be asked."""
        other = self._fallback
        if other is None or not self._calls._falls_back(result, step):
            return None
        return other, other.begin(text).after(result.attempts, step, time.monotonic())


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk run, checked: nothing has been asked or read yet."""

    calls: Calls
    rows: Rows
    record_type: Any
    row_of: Callable[[Any], Row]
    settings: run.Settings
    asked: Mapping[str, Any]  # what each extraction is asked with

    @classmethod
    def of(cls, calls: Calls, rows: Rows, record_type: Any, text: Select, options: RowOptions) -> Job:
        """Return the job. Raises ConfigError and SchemaError for what could work for no row at all."""
        _check_rows(rows)
        given: dict[str, Any] = dict(sorted(options.items()))  # the same in any order: the same request
        settings = run.Settings(**{name: given.pop(name) for name in RUN_OPTIONS & given.keys()})
        given["examples"] = list(given.get("examples", ()))
        if settings.max_cost is not None and MAX_TOKENS.isdisjoint({*given, *calls._params}):
            given["max_tokens"] = MOST_TOKENS
        most = calls._rows_at_once(record_type, settings.rows_per_request, given)
        settings = replace(settings, rows_per_request=most)
        if settings.mode == "batch":
            _check_batches(calls, samples_of(given))
        first = calls._begin(lambda model: model._extraction(record_type, "?", **given))
        if settings.max_cost is not None:
            budget = first.policy.budget
            worst_cost(first.request.model, budget.bound(first.request, None), budget.price)
        return cls(calls, rows, record_type, row_maker(text), settings, given)

    async def outcomes(
        self, wire: Callable[[Endpoint], Wire], stop: run.Stop | None = None
    ) -> AsyncGenerator[RowOutcome[Any]]:
        """Yield what came of each row. wire: what posts to an endpoint."""
        caller: ModelCaller[Any] | None = None
        for model in reversed((self.calls, *self.calls._fallbacks)):
            endpoint = await asyncio.to_thread(model._find_endpoint)  # it may start the embedded model
            last = wire(endpoint)
            caller = ModelCaller(model, self.record_type, self.asked, endpoint, last.send, caller)
        assert caller is not None  # noqa: S101  there is at least the client's own model
        if self.settings.mode == "batch":
            found = self._batched(caller, endpoint, last.stream, stop)
        else:
            found = run.arows(self.rows, self.row_of, caller, self.settings, stop)
        async with aclosing(found) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def _batched(
        self, caller: ModelCaller[Any], endpoint: Endpoint, stream: Stream, stop: run.Stop | None
    ) -> AsyncGenerator[RowOutcome[Any]]:
        """Have the provider's batches answer first; what they leave is asked for as usual."""
        journal, rows = await run.open_journal(self.settings.journal), Replayed(self.rows)
        settings = replace(self.settings, journal=journal, max_cost=self.settings.budget)
        try:
            begun = caller.begin("?")
            service = _service(self.calls, endpoint, begun.request, stream)
            ledger = cast(Ledger, journal)  # the settings were checked
            courier = BatchClient(caller, service, ledger, journal, settings.budget, settings.on_progress)
            if stop is not None:
                loop = asyncio.get_running_loop()
                stop.bind(
                    partial(loop.call_soon_threadsafe, courier.stop),
                    lambda: courier.advice or run.INTERRUPTED,
                )
            if not await courier.collect(rows, self.row_of):
                return
            outcomes = run.arows(rows.again, self.row_of, caller, settings, stop, courier.collected)
            async with aclosing(outcomes):
                async for outcome in outcomes:
                    yield outcome
        finally:
            rows.close()
            if journal is not self.settings.journal:
                await journal.aclose()


def _check_rows(rows: Any) -> None:
    """Raise ConfigError for what has no rows, or others than it seems."""
    if isinstance(rows, type):
        raise ConfigError(f"the arguments are swapped: it is rows(texts, {rows.__name__})")
    iterates = hasattr(rows, "__iter__") or hasattr(rows, "__aiter__") or hasattr(rows, "__getitem__")
    if isinstance(rows, str | bytes | Mapping) or not iterates:
        raise ConfigError(f"the rows are a list of texts or of mappings, not one {type(rows).__name__}")
    if has_columns(rows):
        name = type(rows).__name__
        raise ConfigError(
            f"a {name} is no list of rows: `frame(..., text=COLUMN)` takes it whole and returns it with the "
            "records beside; for `rows`, hand in one column of it"
        )


def _check_batches(calls: Calls, samples: int = 1) -> None:
    """Raise ConfigError where requests can't be sent by a batch API."""
    if samples > 1:
        raise ConfigError("samples and mode='batch' don't go together: a batch has one answer for each row")
    provider = calls._config.provider
    if provider.batch is None:
        known = ", ".join(name for name, row in PROVIDERS.items() if row.batch)
        raise ConfigError(f"mode='batch' needs a provider with a batch API: {known}; not {provider.name}")
    if tape.current() is not None:
        raise ConfigError("a cassette holds no batches: record and replay with mode='live'")


def _service(calls: Calls, endpoint: Endpoint, request: Request, stream: Stream) -> Service:
    """Return a provider's batch API. request: one whose headers are those of all."""
    limits = calls._config.provider.batch
    assert limits is not None  # noqa: S101  it was checked
    headers = calls._post(endpoint, request, 1.0).headers
    others = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    explain = partial(calls._read, endpoint=endpoint)
    redact = partial(calls._redact, endpoint)
    return Service(BATCH_APIS[limits.api], limits, endpoint.base_url, others, stream, explain, redact)


async def cancel(handle: Handle) -> BatchStatus:
    """Ask a provider to end a batch early; return what it says. Its key comes from the environment.

    Raises ConfigError, and ServiceError where the provider does not do it.
    """
    provider, _, url = handle.endpoint.partition(" ")
    calls = Calls(f"{provider}:{handle.model}", base_url=url)
    _check_batches(calls)
    endpoint = calls._find_endpoint()
    client = http.new_async_client(endpoint.base_url, calls._reach)
    try:
        request = Request(handle.model, (Message("user", "?"),))
        service = _service(calls, endpoint, request, _wire(client).stream)
        return await service.told(service.api.cancel(handle.batch))
    except CallFailed as error:
        failure = error.failure
        raise ServiceError(failure.message, failure.status, request_id=failure.request_id) from error
    finally:
        await client.aclose()


def arows(job: Job) -> AsyncGenerator[RowOutcome[Any]]:
    """Yield what came of each row."""
    return job.outcomes(lambda endpoint: _wire(endpoint.owner._client(endpoint)))


def rows(job: Job, stop: run.Stop | None = None) -> Generator[RowOutcome[Any]]:
    """`arows` for code that is not async: it runs in a thread. Left before its end it waits for what is in
    flight, where there is a journal to keep it. stop: asks the run to end.
    """
    stop = stop or run.Stop()

    async def outcomes() -> AsyncGenerator[RowOutcome[Any]]:
        own: dict[Any, http.AsyncSender] = {}
        threads = ThreadPoolExecutor(job.settings.concurrency)  # it starts none before it needs one

        def wire(endpoint: Endpoint) -> Wire:
            given, reach = endpoint.owner._given_client, endpoint.owner._reach
            if given is not None:
                endpoint.owner._client(endpoint)  # checks that it was made in this process
                return Wire(
                    partial(_threaded_post, given, threads), partial(_threaded_stream, given, threads)
                )
            if (endpoint.base_url, reach) not in own:
                own[endpoint.base_url, reach] = http.new_async_client(endpoint.base_url, reach)
            return _wire(own[endpoint.base_url, reach])

        try:
            async with aclosing(job.outcomes(wire, stop)) as found:
                async for outcome in found:
                    yield outcome
        finally:
            for opened in own.values():
                await opened.aclose()
            threads.shutdown(wait=False)

    return iterate(outcomes, stop, lambda: job.settings.journal is not False and not stop.halted)


async def _threaded_post(
    client: http.Client, threads: ThreadPoolExecutor | None, post: http.Post, unwanted: Unwanted
) -> http.HttpReply | Failure:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(threads, http.post, client, post, time.monotonic)


async def _apost(client: http.AsyncSender, post: http.Post, unwanted: Unwanted) -> http.HttpReply | Failure:
    return await http.apost(client, post, time.monotonic, unwanted)


async def _threaded_stream(
    client: http.Client, threads: ThreadPoolExecutor | None, post: http.Post
) -> AsyncGenerator[http.Piece]:
    loop, pieces = asyncio.get_running_loop(), http.stream(client, post, time.monotonic)
    try:
        while (piece := await loop.run_in_executor(threads, next, pieces, None)) is not None:
            yield piece
    finally:
        with suppress(ValueError):  # a thread still waits for the next piece
            pieces.close()


def _wire(client: http.AsyncSender) -> Wire:
    return Wire(partial(_apost, client), lambda post: http.astream(client, post, time.monotonic))
