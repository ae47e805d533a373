"""Bytes out and back over HTTP. The only file that imports httpx; it decides nothing.

What can go wrong on the way comes back as a `Failure`, not as an exception. A client of the caller's own is
an httpx client, used with all that it is set to do. Ours are faster and bound each wait: for sync code
httpcore, for async code aiohttp. httpx is imported on first use, since it loads rich too, if that is
installed, for its own command line.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import closing
from functools import cache, lru_cache, partial
from itertools import count
from typing import TYPE_CHECKING, TypeAlias, cast

from ..messages import Failure, FailureKind
from ..processes import check_process
from . import tape
from .connection import ConnectionOptions, Timeouts
from .decoding import ACCEPTED, TOO_LARGE, UNREADABLE, Body
from .exchange import (
    CONNECT_TIMEOUT,
    HELD_BACK,
    KEPT_OPEN,
    LARGE,
    Clock,
    Head,
    HttpReply,
    Piece,
    Post,
    Spooled,
    finite,
    whole,
)
from .proxies import check_allowed, is_loopback, proxy_of

if TYPE_CHECKING:
    import ssl

    import httpcore
    import httpx
    from typing_extensions import TypeIs

    from .aio import Session, Unwanted
    from .direct import Direct

__all__ = [
    "HELD_BACK",
    "LARGE",
    "AsyncClient",
    "AsyncSender",
    "Client",
    "ConnectionOptions",
    "Head",
    "HttpReply",
    "Piece",
    "Post",
    "Sender",
    "Spooled",
    "Timeouts",
    "apost",
    "astream",
    "download",
    "get",
    "is_loopback",
    "new_async_client",
    "new_client",
    "post",
    "stream",
    "whole",
]

if TYPE_CHECKING:
    Client: TypeAlias = httpx.Client
    AsyncClient: TypeAlias = httpx.AsyncClient
else:

    def __getattr__(name: str) -> type:
        """Import httpx where an annotation that names its clients is resolved (PEP 562)."""
        if name not in ("Client", "AsyncClient"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import httpx

        return getattr(httpx, name)


Sender: TypeAlias = "httpx.Client | Direct"
AsyncSender: TypeAlias = "httpx.AsyncClient | Session"
USUAL = ConnectionOptions()


def get(
    url: str, headers: Mapping[str, str], connection: ConnectionOptions = USUAL, timeout: float = 10.0
) -> HttpReply | Failure:
    """Return the reply to a GET, by a connection of its own, or why there is none."""
    with closing(new_client(url, connection)) as client:
        call = Post(url, b"", headers, timeout, timeout, method="GET", most=LARGE)
        return post(client, call, time.monotonic)


def download(
    url: str, headers: Mapping[str, str], connection: ConnectionOptions = USUAL, timeout: float = 30.0
) -> Generator[Piece]:
    """Yield the Head of the reply to a GET, redirects followed, then its bytes as they were sent; a Failure
    ends it early. timeout: seconds for the connection, and from one piece to the next.
    """
    check_allowed(url, os.environ)
    import httpx

    proxy, tls = connection.proxy or proxy_of(url), connection.context(_tls(url))
    limits = httpx.Timeout(timeout, connect=CONNECT_TIMEOUT)
    try:
        with (
            httpx.Client(proxy=proxy, verify=tls, trust_env=False, timeout=limits) as client,
            client.stream("GET", url, headers=dict(headers), follow_redirects=True) as response,
        ):
            yield Head.of(response.status_code, response.headers.raw)
            yield from response.iter_raw()
        return
    except Exception as error:
        failure = _failure(error, 0.0)
    yield failure


def post(client: Sender, call: Post, clock: Clock) -> HttpReply | Failure:
    """Send, and return the whole reply, or why there is none."""
    began = clock()
    return whole(list(stream(client, call, clock)), clock() - began)


async def apost(
    client: AsyncSender, call: Post, clock: Clock, unwanted: Unwanted | None = None
) -> HttpReply | Failure:
    """`post` for async code. unwanted: what a client of our own asks just before it sends; it returns
    HELD_BACK where that says so.
    """
    from .aio import Session

    if isinstance(client, Session) and tape.current() is None:
        call = tape.as_sent(call)
        return await client.post(call, clock, unwanted)
    began = clock()
    return whole([piece async for piece in astream(client, call, clock)], clock() - began)


def stream(client: Sender, call: Post, clock: Clock) -> Generator[Piece]:
    """Send, and yield a Head, then the body's bytes as they come; a Failure ends it early."""
    call = tape.as_sent(call)
    pieces, playing = _stream(client, call, clock), tape.current()
    return pieces if playing is None else tape.through(playing, call, pieces)


def _stream(client: Sender, call: Post, clock: Clock) -> Generator[Piece]:
    began, process = clock(), os.getpid()
    try:
        with closing(_raw(client, call)) as sent:
            head = next(sent)
            assert isinstance(head, Head)  # noqa: S101  it comes first
            yield head
            body = Body(head.headers.get("content-encoding", ""), call.most)
            for data in sent:
                yield from body.feed(cast("bytes", data))
                check_process(process, "a stream")
                _check(began + call.total, clock)
            body.end()
        return
    except Exception as error:
        failure = _failure(error, clock() - began)
    yield failure


def _raw(client: Sender, call: Post) -> Generator[Head | bytes]:
    """Send, and yield a Head, then the body's bytes as they were sent."""
    if not _is_httpx(client):
        yield from client.stream(call)
        return
    response = _sent(client, call)
    try:
        yield _begun(response, call)
        yield from response.iter_bytes() if response.is_stream_consumed else response.iter_raw()
    finally:
        response.close()


def _is_httpx(client: Sender) -> TypeIs[httpx.Client]:
    import httpx

    return isinstance(client, httpx.Client)


def _sent(client: httpx.Client, call: Post) -> httpx.Response:
    response = client.send(_request(client, call), stream=True, follow_redirects=False)
    hops = count(1)
    while (further := _hop(client, response, next(hops))) is not None:
        response.close()
        response = client.send(further, stream=True, follow_redirects=False)
    return response


async def _asent(client: httpx.AsyncClient, call: Post) -> httpx.Response:
    response = await client.send(_request(client, call), stream=True, follow_redirects=False)
    hops = count(1)
    while (further := _hop(client, response, next(hops))) is not None:
        await response.aclose()
        response = await client.send(further, stream=True, follow_redirects=False)
    return response


def _hop(
    client: httpx.Client | httpx.AsyncClient, response: httpx.Response, hops: int
) -> httpx.Request | None:
    """Return the request to which a caller's own client follows a redirect; None where it ends here. It is
    followed on its own server alone: to another one httpx takes along each key but that in `Authorization`.
    """
    further, url = response.next_request, response.request.url
    if further is None or not client.follow_redirects or hops > client.max_redirects:
        return None
    same = (further.url.scheme, further.url.netloc) == (url.scheme, url.netloc)
    return further if same else None


def astream(client: AsyncSender, call: Post, clock: Clock) -> AsyncGenerator[Piece]:
    """`stream` for async code."""
    from .aio import Session

    call, playing = tape.as_sent(call), tape.current()
    pieces = client.stream(call, clock) if isinstance(client, Session) else _astream(client, call, clock)
    return pieces if playing is None else tape.athrough(playing, call, pieces)


async def _astream(client: httpx.AsyncClient, call: Post, clock: Clock) -> AsyncGenerator[Piece]:
    import asyncio

    began = clock()
    try:
        async with asyncio.timeout(finite(call.total)):
            response = await _asent(client, call)
        try:
            head = _begun(response, call)
            yield head
            body = Body(head.headers.get("content-encoding", ""), call.most)
            sent = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
            async for data in sent:
                for piece in body.feed(data):
                    yield piece
                _check(began + call.total, clock)
            body.end()
        finally:
            await response.aclose()
        return
    except Exception as error:
        failure = _failure(error, clock() - began)
    yield failure


def new_client(base_url: str, connection: ConnectionOptions = USUAL, clock: Clock = time.monotonic) -> Sender:
    """Return a pooled client for one server."""
    from .direct import Direct, pool_of

    proxy = _proxy_on_the_way(base_url, connection)
    by = _proxy(proxy) if proxy else None
    pool = partial(pool_of, connection.context(_tls(base_url)), by, connection.http2, clock)
    return Direct(pool, partial(_on_the_wire, _usual_headers()), clock)


def new_async_client(base_url: str, connection: ConnectionOptions = USUAL) -> AsyncSender:
    """Return a pooled async client for one server, to be used in the running event loop alone."""
    proxy, tls = _proxy_on_the_way(base_url, connection), connection.context(_tls(base_url))
    if not connection.http2 and (proxy is None or proxy.startswith("http")):
        from .aio import Session

        return Session(proxy, tls)
    import httpx  # the other library knows no SOCKS and no HTTP/2

    http2 = connection.http2
    return httpx.AsyncClient(proxy=proxy, verify=tls, limits=_limits(), trust_env=False, http2=http2)


def _proxy_on_the_way(base_url: str, connection: ConnectionOptions) -> str | None:
    return None if tape.is_led() else connection.proxy or proxy_of(base_url)


def _proxy(url: str) -> httpcore.Proxy:
    import httpcore
    import httpx

    proxy = httpx.Proxy(url)  # takes the user and the password out of the URL
    return httpcore.Proxy(_url(proxy.url), auth=proxy.raw_auth)


@cache
def _usual_headers() -> Mapping[str, str]:
    import httpx

    with httpx.Client(trust_env=False) as client:
        return {**client.headers, "accept-encoding": ACCEPTED}


def _on_the_wire(
    usual: Mapping[str, str], url: str, headers: Mapping[str, str]
) -> tuple[httpcore.URL, list[tuple[bytes, bytes]]]:
    import httpx

    merged = httpx.Headers(usual)
    merged.update(headers)  # whatever the case of their names
    request = httpx.Request("GET", url, headers=merged)
    return _url(request.url), request.headers.raw


def _url(url: httpx.URL) -> httpcore.URL:
    import httpcore

    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _limits() -> httpx.Limits:
    import httpx

    return httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEPT_OPEN)


def _tls(url: str) -> ssl.SSLContext:
    """Return what a server has to show. To load all authorities takes longer than many a request."""
    return _authorities(*(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))


@lru_cache(maxsize=4)
def _authorities(file: str | None, folder: str | None) -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


def _begun(response: httpx.Response, call: Post) -> Head:
    """Return the head of a reply that has begun; from here on the next bytes are waited for as long."""
    response.request.extensions["timeout"]["read"] = call.until_next
    head = Head.of(response.status_code, response.headers.raw)
    if not response.is_stream_consumed:
        return head
    unpacked = {name: value for name, value in head.headers.items() if name != "content-encoding"}
    return Head(head.status, unpacked)  # a transport of the caller's own had it whole


def _timeout(call: Post) -> httpx.Timeout:
    import httpx

    connect = min(call.connect, call.until_head)
    return httpx.Timeout(call.until_next, connect=connect, read=call.until_head)


def _request(client: httpx.Client | httpx.AsyncClient, call: Post) -> httpx.Request:
    import httpx

    headers = {"Accept-Encoding": ACCEPTED, **call.headers}
    if call.spooled is None:
        return client.build_request(
            call.method, call.url, content=call.body, headers=headers, timeout=_timeout(call)
        )
    from .aio import apieces

    awaits = isinstance(client, httpx.AsyncClient)
    return client.build_request(
        call.method,
        call.url,
        content=apieces(call.spooled) if awaits else call.spooled.pieces(),
        headers={**headers, "Content-Length": str(call.spooled.size)},
        timeout=_timeout(call),
    )


def _check(ends: float, clock: Clock) -> None:
    import httpx

    if clock() > ends:  # httpx bounds each read, so a dripping reply would go on for ever
        raise httpx.ReadTimeout("the reply was not complete in time")


def _failure(error: Exception, latency: float) -> Failure:
    """Return the failure of an exchange that raised an error: whatever a client and its parts may raise."""
    if isinstance(error, MemoryError):
        raise error
    kind, message = _kind(error)
    known = type(error).__module__.startswith(("httpx", "httpcore", "extractor"))
    said = str(error) if known else f"{type(error).__name__}: {error}"
    return Failure(kind, f"{message} ({said})" if said else message, latency=latency)


def _kind(error: Exception) -> tuple[FailureKind, str]:
    """Return the kind of failure that an error is, and its sentence."""
    names = (each.__name__ for each in type(error).__mro__)  # httpx and httpcore have the same ones
    return next((_KINDS[name] for name in names if name in _KINDS), (FailureKind.PROTOCOL, UNREADABLE))


_NO_CONNECTION = (FailureKind.CONNECT, "no connection to the server in time")
_LATE = (FailureKind.TIMEOUT, "the server did not answer in time")
_NOT_REACHED = (FailureKind.CONNECT, "the server could not be reached")
_BROKEN = (FailureKind.DROPPED, "the connection broke before the reply was complete")
_NOT_SENT = (FailureKind.CONNECT, "the request could not be sent")
_KINDS = {
    "ConnectTimeout": _NO_CONNECTION,
    "PoolTimeout": _NO_CONNECTION,
    "TimeoutException": _LATE,
    "TimeoutError": _LATE,
    "ConnectError": _NOT_REACHED,
    "ProxyError": _NOT_REACHED,
    "NetworkError": _BROKEN,
    "RemoteProtocolError": _BROKEN,
    "UnsupportedProtocol": _NOT_SENT,
    "LocalProtocolError": _NOT_SENT,
    "OSError": _BROKEN,
    "TooLarge": (FailureKind.TOO_LARGE, TOO_LARGE),
}
