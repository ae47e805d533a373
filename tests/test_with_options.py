"""with_options: a client with some options changed, over the same connections."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, ConfigError, Extractor, Outcome, Run
from extractor.testing import ChatServer, reply, shaped

KEY = "sk-abcdefghijklmnopqrstuvwxyz"
HELLO = [{"role": "user", "content": "Hi"}]


class Person(BaseModel):
    name: str


def test_a_call_may_have_another_model_and_other_bounds() -> None:
    with (
        ChatServer([reply("no"), reply({"name": "Ada"})], api_key=KEY) as server,
        Extractor("openai:a", base_url=server.base_url, api_key=KEY) as ex,
    ):
        assert ex.with_options(max_repairs=0).run(Person, "Ada").outcome is Outcome.INVALID_JSON
        assert ex.with_options("openai:b", temperature=0).extract(Person, "Ada") == Person(name="Ada")
        first, second = server.requests
    assert (first.json["model"], second.json["model"]) == ("a", "b")
    assert second.json["temperature"] == 0
    assert first.authorized
    assert second.authorized


def test_it_has_every_verb_and_leaves_the_first_client_as_it_is() -> None:
    with ChatServer(shaped()) as server, Extractor("openai:a", base_url=server.base_url) as ex:
        other = ex.with_options("openai:b", instructions="Be exact.")
        list(other.rows(["Ada"], Person, run=Run(journal=False)))
        list(other.stream(Person, "Ada"))
        other.document(Person, "Ada", run=Run(journal=False))
        other.chat(HELLO)
        ex.extract(Person, "Ada")
        assert [request.json["model"] for request in server.requests] == ["b", "b", "b", "b", "a"]
    assert (ex.model, other.model) == ("a", "b")


def test_connections_are_shared_and_stay_open() -> None:
    with ChatServer(shaped()) as server, Extractor("openai:a", base_url=server.base_url) as ex:
        ex.extract(Person, "Ada")
        for _ in range(3):
            with ex.with_options(timeout=7) as other:
                other.extract(Person, "Ada")
        ex.extract(Person, "Ada")
        assert server.connections == 1


def test_the_async_client_has_it_too() -> None:
    async def main(url: str) -> Any:
        async with AsyncExtractor("openai:a", base_url=url) as ex:
            return await ex.with_options("openai:b").extract(Person, "Ada")

    with ChatServer([reply({"name": "Ada"})]) as server:
        assert asyncio.run(main(server.base_url)) == Person(name="Ada")
        assert server.requests[0].json["model"] == "b"


def test_a_key_goes_to_no_other_server() -> None:
    with ChatServer(shaped(), api_key=KEY) as elsewhere:
        with Extractor("openai:a", base_url="http://127.0.0.1:9/v1", api_key=KEY, max_retries=0) as ex:
            assert ex.with_options(base_url=elsewhere.base_url).run(Person, "Ada").record is None
            assert ex.with_options(base_url=elsewhere.base_url, api_key=KEY).run(Person, "Ada").record
        first, second = elsewhere.requests
    assert not first.authorized
    assert second.authorized


def test_a_model_of_another_provider_is_refused_where_the_url_is_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    ex = Extractor("openai:a", base_url="http://127.0.0.1:9/v1", api_key=KEY)
    with pytest.raises(ConfigError, match="it would be asked at"):
        ex.with_options("anthropic:claude-sonnet-4-5")


def test_it_is_copied_without_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    other = Extractor("openai:a", api_key=KEY).with_options(temperature=0)
    assert KEY.encode() not in pickle.dumps(other)
    assert KEY not in str(vars(other))


def test_an_option_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="did you mean 'timeout'"):
        Extractor("openai:a", api_key=KEY).with_options(timout=3)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"for one call: ex\.with_options\(max_repairs=\.\.\.\)"):
        Extractor("openai:a", api_key=KEY).run(Person, "Ada", max_repairs=1)  # type: ignore[call-arg]
