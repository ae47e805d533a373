"""What goes over the wire when the server misbehaves, read from raw sockets and by h11 and httpx."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any, cast

import h11
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.testing import ChatServer, Raw, Response, Scripted, body, drop, raw, reply, slow, split, stream
from extractor.testing.replies import Delivery, Drop, Event, Sse
from extractor.testing.wire import Close, Step, event_bytes, steps

PLAIN = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
STREAMED = PLAIN[:-1] + b', "stream": true}'


def post(content: bytes) -> bytes:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


def read(sock: socket.socket, until: bytes | None = None) -> bytes:
    """Return what arrives up to `until`, or else to the end of the connection."""
    data = b""
    while until is None or until not in data:
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def exchange(script: Scripted, content: bytes = PLAIN) -> bytes:
    with ChatServer(script) as server, socket.create_connection(server.address, timeout=10) as sock:
        sock.sendall(post(content))
        return read(sock)


def whole(script: Scripted, content: bytes = PLAIN) -> bytes:
    with ChatServer(script) as server, socket.create_connection(server.address, timeout=10) as sock:
        sock.sendall(post(content) + post(content).replace(b"host: x", b"host: x\r\nconnection: close"))
        first, status_line, _ = (
            read(sock).partition(b"HTTP/1.1 200 OK\r\n")[2].partition(b"HTTP/1.1 200 OK\r\n")
        )
        assert status_line  # a second answer came over the same connection
        return b"HTTP/1.1 200 OK\r\n" + first


@pytest.mark.parametrize("content", [PLAIN, STREAMED])
@pytest.mark.parametrize("after", [0, 1, 15, 16, 40, 200])
def test_a_dropped_connection_carries_exactly_so_many_bytes(content: bytes, after: int) -> None:
    assert exchange(drop(reply("é" * 100), after=after), content) == whole(reply("é" * 100), content)[:after]


def test_a_connection_can_be_dropped_so_many_bytes_into_the_body() -> None:
    head, _, rest = exchange(drop(reply("Hello"), after=10, part="body")).partition(b"\r\n\r\n")
    assert len(rest) == 10
    assert b"content-length: 10" not in head


def test_a_connection_can_be_dropped_after_some_events_of_a_stream() -> None:
    data = exchange(drop(stream(reply("Hello"), piece=1), after=3, part="events"), STREAMED)
    assert data.count(b"data: ") == 3
    assert not data.endswith(b"0\r\n\r\n")


def test_a_connection_can_be_reset() -> None:
    with pytest.raises(ConnectionResetError):
        exchange(drop(after=20, reset=True))


@pytest.mark.slow
def test_httpx_sees_each_kind_of_drop_as_an_error() -> None:
    script = [drop(), drop(after=20), drop(after=5, part="body"), drop(reset=True)]
    with ChatServer(script) as server:
        for _ in script:
            with pytest.raises(httpx.TransportError):
                httpx.post(f"{server.base_url}/chat/completions", content=PLAIN)
        assert len(server.requests) == 4


@pytest.mark.slow
def test_httpx_times_out_on_a_slow_first_byte_and_on_a_slow_chunk() -> None:
    script = [slow(latency=60), slow(body_delay=60), slow(split(reply("x"), at=5), chunk_delay=60)]
    with ChatServer(script) as server:
        for _ in script:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    f"{server.base_url}/chat/completions", content=PLAIN, timeout=httpx.Timeout(5, read=0.05)
                )


def test_raw_bytes_go_out_as_they_are() -> None:
    assert exchange(raw(b"SSH-2.0-nothing\r\n")) == b"SSH-2.0-nothing\r\n"
    assert exchange(split(raw(b"abc"), at=1)) == b"abc"


def test_a_request_that_is_no_http_is_refused() -> None:
    with ChatServer() as server, socket.create_connection(server.address, timeout=10) as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert read(sock).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert server.requests == ()


def test_a_client_that_waits_for_100_continue_is_told_to_go_on() -> None:
    with ChatServer(drop(after=15)) as server, socket.create_connection(server.address, timeout=10) as sock:
        sock.sendall(post(PLAIN).removesuffix(PLAIN).replace(b"host: x", b"host: x\r\nexpect: 100-continue"))
        assert read(sock, until=b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(PLAIN)
        assert read(sock) == b"HTTP/1.1 200 OK"


@pytest.mark.slow
def test_a_stream_may_end_without_done_or_before_its_time() -> None:
    def events(script: Scripted) -> list[str]:
        with ChatServer(script) as server:
            text = httpx.post(f"{server.base_url}/chat/completions", content=STREAMED).text
        return [event.removeprefix("data: ") for event in text.split("\n\n") if event]

    assert events(reply("Hello"))[-1] == "[DONE]"
    assert '"finish_reason": "stop"' in events(stream(reply("Hello"), done=False))[-1]
    assert len(events(stream(reply("Hello"), only=2))) == 2


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
def test_an_event_is_written_as_the_standard_has_it(newline: Any) -> None:
    sse = Sse(newline=newline, comment="still here")
    lines = event_bytes(Event("one\ntwo", "delta"), sse).decode().split(newline)
    assert lines == [": still here", "", "event: delta", "data: one", "data: two", "", ""]


def run(todo: Iterator[Step]) -> tuple[bytes, list[float], Close | None]:
    """Return what these steps write, how long they wait, and how they end."""
    done = list(todo)
    closing = next((step for step in done if isinstance(step, Close)), None)
    written = b"".join(step for step in done if isinstance(step, bytes))
    return written, [step for step in done if isinstance(step, int | float)], closing


BODIES = st.binary(max_size=60) | st.lists(st.builds(Event, st.text(max_size=10))).map(tuple)
SPLITS = st.none() | st.integers(1, 70) | st.lists(st.integers(-5, 70)).map(tuple)


@pytest.mark.slow
@given(BODIES, SPLITS)
def test_h11_reads_the_same_body_however_it_is_split(content: Any, at: Any) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    written, _, closing = run(steps(Response(200, content, delivery=Delivery(split=at))))
    client.receive_data(written)
    assert isinstance(client.next_event(), h11.Response)
    got = b""
    while isinstance(event := client.next_event(), h11.Data):
        got += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert client.trailing_data == (b"", False)
    assert got == (
        content if isinstance(content, bytes) else b"".join(event_bytes(e, Sse()) for e in content)
    )
    assert closing is None


@given(BODIES, SPLITS, st.integers(0, 200), st.booleans())
def test_a_drop_is_a_prefix_of_what_would_have_been_written(
    content: Any, at: Any, after: int, reset: bool
) -> None:
    response = Response(200, content, delivery=Delivery(split=at))
    written, _, closing = run(steps(cast(Response, drop(response, after=after, reset=reset))))
    assert written == run(steps(response))[0][:after]
    assert closing == Close(reset)


def test_there_is_one_wait_before_each_write() -> None:
    answer = slow(split(body(b"abcd"), at=2), latency=1.0, body_delay=2.0, chunk_delay=3.0)
    assert run(steps(cast(Response, answer)))[1] == [
        1.0,
        2.0,
        3.0,
        3.0,
    ]  # head, two pieces, the end of the chunks
    assert run(steps(Raw(b"", Delivery(latency=1.0, drop=Drop()))))[1] == [1.0]
