"""Rows put to a client: where the bulk run meets the calls. Sync and async differ by a thread."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator, Iterable, Mapping
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from .batch import run
from .batch.bridge import iterate
from .batch.outcomes import RowOutcome, Text
from .batch.texts import Select, row_maker
from .calls import Calls, Endpoint
from .dialogue import Ask
from .messages import Completion, Extraction, Failure, Request
from .options import RowOptions
from .transport import http

T = TypeVar("T")
Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any]
Send: TypeAlias = Callable[[http.Post], Awaitable[http.HttpReply | Failure]]
RUN_OPTIONS = frozenset(run.Settings.__dataclass_fields__)


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
        self._options = options
        self._send = send

    @property
    def name(self) -> str:
        """The provider and its URL; "local" for the embedded model, whose port is another each time."""
        config = self._calls._config
        return f"{config.provider.name} {config.base_url or 'local'}"

    def begin(self, text: Text) -> Ask[T]:
        """Return the first step of a row's dialogue."""
        step: Ask[T] = self._begin(text, **self._options)
        return step

    def post(self, request: Request, timeout: float, total: float) -> http.Post:
        """Return the request as it is sent."""
        return self._calls._post(self._endpoint, request, timeout, total=total)

    async def send(self, post: http.Post) -> http.HttpReply | Failure:
        """Return what came back."""
        return await self._send(post)

    def read(self, reply: http.HttpReply | Failure) -> Completion | Failure:
        """Return what the reply says."""
        return self._calls._read(reply, self._endpoint)

    def learn(self, result: Extraction[T]) -> None:
        """Remember the mode that the server took."""
        self._calls._learn(result)

    def sequel(self, result: Extraction[T], step: Ask[T], text: Text) -> tuple[ModelCaller[T], Ask[T]] | None:
        """Return the fallback's first step, where it is to be asked."""
        other = self._fallback
        if other is None or not self._calls._falls_back(result, step):
            return None
        return other, other.begin(text).after(result.attempts, step.ends, time.monotonic())


def _rows(
    calls: Calls,
    given: Rows,
    record_type: Any,
    text: Select,
    sender: Callable[[Endpoint], Send],
    options: RowOptions,
) -> AsyncGenerator[RowOutcome[Any]]:
    """Yield what came of each row. sender: what posts to an endpoint."""
    settings = run.Settings(**{name: value for name, value in options.items() if name in RUN_OPTIONS})  # type: ignore[arg-type]
    asked = {name: value for name, value in sorted(options.items()) if name not in RUN_OPTIONS}
    asked["examples"] = list(options.get("examples", ()))
    row_of = row_maker(text)

    async def outcomes() -> AsyncGenerator[RowOutcome[Any]]:
        caller = await _caller(calls, record_type, asked, sender)
        async for outcome in run.arows(given, row_of, caller, settings):
            yield outcome

    return outcomes()


def arows(
    calls: Calls,
    given: Rows,
    record_type: Any,
    text: Select,
    client: Callable[[Endpoint], http.AsyncClient],
    options: RowOptions,
) -> AsyncGenerator[RowOutcome[Any]]:
    """Yield what came of each row. client: what posts to an endpoint."""
    return _rows(calls, given, record_type, text, lambda endpoint: partial(_apost, client(endpoint)), options)


async def _caller(
    calls: Calls, record_type: Any, options: Mapping[str, Any], sender: Callable[[Endpoint], Send]
) -> ModelCaller[Any]:
    """Return the caller of the client's model, with those of its fallback models behind it."""
    caller: ModelCaller[Any] | None = None
    for model in reversed((calls, *calls._fallbacks)):
        endpoint = await asyncio.to_thread(model._find_endpoint)  # it may start the embedded model
        caller = ModelCaller(model, record_type, options, endpoint, sender(endpoint), caller)
    assert caller is not None  # noqa: S101  there is at least the client's own model
    return caller


def rows_in_thread(
    calls: Calls,
    given: Rows,
    record_type: Any,
    text: Select,
    client: http.Client | None,
    options: RowOptions,
) -> Generator[RowOutcome[Any]]:
    """`arows` for code that is not async. client: the caller's own, where there is one."""

    async def outcomes() -> AsyncGenerator[RowOutcome[Any]]:
        own: dict[str, http.AsyncClient] = {}

        def sender(endpoint: Endpoint) -> Send:
            if client is not None:
                return partial(_threaded_post, client)
            if endpoint.base_url not in own:
                own[endpoint.base_url] = http.new_async_client(endpoint.base_url)
            return partial(_apost, own[endpoint.base_url])

        try:
            async for outcome in _rows(calls, given, record_type, text, sender, options):
                yield outcome
        finally:
            for opened in own.values():
                await opened.aclose()

    return iterate(outcomes)


async def _threaded_post(client: http.Client, post: http.Post) -> http.HttpReply | Failure:
    return await asyncio.to_thread(http.post, client, post, time.monotonic)


async def _apost(client: http.AsyncClient, post: http.Post) -> http.HttpReply | Failure:
    return await http.apost(client, post, time.monotonic)
