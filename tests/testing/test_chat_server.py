"""The loopback server as plain HTTP clients see it: scripts, records, keys, its end."""

from __future__ import annotations

import asyncio
import gc
import json
import math
import pickle
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from extractor import extract
from extractor.messages import Usage
from extractor.testing import (
    ChatServer,
    ReceivedRequest,
    body,
    no_choices,
    rate_limits,
    reply,
    shaped,
    slow,
    split,
    status,
    truncated,
    use,
)

pytest_plugins = ["extractor.testing.fixtures"]

MESSAGES = [{"role": "user", "content": "Hi"}]


def ask(server: ChatServer, key: str = "any", **more: Any) -> httpx.Response:
    return httpx.post(
        f"{server.base_url}/chat/completions",
        json={"model": "m", "messages": MESSAGES, **more},
        headers={"authorization": f"Bearer {key}"},
    )


def said(response: httpx.Response) -> Any:
    return response.json()["choices"][0]["message"]["content"]


def error_of(response: httpx.Response) -> tuple[int, str | None, str]:
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return response.status_code, error["code"], error["message"]


@pytest.mark.slow
def test_a_list_is_answered_in_order() -> None:
    with ChatServer([reply("one"), lambda request: reply(f"{request.index}"), reply({"a": 1})]) as server:
        assert [said(ask(server)) for _ in range(3)] == ["one", "1", '{"a": 1}']


@pytest.mark.slow
def test_a_script_that_has_ended_says_so() -> None:
    with ChatServer([reply("one")]) as server:
        ask(server)
        late = ask(server)
    assert error_of(late) == (
        400,
        "script_ended",
        "The script has ended: it has 1 answers, and this is request 2.",
    )
    assert late.headers["x-should-retry"] == "false"


@pytest.mark.slow
def test_the_last_answer_of_a_list_can_serve_for_all_that_follow() -> None:
    with ChatServer([reply("one"), reply("two")], repeat_last=True) as server:
        assert [said(ask(server)) for _ in range(4)] == ["one", "two", "two", "two"]


@pytest.mark.slow
def test_one_answer_serves_all_requests() -> None:
    with ChatServer(reply("same")) as server:
        assert [said(ask(server)) for _ in range(3)] == ["same"] * 3


def test_a_function_answers_by_the_request() -> None:
    def echo(request: ReceivedRequest) -> Any:
        return reply(request.json["messages"][-1]["content"].upper())

    with ChatServer(echo) as server:
        assert said(ask(server)) == "HI"


def failing(request: ReceivedRequest) -> Any:
    raise AssertionError("the prompt is wrong")


def test_a_function_that_fails_is_an_error_to_the_client_and_raised_at_the_end() -> None:
    with pytest.raises(AssertionError, match="the prompt is wrong"), ChatServer(failing) as server:
        assert error_of(ask(server))[:2] == (400, "script_failed")


def test_an_assert_in_a_script_fails_the_test_with_its_own_words_after_one_request() -> None:
    server = ChatServer(failing)
    with pytest.raises(AssertionError, match="the prompt is wrong"), server, use(server):
        extract(int, "a number", model="openai:gpt-5-mini")
    assert len(server.requests) == 1


def test_an_answer_that_cannot_be_sent_is_an_error_too() -> None:
    with pytest.raises(UnicodeEncodeError), ChatServer(reply("a", headers={"x-own": "\u20ac"})) as server:
        assert error_of(ask(server))[:2] == (400, "script_failed")


def test_an_error_of_the_test_itself_is_not_hidden_by_one_of_the_script() -> None:
    def scenario() -> None:
        with ChatServer(failing) as server:
            ask(server)
            raise ValueError("the test's own")

    with pytest.raises(ValueError, match="the test's own"):
        scenario()


def test_a_new_script_can_be_played(chat_server: ChatServer) -> None:
    chat_server.play([reply("one")])
    assert said(ask(chat_server)) == "one"
    chat_server.play(reply("two"))
    assert said(ask(chat_server)) == "two"


@pytest.mark.slow
def test_without_a_script_replies_have_the_shape_of_the_schema(chat_server: ChatServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "N", "schema": schema}}
    first, second = (ask(chat_server, response_format=wanted) for _ in range(2))
    assert isinstance(json.loads(said(first))["n"], int)
    assert said(first) == said(second)
    assert isinstance(json.loads(said(ask(chat_server, response_format={"type": "json_object"}))), dict)
    assert isinstance(said(ask(chat_server)), str)


@pytest.mark.slow
def test_shaped_replies_differ_by_seed_message_and_choice() -> None:
    with ChatServer([shaped(1), shaped(2), shaped(1), shaped(1)]) as server:
        texts = [said(ask(server)), said(ask(server))]
        texts.append(said(ask(server, messages=[{"role": "user", "content": "Ho"}])))
        several = [choice["message"]["content"] for choice in ask(server, n=3).json()["choices"]]
    assert len({*texts, *several}) == 5
    assert several[0] == texts[0]


def test_a_shaped_reply_can_be_cut_as_by_the_token_limit() -> None:
    with ChatServer(shaped(keep=3)) as server:
        choice = ask(server, response_format={"type": "json_object"}).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"]) <= 3


def test_a_schema_without_a_finite_value_is_refused_as_the_api_would() -> None:
    schema = {"type": "object", "properties": {"me": {"$ref": "#"}}, "required": ["me"]}
    with ChatServer() as server:
        response = ask(server, response_format={"type": "json_schema", "json_schema": {"schema": schema}})
    assert error_of(response)[:2] == (400, "invalid_json_schema")


@pytest.mark.slow
def test_usage_is_counted_given_or_left_out() -> None:
    script = [reply("four chars a token"), reply("", usage=Usage(7, 5, 3, 2)), reply("", usage=None)]
    with ChatServer(script) as server:
        counted, given, absent = (ask(server).json() for _ in script)
    assert counted["usage"]["completion_tokens"] > 0
    assert counted["usage"]["total_tokens"] == sum(
        counted["usage"][name] for name in ("prompt_tokens", "completion_tokens")
    )
    assert given["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    assert "usage" not in absent


@pytest.mark.slow
def test_several_none_or_unfinished_choices() -> None:
    with ChatServer([reply("a", "b"), no_choices(), truncated('{"a": "b'), reply(None)]) as server:
        choices = [ask(server).json()["choices"] for _ in range(4)]
    assert [(c["index"], c["message"]["content"]) for c in choices[0]] == [(0, "a"), (1, "b")]
    assert choices[1] == []
    assert (choices[2][0]["message"]["content"], choices[2][0]["finish_reason"]) == ('{"a": "b', "length")
    assert choices[3][0]["message"]["content"] is None


@pytest.mark.slow
def test_the_id_of_the_request_and_other_headers_come_back() -> None:
    limits = rate_limits(60, 0, "1s") | rate_limits(1000, 10, unit="tokens")
    with ChatServer([reply("a", headers=limits), status(500, headers={"X-Request-Id": "mine"})]) as server:
        first, second = ask(server), ask(server)
    assert first.headers["x-request-id"] == "req_0"
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert first.headers["x-ratelimit-limit-tokens"] == "1000"
    assert second.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [
        (None, None),
        (2, "2"),
        (0.5, "0.5"),
        (datetime(2026, 11, 22, 21, 0, tzinfo=UTC), "Sun, 22 Nov 2026 21:00:00 GMT"),
        ("soon", "soon"),
    ],
)
def test_a_status_with_and_without_retry_after(retry_after: Any, header: str | None) -> None:
    with ChatServer(status(429, "Slow down.", retry_after=retry_after)) as server:
        response = ask(server)
    assert error_of(response) == (429, "rate_limit_exceeded", "Slow down.")
    assert response.headers.get("retry-after") == header


@pytest.mark.slow
def test_a_body_that_is_no_json_or_says_to_be_something_else() -> None:
    with ChatServer([body("<html>"), body(b"{}", 200, "text/html"), body("", 204)]) as server:
        broken, mistyped, empty = (ask(server) for _ in range(3))
    assert (broken.text, broken.headers["content-type"]) == ("<html>", "application/json")
    assert (mistyped.text, mistyped.headers["content-type"]) == ("{}", "text/html")
    assert (empty.status_code, empty.content) == (204, b"")


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"{", None),
        (b"[]", None),
        (b'{"messages": []}', "model"),
        (b'{"model": "m"}', "messages"),
        (b'{"model": "m", "messages": []}', "messages"),
        (b'{"model": "m", "messages": ["Hi"]}', "messages"),
        (b'{"model": "m", "messages": [{"role": "user"}], "n": 0}', "n"),
        (b'{"model": "m", "messages": [{"role": "user"}], "tools": [{"type": "function"}]}', "tools"),
        (b'{"model": "m", "messages": [{"role": "user"}], "response_format": "json"}', "response_format"),
        (b"[" * 100_000, None),
    ],
)
def test_a_body_that_is_no_request_is_refused_and_uses_up_no_answer(
    content: bytes, param: str | None
) -> None:
    with ChatServer([reply("one")]) as server:
        refused = httpx.post(f"{server.base_url}/chat/completions", content=content)
        assert said(ask(server)) == "one"
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param


def test_unknown_paths_and_methods_are_refused() -> None:
    with ChatServer() as server, httpx.Client(base_url=server.base_url) as client:
        assert error_of(client.get("/nothing"))[:2] == (404, "unknown_url")
        assert error_of(client.get("/chat/completions"))[:2] == (405, "method_not_supported")
        assert [r.path for r in server.requests] == ["/v1/nothing", "/v1/chat/completions"]


def test_a_wrong_key_is_refused_where_one_is_expected() -> None:
    with ChatServer([reply("one")], api_key="sk-right") as server:
        refused, taken = ask(server, key="sk-wrong"), ask(server, key="sk-right")
        assert [request.authorized for request in server.requests] == [False, True]
    assert error_of(refused)[:2] == (401, "invalid_api_key")
    assert said(taken) == "one"


def test_requests_are_kept_as_frozen_values_without_any_key() -> None:
    with ChatServer(api_key="sk-right") as server:
        httpx.post(
            f"{server.base_url}/chat/completions?key=1",
            content=b"{}",
            headers={
                "Authorization": "Bearer sk-right",
                "X-Api-Key": "sk-more",
                "Cookie": "c=1",
                "X-Own": "x",
            },
        )
        (request,) = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", "key=1")
    assert (request.body, request.json, request.authorized) == (b"{}", {}, True)
    assert (request.headers["x-own"], request.headers["authorization"]) == ("x", "***")
    assert pickle.loads(pickle.dumps(request)) == request
    assert not any(secret in repr(request.header_items) for secret in ("sk-", "c=1"))


@pytest.mark.slow
def test_one_can_wait_for_requests(chat_server: ChatServer) -> None:
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask, chat_server)
        assert len(chat_server.wait_for(4)) == 4
    with pytest.raises(TimeoutError, match=r"4 of 5 requests arrived within 0\.01 s"):
        chat_server.wait_for(5, timeout=0.01)


def test_one_can_await_requests() -> None:
    async def scenario() -> int:
        async with ChatServer() as server, httpx.AsyncClient(base_url=server.base_url) as client:
            posting = asyncio.create_task(client.post("/chat/completions", json={}))
            arrived = await server.await_for(1)
            await posting
            with pytest.raises(TimeoutError, match="1 of 2 requests"):
                await server.await_for(2, timeout=0.01)
            return len(arrived)

    assert asyncio.run(scenario()) == 1


@pytest.mark.slow
def test_many_clients_at_once_lose_nothing() -> None:
    def session(server: ChatServer) -> list[Any]:
        with httpx.Client(base_url=server.base_url) as client:
            return [
                said(client.post("/chat/completions", json={"model": "m", "messages": MESSAGES}))
                for _ in range(25)
            ]

    with ChatServer(lambda request: reply(str(request.index))) as server:
        with ThreadPoolExecutor(8) as pool:
            texts = [text for session in pool.map(session, [server] * 8) for text in session]
        assert sorted(map(int, texts)) == list(range(200))
        assert [request.index for request in server.requests] == list(range(200))


def test_closing_is_prompt_and_leaves_nothing_though_replies_hang() -> None:
    before = set(threading.enumerate())
    with ChatServer(slow(latency=math.inf)) as server:
        ask_body = json.dumps({"model": "m", "messages": MESSAGES}).encode()
        clients = [socket.create_connection(server.address) for _ in range(5)]
        for client in clients[1:]:
            client.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(ask_body)
                + ask_body
            )
        server.wait_for(4)
    assert set(threading.enumerate()) <= before
    for client in clients:
        client.settimeout(10)
        with client, suppress(ConnectionResetError):
            assert client.recv(1000) == b""
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(server.address)


def test_closing_while_clients_still_come_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    gc.freeze()  # what is older is not gone through below
    for _ in range(5):
        with ChatServer() as server:
            clients = [socket.create_connection(server.address) for _ in range(50)]
        for client in clients:
            client.close()
    gc.collect()  # an open socket would now be a ResourceWarning
    assert caplog.records == []


def test_a_server_is_started_once_and_has_no_address_before() -> None:
    server = ChatServer()
    with pytest.raises(RuntimeError, match="until it is started"):
        _ = server.base_url
    server.close()
    with server, pytest.raises(RuntimeError, match="started only once"):
        server.start()


def test_replies_can_be_slow() -> None:
    began = time.monotonic()
    with ChatServer(
        slow(split(reply("x"), at=(1, 2)), latency=0.02, body_delay=0.02, chunk_delay=0.02)
    ) as server:
        assert said(ask(server)) == "x"
    assert time.monotonic() - began >= 0.1  # before the head, the body, its two other pieces, and its end


@pytest.mark.parametrize("script", ["yes", ["yes"], [reply("yes"), {"total": 12}], {"total": 12}])
def test_what_is_no_answer_is_refused_before_a_request_comes(script: Any) -> None:
    with pytest.raises(TypeError, match=r"write reply\("):
        ChatServer(script)
