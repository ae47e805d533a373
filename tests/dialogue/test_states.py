"""A dialogue: what follows on what, and that it ends."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity.wait import wait_fixed

from extractor.dialogue import Ask, Policy, Step, judge_record, start
from extractor.dialogue.wording import INSIST
from extractor.errors import Empty, Filtered, Invalid, InvalidJSON, Problem, Refused, ServiceError, Truncated
from extractor.messages import Choice, Completion, Failure, FailureKind, Message, Outcome, Request, Usage
from extractor.results import Extraction

FIRST = Request("m", (Message("system", "task"), Message("user", "Ada is 36.")), {"max_tokens": 100})
SPENT = Usage(prompt_tokens=10, completion_tokens=2)


def age(text: str) -> int:
    """A decoder as the schema room gives them: an integer of at most 150."""
    try:
        value = int(text)
    except ValueError:
        raise InvalidJSON("no JSON", [Problem("", "not a number", text, "json_invalid")]) from None
    if value > 150:
        raise Invalid("too old", [Problem("/age", "nobody is that old", value, "less_than_equal")])
    return value


def said(
    text: str | None, finish_reason: str = "stop", refusal: str | None = None, usage: Usage | None = SPENT
) -> Completion:
    message = Message("assistant", text, refusal=refusal)
    return Completion(choices=(Choice(message, finish_reason),), usage=usage, request_id="req-1", latency=0.5)


def status(code: int, retry_after: float | None = None, error: str | None = None) -> Failure:
    return Failure(FailureKind.STATUS, "no", status=code, code=error, retry_after=retry_after)


def begin(now: float = 0.0, **policy: Any) -> Ask[int]:
    return start(FIRST, lambda reply, patch: judge_record(reply, patch, age), Policy(**policy), now)


def tell(step: Step[int], *events: Completion | Failure, now: float = 0.0) -> Step[int]:
    for event in events:
        assert isinstance(step, Ask), f"ended before {event}"
        step = step.receive(event, now, 0.0)
    return step


def end(step: Step[int]) -> Extraction[int]:
    assert isinstance(step, Extraction), f"would go on: {step}"
    return step


def test_a_good_first_reply_is_the_record() -> None:
    result = end(tell(begin(), said("36")))
    assert (result.outcome, result.record, result.usage, result.raw) == (Outcome.OK, 36, SPENT, "36")
    [attempt] = result.attempts
    assert (attempt.request, attempt.request_id, attempt.latency, attempt.finish_reason) == (
        FIRST, "req-1", 0.5, "stop",
    )  # fmt: skip


def test_an_invalid_reply_goes_back_with_the_pointer_the_reason_and_the_rejected_value() -> None:
    step = tell(begin(), said("360"))
    assert isinstance(step, Ask)
    *unchanged, reply, complaint = step.request.messages
    assert (tuple(unchanged), reply) == (FIRST.messages, Message("assistant", "360"))
    assert "- /age: nobody is that old. Rejected value: 360" in str(complaint.content)
    repaired = end(tell(step, said("36")))
    assert (repaired.outcome, repaired.record) == (Outcome.REPAIRED, 36)
    assert [a.outcome for a in repaired.attempts] == [Outcome.INVALID, Outcome.OK]
    assert repaired.usage == Usage(20, 4)


def test_the_prompt_of_the_last_repair_is_no_longer_than_that_of_the_first() -> None:
    lengths, step = [], tell(begin(max_repairs=5), said("360"))
    for number in range(361, 365):
        assert isinstance(step, Ask)
        lengths.append(sum(len(str(m.content)) for m in step.request.messages))
        step = tell(step, said(str(number)))
    assert len(set(lengths)) == 1


@pytest.mark.parametrize("reply", ["360", "not a number"])
def test_a_repair_that_did_not_help_is_never_sent_again_as_it_was(reply: str) -> None:
    first = tell(begin(max_repairs=9), said(reply))
    second = tell(first, said(reply))
    assert isinstance(first, Ask)
    assert isinstance(second, Ask)
    before, after = (str(step.request.messages[-1].content) for step in (first, second))
    assert after == f"{before}\n{INSIST}"
    assert len(end(tell(second, said(reply))).attempts) == 3, "the same answer a third time is final"
    other = tell(second, said("361"))
    assert isinstance(other, Ask)
    assert INSIST not in str(other.request.messages[-1].content), (
        "another answer is told what is wrong with it"
    )


def test_a_repair_that_a_broken_connection_answered_is_sent_again_as_it_was() -> None:
    first = tell(begin(), said("360"))
    again = tell(first, status(503))
    assert isinstance(first, Ask)
    assert isinstance(again, Ask)
    assert again.request == first.request


@pytest.mark.parametrize(
    ("reply", "error", "requests"),
    [
        (said("not a number"), InvalidJSON, 3),
        (said("999"), Invalid, 3),
        (said(None, refusal="I can't help with that."), Refused, 1),
        (said(None, "content_filter"), Filtered, 1),
        (said("3", "content_filter"), Filtered, 1),
        (said("3", "length"), Truncated, 2),
        (said(""), Empty, 2),
        (said(" \n"), Empty, 2),
        (Completion(usage=SPENT), Empty, 2),
        (status(500), ServiceError, 5),
        (status(429), ServiceError, 5),
        (status(408), ServiceError, 5),
        (status(409), ServiceError, 5),
        (Failure(FailureKind.CONNECT, "no"), ServiceError, 5),
        (Failure(FailureKind.TIMEOUT, "no"), ServiceError, 5),
        (Failure(FailureKind.DROPPED, "no"), ServiceError, 5),
        (Failure(FailureKind.PROTOCOL, "no"), ServiceError, 1),
        (status(400), ServiceError, 1),
        (status(401), ServiceError, 1),
        (status(429, error="insufficient_quota"), ServiceError, 1),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_each_failure_has_its_class_and_its_number_of_requests(
    reply: Completion | Failure, error: type[Exception], requests: int
) -> None:
    step: Step[int] = begin(max_repairs=2, max_retries=4)
    while isinstance(step, Ask):
        step = step.receive(reply, 0.0, 0.0)
    assert type(step.error) is error
    assert len(step.attempts) == requests
    assert step.record is None
    paid = requests if isinstance(reply, Completion) else 0
    assert step.usage == Usage(10 * paid, 2 * paid)
    assert step.error.attempts == step.attempts  # type: ignore[union-attr]
    assert repr(pickle.loads(pickle.dumps(step.error))) == repr(step.error)
    with pytest.raises(error):
        step.unwrap()


def test_a_truncated_reply_is_asked_for_again_with_twice_the_tokens() -> None:
    step = tell(begin(), said("3", "length"))
    assert isinstance(step, Ask)
    assert (step.request.params, step.request.messages) == ({"max_tokens": 200}, FIRST.messages)
    assert end(tell(step, said("36"))).record == 36


def test_where_no_limit_was_given_a_truncated_reply_is_not_paid_for_again() -> None:
    judge = lambda reply, patch: judge_record(reply, patch, age)  # noqa: E731
    step = start(replace(FIRST, params={}), judge, Policy(), 0.0)
    assert end(tell(step, said("3", "length"))).outcome is Outcome.TRUNCATED


def test_a_value_that_fills_its_bound_counts_as_truncated() -> None:
    def cut(text: str) -> int:
        raise Invalid("cut", [Problem("/name", "200 characters long", text, "bound_reached")])

    step = start(FIRST, lambda reply, patch: judge_record(reply, patch, cut), Policy(max_repairs=0), 0.0)
    assert isinstance(end(tell(step, said("aaa"))).error, Truncated)


def test_after_a_value_that_ran_away_the_request_says_what_keeps_the_model_from_it() -> None:
    def cut(text: str) -> int:
        raise Invalid("cut", [Problem("/name", "200 characters long", text, "bound_reached")])

    policy = Policy(after_runaway={"dry_multiplier": 0.8, "top_k": 1})
    first = replace(FIRST, params={"extra_body": {"top_k": 5}})
    step = start(first, lambda reply, patch: judge_record(reply, patch, cut), policy, 0.0)
    again = tell(step, said("aaa"))
    assert isinstance(again, Ask)
    assert again.request.params == {"extra_body": {"dry_multiplier": 0.8, "top_k": 5}}
    invalid = tell(begin(after_runaway={"dry_multiplier": 0.8}), said("old"))
    assert isinstance(invalid, Ask)
    assert invalid.request.params == FIRST.params


def test_what_the_service_asks_to_wait_is_waited_and_never_less() -> None:
    step = tell(begin(wait=wait_fixed(1)), status(429, retry_after=7.0))
    assert isinstance(step, Ask)
    assert step.wait == 7.0
    assert isinstance(step, Ask)
    assert replace(step).receive(status(429, retry_after=7.0), 7.0, 0.99).wait >= 7.0  # type: ignore[union-attr]


def test_the_back_off_doubles_with_jitter_below_it() -> None:
    step, waits = begin(), []
    for _ in range(4):
        step = tell(step, status(503))  # type: ignore[assignment]
        waits.append(step.wait)
    assert waits == [0.25, 0.5, 1.0, 2.0]  # the lower half of 0.5, 1, 2, 4 seconds


def test_a_wait_that_passes_the_deadline_is_not_begun() -> None:
    result = end(tell(begin(deadline=60), status(429, retry_after=3600)))
    assert isinstance(result.error, ServiceError)
    assert "would exceed the deadline" in str(result.error)
    assert (result.error.status, result.error.retry_after) == (429, 3600)


def test_no_repair_is_begun_after_the_deadline() -> None:
    assert end(tell(begin(deadline=60), said("360"), now=61.0)).outcome is Outcome.INVALID


def test_each_request_may_take_what_is_left_until_the_deadline() -> None:
    step = begin(deadline=60, timeout=50)
    assert step.timeout == 50
    later = step.receive(said("360"), 45.0, 0.0)
    assert isinstance(later, Ask)
    assert later.timeout == 15


def test_retries_and_repairs_are_counted_apart() -> None:
    events = [status(503), said("360"), status(503), said("x"), said("36")]
    result = end(tell(begin(max_repairs=2, max_retries=2), *events))
    assert (result.outcome, len(result.attempts)) == (Outcome.REPAIRED, 5)


usages = st.none() | st.builds(
    Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)
)
replies = st.builds(
    said,
    st.none() | st.sampled_from(["36", "360", "", "{"]) | st.text(max_size=5),
    st.sampled_from(["stop", "length", "content_filter", "tool_calls", "eos"]),
    st.none() | st.just("no"),
    usages,
)
failures = st.builds(
    Failure,
    st.sampled_from(FailureKind),
    st.just("no"),
    status=st.none() | st.integers(300, 599),
    retry_after=st.none() | st.floats(0, 1000),
)


@pytest.mark.slow
@given(
    st.lists(st.tuples(replies | failures, st.floats(0, 50), st.floats(0, 0.999)), min_size=40, max_size=40),
    st.integers(0, 4),
    st.integers(0, 4),
    st.none() | st.floats(0.1, 300),
)
def test_whatever_arrives_a_dialogue_ends_within_its_attempts_and_deadline(
    events: list[tuple[Completion | Failure, float, float]],
    repairs: int,
    retries: int,
    deadline: float | None,
) -> None:
    now = 100.0
    step: Step[int] = begin(now, max_repairs=repairs, max_retries=retries, deadline=deadline)
    seen = []
    for event, seconds, chance in events:
        assert isinstance(step, Ask)
        now += step.wait
        assert deadline is None or now < 100.0 + deadline
        assert step.timeout > 0
        now += min(seconds, step.timeout)
        seen.append(event)
        step = step.receive(event, now, chance)
        if isinstance(step, Extraction):
            break
    result = end(step)
    assert len(result.attempts) == len(seen) <= 1 + repairs + retries
    reported = [e.usage for e in seen if isinstance(e, Completion) and e.usage]
    assert result.usage == sum(reported, Usage())
    assert result.outcome.has_record == (result.error is None)
    assert deadline is None or now <= 100.0 + deadline + 1e-6
