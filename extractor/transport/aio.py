"""Our own async client, on aiohttp: with many requests in flight it takes a small part of the CPU time
that httpx's pool takes (encode/httpx #3215). aiohttp is imported on first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ..messages import Failure, FailureKind
from ..processes import leave_alone, when_forked
from .decoding import ACCEPTED, TOO_LARGE, UNREADABLE, Body, TooLarge, Unreadable
from .exchange import HELD_BACK, KEPT_OPEN, Clock, Head, HttpReply, Piece, Post, Spooled

if TYPE_CHECKING:
    import ssl

    import aiohttp

_LARGE = 2**20  # bytes; a larger body is written piece by piece, so that it does not hold up the others
_LONGEST_HEADER = 2**16  # bytes

Unwanted: TypeAlias = Callable[[], bool]  # whether a request is not to go out after all
_unwanted: ContextVar[Unwanted | None] = ContextVar("unwanted", default=None)  # what this task sends


class _HeldBack(Exception):
    """A request was not sent."""


class Session:
    """A pool of connections, for the event loop in which it was made. proxy: the URL of an HTTP proxy.

    A request goes out once. If a kept connection turns out to be closed, that is a Failure. The retry is
    decided, counted and reported as after any other failure.
    """

    def __init__(self, proxy: str | None, tls: ssl.SSLContext | bool) -> None:
        import aiohttp

        self._loop = asyncio.get_running_loop()
        self._connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN, ssl=tls)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=proxy,
            auto_decompress=False,  # it would unpack any number of bytes
            headers={"Accept-Encoding": ACCEPTED},
            request_class=_request_class(),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        when_forked(self, Session._leave_alone)

    async def post(self, call: Post, clock: Clock, unwanted: Unwanted | None = None) -> HttpReply | Failure:
        """Send, and return the whole reply, or why there is none. unwanted: asked once there is a connection,
        which may take a while; where it says so nothing is sent, and HELD_BACK returned.
        """
        began = clock()
        _unwanted.set(unwanted)
        try:
            async with self._open(call) as response:
                _begun(response, call)
                body = await _unpacked(response, call)
        except _HeldBack:
            return HELD_BACK
        except asyncio.CancelledError as error:
            raise error.with_traceback(None) from None  # its frames hold the headers, and the key
        except Exception as error:
            return _failure(error, clock() - began)
        return HttpReply(response.status, _headers(response), body, clock() - began)

    async def stream(self, call: Post, clock: Clock) -> AsyncGenerator[Piece]:
        """Send, and yield a Head, then the body's bytes as they come; a Failure ends it early."""
        began = clock()
        _unwanted.set(None)
        try:
            async with self._open(call) as response:
                _begun(response, call)
                yield Head(response.status, _headers(response))
                async for piece in _pieces(response, call):
                    yield piece
            return
        except asyncio.CancelledError as error:
            raise error.with_traceback(None) from None
        except Exception as error:
            failure = _failure(error, clock() - began)
        yield failure

    async def aclose(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _leave_alone(self) -> None:
        """In a forked child: it belongs to a loop of the parent's, and this object is of no more use."""
        leave_alone(self._session)
        del self._session

    def __del__(self) -> None:
        """Once its loop has ended nothing can be closed in order any more, and there is nobody to warn."""
        if hasattr(self, "_session") and self._loop.is_closed() and not self._session.closed:
            with suppress(StopIteration, RuntimeError):  # it has nothing left to wait for
                self._connector.close().__await__().__next__()
            self._session.detach()

    def _open(self, call: Post) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        import aiohttp

        timeout = aiohttp.ClientTimeout(
            total=None if call.total == inf else call.total,
            sock_connect=min(call.connect, call.until_head),
            sock_read=call.until_head,
        )
        headers = call.headers
        if call.spooled is not None:
            headers = {**headers, "Content-Length": str(call.spooled.size)}
        return self._session.request(
            call.method,
            call.url,
            data=_body(call),
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
        )


@cache
def _request_class() -> type[aiohttp.ClientRequest]:
    import aiohttp

    class Request(aiohttp.ClientRequest):
        async def send(self, conn: Any) -> aiohttp.ClientResponse:
            unwanted = _unwanted.get()
            if unwanted is not None and unwanted():
                conn.release()
                raise _HeldBack
            return await super().send(conn)

    return Request


def _body(call: Post) -> AsyncGenerator[bytes] | BytesIO | bytes | None:
    if call.spooled is not None:
        return apieces(call.spooled)
    if call.method == "GET":
        return None
    return BytesIO(call.body) if len(call.body) > _LARGE else call.body


async def apieces(spooled: Spooled) -> AsyncGenerator[bytes]:
    """Yield a body that lies in a file."""
    for piece in spooled.pieces():
        yield piece


def _begun(response: aiohttp.ClientResponse, call: Post) -> None:
    """From where the reply has begun on the next bytes are waited for as long."""
    connection = response.connection
    if connection is not None and connection.protocol is not None:
        connection.protocol.read_timeout = call.until_next
        connection.protocol.start_timeout()


async def _unpacked(response: aiohttp.ClientResponse, call: Post) -> bytes:
    """Return the whole body."""
    plain = response.content_length is not None and "Content-Encoding" not in response.headers
    if plain and (call.most is None or cast("int", response.content_length) <= call.most):
        return await response.read()
    return b"".join([piece async for piece in _pieces(response, call)])


async def _pieces(response: aiohttp.ClientResponse, call: Post) -> AsyncGenerator[bytes]:
    body = Body(response.headers.get("Content-Encoding", ""), call.most)
    async for data in response.content.iter_any():
        for piece in body.feed(data):
            yield piece
    body.end()


def _headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _failure(error: Exception, latency: float) -> Failure:
    """Return the failure of an exchange that raised an error: whatever the library may raise."""
    if isinstance(error, MemoryError):
        raise error
    kind, message = _kind(error)
    said = _said(error)
    return Failure(kind, f"{message} ({said})" if said else message, latency=latency)


def _said(error: Exception) -> str:
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):  # as text it has the proxy's URL, password and all
        return f"{error.status} {error.message}"
    if isinstance(error, aiohttp.InvalidURL):  # and this may be that URL
        return type(error).__name__
    known = isinstance(error, aiohttp.ClientError | OSError | TooLarge | Unreadable)
    return str(error) if known else f"{type(error).__name__}: {error}"


def _kind(error: Exception) -> tuple[FailureKind, str]:
    import aiohttp

    match error:
        case TooLarge():
            return FailureKind.TOO_LARGE, TOO_LARGE
        case aiohttp.ConnectionTimeoutError():
            return FailureKind.CONNECT, "no connection to the server in time"
        case TimeoutError():
            return FailureKind.TIMEOUT, "the server did not answer in time"
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return FailureKind.CONNECT, "the server could not be reached"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return FailureKind.CONNECT, "the request could not be sent"
        case aiohttp.ClientError() | OSError():
            return FailureKind.DROPPED, "the connection broke before the reply was complete"
        case _:
            return FailureKind.PROTOCOL, UNREADABLE
