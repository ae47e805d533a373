"""Chunks of a stream -> the completion that the same request gives without a stream. Linear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ..messages import (
    Choice,
    ChunkChoice,
    Completion,
    CompletionChunk,
    Delta,
    FunctionCall,
    Message,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from .fields import ended, joined

EARLY = frozenset(  # why a reply ended before its end
    {"length", "max_tokens", "model_length", "MAX_TOKENS", "LENGTH", "content_filter", "refusal"}
)


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extra_content: Mapping[str, Any] | None = None

    def add(self, delta: ToolCallDelta) -> None:
        self.id = delta.id or self.id
        self.name = delta.name or self.name
        self.arguments.append(delta.arguments)
        self.extra_content = delta.extra_content or self.extra_content

    def call(self) -> ToolCall:
        function = FunctionCall(self.name, "".join(self.arguments))
        return ToolCall(self.id, function, extra_content=self.extra_content)


@dataclass(slots=True)
class _Choice:
    content: list[str] | None = None
    refusal: list[str] | None = None
    reasoning: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    open_calls: dict[int, _Call] = field(default_factory=dict)
    finish_reason: str | None = None
    logprobs: list[object] = field(default_factory=list)
    extra_content: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, choice: ChunkChoice) -> None:
        delta = choice.delta
        if delta.content is not None:
            self.content = self.content or []
            self.content.append(delta.content)
        if delta.refusal is not None:
            self.refusal = self.refusal or []
            self.refusal.append(delta.refusal)
        if delta.reasoning_content:
            self.reasoning.append(delta.reasoning_content)
        if delta.extra_content is not None:
            self.extra_content.append(delta.extra_content)
        for call in delta.tool_calls:
            self._call(call).add(call)
        tokens = choice.logprobs.get("content") if isinstance(choice.logprobs, dict) else None
        if isinstance(tokens, list):
            self.logprobs.extend(tokens)
        if self.finish_reason not in EARLY:  # some servers send "stop" after it
            self.finish_reason = choice.finish_reason or self.finish_reason

    def _call(self, delta: ToolCallDelta) -> _Call:
        """The call that a piece belongs to. Another id and a name begin another call: some APIs
        count from 0 in each event.
        """
        call = self.open_calls.get(delta.index)
        if call is None or (call.id and delta.id and delta.name and delta.id != call.id):
            call = self.open_calls[delta.index] = _Call()
            self.calls.append(call)
        return call

    def choice(self, index: int) -> Choice:
        message = Message(
            "assistant",
            None if self.content is None else "".join(self.content),
            refusal=None if self.refusal is None else "".join(self.refusal),
            tool_calls=tuple(call.call() for call in self.calls),
            extra_content=joined(self.extra_content) if self.extra_content else None,
            reasoning_content="".join(self.reasoning) or None,
        )
        logprobs = {"content": self.logprobs} if self.logprobs else None
        return Choice(message, ended(self.finish_reason, bool(self.calls)), index, logprobs)


class Accumulator:
    """Takes chunks in order with `add`, gives the completion so far with `completion`."""

    def __init__(self) -> None:
        self._first: CompletionChunk | None = None
        self._last: CompletionChunk | None = None
        self._usage: Usage | None = None
        self._choices: dict[int, _Choice] = {}

    def add(self, chunk: CompletionChunk) -> None:
        """Take the next chunk."""
        self._first = self._first if self._first and self._first.id else chunk
        self._last = chunk
        self._usage = _larger(self._usage, chunk.usage)
        for choice in chunk.choices:
            self._choices.setdefault(choice.index, _Choice()).add(choice)

    def completed(self, chunk: CompletionChunk) -> CompletionChunk:
        """Return a chunk that says a whole message as one that adds what has not come in pieces: all of it,
        or nothing.
        """
        if all(choice.message is None for choice in chunk.choices):
            return chunk
        return replace(chunk, choices=tuple(map(self._completed, chunk.choices)))

    def _completed(self, choice: ChunkChoice) -> ChunkChoice:
        known, message = self._choices.get(choice.index), choice.message
        delta = choice.delta
        said = delta.content or delta.tool_calls or delta.refusal
        begun = known is not None and (any(known.content or ()) or known.calls or known.refusal)
        if message is None or said or begun:
            return replace(choice, message=None)
        calls = tuple(
            ToolCallDelta(i, call.id, call.function.name, call.function.arguments, call.extra_content)
            for i, call in enumerate(message.tool_calls)
        )
        content = message.content if isinstance(message.content, str) else None
        whole = replace(delta, content=content, refusal=message.refusal, tool_calls=calls)
        return replace(choice, delta=whole, message=None)

    def add_text(self, text: str) -> None:
        """Take text that a chunk adds to the first choice, and nothing else; not as the first chunk."""
        choice = self._choices.get(0)
        if choice is None or choice.content is None:
            self.add(CompletionChunk(choices=(ChunkChoice(Delta(content=text)),)))
        else:
            choice.content.append(text)

    @property
    def finished(self) -> bool:
        """Whether every choice that began has a finish reason."""
        return bool(self._choices) and all(c.finish_reason for c in self._choices.values())

    def completion(self, request_id: str | None = None, latency: float = 0.0) -> Completion:
        """Return all chunks so far as one completion."""
        first, last = self._first or CompletionChunk(), self._last or CompletionChunk()
        return Completion(
            id=first.id,
            model=first.model,
            choices=tuple(self._choices[i].choice(i) for i in sorted(self._choices)),
            usage=self._usage,
            created=first.created,
            system_fingerprint=last.system_fingerprint or first.system_fingerprint,
            request_id=request_id,
            latency=latency,
            raw=last.raw,
        )


def _larger(one: Usage | None, other: Usage | None) -> Usage | None:
    """Counts grow over a stream, and some APIs report each of them in another event."""
    if one is None or other is None:
        return one or other
    return Usage(*(max(getattr(one, f.name), getattr(other, f.name)) for f in fields(Usage)))
