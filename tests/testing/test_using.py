"""Code with a fixed model is tested as it stands, and no test reaches a network by mistake."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, ConfigError, Extractor, ServiceError, extract
from extractor.dialects import PROVIDERS
from extractor.testing import ChatServer, ScriptEnded, cassette, reply, shaped, use
from extractor.testing.using import path_of
from extractor.transport import http
from extractor.transport.proxies import FORBIDDEN, check_allowed

WHERE = {"AWS_REGION": "eu-west-1", "GOOGLE_CLOUD_LOCATION": "europe-west1", "GOOGLE_CLOUD_PROJECT": "p"}


class Person(BaseModel):
    name: str
    age: int


ADA = {"name": "Ada", "age": 36}


def code_of_a_user(text: str) -> Person:
    """As it runs in production, with a model that costs money."""
    return extract(Person, text, model="openai:gpt-5-mini")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {row.key_env for row in PROVIDERS.values() if row.key_env}:
        monkeypatch.delenv(name, raising=False)
    for name, value in WHERE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://somebody.openai.azure.com")


def test_code_that_names_its_model_is_led_to_the_server_without_a_key() -> None:
    with ChatServer(reply(ADA)) as server, use(server):
        assert code_of_a_user("Ada is 36.") == Person(**ADA)
    assert server.requests[0].json["model"] == "gpt-5-mini"


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_each_provider_is_led_to_the_server(provider: str) -> None:
    model = f"{provider}:{'smollm2' if provider == 'local' else 'm'}"
    with ChatServer(reply(ADA)) as server, use(server), Extractor(model) as ex:
        result = ex.run(Person, "Ada is 36.")
    assert len(server.requests) >= 1
    assert result.error is None or provider == "cohere"  # it asks for a tool call, where this is prose


def test_async_code_and_streams_are_led_there_too() -> None:
    async def ask() -> Person:
        async with AsyncExtractor("groq:m") as ex:
            return await ex.extract(Person, "Ada")

    with ChatServer(shaped()) as server, use(server):
        assert isinstance(asyncio.run(ask()), Person)
        with Extractor("anthropic:m") as sync:
            assert list(sync.stream(Person, "Ada"))
    assert len(server.requests) == 2


def test_a_client_that_was_made_before_is_led_there_and_back() -> None:
    with (
        ChatServer(reply(ADA)) as first,
        ChatServer(reply({"name": "Bob", "age": 1})) as second,
        Extractor("m", base_url=first.base_url) as ex,
    ):
        with use(second):
            assert ex.extract(Person, "Bob").name == "Bob"
        assert ex.extract(Person, "Ada").name == "Ada"


def test_the_innermost_server_is_used() -> None:
    bob = reply({"name": "Bob", "age": 1})
    with ChatServer(reply(ADA)) as outer, ChatServer(bob) as inner, use(outer), use(inner):
        assert code_of_a_user("Bob").name == "Bob"


def test_no_proxy_is_asked_for_what_is_led_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> Person:
        async with AsyncExtractor("openai:m") as ex:
            return await ex.extract(Person, "Ada")

    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ChatServer(reply(ADA)) as server, use(server):
        assert code_of_a_user("Ada is 36.") == asyncio.run(ask()) == Person(**ADA)


def test_a_server_that_was_not_started_is_told_at_once() -> None:
    with pytest.raises(RuntimeError, match="until it is started"), use(ChatServer()):
        pass


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://api.fireworks.ai/inference/v1/chat/completions", "/v1/chat/completions"),
        ("https://r.googleapis.com/v1/projects/p/endpoints/openapi/chat/completions", "/v1/chat/completions"),
        ("https://api.anthropic.com/v1/messages", "/v1/messages"),
        ("https://api.openai.com/v1/batches/b1", "/v1/batches/b1"),
        ("https://g.com/v1beta/models/m:generateContent?a=b", "/v1beta/models/m:generateContent?a=b"),
    ],
)
def test_a_path_keeps_what_tells_the_api(url: str, path: str) -> None:
    assert path_of(url) == path


# -- a script that is used up


def test_a_request_beyond_the_script_is_not_asked_again() -> None:
    with ChatServer([reply(ADA)]) as server, Extractor("m", base_url=server.base_url) as ex:
        ex.extract(Person, "Ada")
        with pytest.raises(ServiceError, match="The script has ended: it has 1 answers"):
            ex.extract(Person, "Ada")
    assert len(server.requests) == 2


def test_a_strict_server_fails_whatever_the_code_makes_of_the_error() -> None:
    server = ChatServer([reply(ADA)], strict=True).start()
    with Extractor("m", base_url=server.base_url) as ex:
        assert ex.run(Person, "Ada").error is None
        assert ex.run(Person, "Ada").error is not None
    with pytest.raises(ScriptEnded, match="this is request 2"):
        server.__exit__(None, None, None)


@pytest.mark.slow
def test_the_fixture_fails_a_test_that_asks_too_much(tmp_path: Path) -> None:
    file = tmp_path / "test_user.py"
    file.write_text(
        """
from extractor import Extractor
from extractor.testing import reply

def test_it(chat_server):
    chat_server.play([reply("one")])
    with Extractor("m", base_url=chat_server.base_url) as ex:
        ex.chat([{"role": "user", "content": "hello"}])
        try:
            ex.chat([{"role": "user", "content": "once more"}])
        except Exception:
            pass
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "extractor.testing.fixtures", str(file)]
    end = subprocess.run(
        [*command, f"--rootdir={tmp_path}", "-c", "/dev/null"],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"},
    )
    assert "ScriptEnded: The script has ended: it has 1 answers, and this is request 2." in end.stdout
    assert "1 passed, 1 error" in end.stdout


# -- no network


def test_a_real_request_is_forbidden_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORBIDDEN, "1")
    with Extractor("openai:gpt-5-mini", api_key="sk-real") as ex:
        with pytest.raises(ConfigError, match=r"NETWORK is set, but this would be sent to api\.openai\.com"):
            ex.extract(Person, "Ada")
        with pytest.raises(ConfigError, match=r"extractor\.testing\.use"):
            list(ex.stream(Person, "Ada"))


def test_async_code_is_forbidden_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> Person:
        async with AsyncExtractor("openai:gpt-5-mini", api_key="sk-real") as ex:
            return await ex.extract(Person, "Ada")

    monkeypatch.setenv(FORBIDDEN, "1")
    with pytest.raises(ConfigError, match=r"would be sent to api\.openai\.com"):
        asyncio.run(ask())


def test_a_model_is_not_downloaded_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORBIDDEN, "1")
    with pytest.raises(ConfigError, match=r"would be sent to example\.com"):
        list(http.download("https://example.com/model.gguf", {}))


def test_servers_of_this_machine_and_cassettes_are_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(FORBIDDEN, "1")
    with ChatServer(reply(ADA)) as server, use(server), cassette(tmp_path / "a.jsonl"):
        assert code_of_a_user("Ada is 36.") == Person(**ADA)
    with cassette(tmp_path / "a.jsonl"):
        assert code_of_a_user("Ada is 36.") == Person(**ADA)


@pytest.mark.parametrize("off", ["", "0", "false", "No"])
def test_the_variable_can_be_switched_off(off: str) -> None:
    check_allowed("https://api.openai.com/v1", {FORBIDDEN: off})
    check_allowed("https://api.openai.com/v1", {})
