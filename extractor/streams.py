"""A streamed chat completion: server-sent events in, chunks out, the whole completion at the end.

`Reading` is the sans-I/O part; ChatStream and AsyncChatStream are the loops around it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from .dialects import Accumulator, Dialect, parse_json, read_event, read_reply, request_id_of
from .messages import ChunkChoice, Completion, CompletionChunk, Failure, FailureKind
from .transport.http import Head, Piece
from .transport.sse import SSEDecoder

DONE = "[DONE]"


class Reading:
    """Takes the pieces of one streamed reply in order, gives chunks, then `end`: completion or failure."""

    def __init__(self, dialect: Dialect, clock: Callable[[], float], wall_clock: Callable[[], float]) -> None:
        self._dialect = dialect
        self._clock, self._wall_clock = clock, wall_clock
        self._began = clock()
        self._head: Head | None = None
        self._body: list[bytes] = []
        self._sse = SSEDecoder()
        self._accumulator = Accumulator()
        self._done = False
        self._failure: Failure | None = None
        self._held: list[CompletionChunk] = []  # until one says something: a failure before that is retried
        self._speaking = False

    def feed(self, piece: Piece) -> Iterator[CompletionChunk]:
        """Yield the chunks that a piece completes."""
        match piece:
            case Head():
                self._head = piece
            case Failure():
                self._failure = self._failure or piece
            case bytes() if self._is_stream():
                yield from self._events(piece)
            case bytes():
                self._body.append(piece)

    def end(self) -> Completion | Failure:
        """Return how the stream ended. A stream that stops short is a failure, never a whole reply."""
        latency = self._clock() - self._began
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
        return self._accumulator.completion(request_id, latency)

    def _is_stream(self) -> bool:
        head = self._head
        return (
            head is not None
            and 200 <= head.status < 300
            and "json" not in head.headers.get("content-type", "")
        )

    def _events(self, data: bytes) -> Iterator[CompletionChunk]:
        for event in self._sse.feed(data):
            if event.data.strip() == DONE:
                self._done = True
            if self._done or self._failure:
                continue
            chunk = self._dialect.decode_chunk(parse_json(event.data))
            if chunk is None:
                latency = self._clock() - self._began
                self._failure = read_event(self._dialect, event.data, latency)
                continue
            self._accumulator.add(chunk)
            yield from self._released(chunk)

    def _released(self, chunk: CompletionChunk) -> Iterator[CompletionChunk]:
        self._held.append(chunk)
        self._speaking = self._speaking or any(map(_says_something, chunk.choices))
        if self._speaking:
            yield from self._held
            self._held.clear()


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
