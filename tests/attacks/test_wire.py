"""Servers that go on for ever, in drips or in floods: the time of a call holds, and its memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain, repeat
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import BaseModel
from tenacity.wait import wait_none

from extractor import AsyncExtractor, Extractor, Run, ServiceError

from .conftest import Bounded

OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
SSE = OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
ZEROS = b" " * 2**20
SLOWLY, AT_ONCE = 0.05, 0.0  # seconds between two pieces
Script = tuple[float, Callable[[], Iterator[bytes]]]


class Person(BaseModel):
    name: str
    age: int


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(text: str) -> bytes:
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return chunk(b"data: " + json.dumps({"id": "c", "choices": [delta]}).encode() + b"\n\n")


def bomb(pack: Callable[[], bytes], encoding: bytes, status: bytes = OK) -> Callable[[], Iterator[bytes]]:
    def sent() -> Iterator[bytes]:
        body = pack()
        head = b"%bContent-Type: application/json\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n"
        yield head % (status, encoding, len(body)) + body

    return sent


@cache
def zeros() -> bytes:
    """A quarter of a gigabyte of spaces in 256 kB of gzip."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return b"".join(packer.compress(ZEROS) for _ in range(256)) + packer.flush()


@cache
def zeros_twice() -> bytes:
    return gzip.compress(zeros())


@cache
def deflated() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(ZEROS) for _ in range(256)) + packer.flush()


def for_ever(first: bytes, then: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: chain([first], repeat(then))


DRIPPING: dict[str, Script] = {
    "nothing": (SLOWLY, lambda: chain([], repeat(b""))),
    "headers": (SLOWLY, for_ever(OK, b"x-a: b\r\n")),
    "half a header": (SLOWLY, for_ever(OK + b"x-a: ", b"b")),
    "status 100": (SLOWLY, for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
    "status 102": (AT_ONCE, for_ever(b"", b"HTTP/1.1 102 Processing\r\n\r\n")),
    "a body": (SLOWLY, for_ever(JSON + b"Content-Length: 100000000\r\n\r\n", b" ")),
    "a body in chunks": (SLOWLY, for_ever(JSON + b"Transfer-Encoding: chunked\r\n\r\n", chunk(b" "))),
    "a chunk's size": (SLOWLY, for_ever(JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0")),
    "trailers": (SLOWLY, for_ever(JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"x-a: b\r\n")),
    "a body without an end": (SLOWLY, for_ever(JSON + b"\r\n", b" ")),
    "an error": (SLOWLY, for_ever(b"HTTP/1.1 500 No\r\nContent-Length: 100000000\r\n\r\n", b" ")),
}
LARGE: dict[str, Script] = {
    "gzip": (AT_ONCE, bomb(zeros, b"gzip")),
    "gzip within gzip": (AT_ONCE, bomb(zeros_twice, b"gzip, gzip")),
    "deflate": (AT_ONCE, bomb(deflated, b"deflate")),
    "gzip of an error": (AT_ONCE, bomb(zeros, b"gzip", b"HTTP/1.1 500 No\r\n")),
    "a body": (AT_ONCE, for_ever(JSON + b"Content-Length: 10000000000\r\n\r\n", ZEROS)),
    "chunks": (AT_ONCE, for_ever(JSON + b"Transfer-Encoding: chunked\r\n\r\n", chunk(ZEROS))),
    "a body without an end": (AT_ONCE, for_ever(JSON + b"\r\n", ZEROS)),
}
STREAMED: dict[str, Script] = {
    "a line": (AT_ONCE, for_ever(SSE, chunk(b"data: " + b"x" * 2**16))),
    "lines of one event": (AT_ONCE, for_ever(SSE, chunk(b"data: " + b"x" * 999 + b"\n"))),
    "comments within an event": (
        AT_ONCE,
        for_ever(SSE + chunk(b"data: x\n"), chunk(b": " + b"x" * 999 + b"\n")),
    ),
    "deltas": (AT_ONCE, for_ever(SSE, event("x" * 2**16))),
}
PINGS: dict[str, Script] = {
    "comments": (SLOWLY, for_ever(SSE, chunk(b": ping\n\n"))),
    "empty deltas": (SLOWLY, for_ever(SSE, event(""))),
    "a word": (SLOWLY, for_ever(SSE, event("a "))),
}
SCRIPTS = {
    **{f"drips: {name}": script for name, script in DRIPPING.items()},
    **{f"large: {name}": script for name, script in LARGE.items()},
    **{f"streams: {name}": script for name, script in STREAMED.items()},
    **{f"pings: {name}": script for name, script in PINGS.items()},
}


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """Answer each connection by a script once it has read a request; yields the base URL."""
    pause, pieces = script
    over = Event()
    next(pieces())  # a bomb is made before anybody waits for it

    def answer(peer: socket.socket) -> None:
        with suppress(OSError), peer:
            while b"\r\n\r\n" not in (head := peer.recv(65536)):
                pass
            assert head
            for piece in pieces():
                if over.wait(pause) if pause else over.is_set():
                    return
                peer.sendall(piece)
            peer.shutdown(socket.SHUT_WR)
            over.wait()

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            over.set()


FLOODED = {"timeout": 10, "deadline": 20}  # floods end by their size
SHORTLY = {"timeout": 0.4, "deadline": 0.8}
OPTIONS: dict[str, Any] = {"max_retries": 1, "retry_wait": wait_none()}


def by_run(url: str, waits: Any) -> str:
    with Extractor("m", base_url=url, **OPTIONS, **waits) as ex:
        return how_it_failed(ex.run(Person, "Ada is 36"))


def by_async_run(url: str, waits: Any) -> str:
    async def main() -> str:
        async with AsyncExtractor("m", base_url=url, **OPTIONS, **waits) as ex:
            return how_it_failed(await ex.run(Person, "Ada is 36"))

    return asyncio.run(main())


def by_stream(url: str, waits: Any) -> str:
    with Extractor("m", base_url=url, **OPTIONS, **waits) as ex:
        stream = ex.stream(Person, "Ada is 36")
        with suppress(ServiceError):
            for _ in stream:
                pass
        return how_it_failed(stream.result)


def by_async_stream(url: str, waits: Any) -> str:
    async def main() -> str:
        async with AsyncExtractor("m", base_url=url, **OPTIONS, **waits) as ex:
            stream = ex.stream(Person, "Ada is 36")
            with suppress(ServiceError):
                async for _ in stream:
                    pass
            return how_it_failed(await stream.result())

    return asyncio.run(main())


def by_rows(url: str, waits: Any) -> str:
    with Extractor("m", base_url=url, **OPTIONS, **waits) as ex:
        outcomes = list(
            ex.rows([f"Ada is {n}" for n in range(8)], Person, run=Run(journal=False, concurrency=8))
        )
    return " ".join(sorted({how_it_failed(outcome.extraction) for outcome in outcomes}))


def how_it_failed(result: Any) -> str:
    return str(result.attempts[-1].failure.kind)


VERBS = {"run": by_run, "arun": by_async_run, "rows": by_rows}
STREAMS = {"stream": by_stream, "astream": by_async_stream}


def trial(verb: str, script: str) -> str:
    slowly = script.startswith(("drips", "pings"))
    with serving(SCRIPTS[script]) as url:
        return {**VERBS, **STREAMS}[verb](url, SHORTLY if slowly else FLOODED)


@pytest.mark.parametrize("verb", [*VERBS, *STREAMS])
@pytest.mark.parametrize("script", [name for name in SCRIPTS if name.startswith("drips")])
def test_what_drips_ends_with_the_deadline(bounded: Bounded, verb: str, script: str) -> None:
    outcome = bounded(trial, verb, script, seconds=6, megabytes=400)
    assert outcome.value in ("timeout", "dropped", "protocol"), outcome


@pytest.mark.parametrize("verb", [*VERBS, *STREAMS])
@pytest.mark.parametrize("script", [name for name in SCRIPTS if name.startswith("large")])
def test_what_is_too_large_is_told_as_that(bounded: Bounded, verb: str, script: str) -> None:
    outcome = bounded(trial, verb, script, seconds=20, megabytes=600)
    assert outcome.value == "too_large", outcome


@pytest.mark.parametrize("verb", STREAMS)
@pytest.mark.parametrize("script", [name for name in SCRIPTS if name.startswith("streams")])
def test_a_stream_that_is_too_large_is_told_as_that(bounded: Bounded, verb: str, script: str) -> None:
    outcome = bounded(trial, verb, script, seconds=20, megabytes=600)
    assert outcome.value == "too_large", outcome


@pytest.mark.parametrize("verb", STREAMS)
@pytest.mark.parametrize("script", [name for name in SCRIPTS if name.startswith("pings")])
def test_a_stream_that_says_nothing_ends_with_the_deadline(bounded: Bounded, verb: str, script: str) -> None:
    outcome = bounded(trial, verb, script, seconds=6, megabytes=400)
    assert outcome.value == "timeout", outcome
