"""Where going on makes no sense, whom to ask instead, and errors that say what to look at."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from extractor import AsyncExtractor, ConfigError, Extractor, Run, RunStopped, ServiceError
from extractor.testing import ChatServer, ReceivedRequest, body, calls, refusal, reply, status
from tests.asking import ADA, TEXT, Person, extractor, run

# -- where going on makes no sense


HOPELESS = [
    (400, {"type": "error", "error": {"type": "invalid_request_error", "message":
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing."}}),
    (400, {"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT"}}),
    (400, {"error": "Incorrect API key provided: xa***."}),
    (404, {"error": {"message": "The model `gpt-x` does not exist or you do not have access to it.",
        "type": "invalid_request_error", "code": "model_not_found"}}),
    (404, {"object": "error", "message": "The model `x` does not exist.", "code": 404}),
    (404, {"error": {"message": "model 'x' not found, try pulling it first", "type": "api_error"}}),
    (404, {"error": {"message": "No endpoints found for x/y.", "code": 404}}),
    (400, {"error": {"message": "x/y is not a valid model ID", "code": 400}}),
    (403, {"error": {"message": "insufficient credits"}}),
    (404, {"detail": "Not Found"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "said"), HOPELESS, ids=range(len(HOPELESS)))
def test_a_run_stops_where_no_other_row_would_fare_better(code: int, said: Any) -> None:
    with ChatServer(body(json.dumps(said), code)) as server, extractor(server) as ex:
        with pytest.raises(RunStopped) as stopped:
            list(ex.rows([f"row {row}" for row in range(300)], Person, run=Run(journal=False)))
        assert len(server.requests) < 50
    assert isinstance(stopped.value.cause, ServiceError)


def test_a_key_that_is_not_valid_is_no_reason_to_pay_another_model() -> None:
    code, said = HOPELESS[1]
    with ChatServer(body(json.dumps(said), code)) as server, extractor(server, fallback="other") as ex:
        error = ex.run(Person, TEXT).error
        assert len(server.requests) == 1
    assert "api_key=" in str(error)


def test_a_404_about_one_text_is_that_rows_error() -> None:
    def answer(request: ReceivedRequest) -> Any:
        missing = body('{"error": {"message": "no such file"}}', 404)
        return missing if "row 7" in str(request.json["messages"]) else reply(ADA)

    with ChatServer(answer) as server, extractor(server) as ex:
        found = list(
            ex.rows([f"row {row}" for row in range(9)], Person, run=Run(journal=False, concurrency=1))
        )
    assert [o.index for o in found if o.error] == [7]


@pytest.mark.parametrize(
    "said", ["invalid params", "Bad Request", "Request contains an invalid argument.",
             "This model does not support output format.", "Provider returned error"]
)  # fmt: skip
def test_a_refusal_without_a_cause_steps_down_a_mode(said: str) -> None:
    def answer(request: ReceivedRequest) -> Any:
        return calls(("Person", ADA)) if request.json.get("tools") else status(400, said)

    with ChatServer(answer) as server, extractor(server) as ex:
        assert ex.run(Person, TEXT).record == Person(name="Ada", age=36)
    with ChatServer(answer) as server, extractor(server, mode="json_schema") as ex:
        assert "mode='tool'" in str(ex.run(Person, TEXT).error)


# -- fallback


def keys(server: ChatServer) -> list[bool]:
    return [request.authorized for request in server.requests]


@pytest.mark.parametrize(
    ("model", "other", "asked"),
    [
        ("m", "n", "n"),
        ("openai:m", "openai:n", "n"),
        ("openai:m", "n", "n"),
        ("qwen3:8b", "qwen3:1b", "qwen3:1b"),
    ],
)
def test_a_fallback_behind_the_same_gateway_is_asked_there_with_the_same_key(
    model: str, other: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    headers = {"x-team": "blue"}
    with ChatServer([refusal(), reply(ADA)], api_key="vault-1234") as server:
        with extractor(
            server, model=model, api_key="vault-1234", fallback=other, extra_headers=headers
        ) as ex:
            result = ex.run(Person, TEXT)
        assert keys(server) == [True, True]
    assert result.attempts[-1].model == asked
    assert result.record == Person(name="Ada", age=36)


def test_texts_go_to_no_host_that_nobody_has_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
    with pytest.raises(ConfigError, match=r"'anthropic:c': it would be asked at https://api.anthropic.com"):
        Extractor("openai:m", base_url="http://127.0.0.1:1/v1", api_key="k", fallback="anthropic:c")


@pytest.mark.parametrize("bulk", [False, True])
def test_a_fallback_given_as_an_extractor_is_a_whole_model_of_its_own(bulk: bool) -> None:
    with ChatServer(refusal()) as a, ChatServer(refusal()) as b, ChatServer(reply(ADA), api_key="own") as c:
        last = extractor(c, model="anthropic:c", api_key="own", instructions="Last.", max_tokens=99)
        middle = extractor(b, fallback=[last])
        with extractor(a, fallback=[middle], instructions="First.") as ex:
            [result] = (
                list(ex.rows([TEXT], Person, run=Run(journal=False))) if bulk else [ex.run(Person, TEXT)]
            )
        assert [a.model for a in result.attempts] == ["m", "m", "c"]
        assert result.record == Person(name="Ada", age=36)
        assert c.requests[0].path == "/v1/messages"
        assert c.requests[0].json["max_tokens"] == 99
        assert "Last." in str(c.requests[0].json["system"])
        assert last.run(Person, TEXT).record  # it is its owner's to close
        last.close()
        middle.close()


def test_an_async_fallback_is_asked_too() -> None:
    async def ask(a: ChatServer, b: ChatServer) -> list[Any]:
        async with (
            AsyncExtractor("n", base_url=b.base_url) as other,
            AsyncExtractor("m", base_url=a.base_url, fallback=other) as ex,
        ):
            rows = [outcome.record async for outcome in ex.rows([TEXT], Person, run=Run(journal=False))]
            return [*rows, await ex.extract(Person, TEXT)]

    with ChatServer(refusal()) as a, ChatServer(reply(ADA)) as b:
        assert asyncio.run(ask(a, b)) == [Person(name="Ada", age=36)] * 2


@pytest.mark.parametrize("other", [7, {"model": "n"}, [None], [{"model": "n"}]], ids=repr)
def test_a_fallback_that_is_no_model_is_refused(other: Any) -> None:
    with pytest.raises(ConfigError, match="fallback= must be names of models or Extractors"):
        Extractor("m", base_url="http://127.0.0.1:1/v1", fallback=other)


def test_a_fallback_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="names of models or AsyncExtractors"):
        AsyncExtractor("m", base_url="http://127.0.0.1:1/v1", fallback=Extractor("n", base_url="http://x/v1"))


def test_a_fallback_keeps_to_the_calls_budget() -> None:
    with ChatServer(reply("no")) as a, ChatServer(reply("no")) as b, extractor(b) as other:
        with extractor(a, fallback=other, max_repairs=0, max_tokens_total=100_000) as ex:
            assert len(ex.run(Person, TEXT).attempts) == 4
        with extractor(a, fallback=other, max_repairs=0, max_tokens_total=250) as ex:
            assert len(ex.run(Person, TEXT).attempts) < 4


# -- errors that help


def test_a_refused_connection_names_the_url() -> None:
    with Extractor("m", base_url="http://127.0.0.1:9/v1", max_retries=0) as ex:
        assert "asked at http://127.0.0.1:9/v1" in str(ex.run(Person, TEXT).error)


@pytest.mark.parametrize("model", ["openai:m", "anthropic:m", "m"])
def test_a_wrong_key_names_the_model_the_place_and_the_variable(model: str) -> None:
    error = str(run([status(401)], model=model, api_key="secret-key-1").error)
    variable = "ANTHROPIC_API_KEY" if model.startswith("anthropic") else "OPENAI_API_KEY"
    assert "'m' was asked at http://127.0.0.1:" in error
    assert f"set {variable}" in error
    assert "secret-key" not in error


def test_a_404_names_the_model_and_the_url() -> None:
    with ChatServer(status(404)) as server, Extractor("m", base_url=server.base_url) as ex:
        assert f"the request for 'm' went to {server.base_url}" in str(ex.run(Person, TEXT).error)


def test_an_error_quotes_the_reply() -> None:
    error = run([reply("I have no idea,\n sorry. " * 20)], max_repairs=0).error
    assert "the reply was 'I have no idea, sorry. I have" in str(error)
    assert str(error).endswith("…'")
    assert len(str(error)) < 500


def test_an_error_quotes_a_short_reply_whole() -> None:
    error = run([reply("I have no idea,\n sorry.")], max_repairs=0).error
    assert str(error).endswith("; the reply was 'I have no idea, sorry.'")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("opnai/gpt-5-mini", "'openai:gpt-5-mini'"),
        ("meta/llama", "'openrouter:meta/llama'"),
        ("gpt-5", "'openai:gpt-5'"),
    ],
)
def test_a_name_with_a_slash_is_understood(name: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match=f"for instance {meant}"):
        Extractor(name)
