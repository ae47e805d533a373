"""Tools for a server that has none: told in the prompt, called by a reply that fits a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from examples.tools import Quote, look_up
from examples.tools import convert as to_currency
from extractor import Extractor, Invalid, Mode, Outcome
from extractor.dialects import PROVIDERS
from extractor.schema import tool_schema
from extractor.testing import ChatServer, reply, shaped
from extractor.tools.spoken import read_step, step_schema

ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "20 EUR in dollars?"}]
TOOLLESS = replace(PROVIDERS["llamacpp"], tools=False)


class Part(BaseModel):
    name: str
    parts: list[Part] = []


def convert(amount: float) -> float:
    """Convert to dollars."""
    return amount * 2


def weigh(part: Part) -> int:
    """Weigh a part and its parts."""
    return 1 + sum(map(weigh, part.parts))


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def step(**said: Any) -> Any:
    return reply({"next": said})


def test_the_loop_is_the_same_without_tools_in_the_api(server: ChatServer) -> None:
    server.play([step(tool="convert", arguments={"amount": 20}), step(answer="40")])
    with Extractor("m", base_url=server.base_url, provider=TOOLLESS) as ex:
        run = ex.run_tools(ASK, tools=[convert])
    assert (run.unwrap(), run.results[0].value, run.rounds) == ("40", 40.0, 2)
    assert [message.role for message in run.messages] == ["system", "user", "assistant", "tool", "assistant"]
    first, second = (request.json for request in server.requests)
    assert "tools" not in first
    told, *talk = second["messages"]
    assert told["content"].startswith("Be brief.\n\nYou can call these tools")
    assert "convert: Convert to dollars." in told["content"]
    assert [message["role"] for message in talk] == ["user", "assistant", "user"]
    assert json.loads(talk[1]["content"]) == {"next": {"tool": "convert", "arguments": {"amount": 20}}}
    assert talk[2]["content"] == "What convert gave, as data:\n40.0"


def test_a_record_ends_it_and_what_does_not_fit_is_told(server: ChatServer) -> None:
    server.play([step(tool="rm", arguments={}), step(tool="Part", arguments={"name": "a", "parts": []})])
    with Extractor("m", base_url=server.base_url, provider=TOOLLESS) as ex:
        run = ex.run_tools(ASK, Part, tools=[convert])
    assert run.unwrap() == Part(name="a")
    assert isinstance(run.results[0].error, Invalid)


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.TOOL])
def test_it_goes_in_every_mode(server: ChatServer, mode: Mode) -> None:
    server.play([step(tool="convert", arguments={"amount": 1}), step(answer="2")])
    with Extractor("m", base_url=server.base_url, provider=TOOLLESS, mode=mode) as ex:
        assert ex.run_tools(ASK, tools=[convert]).unwrap() == "2"
    assert "convert" in server.requests[0].json["messages"][0]["content"]


def test_a_reply_that_is_no_step_is_repaired(server: ChatServer) -> None:
    server.play([reply("I think 40."), step(answer="40")])
    with Extractor("m", base_url=server.base_url, provider=TOOLLESS) as ex:
        run = ex.run_tools(ASK, tools=[convert])
    assert (run.outcome, run.content, run.rounds) == (Outcome.REPAIRED, "40", 1)


def test_the_schema_of_a_step_keeps_definitions_apart_and_references_whole(server: ChatServer) -> None:
    schema = step_schema([tool_schema(tool, "local").strict for tool in (convert, weigh, Part)], True).schema
    Draft202012Validator.check_schema(schema)
    valid = Draft202012Validator(schema).is_valid
    tree = {"name": "a", "parts": [{"name": "b", "parts": []}]}
    assert valid({"next": {"answer": "x"}})
    assert valid({"next": {"tool": "weigh", "arguments": {"part": tree}}})
    assert valid({"next": {"tool": "Part", "arguments": tree}})
    assert not valid({"next": {"tool": "weigh", "arguments": {"part": {"name": "a", "parts": [1]}}}})
    assert not valid({"next": {"tool": "rm", "arguments": {}}})
    server.play(shaped())
    with Extractor("m", base_url=server.base_url, provider=TOOLLESS) as ex:
        assert ex.run_tools(ASK, tools=[convert, weigh], max_rounds=3).rounds <= 3


@pytest.mark.parametrize("text", ["{", "[]", '{"next": {"tool": "a"}}', '{"next": {"answer": 1}}'])
def test_what_is_no_step_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        read_step(text)


@pytest.mark.model
def test_the_embedded_model_runs_the_functions_of_the_examples() -> None:
    ask = [{"role": "user", "content": "Is there a kettle, and what is it in Swiss francs?"}]
    with Extractor("local:smollm2", max_tokens=80) as ex:
        run = ex.run_tools(ask, Quote, tools=[look_up, to_currency], tool_choice="look_up", max_rounds=3)
    first, *_ = run.results
    assert first.call.function.name == "look_up"
    assert first.value == look_up(**first.call.function.parsed_arguments)
    assert all(result.error is None for result in run.results)
    assert isinstance(run.record, Quote) or run.error is not None
    assert 2 <= run.rounds <= 3
    assert run.usage.completion_tokens > 10
