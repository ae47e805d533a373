"""The packages of Anthropic, Google and OpenAI talk to the server, each in its API: so the server is held
to their protocol, and our dialects send what they send.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from extractor import Extractor
from extractor.dialects import DIALECTS, PROVIDERS
from extractor.messages import FunctionCall, Message, Mode, Request, StrictSchema, ToolCall, Usage
from extractor.testing import (
    ChatServer,
    body,
    calls,
    drop,
    filtered,
    logprobs,
    no_choices,
    refusal,
    reply,
    shaped,
    split,
    status,
    stream,
    truncated,
)

ASK: Any = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
USAGE = Usage(11, 5, cached_tokens=3, reasoning_tokens=1)
LOOK = calls(("weather", {"city": "Köln", "days": 2}), ("weather", {"city": "Rom"}), content="I'll look.")


class Line(BaseModel):
    text: str
    amount: int


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture(scope="module")
def claude(server: ChatServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def gemini(server: ChatServer) -> Iterator[genai.Client]:
    with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=server.url)) as client:
        yield client


@pytest.fixture(scope="module")
def gpt(server: ChatServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="any", max_retries=0) as client:
        yield client


# -- Anthropic


@pytest.mark.parametrize("streamed", [False, True])
def test_anthropic_reads_texts_calls_endings_and_usage(
    server: ChatServer, claude: anthropic.Anthropic, streamed: bool
) -> None:
    def ask() -> Any:
        if not streamed:
            return claude.messages.create(**ASK)
        with claude.messages.stream(**ASK) as events:
            return events.get_final_message()

    server.play(
        [reply("Grüße", usage=USAGE), LOOK, truncated("abc"), refusal("No."), filtered(), no_choices()]
    )
    text, called, cut, refused, withheld, nothing = (ask() for _ in range(6))
    assert [block.text for block in text.content] == ["Grüße"]
    used = text.usage
    assert (used.input_tokens, used.cache_read_input_tokens, used.output_tokens) == (8, 3, 5)
    assert [block.type for block in called.content] == ["text", "tool_use", "tool_use"]
    assert called.content[1].input == {"city": "Köln", "days": 2}
    endings = [m.stop_reason for m in (text, called, cut, refused, withheld, nothing)]
    assert endings == ["end_turn", "tool_use", "max_tokens", "refusal", "refusal", "end_turn"]
    assert refused.stop_details.explanation == "No."
    assert nothing.content == []


def test_anthropic_parses_a_shaped_reply(server: ChatServer, claude: anthropic.Anthropic) -> None:
    server.play(shaped())
    assert isinstance(claude.messages.parse(**ASK, output_format=Line).parsed_output, Line)
    tool: Any = {"name": "line", "input_schema": Line.model_json_schema()}
    message = claude.messages.create(**ASK, tools=[tool], tool_choice={"type": "tool", "name": "line"})
    assert Line.model_validate(message.content[0].input)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.APIStatusError, "overloaded_error"),
    ],
)
def test_anthropic_knows_each_error(
    server: ChatServer, claude: anthropic.Anthropic, code: int, error: Any, kind: str
) -> None:
    server.play(status(code, "Not now."))
    for more in ({}, {"stream": True}):
        with pytest.raises(error, match=r"Not now\.") as raised:
            claude.messages.create(**ASK, **more)
        assert raised.value.body["error"]["type"] == kind
        assert raised.value.request_id == f"req_{server.requests[-1].index}"


def test_anthropic_is_told_what_no_request_is(server: ChatServer, claude: anthropic.Anthropic) -> None:
    server.play(shaped())
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        claude.post("/v1/messages", body={"model": "m", "messages": []}, cast_to=object)


# -- Gemini


@pytest.mark.parametrize("streamed", [False, True])
def test_gemini_reads_texts_calls_endings_and_usage(
    server: ChatServer, gemini: genai.Client, streamed: bool
) -> None:
    def ask() -> tuple[str, list[Any], Any, Any]:
        if streamed:
            chunks = list(gemini.models.generate_content_stream(model="m", contents="Hi"))
        else:
            chunks = [gemini.models.generate_content(model="m", contents="Hi")]
        parts = [
            p
            for c in chunks
            for candidate in c.candidates or ()
            for p in (candidate.content.parts if candidate.content else None) or ()
        ]
        found = [p.function_call for p in parts if p.function_call]
        last = chunks[-1]
        reason = last.candidates[0].finish_reason if last.candidates else None
        return "".join(p.text or "" for p in parts), found, reason, last.usage_metadata

    server.play(
        [reply("Grüße", usage=USAGE), LOOK, truncated("abc"), refusal("No."), filtered(), no_choices()]
    )
    text, called, cut, refused, withheld, nothing = (ask() for _ in range(6))
    assert text[0] == "Grüße"
    assert (text[3].prompt_token_count, text[3].cached_content_token_count) == (11, 3)
    assert (text[3].candidates_token_count, text[3].thoughts_token_count) == (4, 1)
    assert called[0] == "I'll look."
    assert [(c.id, c.name, c.args) for c in called[1]] == [
        ("call_0", "weather", {"city": "Köln", "days": 2}),
        ("call_1", "weather", {"city": "Rom"}),
    ]
    assert refused[0] == "No."
    endings = [asked[2] for asked in (text, called, cut, refused, withheld, nothing)]
    assert endings == ["STOP", "STOP", "MAX_TOKENS", "STOP", "SAFETY", None]


def test_gemini_parses_a_shaped_reply(server: ChatServer, gemini: genai.Client) -> None:
    def ask(**config: Any) -> types.GenerateContentResponse:
        told = types.GenerateContentConfig(**config)
        return gemini.models.generate_content(model="m", contents="Hi", config=told)

    server.play(shaped())
    json_type = {"response_mime_type": "application/json"}
    assert isinstance(ask(**json_type, response_schema=Line).parsed, Line)
    text = ask(**json_type, response_json_schema=Line.model_json_schema()).text
    assert Line.model_validate_json(text or "")
    line = types.FunctionDeclaration(name="line", parameters_json_schema=Line.model_json_schema())
    tools = [types.Tool(function_declarations=[line])]
    assert Line.model_validate(ask(tools=tools).function_calls[0].args)  # type: ignore[index]
    server.play([reply("one", "two")])
    assert len(ask(candidate_count=2).candidates or ()) == 2


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (403, errors.ClientError, "PERMISSION_DENIED"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, errors.ServerError, "INTERNAL"),
        (503, errors.ServerError, "UNAVAILABLE"),
    ],
)
def test_gemini_knows_each_error(
    server: ChatServer, gemini: genai.Client, code: int, error: type[errors.APIError], kind: str
) -> None:
    server.play(status(code, "Not now."))
    for ask in (
        lambda: gemini.models.generate_content(model="m", contents="Hi"),
        lambda: list(gemini.models.generate_content_stream(model="m", contents="Hi")),
    ):
        with pytest.raises(error, match=r"Not now\.") as raised:
            ask()
        assert (raised.value.code, raised.value.status) == (code, kind)


# -- OpenAI Responses


@pytest.mark.parametrize("streamed", [False, True])
def test_openai_reads_responses(server: ChatServer, gpt: openai.OpenAI, streamed: bool) -> None:
    def ask() -> Any:
        if not streamed:
            return gpt.responses.create(model="m", input="Hi")
        with gpt.responses.stream(model="m", input="Hi") as events:
            return events.get_final_response() if events else None

    server.play([reply("Grüße", usage=USAGE), LOOK, refusal("No."), no_choices()])
    text, called, refused, nothing = (ask() for _ in range(4))
    assert text.output_text == "Grüße"
    assert (text.usage.input_tokens, text.usage.input_tokens_details.cached_tokens) == (11, 3)
    assert (text.usage.output_tokens, text.usage.output_tokens_details.reasoning_tokens) == (5, 1)
    assert [item.type for item in called.output] == ["message", "function_call", "function_call"]
    assert json.loads(called.output[1].arguments) == {"city": "Köln", "days": 2}
    assert refused.output[0].content[0].refusal == "No."
    assert (nothing.output, nothing.status) == ([], "completed")


def test_log_probabilities_where_they_are_asked_for(
    server: ChatServer, gpt: openai.OpenAI, gemini: genai.Client
) -> None:
    server.play(logprobs(reply("Hi Ada"), {"Ada": -0.5}))
    asked: Any = {"model": "m", "input": "Hi", "include": ["message.output_text.logprobs"]}
    (message,) = gpt.responses.create(**asked).output
    (part,) = message.content  # type: ignore[union-attr]
    assert [(token.token, token.logprob) for token in part.logprobs] == [("Hi", 0), (" ", 0), ("Ada", -0.5)]  # type: ignore[union-attr]
    config = types.GenerateContentConfig(response_logprobs=True)
    (candidate,) = gemini.models.generate_content(model="m", contents="Hi", config=config).candidates or ()
    told = candidate.logprobs_result
    assert told is not None
    assert [(token.token, token.log_probability) for token in told.chosen_candidates or ()] == [
        ("Hi", 0), (" ", 0), ("Ada", -0.5),
    ]  # fmt: skip


def test_openai_reads_responses_that_were_cut_off(server: ChatServer, gpt: openai.OpenAI) -> None:
    server.play([truncated("abc"), filtered("ab"), truncated("abc")])
    cut, withheld = (gpt.responses.create(model="m", input="Hi") for _ in range(2))
    assert [r.incomplete_details.reason for r in (cut, withheld) if r.incomplete_details] == [
        "max_output_tokens", "content_filter",
    ]  # fmt: skip
    assert (cut.output_text, withheld.output_text) == ("abc", "ab")
    with gpt.responses.create(model="m", input="Hi", stream=True) as events:
        assert list(events)[-1].type == "response.incomplete"


def test_openai_parses_a_shaped_response(server: ChatServer, gpt: openai.OpenAI) -> None:
    server.play(shaped())
    assert isinstance(gpt.responses.parse(model="m", input="Hi", text_format=Line).output_parsed, Line)
    parameters = Line.model_json_schema() | {"additionalProperties": False}
    tool: Any = {"type": "function", "name": "line", "strict": True, "parameters": parameters}
    (item,) = gpt.responses.create(model="m", input="Hi", tools=[tool]).output
    assert Line.model_validate_json(item.arguments)  # type: ignore[union-attr]


def test_openai_knows_the_errors_of_responses(server: ChatServer, gpt: openai.OpenAI) -> None:
    server.play(status(429, "Not now."))
    with pytest.raises(openai.RateLimitError, match=r"Not now\."):
        gpt.responses.create(model="m", input="Hi")


# -- all of them


def test_azures_client_finds_its_path(server: ChatServer) -> None:
    server.play(reply("Hi"))
    with openai.OpenAI(base_url=server.url + "/openai/v1/", api_key="any") as client:
        assert client.chat.completions.create(**ASK).choices[0].message.content == "Hi"
    assert server.requests[-1].path == "/openai/v1/chat/completions"


def test_streams_may_be_cut_anywhere_and_broken_off(
    server: ChatServer, claude: anthropic.Anthropic, gemini: genai.Client
) -> None:
    server.play(split(stream(reply("Grüße"), piece=1, newline="\r\n", comment="still here"), at=1))
    with claude.messages.stream(**ASK) as events:
        assert events.get_final_text() == "Grüße"
    server.play(split(stream(reply("Grüße"), piece=1, newline="\r\n"), at=1))  # it knows no comments
    chunks = gemini.models.generate_content_stream(model="m", contents="Hi")
    assert "".join(chunk.text or "" for chunk in chunks) == "Grüße"
    server.play(drop(stream(reply("Hello"), piece=1), after=3, part="events"))
    with pytest.raises(Exception, match=r"peer closed|incomplete"), claude.messages.stream(**ASK) as events:
        events.get_final_text()


def test_a_wrong_key_is_refused_in_each_apis_words() -> None:
    with ChatServer(reply("in"), api_key="right") as server:
        options = types.HttpOptions(base_url=server.url)
        with anthropic.Anthropic(base_url=server.url, api_key="right") as claude:
            assert claude.messages.create(**ASK).content
        with genai.Client(api_key="right", http_options=options) as gemini:
            assert gemini.models.generate_content(model="m", contents="Hi").text == "in"
        with (
            anthropic.Anthropic(base_url=server.url, api_key="wrong") as claude,
            pytest.raises(anthropic.AuthenticationError, match="Incorrect API key"),
        ):
            claude.messages.create(**ASK)
        with (
            genai.Client(api_key="wrong", http_options=options) as gemini,
            pytest.raises(errors.ClientError, match="Incorrect API key") as raised,
        ):
            gemini.models.generate_content(model="m", contents="Hi")
        assert raised.value.status == "UNAUTHENTICATED"


# Google's client, where aiohttp is installed
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
def test_their_async_clients() -> None:
    async def scenario() -> None:
        async with ChatServer([reply("one"), reply("two"), reply("three"), reply("four")]) as server:
            async with anthropic.AsyncAnthropic(base_url=server.url, api_key="any") as claude:
                message = await claude.messages.create(**ASK)
                assert message.content[0].text == "one"  # type: ignore[union-attr]
                async with claude.messages.stream(**ASK) as events:
                    assert await events.get_final_text() == "two"
            options = types.HttpOptions(base_url=server.url)
            async with genai.Client(api_key="any", http_options=options).aio as gemini:
                whole = await gemini.models.generate_content(model="m", contents="Hi")
                assert whole.text == "three"
                chunks = await gemini.models.generate_content_stream(model="m", contents="Hi")
                assert "".join([chunk.text or "" async for chunk in chunks]) == "four"

    asyncio.run(scenario())


def test_a_path_of_no_api_is_an_error(server: ChatServer, claude: anthropic.Anthropic) -> None:
    server.play(body("unused"))
    with pytest.raises(anthropic.NotFoundError, match="Unknown request URL"):
        claude.get("/v1/nothing", cast_to=object)
    with pytest.raises(anthropic.APIStatusError, match="Not allowed to GET"):
        claude.get("/v1/messages", cast_to=object)


# -- what our dialects send is what the clients send

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = StrictSchema("weather", SCHEMA, "Tells the weather.")
PNG = "iVBORw0KGgo="
CALL = ToolCall(
    "c1",
    FunctionCall("weather", '{"city": "Rome"}'),
    extra_content={"google": {"thought_signature": "c2ln"}},
)
TALK = (
    Message("system", "Be brief."),
    Message(
        "user",
        [
            {"type": "text", "text": "Weather there?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ],
    ),
    Message("assistant", "I'll look.", tool_calls=(CALL,)),
    Message("tool", '{"degrees": 30}', tool_call_id="c1"),
)


def ours(provider: str, **request: Any) -> Any:
    row = PROVIDERS[provider]
    request.setdefault("messages", TALK)
    body = DIALECTS[row.dialect].encode(Request("m", **request), row)
    return json.loads(json.dumps(body))


def without_marks(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_marks(v) for k, v in value.items() if k != "cache_control"}
    return [without_marks(v) for v in value] if isinstance(value, list) else value


def test_anthropics_client_sends_what_we_send(server: ChatServer, claude: anthropic.Anthropic) -> None:
    server.play(reply("Hi"))
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    use = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": '{"degrees": 30}'}
    told: Any = {
        "model": "m",
        "max_tokens": 5,
        "stop_sequences": ["END"],
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather there?"}, picture]},
            {"role": "assistant", "content": [{"type": "text", "text": "I'll look."}, use]},
            {"role": "user", "content": [result]},
        ],
    }
    tool: Any = {
        "name": "weather",
        "description": "Tells the weather.",
        "input_schema": SCHEMA,
        "strict": True,
    }
    params = {"max_tokens": 5, "stop": ["END"]}
    claude.messages.create(**told, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    sent = without_marks(ours("anthropic", params=params, response_schema=TOOL))
    assert sent == server.requests[-1].json
    claude.messages.create(**told, tools=[tool], tool_choice={"type": "any"})
    sent = without_marks(ours("anthropic", params=params, tools=(TOOL,), tool_choice="required"))
    assert sent == server.requests[-1].json
    ours_has = DIALECTS["anthropic"].headers("k", Request("m", TALK), PROVIDERS["anthropic"])
    theirs_has = server.requests[-1].headers
    assert ours_has["anthropic-version"] == theirs_has["anthropic-version"]


def camel(value: Any) -> Any:
    """Google's client leaves some names in Python's style; the API takes both."""

    def name(key: str) -> str:
        first, *rest = key.split("_")
        return first + "".join(map(str.capitalize, rest))

    if isinstance(value, dict):
        return {name(k): v if "chema" in k else camel(v) for k, v in value.items()}
    return [camel(v) for v in value] if isinstance(value, list) else value


def test_googles_client_sends_what_we_send(server: ChatServer, gemini: genai.Client) -> None:
    server.play(reply("Hi"))
    part, call = types.Part, types.FunctionCall(id="c1", name="weather", args={"city": "Rome"})
    answer = types.FunctionResponse(id="c1", name="weather", response={"degrees": 30})
    talk = [
        types.Content(
            role="user",
            parts=[
                part(text="Weather there?"),
                part.from_bytes(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png"),
            ],
        ),
        types.Content(
            role="model",
            parts=[part(text="I'll look."), part(function_call=call, thought_signature=b"sig")],
        ),
        types.Content(role="user", parts=[part(function_response=answer)]),
    ]
    basic: Any = {
        "system_instruction": "Be brief.",
        "temperature": 0,
        "max_output_tokens": 5,
        "stop_sequences": ["END"],
        "seed": 1,
        "thinking_config": types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
    }
    params = {"temperature": 0, "max_tokens": 5, "stop": "END", "seed": 1, "reasoning_effort": "low"}
    declared = types.FunctionDeclaration(
        name="weather", description="Tells the weather.", parameters_json_schema=SCHEMA
    )
    choice = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["weather"]
    )
    for config, request in (
        (
            {"response_mime_type": "application/json", "response_json_schema": SCHEMA},
            {"response_schema": TOOL},
        ),
        (
            {
                "tools": [types.Tool(function_declarations=[declared])],
                "tool_config": types.ToolConfig(function_calling_config=choice),
            },
            {"response_schema": TOOL, "mode": Mode.TOOL},
        ),
    ):
        told = types.GenerateContentConfig(**basic, **config)
        gemini.models.generate_content(model="m", contents=talk, config=told)
        assert ours("gemini", params=params, **request) == camel(server.requests[-1].json)


def test_openais_client_sends_what_we_send(server: ChatServer, gpt: openai.OpenAI) -> None:
    server.play(reply("Hi"))
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
    told: Any = {
        "model": "m",
        "store": False,
        "max_output_tokens": 50,
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather there?"}, picture]},
            {"role": "assistant", "content": "I'll look."},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
            {"type": "function_call_output", "call_id": "c1", "output": '{"degrees": 30}'},
        ],
    }
    format_: Any = {"type": "json_schema", "name": "weather", "strict": True, "schema": SCHEMA}
    described = {"description": "Tells the weather."}
    gpt.responses.create(**told, text={"format": format_ | described})
    assert (
        ours("openai-responses", params={"max_tokens": 50}, response_schema=TOOL) == server.requests[-1].json
    )
    tool: Any = {"type": "function", "name": "weather", "strict": True, "parameters": SCHEMA, **described}
    gpt.responses.create(**told, tools=[tool], tool_choice={"type": "function", "name": "weather"})
    sent = ours("openai-responses", params={"max_tokens": 50}, tools=(TOOL,), tool_choice="weather")
    assert sent == server.requests[-1].json


@pytest.mark.parametrize("provider", ["xai", "bedrock", "vertex", "cohere"])
def test_openais_client_sends_what_we_send_where_a_provider_points_to_it(
    server: ChatServer, gpt: openai.OpenAI, provider: str
) -> None:
    """Their pages, named in their rows, say to use OpenAI's client at their URL."""
    server.play(reply("Hi"))
    row, talk = PROVIDERS[provider], (Message("system", "Be brief."), Message("user", "Weather in Rome?"))
    told: Any = {
        "model": "m",
        row.max_tokens: 50,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather in Rome?"},
        ],
    }
    basic: Any = {"messages": talk, "params": {"max_tokens": 50}}
    weather: Any = {"name": "weather", "strict": True, "description": "Tells the weather."}
    format_: Any = {"type": "json_schema", "json_schema": weather | {"schema": SCHEMA}}
    gpt.chat.completions.create(**told, response_format=format_)
    assert ours(provider, **basic, response_schema=TOOL) == server.requests[-1].json
    tool: Any = {"type": "function", "function": weather | {"parameters": SCHEMA}}
    choice: Any = {"type": "function", "function": {"name": "weather"}}
    gpt.chat.completions.create(**told, tools=[tool], tool_choice=choice)
    assert ours(provider, **basic, tools=(TOOL,), tool_choice="weather") == server.requests[-1].json
    bears = DIALECTS[row.dialect].headers("any", Request("m", talk), row)
    assert bears == {"Authorization": "Bearer any"}  # as the client does


@pytest.mark.parametrize("provider", ["xai", "bedrock", "vertex", "cohere"])
def test_a_record_comes_from_these_providers_too(server: ChatServer, provider: str) -> None:
    server.play(shaped())
    with Extractor(f"{provider}:m", base_url=server.base_url, api_key="any") as ex:
        assert ex.run(Line, "Rome, 3").outcome == "ok"
