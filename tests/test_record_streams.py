"""Records and list items as they come, through real sockets: the sync and the async client alike."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field, create_model
from tenacity.wait import wait_none

from extractor import (
    AsyncExtractor,
    ConfigError,
    Extraction,
    Extractor,
    ExtractorError,
    Filtered,
    Invalid,
    Mode,
    Outcome,
    Partial,
    Refused,
    SchemaError,
    ServiceError,
    Truncated,
)
from extractor.testing import (
    ChatServer,
    body,
    calls,
    drop,
    filtered,
    refusal,
    reply,
    shaped,
    split,
    status,
    stream,
    truncated,
)

TEXT = "ACME: tea 4.50, tax 1."


class Line(BaseModel):
    text: str
    amount: float = Field(ge=0)


class Invoice(BaseModel):
    vendor: str
    lines: list[Line]


LINES = [{"text": "tea", "amount": 4.5}, {"text": "tax", "amount": 1.0}]
ACME = {"vendor": "ACME", "lines": LINES}
INVOICE = Invoice.model_validate(ACME)
OPTIONS: dict[str, Any] = {"retry_wait": wait_none(), "api_key": "any"}
Ended = tuple[list[Any], Extraction[Any] | None, ExtractorError | None]
Streamed = Callable[..., Ended]


def sync(server: ChatServer, method: str, record_type: Any, model: str = "m", **options: Any) -> Ended:
    came: list[Any] = []
    with Extractor(model, base_url=server.base_url, **OPTIONS, **options) as ex:
        told = getattr(ex, method)(record_type, TEXT)
        try:
            for part in told:
                came.append(part)  # noqa: PERF402  what came before an error counts
        except ExtractorError as error:
            return came, told.result, error
        return came, told.result, None


def in_a_loop(server: ChatServer, method: str, record_type: Any, model: str = "m", **options: Any) -> Ended:
    async def run() -> Ended:
        came: list[Any] = []
        async with AsyncExtractor(model, base_url=server.base_url, **OPTIONS, **options) as ex:
            told = getattr(ex, method)(record_type, TEXT)
            try:
                async for part in told:
                    came.append(part)  # noqa: PERF401
            except ExtractorError as error:
                return came, await told.result(), error
            return came, await told.result(), None

    return asyncio.run(run())


@pytest.fixture(params=[sync, in_a_loop], ids=["sync", "async"])
def streamed(request: pytest.FixtureRequest) -> Streamed:
    return request.param  # type: ignore[no-any-return]


def test_a_record_comes_bit_by_bit_and_then_whole(streamed: Streamed) -> None:
    with ChatServer([reply(ACME)]) as server:
        came, result, _ = streamed(server, "stream", Invoice)
    assert result is not None
    assert (result.outcome, result.record, len(result.attempts)) == (Outcome.OK, INVOICE, 1)
    assert result.usage.completion_tokens > 0
    assert all(isinstance(partial, Partial) for partial in came)
    assert [partial.record for partial in came] == [None] * (len(came) - 1) + [INVOICE]
    vendors = [partial.vendor for partial in came]
    assert vendors[-1] == "ACME"
    assert any(partial.get(lambda invoice: invoice.lines[0]) == INVOICE.lines[0] for partial in came[:-1])
    assert came[-1].lines[1].amount == 1.0


@pytest.mark.parametrize("piece", [1, 4, 1000])
def test_each_delta_that_adds_something_gives_one_partial(streamed: Streamed, piece: int) -> None:
    with ChatServer([split(stream(reply(ACME), piece=piece), at=3)]) as server:
        came, _, _ = streamed(server, "stream", Invoice)
    shown = [partial.model_dump() for partial in came]
    assert shown[-1] == ACME
    assert len(came) > 1 if piece > 9 else len({repr(s) for s in shown}) > 10


MODELS = ["openai:m", "openai-responses:m", "anthropic:m", "gemini:m", "deepseek:m"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", Mode)
def test_every_api_streams_a_record_in_every_mode(model: str, mode: Mode) -> None:
    said: Any = calls(("Invoice", ACME)) if mode is Mode.TOOL else reply(ACME)
    if mode in (Mode.JSON_OBJECT, Mode.PROMPT):
        said = reply(f"Here [it] is:\n```json\n{__import__('json').dumps(ACME)}\n```\nAnything else?")
    url = "base_url" if model.startswith(("openai:", "openai-resp", "deepseek")) else "url"
    with ChatServer([said]) as server:
        base = getattr(server, url) + {"anthropic:m": "/v1", "gemini:m": "/v1beta"}.get(model, "")
        with Extractor(model, base_url=base, mode=mode, **OPTIONS) as ex:
            told = ex.stream(Invoice, TEXT)
            came = list(told)
    assert told.record == INVOICE
    assert any(p.vendor for p in came[:-1])
    assert told.result.usage.completion_tokens > 0


def test_failures_before_the_first_words_are_got_over(streamed: Streamed) -> None:
    refused = status(400, "response_format is not supported")
    with ChatServer([status(503), drop(), refused, reply(ACME)]) as server:
        came, result, _ = streamed(server, "stream", Invoice)
    assert came[-1].record == INVOICE
    assert result is not None
    assert len(result.attempts) == 4


def test_a_reply_that_is_no_record_is_repaired(streamed: Streamed) -> None:
    wrong = {"vendor": "ACME", "lines": [LINES[0], {"text": "tax", "amount": -1}]}
    with ChatServer([reply(wrong), reply(ACME)]) as server:
        came, result, _ = streamed(server, "stream", Invoice)
    assert came[-2].lines[1].amount is None
    assert came[-1].record == INVOICE
    assert result is not None
    assert (result.outcome, len(result.attempts)) == (Outcome.REPAIRED, 2)
    assert result.usage.total_tokens == sum(a.usage.total_tokens for a in result.attempts if a.usage)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (drop(stream(reply(ACME), piece=4), after=5, part="events"), ServiceError),
        (truncated('{"vendor":"ACME","lines":[{"text":"te'), Truncated),
        (filtered('{"vendor":"ACME"'), Filtered),
        (stream(reply('{"vendor":"ACME","lines":[]}'), done=False, piece=4), None),
    ],
    ids=["broken off", "cut off", "filtered", "without DONE"],
)
def test_a_stream_that_ends_early_raises_with_what_came(streamed: Streamed, answer: Any, kind: Any) -> None:
    with ChatServer([answer, answer, answer]) as server:
        came, result, error = streamed(server, "stream", Invoice, max_repairs=0)
    if kind is None:
        assert error is None
        return
    assert isinstance(error, kind)
    assert result is not None
    assert result.error is error
    assert error.partial.vendor == "ACME"
    assert all(partial.record is None for partial in came)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.partial) == (str(error), None)


def test_a_refusal_is_raised(streamed: Streamed) -> None:
    with ChatServer([refusal("I won't.")]) as server:
        came, result, error = streamed(server, "stream", Invoice)
    assert (came, type(error)) == ([], Refused)
    assert result is not None
    assert result.outcome is Outcome.REFUSED


def test_a_server_that_does_not_stream_gives_the_record_at_once(streamed: Streamed) -> None:
    answer = {"choices": [{"message": {"role": "assistant", "content": '{"vendor":"A","lines":[]}'},
                           "finish_reason": "stop"}]}  # fmt: skip
    with ChatServer([body(json.dumps(answer))]) as server:
        came, _, error = streamed(server, "stream", Invoice)
    assert error is None
    assert [partial.record for partial in came] == [Invoice(vendor="A", lines=[])]


def test_where_a_model_gives_no_record_the_fallback_is_asked(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([refusal("I won't."), reply(ACME)]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        came, result, _ = streamed(server, "stream", Invoice, fallback=["openai:other"])
    assert [partial.record for partial in came] == [INVOICE]
    assert result is not None
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.REFUSED, Outcome.OK]


def test_a_fallback_model_is_streamed_where_nothing_has_come_yet(
    streamed: Streamed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([status(400), reply(ACME)]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        came, result, _ = streamed(server, "stream", Invoice, fallback=["openai:other"])
        assert [request.json["stream"] for request in server.requests] == [True, True]
    assert len(came) > 2
    assert result is not None
    assert [attempt.request.model for attempt in result.attempts] == ["m", "other"]
    assert result.record == INVOICE


def test_items_come_one_by_one_validated(streamed: Streamed) -> None:
    with ChatServer([stream(reply({"value": LINES}), piece=3)]) as server:
        came, result, _ = streamed(server, "items", Line)
    assert came == INVOICE.lines
    assert result is not None
    assert result.record == INVOICE.lines


def test_an_item_comes_before_the_reply_has_ended() -> None:
    broken = drop(stream(reply({"value": LINES}), piece=4), after=13, part="events")
    with ChatServer([broken]) as server, Extractor("m", base_url=server.base_url) as ex:
        told = ex.items(Line, TEXT)
        assert next(told) == INVOICE.lines[0]
        with pytest.raises(ServiceError) as raised:
            next(told)
    assert raised.value.partial == INVOICE.lines[:1]


def test_an_item_that_is_not_valid_comes_once_it_is_repaired(streamed: Streamed) -> None:
    wrong = [{"text": "tea", "amount": -4.5}, LINES[1]]
    with ChatServer([reply({"value": wrong}), reply({"value": LINES})]) as server:
        came, result, _ = streamed(server, "items", Line)
    assert came == [INVOICE.lines[1], INVOICE.lines[0]]
    assert result is not None
    assert (result.record, result.outcome) == (INVOICE.lines, Outcome.REPAIRED)


@pytest.mark.parametrize(
    "wrong", ['{"text": "tea", "amount": true}', '{"text": "milk", "text": "tea", "amount": 4.5}']
)
def test_an_item_that_would_become_another_comes_once_it_is_repaired(streamed: Streamed, wrong: str) -> None:
    said = f'{{"value": [{wrong}, {json.dumps(LINES[1])}]}}'
    with ChatServer([reply(said), reply({"value": LINES})]) as server:
        came, result, _ = streamed(server, "items", Line)
    assert came == [INVOICE.lines[1], INVOICE.lines[0]]
    assert result is not None
    assert (result.record, result.outcome) == (INVOICE.lines, Outcome.REPAIRED)


def test_a_repair_that_takes_items_back_is_an_error(streamed: Streamed) -> None:
    wrong = [{"text": "tea", "amount": -4.5}, LINES[1]]
    other = [LINES[0], {"text": "coffee", "amount": 2.5}]
    with ChatServer([reply({"value": wrong}), reply({"value": other})]) as server:
        came, _, error = streamed(server, "items", Line)
    assert isinstance(error, Invalid)
    assert came == error.partial == [INVOICE.lines[1], INVOICE.lines[0], Line(text="coffee", amount=2.5)]


def test_equal_items_come_as_often_as_they_are_said(streamed: Streamed) -> None:
    with ChatServer([reply({"value": [LINES[0], LINES[0]]})]) as server:
        assert streamed(server, "items", Line)[0] == [INVOICE.lines[0]] * 2


def test_items_of_a_json_schema_are_judged_by_it(streamed: Streamed) -> None:
    document = {
        "$defs": {"name": {"type": "string", "minLength": 2}},
        "type": "object",
        "properties": {"name": {"$ref": "#/$defs/name"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    names = [{"name": "Ada"}, {"name": "x"}, {"name": "Bob"}]
    with ChatServer([reply({"value": names}), reply({"value": [*names[::2], {"name": "xx"}]})]) as server:
        came, _, _ = streamed(server, "items", document)
    assert came == [{"name": "Ada"}, {"name": "Bob"}, {"name": "xx"}]


def test_bad_input_is_refused_before_anything_is_sent() -> None:
    with ChatServer(shaped()) as server, Extractor("m", base_url=server.base_url) as ex:
        for begin in (ex.stream, ex.items):
            with pytest.raises(ConfigError):
                begin(Invoice, " ")
            with pytest.raises(SchemaError):
                begin(print, TEXT)
        assert server.requests == ()


def test_a_stream_can_be_left_early() -> None:
    with ChatServer([reply(ACME), reply(ACME)]) as server, Extractor("m", base_url=server.base_url) as ex:
        with ex.stream(Invoice, TEXT) as told:
            next(told)
        with pytest.raises(ConfigError, match="closed before its end"):
            _ = told.result
        assert ex.stream(Invoice, TEXT).record == INVOICE


def test_a_model_made_at_run_time_streams() -> None:
    made = create_model("Made", a=(int, ...), b=(list[str], ...))
    with ChatServer(shaped()) as server, Extractor("m", base_url=server.base_url) as ex:
        assert isinstance(ex.stream(made, TEXT).record, made)


@pytest.mark.usefixtures("smollm2")
def test_the_embedded_model_streams_for_real() -> None:
    class Order(BaseModel):
        drink: str = Field(max_length=30)
        cups: int = Field(ge=1, le=9)

    with Extractor("local:smollm2", max_tokens=100, seed=1, temperature=0) as ex:
        told = ex.stream(Order, "Two cups of green tea, please.")
        came = list(told)
    assert isinstance(told.record, Order)
    assert len({partial.drink for partial in came} - {None}) > 2
    assert told.result.usage.completion_tokens > 0


def test_the_items_of_several_calls_come_one_after_another(streamed: Streamed) -> None:
    parts = [{"value": LINES}, {"value": [{"text": "cake", "amount": 3.0}]}]
    with ChatServer([calls(*(("list_Line", part) for part in parts))]) as server:
        came, result, _ = streamed(server, "items", Line, mode=Mode.TOOL)
    assert result is not None
    assert [item.text for item in came] == ["tea", "tax", "cake"]
    assert result.record == came
    assert "the lists of 2 calls were joined" in result.attempts[0].note


@pytest.mark.parametrize(
    ("text", "note"),
    [(f"[{json.dumps(LINES[0])}]", "left out"), (json.dumps(LINES[0]) + "\n", "a line"),
     (json.dumps({"value": LINES[:1]}).replace("}]", "},]"), "trailing commas")],
)  # fmt: skip
def test_a_stream_is_read_as_the_whole_reply_is(streamed: Streamed, text: str, note: str) -> None:
    with ChatServer([reply(text)]) as server:
        came, result, _ = streamed(server, "items", Line)
    assert result is not None
    assert (came, result.outcome) == ([Line(**LINES[0])], Outcome.OK)
    assert note in result.attempts[0].note
