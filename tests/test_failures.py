"""What servers, gateways and users' own code do wrong: each has its outcome, and none is read as another."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationInfo, field_serializer, field_validator
from tenacity.wait import wait_none

from extractor import (
    AsyncExtractor,
    ConfigError,
    Extraction,
    Extractor,
    Invalid,
    Outcome,
    RunStopped,
    ServiceError,
    align,
    compile_schema,
)
from extractor.dialects import DIALECTS, read_reply
from extractor.dialogue import Policy, judge_record, start
from extractor.errors import Unjudged
from extractor.messages import Message, Request, Turns
from extractor.streams import Reading
from extractor.testing import ChatServer, ReceivedRequest, body, calls, refusal, reply, status
from extractor.transport.http import Head

ADA = {"name": "Ada", "age": 36}
TEXT = "Ada is 36."
LONG = json.dumps(ADA).replace("36", "1" * 5_000)


class Person(BaseModel):
    name: str
    age: int


class Amount(BaseModel):
    value: Decimal


def extractor(server: ChatServer, **options: Any) -> Extractor:
    model = options.pop("model", "m")
    return Extractor(model, base_url=server.base_url, **{"retry_wait": wait_none(), **options})


def run(script: Any, record_type: Any = Person, **options: Any) -> Extraction[Any]:
    with ChatServer(script) as server, extractor(server, **options) as ex:
        return ex.run(record_type, TEXT)


# -- judging a reply raises


@pytest.mark.parametrize("said", [LONG, f"Here it is: {LONG}", f"```json\n{LONG}\n```"], ids=range(3))
def test_an_integer_that_python_cannot_hold_is_that_replys_error_and_is_not_asked_again(said: str) -> None:
    result = run([reply(said)], max_repairs=2)
    assert (result.outcome, len(result.attempts)) == (Outcome.INVALID, 1)
    assert isinstance(result.error, Invalid)
    assert isinstance(result.error.__cause__, ValueError)
    assert result.attempts[0].text == said


def test_every_way_to_ask_bears_such_a_reply() -> None:
    with ChatServer([reply(LONG)], repeat_last=True) as server, extractor(server) as ex:
        for ask in (
            lambda: ex.extract(Person, TEXT),
            lambda: ex.parse([{"role": "user", "content": TEXT}], Person),
            lambda: list(ex.stream(Person, TEXT)),
            lambda: list(ex.items(Person, TEXT)),
            lambda: ex.document(Person, TEXT, chunk=100, journal=False).unwrap(),
            lambda: ex.document(Person, f"{TEXT}\n\n" * 20, chunk=100, journal=False).unwrap(),
        ):
            with pytest.raises(Invalid):
                ask()


def test_a_journal_that_holds_such_a_reply_is_finished_by_another_run(tmp_path: Path) -> None:
    def answer(request: ReceivedRequest) -> Any:
        return reply(LONG if "row 1" in request.json["messages"][-1]["content"] else ADA)

    texts = [f"row {row}" for row in range(3)]
    with ChatServer(answer) as server, extractor(server) as ex:
        for _ in range(2):
            found = list(ex.rows(texts, Person, journal=str(tmp_path / "journal.sqlite")))
            assert [o.outcome for o in found] == [Outcome.OK, Outcome.INVALID, Outcome.OK]
            assert isinstance(found[1].error and found[1].error.__cause__, ValueError)
        assert len(server.requests) == 3


class Nosy(Person):
    """Its validator has a bug."""

    @field_validator("name")
    @classmethod
    def known(cls, name: str) -> str:
        return {"Bob": "Bob"}[name]


@pytest.mark.parametrize("mode", ["json_schema", "tool", "prompt"])
def test_a_bug_in_a_validator_is_the_users_to_see_and_is_paid_for_once(mode: str) -> None:
    answer = calls(("Nosy", ADA)) if mode == "tool" else reply(ADA)
    with ChatServer([answer, reply(ADA)]) as server, extractor(server, mode=mode) as ex:
        with pytest.raises(Unjudged, match="judging it raised KeyError: 'Ada'") as raised:
            ex.extract(Nosy, TEXT)
        assert len(server.requests) == 1
    cause = raised.value.__cause__
    assert isinstance(cause, KeyError)
    trace = cause.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    assert trace is not None
    assert trace.tb_frame.f_code.co_name == "known"


def test_a_bug_in_a_validator_ends_its_row_alone() -> None:
    def answer(request: ReceivedRequest) -> Any:
        return reply({"name": request.json["messages"][-1]["content"], "age": 1})

    with ChatServer(answer) as server, extractor(server) as ex:
        found = list(ex.rows(["Bob", "Eve", "Bob"], Nosy, journal=False))
        assert len(server.requests) == 2
    assert [o.error is None for o in found] == [True, False, True]
    assert isinstance(found[1].error and found[1].error.__cause__, KeyError)


def test_no_fallback_is_asked_after_a_bug_of_the_users() -> None:
    with ChatServer([reply(ADA)]) as server, extractor(server, fallback="other") as ex:
        assert isinstance(ex.run(Nosy, TEXT).error, Unjudged)
        assert len(server.requests) == 1


def test_a_bug_in_a_validator_of_a_whole_document_is_its_error() -> None:
    with (
        ChatServer([reply([{"name": "Eve", "age": 1}])], repeat_last=True) as server,
        extractor(server) as ex,
    ):
        found = ex.document(list[Nosy], f"{TEXT}\n\n" * 20, chunk=100, journal=False)
        assert isinstance(found.error, Invalid)


class Loud(BaseModel):
    name: str

    @field_serializer("name")
    def said(self, name: str) -> str:
        return {"Bob": "Bob"}[name]


def test_a_bug_in_a_serializer_is_that_rows_error_in_a_frame() -> None:
    def answer(request: ReceivedRequest) -> Any:
        return reply({"name": request.json["messages"][-1]["content"]})

    frame = pd.DataFrame({"body": ["Bob", "Eve", "Bob"]})
    with ChatServer(answer) as server, extractor(server) as ex:
        found = ex.frame(frame, Loud, text="body", journal=False, evidence=True)
    assert [each and each["kind"] for each in found["loud_error"]] == [None, "serialization", None]
    assert [each is None for each in found["loud_evidence"]] == [False, True, False]


@pytest.mark.parametrize("flatten", [False, True])
def test_a_number_of_any_size_goes_into_a_frame_with_its_evidence(flatten: bool) -> None:
    frame = pd.DataFrame({"body": ["It is 1e1000000."]})
    with ChatServer(reply({"value": "1e1000000"})) as server, extractor(server) as ex:
        found = ex.frame(frame, Amount, text="body", journal=False, evidence=True, flatten=flatten)
    assert found["amount_error"][0] is None
    assert "1E+1000000" in str(found.iloc[0].to_dict())


def test_a_text_function_that_raises_is_that_rows_error() -> None:
    rows = [{"body": "a"}, {}, {"body": "b"}]
    with ChatServer(reply(ADA)) as server, extractor(server) as ex:
        found = list(ex.rows(rows, Person, text=lambda row: row["body"], journal=False))
    assert [o.error is None for o in found] == [True, False, True]
    assert isinstance(found[1].error, ConfigError)
    assert str(found[1].error) == "row 1: text= raised KeyError: 'body'"
    assert isinstance(found[1].error.__cause__, KeyError)


@pytest.mark.parametrize("digits", ["1e1000000", "-1e-1000000", "1e400"])
def test_a_number_of_any_size_can_be_looked_for_in_the_text(digits: str) -> None:
    with ChatServer(reply({"value": digits})) as server, extractor(server) as ex:
        result = ex.run(Amount, f"It is {digits}.", confidence=True)
    assert result.outcome is Outcome.OK
    assert result.evidence.keys() == {"/value"}
    assert result.confidence is not None
    assert align(Amount(value=Decimal(digits)), "nothing") == {"/value": ()}
    assert "<html" in result.to_html()


def test_validators_are_told_the_number_of_the_attempt() -> None:
    seen: list[int] = []

    class Patient(Person):
        @field_validator("name")
        @classmethod
        def third(cls, name: str, info: ValidationInfo) -> str:
            assert info.context
            seen.append(info.context["attempt"])
            if info.context["attempt"] < 3:
                raise ValueError("not yet")
            return name

    assert run([reply(ADA), status(503), reply(ADA)], Patient).outcome is Outcome.REPAIRED
    assert seen == [1, 3]


# -- errors that are about the answer


GENERATION = '{"name": "Ada", "age": "old"}'


def about_the_answer(
    code: str, generation: str | None, message: str = "Failed. See 'failed_generation'."
) -> Any:
    error = {"message": message, "type": "invalid_request_error", "code": code}
    return {"error": error if generation is None else {**error, "failed_generation": generation}}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("json_validate_failed", "Failed to generate JSON. Please adjust your prompt."),
        ("json_validate_failed", "Generated JSON does not match the expected schema."),
        ("tool_use_failed", "Failed to call a function. Please adjust your prompt."),
        ("", "tool call validation failed: parameters for tool Person did not match schema: errors: [...]"),
    ],
)
@pytest.mark.parametrize("generation", [GENERATION, "", None])
def test_an_error_about_the_answer_is_an_invalid_answer_and_says_nothing_of_the_mode(
    code: str, message: str, generation: str | None
) -> None:
    rejected = body(json.dumps(about_the_answer(code, generation, message)), 400)
    with ChatServer([rejected, reply(ADA), reply(ADA)]) as server, extractor(server) as ex:
        result = ex.run(Person, TEXT)
        again = ex.run(Person, TEXT)
    first, second = result.attempts
    assert (result.outcome, first.outcome) == (Outcome.REPAIRED, Outcome.INVALID)
    assert (first.text or "") == (generation or "")
    assert first.status == 400
    assert message in first.problems[0].reason
    assert second.request.mode is first.request.mode is again.attempts[0].request.mode
    assert [a.note for a in result.attempts] == [None, None]
    if generation:
        assert server.requests[1].json["messages"][-2]["content"] == generation


def test_a_key_in_an_error_about_the_answer_is_shown_nowhere() -> None:
    said = about_the_answer("json_validate_failed", "", "key sk-0123456789 failed to generate JSON")
    result = run([body(json.dumps(said), 400)], max_repairs=0, api_key="sk-0123456789")
    assert "key *** failed" in str(result.error)
    assert "0123456789" not in f"{result.error} {result.attempts!r}"


def test_an_error_about_the_answer_in_a_stream_keeps_what_was_written() -> None:
    events = f"data: {json.dumps(about_the_answer('tool_use_failed', GENERATION))}\n\n"
    with ChatServer([body(events, 200, "text/event-stream"), reply(ADA)]) as server, extractor(server) as ex:
        stream = ex.stream(Person, TEXT)
        assert stream.record == Person(name="Ada", age=36)
    assert [a.text for a in stream.result.attempts] == [GENERATION, json.dumps(ADA)]


def test_an_error_about_the_answer_of_a_chat_is_invalid() -> None:
    rejected = body(json.dumps(about_the_answer("tool_use_failed", GENERATION)), 400)
    with ChatServer([rejected]) as server, extractor(server) as ex, pytest.raises(Invalid, match="rejected"):
        ex.chat([{"role": "user", "content": TEXT}], tools=[Person])


# -- templates that want turns


def alternates(request: ReceivedRequest) -> Any:
    """As Mistral's templates do: a system message first, then user and assistant in turn."""
    roles = [m["role"] for m in request.json["messages"]]
    roles = roles[1:] if roles[0] == "system" else roles
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2):
        said = "After the optional system message, conversation roles must alternate user/assistant/user/..."
        return body(json.dumps({"object": "error", "message": said, "code": 400}), 400)
    return None


def knows_no_system(request: ReceivedRequest) -> Any:
    """As Gemma's templates do."""
    if any(m["role"] == "system" for m in request.json["messages"]):
        return status(400, "System role not supported")
    return alternates(request)


def first_mistral(request: ReceivedRequest) -> Any:
    """As the first templates of Mistral do: they complain of turns, and mean the system message."""
    if any(m["role"] == "system" for m in request.json["messages"]):
        return status(400, "Conversation roles must alternate user/assistant/user/assistant/...")
    return alternates(request)


@pytest.mark.parametrize(
    ("template", "turns"),
    [
        (alternates, Turns.ALTERNATE),
        (knows_no_system, Turns.NO_SYSTEM),
        (first_mistral, Turns.NO_SYSTEM),
    ],
)
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("mode", ["auto", "prompt", "tool"])
def test_messages_are_joined_for_templates_that_want_turns(
    template: Any, turns: Turns, told: bool, mode: str
) -> None:
    answers = iter([{"name": "Ada", "age": "old"}, {"age": 36}] * 2)

    def answer(request: ReceivedRequest) -> Any:
        said = template(request)
        if said is not None:
            return said
        return calls(("Person", next(answers))) if mode == "tool" else reply(next(answers))

    options: Any = {"turns": turns} if told else {}
    with ChatServer(answer) as server, extractor(server, mode=mode, **options) as ex:
        first, second = ex.run(Person, TEXT), ex.run(Person, TEXT)
    assert first.record == second.record == Person(name="Ada", age=36)
    assert len(second.attempts) == 2  # it is remembered
    assert len(first.attempts) == (2 if told else 3)
    assert first.attempts[-1].request.turns is turns
    sent = "\n".join(m["content"] for m in server.requests[-1].json["messages"])
    assert TEXT in sent
    assert "rejected" in sent


def test_that_a_server_wants_turns_is_not_asked_again_by_another_run(tmp_path: Path) -> None:
    def answer(request: ReceivedRequest) -> Any:
        return knows_no_system(request) or reply(ADA)

    with ChatServer(answer) as server:
        for _ in range(2):
            with extractor(server) as ex:
                found = list(ex.rows(["a"], Person, journal=str(tmp_path / "journal.sqlite")))
            assert [o.outcome for o in found] == [Outcome.OK]
        assert len(server.requests) == 2


def test_turns_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="turns is one of any, alternate, no_system"):
        Extractor("m", base_url="http://127.0.0.1:1/v1", turns="odd")


# -- replies that are none


@pytest.mark.parametrize(
    "answer",
    [body('{"choices": null}'), body(""), body("<html>Sign in</html>", 200, "text/html"), body("null")],
    ids=range(4),
)
def test_a_success_without_a_completion_is_asked_for_again(answer: Any) -> None:
    result = run([answer, reply(ADA)])
    assert [a.outcome for a in result.attempts] == [Outcome.TRANSPORT, Outcome.OK]


CHUNK = {"choices": [{"index": 0, "delta": {"content": json.dumps(ADA)}, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "event",
    [{}, {"id": "x", "object": "chat.completion.chunk"}, {"choices": None}, {"type": "ping"}],
    ids=str,
)
def test_an_event_of_a_stream_that_says_nothing_ends_nothing(event: Any) -> None:
    events = "".join(f"data: {json.dumps(each)}\n\n" for each in (event, CHUNK, event)) + "data: [DONE]\n\n"
    with ChatServer([body(events, 200, "text/event-stream")]) as server, extractor(server) as ex:
        assert ex.stream(Person, TEXT).record == Person(name="Ada", age=36)


@pytest.mark.parametrize("event", [{}, {"responseId": "r", "modelVersion": "gemini-x"}, {"candidates": []}])
def test_geminis_first_event_may_have_no_candidates(event: Any) -> None:
    said = {"content": {"parts": [{"text": json.dumps(ADA)}], "role": "model"}, "finishReason": "STOP"}
    events = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in (event, {"candidates": [said]}))
    with (
        ChatServer([body(events, 200, "text/event-stream")]) as server,
        extractor(server, model="gemini:g", api_key="any") as ex,
    ):
        assert ex.stream(Person, TEXT).record == Person(name="Ada", age=36)


def test_an_error_event_without_the_word_error_is_told() -> None:
    events = 'data: {"object": "error", "message": "no room left", "code": 503}\n\n'
    with (
        ChatServer([body(events, 200, "text/event-stream")]) as server,
        extractor(server, max_retries=0) as ex,
        pytest.raises(ServiceError, match="HTTP 503: no room left"),
    ):
        list(ex.stream(Person, TEXT))


# -- the gateway's own reason


def choice(**members: Any) -> Any:
    said = {
        "index": 0,
        "message": {"role": "assistant", "content": None},
        "finish_reason": "error",
        **members,
    }
    return body(json.dumps({"id": "gen-1", "choices": [said]}))


BROKEN = {"code": 502, "message": "Provider disconnected"}


def test_an_error_on_the_choice_is_the_error_that_it_says() -> None:
    result = run([choice(error=BROKEN), reply(ADA)])
    assert [a.status for a in result.attempts] == [502, 200]
    assert "Provider disconnected" in str(result.attempts[0].failure)


def test_words_before_an_error_on_the_choice_are_kept_with_its_reason() -> None:
    said = {"role": "assistant", "content": '{"name": "A'}
    result = run([choice(error=BROKEN, message=said), reply(ADA)])
    first = result.attempts[0]
    assert (first.outcome, first.text) == (Outcome.TRUNCATED, '{"name": "A')
    assert first.problems[0].reason == "the server broke the reply off: Provider disconnected"
    assert result.record == Person(name="Ada", age=36)


@pytest.mark.parametrize(
    "raw",
    [
        '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded by Ada"}}',
        {"error": {"message": "Overloaded by Ada"}},
        "Overloaded by Ada",
    ],
    ids=range(3),
)
def test_the_reason_of_the_provider_behind_a_gateway_is_shown(raw: Any) -> None:
    error = {
        "code": 429,
        "message": "Provider returned error",
        "metadata": {"raw": raw, "provider_name": "X"},
    }
    result = run([body(json.dumps({"error": error}), 429)], max_retries=0)
    assert "Provider returned error: Overloaded by Ada" in str(result.error)


def test_a_redirect_is_told_and_not_followed() -> None:
    headers = {"location": "https://me:token@elsewhere.example/v1/chat/completions?token=1"}
    with ChatServer([body("", 307, headers=headers)]) as server, extractor(server) as ex:
        error = ex.run(Person, TEXT).error
        assert len(server.requests) == 1
    assert "HTTP 307: the server redirects to https://elsewhere.example/v1/chat/completions" in str(error)
    assert "base_url" in str(error)
    assert "token" not in str(error)


def test_in_tool_mode_the_raw_reply_is_what_the_call_said() -> None:
    result = run([calls(("Person", ADA))], mode="tool")
    assert result.raw == result.attempts[0].text == json.dumps(ADA)


class Home(BaseModel):
    owner: Person
    street: str


def test_a_nested_mistake_repeated_in_a_whole_answer_is_told_as_what_it_is() -> None:
    wrong = {"owner": {"name": "Ada", "age": "old"}, "street": "Main"}
    result = run([reply(wrong)] * 3, Home)
    for attempt in result.attempts:
        assert [p.pointer for p in attempt.problems] == ["/owner/age"]
        assert "valid integer" in attempt.problems[0].reason


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
            list(ex.rows([f"row {row}" for row in range(300)], Person, journal=False))
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
        found = list(ex.rows([f"row {row}" for row in range(9)], Person, journal=False, concurrency=1))
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
            [result] = list(ex.rows([TEXT], Person, journal=False)) if bulk else [ex.run(Person, TEXT)]
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
            rows = [outcome.record async for outcome in ex.rows([TEXT], Person, journal=False)]
            return [*rows, await ex.extract(Person, TEXT)]

    with ChatServer(refusal()) as a, ChatServer(reply(ADA)) as b:
        assert asyncio.run(ask(a, b)) == [Person(name="Ada", age=36)] * 2


@pytest.mark.parametrize("other", [7, {"model": "n"}, [None], [{"model": "n"}]], ids=repr)
def test_a_fallback_that_is_no_model_is_refused(other: Any) -> None:
    with pytest.raises(ConfigError, match="fallback= takes names of models and Extractors"):
        Extractor("m", base_url="http://127.0.0.1:1/v1", fallback=other)


def test_a_fallback_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="names of models and AsyncExtractors"):
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
        assert f"'m' was asked for at {server.base_url}" in str(ex.run(Person, TEXT).error)


def test_an_error_quotes_the_reply() -> None:
    error = run([reply("I have no idea,\n sorry. " * 20)], max_repairs=0).error
    assert "the reply was 'I have no idea, sorry. I have" in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("openai/gpt-5-mini", "'openai:gpt-5-mini'"),
        ("meta/llama", "'openrouter:meta/llama'"),
        ("gpt-5", "'openai:gpt-5'"),
    ],
)
def test_a_name_with_a_slash_is_understood(name: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match=f"for instance {meant}"):
        Extractor(name)


# -- whatever comes


NAMES = (
    *("choices", "error", "message", "content", "metadata", "raw", "failed_generation", "code", "type"),
    *("delta", "usage", "candidates", "parts", "text", "finish_reason", "status", "output", "response"),
    *("object", "detail", "promptFeedback", "tool_calls", "function", "arguments", "index", "input"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(NAMES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary(max_size=40) | VALUES.map(lambda value: json.dumps(value).encode())


@given(st.sampled_from(sorted(DIALECTS)), BODIES, st.sampled_from([200, 204, 307, 400, 404, 422, 429, 500]))
@settings(max_examples=150, deadline=None)
def test_whatever_a_server_sends_is_an_attempt_with_its_outcome(api: str, sent: bytes, code: int) -> None:
    compiled = compile_schema(Person)
    request = Request("m", (Message("user", TEXT),), response_schema=compiled.strict)
    step = start(request, partial(judge_record, decode=compiled.decode), Policy(), 0.0)
    stream = Reading(DIALECTS[api], lambda: 0.0, lambda: 0.0)
    for piece in (Head(code, {"content-type": "text/event-stream"}), b"data: " + sent + b"\n\n"):
        list(stream.feed(piece))
    for event in (read_reply(DIALECTS[api], code, {}, sent, 0.0, 0.0), stream.end()):
        after = step.receive(event, 0.0, 0.0)
        assert len(after.attempts) == 1
        assert not after.attempts[0].outcome.has_record
