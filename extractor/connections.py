"""Models with their connections, and the shells that post, wait and stream. What to say is decided below."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary, finalize

from .dialogue import Ask, Step, adrive, drive
from .errors import ConfigError
from .given import Text
from .messages import Completion, Failure
from .model import Endpoint, Model
from .parts import PartRound, Prepared
from .processes import check_process, leave_alone, when_forked
from .results import Extraction
from .streams import Streamed
from .transport import http

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
Link = TypeVar("Link", bound="ModelConnection | AsyncModelConnection")
AT_ONCE = 16  # threads for the parts of one record
_GIVEN = "an Extractor with an http_client of your own, which keeps connections,"


class ModelConnection:
    """The connections to one model's server, opened when needed. Safe to use from several threads.

    given: the caller's own client, which is used in its place and never closed.
    """

    def __init__(self, model: Model, given: http.Client | None = None) -> None:
        """Raise ConfigError where the caller's own client could not do what is asked for."""
        _check_given(model, given)
        self.model, self.given, self._process = model, given, os.getpid()
        self.lender: ModelConnection | None = None  # whose connections are used in place of own ones
        self._own: http.Sender | None = None
        self._begin_anew()
        when_forked(self, ModelConnection._begin_anew)

    def client(self, endpoint: Endpoint) -> http.Sender:
        """Return what posts to an endpoint. Raises ConfigError in a forked child with a given one."""
        if self.given is not None:
            check_process(self._process, _GIVEN)
            return self.given
        if self.lender is not None:
            return self.lender.client(endpoint)
        with self._lock:
            if self._own is None:
                self._own = http.new_client(endpoint.base_url, self.model.settings.connection)
                finalize(self, self._own.close)  # for who forgets to; a second time it does nothing
            return self._own

    def close(self) -> None:
        """Close what was opened here."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def exchange(self, step: Ask[Any]) -> Completion | Failure:
        """Post the request of a step, and return what came."""
        endpoint = self.model.endpoint()
        post = self.model.post(endpoint, step.request, step.timeout)
        return self.model.read(http.post(self.client(endpoint), post, time.monotonic), endpoint)

    def pieces(self, step: Ask[Any], endpoint: Endpoint) -> Generator[http.Piece]:
        """Post the request of a step, and yield what comes as it comes."""
        post = self.model.post(endpoint, step.request, step.timeout, stream=True, total=step.left)
        return http.stream(self.client(endpoint), post, time.monotonic)

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()


class AsyncModelConnection:
    """`ModelConnection` for async code: a connection belongs to the event loop that opened it."""

    def __init__(self, model: Model, given: http.AsyncClient | None = None) -> None:
        _check_given(model, given)
        self.model, self.given, self._process = model, given, os.getpid()
        self.lender: AsyncModelConnection | None = None
        self._own: WeakKeyDictionary[asyncio.AbstractEventLoop, http.AsyncSender] = WeakKeyDictionary()
        when_forked(self, AsyncModelConnection._begin_anew)

    def client(self, endpoint: Endpoint) -> http.AsyncSender:
        """Return what posts to an endpoint in this event loop; see ModelConnection."""
        if self.given is not None:
            check_process(self._process, _GIVEN)
            return self.given
        if self.lender is not None:
            return self.lender.client(endpoint)
        loop = _running_loop()
        if loop not in self._own:
            for ended in [other for other in self._own if other.is_closed()]:
                del self._own[ended]
            self._own[loop] = http.new_async_client(endpoint.base_url, self.model.settings.connection)
        return self._own[loop]

    async def aclose(self) -> None:
        """Close what was opened here in this event loop."""
        client = self._own.pop(_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def exchange(self, step: Ask[Any]) -> Completion | Failure:
        """Post the request of a step, and return what came."""
        endpoint = await self.endpoint()
        post = self.model.post(endpoint, step.request, step.timeout)
        return self.model.read(await http.apost(self.client(endpoint), post, time.monotonic), endpoint)

    def pieces(self, step: Ask[Any], endpoint: Endpoint) -> AsyncGenerator[http.Piece]:
        """Post the request of a step, and yield what comes as it comes."""
        post = self.model.post(endpoint, step.request, step.timeout, stream=True, total=step.left)
        return http.astream(self.client(endpoint), post, time.monotonic)

    async def endpoint(self) -> Endpoint:
        """Return where to post; it may have to start the embedded model."""
        if self.model.settings.config.base_url is not None:
            return self.model.endpoint()
        import asyncio

        return await asyncio.to_thread(self.model.endpoint)

    def _begin_anew(self) -> None:
        for client in self._own.values():
            leave_alone(client)
        self._own.clear()


class Models(Generic[Link]):
    """A model and its fallback models, in the order in which they are asked, with their connections."""

    def __init__(self, links: Mapping[Model, Link]) -> None:
        self._links = dict(links)
        self.chain = tuple(self._links)
        self.first = self.chain[0]

    def link(self, model: Any) -> Link:
        """Return the connections of a model."""
        return self._links[model]

    def begin(self, ask: Callable[[Model], Ask[T]]) -> Ask[T]:
        """Return the first step of a dialogue, once it is sure that each fallback model could take part:
        raises ConfigError and SchemaError while nothing has been paid.
        """
        others = self.chain[1:]
        for model in others:
            model.check(ask(model).request)
        step = ask(self.first)
        return replace(step, others=tuple(partial(ask, model) for model in others)) if others else step


class SyncModels(Models[ModelConnection]):
    """Models for code that is not async."""

    def carry(self, ask: Callable[[Model], Ask[T]]) -> Extraction[T]:
        """Begin a dialogue, and carry it to its end. Raises ConfigError and SchemaError."""
        with self.first.watching(self.begin(ask)) as step:
            return self.drive(step)

    def settle(self, prepared: Prepared, text: Text, first: PartRound | None = None) -> Extraction[Any]:
        """Ask for the record of a text, in as many dialogues as it takes, those of a round at the same time.
        first: the round to begin with. Raises ConfigError and SchemaError.
        """
        found: PartRound | Extraction[Any] = first or prepared.round(text)
        while isinstance(found, PartRound):
            begun = [self.begin(partial(prepared.ask, question=q, text=text)) for q in found.questions]
            if len(begun) == 1:
                ended = [self._watched(begun[0])]
            else:
                with ThreadPoolExecutor(min(len(begun), AT_ONCE)) as threads:
                    asked = [threads.submit(copy_context().run, self._watched, step) for step in begun]
                    ended = [each.result() for each in asked]
            found = found.after(ended)
        return found

    def _watched(self, first: Ask[T]) -> Extraction[T]:
        with self.first.watching(first) as step:
            return self.drive(step)

    def drive(self, step: Step[T]) -> Extraction[T]:
        """Carry a dialogue to its end."""
        return drive(step, self._exchange, time.sleep, time.monotonic, random.random)

    def pump(self, first: Ask[T], once: bool) -> Generator[Streamed[T]]:
        """Yield the chunks of replies as they come, and in the end how the dialogue ended.

        once: only the first reply that says anything is streamed, and chunks that only add text come as that
        text. Otherwise all replies are streamed, and no fallback model continues after a reply that broke
        off.
        """
        step: Step[T]
        with self.first.watching(first) as step:
            while isinstance(step, Ask):
                time.sleep(step.wait)
                link = self.link(step.model)
                endpoint = link.model.endpoint()
                reader, begun = link.model.stream_reader(), False
                short_cut = link.model.added_text if once else None
                with closing(link.pieces(step, endpoint)) as pieces:
                    for piece in pieces:
                        for chunk in reader.feed_short(piece, short_cut):
                            begun = True
                            yield chunk
                event = link.model.redacted(reader.end(), endpoint)
                step = step.after_stream(event, begun, once, time.monotonic(), random.random())
                if once and (begun or isinstance(event, Completion)):
                    step = self.drive(step)
            yield step

    def _exchange(self, step: Ask[Any]) -> Completion | Failure:
        return self.link(step.model).exchange(step)


class AsyncModels(Models[AsyncModelConnection]):
    """Models for async code."""

    async def carry(self, ask: Callable[[Model], Ask[T]]) -> Extraction[T]:
        """Begin a dialogue, and carry it to its end; see SyncModels."""
        with self.first.watching(self.begin(ask)) as step:
            return await self.drive(step)

    async def settle(self, prepared: Prepared, text: Text, first: PartRound | None = None) -> Extraction[Any]:
        """Ask for the record of a text; see SyncModels."""
        import asyncio

        found: PartRound | Extraction[Any] = first or prepared.round(text)
        while isinstance(found, PartRound):
            begun = [self.begin(partial(prepared.ask, question=q, text=text)) for q in found.questions]
            found = found.after(await asyncio.gather(*map(self._watched, begun)))
        return found

    async def _watched(self, first: Ask[T]) -> Extraction[T]:
        with self.first.watching(first) as step:
            return await self.drive(step)

    async def drive(self, step: Step[T]) -> Extraction[T]:
        """Carry a dialogue to its end."""
        import asyncio

        return await adrive(step, self._exchange, asyncio.sleep, time.monotonic, random.random)

    async def pump(self, first: Ask[T], once: bool) -> AsyncGenerator[Streamed[T]]:
        """Yield the chunks of replies, and in the end how the dialogue ended; see SyncModels."""
        import asyncio

        step: Step[T]
        with self.first.watching(first) as step:
            while isinstance(step, Ask):
                await asyncio.sleep(step.wait)
                link = self.link(step.model)
                endpoint = await link.endpoint()
                reader, begun = link.model.stream_reader(), False
                short_cut = link.model.added_text if once else None
                async with aclosing(link.pieces(step, endpoint)) as pieces:
                    async for piece in pieces:
                        for chunk in reader.feed_short(piece, short_cut):
                            begun = True
                            yield chunk
                event = link.model.redacted(reader.end(), endpoint)
                step = step.after_stream(event, begun, once, time.monotonic(), random.random())
                if once and (begun or isinstance(event, Completion)):
                    step = await self.drive(step)
            yield step

    async def _exchange(self, step: Ask[Any]) -> Completion | Failure:
        return await self.link(step.model).exchange(step)


def _running_loop() -> asyncio.AbstractEventLoop:
    import asyncio  # a client that blocks needs none of it

    return asyncio.get_running_loop()


def _check_given(model: Model, client: Any) -> None:
    if client is not None and model.settings.connection != http.ConnectionOptions():
        raise ConfigError("with http_client=, set proxy, verify and http2 on that client")
