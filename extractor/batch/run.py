"""The shell around a bulk run: workers that take rows, carry their dialogues to an end and settle them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar

from ..dialogue import Ask
from ..errors import ExtractorError
from ..messages import Completion, Extraction, Failure, Request
from ..transport import http
from .outcomes import Progress, Row, RowOutcome, Text

T = TypeVar("T")


class Caller(Protocol[T]):
    """A model that rows are put to, and how each dialogue with it begins and is read."""

    @property
    def name(self) -> str:
        """The endpoint, the same in every process. It holds no key."""
        ...

    def begin(self, text: Text) -> Ask[T]:
        """Return the first step of a row's dialogue. Raises ConfigError for a text that can't be asked of."""
        ...

    def post(self, request: Request, timeout: float, total: float) -> http.Post:
        """Return the request as it is sent."""
        ...

    async def send(self, post: http.Post) -> http.HttpReply | Failure:
        """Return what came back."""
        ...

    def read(self, reply: http.HttpReply | Failure) -> Completion | Failure:
        """Return what the reply says."""
        ...

    def learn(self, result: Extraction[T]) -> None:
        """Remember what a dialogue showed of the service, for the next one."""
        ...

    def sequel(self, result: Extraction[T], step: Ask[T], text: Text) -> tuple[Caller[T], Ask[T]] | None:
        """Return another model's first step, where one is to be asked after this result."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How a run goes about it; what each of these means stands at RowOptions."""

    concurrency: int = 64
    ordered: bool = True
    journal: Any = None
    retry: Literal["failed"] | None = None
    max_cost: Decimal | float | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    on_progress: Callable[[Progress], None] | None = None


async def arows(
    rows: Iterable[Any] | AsyncIterable[Any],
    row_of: Callable[[Any], Row],
    caller: Caller[T],
    settings: Settings,
) -> AsyncGenerator[RowOutcome[T]]:
    """Yield what came of each row, in the order of the input."""
    source = _read(rows)
    waiting: list[asyncio.Task[RowOutcome[T]]] = []
    index = 0
    try:
        async for row in source:
            waiting.append(asyncio.create_task(_settled(index, row, row_of, caller)))
            index += 1
            if len(waiting) >= settings.concurrency:
                yield await waiting.pop(0)
        while waiting:
            yield await waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()


async def _read(rows: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row


async def _settled(index: int, given: Any, row_of: Callable[[Any], Row], caller: Caller[T]) -> RowOutcome[T]:
    key = given
    try:
        text, key = row_of(given)
        if text is None or (isinstance(text, str) and not text.strip()):
            return RowOutcome(index, key=key)
        extraction = await _dialogue(caller, text)
    except ExtractorError as error:
        return RowOutcome(index, error=error, key=key)
    return RowOutcome(index, extraction, extraction.error, key=key)


async def _dialogue(caller: Caller[T], text: Text) -> Extraction[T]:
    step: Ask[T] | Extraction[T] = caller.begin(text)
    while True:
        while isinstance(step, Ask):
            if step.wait:
                await asyncio.sleep(step.wait)
            reply = await caller.send(caller.post(step.request, step.timeout, step.left))
            asked, step = step, step.receive(caller.read(reply), time.monotonic(), random.random())
        caller.learn(step)
        sequel = caller.sequel(step, asked, text)
        if sequel is None:
            return step
        caller, step = sequel
