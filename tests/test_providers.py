"""Every provider and every outcome: the right class, the right number of paid requests, nothing lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel
from tenacity.wait import wait_none

from extractor import AsyncExtractor, Completion, Extraction, Extractor, Free, Outcome, Usage
from extractor.dialects import DIALECTS, PROVIDERS, Provider
from extractor.errors import (
    ConfigError,
    Empty,
    ExtractorError,
    Filtered,
    Invalid,
    InvalidJSON,
    Refused,
    ServiceError,
    Truncated,
)
from extractor.messages import Mode
from extractor.reading import RecordShape
from extractor.schema import compile_schema
from extractor.schema.compiler.targets import TARGETS
from extractor.testing import (
    ChatServer,
    Script,
    body,
    calls,
    filtered,
    no_choices,
    refusal,
    reply,
    shaped,
    split,
    status,
    stream,
    truncated,
)
from tests.transport.gguf_files import gguf

KEY = "sk-test-0123456789abcdef"
USAGE = Usage(100, 20, cached_tokens=40, reasoning_tokens=5)
ADA = {"name": "Ada Lovelace", "age": 36}
ROWS = tuple(PROVIDERS.values())
NAMES = [row.name for row in ROWS]
ONE_A_DIALECT = tuple({row.dialect: row for row in ROWS}.values())
each_provider = pytest.mark.parametrize("row", ROWS, ids=NAMES)
PATHS = {"anthropic": "", "gemini": "", "azure": ""}  # their rows know what follows a host


class Person(BaseModel):
    name: str
    age: int


def weather(city: str) -> str:
    """Tell the weather.

    Args:
        city: Where.
    """
    return city


@dataclass(frozen=True)
class Case:
    """What the server says, and what comes of it. requests: as many are paid for."""

    script: Script
    outcome: Outcome
    error: type[ExtractorError] | None = None
    requests: int = 1
    usages: int = 1


OK = reply(ADA, usage=USAGE)
CASES = {
    "ok": Case([OK], Outcome.OK),
    "repaired": Case([reply("{", usage=USAGE), OK], Outcome.REPAIRED, None, 2, 2),
    "retried": Case([status(429), status(503), OK], Outcome.OK, None, 3, 1),
    "truncated": Case([truncated('{"name": "Ad')] * 2, Outcome.TRUNCATED, Truncated),
    "refused": Case([refusal()], Outcome.REFUSED, Refused),
    "filtered": Case([filtered()], Outcome.FILTERED, Filtered),
    "empty": Case([reply(""), reply(None)], Outcome.EMPTY, Empty, 2, 2),
    "nothing": Case([no_choices()] * 2, Outcome.EMPTY, Empty, 2, 2),
    "no JSON": Case([reply("Ada!")] * 2, Outcome.INVALID_JSON, InvalidJSON, 2, 2),
    "invalid": Case([reply({"name": 1, "age": "x"})] * 2, Outcome.INVALID, Invalid, 2, 2),
    "key": Case([status(401)], Outcome.TRANSPORT, ServiceError, 1, 0),
    "down": Case([status(500)] * 3, Outcome.TRANSPORT, ServiceError, 3, 0),
    "gibberish": Case([body("<html>", 200, "text/html")] * 3, Outcome.TRANSPORT, ServiceError, 3, 0),
}


def expected(name: str, row: Provider) -> Case:
    """What is otherwise where an API has no word for an outcome, or the request has a token limit."""
    case = CASES[name]
    if name == "truncated" and "max_tokens" in row.defaults:
        return Case(case.script, case.outcome, case.error, 2, 2)  # once more with a larger limit
    if name == "filtered" and row.dialect == "anthropic":
        return Case(case.script, Outcome.REFUSED, Refused)
    if name == "refused" and row.dialect == "gemini":
        return Case([refusal()] * 2, Outcome.INVALID_JSON, InvalidJSON, 2, 2)
    return case


def options(server: ChatServer, row: Provider) -> dict[str, Any]:
    url = server.url + PATHS.get(row.name, "/v1")
    return {"base_url": url, "api_key": KEY, "max_repairs": 1, "max_retries": 2, "retry_wait": wait_none()}


def model(row: Provider) -> str:
    return f"{row.name}:{'smollm2' if row.name == 'local' else 'm'}"


Call = Callable[..., Any]


def sync_call(server: ChatServer, row: Provider, method: str, *args: Any, **params: Any) -> Any:
    with Extractor(model(row), **options(server, row)) as ex:
        result = getattr(ex, method)(*args, **params)
        return list(result) if method == "chat_stream" else result


def async_call(server: ChatServer, row: Provider, method: str, *args: Any, **params: Any) -> Any:
    async def run() -> Any:
        async with AsyncExtractor(model(row), **options(server, row)) as ex:
            result = getattr(ex, method)(*args, **params)
            return [chunk async for chunk in result] if method == "chat_stream" else await result

    return asyncio.run(run())


CALLS = [(sync_call, row) for row in ROWS] + [(async_call, row) for row in ONE_A_DIALECT]
each_call = pytest.mark.parametrize(
    ("call", "row"), CALLS, ids=[f"{call.__name__}-{row.name}" for call, row in CALLS]
)


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer(api_key=KEY) as running:
        yield running


@each_call
@pytest.mark.parametrize("name", CASES)
def test_each_outcome_of_each_provider(server: ChatServer, call: Call, row: Provider, name: str) -> None:
    case, before = expected(name, row), len(server.requests)
    server.play(case.script)
    result: Extraction[Person] = call(server, row, "run", Person, "Ada Lovelace is 36.")
    assert result.outcome is case.outcome
    assert (None if result.error is None else type(result.error)) == case.error
    assert result.record == (None if case.error else Person(name="Ada Lovelace", age=36))
    asked = server.requests[before:]
    assert len(asked) == len(result.attempts) == case.requests
    assert all(request.authorized for request in asked)
    usages = [attempt.usage for attempt in result.attempts if attempt.usage is not None]
    assert len(usages) == case.usages
    assert result.usage == sum(usages, Usage())
    assert name not in ("ok", "repaired") or set(usages) == {USAGE}
    last = result.attempts[-1]
    assert last.request_id == (None if name == "gibberish" else f"req_{asked[-1].index}")
    if isinstance(result.error, ServiceError):
        assert result.error.attempts == result.attempts
    elif name == "refused":
        assert last.text == "I can't help with that."


BEN = {"name": "Ben", "age": 7}


@each_call
def test_a_list_that_was_cut_off_goes_on_at_each_provider(
    server: ChatServer, call: Call, row: Provider
) -> None:
    begun = json.dumps({"value": [ADA, BEN]})[:-20]
    before = len(server.requests)
    server.play([truncated(begun), reply({"value": [BEN]}, usage=USAGE)])
    result: Extraction[list[Person]] = call(server, row, "run", list[Person], "Ada is 36, Ben is 7.")
    assert result.record == [Person(name="Ada Lovelace", age=36), Person(name="Ben", age=7)]
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.TRUNCATED, Outcome.OK]
    assert len(server.requests) - before == 2
    assert sum(attempt.usage is not None for attempt in result.attempts) == 2


@each_provider
def test_a_list_of_each_provider_is_one_that_can_go_on(row: Provider) -> None:
    assert RecordShape(compile_schema(list[Person], row.target).schema).list_name == "value"


TAKE_SCHEMAS = [row for row in ROWS if Mode.JSON_SCHEMA in row.modes]


@pytest.mark.parametrize("row", TAKE_SCHEMAS, ids=lambda row: row.name)
def test_a_shaped_reply_fits_what_each_provider_is_asked_for(server: ChatServer, row: Provider) -> None:
    server.play(shaped())
    assert isinstance(sync_call(server, row, "extract", Person, "anybody"), Person)


MODES = [(row, mode) for row in ROWS for mode in row.modes]


@pytest.mark.parametrize(("row", "mode"), MODES, ids=[f"{row.name}-{mode}" for row, mode in MODES])
def test_each_mode_of_each_provider_gives_a_record(server: ChatServer, row: Provider, mode: Mode) -> None:
    said = calls(("Person", ADA)) if mode is Mode.TOOL else reply(ADA)
    server.play([said])
    with Extractor(model(row), mode=mode, **options(server, row)) as ex:
        result = ex.run(Person, "Ada Lovelace is 36.")
    assert result.record == Person(name="Ada Lovelace", age=36)
    assert [attempt.request.mode for attempt in result.attempts] == [mode]


@each_call
def test_chat_plain_and_streamed(server: ChatServer, call: Call, row: Provider) -> None:
    said = reply("Grüße aus Köln", usage=USAGE)
    server.play([said, split(stream(said, piece=3, comment="still here"), at=5)])
    hello = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    whole: Completion = call(server, row, "chat", hello)
    *chunks, last = call(server, row, "chat_stream", hello)
    assert whole.content == last.completion.content == "Grüße aus Köln"
    assert "".join(chunk.content for chunk in chunks) == "Grüße aus Köln"
    assert whole.finish_reason == last.completion.finish_reason == "stop"
    assert whole.usage == USAGE
    silent = row.dialect == "openai_chat" and row.stream_usage != "asked"  # the server reports when asked
    assert last.completion.usage == (None if silent else USAGE)


@each_call
def test_tools_plain_and_streamed_and_their_results(server: ChatServer, call: Call, row: Provider) -> None:
    wanted = calls(("weather", {"city": "Köln"}), ("weather", {"city": "Rom"}), content="I'll look.")
    server.play([wanted, wanted, reply("Warm.")])
    hello = {"role": "user", "content": "Weather?"}
    whole: Completion = call(server, row, "chat", [hello], tools=[weather], tool_choice="required")
    *_, last = call(server, row, "chat_stream", [hello], tools=[weather])
    for completion in (whole, last.completion):
        told = [(c.id, c.function.parsed_arguments) for c in completion.tool_calls]
        assert told == [("call_0", {"city": "Köln"}), ("call_1", {"city": "Rom"})]
        assert (completion.content, completion.finish_reason) == ("I'll look.", "tool_calls")
    answers = [{"role": "tool", "tool_call_id": c.id, "content": "warm"} for c in whole.tool_calls]
    done = call(server, row, "chat", [hello, whole.message, *answers], tools=[weather])
    assert done.content == "Warm."


@each_provider
def test_a_stream_that_breaks_off_is_never_a_whole_reply(server: ChatServer, row: Provider) -> None:
    server.play(stream(reply("Hello, is anybody there?"), piece=3, done=False, only=3))
    with pytest.raises(ServiceError, match="stopped before the reply was complete"):
        sync_call(server, row, "chat_stream", [{"role": "user", "content": "Hello"}])


def test_an_error_in_the_middle_of_a_stream_is_a_service_error(server: ChatServer) -> None:
    event = (
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    )
    server.play(body(event, 200, "text/event-stream"))
    with pytest.raises(ServiceError, match="Overloaded"):
        sync_call(server, PROVIDERS["anthropic"], "chat_stream", [{"role": "user", "content": "Hello"}])


def test_a_prompt_that_azure_filters_is_filtered_and_no_fault_of_the_service(server: ChatServer) -> None:
    server.play([status(400, "The prompt was filtered.", code="content_filter")])
    result = sync_call(server, PROVIDERS["azure"], "run", Person, "something bad")
    assert (result.outcome, len(result.attempts)) == (Outcome.FILTERED, 1)


def test_azure_wants_the_url_of_ones_own_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    with pytest.raises(ConfigError, match="set AZURE_OPENAI_ENDPOINT"):
        Extractor("azure:mine")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://me.openai.azure.com/")
    assert "https://me.openai.azure.com/openai/v1)" in repr(Extractor("azure:mine"))
    given = Extractor("azure:mine", base_url="https://gateway.example/openai/v1/")
    assert "https://gateway.example/openai/v1)" in repr(given)
    monkeypatch.delenv("AZURE_OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="set AZURE_OPENAI_API_KEY"):
        Extractor("azure:mine")


PAGE = Path(__file__).parent.parent / "docs" / "providers.md"


@each_provider
def test_what_each_accepts_stands_in_the_docs(row: Provider) -> None:
    yes = ["yes" if has else "" for has in (row.tools, row.logprobs, row.images, row.pdfs)]
    most = f"{row.max_output:,}" if row.max_output else ""
    cells = [f"`{row.name}`", ", ".join(row.modes), *yes, row.stream_usage, row.prompt_cache, most]
    assert "".join(f"| {cell} " if cell else "| " for cell in cells) + "|" in PAGE.read_text()


@each_provider
def test_each_row_holds_together(row: Provider) -> None:
    assert row.dialect in DIALECTS
    assert row.target in TARGETS
    assert row.modes
    assert list(row.modes) == sorted(row.modes, key=list(Mode).index)
    assert Mode.TOOL not in row.modes or row.tools
    for page in (row.source, *row.sources.values()):
        assert urlsplit(page).scheme == "https"
    assert row.sources.keys() <= set(Provider.__slots__)
    limit = row.defaults.get("max_tokens")
    assert limit is None or row.max_output is None or limit <= row.max_output


class Cities(BaseModel):
    names: list[Free[str]]


@pytest.mark.parametrize(
    ("changes", "bounds"), [(None, (300, 50)), ({"llama.context_length": 2048}, (2000, 500))]
)
def test_each_local_model_is_asked_with_bounds_and_a_window_of_its_own(
    server: ChatServer, tmp_path: Path, changes: dict[str, Any] | None, bounds: tuple[int, int]
) -> None:
    (tmp_path / "own.gguf").write_bytes(gguf(changes))
    name = "smollm2" if changes is None else str(tmp_path / "own.gguf")
    with Extractor(f"local:{name}", base_url=server.base_url, api_key=KEY) as ex:
        server.play(shaped())
        ex.run(Cities, "Rome, Bern")
        assert ex._models.first.window() == (8192 if changes is None else 2048)
    grammar = json.loads(server.requests[-1].body)["grammar"]
    assert f'"maxItems": {bounds[1]}' in grammar
    assert f'"maxLength": {bounds[0]}' in grammar
