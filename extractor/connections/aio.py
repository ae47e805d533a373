"""Connections and models for async code."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from ..dialogue import Ask, Step, adrive
from ..given import Text
from ..messages import Completion, Failure
from ..model import Endpoint, Model
from ..parts import PartRound, Prepared
from ..processes import leave_alone, when_forked
from ..results import Extraction
from ..streams import Streamed
from ..transport import http
from .models import BaseConnection, Models, StreamedReply

T = TypeVar("T")


class AsyncModelConnection(BaseConnection["http.AsyncSender"]):
    """`ModelConnection` for async code: a connection belongs to the event loop that opened it."""

    def __init__(self, model: Model, given: http.AsyncClient | None = None) -> None:
        super().__init__(model, given)
        self._own: WeakKeyDictionary[asyncio.AbstractEventLoop, http.AsyncSender] = WeakKeyDictionary()
        when_forked(self, AsyncModelConnection._begin_anew)

    def _opened(self, endpoint: Endpoint) -> http.AsyncSender:
        loop = asyncio.get_running_loop()
        if loop not in self._own:
            for ended in [other for other in self._own if other.is_closed()]:
                del self._own[ended]
            self._own[loop] = http.new_async_client(endpoint.base_url, self.model.settings.connection)
        return self._own[loop]

    async def aclose(self) -> None:
        """Close what was opened here in this event loop."""
        client = self._own.pop(asyncio.get_running_loop(), None)
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
        return await asyncio.to_thread(self.model.endpoint)

    def _begin_anew(self) -> None:
        for client in self._own.values():
            leave_alone(client)
        self._own.clear()


class AsyncModels(Models[AsyncModelConnection]):
    """Models for async code."""

    async def carry(self, ask: Callable[[Model], Ask[T]]) -> Extraction[T]:
        """Begin a dialogue, and carry it to its end; see SyncModels."""
        with self.first.watching(self.begin(ask)) as step:
            return await self.drive(step)

    async def settle(self, prepared: Prepared, text: Text, first: PartRound | None = None) -> Extraction[Any]:
        """Ask for the record of a text; see SyncModels."""
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
        return await adrive(step, self._exchange, asyncio.sleep, time.monotonic, random.random)

    async def pump(self, first: Ask[T], once: bool) -> AsyncGenerator[Streamed[T]]:
        """Yield the chunks of replies, and in the end how the dialogue ended; see SyncModels."""
        step: Step[T]
        with self.first.watching(first) as step:
            while isinstance(step, Ask):
                await asyncio.sleep(step.wait)
                link = self.link(step.model)
                endpoint = await link.endpoint()
                reply = StreamedReply(link.model, step, endpoint, once)
                async with aclosing(link.pieces(step, endpoint)) as pieces:
                    async for piece in pieces:
                        for chunk in reply.feed(piece):
                            yield chunk
                step, streams_on = reply.end()
                if not streams_on:
                    step = await self.drive(step)
            yield step

    async def _exchange(self, step: Ask[Any]) -> Completion | Failure:
        return await self.link(step.model).exchange(step)
