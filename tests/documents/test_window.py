"""How much of a text a model takes at a time: given, known, asked of the server, or a ConfigError."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Outcome, Run, ServiceError
from extractor.documents.window import BYTES_A_TOKEN, chunk_size, tokens_of, window_in
from extractor.given import check_length
from extractor.messages import Message, Request
from extractor.testing import ChatServer, ReceivedRequest, Response, body, status
from extractor.testing.apis import ROUTES
from extractor.testing.script import Play
from tests.documents.pages import Ledger, book, model

TEXT, PLANTED = book(20)


class Person(BaseModel):
    name: str


def listing(*rows: Mapping[str, Any]) -> Any:
    """A route that lists models."""

    def answer(request: ReceivedRequest, play: Play) -> Response:
        return body(json.dumps({"object": "list", "data": rows}).encode())  # type: ignore[return-value]

    return {**ROUTES, ("GET", "/v1/models"): answer}


@pytest.mark.parametrize(
    ("row", "window"),
    [
        ({"id": "m", "max_model_len": 32768}, 32768),
        ({"id": "m", "context_length": 4096}, 4096),
        ({"id": "m", "context_window": 131072}, 131072),
        ({"id": "m", "max_context_length": 8192}, 8192),
        ({"id": "m", "max_input_tokens": 200000, "max_tokens": 64000}, 200000),
        ({"name": "models/m", "inputTokenLimit": 1048576}, 1048576),
        ({"id": "other", "max_model_len": 5}, None),
        ({"id": "m", "max_model_len": None}, None),
        ({"id": "m", "max_model_len": True}, None),
        ({"id": "m"}, None),
    ],
)
def test_the_window_is_read_from_what_servers_say_of_their_models(row: Any, window: int | None) -> None:
    assert window_in({"data": [row]}, "m") == window
    assert window_in({"models": [row]}, "m") == window


@pytest.mark.parametrize("told", [None, [], {"data": 5}, {"data": [1]}, {}])
def test_what_is_no_list_of_models_says_nothing(told: Any) -> None:
    assert window_in(told, "m") is None


@pytest.mark.slow
def test_a_server_is_asked_once_and_what_it_says_is_kept_to() -> None:
    rows = [{"id": "m", "max_model_len": 2800}]
    with (
        ChatServer(model, routes=listing(*rows), api_key="secret") as server,
        Extractor("m", base_url=server.base_url, api_key="secret", max_tokens=400) as ex,
    ):
        result = ex.document(Ledger, TEXT, run=Run(journal=False))
        ex.document(Ledger, TEXT, run=Run(journal=False))
        assert [r.method for r in server.requests].count("GET") == 1
    assert result.outcome is Outcome.OK
    assert [one.number for one in result.unwrap().deliveries] == [one.number for _, one in PLANTED]
    for chunk in result.chunks:
        (attempt,) = chunk.attempts
        said = "".join(str(m.content) for m in attempt.request.messages)
        assert tokens_of(said) + 400 <= 2800


def test_a_long_text_for_a_model_of_which_nothing_is_known_is_an_error_before_anything_is_sent() -> None:
    with ChatServer(model) as server, Extractor("m", base_url=server.base_url, api_key="a-key") as ex:
        with pytest.raises(ConfigError, match="give window="):
            ex.document(Ledger, TEXT, run=Run(journal=False))
        assert {request.method for request in server.requests} == {"GET"}
        short, _ = book(1)
        assert len(ex.document(Ledger, short, run=Run(journal=False)).chunks) == 1


@pytest.mark.parametrize("said", ["null", "[]", '{"n_ctx": null}', '{"n_ctx": "many"}'])
def test_what_a_server_says_of_its_properties_may_be_nonsense(said: str) -> None:
    def props(request: ReceivedRequest, play: Play) -> Response:
        return body(f'{{"default_generation_settings": {said}}}'.encode())  # type: ignore[return-value]

    routes = {**ROUTES, ("GET", "/props"): props}
    with (
        ChatServer(model, routes=routes) as server,
        Extractor("m", base_url=server.base_url, api_key="a-key") as ex,
        pytest.raises(ConfigError, match="give window="),
    ):
        ex.document(Ledger, TEXT, run=Run(journal=False))
    assert server.requests[-1].path == "/props"


def test_windows_of_hosted_models_come_from_genai_prices() -> None:
    pytest.importorskip("genai_prices")
    with Extractor("openai:gpt-5-mini", api_key="a-key") as ex:
        assert ex._models.first.window() == 400_000
    with Extractor("openai:nobody-knows-it", api_key="a-key") as ex:
        assert ex._models.first.window() is None


def test_the_rest_of_a_request_and_its_answer_are_left_room_for() -> None:
    request = Request("m", (Message("system", "x" * 3000), Message("user", "?")), {"max_tokens": 1000})
    size = chunk_size("a" * 100_000, request, False, 8000, None)
    assert size == (int(8000 * 0.95) - 1001 - 2 * 1000) * BYTES_A_TOKEN
    assert chunk_size("日" * 100_000, request, False, 8000, None) * 3 == pytest.approx(size, abs=3)
    unbounded = Request("m", (Message("user", "?"),))
    assert chunk_size("a" * 100_000, unbounded, False, 8000, None) == (7600 - 1 - 2 * 1333) * BYTES_A_TOKEN
    with pytest.raises(ConfigError, match="no room for a text"):
        chunk_size("a" * 100_000, request, False, 3000, None)


# -- what the other calls say of a text that is too long


def test_run_refuses_a_text_that_is_sure_to_be_too_long_before_anything_is_sent() -> None:
    pytest.importorskip("xllamacpp", reason="needs the `local` extra")
    with Extractor("local:smollm2") as ex, pytest.raises(ConfigError, match=r"use document\(\.\.\.\)"):
        ex.run(Person, "Ada wrote it. " * 5000)


@pytest.mark.parametrize(
    ("text", "window", "fits"),
    [
        ("word " * 8000, 8192, True),  # 40,000 characters may well be 8,000 tokens
        (" " * 10**6, 8192, True),  # who knows what white space costs
        ("word " * 12000, 8192, False),
        ("word " * 10**6, None, True),
    ],
)
def test_only_what_is_sure_is_refused(text: str, window: int | None, fits: bool) -> None:
    if fits:
        check_length(text, window, "m")
    else:
        with pytest.raises(
            ConfigError, match="60,000 characters, more than the 8,192 tokens that 'm' can read"
        ):
            check_length(text, window, "m")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("This model's maximum context length is 8192 tokens. However, you requested 9000.", None),
        ("Your input exceeds the limit", "context_length_exceeded"),
        ("prompt is too long: 210000 tokens > 200000 maximum", None),
        ("The input token count (1500000) exceeds the maximum number of tokens allowed (1048576).", None),
        ("the request exceeds the available context size, try increasing it", "exceed_context_size_error"),
    ],
)
def test_where_the_service_says_that_a_text_is_too_long_the_error_names_document(
    message: str, code: str | None
) -> None:
    with (
        ChatServer(status(400, message, code=code)) as server,
        Extractor("m", base_url=server.base_url, api_key="a-key") as ex,
        pytest.raises(ServiceError, match=r"document\(\.\.\.\) reads a long text in chunks"),
    ):
        ex.extract(Person, "Ada")


def test_other_errors_do_not_name_it() -> None:
    with (
        ChatServer(status(400, "max_tokens must be at least 1")) as server,
        Extractor("m", base_url=server.base_url, api_key="a-key") as ex,
        pytest.raises(ServiceError) as caught,
    ):
        ex.extract(Person, "Ada")
    assert "document" not in str(caught.value)
