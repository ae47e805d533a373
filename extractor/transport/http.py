"""Bytes out and back over HTTP. The only file that imports httpx; it decides nothing.

What can go wrong on the way comes back as a `Failure`, not as an exception. A client of the caller's
own is an httpx client, used with all that it is set to do. Ours are faster: for sync code httpx's
transport without the client around it, for async code aiohttp. httpx is imported on first use: where
rich is installed it loads that too, for a command line of its own.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Mapping
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from ..messages import Failure, FailureKind
from . import tape
from .aio import Session, Unwanted, apieces
from .exchange import (
    CONNECT_TIMEOUT,
    HELD_BACK,
    KEPT_OPEN,
    Clock,
    Head,
    HttpReply,
    Piece,
    Post,
    Spooled,
    whole,
)
from .proxies import is_loopback, proxy_of
from .reach import Reach, Timeouts

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = [
    "HELD_BACK",
    "AsyncClient",
    "AsyncSender",
    "Client",
    "Head",
    "HttpReply",
    "Piece",
    "Post",
    "Reach",
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

Client: TypeAlias = "httpx.Client"
AsyncClient: TypeAlias = "httpx.AsyncClient"
Sender: TypeAlias = "httpx.Client | Direct"
AsyncSender: TypeAlias = "httpx.AsyncClient | Session"
USUAL = Reach()
Raw: TypeAlias = list[tuple[bytes, bytes]]


class Direct:
    """Our own client for one server. Safe to use from several threads.

    It posts through httpx's transport itself: the client around that costs as much again, for
    cookies, redirects and authentication that an API of models has no use for.
    """

    def __init__(self, transport: httpx.BaseTransport, defaults: Mapping[str, str]) -> None:
        self._transport, self._defaults = transport, defaults
        self._last: tuple[str, Mapping[str, str], httpx.URL, Raw] | None = None

    def send(self, call: Post) -> httpx.Response:
        """Return the reply to a POST, its body yet to be read. Raises what httpx raises."""
        request = self._request(call)
        response = self._transport.handle_request(request)
        response.request = request
        return response

    def _request(self, call: Post) -> httpx.Request:
        """Return what is sent. No local of `send` holds the key: a traceback may show them."""
        import httpx

        url, headers = self._head(call.url, call.headers)
        return httpx.Request(
            call.method,
            url,
            headers=[*headers, (b"Content-Length", b"%d" % len(call.body))],
            stream=httpx.ByteStream(call.body),
            extensions={"timeout": _timeout(call).as_dict()},
        )

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _head(self, url: str, headers: Mapping[str, str]) -> tuple[httpx.URL, Raw]:
        """Return what is the same for every call, made once."""
        last = self._last
        if last is None or last[0] != url or last[1] != headers:
            last = self._last = (url, headers, *_head(url, self._defaults, headers))
        return last[2:]


def _head(url: str, defaults: Mapping[str, str], headers: Mapping[str, str]) -> tuple[httpx.URL, Raw]:
    import httpx

    merged = httpx.Headers(defaults)
    merged.update(headers)  # whatever the case of their names
    request = httpx.Request("GET", url, headers=merged)
    return request.url, request.headers.raw


def get(
    url: str, headers: Mapping[str, str], reach: Reach = USUAL, timeout: float = 10.0
) -> HttpReply | Failure:
    """Return the reply to a GET, by a connection of its own, or why there is none."""
    import httpx

    proxy, tls = reach.proxy or proxy_of(url), reach.context(_tls(url))
    try:
        with httpx.Client(proxy=proxy, verify=tls, trust_env=False, timeout=timeout) as client:
            response = client.get(url, headers=dict(headers))
            return HttpReply(response.status_code, dict(response.headers), response.content, 0.0)
    except Exception as error:
        return _failure(error, 0.0)


def download(
    url: str, headers: Mapping[str, str], reach: Reach = USUAL, timeout: float = 30.0
) -> Generator[Piece]:
    """Yield the Head of the reply to a GET, redirects followed, then its bytes as they were sent; a Failure
    ends it early. timeout: seconds for the connection, and from one piece to the next.
    """
    import httpx

    proxy, tls = reach.proxy or proxy_of(url), reach.context(_tls(url))
    limits = httpx.Timeout(timeout, connect=CONNECT_TIMEOUT)
    try:
        with (
            httpx.Client(proxy=proxy, verify=tls, trust_env=False, timeout=limits) as client,
            client.stream("GET", url, headers=dict(headers), follow_redirects=True) as response,
        ):
            yield _head_of(response)
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
    if isinstance(client, Session) and tape.current() is None:
        return await client.post(call, clock, unwanted)
    began = clock()
    return whole([piece async for piece in astream(client, call, clock)], clock() - began)


def stream(client: Sender, call: Post, clock: Clock) -> Generator[Piece]:
    """Send, and yield a Head, then the body's bytes as they come; a Failure ends it early."""
    pieces, playing = _stream(client, call, clock), tape.current()
    return pieces if playing is None else tape.through(playing, call, pieces)


def _stream(client: Sender, call: Post, clock: Clock) -> Generator[Piece]:
    began = clock()
    try:
        response = _sent(client, call)
        try:
            yield _begun(response, call)
            for chunk in response.iter_bytes():
                yield chunk
                _check(began + call.total, clock)
        finally:
            response.close()
        return
    except Exception as error:
        failure = _failure(error, clock() - began)
    yield failure


def _sent(client: Sender, call: Post) -> httpx.Response:
    if isinstance(client, Direct):
        return client.send(call)
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
    playing = tape.current()
    pieces = client.stream(call, clock) if isinstance(client, Session) else _astream(client, call, clock)
    return pieces if playing is None else tape.athrough(playing, call, pieces)


async def _astream(client: httpx.AsyncClient, call: Post, clock: Clock) -> AsyncGenerator[Piece]:
    began = clock()
    try:
        response = await _asent(client, call)
        try:
            yield _begun(response, call)
            async for chunk in response.aiter_bytes():
                yield chunk
                _check(began + call.total, clock)
        finally:
            await response.aclose()
        return
    except Exception as error:
        failure = _failure(error, clock() - began)
    yield failure


def new_client(base_url: str, reach: Reach = USUAL) -> Sender:
    """Return a pooled client for one server."""
    import httpx

    transport = httpx.HTTPTransport(
        verify=reach.context(_tls(base_url)),
        proxy=reach.proxy or proxy_of(base_url),
        limits=_limits(),
        trust_env=False,
        http2=reach.http2,
    )
    return Direct(transport, httpx.Client(transport=transport).headers)


def new_async_client(base_url: str, reach: Reach = USUAL) -> AsyncSender:
    """Return a pooled async client for one server, to be used in the running event loop alone."""
    proxy, tls = reach.proxy or proxy_of(base_url), reach.context(_tls(base_url))
    if not reach.http2 and (proxy is None or proxy.startswith("http")):
        return Session(proxy, tls)
    import httpx  # the other library knows no SOCKS and no HTTP/2

    return httpx.AsyncClient(proxy=proxy, verify=tls, limits=_limits(), trust_env=False, http2=reach.http2)


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
    return _head_of(response)


def _head_of(response: httpx.Response) -> Head:
    headers = {
        name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers.raw
    }
    return Head(response.status_code, headers)


def _timeout(call: Post) -> httpx.Timeout:
    import httpx

    connect = min(call.connect, call.until_head)
    return httpx.Timeout(call.until_next, connect=connect, read=call.until_head)


def _request(client: httpx.Client | httpx.AsyncClient, call: Post) -> httpx.Request:
    import httpx

    headers = dict(call.headers)
    if call.spooled is None:
        return client.build_request(
            call.method, call.url, content=call.body, headers=headers, timeout=_timeout(call)
        )
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
    import httpx

    if isinstance(error, MemoryError):
        raise error
    kind, message = _kind(error)
    known = isinstance(error, httpx.HTTPError | httpx.StreamError)
    said = str(error) if known else f"{type(error).__name__}: {error}"
    return Failure(kind, f"{message} ({said})" if said else message, latency=latency)


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
        case httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
            return FailureKind.CONNECT, "the request could not be sent"
        case OSError():
            return FailureKind.DROPPED, "the connection broke before the reply was complete"
        case _:
            return FailureKind.PROTOCOL, "the reply could not be read"
