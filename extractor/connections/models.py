"""What blocking and async connections share: a model and its fallback models, and how a reply is streamed."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Generic, Self, TypeVar

from ..dialogue import Ask, Step
from ..errors import ConfigError
from ..messages import Completion
from ..model import Endpoint, Model
from ..processes import check_process
from ..streams import Streamed
from ..transport import http

T = TypeVar("T")
Link = TypeVar("Link")
Client = TypeVar("Client")
_GIVEN = "an Extractor with an http_client of your own, which keeps connections,"


class BaseConnection(Generic[Client]):
    """The connections to one model's server, opened when needed.

    given: the caller's own client, which is used in their place and never closed. lender: whose connections
    are used in place of own ones.
    """

    def __init__(self, model: Model, given: Client | None = None) -> None:
        """Raise ConfigError where the caller's own client could not do what is asked for."""
        if given is not None and model.settings.connection != http.ConnectionOptions():
            raise ConfigError("with http_client=, set proxy, verify and http2 on that client")
        self.model, self.given, self._process = model, given, os.getpid()
        self.lender: Self | None = None

    def client(self, endpoint: Endpoint) -> Client:
        """Return what posts to an endpoint. Raises ConfigError in a forked child with a given one."""
        if self.given is not None:
            check_process(self._process, _GIVEN)
            return self.given
        return self._opened(endpoint) if self.lender is None else self.lender.client(endpoint)

    def _opened(self, endpoint: Endpoint) -> Client:
        raise NotImplementedError


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


class StreamedReply(Generic[T]):
    """One streamed reply: pieces in, chunks out, and what follows on it.

    once: only the first reply that says anything is streamed, and chunks that only add text come as that
    text. Otherwise all replies are streamed, and no fallback model continues after a reply that broke off.
    """

    def __init__(self, model: Model, step: Ask[T], endpoint: Endpoint, once: bool) -> None:
        self._model, self._step, self._endpoint, self._once = model, step, endpoint, once
        self._reader, self._begun = model.stream_reader(), False
        self._short_cut = model.added_text if once else None

    def feed(self, piece: http.Piece) -> Iterator[Streamed[T]]:
        """Yield the chunks that a piece completes."""
        for chunk in self._reader.feed_short(piece, self._short_cut):
            self._begun = True
            yield chunk

    def end(self) -> tuple[Step[T], bool]:
        """Return the next step, and whether what follows is streamed too."""
        event = self._model.redacted(self._reader.end(), self._endpoint)
        now, chance = time.monotonic(), random.random()
        step = self._step.after_stream(event, self._begun, self._once, now, chance)
        return step, not (self._once and (self._begun or isinstance(event, Completion)))
