"""Streams of a record: what comes of it, or of its items, while the reply comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, closing, suppress
from typing import Any, Generic, Self, TypeVar, cast

from ..errors import ConfigError, ExtractorError, Invalid, Problem
from ..messages import (
    CompletionChunk,
    Delta,
)
from ..results import Extraction
from ..schema import CompiledSchema, Growing, Items, Partial
from .chat import Streamed

T = TypeVar("T")
Out = TypeVar("Out")


class Growth(Generic[Out, T]):
    """Chunks of a reply -> what they make of its record; then how the dialogue ended. Sans-I/O."""

    compiled: CompiledSchema[T]
    context: Any

    _joins = False  # whether the records of several calls are parts of one

    def __init__(self, compiled: CompiledSchema[T], context: Any = None) -> None:
        self.compiled, self.context = compiled, context
        self.result: Extraction[T] | None = None
        self._call: int | None = None  # the call that holds the record, where one does
        self._grown = self._anew()
        self._calls: dict[int, Growing[T] | Items[Any]] = {}

    def _anew(self) -> Growing[T] | Items[Any]:
        raise NotImplementedError

    def add(self, chunk: CompletionChunk | str) -> Iterable[Out]:
        """Return what the chunk, or the text that it adds, adds to the record."""
        if isinstance(chunk, str) and self._call is None:
            return cast(Iterable[Out], self._grown.feed(chunk))
        return () if isinstance(chunk, str) else self._added(chunk)

    def _added(self, chunk: CompletionChunk) -> Iterator[Out]:
        for choice in chunk.choices:
            if choice.index == 0:
                for grown, text in self._texts(choice.delta):
                    yield from cast(Iterable[Out], grown.feed(text))

    def _texts(self, delta: Delta) -> Iterator[tuple[Growing[T] | Items[Any], str]]:
        """The parts of the record's text: of the calls' arguments, once there is a call."""
        for call in delta.tool_calls:
            if self._call is None:
                self._call, self._grown = call.index, self._anew()
                self._calls[call.index] = self._grown
            if call.index not in self._calls and self._joins:
                self._calls[call.index] = self._anew()
            if call.index in self._calls and call.arguments:
                yield self._calls[call.index], call.arguments
        if self._call is None and delta.content:
            yield self._grown, delta.content

    def finish(self, result: Extraction[T]) -> Iterator[Out]:
        """Yield what is still to be given; raise the result's error, with what came as its `partial`."""
        self.result = result
        if result.error is not None:
            result.error.partial = self._came()
            raise result.error
        yield from self._rest(cast(T, result.record), result)

    def _came(self) -> Any:
        raise NotImplementedError

    def _rest(self, record: T, result: Extraction[T]) -> Iterator[Out]:
        raise NotImplementedError


def grown(streamed: Generator[Streamed[T]], growth: Growth[Out, T]) -> Iterator[Out]:
    """Yield what comes of the record of a streamed dialogue. Raises the dialogue's error."""
    with closing(streamed) as events:
        for event in events:
            yield from growth.finish(event) if isinstance(event, Extraction) else growth.add(event)


async def agrown(streamed: AsyncGenerator[Streamed[T]], growth: Growth[Out, T]) -> AsyncGenerator[Out]:
    """`grown` for async code."""
    async with aclosing(streamed) as events:
        async for event in events:
            for out in growth.finish(event) if isinstance(event, Extraction) else growth.add(event):
                yield out


def ending(
    streamed: Generator[Streamed[T]], settle: Callable[[Extraction[T]], Extraction[T]]
) -> Generator[Streamed[T]]:
    """Yield a streamed dialogue, at its end what `settle` makes of the result."""
    with closing(streamed) as events:
        for event in events:
            yield settle(event) if isinstance(event, Extraction) else event


async def aending(
    streamed: AsyncGenerator[Streamed[T]], settle: Callable[[Extraction[T]], Awaitable[Extraction[T]]]
) -> AsyncGenerator[Streamed[T]]:
    """`ending` for async code."""
    async with aclosing(streamed) as events:
        async for event in events:
            yield await settle(event) if isinstance(event, Extraction) else event


class RecordGrowth(Growth[Partial[T], T]):
    """Gives a Partial after each chunk that adds to the record, the last with the validated record."""

    _grown: Growing[T]

    def _anew(self) -> Growing[T]:
        return Growing(self.compiled, self.context)

    def _came(self) -> Partial[T]:
        return self._grown.now()

    def _rest(self, record: T, result: Extraction[T]) -> Iterator[Partial[T]]:
        yield self._grown.now(record)


class ItemGrowth(Growth[T, list[T]]):
    """Gives each item of a list, validated, as soon as it is whole, and each only once."""

    _grown: Items[T]
    _joins = True

    def __init__(
        self,
        compiled: CompiledSchema[list[T]],
        context: Any = None,
        document: CompiledSchema[Any] | None = None,
    ) -> None:
        self._document, self._given = document, list[T]()
        super().__init__(compiled, context)

    def _anew(self) -> Items[T]:
        return Items(self.compiled, self.context, self._document)

    def add(self, chunk: CompletionChunk | str) -> Iterator[T]:
        """Yield the items that the chunk ends."""
        for item in super().add(chunk):
            self._given.append(item)
            yield item

    def _came(self) -> list[T]:
        return list(self._given)

    def _rest(self, record: list[T], result: Extraction[list[T]]) -> Iterator[T]:
        """The items that a repair has added. Raises Invalid if it has taken back some that were given."""
        given = Counter(self.compiled.encode([item]) for item in self._given)
        for item in record:
            said = self.compiled.encode([item])
            if given[said]:
                given[said] -= 1
            else:
                self._given.append(item)
                yield item
        if lost := given.total():
            error = Invalid(
                f"{lost} of the items that were yielded are missing from the repaired list",
                [Problem("", "was yielded before the repair, which removed it", type="taken_back")],
                result.attempts,
            )
            error.partial = self._came()
            raise error


class RecordStream(Generic[Out, T]):
    """Iterates over the Partials (`stream`) or list items (`items`) of a record of type T.

    It raises what `extract` raises, with what came so far as the error's `partial`. Closing it early (`with`)
    frees the connection.
    """

    def __init__(self, outputs: Iterator[Out], growth: Growth[Out, T]) -> None:
        self._outputs, self._growth = outputs, growth

    def __iter__(self) -> Iterator[Out]:
        return self

    def __next__(self) -> Out:
        return next(self._outputs)

    @property
    def result(self) -> Extraction[T]:
        """How it ended, as `run` returns it; it reads the rest of the stream."""
        with suppress(ExtractorError):  # it is in the result
            for _ in self:
                pass
        return ended(self._growth.result)

    @property
    def record(self) -> T:
        """The validated record; it reads the rest of the stream. Raises what `extract` raises."""
        return self.result.unwrap()

    def close(self) -> None:
        """Stop reading and give the connection back."""
        cast(Generator[Out], self._outputs).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncRecordStream(Generic[Out, T]):
    """RecordStream for async code: `async for`, `async with`, `await stream.result()`."""

    def __init__(self, outputs: AsyncIterator[Out], growth: Growth[Out, T]) -> None:
        self._outputs, self._growth = outputs, growth

    def __aiter__(self) -> AsyncIterator[Out]:
        return self

    async def __anext__(self) -> Out:
        return await anext(self._outputs)

    async def result(self) -> Extraction[T]:
        """Return how it ended; see RecordStream."""
        with suppress(ExtractorError):
            async for _ in self:
                pass
        return ended(self._growth.result)

    async def record(self) -> T:
        """Return the validated record; see RecordStream."""
        return (await self.result()).unwrap()

    async def aclose(self) -> None:
        """Stop reading and give the connection back."""
        await cast(AsyncGenerator[Out], self._outputs).aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def ended(result: Extraction[T] | None) -> Extraction[T]:
    """Return the result of a stream that was read to its end. Raises ConfigError for one that was left."""
    if result is None:
        raise ConfigError("the stream was closed before its end, so it has no result")
    return result
