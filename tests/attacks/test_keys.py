"""Keys and passwords: whoever spells them back, they come into no error, no log and no file."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import socket
import time
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpcore
import httpx
import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, ConfigError, Extractor, ExtractorError, Run
from extractor.secrets import Environment, Headers, Secret
from extractor.transport import http
from extractor.transport.direct import Direct
from extractor.transport.exchange import Post

KEY = "sk-live/ab+c=d_Ef-1234567890"
OWN = "hunter2hunter2hunter2"


class Person(BaseModel):
    name: str
    age: int


SPELLINGS = {
    "as it is": KEY,
    "in capitals": KEY.upper(),
    "as JSON escapes it": KEY.replace("/", "\\/"),
    "percent-encoded": quote(KEY, safe=""),
    "percent-encoded in small letters": quote(KEY, safe="").lower(),
    "percent-encoded whole": "".join(f"%{ord(char):02X}" for char in KEY),
    "in escapes of JSON": "".join(f"\\u{ord(char):04x}" for char in KEY),
    "in entities": "".join(f"&#{ord(char)};" for char in KEY),
    "in entities of hexadecimal digits": "".join(f"&#x{ord(char):X};" for char in KEY),
    "in hexadecimal digits": KEY.encode().hex(),
    "in base64": base64.b64encode(KEY.encode()).decode(),
    "in base64 behind a user": base64.b64encode(b"u:" + KEY.encode()).decode(),
    "in base64 behind a name": base64.b64encode(b"Bearer " + KEY.encode() + b" end").decode(),
    "in base64 of URLs": base64.urlsafe_b64encode(b"x" + KEY.encode()).decode(),
    "cut off": KEY[:-5],
}


def shows(text: str) -> bool:
    """Whether a text holds a piece of the key that is worth something, in its own spelling or another."""
    small = text.lower()
    pieces = [KEY[start : start + 12] for start in range(len(KEY) - 12)]
    inner = base64.b64encode(KEY.encode()).decode()[4:24]
    spelt = [*pieces, *map(quote, pieces), *(piece.encode().hex() for piece in pieces), inner]
    return any(each.lower() in small for each in spelt)


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_key_that_a_server_spells_back_is_not_shown(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spelt = SPELLINGS[name]

    def echo(request: httpx.Request) -> httpx.Response:
        error = {"error": {"message": f"no such key: {spelt}", "code": spelt[:60]}}
        return httpx.Response(400, headers={"x-request-id": spelt}, json=error)

    caplog.set_level(logging.DEBUG)
    journal = tmp_path / "j.sqlite"
    http = httpx.Client(transport=httpx.MockTransport(echo))
    with Extractor("m", base_url="http://127.0.0.1:1/v1", api_key=KEY, http_client=http, max_retries=0) as ex:
        result = ex.run(Person, "Ada is 36.")
        rows = list(ex.rows(["Ada is 36."], Person, run=Run(journal=journal)))
    failures = [attempt.failure for attempt in (*result.attempts, *rows[0].attempts)]
    told = [str(result.error), str(rows[0].error), *map(repr, failures), *(f.body for f in failures if f)]
    told += [record.getMessage() for record in caplog.records]
    assert [text for text in told if shows(text)] == []


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_request_id_of_an_answer_does_not_carry_the_key_into_the_journal(
    name: str, tmp_path: Path
) -> None:
    spelt = SPELLINGS[name]
    choice = {"message": {"content": '{"name": "Ada", "age": 36}'}, "finish_reason": "stop"}

    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"x-request-id": spelt}, json={"id": spelt, "choices": [choice]})

    http = httpx.Client(transport=httpx.MockTransport(echo))
    with Extractor("m", base_url="http://127.0.0.1:1/v1", api_key=KEY, http_client=http) as ex:
        (row,) = ex.rows(["Ada is 36."], Person, run=Run(journal=tmp_path / "j.sqlite"))
        result = ex.run(Person, "Ada is 36.")
    assert not shows(f"{row.attempts} {result.attempts} {result.completion}")


def test_a_message_of_5_megabytes_is_looked_through_where_it_is_shown() -> None:
    message = f"{KEY} " * 200_000

    def echo(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": {"message": message}})

    http = httpx.Client(transport=httpx.MockTransport(echo))
    with Extractor("m", base_url="http://127.0.0.1:1/v1", api_key=KEY, http_client=http, max_retries=0) as ex:
        told = str(ex.run(Person, "Ada is 36.").error)
    assert len(told) < 5_000
    assert not shows(told)


@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize("model", ["m", "anthropic:m", "gemini:m", "azure:m"])
@pytest.mark.parametrize("awaits", [False, True])
def test_no_client_carries_a_key_to_another_host(follows: bool, model: str, awaits: bool) -> None:
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(307, headers={"location": f"http://evil.example{request.url.path}"})

    async def aanswer(request: httpx.Request) -> httpx.Response:
        return answer(request)

    options: dict[str, Any] = {"base_url": "http://good.example/v1", "api_key": KEY, "max_retries": 0}
    options["extra_headers"] = {"x-own-key": OWN}
    if awaits:

        async def run() -> str:
            http = httpx.AsyncClient(transport=httpx.MockTransport(aanswer), follow_redirects=follows)
            async with AsyncExtractor(model, http_client=http, **options) as ex:
                return str((await ex.run(Person, "Ada is 36.")).error)

        told = asyncio.run(run())
    else:
        http = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=follows)
        with Extractor(model, http_client=http, **options) as ex:
            told = str(ex.run(Person, "Ada is 36.").error)
    assert set(hosts) == {"good.example"}
    assert "redirects to http://evil.example" in told


def test_a_client_that_follows_redirects_does_so_on_its_own_server_and_ends() -> None:
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(307, headers={"location": f"{request.url.path}x"})

    http = httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True, max_redirects=5)
    with Extractor("m", base_url="http://good.example/v1", http_client=http, max_retries=0) as ex:
        ex.run(Person, "Ada is 36.")
    assert len(paths) == 6


PROXIES = [
    f"http://user:{OWN}@host:port",
    f"http://user:{OWN}/x@host:1",
    f"http://user:{OWN}@[host",
    f"http://user:{OWN}@a..b:1",
    f"http://user:{OWN}@ho℀st:1",
    f"ftp://user:{OWN}@host",
    f"http://user:{OWN} @host:1",
    f"//user:{OWN}@host",
    f"http://:{OWN}@",
    f"http://user:{OWN}@host:99999",
]


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_proxy_that_is_no_url_does_not_show_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    with pytest.raises(ConfigError) as refused:
        Extractor("m", base_url="http://far.example/v1", proxy=proxy)
    told.append("".join(traceback.format_exception(refused.value)))
    monkeypatch.setenv("http_proxy", proxy)
    options: dict[str, Any] = {"base_url": "http://far.example/v1", "max_retries": 0, "deadline": 2}
    try:
        with Extractor("m", **options) as ex:
            told.append(str(ex.run(Person, "Ada is 36.").error))
    except ExtractorError as error:
        told.append("".join(traceback.format_exception(error)))

    async def run() -> str:
        async with AsyncExtractor("m", **options) as ex:
            return str((await ex.run(Person, "Ada is 36.")).error)

    try:
        told.append(asyncio.run(run()))
    except ExtractorError as error:
        told.append("".join(traceback.format_exception(error)))
    assert [text for text in told if OWN in text.replace("proxy = ", "")] == []


def locals_of(error: BaseException) -> str:
    """Return what a traceback that shows locals has of our own frames."""
    found, trace = [], error.__traceback__
    while trace is not None:
        if "/extractor/" in trace.tb_frame.f_code.co_filename:
            found += [f"{name}={value!r}" for name, value in trace.tb_frame.f_locals.items()]
        trace = trace.tb_next
    return "\n".join(found)


def test_the_locals_of_a_refused_configuration_do_not_show_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_PASSWORD_OF_SOMEBODY", OWN)
    with pytest.raises(ConfigError) as refused:
        Extractor("no-such-provider:m")
    assert OWN not in locals_of(refused.value)


def test_the_locals_of_an_interrupted_request_do_not_show_the_key() -> None:
    def interrupt(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    http = httpx.Client(transport=httpx.MockTransport(interrupt))
    ex = Extractor("anthropic:m", base_url="http://127.0.0.1:1/v1", api_key=KEY, http_client=http)
    with pytest.raises(KeyboardInterrupt) as interrupted:
        ex.run(Person, "Ada is 36.")
    assert not shows(locals_of(interrupted.value))


def test_what_holds_keys_shows_none() -> None:
    holders = [Secret(KEY), Headers({"x-key": KEY}), Environment({"KEY": KEY}), Environment(os.environ)]
    assert not any(shows(repr(each)) for each in holders)


def test_a_word_that_is_no_key_is_left_as_it_is() -> None:
    assert Secret("abc").redact("an alphabet: abc") == "an alphabet: ***"
    assert Secret(KEY).redact("no such model") == "no such model"


def all_locals_of(error: BaseException) -> str:
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


class Interrupted(httpcore.NetworkStream):
    """A connection on which Ctrl-C comes: while something is written, or once it is read from."""

    def __init__(self, at: str) -> None:
        self._at = at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        raise KeyboardInterrupt

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._at == "write":
            raise KeyboardInterrupt

    def close(self) -> None:
        pass


class Interrupting(httpcore.NetworkBackend):
    def __init__(self, at: str) -> None:
        self._at = at

    def connect_tcp(self, *_: Any, **__: Any) -> Interrupted:
        return Interrupted(self._at)


@pytest.mark.parametrize("at", ["write", "read"])
def test_ctrl_c_in_the_middle_of_a_request_shows_no_key(at: str) -> None:
    def headers(url: str, headers: Any) -> tuple[httpcore.URL, list[tuple[bytes, bytes]]]:
        return httpcore.URL(url), [(b"Host", b"h"), (b"Authorization", f"Bearer {KEY}".encode())]

    client = Direct(lambda: httpcore.ConnectionPool(network_backend=Interrupting(at)), headers, lambda: 0.0)
    with pytest.raises(KeyboardInterrupt) as raised:
        list(client.stream(Post("http://127.0.0.1/v1", b"{}", {"Authorization": f"Bearer {KEY}"}, 5, 5)))
    assert KEY not in all_locals_of(raised.value)


@pytest.mark.parametrize("streams", [False, True])
def test_a_cancelled_request_shows_no_key(streams: bool) -> None:
    async def cancelled(port: int) -> BaseException:
        client = http.new_async_client("http://127.0.0.1/v1")
        call = Post(f"http://127.0.0.1:{port}/v1", b"{}", {"Authorization": f"Bearer {KEY}"}, 5, 5)

        async def sent() -> None:
            if streams:
                async for _ in http.astream(client, call, time.monotonic):
                    pass
            else:
                await http.apost(client, call, time.monotonic)

        task = asyncio.create_task(sent())
        await asyncio.sleep(0.1)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            return error
        finally:
            await client.aclose()
        raise AssertionError("it was not cancelled")

    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert KEY not in all_locals_of(asyncio.run(cancelled(silent.getsockname()[1])))
