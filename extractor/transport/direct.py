"""Our own sync client, on httpcore, the library below httpx. httpx itself doubles the cost, for cookies,
redirects and authentication, which an API of models does not need.

httpcore bounds each read and each write. A server that sends a byte a second is always in time for those,
so here each of them is also held to the end of the whole request.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextvars import ContextVar
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias

import httpcore

from ..processes import leave_alone, when_forked
from .exchange import KEPT_OPEN, Clock, Head, Post, finite

if TYPE_CHECKING:
    import ssl

Raw: TypeAlias = list[tuple[bytes, bytes]]
AsSent: TypeAlias = Callable[[str, Mapping[str, str]], tuple[httpcore.URL, Raw]]
PIECE = 2**16  # bytes that are written before it is asked again whether there is time left
LATE = "the reply was not complete in time"


class Direct:
    """Our own client for one server. Safe to use from several threads, and in a forked child, where it
    opens connections of its own.

    make: gives httpcore's pool, over a `BoundedNetwork`. as_sent: what a URL and headers are on the wire.
    clock: that of the network.
    """

    def __init__(self, make: Callable[[], httpcore.ConnectionPool], as_sent: AsSent, clock: Clock) -> None:
        self._make, self._pool, self._as_sent, self._clock = make, make(), as_sent, clock
        self._last: tuple[str, Mapping[str, str], httpcore.URL, Raw] | None = None
        when_forked(self, Direct._begin_anew)

    def stream(self, call: Post) -> Generator[Head | bytes]:
        """Send, and yield a Head, then the body's bytes as they were sent. Raises what httpcore raises, a
        ReadTimeout once `call.total` seconds have gone.
        """
        ends = self._clock() + call.total
        try:
            with _Until(ends):
                timeouts, response = self._begun(call)
        except KeyboardInterrupt as error:
            raise error.with_traceback(None) from None  # its frames hold the headers, and the key
        try:
            timeouts["read"] = finite(call.until_next)
            yield Head.of(response.status, response.headers)
            pieces = response.iter_stream()
            while True:
                with _Until(ends):
                    piece = next(pieces, None)
                if piece is None:
                    return
                yield piece
        finally:
            response.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _begin_anew(self) -> None:
        leave_alone(self._pool)
        self._pool = self._make()

    def _begun(self, call: Post) -> tuple[dict[str, float | None], httpcore.Response]:
        """Return how long each step may take, to be changed, and the reply, its body yet to be read."""
        connect = finite(min(call.connect, call.until_head))
        timeouts = {
            "connect": connect,
            "pool": connect,
            "write": finite(call.until_next),
            "read": finite(call.until_head),
        }
        return timeouts, self._pool.handle_request(self._request(call, timeouts))

    def _request(self, call: Post, timeouts: Mapping[str, float | None]) -> httpcore.Request:
        """Return what is sent. No local of `_begun` holds the key: a traceback may show them."""
        url, headers = self._on_the_wire(call.url, call.headers)
        length = [] if call.method == "GET" else [(b"Content-Length", b"%d" % len(call.body))]
        return httpcore.Request(
            call.method, url, headers=[*headers, *length], content=call.body, extensions={"timeout": timeouts}
        )

    def _on_the_wire(self, url: str, headers: Mapping[str, str]) -> tuple[httpcore.URL, Raw]:
        """Return what is the same for every call, made once."""
        last = self._last
        if last is None or last[0] != url or last[1] != headers:
            last = self._last = (url, headers, *self._as_sent(url, headers))
        return last[2:]


def pool_of(
    tls: ssl.SSLContext, proxy: httpcore.Proxy | None, http2: bool, clock: Clock
) -> httpcore.ConnectionPool:
    """Return connections of which each wait ends with the request that waits."""
    return httpcore.ConnectionPool(
        ssl_context=tls,
        proxy=proxy,
        max_connections=None,
        max_keepalive_connections=64,
        keepalive_expiry=KEPT_OPEN,
        http2=http2,
        network_backend=BoundedNetwork(httpcore.SyncBackend(), clock),
    )


_ends: ContextVar[float] = ContextVar("ends", default=inf)  # of the request that this code waits for


class _Until:
    """All waiting for the network within it ends at a second of the network's clock."""

    __slots__ = ("_ends", "_token")

    def __init__(self, ends: float) -> None:
        self._ends = ends

    def __enter__(self) -> None:
        self._token = _ends.set(self._ends)

    def __exit__(self, *_: object) -> None:
        _ends.reset(self._token)


class BoundedNetwork(httpcore.NetworkBackend):
    """A network whose waits end when the request does that waits."""

    def __init__(self, inner: httpcore.NetworkBackend, clock: Clock) -> None:
        self._inner, self._clock = inner, clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection."""
        left = _left(timeout, self._clock, httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, local_address, socket_options)
        return _BoundedStream(stream, self._clock)


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, clock: Clock) -> None:
        self._inner, self._clock = inner, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, self._clock, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            left = _left(timeout, self._clock, httpcore.WriteTimeout)
            self._inner.write(buffer[start : start + PIECE], left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, self._clock, httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(timeout: float | None, clock: Clock, late: type[Exception]) -> float | None:
    """Return how long a step may take: as long as it is allowed, and while the request has time left."""
    ends = _ends.get()
    if ends == inf:
        return timeout
    left = ends - clock()
    if left <= 0:
        raise late(LATE)
    return left if timeout is None else min(timeout, left)
