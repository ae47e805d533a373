"""One POST and what comes back, by our own clients and by the caller's, sync and async: the same."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, contextmanager
from threading import Event, Thread
from typing import Any, cast

import httpx
import pytest

from extractor.messages import Failure, FailureKind
from extractor.transport import http
from extractor.transport.aio import Session
from extractor.transport.http import Head, HttpReply, Post

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


class Received:
    """What one server saw: each request's head and body, and how many connections there were."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.left = Event()


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, Received]]:
    """Serve HTTP/1.1 on a thread; `answer` writes each reply. Yields the URL and what was received."""
    loop, seen = asyncio.new_event_loop(), Received()
    open_ones: list[asyncio.Task[Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        open_ones.append(cast("asyncio.Task[Any]", asyncio.current_task()))
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    line for line in head.decode().lower().split("\r\n") if "content-length" in line
                )
                body = await reader.readexactly(int(length.split(":")[1]))
                seen.heads.append(head.decode())
                seen.bodies.append(body)
                await answer(reader, writer, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            seen.left.set()
        finally:
            writer.close()

    async def closed() -> None:
        server.close()
        for task in open_ones:
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", seen
    finally:
        asyncio.run_coroutine_threadsafe(closed(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def says(body: bytes, headers: str = "") -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" % (len(body), headers.encode()) + body
        )

    return answer


def call_of(url: str, body: bytes = b"{}", headers: Mapping[str, str] | None = None, **more: Any) -> Post:
    return Post(url, body, headers or {}, **{"timeout": 5.0, "total": 5.0, **more})


def sent(client: http.Sender, calls: Sequence[Post], pause: float) -> Iterator[HttpReply | Failure]:
    for call in calls:
        yield http.post(client, call, time.monotonic)
        time.sleep(pause)


async def asent(client: http.AsyncSender, calls: Sequence[Post], pause: float) -> list[HttpReply | Failure]:
    async with client if isinstance(client, httpx.AsyncClient) else aclosing(client):
        replies = []
        for call in calls:
            replies.append(await http.apost(client, call, time.monotonic))
            await asyncio.sleep(pause)
        return replies


def sync_own(url: str, *calls: Post, pause: float = 0.0) -> list[HttpReply | Failure]:
    with closing(http.new_client(url)) as client:
        return list(sent(client, calls, pause))


def sync_given(url: str, *calls: Post, pause: float = 0.0) -> list[HttpReply | Failure]:
    with httpx.Client() as client:
        return list(sent(client, calls, pause))


def async_own(url: str, *calls: Post, pause: float = 0.0) -> list[HttpReply | Failure]:
    async def run() -> list[HttpReply | Failure]:
        return await asent(http.new_async_client(url), calls, pause)

    return asyncio.run(run())


def async_given(url: str, *calls: Post, pause: float = 0.0) -> list[HttpReply | Failure]:
    async def run() -> list[HttpReply | Failure]:
        return await asent(httpx.AsyncClient(), calls, pause)

    return asyncio.run(run())


Send = Callable[..., list[HttpReply | Failure]]
every_client = pytest.mark.parametrize("send", [sync_own, sync_given, async_own, async_given])
own_clients = pytest.mark.parametrize("send", [sync_own, async_own])


@every_client
def test_a_reply_has_its_status_headers_and_body(send: Send) -> None:
    with answering(says(b"hello", "X-Request-Id: r1\r\n")) as (url, seen):
        (reply,) = send(url, call_of(url, b'{"a":1}', {"Authorization": "Bearer k"}))
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b"hello", "r1")
    assert seen.bodies == [b'{"a":1}']
    assert "authorization: bearer k" in seen.heads[0].lower()


@own_clients
def test_a_connection_is_kept_for_the_next_request(send: Send) -> None:
    with answering(says(b"hello")) as (url, seen):
        send(url, *[call_of(url)] * 5)
    assert (len(seen.bodies), seen.connections) == (5, 1)


@own_clients
def test_a_header_of_the_callers_stands_once_in_whatever_case_it_is_given(send: Send) -> None:
    with answering(says(b"hello")) as (url, seen):
        send(url, call_of(url, headers={"USER-AGENT": "mine", "Host": "elsewhere"}))
    names = [line.split(":")[0].lower() for line in seen.heads[0].split("\r\n") if ":" in line]
    assert sorted(set(names)) == sorted(names)
    assert "mine" in seen.heads[0]
    assert "elsewhere" in seen.heads[0]


@every_client
def test_a_request_that_a_dying_connection_swallowed_goes_out_once(send: Send) -> None:
    """Whether it was answered, and paid for, nobody knows: to ask again is not the transport's to decide."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        if body == b"first":
            return await says(b"hello")(reader, writer, body)
        raise ConnectionError

    with answering(answer) as (url, seen):
        reply, failure = send(url, call_of(url, b"first"), call_of(url, b"second"))
    assert isinstance(reply, HttpReply)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.DROPPED
    assert seen.bodies == [b"first", b"second"]


@own_clients
def test_a_connection_that_the_server_has_closed_meanwhile_is_not_used_again(send: Send) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        await says(b"hello")(reader, writer, body)
        await writer.drain()
        raise ConnectionError

    with answering(answer) as (url, seen):
        replies = send(url, call_of(url), call_of(url), pause=0.1)
    assert [type(reply) for reply in replies] == [HttpReply] * 2
    assert (len(seen.bodies), seen.connections) == (2, 2)


@every_client
def test_compressed_replies_are_read_and_broken_ones_are_failures(send: Send) -> None:
    packed = gzip.compress(b"hello" * 1000)
    with answering(says(packed, "Content-Encoding: gzip\r\n")) as (url, seen):
        (reply,) = send(url, call_of(url))
    assert isinstance(reply, HttpReply)
    assert reply.body == b"hello" * 1000
    assert "gzip" in seen.heads[0]
    with answering(says(b"no gzip at all", "Content-Encoding: gzip\r\n")) as (url, _):
        (failure,) = send(url, call_of(url))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.PROTOCOL


@every_client
@pytest.mark.parametrize("packed", [True, False])
def test_a_reply_that_is_larger_than_is_allowed_is_told_as_that(send: Send, packed: bool) -> None:
    body = bytes(10_000)
    answer = says(gzip.compress(body), "Content-Encoding: gzip\r\n") if packed else says(body)
    with answering(answer) as (url, _):
        whole, failure = send(url, call_of(url, most=10_000), call_of(url, most=9_999))
    assert isinstance(whole, HttpReply)
    assert whole.body == body
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.TOO_LARGE
    assert "more than 9999 bytes; max_reply_bytes= allows more" in failure.message


async def drips_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"x: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)
    raise ConnectionError


@pytest.mark.parametrize("send", [sync_own, async_own, async_given])
def test_headers_that_drip_for_ever_end_with_the_request(send: Send) -> None:
    with answering(drips_headers) as (url, _):
        (failure,) = send(url, call_of(url, timeout=0.2, total=0.3))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.TIMEOUT


@every_client
def test_megabytes_go_out_and_come_back_whole(send: Send) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 70_000):
            piece = body[start : start + 70_000]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    large = bytes(range(256)) * 20_000
    with answering(echo) as (url, _):
        (reply,) = send(url, call_of(url, large))
    assert isinstance(reply, HttpReply)
    assert reply.body == large


@every_client
@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ],
    ids=["before the reply", "within a body", "within a chunk"],
)
def test_a_connection_that_breaks_is_a_dropped_request(send: Send, written: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(written)
        await writer.drain()
        raise ConnectionError

    with answering(answer) as (url, _):
        (failure,) = send(url, call_of(url))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.DROPPED


@every_client
def test_without_an_end_a_request_may_take_as_long_as_it_goes_on(send: Send) -> None:
    with answering(says(b"hello")) as (url, _):
        (reply,) = send(url, call_of(url, total=float("inf")))
    assert isinstance(reply, HttpReply)


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"1\r\n.\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)
    raise ConnectionError


@contextmanager
def nothing_said(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    gc.freeze()  # what is older is not gone through below
    with caplog.at_level(logging.WARNING, "asyncio"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
    assert caplog.messages == []


def test_a_stream_that_is_left_early_hangs_up_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def left_early(url: str) -> list[http.Piece]:
        client = http.new_async_client(url)
        taken = []
        async with aclosing(http.astream(client, call_of(url), time.monotonic)) as pieces:
            async for piece in pieces:
                taken.append(piece)
                if len(taken) == 3:
                    break
        await client.aclose()
        return taken

    with answering(endless) as (url, seen):
        with nothing_said(caplog):
            head, *_ = asyncio.run(left_early(url))
        assert isinstance(head, Head)
        assert seen.left.wait(5)


def test_a_request_that_is_cancelled_hangs_up_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def cancelled(url: str) -> None:
        client = http.new_async_client(url)
        task = asyncio.create_task(http.apost(client, call_of(url), time.monotonic))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.aclose()

    with answering(endless) as (url, _), nothing_said(caplog):
        asyncio.run(cancelled(url))


def test_what_is_no_longer_wanted_once_there_is_a_connection_is_not_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked: list[int] = []

    async def twice(url: str) -> list[Any]:
        client = http.new_async_client(url)

        def unwanted() -> bool:
            asked.append(seen.connections)
            return len(asked) == 1

        replies = [await http.apost(client, call_of(url), time.monotonic, unwanted) for _ in range(2)]
        await client.aclose()
        return replies

    with answering(says(b"hello")) as (url, seen), nothing_said(caplog):
        first, second = asyncio.run(twice(url))
        assert first is http.HELD_BACK
        assert second.body == b"hello"
        assert len(seen.bodies) == 1
        assert seen.connections == 1, "the connection that was opened in vain is used by the next"


def test_a_session_that_outlives_its_loop_goes_without_a_complaint(caplog: pytest.LogCaptureFixture) -> None:
    async def once(url: str) -> http.AsyncSender:
        client = http.new_async_client(url)
        await http.apost(client, call_of(url), time.monotonic)
        await asyncio.sleep(0.05)
        return client

    with answering(says(b"hello", "Connection: close\r\n")) as (url, _), nothing_said(caplog):
        client = asyncio.run(once(url))
        assert isinstance(client, Session)
        del client
