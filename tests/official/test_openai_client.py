"""The official `openai` package talks to the server: it is held to the protocol, not to our reading of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import openai
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, Field

from extractor.messages import Usage
from extractor.testing import (
    ChatServer,
    ReceivedRequest,
    Script,
    Scripted,
    body,
    calls,
    drop,
    filtered,
    logprobs,
    no_choices,
    refusal,
    reply,
    shaped,
    slow,
    split,
    status,
    stream,
    truncated,
)
from tests.selecting import examples

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
STREAM: dict[str, Any] = {**CHAT, "stream": True}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer", "minimum": 1, "maximum": 3},
            },
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}


class Line(BaseModel):
    text: str
    amount: float = Field(ge=0, le=100)


class Invoice(BaseModel):
    number: str = Field(pattern=r"^[A-Z]{2}-\d{4}$")
    kind: Literal["invoice", "credit note"]
    lines: list[Line] = Field(min_length=1)
    parent: Invoice | None


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ChatServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as made:
        yield made


def streamed(client: OpenAI, **more: Any) -> list[ChatCompletionChunk]:
    with client.chat.completions.create(**STREAM, **more) as chunks:
        return list(chunks)


def text_of(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def test_a_plain_completion(server: ChatServer, client: OpenAI) -> None:
    server.play([reply("Grüße", usage=Usage(11, 5, cached_tokens=3, reasoning_tokens=1))])
    completion = client.chat.completions.create(**CHAT)
    (choice,) = completion.choices
    assert (choice.message.content, choice.message.role, choice.finish_reason) == (
        "Grüße",
        "assistant",
        "stop",
    )
    assert completion.model == "m"
    assert completion._request_id == f"req_{server.requests[-1].index}"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    assert (completion.usage.total_tokens, completion.usage.prompt_tokens_details.cached_tokens) == (16, 3)


def test_a_streamed_completion(server: ChatServer, client: OpenAI) -> None:
    server.play([reply("One two three four"), reply("One", "Two, a longer one")])
    chunks = streamed(client)
    assert text_of(chunks) == "One two three four"
    assert len(chunks) > 3
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == [None, "stop"]
    assert all(chunk.usage is None for chunk in chunks)
    several = streamed(client)
    assert [text_of(several, index) for index in (0, 1)] == ["One", "Two, a longer one"]


def test_a_stream_ends_with_its_usage_where_that_is_asked_for(server: ChatServer, client: OpenAI) -> None:
    server.play([reply("Hi", usage=Usage(3, 2)), reply("Hi", usage=None)])
    *chunks, last = streamed(client, stream_options={"include_usage": True})
    assert all(chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens == 5
    assert all(chunk.usage is None for chunk in streamed(client, stream_options={"include_usage": True}))


def test_log_probabilities_where_they_are_asked_for_plain_and_streamed(
    server: ChatServer, client: OpenAI
) -> None:
    server.play(logprobs(reply("Grüße, Ada"), {"Ada": -0.5}))
    for completion in (
        client.chat.completions.create(**CHAT, logprobs=True),
        client.chat.completions.stream(**CHAT, logprobs=True),
    ):
        if not isinstance(completion, ChatCompletion):
            with completion as events:
                completion = events.get_final_completion()
        told = completion.choices[0].logprobs
        assert told is not None
        assert told.content is not None
        assert [(token.token, token.logprob) for token in told.content] == [
            ("Grüße", 0.0), (",", 0.0), (" ", 0.0), ("Ada", -0.5),
        ]  # fmt: skip
        assert b"".join(bytes(token.bytes or ()) for token in told.content).decode() == "Grüße, Ada"
    assert client.chat.completions.create(**CHAT).choices[0].logprobs is None


@pytest.mark.parametrize("seed", range(10))
def test_a_shaped_reply_is_parsed_as_the_model_that_was_asked_for(
    server: ChatServer, client: OpenAI, seed: int
) -> None:
    server.play(shaped(seed))
    completion = client.chat.completions.parse(**CHAT, response_format=Invoice, n=2)
    for choice in completion.choices:
        assert isinstance(choice.message.parsed, Invoice)
    with client.chat.completions.stream(**CHAT, response_format=Invoice, n=2) as events:
        assert events.get_final_completion().choices[0].message.parsed == completion.choices[0].message.parsed


def test_a_shaped_reply_to_tools_calls_one_of_them(server: ChatServer, client: OpenAI) -> None:
    other: Any = {"type": "function", "function": {"name": "other"}}
    named: Any = {"type": "function", "function": {"name": "weather"}}
    server.play(shaped())

    def called(choice: Any) -> list[str]:
        completion = client.chat.completions.create(**CHAT, tools=[other, WEATHER], tool_choice=choice)
        return [call.function.name for call in completion.choices[0].message.tool_calls or ()]

    assert [called(c) for c in ("auto", "required", named, "none")] == [["other"], ["other"], ["weather"], []]
    completion = client.chat.completions.parse(**CHAT, tools=[WEATHER])
    calls_made: Any = completion.choices[0].message.tool_calls
    assert calls_made[0].function.parsed_arguments["days"] in (1, 2, 3)


def test_tool_calls_plain_and_streamed(server: ChatServer, client: OpenAI) -> None:
    server.play(
        calls(("weather", {"city": "Köln", "days": 2}), ("weather", '{"city": "Rome'), content="Looking.")
    )
    completion = client.chat.completions.create(**CHAT, tools=[WEATHER])
    with client.chat.completions.stream(
        **CHAT, tools=[{"type": "function", "function": {"name": "x"}}]
    ) as events:
        accumulated = events.get_final_completion()
    for message in (completion.choices[0].message, accumulated.choices[0].message):
        told = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()]
        assert told == [
            ("call_0", "weather", '{"city": "Köln", "days": 2}'),
            ("call_1", "weather", '{"city": "Rome'),
        ]
        assert message.content == "Looking."
    assert {c.choices[0].finish_reason for c in (completion, accumulated)} == {"tool_calls"}


def test_a_refusal_plain_and_streamed(server: ChatServer, client: OpenAI) -> None:
    server.play(refusal("No, I won't."))
    parsed = client.chat.completions.parse(**CHAT, response_format=Line)
    assert (parsed.choices[0].message.refusal, parsed.choices[0].message.parsed) == ("No, I won't.", None)
    chunks = streamed(client)
    assert "".join(c.choices[0].delta.refusal or "" for c in chunks) == "No, I won't."


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (truncated('{"text": "a'), openai.LengthFinishReasonError),
        (filtered(), openai.ContentFilterFinishReasonError),
        (shaped(keep=4), openai.LengthFinishReasonError),
    ],
)
def test_its_own_errors_for_unfinished_replies(
    server: ChatServer, client: OpenAI, script: Script, error: type[Exception]
) -> None:
    server.play(script)
    with pytest.raises(error):
        client.chat.completions.parse(**CHAT, response_format=Line)


def test_no_choices_and_no_content(server: ChatServer, client: OpenAI) -> None:
    server.play([no_choices(), no_choices(), reply(""), reply(None)])
    assert client.chat.completions.create(**CHAT).choices == []
    assert streamed(client) == []
    assert [client.chat.completions.create(**CHAT).choices[0].message.content for _ in range(2)] == ["", None]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("request_body", [CHAT, STREAM])
def test_each_status_is_the_clients_own_error(
    server: ChatServer, client: OpenAI, code: int, error: type[openai.APIStatusError], request_body: Any
) -> None:
    server.play([status(code, "Not now.", type="kind", code="why", param="model")])
    with pytest.raises(error, match=r"Not now\.") as raised:
        client.chat.completions.create(**request_body)
    assert raised.value.request_id == f"req_{server.requests[-1].index}"
    assert (raised.value.type, raised.value.code, raised.value.param) == ("kind", "why", "model")


@pytest.mark.parametrize(
    "script",
    [drop(), drop(after=30), drop(after=4, part="body"), drop(reset=True)],
    ids=["0", "30", "body", "reset"],
)
def test_a_dropped_connection_is_the_clients_own_error(
    server: ChatServer, client: OpenAI, script: Script
) -> None:
    server.play(script)
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**CHAT)


def test_a_slow_reply_is_the_clients_own_time_out(server: ChatServer, client: OpenAI) -> None:
    server.play(slow(latency=60))
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**CHAT, timeout=0.05)


def test_a_body_that_is_no_json_is_an_error(server: ChatServer, client: OpenAI) -> None:
    server.play(body("<html>"))
    with pytest.raises(ValueError, match="Expecting value"):
        client.chat.completions.create(**CHAT)


@pytest.mark.slow
@pytest.mark.parametrize("by_date", [False, True])
def test_its_retries_wait_as_long_as_a_429_asks(server: ChatServer, by_date: bool) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    server.play([status(429, retry_after=until if by_date else 0.8), reply("at last")])
    with OpenAI(base_url=server.base_url, api_key="any", max_retries=1) as client:
        assert client.chat.completions.create(**CHAT).choices[0].message.content == "at last"
    first, second = server.requests[-2:]
    assert [r.headers["x-stainless-retry-count"] for r in (first, second)] == ["0", "1"]
    if by_date:
        assert datetime.now(UTC) >= until.replace(microsecond=0)  # a date in a header has whole seconds
    else:
        assert second.time - first.time >= 0.8  # its own back-off would have been half a second


def test_its_list_of_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["test-model"]


def test_its_key_arrives() -> None:
    with ChatServer(reply("in"), api_key="sk-right") as server:
        with OpenAI(base_url=server.base_url, api_key="sk-right") as client:
            assert client.chat.completions.create(**CHAT).choices[0].message.content == "in"
        with (
            OpenAI(base_url=server.base_url, api_key="sk-wrong") as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.chat.completions.create(**CHAT)


def test_the_async_client_plain_streamed_parsed_and_failing() -> None:
    async def scenario(server: ChatServer, client: AsyncOpenAI) -> None:
        plain = await client.chat.completions.create(**CHAT)
        assert plain.choices[0].message.content == "one"
        assert text_of([chunk async for chunk in await client.chat.completions.create(**STREAM)]) == "two"
        parsed = await client.chat.completions.parse(**CHAT, response_format=Invoice)
        assert isinstance(parsed.choices[0].message.parsed, Invoice)
        with pytest.raises(openai.APIConnectionError):
            await client.chat.completions.create(**CHAT)

    asyncio.run(served([reply("one"), reply("two"), shaped(), drop()], scenario))


def test_the_async_client_many_at_once() -> None:
    def echo(request: ReceivedRequest) -> Scripted:
        return slow(reply(request.json["messages"][0]["content"]), latency=0.01)

    async def scenario(server: ChatServer, client: AsyncOpenAI) -> None:
        async def one(n: int) -> str | None:
            message: Any = {"role": "user", "content": str(n)}
            completion = await client.chat.completions.create(model="m", messages=[message])
            return completion.choices[0].message.content

        assert await asyncio.gather(*map(one, range(64))) == [str(n) for n in range(64)]

    asyncio.run(served(echo, scenario))


async def served(script: Script, scenario: Callable[[ChatServer, AsyncOpenAI], Awaitable[None]]) -> None:
    async with (
        ChatServer(script) as server,
        AsyncOpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client,
    ):
        await scenario(server, client)


STYLES = st.fixed_dictionaries(
    {
        "piece": st.integers(1, 9),
        "newline": st.sampled_from(["\n", "\r", "\r\n"]),
        "comment": st.sampled_from([None, "", "keep-alive"]),
        "multiline": st.booleans(),
        "done": st.booleans(),
    }
)


@pytest.mark.slow
@given(
    st.text(max_size=30), STYLES, st.integers(1, 40) | st.lists(st.integers(1, 2000), max_size=12).map(tuple)
)
@example("é😀\u2028\x85\r\n", {"newline": "\r", "multiline": True}, 1)
@settings(max_examples=examples(60))
def test_any_style_and_any_split_of_a_stream_says_the_same(
    server: ChatServer, client: OpenAI, text: str, style: dict[str, Any], at: Any
) -> None:
    server.play(split(stream(reply(text), **style), at=at))
    chunks = streamed(client)
    assert text_of(chunks) == text
    assert chunks[-1].choices[0].finish_reason == "stop"
