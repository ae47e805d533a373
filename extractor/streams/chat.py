"""Streams of a conversation: chunks, the last with the whole completion."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import aclosing, closing
from typing import TypeAlias, TypeVar, cast

from ..messages import (
    Completion,
    CompletionChunk,
)
from ..results import Extraction

T = TypeVar("T")
Streamed: TypeAlias = CompletionChunk | str | Extraction[T]  # a piece of a reply; in the end, how it ended


class ChatStream:
    """Iterates over the chunks of one completion.

    The last chunk adds no text, but has `completion`, as does the stream. Closing it early (`with`) frees the
    connection.
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
        """The whole completion; it reads the rest of the stream, and raises what reading raises."""
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
        """Return the whole completion; it reads the rest of the stream."""
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
