"""Several answers to one question: which is taken, and how far the others agree with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ServiceError
from extractor.evaluation.votes import agreed
from extractor.messages import Attempt, Message, Outcome, Request, Usage
from extractor.results import Extraction

ASKED = Request("m", (Message("user", "?"),))
LEAVES = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "A ", "b", "3"])
RECORDS = st.dictionaries(
    st.sampled_from(["x", "y", "z"]),
    LEAVES | st.lists(st.dictionaries(st.sampled_from(["p", "q"]), LEAVES, max_size=2), max_size=3),
    max_size=3,
)


def answer(record: Any, outcome: Outcome = Outcome.OK) -> Extraction[Any]:
    attempt = Attempt(ASKED, outcome, "m", usage=Usage(3, 1), cost=Decimal("0.5"))
    return Extraction(outcome, (attempt,), record)


def no_answer(outcome: Outcome) -> Extraction[Any]:
    attempt = Attempt(ASKED, outcome, "m", usage=Usage(3, 1))
    return Extraction(outcome, (attempt,), error=ServiceError("no"))


def agreement(*records: Any) -> dict[str, float]:
    measured = agreed([answer(record) for record in records]).measured
    assert measured is not None
    return dict(measured.agreement)


def test_the_answer_that_most_others_agree_with_is_taken() -> None:
    result = agreed([answer({"x": 1, "y": "a"}), answer({"x": 2, "y": "b"}), answer({"x": 2, "y": "a"})])
    assert result.record == {"x": 2, "y": "a"}
    assert result.measured is not None
    assert result.measured.agreement == {"/x": pytest.approx(2 / 3), "/y": pytest.approx(2 / 3)}


def test_an_answer_that_leaves_out_what_most_others_say_is_not_taken() -> None:
    answers = [["pen"], ["pen", "ink"], ["pen", "ink"]]
    for order in permutations(answers):
        assert agreed([answer({"what": what, "n": 2}) for what in order]).record == {
            "what": answers[1],
            "n": 2,
        }
    assert agreed([answer([]), answer(["pen"]), answer(["pen"])]).record == ["pen"]
    assert agreed([answer(["pen"]), answer([]), answer([])]).record == []


def test_usage_and_cost_of_all_answers_count() -> None:
    result = agreed([answer(1), answer(1), no_answer(Outcome.REFUSED)])
    assert (result.usage, result.cost, len(result.attempts)) == (Usage(9, 3), Decimal("1.0"), 3)


def test_numbers_agree_by_value_strings_but_for_case_and_space_and_dates_by_day() -> None:
    ones = {"n": Decimal("5.0"), "s": "New  York", "d": date(2026, 3, 5), "none": None}
    others = {"n": 5, "s": "new york ", "d": "2026-03-05", "none": None}
    assert agreement(ones, others) == {"/n": 1, "/s": 1, "/d": 1, "/none": 1}


def test_items_of_lists_are_aligned_before_they_are_compared() -> None:
    ones = [{"what": "pen", "n": 2}, {"what": "ink", "n": 1}]
    others = [{"what": "ink", "n": 1}, {"what": "pen", "n": 3}, {"what": "cap", "n": 9}]
    assert sorted(agreement(ones, ones, others).items()) == [
        ("/0/n", pytest.approx(2 / 3)), ("/0/what", 1), ("/1/n", 1), ("/1/what", 1),
    ]  # fmt: skip


def test_an_answer_that_is_no_record_agrees_with_nothing_and_one_that_never_came_does_not_count() -> None:
    invalid, lost = no_answer(Outcome.INVALID), no_answer(Outcome.TRANSPORT)
    one = agreed([lost, answer({"x": 1}), invalid, lost])
    assert one.measured is not None
    assert (one.record, one.measured.agreement) == ({"x": 1}, {"/x": 0.5})
    alone = agreed([lost, answer({"x": 1})])
    assert alone.measured is not None
    assert alone.measured.agreement == {}


def test_where_no_answer_is_a_record_the_first_tells_why_with_all_attempts() -> None:
    result = agreed([no_answer(Outcome.REFUSED), no_answer(Outcome.INVALID)])
    assert (result.outcome, len(result.attempts)) == (Outcome.REFUSED, 2)
    assert result.confidence is None


@pytest.mark.slow
@given(st.lists(RECORDS, min_size=2, max_size=4), st.randoms())
def test_agreement_is_a_share_and_does_not_depend_on_the_order_of_answers(
    records: list[Any], random: Any
) -> None:
    result = agreed(list(map(answer, records)))
    assert result.record in records
    shares = agreement(*records)
    assert all(1 / len(records) - 1e-9 <= share <= 1 for share in shares.values())
    shuffled = random.sample(records, len(records))
    assert (agreed(list(map(answer, shuffled))).record, agreement(*shuffled)) == (result.record, shares)


@given(RECORDS, st.integers(2, 4))
def test_answers_that_are_all_the_same_agree_wholly(record: Any, count: int) -> None:
    assert set(agreement(*[record] * count).values()) <= {1.0}
