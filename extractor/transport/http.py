"""Bytes out and back over HTTP. The only file that imports httpx; it decides nothing.

What can go wrong on the way comes back as a `Failure`, not as an exception. httpx is imported on
first use: where rich is installed it loads that too, for a command line of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from ..messages import Failure, FailureKind

if TYPE_CHECKING:
    import httpx

Clock: TypeAlias = Callable[[], float]
Client: TypeAlias = "httpx.Client"
AsyncClient: TypeAlias = "httpx.AsyncClient"


@dataclass(frozen=True, slots=True)
class Post:
    """One POST. `headers` hold the key and stay out of the repr. timeout: seconds to wait for the next
    bytes; total: seconds for all of it.
    """

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    total: float


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


def post(client: Client, call: Post, clock: Clock) -> HttpReply | Failure:
    """Send, and return the whole reply, or why there is none."""
    began = clock()
    return _whole(list(stream(client, call, clock)), clock() - began)


async def apost(client: AsyncClient, call: Post, clock: Clock) -> HttpReply | Failure:
    """`post` for async code."""
    began = clock()
    return _whole([piece async for piece in astream(client, call, clock)], clock() - began)


def stream(client: Client, call: Post, clock: Clock) -> Generator[Piece]:
    """Send, and yield a Head, then the body's bytes as they come; a Failure ends it early."""
    ends, failures = clock() + call.total, list[Failure]()
    with _failing(failures, began=clock(), clock=clock):
        request = _request(client, call)
        response = client.send(request, stream=True)
        try:
            yield _head(response)
            for chunk in response.iter_bytes():
                yield chunk
                _check(ends, clock)
        finally:
            response.close()
    yield from failures


async def astream(client: AsyncClient, call: Post, clock: Clock) -> AsyncGenerator[Piece]:
    """`stream` for async code."""
    ends, failures = clock() + call.total, list[Failure]()
    with _failing(failures, began=clock(), clock=clock):
        request = _request(client, call)
        response = await client.send(request, stream=True)
        try:
            yield _head(response)
            async for chunk in response.aiter_bytes():
                yield chunk
                _check(ends, clock)
        finally:
            await response.aclose()
    for failure in failures:
        yield failure


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine; proxies of the environment are not asked for those."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def new_client(base_url: str) -> Client:
    """Return a pooled client for one server."""
    import httpx

    return httpx.Client(trust_env=not is_loopback(base_url), limits=_limits())


def new_async_client(base_url: str) -> AsyncClient:
    """Return a pooled async client for one server."""
    import httpx

    return httpx.AsyncClient(trust_env=not is_loopback(base_url), limits=_limits())


_CONNECT_TIMEOUT = 10.0  # seconds: a host that is there answers sooner


def _limits() -> httpx.Limits:
    import httpx

    return httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30)


def _head(response: httpx.Response) -> Head:
    headers = {
        name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw
    }
    return Head(response.status_code, headers)


@lru_cache(maxsize=64)
def _url(url: str) -> httpx.URL:
    import httpx

    return httpx.URL(url)


def _request(client: httpx.Client | httpx.AsyncClient, call: Post) -> httpx.Request:
    import httpx

    seconds = min(call.timeout, call.total)
    timeout = httpx.Timeout(seconds, connect=min(_CONNECT_TIMEOUT, seconds))
    return client.build_request(
        "POST", call.url, content=call.body, headers=dict(call.headers), timeout=timeout
    )


def _check(ends: float, clock: Clock) -> None:
    import httpx

    if clock() > ends:  # httpx bounds each read, so a dripping reply would go on for ever
        raise httpx.ReadTimeout("the reply was not complete in time")


def _whole(pieces: list[Piece], latency: float) -> HttpReply | Failure:
    head, *rest = pieces
    last = pieces[-1]
    if isinstance(last, Failure):
        return last
    assert isinstance(head, Head)  # noqa: S101  a stream yields a Head or a Failure first
    return HttpReply(head.status, head.headers, b"".join(p for p in rest if isinstance(p, bytes)), latency)


@contextmanager
def _failing(failures: list[Failure], began: float, clock: Clock) -> Iterator[None]:
    """Turn httpx's exceptions into an entry of `failures`."""
    import httpx

    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        kind, message = _kind(error)
        detail = f" ({error})" if str(error) else ""
        failures.append(Failure(kind, message + detail, latency=clock() - began))


def _kind(error: Exception) -> tuple[FailureKind, str]:
    import httpx

    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return FailureKind.CONNECT, "no connection to the server in time"
        case httpx.TimeoutException():
            return FailureKind.TIMEOUT, "the server did not answer in time"
        case httpx.ConnectError() | httpx.ProxyError():
            return FailureKind.CONNECT, "the server could not be reached"
        case httpx.ReadError() | httpx.WriteError() | httpx.CloseError() | httpx.RemoteProtocolError():
            return FailureKind.DROPPED, "the connection broke before the reply was complete"
        case _:
            return FailureKind.PROTOCOL, "the reply could not be read"
