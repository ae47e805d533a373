"""A response as bytes on a connection: what is written, where it waits, how it ends. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain, pairwise, repeat
from typing import TypeAlias

from .replies import Drop, Event, Raw, Response, Sse


@dataclass(frozen=True, slots=True)
class Close:
    """The connection ends here, by a TCP reset or in order."""

    reset: bool = False


Step: TypeAlias = bytes | float | Close  # write these bytes; wait so many seconds; close


def steps(response: Response | Raw) -> Iterator[Step]:
    """Yield what to do, in order; no `Close` at the end means that the connection stays open."""
    delivery = response.delivery
    waits = chain([delivery.latency, delivery.body_delay], repeat(delivery.chunk_delay))
    yield next(waits)
    for n, data in enumerate(_cut(_writes(response), delivery.drop, "response")):
        if n:
            yield next(waits)
        yield data
    if delivery.drop is not None:
        yield Close(delivery.drop.reset)
    elif isinstance(response, Raw):
        yield Close()


def _writes(response: Response | Raw) -> Iterable[bytes]:
    """Return the head and the pieces of the body, framed as HTTP/1.1 wants them."""
    if isinstance(response, Raw):
        return _split([response.data], response.delivery.split)
    drop = response.delivery.drop
    whole = _split(_body(response), response.delivery.split)
    pieces = list(_cut(whole, drop, "body"))
    if len(whole) <= 1 and isinstance(response.body, bytes):
        return [_head(response, ("content-length", str(len(response.body)))), *pieces]
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    ending = [] if drop is not None and drop.part != "response" else [b"0\r\n\r\n"]
    return [_head(response, ("transfer-encoding", "chunked")), *chunks, *ending]


def _head(response: Response, framing: tuple[str, str]) -> bytes:
    reason = HTTPStatus(response.status).phrase if response.status in _STATUSES else ""
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {value}" for name, value in (*response.headers, framing)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _body(response: Response) -> Sequence[bytes]:
    if isinstance(response.body, bytes):
        return [response.body] if response.body else []
    drop, sse = response.delivery.drop, response.delivery.sse
    limit = drop.after if drop is not None and drop.part == "events" else None
    return [event_bytes(event, sse) for event in response.body[: sse.only][:limit]]


def event_bytes(event: Event, sse: Sse) -> bytes:
    """Return one server-sent event. Source: HTML standard, section 9.2, server-sent events."""
    lines = [] if sse.comment is None else [f": {sse.comment}", ""]
    lines += [] if event.name is None else [f"event: {event.name}"]
    lines += [f"data: {line}" for line in event.data.split("\n")]
    return "".join(line + sse.newline for line in (*lines, "")).encode()


def _split(pieces: Sequence[bytes], at: int | tuple[int, ...] | None) -> Sequence[bytes]:
    data = b"".join(pieces)
    if at is None or not data:
        return pieces
    cuts = range(at, len(data), at) if isinstance(at, int) else sorted({n for n in at if 0 < n < len(data)})
    return [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]


def _cut(pieces: Iterable[bytes], drop: Drop | None, part: str) -> Iterator[bytes]:
    """Yield the pieces up to where the connection is lost, if that is counted in this part."""
    left = drop.after if drop is not None and drop.part == part else None
    for piece in pieces:
        if left is not None and len(piece) >= left:
            yield from [piece[:left]] if left else []
            return
        left = None if left is None else left - len(piece)
        yield piece


_STATUSES = frozenset(HTTPStatus)
