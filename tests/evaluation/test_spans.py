"""How evidence is counted: every number here was counted by hand, or is true of all spans."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evaluation.metrics import MISSING
from extractor.evaluation.spans import Grounding, grounding, iou, no_grounding

GOLD = {"who": "Ada", "age": 36, "town": None, "items": [{"what": "pen"}, {"what": "ink"}]}
PLACES = {"/who": [(0, 3)], "/age": [(5, 7)], "/items/0/what": [(10, 13)], "/items/1/what": [(20, 23)]}

places = st.tuples(st.integers(0, 20), st.integers(1, 9)).map(lambda p: (p[0], p[0] + p[1]))
leaves = st.none() | st.integers(0, 3) | st.sampled_from(["a", "b"])
records = st.fixed_dictionaries({"a": leaves, "b": leaves, "c": st.lists(leaves, max_size=3)})
pointers = st.sampled_from(["/a", "/b", "/c/0", "/c/1", "/c/2"])
maps = st.dictionaries(pointers, st.lists(places, max_size=3))


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((0, 4), (0, 4), 1.0),
        ((0, 4), (2, 6), 2 / 6),
        ((0, 4), (0, 2), 0.5),
        ((0, 4), (4, 8), 0.0),  # they touch
        ((0, 4), (6, 8), 0.0),
    ],
)
def test_iou_is_what_two_spans_share_of_what_they_cover(one: Any, other: Any, share: float) -> None:
    assert iou(one, other) == iou(other, one) == pytest.approx(share)


def test_a_record_that_stands_where_gold_does_is_grounded_throughout() -> None:
    assert grounding(GOLD, PLACES, GOLD, PLACES) == Grounding(
        predicted=4, placed=4, gold_spans=4, spans=4, exact=4, overlapping=4, gold_placed=4, grounded=4
    )


def test_items_in_another_order_are_paired_with_their_own_spans() -> None:
    swapped = {**GOLD, "items": GOLD["items"][::-1]}
    theirs = {**PLACES, "/items/0/what": [(20, 23)], "/items/1/what": [(10, 13)]}
    assert grounding(GOLD, PLACES, swapped, theirs).grounded == 4


def test_a_right_value_at_the_wrong_place_is_not_grounded_nor_a_wrong_one_at_the_right_place() -> None:
    found = {"who": "Ada", "age": 37, "town": None, "items": []}
    counts = grounding(GOLD, PLACES, found, {"/who": [(30, 33)], "/age": [(5, 7)]})
    assert counts == Grounding(
        predicted=2, placed=2, gold_spans=4, spans=2, exact=1, overlapping=1, gold_placed=4, grounded=0
    )


def test_half_of_a_span_overlaps_but_is_not_exact() -> None:
    counts = grounding({"a": "x"}, {"/a": [(0, 4)]}, {"a": "x"}, {"/a": [(0, 2)]})
    assert (counts.exact, counts.overlapping, counts.grounded) == (0, 1, 1)


def test_one_gold_span_is_paired_with_one_found_span_alone() -> None:
    counts = grounding({"a": "x"}, {"/a": [(0, 4)]}, {"a": "x"}, {"/a": [(0, 4), (0, 3), (0, 4)]})
    assert (counts.spans, counts.exact, counts.overlapping) == (3, 1, 1)


def test_a_value_without_evidence_counts_as_predicted_and_not_as_placed() -> None:
    counts = grounding({"a": "x"}, {"/a": [(0, 1)]}, {"a": "x"}, {})
    assert (counts.predicted, counts.placed, counts.gold_placed, counts.grounded) == (1, 0, 1, 0)


def test_a_failed_extraction_has_missed_every_span() -> None:
    assert no_grounding(GOLD, PLACES) == Grounding(gold_spans=4, gold_placed=4)
    assert no_grounding(GOLD, PLACES) == grounding(GOLD, PLACES, MISSING, {})


@pytest.mark.slow
@given(records, maps, records, maps)
def test_no_more_agrees_than_there_is(gold: Any, wanted: Any, found: Any, placed: Any) -> None:
    counts = grounding(gold, wanted, found, placed)
    assert counts.exact <= counts.overlapping <= min(counts.gold_spans, counts.spans)
    assert counts.grounded <= min(counts.gold_placed, counts.placed)
    assert counts.placed <= counts.predicted


@given(records, maps)
def test_what_is_held_against_itself_is_right_everywhere(gold: Any, wanted: Any) -> None:
    counts = grounding(gold, wanted, gold, wanted)
    assert counts.exact == counts.overlapping == counts.gold_spans == counts.spans
    assert counts.grounded == counts.gold_placed == counts.placed
