"""Streamed replies: server-sent events in, chunks, growing records or list items out, the whole at the end.

`StreamReader` and `Growth` are the sans-I/O parts; the streams are the loops around them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import aclosing, closing, suppress
from dataclasses import replace
from typing import Any, Generic, Self, TypeAlias, TypeVar, cast

from pydantic_core import from_json

from .dialects import (
    Accumulator,
    AddedText,
    Dialect,
    parse_json,
    read_event,
    read_reply,
    request_id_of,
    unreadable,
)
from .errors import ConfigError, ExtractorError, Invalid, Problem
from .messages import (
    JSON,
    ChunkChoice,
    Completion,
    CompletionChunk,
    Delta,
    Failure,
    FailureKind,
    ToolCallDelta,
)
from .results import Extraction
from .schema import CompiledSchema, Growing, Items, Partial
from .transport.decoding import TOO_LARGE, TooLarge
from .transport.http import Head, Piece
from .transport.sse import SSEDecoder

T = TypeVar("T")
Out = TypeVar("Out")
Streamed: TypeAlias = CompletionChunk | str | Extraction[T]  # a piece of a reply; in the end, how it ended
Place: TypeAlias = tuple[int, str, int]  # a choice, what it adds to, and of which call
DONE = "[DONE]"


class StreamReader:
    """Takes the pieces of one streamed reply in order, gives chunks, then `end`: completion or failure."""

    def __init__(
        self,
        dialect: Dialect,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        most: int | None = None,
    ) -> None:
        """most: bytes that one event may have, None for any number."""
        self._dialect = dialect
        self._clock, self._wall_clock = clock, wall_clock
        self._began = clock()
        self._head: Head | None = None
        self._body: list[bytes] = []
        self._sse = SSEDecoder(most)
        self._accumulator = Accumulator()
        self._halves = Halves()
        self._done = False
        self._failure: Completion | Failure | None = None  # what ended it before its time
        self._held: list[CompletionChunk] = []  # until one says something: a failure before that is retried
        self._speaking = False

    def feed(self, piece: Piece) -> Iterator[CompletionChunk]:
        """Yield the chunks that a piece completes."""
        return cast(Iterator[CompletionChunk], self.feed_short(piece, None))

    def feed_short(self, piece: Piece, short_cut: AddedText | None) -> Iterator[CompletionChunk | str]:
        """Yield the chunks that a piece completes; what `short_cut` finds in an event comes as mere text."""
        match piece:
            case bytes() if self._is_stream():
                return self._read(piece, short_cut)
            case bytes():
                self._body.append(piece)
            case Head():
                self._head = piece
            case Failure():
                self._failure = self._failure or piece
        return iter(())

    def end(self) -> Completion | Failure:
        """Return how the stream ended. A stream that stops short is a failure, never a whole reply."""
        latency = self._clock() - self._began
        if isinstance(self._failure, Completion):
            return self._rejected(self._failure)
        if self._failure is not None:
            return self._failure
        if self._head is not None and not self._is_stream():
            body = b"".join(self._body)
            return read_reply(
                self._dialect, self._head.status, self._head.headers, body, latency, self._wall_clock()
            )
        if not self._accumulator.finished and not self._done:
            return Failure(
                FailureKind.DROPPED, "the stream stopped before the reply was complete", latency=latency
            )
        request_id = request_id_of(self._head.headers) if self._head else None
        if half := self._halves.left((0, "content", 0)):
            self._accumulator.add_text(half)
        return self._accumulator.completion(request_id, latency)

    def _rejected(self, rejected: Completion) -> Completion:
        """An answer that the server rejected in its stream, with what came of it."""
        came = self._accumulator.completion(request_id_of(self._head.headers) if self._head else None)
        written = rejected.content or came.said
        return replace(
            rejected.with_message(content=written),
            model=came.model,
            usage=came.usage,
            request_id=came.request_id,
        )

    def _is_stream(self) -> bool:
        head = self._head
        return (
            head is not None
            and 200 <= head.status < 300
            and not any(form in head.headers.get("content-type", "") for form in ("json", "html"))
        )

    def _read(self, data: bytes, short_cut: AddedText | None) -> Iterator[CompletionChunk | str]:
        """Yield what `_events` does; whatever reading raises is how the stream ended."""
        events = self._events(data, short_cut)
        while True:
            try:
                event = next(events, None)
            except MemoryError:
                raise
            except Exception as error:
                self._failure = self._failure or self._unreadable(error, data)
                return
            if event is None:
                return
            yield event

    def _unreadable(self, error: Exception, data: bytes) -> Failure:
        latency = self._clock() - self._began
        if isinstance(error, TooLarge):
            return Failure(FailureKind.TOO_LARGE, f"{TOO_LARGE} ({error})", latency=latency)
        return unreadable(error, 200, data, latency)

    def _events(self, data: bytes, short_cut: AddedText | None) -> Iterator[CompletionChunk | str]:
        for said, _ in self._sse.feed(data):
            if said.startswith(DONE):
                self._done = self._done or said.strip() == DONE
            if self._done or self._failure:
                continue
            body = event_json(said)
            if short_cut and self._speaking and (text := short_cut(body)) is not None:
                text = self._halves.joined((0, "content", 0), text)
                self._accumulator.add_text(text)
                yield text
                continue
            chunk = self._whole(self._dialect.decode_chunk(body))
            if chunk is None:
                self._failure = read_event(self._dialect, said, self._clock() - self._began)
                continue
            self._accumulator.add(chunk)
            yield from self._released(chunk)

    def _whole(self, chunk: CompletionChunk | None) -> CompletionChunk | None:
        return chunk and self._halves.joined_in(self._accumulator.completed(chunk))

    def _released(self, chunk: CompletionChunk) -> Iterator[CompletionChunk]:
        self._held.append(chunk)
        self._speaking = self._speaking or any(map(_says_something, chunk.choices))
        if self._speaking:
            yield from self._held
            self._held.clear()


class Halves:
    """Characters that two events have in halves, UTF-16's surrogates: the first half waits for the second."""

    def __init__(self) -> None:
        self._kept: dict[Place, str] = {}

    def joined_in(self, chunk: CompletionChunk) -> CompletionChunk:
        """Return the chunk with whole characters alone."""
        choices = tuple(map(self._joined_in, chunk.choices))
        same = all(one is other for one, other in zip(choices, chunk.choices, strict=True))
        return chunk if same else replace(chunk, choices=choices)

    def _joined_in(self, choice: ChunkChoice) -> ChunkChoice:
        delta, changes = choice.delta, dict[str, Any]()
        for name in ("content", "refusal", "reasoning_content"):
            said = getattr(delta, name)
            if said and (whole := self.joined((choice.index, name, 0), said)) is not said:
                changes[name] = whole
        calls = tuple(self._joined_call(choice.index, call) for call in delta.tool_calls)
        if any(one is not other for one, other in zip(calls, delta.tool_calls, strict=True)):
            changes["tool_calls"] = calls
        return replace(choice, delta=replace(delta, **changes)) if changes else choice

    def _joined_call(self, choice: int, call: ToolCallDelta) -> ToolCallDelta:
        whole = self.joined((choice, "tool_calls", call.index), call.arguments) if call.arguments else ""
        return call if whole is call.arguments or whole == call.arguments else replace(call, arguments=whole)

    def joined(self, place: Place, text: str) -> str:
        """Return the text with the half before it, and without one at its end."""
        kept = self._kept.pop(place, "")
        if text and "\ud800" <= text[-1] <= "\udbff":
            self._kept[place], text = text[-1], text[:-1]
        if kept and text:
            pair = (kept + text[0]).encode("utf-16-le", "surrogatepass")
            text = pair.decode("utf-16-le", "surrogatepass") + text[1:]
        elif kept:
            self._kept[place] = kept + self._kept.get(place, "")
        return text

    def left(self, place: Place) -> str:
        """Return the half that nothing followed, "" where there is none."""
        return self._kept.pop(place, "")


def event_json(data: str) -> JSON:
    """Return the JSON value of an event's data, None where it is none."""
    try:
        return from_json(data)
    except ValueError:  # it may hold half of a character, which the next event completes
        return parse_json(data)


def _says_something(choice: ChunkChoice) -> bool:
    delta = choice.delta
    said = delta.content or delta.refusal or delta.tool_calls or delta.extra_content
    return bool(said or choice.finish_reason)


class ChatStream:
    """Iterates the chunks of one completion. It ends with a chunk that adds no text but has
    `completion`, and so has the stream. Closing it early (`with`) frees the connection.
    """

    def __init__(self, chunks: Iterator[CompletionChunk]) -> None:
        self._chunks = chunks
        self._completion: Completion | None = None

    def __iter__(self) -> Iterator[CompletionChunk]:
        return self

    def __next__(self) -> CompletionChunk:
        chunk = next(self._chunks)
        self._completion = chunk.completion or self._completion
        return chunk

    @property
    def completion(self) -> Completion:
        """The whole completion; reads what is left of the stream. Raises what reading it raises."""
        for _ in self:
            pass
        assert self._completion is not None  # noqa: S101  the last chunk carries it, or an error was raised
        return self._completion

    def close(self) -> None:
        """Stop reading and give the connection back."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncChatStream:
    """ChatStream for async code: `async for`, `async with`, `await stream.completion()`."""

    def __init__(self, chunks: AsyncIterator[CompletionChunk]) -> None:
        self._chunks = chunks
        self._completion: Completion | None = None

    def __aiter__(self) -> AsyncIterator[CompletionChunk]:
        return self

    async def __anext__(self) -> CompletionChunk:
        chunk = await anext(self._chunks)
        self._completion = chunk.completion or self._completion
        return chunk

    async def completion(self) -> Completion:
        """Return the whole completion; reads what is left of the stream."""
        async for _ in self:
            pass
        assert self._completion is not None  # noqa: S101  the last chunk carries it, or an error was raised
        return self._completion

    async def aclose(self) -> None:
        """Stop reading and give the connection back."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()

    async def __aenter__(self) -> AsyncChatStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def last_chunk(completion: Completion) -> CompletionChunk:
    """Return what a stream of chunks ends with: no text, but the whole completion."""
    return CompletionChunk(completion.id, completion.model, usage=completion.usage, completion=completion)


def chunks(streamed: Generator[Streamed[Completion]]) -> Iterator[CompletionChunk]:
    """Yield the chunks of a streamed conversation, the last with the whole completion; or raise its error."""
    with closing(streamed) as events:
        for event in events:
            yield (
                last_chunk(event.unwrap()) if isinstance(event, Extraction) else cast(CompletionChunk, event)
            )


async def achunks(streamed: AsyncGenerator[Streamed[Completion]]) -> AsyncGenerator[CompletionChunk]:
    """`chunks` for async code."""
    async with aclosing(streamed) as events:
        async for event in events:
            yield (
                last_chunk(event.unwrap()) if isinstance(event, Extraction) else cast(CompletionChunk, event)
            )


class Growth(Generic[Out, T]):
    """Chunks of a reply -> what they make of its record; then how the dialogue ended. Sans-I/O."""

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
        """The items that a repair has added. Raises Invalid where it has taken back some that were given."""
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
                f"{lost} of the items that were given are not in the list that the reply was repaired to",
                [Problem("", "was given before the repair, and then taken back", type="taken_back")],
                result.attempts,
            )
            error.partial = self._came()
            raise error


class RecordStream(Generic[Out, T]):
    """Iterates what comes of a record of type T: Partials (`stream`) or list items (`items`). It raises
    what `extract` raises, with what came so far as the error's `partial`. Closing it early (`with`)
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
        """How it ended, as `run` returns it; reads what is left of the stream."""
        with suppress(ExtractorError):  # it is in the result
            for _ in self:
                pass
        return ended(self._growth.result)

    @property
    def record(self) -> T:
        """The validated record; reads what is left of the stream. Raises what `extract` raises."""
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
        raise ConfigError("the stream was closed before its end: it has no result")
    return result
