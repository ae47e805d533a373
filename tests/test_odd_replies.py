"""Servers that answer oddly: what can be read is read, and everything else has its honest outcome."""

from __future__ import annotations

import gzip
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, create_model
from tenacity.wait import wait_none

from extractor import Extraction, Extractor, Outcome, Price, Run, ServiceError, Usage
from extractor.testing import ChatServer, ReceivedRequest, body, reply, status, use

ADA = '{"name": "Ada", "age": 36}'


class Person(BaseModel):
    name: str
    age: int


def envelope(choice: Any = None, **members: Any) -> dict[str, Any]:
    said = {"index": 0, "message": {"role": "assistant", "content": ADA}, "finish_reason": "stop"}
    return {"choices": [{**said, **(choice or {})}], **members}


def message(**members: Any) -> dict[str, Any]:
    return envelope({"message": {"role": "assistant", **members}})


def called(arguments: Any, content: str | None = None) -> dict[str, Any]:
    function = {"name": "Person", "arguments": arguments}
    return message(content=content, tool_calls=[{"id": "a", "type": "function", "function": function}])


def run(*answers: Any, **options: Any) -> Extraction[Person]:
    options = {"max_retries": 0, "max_repairs": 0, "retry_wait": wait_none(), **options}
    with ChatServer(list(answers)) as server, Extractor("m", base_url=server.base_url, **options) as ex:
        return ex.run(Person, "Ada is 36.")


@pytest.mark.parametrize(
    "answer",
    [
        envelope(usage=None),
        envelope(usage=[1]),
        envelope({"finish_reason": None}),
        envelope({"finish_reason": "eos"}),
        envelope({"finish_reason": 7}),
        envelope(id=7, model=None, created="x", error=None),
        message(content=[{"type": "text", "text": ADA}]),
        message(content=[{"type": "thinking", "thinking": [{"text": "{"}]}, {"type": "text", "text": ADA}]),
        message(
            content=[{"type": "reasoning", "text": '{"name": "?", "age": 1}'}, {"type": "text", "text": ADA}]
        ),
        message(content=json.loads(ADA)),
        message(content=ADA, refusal=""),
        message(content=ADA, tool_calls=None),
        message(content="\ufeff" + ADA),
        message(content=ADA + "\0"),
        called(ADA),
        called(json.loads(ADA)),
        called("", content=ADA),
        called(json.dumps(ADA)),
        called([json.loads(ADA)]),
        message(content=None, reasoning_content=ADA),
        message(content="", reasoning=ADA),
        message(content="", reasoning_content=f"\n```json\n{ADA}\n```\n"),
        message(content=ADA, reasoning_content='{"name": "Bob", "age": 7}'),
        {
            "choices": [
                *envelope({"index": 1, "message": {"content": "no"}})["choices"],
                *envelope()["choices"],
            ]
        },
    ],
    ids=range(24),
)
def test_what_can_be_read_is_read(answer: Any) -> None:
    result = run(body(json.dumps(answer)))
    assert (result.outcome, result.record) == (Outcome.OK, Person(name="Ada", age=36))


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 7}, Usage(5, 7)),
        ({"prompt_tokens": "5", "completion_tokens": "7"}, Usage(5, 7)),
        ({"prompt_tokens": 5.0, "completion_tokens": 7.0}, Usage(5, 7)),
        ({"prompt_tokens": -5, "completion_tokens": True}, Usage()),
        ({"prompt_tokens": 10**400, "completion_tokens": "9" * 400}, Usage()),
        ({"prompt_tokens": None, "completion_tokens": [7]}, Usage()),
        ({"prompt_tokens": 5, "prompt_tokens_details": []}, Usage(5)),
    ],
    ids=range(7),
)
def test_usages_are_numbers_of_tokens_however_they_are_written(usage: Any, tokens: Usage) -> None:
    assert run(body(json.dumps(envelope(usage=usage)))).usage == tokens


def test_more_cached_tokens_than_the_prompt_has_were_counted_apart_from_it() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 5_000}}
    result = run(body(json.dumps(envelope(usage=usage))), prices={"m": Price(1, 1, 0)})
    assert (result.usage, result.cost) == (Usage(5_005, 1, cached_tokens=5_000), Decimal("0.000006"))


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": -5, "completion_tokens": -7},
        {"prompt_tokens": True, "completion_tokens": True},
        {"prompt_tokens": 2**60, "completion_tokens": 2**60},
        {"total_tokens": 9},
        {"prompt_tokens": 0, "completion_tokens": 7},
        {"prompt_tokens": 9, "completion_tokens": 0},
        {"prompt_tokens": 9},
    ],
    ids=str,
)
def test_what_a_server_does_not_count_has_no_known_cost(usage: Any) -> None:
    assert run(body(json.dumps(envelope(usage=usage))), prices={"m": Price(1, 1)}).cost is None


def test_reasoning_that_is_counted_apart_from_the_completion_is_added_to_it() -> None:
    apart = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "completion_tokens_details": {"reasoning_tokens": 90},
    }
    within = {**apart, "completion_tokens": 94, "total_tokens": 103}
    for usage in (apart, {**apart, "total_tokens": 103}, {**apart, "total_tokens": 13}, within):
        told = run(body(json.dumps(envelope(usage=usage)))).usage
        assert told == Usage(9, 94, reasoning_tokens=90)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (envelope({"finish_reason": "length"}), Outcome.TRUNCATED),
        (envelope({"finish_reason": "MAX_TOKENS"}), Outcome.TRUNCATED),
        (envelope({"finish_reason": "model_length"}), Outcome.TRUNCATED),
        (envelope({"finish_reason": "error"}), Outcome.TRUNCATED),
        (envelope({"finish_reason": "cancelled"}), Outcome.TRUNCATED),
        (envelope({"finish_reason": "insufficient_system_resource"}), Outcome.TRUNCATED),
        (message(content=ADA, refusal="I can't"), Outcome.REFUSED),
        ({"choices": []}, Outcome.EMPTY),
        ({"choices": [None]}, Outcome.EMPTY),
        (envelope({"message": None}), Outcome.EMPTY),
        (message(content=None), Outcome.EMPTY),
        (called(""), Outcome.EMPTY),
        (called(None), Outcome.EMPTY),
        (message(content=None, reasoning_content=f"Perhaps {ADA}"), Outcome.EMPTY),
        (message(content="[" * 100_000), Outcome.INVALID_JSON),
        (message(content=f"[{ADA}, {ADA.replace('36', '37')}]"), Outcome.INVALID),
        ({"choices": None}, Outcome.TRANSPORT),
        ([], Outcome.TRANSPORT),
        (None, Outcome.TRANSPORT),
        ("hi", Outcome.TRANSPORT),
        ({"detail": "boom"}, Outcome.TRANSPORT),
        (envelope(error={"message": "boom"}), Outcome.TRANSPORT),
    ],
    ids=range(22),
)
def test_everything_else_has_its_outcome_and_is_paid_for_once(answer: Any, outcome: Outcome) -> None:
    result = run(body(json.dumps(answer)))
    assert (result.outcome, result.record, len(result.attempts)) == (outcome, None, 1)


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource"])
def test_a_reply_that_the_server_broke_off_is_asked_for_once_more(reason: str) -> None:
    broken, whole = body(json.dumps(envelope({"finish_reason": reason}))), body(json.dumps(envelope()))
    assert run(broken, whole, max_repairs=2).record == Person(name="Ada", age=36)
    assert len(run(broken, broken, broken, max_repairs=2).attempts) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (body("<html>Bad Gateway</html>", 502, "text/html"), "HTTP 502"),
        (body("<html>Sign in</html>", 200, "text/html"), "not with a chat completion"),
        (body("", 200), "not with a chat completion"),
        (body("", 302, headers={"location": "http://192.0.2.1/"}), "HTTP 302"),
        (body("[" * 100_000), "not with a chat completion"),
        (body(b"no gzip", headers={"content-encoding": "gzip"}), "could not be read"),
        (body('[{"error": {"code": 400, "message": "bad key"}}]', 400), "bad key"),
    ],
    ids=range(7),
)
def test_what_is_no_reply_at_all_is_a_service_error_with_what_it_said(answer: Any, said: str) -> None:
    error = run(answer).error
    assert isinstance(error, ServiceError)
    assert said in str(error)


def test_a_compressed_reply_is_unpacked() -> None:
    packed = gzip.compress(json.dumps(envelope()).encode())
    assert run(body(packed, headers={"content-encoding": "gzip"})).record == Person(name="Ada", age=36)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("nan", None), ("-5", None), ("1e999", None), ("²", None), (".", None),
     ("1.2.3", None), ("9" * 400, None), ("99999999", None), ("Wed, 21 Oct 9999 07:28:00 GMT", None),
     ("Wed, 99 Oct 2015 07:28:00 GMT", None), ("Wed, 21 Oct 2015 07:28:00 GMT", None)],
)  # fmt: skip
def test_what_a_service_asks_to_wait_is_understood_or_left(asked: str, seconds: float | None) -> None:
    error = run(status(429, retry_after=asked)).error
    assert isinstance(error, ServiceError)
    assert error.retry_after == seconds


KEY = "sk-a/b+c0123456789"


@pytest.mark.parametrize(
    "quoted", [KEY, KEY.replace("/", "\\/"), "sk-a%2Fb%2Bc0123456789", "x" * 490 + KEY], ids=range(4)
)
def test_a_key_in_an_errors_body_is_shown_nowhere(quoted: str) -> None:
    text = f'{{"error": {{"message": "wrong key {quoted}"}}}}' if len(quoted) < 99 else quoted
    error = run(body(text, 401), api_key=KEY).error
    assert isinstance(error, ServiceError)
    shown = (
        repr(error.attempts) + str(error) + str(error.attempts[0].failure and error.attempts[0].failure.body)
    )
    assert "***" in shown
    assert "0123456789" not in shown
    assert KEY[:8] not in shown


def test_a_web_page_in_place_of_a_stream_is_no_reply() -> None:
    page = body("<html>Sign in</html>", 200, "text/html")
    options: Any = {"max_retries": 1, "retry_wait": wait_none()}
    with ChatServer(page) as server, Extractor("m", base_url=server.base_url, **options) as ex:
        with pytest.raises(ServiceError, match="not with a chat completion: '<html>Sign in</html>'"):
            list(ex.chat_stream([{"role": "user", "content": "Hello"}]))
        assert len(server.requests) == 2


def test_pings_and_a_streams_usage_need_no_choices() -> None:
    pieces = [
        {},
        {"type": "ping"},
        {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]},
        {"choices": None, "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
    ]
    events = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + "data: [DONE]\n\n"
    with (
        ChatServer(body(events, 200, "text/event-stream")) as server,
        Extractor("m", base_url=server.base_url) as ex,
    ):
        *_, last = ex.chat_stream([{"role": "user", "content": "Hello"}])
    assert last.completion is not None
    assert (last.completion.content, last.completion.usage) == ("Hi", Usage(5, 1))


BOB = '{"name": "Bob", "age": 7}'


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (message(content=f'{{"Person": {ADA}}}'), "the record stood under 'Person'"),
        (message(content=ADA.replace("}", ",}")), "trailing commas"),
        (message(content=None, reasoning_content=ADA), "the record was in reasoning_content"),
        (called(json.dumps(ADA)), "JSON in a string (the whole)"),
        (message(content=ADA), None),
        (message(content=f"Here: {ADA}"), None),
    ],
    ids=range(6),
)
def test_the_attempt_tells_how_a_reply_was_read_that_is_not_plain(answer: Any, note: str | None) -> None:
    attempt = run(body(json.dumps(answer))).attempts[0]
    assert (attempt.note is None) if note is None else (note in (attempt.note or ""))
    strictly = run(body(json.dumps(answer)), strict_reading=True)
    assert strictly.attempts[0].note is None
    assert (strictly.record is None) == (note is not None)


def test_members_that_the_schema_does_not_have_are_told() -> None:
    attempt = run(body(json.dumps(message(content=ADA.replace("}", ', "why": "so"}'))))).attempts[0]
    assert attempt.note == "members that the schema does not have: /why"


def test_two_answers_are_asked_for_again_and_so_is_the_whole() -> None:
    two = body(json.dumps(message(content=f"{ADA} or {BOB}")))
    result = run(two, body(json.dumps(message(content=BOB))), max_repairs=1)
    assert (result.outcome, result.record) == (Outcome.REPAIRED, Person(name="Bob", age=7))
    assert "2 different answers" in str(result.attempts[0].problems[0])
    assert "2 different answers" in str(result.attempts[1].request.messages[-1].content)


@pytest.mark.parametrize("arguments", ["null", '""', "", "{}", '"{}"'])
def test_a_call_of_what_has_no_members_needs_no_arguments(arguments: str) -> None:
    nothing = create_model("Person")
    answer = body(json.dumps(called(arguments)))
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        assert ex.run(nothing, "Ada").record == nothing()
        (call,) = ex.chat([{"role": "user", "content": "?"}], tools=[nothing]).tool_calls
    assert call.function.parsed_arguments == nothing()


def test_a_call_may_say_how_a_reply_is_read() -> None:
    answer = body(json.dumps(message(content=json.dumps({"name": "Ada", "age": "1,036"}))))
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        assert ex.run(Person, "Ada").record is None
        assert ex.run(Person, "Ada", read_values=True).record == Person(name="Ada", age=1036)
        assert ex.parse([{"role": "user", "content": "Ada"}], Person, read_values=True).parsed.age == 1036
    wrapped = body(json.dumps(message(content=f"[{ADA}]")))
    with ChatServer(wrapped) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        assert ex.run(Person, "Ada").record == Person(name="Ada", age=36)
        assert ex.run(Person, "Ada", strict_reading=True).record is None


def test_an_answer_with_a_part_alone_is_no_answer_with_the_whole() -> None:
    class Loose(BaseModel):
        name: str | None = None
        age: int | None = None

    answers = [message(content='{"name": "Ada", "age": "old"}'), message(content='{"name": "Bob"}')]
    with (
        ChatServer([body(json.dumps(each)) for each in answers]) as server,
        Extractor("m", base_url=server.base_url, max_repairs=1) as ex,
    ):
        result = ex.run(Loose, "Ada is 36.")
    assert (result.outcome, result.record) == (Outcome.INVALID, None)


@pytest.mark.parametrize(
    "text",
    [
        f'<think>{{"value": [{BOB}, {BOB}',
        f'{{"value": [{BOB}]}} {{"value": [{ADA}, {ADA}',
        f'{{"a": {{"value": [{ADA}, {ADA}',
    ],
)
def test_the_rest_of_a_list_is_asked_for_where_it_is_the_answer_that_was_cut_off(text: str) -> None:
    cut = body(json.dumps(envelope({"message": {"content": text}, "finish_reason": "length"})))
    with ChatServer([cut, cut]) as server, Extractor("m", base_url=server.base_url, max_tokens=9) as ex:
        result = ex.run(list[Person], "Ada")
    assert result.record is None
    assert [attempt.request.messages[-1].content for attempt in result.attempts] == ["Ada", "Ada"]


MIXED = {
    ADA: True,
    f'{{"Person": {ADA}}}': True,
    f"[{ADA},]": True,
    f"<think>{BOB}</think>{ADA}": True,
    f"{ADA}<think>{BOB}</think>": True,
    json.dumps(ADA): True,
    f"{ADA} or {BOB}": False,
    f"<think>{ADA}": False,
    '{"name": "Ada", "age": 3,6}': False,
    f'{{"name": None, "sub": {ADA}}}': False,
    "": False,
}


@pytest.mark.slow
def test_in_bulk_every_row_is_settled_and_a_second_run_asks_nothing(tmp_path: Path) -> None:
    texts = [f"{i} {text}" for i, text in enumerate(list(MIXED) * 4)]

    def answer(request: ReceivedRequest) -> Any:
        text = request.json["messages"][-1]["content"].partition(" ")[2]
        return body(json.dumps(message(content=text)))

    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        for asked in (len(texts), 0):
            before = len(server.requests)
            results = list(ex.rows(texts, Person, run=Run(journal=tmp_path / "journal")))
            assert [result.record for result in results] == [
                Person(name="Ada", age=36) if good else None for good in list(MIXED.values()) * 4
            ]
            assert len(server.requests) - before == asked


def test_a_whole_answer_that_repeats_a_nested_mistake_is_told_that_mistake() -> None:
    class Team(BaseModel):
        title: str
        lead: Person

    said = message(content='{"title": "A", "lead": {"name": "Ada", "age": "old"}}')
    with (
        ChatServer([body(json.dumps(said))] * 2) as server,
        Extractor("m", base_url=server.base_url, max_repairs=1) as ex,
    ):
        result = ex.run(Team, "Ada")
    assert [attempt.problems[0].pointer for attempt in result.attempts] == ["/lead/age", "/lead/age"]
    assert all("integer" in attempt.problems[0].reason for attempt in result.attempts)


def test_where_a_part_was_asked_for_and_the_whole_is_given_the_whole_counts() -> None:
    def repaired(second: str) -> Extraction[Person]:
        return run(reply('{"name": "Ada", "age": "old"}'), reply(second), max_repairs=1)

    changed = repaired('{"name": "Ada L.", "age": 36}')
    assert changed.record == Person(name="Ada L.", age=36)
    assert "different values" in (changed.attempts[-1].note or "")
    assert repaired('{"name": null, "age": 36}').record == Person(name="Ada", age=36)
    assert repaired('{"age": 36}').record == Person(name="Ada", age=36)


@pytest.mark.parametrize(
    "second",
    [
        '{"value": [{"name": "Grace", "age": 40}]}',
        '[{"name": "Grace", "age": 40}]',
        '{"name": "Grace", "age": 40}',
        '```json\n{"name": "Grace", "age": 40}\n```',
    ],
)
def test_a_repair_of_one_item_never_loses_the_others(second: str) -> None:
    first = (
        '{"value": [{"name": "Ada", "age": 36}, {"name": "Grace", "age": "x"}, {"name": "Kay", "age": 9}]}'
    )
    third = '{"value_1_age": 40}'
    answers = [body(json.dumps(message(content=each))) for each in (first, second, third)]
    with ChatServer(answers) as server, Extractor("m", base_url=server.base_url, max_repairs=2) as ex:
        result = ex.run(list[Person], "Ada, 36, Grace, 40, and Kay, 9")
    assert result.record == [
        Person(name="Ada", age=36),
        Person(name="Grace", age=40),
        Person(name="Kay", age=9),
    ]


def test_a_whole_answer_that_has_lost_items_gives_only_what_it_was_asked_for() -> None:
    class Order(BaseModel):
        number: int
        lines: list[str]

    answers = ['{"number": "x", "lines": ["tea", "cake"]}', '{"number": 7, "lines": ["tea"]}']
    with (
        ChatServer([body(json.dumps(message(content=each))) for each in answers]) as server,
        Extractor("m", base_url=server.base_url, max_repairs=1) as ex,
    ):
        result = ex.run(Order, "Order 7: tea, cake")
    assert result.record == Order(number=7, lines=["tea", "cake"])
    assert "settled fields were kept" in (result.attempts[-1].note or "")


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (int, "true", "is true, where a number was asked for"),
        (float | None, "false", "is false, where a number was asked for"),
        (Literal[1, 2], "true", "is true, where a number was asked for"),
        (datetime, '"2026"', "is the number 2026, where a date or time was asked for"),
        (datetime | None, '"20260403"', "is the number 20260403, where a date or time was asked for"),
        (date, "0", "is the number 0, where a date or time was asked for"),
        (time, "1030", "is the number 1030, where a date or time was asked for"),
        (float, "1e999", "is inf, where a finite number was asked for"),
        (float, '"-inf"', "is -inf, where a finite number was asked for"),
        (timedelta, "90", "is 90, which has no unit, where a duration was asked for"),
        (timedelta | None, '"05:06"', "is 05:06, in hours or in minutes, where a duration was asked for"),
        (IPv4Address, "true", "is true, where an address was asked for"),
        (IPv4Address | None, "1234", "is 1234, where an address was asked for"),
    ],
)
def test_what_pydantic_would_make_another_value_of_is_asked_for_again(
    kind: Any, value: str, reason: str
) -> None:
    record_type = create_model("Value", value=(kind, ...))
    answer = body(json.dumps(message(content=f'{{"value": {value}}}')))
    with ChatServer([answer]) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        result = ex.run(record_type, "a text")
    assert result.outcome is Outcome.INVALID
    assert [(each.pointer, each.reason) for each in result.attempts[0].problems] == [("/value", reason)]


class Member(BaseModel):
    name: str
    age: int
    born: date | None = None
    fee: float | None = None


def repaired(*answers: str) -> Extraction[Member]:
    with (
        ChatServer([reply(each) for each in answers]) as server,
        Extractor("m", base_url=server.base_url, max_repairs=1) as ex,
    ):
        return ex.run(Member, "a text")


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        (
            '{"name": "Ada", "age": "old", "born": null, "amount": 5}',
            '{"age": 36}',
            "members that are missing: /fee; members that the schema does not have: /amount",
        ),
        (
            '{"name": "null", "age": "old", "born": null, "fee": null}',
            '{"age": 36}',
            "texts that may mean null: /name",
        ),
        (
            '{"name": "Ada", "age": "old", "born": null, "fee": "5"}',
            '{"age": "36"}',
            "values of another type than asked for: /age, /fee",
        ),
    ],
)
def test_what_a_rejected_reply_left_in_doubt_is_still_noted_once_the_rest_is_repaired(
    first: str, second: str, note: str
) -> None:
    result = repaired(first, second)
    assert (result.outcome, result.attempts[-1].note) == (Outcome.REPAIRED, note)


@pytest.mark.parametrize(("member", "value"), [("born", 0), ("born", "2026"), ("fee", True)])
def test_a_value_that_would_become_another_is_asked_for_with_what_else_is_wrong(
    member: str, value: Any
) -> None:
    first = {"name": "Ada", "age": "old", "born": None, "fee": None, member: value}
    result = repaired(json.dumps(first), json.dumps({"age": 36, member: None}))
    assert [each.pointer for each in result.attempts[0].problems] == ["/age", f"/{member}"]
    assert (result.outcome, result.record) == (Outcome.REPAIRED, Member(name="Ada", age=36))
    whole = repaired(json.dumps(first), json.dumps({**first, "age": 36}))
    assert (whole.outcome, [each.pointer for each in whole.attempts[1].problems]) == (
        Outcome.INVALID,
        [f"/{member}"],
    )


def test_of_an_answer_that_gives_some_of_what_was_asked_for_that_is_kept() -> None:
    first = '{"name": "Ada", "age": "old", "born": 0, "fee": null}'
    with (
        ChatServer([reply(each) for each in (first, '{"age": 36}', '{"born": null}')]) as server,
        Extractor("m", base_url=server.base_url, max_repairs=2) as ex,
    ):
        result = ex.run(Member, "a text")
    assert [[each.pointer for each in attempt.problems] for attempt in result.attempts] == [
        ["/age", "/born"],
        ["/born"],
        [],
    ]
    assert (result.outcome, result.record) == (Outcome.REPAIRED, Member(name="Ada", age=36))


def test_all_values_that_would_become_others_are_asked_for_at_once() -> None:
    first = '{"name": "Ada", "age": true, "born": null, "fee": false}'
    result = repaired(first, '{"age": 36, "fee": null}')
    assert [each.pointer for each in result.attempts[0].problems] == ["/age", "/fee"]
    assert (result.outcome, result.record) == (Outcome.REPAIRED, Member(name="Ada", age=36))


def test_a_number_that_is_given_as_a_text_is_read_and_noted() -> None:
    result = run(reply('{"name": "Ada", "age": "36"}'))
    assert (result.outcome, result.record) == (Outcome.OK, Person(name="Ada", age=36))
    assert "values of another type than asked for: /age" in (result.attempts[0].note or "")


class Visit(BaseModel):
    guest: str
    paid: bool
    remark: str | None
    nights: dict[str, int] = {}
    stars: Literal["many", 2, True, None] = None
    came: datetime | None = None


@pytest.mark.parametrize(
    ("changed", "note"),
    [
        ({"paid": 1}, "values of another type than asked for: /paid"),
        ({"remark": "null"}, "texts that may mean null: /remark"),
        ({"guest": "None"}, "texts that may mean null: /guest"),
        ({"guest": "string"}, "texts that may be placeholders: /guest"),
        ({"remark": "…"}, "texts that may be placeholders: /remark"),
        ({"remark": "Z\ufffdrich"}, "texts with characters that could not be read: /remark"),
        ({"came": "2026-03-02"}, "dates whose time is not told and became midnight: /came"),
        ({"stars": 1}, "values of another type than asked for: /stars"),
    ],
)
def test_a_value_that_may_be_another_than_the_model_meant_is_noted(
    changed: dict[str, Any], note: str
) -> None:
    said = {"guest": "Ada", "paid": True, "remark": None, "nights": [], "stars": None, "came": None} | changed
    with ChatServer([reply(said)]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Visit, "a text")
    assert (result.outcome, [str(each) for each in result.notes]) == (Outcome.OK, [note])


def test_an_empty_map_is_read_as_no_entries() -> None:
    answer = reply({"guest": "Ada", "paid": True, "remark": None, "nights": {}})
    with ChatServer([answer]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Visit, "a text")
    assert (result.outcome, result.record) == (Outcome.OK, Visit(guest="Ada", paid=True, remark=None))


class Place(BaseModel):
    at: tuple[float, float]
    before: tuple[float, str] | None = None
    way: list[tuple[int, int]] = []


def test_a_tuple_that_is_given_as_a_list_is_read_and_noted() -> None:
    answer = reply({"at": [47.5, 7.6], "before": [1.5, "km"], "way": [[1, 2], [3, 4]]})
    with ChatServer([answer]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Place, "a text")
    assert result.record == Place(at=(47.5, 7.6), before=(1.5, "km"), way=[(1, 2), (3, 4)])
    note = "read with tolerance: a list as the places of a tuple (/at, /before, /way/0, …)"
    assert [str(each) for each in result.notes] == [note]


@pytest.mark.parametrize("at", [[47.5], [47.5, 7.6, 1.0], [47.5, "east"], []])
def test_a_list_that_is_no_such_tuple_is_asked_for_again(at: list[Any]) -> None:
    answer = reply({"at": at, "before": None, "way": []})
    with ChatServer([answer]) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        assert ex.run(Place, "a text").outcome is Outcome.INVALID


def test_a_member_that_was_left_out_though_it_has_a_default_is_noted() -> None:
    answer = reply({"guest": "Ada", "paid": True, "remark": None})
    with ChatServer([answer]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Visit, "a text")
    assert result.record == Visit(guest="Ada", paid=True, remark=None)
    assert [str(each) for each in result.notes] == ["members that are missing: /nights, /stars, /came"]


NINES = "9" * 400


@pytest.mark.parametrize("value", [NINES, f'"{NINES}"', f"-{NINES}", '"1e999"'])
def test_a_number_that_a_float_has_only_as_infinity_is_asked_for_again(value: str) -> None:
    asked = [f'{{"value": {value}}}', '{"value": 5}']
    with ChatServer([body(json.dumps(message(content=each))) for each in asked]) as server, use(server):
        result = Extractor("openai:gpt-5-mini").run(create_model("Value", value=(float, ...)), "a text")
    assert result.outcome is Outcome.REPAIRED
    [problem] = result.attempts[0].problems
    assert problem.pointer == "/value"
    assert "where a finite number was asked for" in problem.reason


@pytest.mark.parametrize(
    ("kind", "value"), [(Decimal, "36.5"), (Decimal, NINES), (int, NINES), (float, "1e300")]
)
def test_a_number_that_the_type_can_hold_is_read(kind: Any, value: str) -> None:
    answer = body(json.dumps(message(content=f'{{"value": {value}}}')))
    with ChatServer([answer]) as server, use(server):
        result = Extractor("openai:gpt-5-mini").run(create_model("Value", value=(kind, ...)), "a text")
    assert result.unwrap().value == kind(value)


@pytest.mark.parametrize(
    ("said", "note"),
    [
        (
            '{"name": "Ada", "age": 36}\n{"name": "Bob"}',
            "an object beside the record was left out, with name",
        ),
        (
            '{"note": "a guess"} {"name": "Ada", "age": 36}',
            "an object beside the record was left out, with note",
        ),
        (
            '{"name": "Ada", "age": 36} and [{"name": "Bob", "age": "?"}, {"name": "Cid"}]',
            "a list of objects beside the record was left out, with name, age",
        ),
        ('{"name": "Ada", "age": 36}\nSee [1] and [2, 3].', None),
        ('{"name": "Ada", "age": 36}\n{"name": "Ada", "age": 36.0}', None),
    ],
)
def test_what_stands_beside_the_record_and_is_left_out_is_noted(said: str, note: str | None) -> None:
    result = run(reply(said))
    assert (result.record, result.attempts[0].note) == (Person(name="Ada", age=36), note)


@pytest.mark.parametrize(
    ("second", "noted"), [('{"name": "Bob", "age": 4}', True), ('{"age": 36, "name": "Ada"}', False)]
)
def test_choices_that_differ_are_noted(second: str, noted: bool) -> None:
    with ChatServer(reply('{"name": "Ada", "age": 36}', second)) as server, use(server):
        result = Extractor("openai:gpt-5-mini").run(Person, "Ada is 36", n=2)
    assert result.record == Person(name="Ada", age=36)
    assert ("the 2 choices of the reply differ, and the first was taken" in result.notes) is noted


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_word_that_is_no_number_in_json_is_named(word: str) -> None:
    result = run(reply(f'{{"name": "Ada", "age": {word}}}'))
    assert result.attempts[0].problems[0].reason == f"is no JSON: {word} is no number in JSON"
