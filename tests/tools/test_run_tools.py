"""The loop of tools: what is run, what the model is told of it, and how it ends."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from extractor import (
    AsyncExtractor,
    Completion,
    ConfigError,
    Extraction,
    Extractor,
    FunctionCall,
    Invalid,
    Message,
    Outcome,
    Refused,
    ServiceError,
    ToolCall,
    ToolResult,
    ToolRun,
    Truncated,
    Usage,
)
from extractor.dialects import PROVIDERS
from extractor.dialogue import Policy
from extractor.testing import ChatServer, calls, drop, refusal, reply, shaped, status, truncated
from extractor.tools import Called, Settled, ToolReply, first_round

ASK = [{"role": "user", "content": "How much is 20 EUR in dollars, and how many kettles are there?"}]
ONE = Usage(10, 5)


def convert(amount: Annotated[float, Field(gt=0)], currency: str = "EUR") -> Decimal:
    """Convert an amount to US dollars."""
    return Decimal(str(amount)) * Decimal("1.1")


def stock(product: str) -> dict[str, Any]:
    """Tell how many there are."""
    return {"product": product, "there": 7, "counted": date(2026, 1, 2)}


class Quote(BaseModel):
    """The final quote."""

    dollars: Decimal
    kettles: int


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


@pytest.fixture
def ex(server: ChatServer) -> Iterator[Extractor]:
    with Extractor("m", base_url=server.base_url, api_key="any", retry_wait=None, max_retries=0) as client:
        yield client


def told(server: ChatServer, n: int = -1) -> list[Any]:
    """What the last messages of a request say that answer calls."""
    return [m["content"] for m in server.requests[n].json["messages"] if m["role"] == "tool"]


def test_calls_are_carried_out_until_the_model_answers(server: ChatServer, ex: Extractor) -> None:
    server.play(
        [
            calls(("convert", {"amount": 20}), ("stock", {"product": "kettle"}), usage=ONE),
            calls(("convert", {"amount": 1, "currency": "GBP"}), usage=ONE),
            reply("22 dollars, 7 kettles.", usage=ONE),
        ]
    )
    run = ex.run_tools(ASK, tools=[convert, stock])
    assert run.outcome is Outcome.OK
    assert run.unwrap() == run.content == "22 dollars, 7 kettles."
    assert (run.rounds, run.usage, len(run.attempts)) == (3, Usage(30, 15), 3)
    assert [result.value for result in run.results] == [
        Decimal("22.0"),
        {"product": "kettle", "there": 7, "counted": date(2026, 1, 2)},
        Decimal("1.1"),
    ]
    assert told(server, 1) == ['"22.00"', '{"product":"kettle","there":7,"counted":"2026-01-02"}']
    assert [message.role for message in run.messages] == [
        *("user", "assistant", "tool", "tool", "assistant", "tool", "assistant")
    ]
    server.play(reply("Yes."))
    assert ex.chat([*run.messages, {"role": "user", "content": "Sure?"}]).content == "Yes."


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("length", Outcome.TRUNCATED),
        ("MAX_TOKENS", Outcome.TRUNCATED),
        ("error", Outcome.TRUNCATED),
        ("content_filter", Outcome.FILTERED),
        ("refusal", Outcome.REFUSED),
    ],
)
def test_calls_of_a_reply_that_was_ended_early_are_not_run_however_whole_they_look(
    server: ChatServer, ex: Extractor, reason: str, outcome: Outcome
) -> None:
    said = calls(("convert", {"amount": 2}))
    server.play(replace(said, choices=(replace(said.choices[0], finish_reason=reason),)), repeat_last=True)
    run = ex.run_tools(ASK, tools=[convert])
    assert (run.outcome, run.results) == (outcome, ())


def test_of_answers_that_differ_none_is_taken(server: ChatServer, ex: Extractor) -> None:
    both = calls(("Quote", {"dollars": "22.0", "kettles": 7}), ("Quote", {"dollars": "1.0", "kettles": 7}))
    server.play([both, calls(("Quote", {"dollars": "22.0", "kettles": 7}))])
    run = ex.run_tools(ASK, Quote, tools=[convert])
    assert run.unwrap() == Quote(dollars=Decimal("22.0"), kettles=7)
    assert all("several answers that differ" in each for each in told(server, 1))
    server.play(calls(*[("Quote", {"dollars": "22.0", "kettles": 7})] * 2))
    assert ex.run_tools(ASK, Quote, tools=[convert]).rounds == 1


def test_what_is_doubtful_in_a_calls_arguments_is_noted(server: ChatServer, ex: Extractor) -> None:
    server.play([calls(("convert", {"amount": "20"})), reply("22 dollars.")])
    run = ex.run_tools(ASK, tools=[convert])
    note = "values of another type than asked for: /amount; members that are missing: /currency"
    assert run.attempts[0].note == note


@pytest.mark.parametrize("name", ["openai", "openai-responses", "anthropic", "gemini", "mistral"])
def test_the_loop_runs_in_every_dialect_to_a_record(server: ChatServer, name: str) -> None:
    server.play([calls(("convert", {"amount": 20})), calls(("Quote", {"dollars": "22.0", "kettles": 7}))])
    base = server.base_url if PROVIDERS[name].url_path == "" else server.url
    with Extractor(f"{name}:m", base_url=base, api_key="any") as ex:
        run = ex.run_tools(ASK, Quote, tools=[convert, stock])
    assert run.unwrap() == Quote(dollars=Decimal("22.0"), kettles=7)
    assert run.rounds == 2
    assert run.messages[-1].role == "tool"  # every call is answered, so the conversation can go on


def test_a_record_is_asked_for_by_a_call_that_has_to_be_made(server: ChatServer, ex: Extractor) -> None:
    server.play([reply("Hm."), reply({"dollars": "22.0", "kettles": 7})])
    run = ex.run_tools(ASK, Quote, tools=[convert])
    assert run.unwrap() == Quote(dollars=Decimal("22.0"), kettles=7)
    first, second = (request.json for request in server.requests)
    assert first["tool_choice"] == second["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in first["tools"]] == ["convert", "Quote"]
    assert "has to be a call of 'Quote'" in second["messages"][-1]["content"]


def test_a_call_that_does_not_fit_is_told_to_the_model_and_not_carried_out(
    server: ChatServer, ex: Extractor
) -> None:
    server.play(
        [
            calls(("convert", {"amount": -1}), ("convert", '{"amount": '), ("rm", {"path": "/"})),
            calls(("Quote", {"dollars": "1", "kettles": "many"})),
            calls(("Quote", {"dollars": "1", "kettles": 2})),
        ]
    )
    run = ex.run_tools(ASK, Quote, tools=[convert])
    assert run.record == Quote(dollars=Decimal(1), kettles=2)
    small, cut, unknown, many, _ = run.results
    assert all(isinstance(result.error, Invalid) for result in (small, cut, unknown, many))
    at = [json.loads(result.content)["error"]["invalid_call"][0]["at"] for result in (small, many)]
    assert at == ["/amount", "/kettles"]
    assert "there is no such tool" in unknown.content
    assert told(server) == [small.content, cut.content, unknown.content, many.content]


def test_what_a_tool_raises_is_told_to_the_model_as_data_and_shortened(
    server: ChatServer, ex: Extractor
) -> None:
    def broken(product: str) -> int:
        raise LookupError(f"no {product}" + "!" * 5000)

    def strange() -> object:
        return object()

    server.play([calls(("broken", {"product": "kettle"}), ("strange", {})), reply("Sorry.")])
    run = ex.run_tools(ASK, tools=[broken, strange])
    raised, odd = (json.loads(result.content)["error"] for result in run.results)
    assert raised["type"] == "LookupError"
    assert raised["message"].startswith("no kettle!")
    assert len(raised["message"]) < 1100
    assert odd["type"] == "PydanticSerializationError"
    assert isinstance(run.results[0].error, LookupError)
    assert run.unwrap() == "Sorry."


def test_in_the_last_round_the_model_has_to_answer(server: ChatServer, ex: Extractor) -> None:
    server.play([calls(("convert", {"amount": 20})), reply("22.")])
    assert ex.run_tools(ASK, tools=[convert], max_rounds=2).unwrap() == "22."
    assert server.requests[-1].json["tool_choice"] == "none"
    server.play([calls(("convert", {"amount": 20})), calls(("Quote", {"dollars": "1", "kettles": 2}))])
    ex.run_tools(ASK, Quote, tools=[convert], max_rounds=2)
    assert server.requests[-1].json["tool_choice"] == {"type": "function", "function": {"name": "Quote"}}


def test_a_model_that_calls_for_ever_is_stopped_and_its_last_calls_are_not_run(
    server: ChatServer, ex: Extractor
) -> None:
    ran = list[float]()

    def spy(amount: float) -> None:
        ran.append(amount)

    server.play(calls(("spy", {"amount": 1}), usage=ONE))
    run = ex.run_tools(ASK, tools=[spy], max_rounds=3)
    assert (run.outcome, run.rounds, len(server.requests), ran) == (Outcome.TRUNCATED, 3, 3, [1, 1])
    assert run.usage == Usage(30, 15)
    assert run.messages[-1].role == "tool"
    with pytest.raises(Truncated, match="after 3 rounds") as raised:
        run.unwrap()
    assert len(raised.value.attempts) == 3


@pytest.mark.parametrize("answered", [True, False])
def test_a_reply_with_more_calls_than_may_be_run_is_cut_off_and_none_of_them_is_run(
    server: ChatServer, ex: Extractor, answered: bool
) -> None:
    ran = list[float]()

    def spy(amount: float) -> None:
        ran.append(amount)

    answer = [("Quote", {"dollars": "1", "kettles": 2})] if answered else []
    server.play([calls(*[("spy", {"amount": 1})] * 3), calls(*[("spy", {"amount": 2})] * 2000, *answer)])
    run = ex.run_tools(ASK, Quote, tools=[spy], max_calls=2002)
    assert (run.outcome, run.record, len(server.requests)) == (Outcome.TRUNCATED, None, 2)
    assert ran == [1, 1, 1]
    with pytest.raises(Truncated, match="max_calls"):
        run.unwrap()


@pytest.mark.slow
@given(
    st.lists(st.sampled_from(["call", "bad", "text", "cut"]), max_size=6), st.integers(1, 4), st.booleans()
)
def test_whatever_comes_the_model_is_never_asked_more_often_than_it_may(
    script: list[str], max_rounds: int, typed: bool
) -> None:
    answers = {
        "call": calls(("convert", {"amount": 1})),
        "bad": calls(("convert", {"amount": "?"})),
        "text": reply("Hm."),
        "cut": truncated("Hm"),
    }
    with ChatServer([answers[name] for name in script], repeat_last=True) as server:
        if not script:
            server.play(answers["call"])
        with Extractor("m", base_url=server.base_url, api_key="any") as ex:
            run = ex.run_tools(ASK, Quote if typed else None, tools=[convert], max_rounds=max_rounds)
        assert len(server.requests) == len(run.attempts) <= max_rounds
        assert (run.error is None) == run.outcome.has_record


def test_the_budget_and_the_deadline_hold_for_all_rounds_together(server: ChatServer) -> None:
    server.play(calls(("convert", {"amount": 1}), usage=Usage(60, 1)))
    with Extractor("m", base_url=server.base_url, api_key="any", max_tokens_total=100) as ex:
        assert ex.run_tools(ASK, tools=[convert]).rounds == 2


def test_past_the_deadline_nothing_is_run_and_nothing_asked() -> None:
    settled = Settled((convert,), None, {}, 10, 99, Policy(deadline=60))
    step = first_round((Message("user", "?"),), settled, None, PROVIDERS["openai"], now=100.0)
    call = Called(ToolCall("1", FunctionCall("convert", "{}")), {"amount": 1}, lambda arguments: 1)
    reply = Extraction(Outcome.OK, (), ToolReply(Completion(), (call,)))
    assert step.calls(reply, now=159.0) == (call,)
    assert step.calls(reply, now=160.0) == ()
    run = step.after(reply, [], now=160.0)
    assert isinstance(run, ToolRun)
    assert (run.outcome, run.rounds, run.messages) == (Outcome.TRUNCATED, 1, step.messages)
    done = step.after(reply, [ToolResult(call.call, "1")], now=160.0)  # it took the time that was left
    assert isinstance(done, ToolRun)
    assert [message.role for message in done.messages] == ["user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("answer", "error", "outcome"),
    [
        (status(500), ServiceError, Outcome.TRANSPORT),
        (drop(after=0), ServiceError, Outcome.TRANSPORT),
        (truncated("Twenty-"), Truncated, Outcome.TRUNCATED),
        (refusal("No."), Refused, Outcome.REFUSED),
    ],
)
def test_a_round_that_fails_ends_it_with_what_was_done_so_far(
    server: ChatServer, ex: Extractor, answer: Any, error: type[Exception], outcome: Outcome
) -> None:
    server.play([calls(("convert", {"amount": 20}), usage=ONE), answer])
    run = ex.run_tools(ASK, tools=[convert])
    assert (run.outcome, type(run.error)) == (outcome, error)
    assert len(run.results) == 1
    assert [message.role for message in run.messages] == ["user", "assistant", "tool"]
    assert len(run.attempts) == 2
    with pytest.raises(error):
        run.unwrap()


def test_a_forced_call_is_forced_once(server: ChatServer, ex: Extractor) -> None:
    server.play([calls(("convert", {"amount": 20})), reply("22.")])
    ex.run_tools(ASK, tools=[convert, stock], tool_choice="convert", temperature=0)
    first, second = (request.json for request in server.requests)
    assert first["tool_choice"] == {"type": "function", "function": {"name": "convert"}}
    assert "tool_choice" not in second
    assert first["temperature"] == second["temperature"] == 0


def test_a_model_with_a_call_is_run_and_one_without_is_the_answer(server: ChatServer, ex: Extractor) -> None:
    class Double(BaseModel):
        """Double a number."""

        number: int

        def __call__(self) -> int:
            return 2 * self.number

    server.play([calls(("Double", {"number": 4})), calls(("Quote", {"dollars": "8", "kettles": 8}))])
    run = ex.run_tools(ASK, tools=[Double, Quote])
    assert [result.value for result in run.results] == [8, Quote(dollars=Decimal(8), kettles=8)]
    assert run.record == Quote(dollars=Decimal(8), kettles=8)


def test_async_tools_of_one_reply_run_together(server: ChatServer) -> None:
    async def go() -> tuple[ToolRun[Any], set[int]]:
        both, threads = asyncio.Barrier(2), set[int]()

        async def left(x: int) -> int:
            await both.wait()
            return x

        async def right(x: int) -> int:
            await both.wait()
            raise ValueError("not right")

        def plain(x: int) -> int:
            threads.add(threading.get_ident())
            return x

        server.play([calls(("left", {"x": 1}), ("right", {"x": 2}), ("plain", {"x": 3})), reply("Done.")])
        async with AsyncExtractor("m", base_url=server.base_url, api_key="any") as ex:
            return await ex.run_tools(ASK, tools=[left, right, plain]), threads

    run, threads = asyncio.run(go())
    assert [result.value for result in run.results] == [1, None, 3]
    assert threading.get_ident() not in threads
    assert run.content == "Done."


async def later(x: int) -> int:
    return x


def needs(session: Annotated[object, SkipJsonSchema()], x: int) -> int:
    return x


@pytest.mark.parametrize(
    ("tools", "record_type", "message"),
    [
        ([], None, "needs tools"),
        ([later], None, "AsyncExtractor"),
        ([partial(later, x=1)], None, "AsyncExtractor"),
        ([convert, convert], None, "two tools have the name 'convert'"),
        ([needs], None, "can't pass `session`"),
        ([convert, Quote], dict[str, int], "give it a `__call__`"),
    ],
)
def test_tools_that_could_not_be_run_are_refused_before_anything_is_asked(
    server: ChatServer, ex: Extractor, tools: list[Any], record_type: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        ex.run_tools(ASK, record_type, tools=tools)
    with pytest.raises(ConfigError, match="max_rounds"):
        ex.run_tools(ASK, tools=[convert], max_rounds=0)
    assert not server.requests


def test_what_the_caller_fills_in_is_given_by_partial(server: ChatServer, ex: Extractor) -> None:
    server.play([calls(("needs", {"x": 3})), reply("3")])
    assert ex.run_tools(ASK, tools=[partial(needs, object())]).results[0].value == 3


def test_a_function_that_turns_out_to_be_async_is_no_result(server: ChatServer, ex: Extractor) -> None:
    def hidden(x: int) -> Awaitable[int]:
        return later(x)

    server.play(calls(("hidden", {"x": 3})))
    with pytest.raises(ConfigError, match="hidden is async"):
        ex.run_tools(ASK, tools=[hidden])


def test_a_fallback_model_goes_on_with_the_conversation(server: ChatServer) -> None:
    server.play([calls(("convert", {"amount": 20})), status(400, "No."), reply("22.")])
    other = Extractor("openai:b", base_url=server.base_url, api_key="any")
    with other, Extractor("openai:a", base_url=server.base_url, api_key="any", fallback=other) as ex:
        run = ex.run_tools(ASK, tools=[convert])
    assert [request.json["model"] for request in server.requests] == ["a", "a", "b"]
    assert run.unwrap() == "22."


def test_shaped_replies_call_the_tool_and_then_answer(server: ChatServer, ex: Extractor) -> None:
    server.play([shaped(), reply("Done.")])
    assert ex.run_tools(ASK, tools=[convert]).results[0].error is None


@pytest.mark.parametrize("tools", [stock, [stock], (stock,)])
def test_one_tool_may_stand_alone(server: ChatServer, ex: Extractor, tools: Any) -> None:
    server.play([calls(("stock", {"product": "kettle"})), reply("7 kettles.")])
    assert ex.run_tools(ASK, tools=tools).content == "7 kettles."
    server.play([calls(("stock", {"product": "kettle"}))])
    assert ex.chat(ASK, tools=tools).tool_calls[0].function.parsed_arguments == {"product": "kettle"}


@pytest.mark.parametrize("tools", [5, "stock", ["stock"], None, [stock, 5]])
def test_what_is_no_tool_is_told(ex: Extractor, tools: Any) -> None:
    for verb in (ex.run_tools, ex.chat):
        with pytest.raises(ConfigError, match="tools are functions, types or JSON Schemas, several or one"):
            verb(ASK, tools=tools)
