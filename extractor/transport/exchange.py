"""One exchange over HTTP: what is sent, and what comes back, whole or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ..messages import Failure, FailureKind

Clock: TypeAlias = Callable[[], float]

CONNECT_TIMEOUT = 10.0  # seconds: a host that is there answers sooner
HELD_BACK = Failure(FailureKind.CONNECT, "not sent: it was no longer wanted once there was a connection")
KEPT_OPEN = 30.0  # seconds that a connection without a request is kept


@dataclass(frozen=True, slots=True)
class Post:
    """One POST. `headers` hold the key and stay out of the repr. timeout: seconds to wait for the next
    bytes; total: seconds for all of it; connect: seconds for the connection; first: seconds until the
    reply begins, None for `timeout`.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    total: float
    connect: float = CONNECT_TIMEOUT
    first: float | None = None

    @property
    def until_head(self) -> float:
        """Seconds until the reply begins."""
        return min(self.timeout if self.first is None else self.first, self.total)

    @property
    def until_next(self) -> float:
        """Seconds until the next bytes."""
        return min(self.timeout, self.total)


@dataclass(frozen=True, slots=True)
class Head:
    """The status and headers (lower-case names) of a reply, before its body."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A whole reply. `latency`: seconds from sending to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency: float


Piece: TypeAlias = Head | bytes | Failure


def whole(pieces: list[Piece], latency: float) -> HttpReply | Failure:
    """Return the reply that came in pieces, or why it is not whole."""
    head, *rest = pieces
    last = pieces[-1]
    if isinstance(last, Failure):
        return last
    assert isinstance(head, Head)  # noqa: S101  a stream yields a Head or a Failure first
    return HttpReply(head.status, head.headers, b"".join(p for p in rest if isinstance(p, bytes)), latency)
