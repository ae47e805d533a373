"""A whole call, through real sockets: the sync and the async client alike."""

from __future__ import annotations

import asyncio
import logging
import math
import pickle
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

import httpx
import pytest
from pydantic import AfterValidator, BaseModel, Field
from tenacity.wait import wait_none

from extractor import (
    AsyncExtractor,
    Completion,
    ConfigError,
    Empty,
    Extractor,
    Filtered,
    Invalid,
    InvalidJSON,
    Message,
    Outcome,
    Refused,
    SchemaError,
    ServiceError,
    Truncated,
    Usage,
    compile_schema,
    extract,
)
from extractor.testing import (
    ChatServer,
    body,
    calls,
    drop,
    filtered,
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

KEY = "sk-test-0123456789abcdef"
TEXT = "Ada Lovelace is 36 years old."
ADA = {"name": "Ada Lovelace", "age": 36}


def no_digits(value: str) -> str:
    if any(character.isdigit() for character in value):
        raise ValueError("a name has no digits")
    return value


class Person(BaseModel):
    """A person."""

    name: Annotated[str, AfterValidator(no_digits)]
    age: int = Field(ge=0, le=150)


def add(a: int, b: int = 1) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


Call = Callable[..., Any]


def sync_call(server: ChatServer, method: str, *args: Any, options: dict[str, Any], **params: Any) -> Any:
    with Extractor("m", base_url=server.base_url, api_key=KEY, retry_wait=wait_none(), **options) as ex:
        return getattr(ex, method)(*args, **params)


def async_call(server: ChatServer, method: str, *args: Any, options: dict[str, Any], **params: Any) -> Any:
    async def run() -> Any:
        async with AsyncExtractor(
            "m", base_url=server.base_url, api_key=KEY, retry_wait=wait_none(), **options
        ) as ex:
            return await getattr(ex, method)(*args, **params)

    return asyncio.run(run())


@pytest.fixture(params=[sync_call, async_call], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    def run(server: ChatServer, method: str, *args: Any, options: Any = None, **params: Any) -> Any:
        return request.param(server, method, *args, options=options or {}, **params)

    return run


def test_a_text_becomes_a_record(call: Call) -> None:
    with ChatServer([reply(ADA)], api_key=KEY) as server:
        assert call(server, "extract", Person, TEXT) == Person(name="Ada Lovelace", age=36)
    [request] = server.requests
    assert request.path == "/v1/chat/completions"
    sent = request.json
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["response_format"]["json_schema"]["name"] == "Person"
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["messages"][-1]["content"] == TEXT


def test_the_result_tells_how_it_came_about(call: Call) -> None:
    with ChatServer([reply(ADA, usage=Usage(20, 7, 5, 2), headers={"x-request-id": "req-7"})]) as server:
        result = call(server, "run", Person, TEXT)
    assert (result.outcome, result.record.age, result.usage) == (Outcome.OK, 36, Usage(20, 7, 5, 2))
    [attempt] = result.attempts
    assert (attempt.request_id, attempt.finish_reason, attempt.text) == ("req-7", "stop", result.raw)
    assert attempt.latency > 0


def test_a_rejected_record_is_repaired_and_all_of_it_is_counted(call: Call) -> None:
    wrong = {"name": "Ada 2", "age": 36}
    with ChatServer([reply(wrong, usage=Usage(10, 5)), reply(ADA, usage=Usage(20, 5))]) as server:
        result = call(server, "run", Person, TEXT)
    assert (result.outcome, result.record.name, result.usage) == (
        Outcome.REPAIRED,
        "Ada Lovelace",
        Usage(30, 10),
    )
    complaint = server.requests[1].json["messages"][-1]["content"]
    assert "/name" in complaint
    assert "a name has no digits" in complaint
    assert '"Ada 2"' in complaint
    assert result.attempts[0].problems[0].pointer == "/name"


@pytest.mark.parametrize(
    ("answer", "error", "requests"),
    [
        (reply('{"name": "Ada", "age":'), InvalidJSON, 3),
        (reply({"name": "Ada", "age": "many"}), Invalid, 3),
        (reply({"name": "Ada"}), Invalid, 3),
        (truncated('{"name": "Ad'), Truncated, 1),
        (refusal(), Refused, 1),
        (filtered(), Filtered, 1),
        (reply(""), Empty, 2),
        (reply(None), Empty, 2),
        (no_choices(), Empty, 2),
        (status(500), ServiceError, 5),
        (status(429, retry_after=0), ServiceError, 5),
        (status(401), ServiceError, 1),
        (status(404), ServiceError, 1),
        (drop(), ServiceError, 5),
        (drop(reply(ADA), after=10, part="body"), ServiceError, 5),
        (drop(reply(ADA), after=20, reset=True), ServiceError, 5),
        (body("<html>", content_type="text/html"), ServiceError, 5),
        (body("{}"), ServiceError, 5),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else str(value)[:50],
)
def test_each_way_to_fail_has_its_error_with_all_attempts(
    call: Call, answer: Any, error: type[Exception], requests: int
) -> None:
    with ChatServer([answer], repeat_last=True) as server:
        result = call(server, "run", Person, TEXT)
        assert type(result.error) is error
        assert result.record is None
        assert len(server.requests) == len(result.attempts) == requests
        assert repr(pickle.loads(pickle.dumps(result.error))) == repr(result.error)
        with pytest.raises(error):
            call(server, "extract", Person, TEXT)


def test_a_transient_failure_is_got_over(call: Call) -> None:
    with ChatServer([status(503), drop(), status(429, retry_after=0), reply(ADA)]) as server:
        result = call(server, "run", Person, TEXT)
    assert result.outcome is Outcome.OK
    assert [a.status for a in result.attempts] == [503, None, 429, 200]


def test_a_server_that_does_not_answer_is_left_after_the_timeout(call: Call) -> None:
    with ChatServer(slow(reply(ADA), latency=math.inf)) as server:
        result = call(server, "run", Person, TEXT, options={"timeout": 0.2, "max_retries": 1})
    assert "did not answer in time" in str(result.error)
    assert len(result.attempts) == 2


def test_a_reply_that_only_drips_is_left_after_the_timeout(call: Call) -> None:
    with ChatServer(slow(split(reply(ADA), at=5), chunk_delay=0.05)) as server:
        result = call(server, "run", Person, TEXT, options={"timeout": 0.3, "max_retries": 0})
    assert isinstance(result.error, ServiceError)
    assert "in time" in str(result.error)


def test_a_wait_past_the_deadline_is_not_begun(call: Call) -> None:
    with (
        ChatServer([status(429, retry_after=3600)]) as server,
        pytest.raises(ServiceError, match="deadline") as raised,
    ):
        call(server, "extract", Person, TEXT, options={"deadline": 30})
    assert (raised.value.status, raised.value.retry_after) == (429, 3600.0)


def test_nobody_at_the_address_is_a_service_error(call: Call) -> None:
    with ChatServer() as server:
        pass
    result = call(server, "run", Person, TEXT, options={"max_retries": 1})
    assert "could not be reached" in str(result.error)


def test_a_path_that_the_server_does_not_know_is_told_with_the_version_that_the_url_lacks() -> None:
    with ChatServer() as server:
        url = server.base_url.removesuffix("/v1") + "/api"
        result = Extractor("m", base_url=url).run(Person, TEXT)
    assert f"base_url='{url}' has no version in its path; most servers need '{url}/v1'" in str(result.error)


def test_instructions_examples_and_parameters_are_sent_with_the_unchanging_part_first(call: Call) -> None:
    with ChatServer([reply(ADA)]) as server:
        call(
            server, "extract", Person, TEXT, instructions="Ages in years.",
            examples=[("Bob is 3.", Person(name="Bob", age=3)), ("Eve is 4.", {"name": "Eve", "age": 4})],
            seed=7, options={"instructions": "Be brief.", "temperature": 0, "extra_body": {"min_p": 0.1}},
        )  # fmt: skip
    sent = server.requests[0].json
    system, *examples, text = sent["messages"]
    assert system["content"].index("Be brief.") < system["content"].index("Ages in years.")
    assert [m["role"] for m in examples] == ["user", "assistant", "user", "assistant"]
    assert examples[1]["content"] == '{"name":"Bob","age":3}'
    assert text["content"] == TEXT
    assert (sent["temperature"], sent["seed"], sent["min_p"]) == (0, 7, 0.1)


@pytest.mark.parametrize(
    ("record_type", "text", "params", "error", "says"),
    [
        (Person, "", {}, ConfigError, "the text is empty"),
        (Person, " \n", {}, ConfigError, "the text is empty"),
        (Person, 5, {}, ConfigError, "not int"),
        (Person, [{"role": "user", "content": TEXT}], {}, ConfigError, "`parse(messages, RecordType)`"),
        (Person, [Message("user", TEXT)], {}, ConfigError, "`parse(messages, RecordType)`"),
        (Person, [TEXT, TEXT], {}, ConfigError, "use `rows`"),
        (TEXT, Person, {}, SchemaError, "The order is extract(Model, text)"),
        ([{"role": "user", "content": TEXT}], Person, {}, SchemaError, "The order is parse(messages, Model)"),
        (Person(name="Bob", age=3), TEXT, {}, SchemaError, "the class Person itself"),
        ({"name": "string"}, TEXT, {}, SchemaError, "not a keyword of JSON Schema"),
        (Person, TEXT, {"max_repairs": 0}, ConfigError, "is an option of Extractor"),
        (Person, b"%PDF-1.7 broken", {}, ConfigError, "PDF"),
        (Person, 3, {}, ConfigError, "not int"),
        (3, TEXT, {}, SchemaError, ""),
        ("Person", TEXT, {}, SchemaError, ""),
        (object(), TEXT, {}, SchemaError, ""),
        ({"$ref": "https://example.com/s.json"}, TEXT, {}, SchemaError, "https://example.com/s.json"),
        (Person, TEXT, {"examples": [("Bob", {"name": "Bob"})]}, ConfigError, "age"),
        (Person, TEXT, {"examples": [("Bob", {"name": "B0b", "age": 3})]}, ConfigError, "no digits"),
        (Person, TEXT, {"examples": [("", {"name": "Bob", "age": 3})]}, ConfigError, "empty"),
        (Person, TEXT, {"temprature": 1}, ConfigError, "did you mean 'temperature'"),
        (Person, TEXT, {"temperature": math.nan}, ConfigError, "JSON"),
        (Person, TEXT, {"response_format": {}}, ConfigError, "record type"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(
    call: Call, record_type: Any, text: Any, params: dict[str, Any], error: type[Exception], says: str
) -> None:
    with ChatServer([reply(ADA)]) as server:
        with pytest.raises(error) as raised:
            call(server, "extract", record_type, text, **params)
        assert says in str(raised.value)
        assert server.requests == ()


def test_a_text_with_a_lone_surrogate_and_a_nul_is_sent(call: Call) -> None:
    with ChatServer([reply(ADA)]) as server:
        call(server, "extract", Person, "Ada \ud800 \x00 é 😀")
    assert server.requests[0].json["messages"][-1]["content"] == "Ada \ud800 \x00 é 😀"


def test_a_json_schema_gives_plain_json(call: Call) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]}
    with ChatServer([reply({"age": 36})]) as server:
        assert call(server, "extract", schema, TEXT) == {"age": 36}


@pytest.mark.parametrize(
    ("record_type", "record"),
    [
        (list[int], [1, 2]),
        (int, 5),
        (Literal["a", "b"], "a"),
        (dict[str, float], {"x": 1.5}),
        (Person | None, None),
    ],
)
def test_a_record_type_may_be_anything_that_a_type_adapter_takes(
    call: Call, record_type: Any, record: Any
) -> None:
    with ChatServer([reply(compile_schema(record_type).encode(record))]) as server:
        result = call(server, "run", record_type, TEXT)
    assert (result.outcome, result.record) == (Outcome.OK, record)


def test_a_schema_shaped_reply_of_the_test_server_is_a_record(call: Call) -> None:
    with ChatServer(shaped()) as server:
        result = call(server, "run", list[Annotated[int, Field(ge=3, le=9)]], TEXT)
    assert result.outcome is Outcome.OK


def test_chat_gives_the_completion_with_the_apis_own_names(call: Call) -> None:
    history = [
        {"role": "system", "content": "Be kind."},
        Message("user", [{"type": "text", "text": "Hi"}]),
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "How are you?"},
    ]
    with ChatServer([reply("Fine.", usage=Usage(9, 2))]) as server:
        completion = call(server, "chat", history, temperature=0.5)
    assert isinstance(completion, Completion)
    assert completion.choices[0].message.content == completion.content == "Fine."
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (9, 11)
    sent = server.requests[0].json
    assert [m["content"] for m in sent["messages"]] == [
        "Be kind.", [{"type": "text", "text": "Hi"}], "Hello!", "How are you?",
    ]  # fmt: skip
    assert (sent["temperature"], "response_format" in sent) == (0.5, False)


def test_parse_gives_a_completion_whose_parsed_is_the_record(call: Call) -> None:
    with ChatServer([reply(ADA)]) as server:
        completion = call(server, "parse", [{"role": "user", "content": TEXT}], Person)
    assert completion.parsed == completion.choices[0].message.parsed == Person(name="Ada Lovelace", age=36)


def test_tool_calls_come_back_typed_with_parsed_arguments(call: Call) -> None:
    wire = {"name": "Ada Lovelace", "age": 36}
    with ChatServer([calls(("add", '{"a": 1, "b": 2}'), ("Person", wire))]) as server:
        completion = call(server, "chat", [{"role": "user", "content": "1+2?"}], tools=[add, Person])
    first, second = completion.tool_calls
    assert (first.id, first.type, first.function.name) == ("call_0", "function", "add")
    assert first.function.parsed_arguments == {"a": 1, "b": 2}
    assert add(**first.function.parsed_arguments) == 3
    assert second.function.parsed_arguments == Person(name="Ada Lovelace", age=36)
    tools = server.requests[0].json["tools"]
    assert [tool["function"]["name"] for tool in tools] == ["add", "Person"]
    assert tools[0]["function"]["parameters"]["properties"]["a"]["description"] == "The first."
    assert "Add two numbers." in tools[0]["function"]["description"]


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (calls(("add", '{"a": "x"}')), Invalid, "/tool_calls/0/function/arguments/a"),
        (calls(("add", '{"a": ')), Invalid, "/tool_calls/0/function/arguments"),
        (calls(("launch", "{}")), Invalid, "'launch' is no tool"),
        (calls(("add", '{"a": 1'), finish_reason="length"), Truncated, "cut off"),
    ],
)
def test_a_tool_call_that_does_not_fit_is_an_error_with_its_pointer(
    call: Call, answer: Any, error: type[Exception], says: str
) -> None:
    with ChatServer([answer]) as server, pytest.raises(error) as raised:
        call(server, "chat", [{"role": "user", "content": "1+2?"}], tools=[add])
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "messages", [[], "hello", {"role": "user"}, [{"role": "boss"}], [{"rolle": "user"}], [5]]
)
def test_messages_that_are_none_are_refused_before_anything_is_sent(call: Call, messages: Any) -> None:
    with ChatServer([reply("x")]) as server:
        with pytest.raises(ConfigError):
            call(server, "chat", messages)
        assert server.requests == ()


def sync_stream(server: ChatServer, **params: Any) -> list[Any]:
    with Extractor("m", base_url=server.base_url, retry_wait=wait_none()) as ex:
        return list(ex.chat_stream([{"role": "user", "content": "Hi"}], **params))


def async_stream(server: ChatServer, **params: Any) -> list[Any]:
    async def run() -> list[Any]:
        async with AsyncExtractor("m", base_url=server.base_url, retry_wait=wait_none()) as ex:
            return [chunk async for chunk in ex.chat_stream([{"role": "user", "content": "Hi"}], **params)]

    return asyncio.run(run())


@pytest.fixture(params=[sync_stream, async_stream], ids=["sync", "async"])
def chunks(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    return request.param  # type: ignore[no-any-return]


LONG = "Grüße, 世界! " * 20


@pytest.mark.parametrize(
    "answer",
    [
        reply(LONG),
        split(reply(LONG), at=1),
        split(stream(reply(LONG), newline="\r\n"), at=7),
        stream(reply(LONG), newline="\r"),
        stream(reply(LONG), done=False),
    ],
    ids=["plain", "bytewise", "crlf", "cr", "without DONE"],
)
def test_a_stream_gives_its_chunks_and_ends_with_the_whole_completion(
    chunks: Callable[..., list[Any]], answer: Any
) -> None:
    with ChatServer([answer]) as server:
        got = chunks(server)
    assert len(got) > 5
    assert "".join(chunk.content for chunk in got) == LONG
    whole = got[-1].completion
    assert (whole.content, whole.finish_reason, whole.usage.completion_tokens > 0) == (LONG, "stop", True)
    assert all(chunk.completion is None for chunk in got[:-1])


def test_a_stream_of_tool_calls_ends_with_parsed_arguments(chunks: Callable[..., list[Any]]) -> None:
    with ChatServer([calls(("add", '{"a": 1, "b": 2}'))]) as server:
        whole = chunks(server, tools=[add])[-1].completion
    assert whole.tool_calls[0].function.parsed_arguments == {"a": 1, "b": 2}


def test_failures_before_the_first_chunk_are_got_over(chunks: Callable[..., list[Any]]) -> None:
    with ChatServer([status(503), drop(), reply(LONG)]) as server:
        assert chunks(server)[-1].completion.content == LONG


def test_a_stream_that_breaks_raises_and_is_never_taken_for_whole(chunks: Callable[..., list[Any]]) -> None:
    with ChatServer([drop(reply(LONG), after=900, part="body")]) as server, pytest.raises(ServiceError):
        chunks(server)
    assert len(server.requests) == 1


def test_a_stream_can_be_left_early() -> None:
    with ChatServer([reply(LONG), reply(ADA)]) as server, Extractor("m", base_url=server.base_url) as ex:
        with ex.chat_stream([{"role": "user", "content": "Hi"}]) as open_stream:
            next(open_stream)
        assert ex.extract(Person, TEXT).age == 36


def test_the_stream_itself_gives_the_completion() -> None:
    with ChatServer([reply(LONG)]) as server, Extractor("m", base_url=server.base_url) as ex:
        assert ex.chat_stream([{"role": "user", "content": "Hi"}]).completion.content == LONG


@pytest.mark.slow
def test_many_threads_may_share_an_extractor() -> None:
    with (
        ChatServer(reply(ADA)) as server,
        Extractor("m", base_url=server.base_url) as ex,
        ThreadPoolExecutor(16) as pool,
    ):
        ages = list(pool.map(lambda _: ex.extract(Person, TEXT).age, range(64)))
    assert ages == [36] * 64


def test_one_async_extractor_serves_several_event_loops() -> None:
    with ChatServer(reply(ADA)) as server:
        ex = AsyncExtractor("m", base_url=server.base_url)

        async def run() -> int:
            async with ex:
                people: Sequence[Person] = await asyncio.gather(*(ex.extract(Person, TEXT) for _ in range(8)))
                return sum(person.age for person in people)

        assert [asyncio.run(run()), asyncio.run(run())] == [288, 288]


def test_your_own_http_client_is_used_and_left_open() -> None:
    with ChatServer(reply(ADA)) as server, httpx.Client(headers={"x-mine": "yes"}) as client:
        with Extractor("m", base_url=server.base_url, http_client=client) as ex:
            ex.extract(Person, TEXT)
        assert not client.is_closed
    assert server.requests[0].headers["x-mine"] == "yes"


def test_the_function_extract_takes_its_model_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer([reply(ADA)], api_key=KEY) as server:
        monkeypatch.setenv("EXTRACTOR_MODEL", "openai:gpt-5-mini")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert extract(Person, TEXT, max_tokens=50).age == 36
    sent = server.requests[0].json
    assert (sent["model"], sent["max_completion_tokens"]) == ("gpt-5-mini", 50)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


@pytest.mark.parametrize("given", ["api_key", "environment", "header"])
def test_a_key_given_in_any_way_shows_nowhere(
    given: str, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    options: dict[str, Any] = {"max_retries": 0}
    if given == "api_key":
        options["api_key"] = KEY
    elif given == "environment":
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
    else:
        options["extra_headers"] = {"Authorization": f"Bearer {KEY}"}
    quoting = status(401, f"Incorrect API key provided: {KEY}.")
    with ChatServer([quoting, reply(ADA)], api_key=KEY) as server:
        ex = Extractor("m", base_url=server.base_url, **options)
        failed = ex.run(Person, TEXT)
        good = ex.run(Person, TEXT)
        ex.close()
    assert good.outcome is Outcome.OK, "the key was sent"
    shown = [repr(ex), str(ex), repr(failed), repr(good), log.text, repr(ex.__dict__)]
    try:
        failed.unwrap()
    except ServiceError as error:
        shown += [str(error), repr(error), "".join(traceback.format_exception(error))]
    pickles = [pickle.dumps(failed), pickle.dumps(good)]
    if given != "header":
        pickles.append(pickle.dumps(ex))
    assert not [text for text in shown if KEY in text]
    assert not [data for data in pickles if KEY.encode() in data]


def test_an_unpickled_extractor_reads_its_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(reply(ADA), api_key=KEY) as server:
        data = pickle.dumps(Extractor("m", base_url=server.base_url, api_key=KEY, temperature=0))
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        with pickle.loads(data) as copy:
            assert copy.extract(Person, TEXT).age == 36
    assert server.requests[0].json["temperature"] == 0
