"""Our own sync client: each wait for the network ends with the request that waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpcore
import pytest

from extractor.transport.direct import PIECE, BoundedNetwork, Direct
from extractor.transport.exchange import Head, Post


class Wire(httpcore.NetworkStream):
    """A connection on which each step takes a second of a clock that it moves itself."""

    def __init__(self, sent: Iterator[bytes], log: list[Any]) -> None:
        self._sent, self.log = sent, log
        self.now = 0.0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._step("read", timeout) or next(self._sent)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._step(f"write {len(buffer)}", timeout)

    def close(self) -> None:
        self.log.append("closed")

    def _step(self, what: str, timeout: float | None) -> bytes:
        self.log.append((what, timeout))
        self.now += 1.0
        return b""


class Network(httpcore.NetworkBackend):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: Any) -> Wire:  # type: ignore[override]
        self._wire.log.append(("connect", timeout))
        return self._wire


def client_of(wire: Wire) -> Direct:
    pool = httpcore.ConnectionPool(network_backend=BoundedNetwork(Network(wire), lambda: wire.now))
    return Direct(lambda: pool, lambda url, headers: (httpcore.URL(url), [(b"Host", b"h")]), lambda: wire.now)


def dripping(head: bytes, drop: bytes) -> Iterator[bytes]:
    yield head
    while True:
        yield drop


def call_of(body: bytes = b"{}", **more: Any) -> Post:
    return Post("http://h/v1", body, {}, **{"timeout": 5.0, "total": 8.0, "connect": 3.0, **more})


def waited(log: list[Any], what: str) -> list[float]:
    return [entry[1] for entry in log if isinstance(entry, tuple) and entry[0].startswith(what)]


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"."),
    ],
    ids=["headers", "status 100", "a body"],
)
def test_a_reply_that_comes_a_drop_a_second_ends_with_its_request(head: bytes, drop: bytes) -> None:
    wire = Wire(dripping(head or drop, drop), [])
    with pytest.raises(httpcore.ReadTimeout, match="not complete in time"):
        list(client_of(wire).stream(call_of()))
    assert wire.now == 8.0
    assert "closed" in wire.log, "the connection isn't used again"
    assert min(waited(wire.log, "read")) == 1.0, "the last wait is cut to what was left"


def test_a_server_that_reads_a_piece_a_second_ends_with_its_request() -> None:
    wire = Wire(dripping(b"", b""), [])
    with pytest.raises(httpcore.WriteTimeout):
        list(client_of(wire).stream(call_of(bytes(100 * PIECE))))
    assert wire.now == 8.0


def test_without_an_end_each_step_has_its_own_bound_alone() -> None:
    wire = Wire(iter([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"o", b"k"]), [])
    call = call_of(total=float("inf"), first=7.0)
    head, *body = client_of(wire).stream(call)
    assert head == Head(200, {"content-length": "2"})
    assert body == [b"o", b"k"]
    assert waited(wire.log, "connect") == [3.0]
    assert waited(wire.log, "read") == [7.0, 5.0, 5.0]


def test_a_stream_that_is_left_early_closes_its_connection() -> None:
    wire = Wire(dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b"."), [])
    pieces = client_of(wire).stream(call_of())
    next(pieces)
    pieces.close()
    assert "closed" in wire.log
