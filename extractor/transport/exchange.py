"""One exchange over HTTP: what is sent, and what comes back, whole or in pieces."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Literal, TypeAlias

from ..messages import Failure, FailureKind

Clock: TypeAlias = Callable[[], float]

CONNECT_TIMEOUT = 10.0  # seconds: a host that is there answers sooner
HELD_BACK = Failure(FailureKind.CONNECT, "not sent: it was cancelled before there was a connection")
KEPT_OPEN = 30.0  # seconds that a connection without a request is kept
LARGE = 2**24  # bytes: no whole reply of a model is larger, but for its log-probabilities

PIECE = 1 << 20  # bytes of a file that are in memory at once


@dataclass(frozen=True, slots=True)
class Spooled:
    """A body that lies in a file, between two pieces of bytes; it is read while it is sent."""

    path: Path
    before: bytes = b""
    after: bytes = b""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.before) + os.path.getsize(self.path) + len(self.after)

    def pieces(self) -> Iterator[bytes]:
        """Yield the body."""
        yield self.before
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
        yield self.after


@dataclass(frozen=True, slots=True)
class Post:
    """One request, a POST unless `method` says otherwise. `headers` hold the key and stay out of the
    repr. timeout: seconds to wait for the next bytes; total: seconds for all of it; connect: seconds
    for the connection; first: seconds until the reply begins, None for `timeout`. spooled: what is
    sent in place of `body`, by async clients and by httpx's alone. most: bytes that the reply may unpack
    to, None for any number. known_as: the body that a journal knows it by, None for `body`.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    total: float
    connect: float = CONNECT_TIMEOUT
    first: float | None = None
    method: Literal["POST", "GET"] = "POST"
    spooled: Spooled | None = None
    most: int | None = None
    known_as: bytes | None = field(default=None, repr=False)

    @property
    def until_head(self) -> float:
        """Seconds until the reply begins."""
        return min(self.timeout if self.first is None else self.first, self.total)

    @property
    def until_next(self) -> float:
        """Seconds until the next bytes."""
        return min(self.timeout, self.total)

    def within(self, seconds: float) -> Post:
        """Return the request as it is sent where that is all the time there is."""
        return replace(self, timeout=min(self.timeout, seconds), total=seconds)


@dataclass(frozen=True, slots=True)
class Head:
    """The status and headers (lower-case names) of a reply, before its body."""

    status: int
    headers: Mapping[str, str]

    @classmethod
    def of(cls, status: int, raw: Iterable[tuple[bytes, bytes]]) -> Head:
        """Return the head whose headers are these on the wire."""
        return cls(status, {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in raw})


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply. `latency`: seconds from sending to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency: float


Piece: TypeAlias = Head | bytes | Failure


def finite(seconds: float) -> float | None:
    """Return a time as clients take it: None for one without an end."""
    return None if seconds == inf else seconds


def whole(pieces: list[Piece], latency: float) -> HttpReply | Failure:
    """Return the reply that came in pieces, or why it is not whole."""
    head, *rest = pieces
    last = pieces[-1]
    if isinstance(last, Failure):
        return last
    assert isinstance(head, Head)  # noqa: S101  a stream yields a Head or a Failure first
    return HttpReply(head.status, head.headers, b"".join(p for p in rest if isinstance(p, bytes)), latency)
