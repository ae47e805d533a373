"""From a span of the text to its boxes on the pages."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evidence import align
from extractor.layout import Box, Layout, Page, Section, Source, Word

TEXT = "Total 12.50\nACME\nLtd"
WORDS = (
    Word(0, 5, 1, 0, 10, 20, 60, 30),
    Word(6, 11, 1, 0, 70, 20, 120, 30, 0.9),
    Word(12, 16, 1, 1, 10, 40, 50, 50),
    Word(17, 20, 2, 2, 10, 100, 40, 110, 0.5),
)
PAGES = (Page(1, 200, 400, start=0, end=16), Page(2, 100, 200, start=17, end=20))
SOURCE = Source(TEXT, Layout(PAGES, WORDS))


def test_a_value_within_a_line_has_one_box() -> None:
    assert SOURCE.boxes(0, 11) == (Box(1, 10, 20, 120, 30, (0.05, 0.05, 0.6, 0.075), 0.9),)


def test_a_value_over_lines_and_pages_has_a_box_for_each_line() -> None:
    assert [(box.page, box.left, box.top, box.score) for box in SOURCE.boxes(6, 20)] == [
        (1, 70, 20, 0.9),
        (1, 10, 40, 1.0),
        (2, 10, 100, 0.5),
    ]
    assert SOURCE.boxes(17, 20)[0].fractions == (0.1, 0.5, 0.4, 0.55)


def test_a_part_of_a_word_is_cut_at_its_characters() -> None:
    (box,) = SOURCE.boxes(6, 8)
    assert (box.left, box.right) == (70, 90)
    uneven = Layout(PAGES, (Word(0, 3, 1, 0, 0, 0, 10, 5, edges=(0, 1, 2, 10)),))
    assert Source("ilW", uneven).boxes(2, 3)[0].left == 2
    leftward = Layout(PAGES, (Word(0, 2, 1, 0, 0, 0, 10, 5, edges=(10, 4, 0)),))
    assert (Source("שם", leftward).boxes(0, 1)[0].left, Source("שם", leftward).boxes(1, 2)[0].right) == (4, 4)
    upward = Layout(PAGES, (Word(0, 2, 1, 0, 0, 0, 5, 10, edges=(10, 4, 0), vertical=True),))
    assert (Source("up", upward).boxes(1, 2)[0].top, Source("up", upward).boxes(1, 2)[0].bottom) == (0, 4)


@pytest.mark.parametrize(("start", "end"), [(5, 6), (3, 3), (20, 25)])
def test_what_takes_no_character_of_a_word_has_no_box(start: int, end: int) -> None:
    assert SOURCE.boxes(start, end) == ()


def test_boxes_go_by_the_pointers_of_evidence() -> None:
    found = SOURCE.boxes_by_pointer(align({"total": 12.5, "name": "ACME Ltd", "town": "Bern"}, TEXT))
    assert {pointer: len(boxes) for pointer, boxes in found.items()} == {"/total": 1, "/name": 2, "/town": 0}


def test_where_there_are_no_pages_a_span_has_the_names_of_its_sections() -> None:
    sheet = Source("a\tb", Layout(sections=(Section(0, 1, "Costs!A1"), Section(2, 3, "Costs!B1"))))
    assert (sheet.boxes(0, 3), sheet.sections(0, 3)) == ((), ("Costs!A1", "Costs!B1"))
    assert sheet.sections(2, 3) == ("Costs!B1",)


def test_a_source_survives_pickling_and_shows_no_bytes() -> None:
    source = Source("a", data=b"secret", name="a.pdf")
    assert pickle.loads(pickle.dumps(source)) == source
    assert "secret" not in repr(source)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.integers(1, 6), st.data())
def test_the_boxes_of_a_span_hold_those_of_each_of_its_words(
    sizes: list[int], a_line: int, data: st.DataObject
) -> None:
    words, at = [], 0
    for number, size in enumerate(sizes):
        row, column = divmod(number, a_line)
        words.append(Word(at, at + size, 1, row, column * 20, row * 9, column * 20 + size, row * 9 + 5))
        at += size + 1
    source = Source("x" * at, Layout((Page(1, 200, 400),), tuple(words)))
    start = data.draw(st.integers(0, at - 1))
    end = data.draw(st.integers(start + 1, at))
    touched = [word for word in words if word.start < end and start < word.end]
    boxes = source.boxes(start, end)
    assert len(boxes) == len({word.line for word in touched})
    for word in touched:
        left, top, right, bottom = word.cut(start, end)
        assert any(
            box.left <= left and box.top <= top and right <= box.right and bottom <= box.bottom
            for box in boxes
        )
