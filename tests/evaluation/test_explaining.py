"""What came instead: verdicts and slips counted by hand, and what holds for all records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evaluation import MISSING, VerdictKind, explained, score
from extractor.evaluation.explaining import (
    NONE,
    OTHER,
    Confusion,
    ConfusionMatrix,
    confusions,
    difference,
    matrices,
    verdicts_by_field,
)

keys = st.sampled_from(["a", "b", "c/d", "0"])
leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "X ", "1.50", "1 5"])
records = st.recursive(
    leaves, lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3), max_leaves=8
)


def verdicts(gold: Any, found: Any, **more: Any) -> dict[str, tuple[str, str]]:
    return {leaf.pointer: (str(leaf.verdict), leaf.how) for leaf in explained(gold, found, **more)}


def test_each_kind_of_error_is_told_apart() -> None:
    gold = {"who": "Ada", "town": "Bern", "due": None, "no": None, "total": 1200, "net": 5}
    found = {"who": None, "town": "BERN", "due": "2026-01-01", "no": None, "total": 120, "net": 5}
    assert verdicts(gold, found) == {
        "/who": ("missed", "nothing found"),
        "/town": ("wrong form", "different case or space"),
        "/due": ("invented", "found, but gold has nothing"),
        "/no": ("empty", ""),
        "/total": ("wrong value", "10 times too small"),
        "/net": ("right", ""),
    }


def test_the_value_of_another_item_or_field_is_known_again() -> None:
    gold = {"from": "Basel", "to": "Geneva", "items": [{"what": "pen", "n": 2}, {"what": "ink", "n": 30}]}
    found = {"from": "Geneva", "to": "Geneva", "items": [{"what": "pen", "n": 30}, {"what": "ink", "n": 30}]}
    told = verdicts(gold, found)
    assert told["/from"] == ("wrong value", "the value of /to")
    assert told["/items/0/n"] == ("wrong item", "the value of another item")


def test_a_right_value_at_another_place_has_a_wrong_span() -> None:
    places = {"gold_places": {"/a": [(0, 3)]}, "places": {"/a": [(9, 12)]}}
    assert verdicts({"a": "Ada"}, {"a": "Ada"}, **places)["/a"] == ("wrong span", "found at another place")
    half = {"gold_places": {"/a": [(0, 4)]}, "places": {"/a": [(0, 2)]}}
    assert verdicts({"a": "Ada"}, {"a": "Ada"}, **half)["/a"] == ("right", "")
    assert verdicts({"a": "Ada"}, {"a": "Ada"}, gold_places={"/a": [(0, 3)]})["/a"] == ("right", "")


def test_a_text_without_a_record_has_missed_every_value() -> None:
    told = verdicts({"a": 1, "b": None, "c": ["x"]}, MISSING)
    assert told == {"/a": ("missed", "no record"), "/b": ("empty", ""), "/c/0": ("missed", "no record")}


def test_items_in_another_order_are_shown_where_they_stand_in_both_records() -> None:
    found = explained({"a": ["x", "y"]}, {"a": ["y", "z", "x"]})
    assert [(leaf.pointer, leaf.there, leaf.verdict) for leaf in found] == [
        ("/a/0", "/a/2", VerdictKind.RIGHT),
        ("/a/1", "/a/0", VerdictKind.RIGHT),
        ("/a/1", "/a/1", VerdictKind.INVENTED),
    ]
    assert {leaf.field for leaf in found} == {"/a/*"}


@pytest.mark.parametrize(
    ("gold", "found", "how"),
    [
        ("2026-03-04", "2026-04-03", "day and month swapped"),
        ("2026-03-04", "2026-03-05", "one day off"),
        ("2026-03-04", "2025-03-04", "another year"),
        ("2026-03-04", "2026-07-04", "another month"),
        ("2026-03-04", "2026-03-20", "another day of the month"),
        ("2026-03-04", "2020-07-20", "another date"),
        ("2026-03-04T10:00:00", "2026-03-04T11:00:00", "the same day, at another time"),
        ("2026-13-40", "2026-13-41", "small difference in spelling"),
        (1200, 1.2, "1,000 times too small"),
        (-5, 5, "the sign is wrong"),
        (12.5, 12, "rounded"),
        (12, 12.5, "a fraction added"),
        (7, 8, "one too many"),
        (7, 6, "one too few"),
        (128, 182, "digits swapped"),
        (128, 555, "another number"),
        (0, 10, "another number"),
        ("1,184.50", 1184.5, "the same number in another form"),
        (True, False, "false for true"),
        ("Main Street 5", "Main Street", "cut short"),
        ("Main Street", "12 Main Street", "more text than gold"),
        ("Ada Lovelace", "Lovelace, Ada", "different order of words"),
        ("Ada-Lovelace", "Ada Lovelace", "other punctuation"),
        ("Ada Lovelace", "ada  lovelace", "different case or space"),
        ("Lovelace", "Lovelance", "small difference in spelling"),
        ("Ada Lovelace", "Ada Byron", "some words in common"),
        ("Ada", "Grace", "another text"),
    ],
)
def test_two_values_differ_in_words_that_are_the_same_for_the_same_slip(
    gold: Any, found: Any, how: str
) -> None:
    assert difference(gold, found) == how


def test_the_same_slip_is_counted_over_texts_and_the_most_frequent_comes_first() -> None:
    swapped = explained({"issued": "2026-03-04", "a": 1}, {"issued": "2026-04-03", "a": None})
    other = explained({"issued": "2026-05-06"}, {"issued": "2026-06-05"})
    found = confusions([*(("one", leaf) for leaf in swapped), *(("two", leaf) for leaf in other)])
    assert found == [
        Confusion("/issued", VerdictKind.WRONG_VALUE, "day and month swapped", 2, ("one", "two")),
        Confusion("/a", VerdictKind.MISSED, "nothing found", 1, ("one",)),
    ]
    assert [*map(str, found)] == ["/issued: day and month swapped, 2 times", "/a: nothing found, once"]


def test_fields_of_few_values_have_a_matrix_and_others_none() -> None:
    pairs = [
        ("red", "red"),
        ("red", "blue"),
        ("blue", "Blue"),
        ("blue", None),
        (None, "red"),
        ("red", "pink"),
    ]
    some = [leaf for one, other in pairs for leaf in explained({"c": one, "n": "x"}, {"c": other, "n": "x"})]
    (matrix,) = matrices(some, {"/c": ["blue", "green", "red"]})
    assert matrix == ConfusionMatrix(
        "/c",
        (NONE, "blue", "red"),
        (NONE, "blue", "red", OTHER),
        ((0, 0, 1, 0), (1, 1, 0, 0), (0, 1, 1, 1)),
    )
    free = [leaf for word in ("a", "b", "c") for leaf in explained({"t": word}, {"t": word})]
    assert matrices(free) == []
    twice = [leaf for word in ("a", "b", "a", "b") for leaf in explained({"t": word}, {"t": word})]
    assert [each.counts for each in matrices(twice)] == [((2, 0), (0, 2))]


@given(records, records)
def test_verdicts_are_the_leaves_that_the_score_counts(gold: Any, found: Any) -> None:
    leaves = explained(gold, found)
    counts = score(gold, found).normalised
    verdicts = [leaf.verdict for leaf in leaves]
    right = sum(verdict.counts_as_right for verdict in verdicts)
    wrong = verdicts.count(VerdictKind.WRONG_VALUE) + verdicts.count(VerdictKind.WRONG_ITEM)
    assert right == counts.overall.correct
    assert right + wrong + verdicts.count(VerdictKind.MISSED) == counts.overall.gold
    assert right + wrong + verdicts.count(VerdictKind.INVENTED) == counts.overall.predicted
    strict = [leaf for leaf in leaves if leaf.verdict is VerdictKind.RIGHT]
    assert len(strict) <= right
    by_field = {each.field: each.counts for each in verdicts_by_field(leaves)}
    for name, tally in counts.by_field.items():
        assert sum(n for verdict, n in by_field[name].items() if verdict.counts_as_right) == tally.correct


@given(records)
def test_a_record_beside_itself_has_no_error(record: Any) -> None:
    assert {leaf.verdict for leaf in explained(record, record)} <= {VerdictKind.RIGHT, VerdictKind.EMPTY}
