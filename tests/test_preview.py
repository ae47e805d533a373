"""What a call would send is shown as it is sent, without keys, and without anything being sent."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, ConfigError, Extractor, ExtractorError, SchemaError
from extractor.testing import ChatServer, reply

KEY = "sk-abcdefghijklmnopqrstuvwxyz"


class Person(BaseModel):
    name: str
    age: int | None = None


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "openai-responses"])
def test_a_preview_is_what_is_sent_then(provider: str) -> None:
    examples = [("Bob is 7", Person(name="Bob", age=7))]
    asked: dict[str, Any] = {"instructions": "Be exact.", "examples": examples, "temperature": 0}
    with ChatServer([reply({"name": "Ada"})]) as server:
        with Extractor(f"{provider}:m", base_url=server.base_url, api_key=KEY, max_repairs=0) as ex:
            shown = ex.preview(Person, "Ada", **asked)
            assert server.requests == ()
            with suppress(ExtractorError):  # a server of chat completions answers other APIs as it can
                ex.extract(Person, "Ada", **asked)
        (request,) = server.requests
    assert shown.body == request.body
    assert shown.url.endswith(request.path)
    assert 0 < shown.tokens < len(shown.body)


def test_no_key_is_shown_and_no_header_of_ones_own() -> None:
    ex = Extractor(
        "openai:m", base_url="http://127.0.0.1:9/v1", api_key=KEY, extra_headers={"X-Pass": "hunter2"}
    )
    shown = ex.preview(Person, "Ada")
    assert shown.headers["Authorization"] == "Bearer ***"
    assert shown.headers["X-Pass"] == "***"
    for said in (str(shown), repr(shown)):
        assert KEY not in said
        assert "hunter2" not in said
    assert "hunter2" in str(ex.preview(Person, "hunter2")), "the text is shown as it is"


def test_it_reads_as_http_does_with_the_body_set_out() -> None:
    shown = AsyncExtractor("m", base_url="http://127.0.0.1:9/v1").preview(Person, "Grüße")
    head, _, body = str(shown).partition("\n\n")
    assert head.splitlines()[0] == "POST http://127.0.0.1:9/v1/chat/completions"
    assert json.loads(body) == shown.json
    assert "Grüße" in body


def test_what_could_not_be_sent_is_told_as_by_the_call() -> None:
    ex = Extractor("m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(SchemaError):
        ex.preview(type("Odd", (), {}), "Ada")
    with pytest.raises(ConfigError, match="not a valid record"):
        ex.preview(Person, "Ada", examples=[("Bob", {"age": 7})])


def test_the_embedded_model_is_not_started_for_it() -> None:
    assert Extractor("local:smollm2").preview(Person, "Ada").json["grammar"]
