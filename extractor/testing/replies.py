"""Answers of the server, as frozen values, and the functions that make them.

A `Reply` is what a model says and a `Status` is an API's error; how either is spelt is left to the
API that was asked. A `Response` is one HTTP response, a `Raw` the very bytes. All of them have a
`Delivery`: when, in which pieces and how far the bytes go out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Literal, TypeAlias

from extractor.messages import JSON, Choice, FunctionCall, Message, ToolCall, Usage

Headers: TypeAlias = tuple[tuple[str, str], ...]
Tokens: TypeAlias = Usage | Literal["counted"] | None
Part: TypeAlias = Literal["response", "body", "events"]


@dataclass(frozen=True, slots=True)
class Sse:
    """How a stream of server-sent events is written, if the request asks for a stream.

    - piece: how many characters of text one chunk has.
    - newline: the line ending, LF, CR or CRLF.
    - comment: a comment line before every event.
    - multiline: whether the JSON of an event spans several data lines.
    - done: whether `[DONE]` ends the stream.
    - only: stop after this many events, as if the stream were complete.
    """

    piece: int = 8
    newline: Literal["\n", "\r", "\r\n"] = "\n"
    comment: str | None = None
    multiline: bool = False
    done: bool = True
    only: int | None = None


@dataclass(frozen=True, slots=True)
class Drop:
    """Where the connection is lost: after this many bytes of the whole response, bytes of its body, or events
    of its stream.

    - reset: by a TCP reset in place of an orderly close.
    """

    after: int = 0
    part: Part = "response"
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """When, in which pieces and how far an answer is sent. All times are seconds.

    - latency: before the first byte.
    - body_delay: between the headers and the body.
    - chunk_delay: between two pieces of the body.
    - split: the size of the pieces of the body in bytes, or the positions at which it is cut. Each piece is
      one HTTP chunk.
    - drop: where the connection is lost.
    """

    latency: float = 0.0
    body_delay: float = 0.0
    chunk_delay: float = 0.0
    split: int | tuple[int, ...] | None = None
    drop: Drop | None = None
    sse: Sse = Sse()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answers. usage: None to report none, "counted" for one token every four characters."""

    choices: tuple[Choice, ...]
    usage: Tokens = "counted"
    headers: Headers = ()
    delivery: Delivery = Delivery()


@dataclass(frozen=True, slots=True)
class Shaped:
    """A reply whose value is made to fit the schema in the request. Equal `seed`, schema and messages give
    equal replies. keep: only the first so many characters, as if the token limit had been reached.
    """

    seed: int = 0
    keep: int | None = None
    usage: Tokens = "counted"
    headers: Headers = ()
    delivery: Delivery = Delivery()


@dataclass(frozen=True, slots=True)
class Status:
    """An error in the API's own form. None leaves `type` and `code` to what is usual for `status`."""

    status: int
    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    headers: Headers = ()
    delivery: Delivery = Delivery()


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    data: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. body: bytes, or events for a stream."""

    status: int
    body: bytes | tuple[Event, ...]
    headers: Headers = ()
    delivery: Delivery = Delivery()


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they go out, HTTP or not; then the connection is closed."""

    data: bytes
    delivery: Delivery = Delivery()


Scripted: TypeAlias = Reply | Shaped | Status | Response | Raw


def reply(
    *contents: JSON,
    finish_reason: str | None = "stop",
    usage: Tokens = "counted",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply with one choice for each content: a text, None, or a value that is written as JSON."""
    return _reply([Message("assistant", _text(c)) for c in contents], finish_reason, usage, headers)


def logprobs(said: Reply, told: Mapping[str, float] | Sequence[tuple[str | bytes, float]]) -> Reply:
    """Return a reply with the log-probabilities of its tokens, for requests that ask for them.

    - told: each token, as text or as bytes, with its log-probability; or only those of some pieces of the
      text. These pieces are tokens then, and the words around them are tokens with 0: the model is sure of
      them.
    """
    choices = []
    for choice in said.choices:
        tokens = _words(str(choice.message.content), told) if isinstance(told, Mapping) else told
        choices.append(replace(choice, logprobs={"content": [_token(*token) for token in tokens]}))
    return replace(said, choices=tuple(choices))


def _words(text: str, told: Mapping[str, float]) -> list[tuple[str, float]]:
    pieces = "|".join(map(re.escape, sorted(told, key=len, reverse=True)))
    words = re.findall(rf"{pieces}|\w+|\W" if pieces else r"\w+|\W", text)
    return [(word, told.get(word, 0.0)) for word in words]


def _token(token: str | bytes, logprob: float) -> JSON:
    data = token if isinstance(token, bytes) else token.encode()
    shown = data.decode(errors="replace")
    return {"token": shown, "logprob": logprob, "bytes": list(data), "top_logprobs": []}


def calls(
    *functions: tuple[str, JSON],
    content: str | None = None,
    finish_reason: str | None = "tool_calls",
    usage: Tokens = "counted",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return a reply that calls each (name, arguments). Arguments are a value, or text sent as it is."""
    tool_calls = tuple(
        ToolCall(f"call_{n}", FunctionCall(name, _text(arguments) or ""))
        for n, (name, arguments) in enumerate(functions)
    )
    return _reply([Message("assistant", content, tool_calls=tool_calls)], finish_reason, usage, headers)


def refusal(reason: str = "I can't help with that.") -> Reply:
    """Return a reply in which the model refuses."""
    return _reply([Message("assistant", refusal=reason)], "stop")


def filtered(text: str | None = None) -> Reply:
    """Return a reply that the content filter ended, after `text` if there is any."""
    return _reply([Message("assistant", text)], "content_filter")


def truncated(text: str) -> Reply:
    """Return a reply that the token limit ended after `text`."""
    return _reply([Message("assistant", text)], "length")


def no_choices() -> Reply:
    """Return a reply whose list of choices is empty."""
    return Reply(())


def shaped(
    seed: int = 0,
    keep: int | None = None,
    usage: Tokens = "counted",
    headers: Mapping[str, str] | None = None,
) -> Shaped:
    """Return a reply that fits the schema in the request; see `Shaped`."""
    return Shaped(seed, keep, usage, _headers(headers))


def status(
    status: int,
    message: str | None = None,
    *,
    retry_after: float | datetime | str | None = None,
    type: str | None = None,  # noqa: A002  the API's own word
    code: str | None = None,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Status:
    """Return an error with this HTTP status.

    - retry_after: the Retry-After header: seconds, a moment (aware, sent as an HTTP-date), or any text.
    """
    asked = () if retry_after is None else (("retry-after", _retry_after(retry_after)),)
    message = message or f"The server answers {status}, as the script says."
    return Status(status, message, type, code, param, asked + _headers(headers))


def body(
    content: str | bytes,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response with exactly this body, whatever the request was."""
    data = content.encode() if isinstance(content, str) else content
    return Response(status, data, (("content-type", content_type), *_headers(headers)))


def raw(data: bytes) -> Raw:
    """Return bytes that are sent as they are before the connection is closed."""
    return Raw(data)


def rate_limits(
    limit: int, remaining: int, reset: str = "1s", unit: Literal["requests", "tokens"] = "requests"
) -> dict[str, str]:
    """Return the `x-ratelimit-*` headers for one unit; join two by `|`."""
    values = {"limit": str(limit), "remaining": str(remaining), "reset": reset}
    return {f"x-ratelimit-{name}-{unit}": value for name, value in values.items()}


def drop(
    scripted: Scripted = Shaped(),
    *,
    after: int = 0,
    part: Part = "response",
    reset: bool = False,
) -> Scripted:
    """Return `scripted`, but the connection is lost on the way; see `Drop`."""
    return _delivered(scripted, drop=Drop(after, part, reset))


def slow(
    scripted: Scripted = Shaped(),
    *,
    latency: float = 0.0,
    body_delay: float = 0.0,
    chunk_delay: float = 0.0,
) -> Scripted:
    """Return `scripted` with waits in seconds; `math.inf` waits for ever. See `Delivery`."""
    return _delivered(scripted, latency=latency, body_delay=body_delay, chunk_delay=chunk_delay)


def split(scripted: Scripted = Shaped(), *, at: int | Sequence[int] = 1) -> Scripted:
    """Return `scripted` with its body in pieces of `at` bytes, or cut at these positions."""
    if isinstance(at, int) and at < 1:
        raise ValueError(f"a piece has at least one byte, not {at}")
    return _delivered(scripted, split=at if isinstance(at, int) else tuple(at))


def stream(scripted: Scripted = Shaped(), **changes: Any) -> Scripted:
    """Return `scripted` with its server-sent events written in another way; see `Sse`."""
    return _delivered(scripted, sse=replace(scripted.delivery.sse, **changes))


def _delivered(scripted: Scripted, **changes: Any) -> Scripted:
    return replace(scripted, delivery=replace(scripted.delivery, **changes))


def _reply(
    messages: Sequence[Message],
    finish_reason: str | None,
    usage: Tokens = "counted",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    choices = (Choice(message, finish_reason, index) for index, message in enumerate(messages))
    return Reply(tuple(choices), usage, _headers(headers))


def _headers(headers: Mapping[str, str] | None) -> Headers:
    return tuple((headers or {}).items())


def _text(content: JSON) -> str | None:
    return content if content is None or isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def _retry_after(value: float | datetime | str) -> str:
    return format_datetime(value, usegmt=True) if isinstance(value, datetime) else str(value)
