"""How servers are reached: proxies, certificates, HTTP/2, timeouts; and that no connection is left open."""

from __future__ import annotations

import asyncio
import gc
import json
import pickle
import re
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import trustme

from extractor import AsyncExtractor, ConfigError, Extractor, ServiceError, Timeouts
from extractor.messages import FailureKind
from extractor.testing import ChatServer, reply, slow

HELLO = [{"role": "user", "content": "hello"}]
SAID = json.dumps(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}]}
).encode()
BOTH = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def ask(is_async: bool, base_url: str, stream: bool = False, **options: Any) -> Any:
    """Return what the server says to a question, by either client."""
    options = {"base_url": base_url, "api_key": "any", "max_retries": 0, **options}

    def plain() -> Any:
        with Extractor("m", **options) as ex:
            return list(ex.chat_stream(HELLO)) if stream else ex.chat(HELLO).content

    async def awaited() -> Any:
        async with AsyncExtractor("m", **options) as ex:
            if stream:
                return [chunk async for chunk in ex.chat_stream(HELLO)]
            return (await ex.chat(HELLO)).content

    return asyncio.run(awaited()) if is_async else plain()


@contextmanager
def listening(serve: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve one connection after the other on a thread; yields the port."""
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    wrapped = tls.wrap_socket(connection, server_side=True) if tls else connection
                    with wrapped:
                        serve(wrapped)
                except OSError:
                    continue  # the client did not trust us, or has gone

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def size(request: bytes) -> int:
    """Return the bytes of a request, by what its head says."""
    head = request.partition(b"\r\n\r\n")[0]
    body = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    assert body is not None
    return len(head) + 4 + int(body[1])


def answering(seen: list[bytes]) -> Callable[[socket.socket], None]:
    """Read one HTTP/1.1 request, and say hello."""

    def serve(connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data or len(data) < size(data):
            data += connection.recv(65536)
        seen.append(data)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(SAID) + SAID)

    return serve


@BOTH
def test_a_proxy_is_asked_for_all_with_its_password(is_async: bool) -> None:
    seen = list[bytes]()
    with listening(answering(seen)) as port:
        proxy = f"http://ann:pa55word@127.0.0.1:{port}"
        assert ask(is_async, "http://models.invalid/v1", proxy=proxy) == "Hi."
    assert seen[0].startswith(b"POST http://models.invalid/v1/chat/completions HTTP/1.1\r\n")
    assert b"basic yw5uonbhntv3b3jk" in seen[0].lower()


@BOTH
@pytest.mark.parametrize("stream", [False, True])
def test_a_proxy_that_refuses_is_told_of_without_its_password(is_async: bool, stream: bool) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with listening(refuse) as port, pytest.raises(ServiceError, match="407 Proxy Auth") as error:
        ask(is_async, "https://models.invalid/v1", stream, proxy=f"http://ann:pa55word@127.0.0.1:{port}")
    assert "pa55word" not in f"{error.value} {error.value.attempts}"


def test_a_proxys_password_is_shown_and_pickled_nowhere() -> None:
    with Extractor("openai:m", api_key="any", proxy="http://ann:pa55word@127.0.0.1:1") as ex:
        assert "pa55word" not in repr(ex)
        assert "pa55word" not in repr(ex._models.first.settings)
        with pytest.raises(TypeError, match="password is not pickled"):
            pickle.dumps(ex)
    with (
        Extractor("openai:m", api_key="any", proxy="http://a-key@127.0.0.1:1") as ex,
        pytest.raises(TypeError, match="password is not pickled"),
    ):
        pickle.dumps(ex)
    options = {"base_url": "http://127.0.0.1:9/v1", "proxy": "http://127.0.0.1:1"}
    with Extractor("m", timeout=Timeouts(connect=3), **options) as ex:  # type: ignore[arg-type]
        copy = pickle.loads(pickle.dumps(ex))
        mine, its = ex._models.first.settings, copy._models.first.settings
        assert (its.connection, its.timeouts) == (mine.connection, mine.timeouts)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@BOTH
def test_whose_certificates_are_trusted_is_the_callers_choice(
    is_async: bool, authority: trustme.CA, tmp_path: Path
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    bundle = tmp_path / "authorities.pem"
    authority.cert_pem.write_to_path(bundle)
    own = ssl.create_default_context(cafile=bundle)
    with listening(answering([]), tls) as port:
        url = f"https://localhost:{port}/v1"
        for verify in (bundle, str(bundle), own, False):
            assert ask(is_async, url, verify=verify) == "Hi."
        with pytest.raises(ServiceError, match="could not be reached"):
            ask(is_async, url)


@BOTH
def test_a_client_shows_its_own_certificate(is_async: bool, authority: trustme.CA) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.configure_trust(tls)
    tls.verify_mode = ssl.CERT_REQUIRED
    own = ssl.create_default_context()
    authority.configure_trust(own)
    authority.issue_cert("client@example.org").configure_cert(own)
    with listening(answering([]), tls) as port:
        assert ask(is_async, f"https://localhost:{port}/v1", verify=own) == "Hi."


def speaking_http2(connection: socket.socket) -> None:
    """Answer one request by HTTP/2."""
    assert isinstance(connection, ssl.SSLSocket)
    assert connection.selected_alpn_protocol() == "h2"
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    h2c.initiate_connection()
    while True:
        connection.sendall(h2c.data_to_send())
        data = connection.recv(65536)
        for event in h2c.receive_data(data) if data else ():
            if isinstance(event, h2.events.StreamEnded):
                head = [(":status", "200"), ("content-type", "application/json")]
                h2c.send_headers(event.stream_id, head)
                h2c.send_data(event.stream_id, SAID, end_stream=True)
        if not data:
            return


@BOTH
def test_http2_is_spoken_where_it_is_asked_for(is_async: bool, authority: trustme.CA) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    tls.set_alpn_protocols(["h2"])
    own = ssl.create_default_context()
    authority.configure_trust(own)
    with listening(speaking_http2, tls) as port:
        assert ask(is_async, f"https://localhost:{port}/v1", verify=own, http2=True) == "Hi."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proxy": "localhost:3128"}, "a proxy is a URL"),
        ({"verify": "/no/such/file.pem"}, "there is no file"),
        ({"http2": True, "http_client": httpx.Client()}, "on that client"),
    ],
)
def test_what_cannot_reach_a_server_is_refused_at_once(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Extractor("openai:m", api_key="any", **options)
    if "http_client" in options:
        options["http_client"].close()


# -- how long


@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_reply_that_does_not_begin_in_time_is_not_waited_for(is_async: bool, stream: bool) -> None:
    with ChatServer(slow(reply("Hi."), latency=60)) as server, pytest.raises(ServiceError) as raised:
        ask(is_async, server.base_url, stream, timeout=Timeouts(first_byte=0.05))
    failure = raised.value.attempts[0].failure
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT


@BOTH
def test_pieces_that_do_not_come_in_time_are_not_waited_for(is_async: bool) -> None:
    scripted = slow(reply("Hi, how are you?"), chunk_delay=60)
    with ChatServer(scripted) as server, pytest.raises(ServiceError) as raised:
        ask(is_async, server.base_url, True, timeout=Timeouts(between_chunks=0.05))
    failure = raised.value.attempts[0].failure
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT


@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_slow_beginning_may_take_longer_than_the_pieces_after_it(is_async: bool, stream: bool) -> None:
    with ChatServer(slow(reply("Hi."), latency=0.3)) as server:
        patient = Timeouts(first_byte=30, between_chunks=0.2)
        assert ask(is_async, server.base_url, stream, timeout=patient)


@BOTH
def test_one_number_bounds_the_whole_request(is_async: bool) -> None:
    with ChatServer(slow(reply("Hi."), latency=60)) as server, pytest.raises(ServiceError):
        ask(is_async, server.base_url, timeout=0.05)


# -- nothing left open


@BOTH
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_closed_client_leaves_nothing_open(is_async: bool, stream: bool) -> None:
    gc.freeze()  # what is older is not gone through below
    with ChatServer(reply("Hi.")) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ask(is_async, server.base_url, stream)
        gc.collect()
    assert [warning for warning in caught if warning.category is ResourceWarning] == []


def test_a_client_that_nobody_closes_is_closed_with_the_last_reference() -> None:
    gc.freeze()
    with ChatServer(reply("Hi.")) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ex = Extractor("m", base_url=server.base_url, api_key="any")
        assert ex.chat(HELLO).content == "Hi."
        del ex
        gc.collect()
    assert [warning for warning in caught if warning.category is ResourceWarning] == []
