"""One streamed reply: server-sent events in, chunks out, the whole at the end. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias, cast

from pydantic_core import from_json

from ..dialects import (
    Accumulator,
    AddedText,
    Dialect,
    parse_json,
    read_event,
    read_reply,
    request_id_of,
    unreadable,
)
from ..messages import (
    JSON,
    ChunkChoice,
    Completion,
    CompletionChunk,
    Failure,
    FailureKind,
    ToolCallDelta,
)
from ..transport.decoding import TOO_LARGE, TooLarge
from ..transport.http import Head, Piece
from ..transport.sse import SSEDecoder
from .order import Order

Place: TypeAlias = tuple[int, str, int]  # a choice, what it adds to, and of which call
DONE = "[DONE]"
EXCERPT = 500  # characters of an event that are kept as evidence


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
        self._order = Order()
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
            body: Any = event_json(said)
            if short_cut and self._speaking and (text := short_cut(body)) is not None:
                if self._is_amiss(self._order.take_text(body.get("id"), text), said):
                    continue
                text = self._halves.joined((0, "content", 0), text)
                self._accumulator.add_text(text)
                yield text
                continue
            chunk = self._whole(self._dialect.decode_chunk(body))
            if chunk is None:
                self._failure = read_event(self._dialect, said, self._clock() - self._began)
                continue
            if self._is_amiss(self._order.take(chunk.id, chunk.choices), said):
                continue
            self._accumulator.add(chunk)
            yield from self._released(chunk)

    def _is_amiss(self, fault: str | None, said: str) -> bool:
        """Return whether there is a fault, which ends the stream: what came is not one reply."""
        if fault is not None:
            latency = self._clock() - self._began
            self._failure = Failure(
                FailureKind.PROTOCOL, fault, status=200, latency=latency, body=said[:EXCERPT]
            )
        return fault is not None

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
        """Return the half that nothing followed, "" if there is none."""
        return self._kept.pop(place, "")


def event_json(data: str) -> JSON:
    """Return the JSON value of an event's data, None if it is none."""
    try:
        return from_json(data)
    except ValueError:  # it may hold half of a character, which the next event completes
        return parse_json(data)


def _says_something(choice: ChunkChoice) -> bool:
    delta = choice.delta
    said = delta.content or delta.refusal or delta.tool_calls or delta.extra_content
    return bool(said or choice.finish_reason)
