"""The loopback server, seen by plain HTTP clients and raw sockets."""

from __future__ import annotations

import httpx

from extractor.testing import ChatServer, reply


def ask(server: ChatServer, **more: object) -> httpx.Response:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **more}
    return httpx.post(f"{server.base_url}/chat/completions", json=body)


def test_the_script_is_answered_in_order() -> None:
    with ChatServer([reply("one"), reply("two")]) as server:
        said = [ask(server).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert said == ["one", "two"]
