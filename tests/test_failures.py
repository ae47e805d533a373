"""What judging a reply may raise, and what servers say of answers: each has its outcome."""

from __future__ import annotations

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

from extractor import Chunks, Columns, ConfigError, Invalid, Outcome, Run, align, compile_schema
from extractor.dialects import DIALECTS, read_reply
from extractor.dialogue import Policy, judge_record, start
from extractor.errors import Unjudged
from extractor.messages import Message, Request
from extractor.streams import StreamReader
from extractor.testing import ChatServer, ReceivedRequest, body, calls, reply, status
from extractor.transport.http import Head
from tests.asking import ADA, TEXT, Person, extractor, run

LONG = json.dumps(ADA).replace("36", "1" * 5_000)


class Amount(BaseModel):
    value: Decimal


# -- judging a reply raises


@pytest.mark.parametrize("said", [LONG, f"Here it is: {LONG}", f"```json\n{LONG}\n```"], ids=range(3))
def test_an_integer_that_python_cannot_hold_is_that_replys_error_and_is_not_asked_again(said: str) -> None:
    result = run([reply(said)], max_repairs=2)
    assert (result.outcome, len(result.attempts)) == (Outcome.INVALID, 1)
    assert isinstance(result.error, Invalid)
    assert isinstance(result.error.__cause__, ValueError)
    assert result.attempts[0].text == said


@pytest.mark.slow
def test_every_way_to_ask_bears_such_a_reply() -> None:
    with ChatServer([reply(LONG)], repeat_last=True) as server, extractor(server) as ex:
        for ask in (
            lambda: ex.extract(Person, TEXT),
            lambda: ex.parse([{"role": "user", "content": TEXT}], Person),
            lambda: list(ex.stream(Person, TEXT)),
            lambda: list(ex.items(Person, TEXT)),
            lambda: ex.document(Person, TEXT, chunks=Chunks(size=100), run=Run(journal=False)).unwrap(),
            lambda: ex.document(
                Person, f"{TEXT}\n\n" * 20, chunks=Chunks(size=100), run=Run(journal=False)
            ).unwrap(),
        ):
            with pytest.raises(Invalid):
                ask()


def test_a_journal_that_holds_such_a_reply_is_finished_by_another_run(tmp_path: Path) -> None:
    def answer(request: ReceivedRequest) -> Any:
        return reply(LONG if "row 1" in request.json["messages"][-1]["content"] else ADA)

    texts = [f"row {row}" for row in range(3)]
    with ChatServer(answer) as server, extractor(server) as ex:
        for _ in range(2):
            found = list(ex.rows(texts, Person, run=Run(journal=str(tmp_path / "journal.sqlite"))))
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
        with pytest.raises(Unjudged, match="validating it raised KeyError: 'Ada'") as raised:
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
        found = list(ex.rows(["Bob", "Eve", "Bob"], Nosy, run=Run(journal=False)))
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
        found = ex.document(list[Nosy], f"{TEXT}\n\n" * 20, chunks=Chunks(size=100), run=Run(journal=False))
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
        found = ex.frame(frame, Loud, text="body", run=Run(journal=False), columns=Columns(evidence=True))
    assert [each and each["kind"] for each in found["loud_error"]] == [None, "serialization", None]
    assert [each is None for each in found["loud_evidence"]] == [False, True, False]


@pytest.mark.parametrize("flatten", [False, True])
def test_a_number_of_any_size_goes_into_a_frame_with_its_evidence(flatten: bool) -> None:
    frame = pd.DataFrame({"body": ["It is 1e1000000."]})
    with ChatServer(reply({"value": "1e1000000"})) as server, extractor(server) as ex:
        found = ex.frame(
            frame,
            Amount,
            text="body",
            run=Run(journal=False),
            columns=Columns(evidence=True, flatten=flatten),
        )
    assert found["amount_error"][0] is None
    assert "1E+1000000" in str(found.iloc[0].to_dict())


def test_a_text_function_that_raises_is_that_rows_error() -> None:
    rows = [{"body": "a"}, {}, {"body": "b"}]
    with ChatServer(reply(ADA)) as server, extractor(server) as ex:
        found = list(ex.rows(rows, Person, text=lambda row: row["body"], run=Run(journal=False)))
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


@pytest.mark.slow
@given(st.sampled_from(sorted(DIALECTS)), BODIES, st.sampled_from([200, 204, 307, 400, 404, 422, 429, 500]))
@settings(max_examples=150, deadline=None)
def test_whatever_a_server_sends_is_an_attempt_with_its_outcome(api: str, sent: bytes, code: int) -> None:
    compiled = compile_schema(Person)
    request = Request("m", (Message("user", TEXT),), response_schema=compiled.strict)
    step = start(request, partial(judge_record, decode=compiled.decode), Policy(), 0.0)
    stream = StreamReader(DIALECTS[api], lambda: 0.0, lambda: 0.0)
    for piece in (Head(code, {"content-type": "text/event-stream"}), b"data: " + sent + b"\n\n"):
        list(stream.feed(piece))
    for event in (read_reply(DIALECTS[api], code, {}, sent, 0.0, 0.0), stream.end()):
        after = step.receive(event, 0.0, 0.0)
        assert len(after.attempts) == 1
        assert not after.attempts[0].outcome.has_record
