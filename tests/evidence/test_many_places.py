"""Texts in which a value stands in very many places, or nearly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evidence import How, Span, align, find_elided, find_said
from extractor.evidence.folding import fold
from extractor.evidence.merging import ChunkReading, merge
from extractor.evidence.strings import MOST_PLACES, first_said


@pytest.mark.slow
def test_of_a_value_in_very_many_places_the_first_are_found() -> None:
    found = find_said("ab", "ab " * (MOST_PLACES + 5))
    assert len(found) == MOST_PLACES
    assert found[-1].start == 3 * (MOST_PLACES - 1)


@given(st.text("aAb .,'", max_size=12), st.text("aAb .,'", max_size=40))
def test_the_first_place_is_the_first_that_is_found(value: str, text: str) -> None:
    found = find_said(value, text)
    assert first_said(value, fold(text)) == (found[0] if found else None)


def test_a_quote_with_many_equal_pieces_has_them_one_after_the_other() -> None:
    found = find_elided("ab ... ab ... ab", "ab ab ab")
    assert [span.start for span in found] == [0, 3, 6]
    assert find_elided("ab ... ab ... ab", "ab ab") == ()


def test_equal_booleans_of_many_objects_have_the_same_places() -> None:
    record = [{"gift wrap": True}, {"gift wrap": False}, {"gift wrap": True}]
    found = align(record, "gift wrap: yes\ngift wrap: no\ngift wrap: yes\n")
    assert [found[f"/{i}/gift wrap"][0].start for i in range(3)] == [0, 15, 29]


def test_a_value_is_looked_for_in_its_quotes_alone() -> None:
    found = align({"a": "ab", "b": "cd"}, "ab cd ef ab cd", {"": ["ef ab cd"]})
    assert {pointer: span.start for pointer, (span,) in found.items()} == {"/a": 9, "/b": 12}


def test_a_long_string_with_other_letters_stands_where_most_of_it_does() -> None:
    said = " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(100))
    text = f"before it {said.replace('wordka', 'wrodka')} behind it"
    (span,) = align({"a": said}, text)["/a"]
    assert span.how is How.FUZZY
    assert span.text == said.replace("wordka", "wrodka")


def test_a_long_string_that_stands_nowhere_is_not_found() -> None:
    assert align({"a": "ab" * 2000}, "ba cd " * 3000)["/a"] == ()


@pytest.mark.slow
def test_samples_whose_items_all_overlap_are_still_merged() -> None:
    def reading(number: int) -> ChunkReading:
        record = [{"name": f"item {i}"} for i in range(200)]
        found = {f"/{i}/name": (Span(i, 1000 + i, "x", How.FUZZY),) for i in range(200)}
        return ChunkReading(0, 2000, record, found, number)

    merged = merge([reading(1), reading(2), reading(3)])
    assert merged.record == [{"name": f"item {i}"} for i in range(200)]


def test_equal_items_that_stand_nowhere_are_joined_the_nth_to_the_nth() -> None:
    readings = [
        ChunkReading(0, 1, [{"v": 1}] * count, {}, number) for number, count in ((1, 3), (2, 2), (3, 4))
    ]
    assert merge(readings).record == [{"v": 1}] * 4
