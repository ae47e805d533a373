"""How records are scored against gold: every number here was counted by hand, or is true of all records."""

from __future__ import annotations

import json
import pickle
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from itertools import permutations
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from extractor.evaluation.metrics import (
    MISSING,
    FieldCounts,
    LeafCounts,
    Score,
    assign,
    flatten,
    score,
    total,
)

GOLD = {
    "number": "BW-2031",
    "due": None,
    "net": None,
    "items": [{"what": "Cedar", "qty": 64}, {"what": "Oak sill", "qty": 3}, {"what": "Hours", "qty": 22}],
}

keys = st.sampled_from(["a", "b", "c/d", "e~f"])
leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "X ", "1.50", "1 5"])
records = st.recursive(
    leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3), max_leaves=8
)


class TestFlatten:
    def test_leaves_are_found_under_their_json_pointers(self) -> None:
        assert flatten({"a": {"b": 1}, "c": [None, {"d": "x"}]}) == {"/a/b": 1, "/c/0": None, "/c/1/d": "x"}

    def test_tildes_and_slashes_in_names_are_escaped_as_in_rfc_6901(self) -> None:
        assert flatten({"a/b": {"m~n": True}}) == {"/a~1b/m~0n": True}

    def test_a_scalar_is_its_own_leaf_and_empty_containers_have_none(self) -> None:
        assert flatten(7) == {"": 7}
        assert flatten({"a": [], "b": {}}) == {}

    @given(records)
    def test_each_leaf_is_what_its_pointer_leads_to(self, record: Any) -> None:
        for pointer, leaf in flatten(record).items():
            found = record
            for step in pointer.split("/")[1:]:
                step = step.replace("~1", "/").replace("~0", "~")
                found = found[int(step)] if isinstance(found, list) else found[step]
            assert found is leaf


class TestAssign:
    @pytest.mark.parametrize(
        ("weights", "pairs"),
        [
            ([], []),
            ([[], []], []),
            ([[5]], [(0, 0)]),
            ([[1, 2], [2, 9]], [(0, 0), (1, 1)]),  # greedy from the top would take 2 + 2
            ([[0, 3], [0, 4], [7, 0]], [(1, 1), (2, 0)]),  # more rows than columns
            ([[1, 0, 5]], [(0, 2)]),
            ([[6, 0, 1], [8, 5, 1], [6, 7, 7]], [(0, 0), (1, 1), (2, 2)]),  # 18; row by row 16
        ],
    )
    def test_the_heaviest_pairing_is_found(
        self, weights: list[list[int]], pairs: list[tuple[int, int]]
    ) -> None:
        assert assign(weights) == pairs

    @given(st.data(), st.integers(1, 5), st.integers(1, 5))
    def test_no_other_pairing_weighs_more(self, data: st.DataObject, rows: int, columns: int) -> None:
        row = st.lists(st.integers(0, 9), min_size=columns, max_size=columns)
        weights = data.draw(st.lists(row, min_size=rows, max_size=rows))
        pairs = assign(weights)
        assert len(pairs) == len({r for r, _ in pairs}) == len({c for _, c in pairs}) == min(rows, columns)
        assert sum(weights[r][c] for r, c in pairs) == heaviest_by_trying_all(weights)


class TestScore:
    def test_a_wrong_a_missed_and_an_invented_value_each_count(self) -> None:
        tally = score({"a": "x", "b": "y", "c": "z"}, {"a": "x", "b": "?", "d": "w"}).strict.overall
        assert tally == LeafCounts(gold=3, predicted=3, correct=1)
        assert (tally.precision, tally.recall, tally.f1) == (1 / 3, 1 / 3, 1 / 3)

    def test_precision_and_recall_part_where_little_is_predicted(self) -> None:
        tally = score({"a": 1, "b": 2, "c": 3, "d": 4}, {"a": 1, "b": None}).strict.overall
        assert (tally.precision, tally.recall, tally.f1) == (1.0, 0.25, 0.4)

    def test_nulls_are_right_where_nothing_is_predicted_and_never_count_as_values(self) -> None:
        tally = score({"a": None, "b": None, "c": None, "d": 1}, {"a": None, "c": "made up", "d": 1}).strict
        assert tally.overall == LeafCounts(gold=1, predicted=2, correct=1, nulls=3, correct_nulls=2)
        assert tally.overall.null_accuracy == 2 / 3
        assert tally.perfect == 0

    def test_without_gold_nulls_there_is_no_null_accuracy(self) -> None:
        assert score({"a": 1}, {"a": 1}).strict.overall.null_accuracy is None

    def test_an_object_predicted_for_a_null_is_a_wrong_null_and_invented_values(self) -> None:
        tally = score({"pay": None}, {"pay": {"from": 10, "to": 20}}).strict
        assert tally.by_field == {
            "/pay": LeafCounts(nulls=1),
            "/pay/from": LeafCounts(predicted=1),
            "/pay/to": LeafCounts(predicted=1),
        }

    def test_a_null_predicted_for_an_object_misses_its_values_but_not_its_nulls(self) -> None:
        tally = score({"pay": {"from": 10, "to": None}}, {"pay": None}).strict.overall
        assert tally == LeafCounts(gold=1, nulls=1, correct_nulls=1)

    def test_array_items_are_aligned_whatever_their_order(self) -> None:
        shuffled = {**GOLD, "items": [GOLD["items"][i] for i in (2, 0, 1)]}
        assert score(GOLD, shuffled).strict.perfect == 1

    def test_a_missing_item_costs_its_own_leaves_only(self) -> None:
        tally = score(GOLD, {**GOLD, "items": GOLD["items"][1:]}).strict
        assert tally.by_field["/items/*/what"] == LeafCounts(gold=3, predicted=2, correct=2)
        assert tally.overall == LeafCounts(gold=7, predicted=5, correct=5, nulls=2, correct_nulls=2)

    def test_a_surplus_item_costs_precision_only(self) -> None:
        tally = score(GOLD, {**GOLD, "items": [{"what": "Nails", "qty": 1}, *GOLD["items"]]}).strict.overall
        assert tally == LeafCounts(gold=7, predicted=9, correct=7, nulls=2, correct_nulls=2)

    def test_items_are_aligned_as_a_whole_not_one_after_the_other(self) -> None:
        # the first gold item agrees as well with either; only one choice leaves the second its own
        gold = {"items": [{"a": 1, "b": 1}, {"a": 1, "b": 2}]}
        predicted = {"items": [{"a": 1, "b": 2}, {"a": 1, "b": 9}]}
        assert score(gold, predicted).strict.overall == LeafCounts(gold=4, predicted=4, correct=3)

    def test_one_value_weighs_more_in_the_alignment_than_all_nulls(self) -> None:
        gold = [{"a": 1, "b": None, "c": None}]
        predicted = [{"a": 1, "b": 5, "c": 5}, {"a": 2, "b": None, "c": None}]
        assert score(gold, predicted).strict.overall == LeafCounts(gold=1, predicted=4, correct=1, nulls=2)

    def test_arrays_within_arrays_are_aligned_too(self) -> None:
        gold = [["a", "b"], ["c"]]
        assert score(gold, [["c", "d"], ["b", "a"]]).strict.overall == LeafCounts(
            gold=3, predicted=4, correct=3
        )

    def test_repeated_values_are_matched_once_each(self) -> None:
        assert score(["a", "a", "b"], ["a", "b", "b"]).strict.overall == LeafCounts(
            gold=3, predicted=3, correct=2
        )

    def test_true_is_not_one(self) -> None:
        assert score({"a": True}, {"a": 1}).normalised.overall.correct == 0

    def test_a_failed_extraction_scores_zero_whatever_it_should_have_found(self) -> None:
        failed = score(GOLD, MISSING)
        assert (failed.records, failed.valid, failed.strict.perfect) == (1, 0, 0)
        assert failed.strict.overall == failed.normalised.overall == LeafCounts(gold=7, nulls=2)
        assert failed.strict.overall.null_accuracy == 0
        assert score({"a": None}, MISSING).strict.overall.f1 == 0
        assert score({}, MISSING).strict.perfect == 0


class TestNormalisedReading:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("BRIGHTWATER CARPENTRY LLC", "Brightwater Carpentry, LLC."),
            ("Straße 5", "STRASSE  5"),
            ("ＡＢＣ　株式会社", "ABC株式会社"),
            ("Anne-Marie", "Anne Marie"),
            ("2026/03/12", "2026-03-12"),
            (date(2026, 3, 12), "2026-03-12"),
            ("1184.00", 1184),
            ("1,184.50", "1184.5"),
            (Decimal("1E+3"), 1000.0),
            (0.1, "0.10"),
            ("…", "…"),
            (StrEnum("Colour", "RED").RED, "Red"),
            (Enum("Size", {"L": "large"}).L, "large"),
        ],
    )
    def test_these_are_equal(self, one: Any, other: Any) -> None:
        assert score({"a": one}, {"a": other}).normalised.perfect == 1

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("1.5 t", "15 t"),
            ("C#", "C"),
            ("C++", "C"),
            ("12 %", "12"),
            ("0006120", "6120"),  # numbers that begin with 0 are names
            ("José", "Jose"),
            ("…", "!"),
            (-5, 5),
        ],
    )
    def test_these_are_not(self, one: Any, other: Any) -> None:
        assert score({"a": one}, {"a": other}).normalised.overall.correct == 0

    def test_the_strict_reading_tells_spellings_apart_but_not_equal_decimals(self) -> None:
        assert score("Oak sill", "oak sill").strict.overall.correct == 0
        assert score("1.50", "1.5").strict.overall.correct == 0
        assert score(Decimal("1.50"), Decimal("1.5")).strict.overall.correct == 1


class TestTotal:
    def test_totals_count_each_leaf_once_however_large_its_record(self) -> None:
        large, small = {"a": list(range(9))}, {"a": [0]}
        both = total([score(large, large), score(small, {"a": [5]})])
        assert (both.records, both.valid, both.strict.perfect) == (2, 2, 1)
        assert both.strict.by_field == {"/a/*": LeafCounts(gold=10, predicted=10, correct=9)}
        assert both.strict.overall.f1 == 0.9

    def test_no_scores_have_an_empty_total(self) -> None:
        assert total([]) == Score(0, 0, FieldCounts(), FieldCounts())

    def test_a_score_survives_pickle(self) -> None:
        assert pickle.loads(pickle.dumps(score(GOLD, GOLD))) == score(GOLD, GOLD)


class TestWhateverTheRecords:
    @given(records)
    @example([[None, 1], [1]])
    @example([{"a": 1, "b": None}, {"a": 1, "b": 2}])
    def test_a_record_agrees_perfectly_with_itself(self, record: Any) -> None:
        same = score(record, json.loads(json.dumps(record)))
        for reading in (same.strict, same.normalised):
            assert reading.perfect == 1
            assert reading.overall.precision == reading.overall.recall == reading.overall.f1 == 1
            assert reading.overall.null_accuracy in (None, 1)

    @pytest.mark.slow
    @given(records, records)
    def test_every_share_lies_between_nothing_and_all(self, gold: Any, predicted: Any) -> None:
        for reading in (score(gold, predicted).strict, score(gold, predicted).normalised):
            for tally in (reading.overall, *reading.by_field.values()):
                shares = (tally.precision, tally.recall, tally.f1, tally.null_accuracy or 0)
                assert all(0 <= share <= 1 for share in shares)
                assert tally.correct <= min(tally.gold, tally.predicted)
                assert tally.correct_nulls <= tally.nulls

    @given(records, records)
    def test_all_leaves_of_both_sides_are_counted(self, gold: Any, predicted: Any) -> None:
        tally = score(gold, predicted).strict.overall
        assert tally.gold + tally.nulls == len(flatten(gold))
        assert tally.nulls == list(flatten(gold).values()).count(None)
        assert tally.predicted == sum(leaf is not None for leaf in flatten(predicted).values())

    @pytest.mark.slow
    @given(records, records)
    def test_swapping_the_sides_swaps_precision_and_recall_and_keeps_f1(self, one: Any, other: Any) -> None:
        there, back = score(one, other).strict.overall, score(other, one).strict.overall
        assume(there.gold or there.predicted)
        assert (there.precision, there.recall, there.f1) == (back.recall, back.precision, back.f1)

    @given(records, records)
    def test_reading_leniently_never_costs_a_leaf(self, gold: Any, predicted: Any) -> None:
        both = score(gold, predicted)
        assert both.strict.overall.correct <= both.normalised.overall.correct

    @pytest.mark.slow
    @given(st.lists(records, max_size=4), st.randoms())
    def test_the_order_of_an_array_never_counts(self, items: list[Any], random: Any) -> None:
        shuffled = random.sample(items, len(items))
        assert score({"a": items}, {"a": shuffled}).strict.perfect == 1


def heaviest_by_trying_all(weights: list[list[int]]) -> int:
    if len(weights) > len(weights[0]):
        weights = [list(column) for column in zip(*weights, strict=True)]
    return max(
        sum(weights[row][column] for row, column in enumerate(columns))
        for columns in permutations(range(len(weights[0])), len(weights))
    )
