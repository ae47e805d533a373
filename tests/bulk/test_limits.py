"""Concurrency, pauses and rates hold, whatever comes in whatever order."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.limits.rates import Bucket, Concurrency, Limits, Rates, TokenEstimate
from extractor.quotas import Quota


def limits(ceiling: int = 64, limit: float = 8) -> Limits:
    return Limits(Concurrency(ceiling, limit))


@given(
    st.integers(1, 100),
    st.lists(
        st.sampled_from(["admit", "fine", "throttled", "overloaded", "tick", "take back"]), max_size=300
    ),
    st.sampled_from([None, 0.5, 3.0]),
)
def test_no_more_are_in_flight_than_may_be_and_none_goes_out_in_a_pause(
    ceiling: int, events: list[str], retry_after: float | None
) -> None:
    now, held = 0.0, limits(ceiling)
    for event in events:
        match event:
            case "tick":
                now += 0.3
            case "admit":
                before, paused = held.in_flight, held.paused_until > now
                if held.admit(10, now) == 0:
                    assert before < held.limit <= ceiling
                    assert not paused
            case _ if not held.in_flight:
                continue
            case "take back":
                held.take_back(10)
            case _:
                held.settle(10, 10)
                if event == "fine":
                    held.succeeded(0.1)
                elif event == "overloaded":
                    held.overloaded()
                else:
                    held.throttled(retry_after, now, now, 0.5)
                    assert held.paused_until >= now + (retry_after or 0)
        assert 0 <= held.in_flight <= ceiling
        assert 1 <= held.limit <= ceiling


@given(st.lists(st.sampled_from(["ok", "throttled"]), max_size=300), st.integers(1, 64))
def test_whatever_came_before_a_quiet_service_is_asked_as_much_as_may_be_again(
    events: list[str], ceiling: int
) -> None:
    concurrency = Concurrency(ceiling)
    for event in events:
        concurrency.note(event == "throttled", 0.1)
    for _ in range(100 * ceiling):
        concurrency.note(False, 0.1)
    assert concurrency.limit == ceiling


def test_a_service_that_bears_eight_is_soon_asked_about_eight_at_once() -> None:
    concurrency, history = Concurrency(64, limit=64), list[float]()
    for _ in range(200):
        asked = int(concurrency.limit)
        for nth in range(asked):
            concurrency.note(nth >= 8, 0.1)
        history.append(asked)
    assert sum(history[20:]) / len(history[20:]) < 16
    assert min(history[20:]) >= 2


def test_throttling_that_does_not_depend_on_us_does_not_bring_the_limit_down() -> None:
    concurrency, history = Concurrency(64), list[float]()
    for nth in range(20_000):
        concurrency.note(nth % 10 in (1, 4, 7), 0.1)
        history.append(concurrency.limit)
    assert sum(history[1000:]) / len(history[1000:]) > 32


def test_a_service_that_slows_down_is_not_asked_more() -> None:
    concurrency = Concurrency(64)
    for _ in range(8):
        concurrency.note(False, 0.1)
    before = concurrency.limit
    for _ in range(64):
        concurrency.note(False, 0.5)
    assert concurrency.limit == before


def test_a_429_pauses_all_for_as_long_as_it_says() -> None:
    held = limits()
    assert held.admit(1, 0.0) == held.admit(1, 0.0) == 0
    held.settle(1)
    held.throttled(7.0, 0.0, 1.0, 0.5)
    assert held.admit(1, 2.0) == 6.0
    assert held.admit(1, 8.0) == 0


def test_pauses_of_unknown_length_double_until_something_succeeds() -> None:
    held, now, pauses = limits(), 0.0, []
    for _ in range(4):
        held.throttled(None, now, now, 1.0)
        pauses.append(held.paused_until - now)
        now = held.paused_until
    held.succeeded(0.1)
    held.throttled(None, now, now, 1.0)
    pauses.append(held.paused_until - now)
    assert [round(pause, 6) for pause in pauses] == [0.1, 0.2, 0.4, 0.8, 0.1]


def test_429s_of_one_wave_make_one_pause() -> None:
    held = limits()
    for came in (1.0, 1.01, 1.02):
        held.throttled(None, 0.5, came, 1.0)
    assert held.paused_until == 1.1
    held.throttled(None, 0.5, 1.2, 1.0)  # sent before the pause, answered after it
    assert held.paused_until == 1.1


@given(st.integers(1, 2000), st.lists(st.floats(0, 2), max_size=400))
def test_a_given_limit_is_not_passed_in_any_minute(limit: int, waits: list[float]) -> None:
    bucket, now, taken = Bucket.of_minute(limit, 0.0), 0.0, list[float]()
    for wait in waits:
        now += wait
        while bucket.wait(1, now) == 0 and len(taken) < 5000:
            bucket.take(1)
            taken.append(now)
    for first, last in zip(taken, taken[limit:], strict=False):
        assert last - first >= 60 - 1e-6


@given(st.integers(1, 10_000), st.floats(1, 50_000))
def test_even_a_request_larger_than_the_limit_is_let_through_in_the_end(limit: int, tokens: float) -> None:
    bucket = Bucket.of_minute(limit, 0.0)
    bucket.take(tokens)
    wait = bucket.wait(tokens, 0.0)
    assert wait < math.inf
    assert bucket.wait(tokens, wait + 0.001) < 1e-3


def test_tokens_that_were_reserved_and_not_used_are_given_back() -> None:
    held = Limits(Concurrency(64), Rates({"tokens": Bucket.of_minute(12_000, 0.0)}))  # 1,000 at once
    assert held.admit(1000, 0.0) == 0
    assert held.admit(1000, 0.0) > 0
    held.settle(1000, 0)
    assert held.admit(1000, 0.0) == 0


def test_a_limit_told_in_headers_is_kept_to() -> None:
    held = limits()
    held.learn([Quota("requests", 60, 2, 58.0)], 0.0)
    assert [held.admit(1, 0.0) == 0 for _ in range(3)] == [True, True, False]
    assert held.admit(1, 1.01) == math.inf  # the seed: no more at once than there were left
    held.settle(1)
    assert held.admit(1, 1.01) == 0


def test_a_limit_that_changes_in_a_run_is_not_believed_any_more() -> None:
    held = limits()
    for limit in (100, 50, 100):
        held.learn([Quota("tokens", limit, 0, 60.0)], 0.0)
    assert held.admit(1000, 0.0) == 0


def test_what_a_request_takes_is_learned() -> None:
    estimate = TokenEstimate()
    assert estimate.of(400) == 100 + 256
    for _ in range(200):
        estimate.learn(400, 200, 20)
    assert round(estimate.of(400)) == 220
