"""What gateways and templates send in place of an answer: none of it is read as something else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Outcome, Run, ServiceError
from extractor.messages import Turns
from extractor.testing import ChatServer, ReceivedRequest, body, calls, reply, status
from tests.asking import ADA, TEXT, Person, extractor, run

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
                found = list(ex.rows(["a"], Person, run=Run(journal=str(tmp_path / "journal.sqlite"))))
            assert [o.outcome for o in found] == [Outcome.OK]
        assert len(server.requests) == 2


def test_turns_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="turns must be one of any, alternate, no_system"):
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
    assert first.problems[0].reason == "the server cut the reply off: Provider disconnected"
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
