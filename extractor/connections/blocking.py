"""Connections and models for code that is not async."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar
from weakref import finalize

from ..dialogue import Ask, Step, drive
from ..given import Text
from ..messages import Completion, Failure
from ..model import Endpoint, Model
from ..parts import PartRound, Prepared
from ..processes import when_forked
from ..results import Extraction
from ..streams import Streamed
from ..transport import http
from .models import BaseConnection, Models, StreamedReply

T = TypeVar("T")
AT_ONCE = 16  # threads for the parts of one record


class ModelConnection(BaseConnection["http.Sender"]):
    """The connections to one model's server, opened when needed. Safe to use from several threads."""

    def __init__(self, model: Model, given: http.Client | None = None) -> None:
        super().__init__(model, given)
        self._own: http.Sender | None = None
        self._begin_anew()
        when_forked(self, ModelConnection._begin_anew)

    def _opened(self, endpoint: Endpoint) -> http.Sender:
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
        """Yield the chunks of replies as they come, and in the end how the dialogue ended. once: see
        StreamedReply.
        """
        step: Step[T]
        with self.first.watching(first) as step:
            while isinstance(step, Ask):
                time.sleep(step.wait)
                link = self.link(step.model)
                endpoint = link.model.endpoint()
                reply = StreamedReply(link.model, step, endpoint, once)
                with closing(link.pieces(step, endpoint)) as pieces:
                    for piece in pieces:
                        yield from reply.feed(piece)
                step, streams_on = reply.end()
                if not streams_on:
                    step = self.drive(step)
            yield step

    def _exchange(self, step: Ask[Any]) -> Completion | Failure:
        return self.link(step.model).exchange(step)
