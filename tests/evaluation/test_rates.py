"""The figures of a report: hand-computed values, and what holds for every interval."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evaluation.checks import figure
from extractor.evaluation.metrics import MISSING, score
from extractor.evaluation.rates import RATES, Scored, by_field, differences, estimates, paired
from extractor.evaluation.spans import grounding

GOLD = {"a": "x", "b": None}


def record(found: Any, name: str = "1", **more: Any) -> Scored:
    failed = found is MISSING
    return Scored(name, "invalid" if failed else "ok", score(GOLD, found), first_try=not failed, **more)


RIGHT = record({"a": "x", "b": None}, "right", calls=1, tokens=100, cost=0.5, seconds=2.0)
WRONG = record({"a": "y", "b": "made up"}, "wrong", calls=1, tokens=200, seconds=4.0)
FAILED = record(MISSING, "failed", calls=3, tokens=300, seconds=6.0)


def test_each_figure_is_what_a_hand_counts() -> None:
    found = {name: estimate.value for name, estimate in estimates([RIGHT, WRONG, FAILED]).items()}
    assert found == {
        "valid on the first try": 2 / 3,
        "valid in the end": 2 / 3,
        "value F1": 2 * 1 / (3 + 3),  # three gold values; predicted: x, y and "made up"
        "value F1, strict": 2 * 1 / (3 + 3),
        "precision": 1 / 3,
        "recall": 1 / 3,
        "nulls left empty": 1 / 3,  # a failed extraction has left nothing empty
        "perfect records": 1 / 3,
        "perfect records, strict": 1 / 3,
        "values with evidence": None,
        "span F1, exact": None,
        "span F1, IoU 0.5": None,
        "grounded F1": None,
        "requests a record": 5 / 3,
        "tokens a record": 200.0,
        "US dollars a record": 0.5,  # of those whose cost is known
        "seconds a record": 4.0,
    }


def test_evidence_is_counted_over_the_records_whose_gold_spans_are_known() -> None:
    known = grounding(GOLD, {"/a": [(0, 4)]}, {"a": "x", "b": None}, {"/a": [(0, 3), (6, 9)]})
    found = estimates([record({"a": "x"}, grounding=known), WRONG])
    values = {name: found[name].value for name in found if "evid" in name or "span" in name or "gro" in name}
    assert values == {
        "values with evidence": 1.0,
        "span F1, exact": 0.0,
        "span F1, IoU 0.5": 2 * 1 / (1 + 2),
        "grounded F1": 2 * 1 / (1 + 1),
    }


def test_no_records_give_no_figures() -> None:
    assert {estimate.value for estimate in estimates([]).values()} == {None}


def test_runs_are_paired_by_id_and_what_only_one_has_is_left_out() -> None:
    before, after = [RIGHT, WRONG], [record({"a": "x"}, "wrong"), record(MISSING, "new")]
    assert [(b.id, a.id) for b, a in paired(before, after)] == [("wrong", "wrong")]
    change = differences(before, after)
    assert change["value F1"].value == 1.0 - 0.0
    assert change["value F1"].sure == 1.0


def test_a_run_held_against_itself_differs_by_nothing() -> None:
    for change in differences([RIGHT, WRONG, FAILED], [FAILED, RIGHT, WRONG]).values():
        assert (change.value, change.low, change.high) in [(0.0, 0.0, 0.0), (None, None, None)]
        assert change.sure is None  # no difference has no sign that resamples could agree on


def test_fields_are_summed_over_records() -> None:
    tally = by_field([RIGHT, WRONG, FAILED])["/a"]
    assert (tally.gold, tally.predicted, tally.correct) == (3, 2, 1)


@pytest.mark.slow
@given(st.lists(st.sampled_from([RIGHT, WRONG, FAILED]), min_size=1, max_size=12))
def test_an_interval_lies_within_the_range_of_the_figure_and_is_the_same_each_time(
    records: list[Scored],
) -> None:
    first = estimates(records, resamples=50)
    assert first == estimates(records, resamples=50)
    for rate in RATES:
        estimate = first[rate.name]
        if rate.percent and estimate.low is not None and estimate.high is not None:
            assert 0 <= estimate.low <= estimate.high <= 1


def test_one_kind_of_record_leaves_no_room_for_doubt() -> None:
    found = estimates([RIGHT] * 5)["value F1"]
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


@pytest.mark.slow
def test_the_interval_of_a_share_is_about_two_standard_errors_to_each_side() -> None:
    found = estimates([RIGHT] * 50 + [FAILED] * 50)["valid in the end"]
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.02)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.02)


@pytest.mark.parametrize(
    ("value", "percent", "signed", "shown"),
    [
        (None, True, False, "–"),
        (0.4129, True, False, "41.3%"),
        (0.0, False, True, "+0.0"),
        (-0.7, False, True, "-0.7"),
        (0.00124, False, False, "0.0012"),
        (1, False, False, "1.0"),
        (12345.67, False, True, "+12,345.7"),
    ],
)
def test_a_figure_is_shown_with_as_many_digits_as_it_has(
    value: float | None, percent: bool, signed: bool, shown: str
) -> None:
    assert figure(value, percent, signed) == shown
