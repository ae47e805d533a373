"""Bulk calls of a client. Sync and async differ only by a thread."""

from __future__ import annotations

import asyncio
import os
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

from ..connections import Models
from ..dialects import BATCH_APIS, PROVIDERS
from ..dialogue import MAX_TOKENS, Ask
from ..errors import ConfigError, ServiceError
from ..messages import BatchStatus, Completion, Failure, Message, Request
from ..model import Endpoint, Model
from ..options import ClientOptions, RowOptions
from ..parts import PartQuestion, PartRound, Prepared
from ..readers.given import Reading
from ..saying import Saying, reread, said_by_row
from ..secrets import Environment
from ..settings import Settings
from ..task import Task
from ..transport import http, tape
from . import run
from .batches.client import BatchClient
from .batches.service import CallFailed, Service, Stream
from .bridge import MOST_AHEAD, iterate
from .frames.enrich import has_columns
from .journal.handles import Handle
from .journal.interface import Ledger
from .journal.spool import Replayed
from .limits.budget import worst_cost
from .outcomes import Row, RowOutcome, Text, ToldText
from .texts import Select, row_maker

T = TypeVar("T")
Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]
Unwanted: TypeAlias = Callable[[], bool]
Send: TypeAlias = Callable[[http.Post, Unwanted], Awaitable[http.HttpReply | Failure]]
RUN_OPTIONS = frozenset(run.RunSettings.__dataclass_fields__) - {"held"}
FIRST = PartQuestion(0)
NO_EXAMPLES = Saying(examples=())  # of a text that nobody has given, which none are chosen for
MOST_TOKENS = 4096  # of an answer, in a run with a cap, where the caller sets no bound


class Wire(NamedTuple):
    """How requests to one endpoint go out, and their replies come back: whole, or in pieces."""

    send: Send
    stream: Stream


class ModelCaller(Generic[T]):
    """One model, as a bulk run calls it. callers: those of all models that a row may be put to, this one's
    among them. bounded: whether answers have a bound that the run has set itself.
    """

    def __init__(
        self,
        prepared: Prepared,
        model: Model,
        endpoint: Endpoint,
        send: Send,
        callers: dict[Any, ModelCaller[T]],
        bounded: bool = False,
    ) -> None:
        self._prepared, self._model, self._endpoint = prepared, model, endpoint
        self._bounded = bounded
        self._task: Task[T] = prepared.tasks(model)[0]
        self._send, self._callers = send, callers
        callers[model] = self

    @property
    def name(self) -> str:
        """The provider and its URL; "local" for the embedded model, whose port is another each time."""
        return self._model.place

    @property
    def samples(self) -> int:
        """How many answers each row asks for."""
        return self._task.samples

    @property
    def deadline(self) -> float | None:
        """Seconds that a row's dialogue may take."""
        return self._model.policy.deadline

    def of(self, step: Ask[T]) -> ModelCaller[T]:
        """Return the caller of the model that a step asks."""
        return self._callers[step.model]

    def round(self, text: Text) -> PartRound:
        """Return the first questions about a row: one for each part of its record."""
        told = text if isinstance(text, ToldText) else ToldText(text)
        return self._prepared.round(told.text, told.by_row)

    def begin(self, text: Text, question: PartQuestion = FIRST) -> Ask[T]:
        """Return the first step of a row's dialogue, with what begins it with each fallback model."""
        others = [each for each in self._callers.values() if each is not self]
        step = self.ask(text, question)
        if not others:
            return step
        return replace(step, others=tuple(partial(each.ask, text, question) for each in others))

    def watching(self, step: Ask[T]) -> AbstractContextManager[Ask[T]]:
        """Return what the row's dialogue runs in."""
        return self._model.watching(step)

    def plainly(self, step: Ask[T]) -> Request:
        """Return a row's first request in the mode that the client would begin with."""
        return self._model.plainly(step)

    def begin_pack(self, texts: Sequence[str]) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several rows."""
        return self._task.together(texts)

    def post(self, request: Request, timeout: float) -> http.Post:
        """Return the request as it is sent."""
        post = self._model.post(self._endpoint, request, timeout)
        return known_unbounded(self._model, request, post) if self._bounded else post

    async def send(self, post: http.Post, unwanted: Unwanted) -> http.HttpReply | Failure:
        """Return what came back."""
        return await self._send(post, unwanted)

    def read(self, reply: http.HttpReply | Failure) -> Completion | Failure:
        """Return what the reply says."""
        return self._model.read(reply, self._endpoint)

    def ask(self, text: Text, question: PartQuestion) -> Ask[T]:
        """Return the first step of a row's dialogue with this model alone."""
        told = text if isinstance(text, ToldText) else ToldText(text)
        return self._prepared.ask(self._model, question, told.text, told.part, told.by_row)


def known_unbounded(model: Model, request: Request, post: http.Post) -> http.Post:
    """Return a request as a journal knows it, without the bound that a run with a cap sets by itself. So an
    answer that is paid for also counts for runs with another cap, or without one.
    """
    if not MAX_TOKENS & request.params.keys():
        return post
    params = {name: value for name, value in request.params.items() if name not in MAX_TOKENS}
    return replace(post, known_as=model.body(replace(request, params=params)))


@dataclass(frozen=True, slots=True)
class Job:
    """A bulk run, checked: nothing has been asked or read yet. prepared: what is asked of each model."""

    models: Models[Any]
    prepared: Prepared
    rows: Rows
    row_of: Callable[[Any], Row]
    settings: run.RunSettings
    bounded: bool = False

    @classmethod
    def of(cls, models: Models[Any], rows: Rows, record_type: Any, text: Select, options: RowOptions) -> Job:
        """Return the job. Raises ConfigError and SchemaError for what could work for no row at all."""
        _check_rows(rows)
        given: dict[str, Any] = dict(sorted(options.items()))  # the same in any order: the same request
        settings = run.RunSettings(**{name: given.pop(name) for name in RUN_OPTIONS & given.keys()})
        reading = Reading.taken_from(given)
        by_row, given["examples"] = said_by_row(given), reread(given.get("examples"))
        unbounded = MAX_TOKENS.isdisjoint({*given, *models.first.settings.params})
        bounded = settings.max_cost is not None and unbounded
        if bounded:
            given["max_tokens"] = MOST_TOKENS
        prepared = Prepared(models.chain, record_type, given)
        task = prepared.first
        together = (
            1 if by_row or not prepared.division.is_whole else task.most_together(settings.rows_per_request)
        )
        settings = replace(settings, rows_per_request=together)
        if settings.mode == "batch":
            _check_batches(models.first, task.samples)
        first = models.begin(lambda model: prepared.ask(model, FIRST, "?", by_row=NO_EXAMPLES))
        if settings.max_cost is not None:
            budget = first.policy.budget
            worst_cost(first.request.model, budget.bound(first.request, None), budget.price)
        return cls(models, prepared, rows, row_maker(text, by_row, reading), settings, bounded)

    @property
    def task(self) -> Task[Any]:
        """What is asked of the first model."""
        return self.prepared.first

    def holding_few(self) -> Job:
        """Return the job with no more outcomes in memory than twice the requests that may be under way."""
        return replace(self, settings=replace(self.settings, held=2 * self.settings.concurrency))

    async def outcomes(
        self, wire: Callable[[Model, Endpoint], Wire], stop: run.Stop | None = None
    ) -> AsyncGenerator[RowOutcome[Any]]:
        """Yield what came of each row. wire: what posts to a model's endpoint."""
        callers: dict[Any, ModelCaller[Any]] = {}
        wires = [await self._called(model, wire, callers) for model in self.models.chain]
        caller = callers[self.models.first]
        if self.settings.mode == "batch":
            found = self._batched(caller, *wires[0], stop)
        else:
            found = run.arows(self.rows, self.row_of, caller, self.settings, stop)
        async with aclosing(found) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def _called(
        self, model: Model, wire: Callable[[Model, Endpoint], Wire], callers: dict[Any, ModelCaller[Any]]
    ) -> tuple[Endpoint, Stream]:
        endpoint = await asyncio.to_thread(model.endpoint)  # it may start the embedded model
        opened = wire(model, endpoint)
        ModelCaller(self.prepared, model, endpoint, opened.send, callers, self.bounded)
        return endpoint, opened.stream

    async def _batched(
        self, caller: ModelCaller[Any], endpoint: Endpoint, stream: Stream, stop: run.Stop | None
    ) -> AsyncGenerator[RowOutcome[Any]]:
        """Have the provider's batches answer first; what they leave is asked for as usual."""
        journal, rows = await run.open_journal(self.settings.journal), Replayed(self.rows)
        settings = replace(self.settings, journal=journal, max_cost=self.settings.budget)
        try:
            begun = caller.begin(ToldText("?", by_row=NO_EXAMPLES))
            service = _service(self.models.first, endpoint, begun.request, stream)
            ledger = cast(Ledger, journal)  # the settings were checked
            client = BatchClient(caller, service, ledger, journal, settings.budget, settings.on_progress)
            if stop is not None:
                loop = asyncio.get_running_loop()
                stop.bind(
                    partial(loop.call_soon_threadsafe, client.stop),
                    lambda: client.advice or run.INTERRUPTED,
                )
            if not await client.collect(rows, self.row_of):
                return
            outcomes = run.arows(rows.again, self.row_of, caller, settings, stop, client.collected)
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
        raise ConfigError(f"the arguments are swapped: call rows(texts, {rows.__name__})")
    iterates = hasattr(rows, "__iter__") or hasattr(rows, "__aiter__") or hasattr(rows, "__getitem__")
    if isinstance(rows, str | bytes | Mapping) or not iterates:
        raise ConfigError(f"rows must be a list of texts or of mappings, not one {type(rows).__name__}")
    if has_columns(rows):
        name = type(rows).__name__
        raise ConfigError(
            f"a {name} is not a list of rows: use `frame(..., text=COLUMN)`, which returns it with the "
            "records; or pass one column of it to `rows`"
        )


def _check_batches(model: Model, samples: int = 1) -> None:
    """Raise ConfigError where requests can't be sent by a batch API."""
    if samples > 1:
        tuned = model.settings.tuned
        said = "; tuned= asks for several: give samples=1" if tuned and tuned.samples == samples else ""
        raise ConfigError(
            f"samples= can't be used with mode='batch': a batch gives one answer for each row{said}"
        )
    provider = model.provider
    if provider.batch is None:
        known = ", ".join(name for name, row in PROVIDERS.items() if row.batch)
        raise ConfigError(f"mode='batch' needs a provider with a batch API: {known}; not {provider.name}")
    if tape.current() is not None:
        raise ConfigError("a cassette can't record batches: use mode='live'")


def _service(model: Model, endpoint: Endpoint, request: Request, stream: Stream) -> Service:
    """Return a provider's batch API. request: one whose headers are those of all."""
    limits = model.provider.batch
    assert limits is not None  # noqa: S101  it was checked
    explain, redact = partial(model.read, endpoint=endpoint), partial(model.redact, endpoint)
    headers = model.headers(endpoint, request)
    return Service(BATCH_APIS[limits.api], limits, endpoint.base_url, headers, stream, explain, redact)


async def cancel(handle: Handle) -> BatchStatus:
    """Ask a provider to end a batch early; return what it says. Its key comes from the environment.

    Raises ConfigError, and ServiceError where the provider does not do it.
    """
    provider, _, url = handle.endpoint.partition(" ")
    options: ClientOptions = {"base_url": url}
    model = Model(Settings.of(f"{provider}:{handle.model}", options, Environment(os.environ)), options)
    _check_batches(model)
    endpoint = model.endpoint()
    client = http.new_async_client(endpoint.base_url, model.settings.connection)
    try:
        request = Request(handle.model, (Message("user", "?"),))
        service = _service(model, endpoint, request, _wire(client).stream)
        return await service.told(service.api.cancel(handle.batch))
    except CallFailed as error:
        failure = error.failure
        raise ServiceError(failure.message, failure.status, request_id=failure.request_id) from error
    finally:
        await client.aclose()


def arows(job: Job, stop: run.Stop | None = None) -> AsyncGenerator[RowOutcome[Any]]:
    """Yield what came of each row. stop: asks the run to end."""
    return job.outcomes(lambda model, endpoint: _wire(job.models.link(model).client(endpoint)), stop)


def rows(job: Job, stop: run.Stop | None = None) -> Generator[RowOutcome[Any]]:
    """`arows` for code that is not async: it runs in a thread. Left before its end it waits for what is in
    flight, where there is a journal to keep it. stop: asks the run to end.
    """
    stop = stop or run.Stop()

    async def outcomes() -> AsyncGenerator[RowOutcome[Any]]:
        own: dict[Any, http.AsyncSender] = {}
        threads = ThreadPoolExecutor(job.settings.concurrency)  # it starts none before it needs one

        def wire(model: Model, endpoint: Endpoint) -> Wire:
            link, connection = job.models.link(model), model.settings.connection
            if link.given is not None:
                given = link.client(endpoint)  # checks that it was made in this process
                return Wire(
                    partial(_threaded_post, given, threads), partial(_threaded_stream, given, threads)
                )
            if (endpoint.base_url, connection) not in own:
                own[endpoint.base_url, connection] = http.new_async_client(endpoint.base_url, connection)
            return _wire(own[endpoint.base_url, connection])

        try:
            async with aclosing(job.outcomes(wire, stop)) as found:
                async for outcome in found:
                    yield outcome
        finally:
            for opened in own.values():
                await opened.aclose()
            threads.shutdown(wait=False)

    def keeps() -> bool:
        return job.settings.journal is not False and not stop.halted

    return iterate(outcomes, stop, keeps, min(MOST_AHEAD, job.settings.ahead))


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
