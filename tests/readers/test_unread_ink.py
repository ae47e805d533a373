"""Writing that OCR leaves out is noted: scripts that it does not know, and lines that it makes nothing of."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from extractor import UnreadableSource, read
from extractor.readers.engine import FoundLine, Letter
from extractor.readers.ink import UnreadInk, ink_of, unread_ink, unread_of
from extractor.readers.ocr import words_of_line
from tests.readers.drawing import file_of

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
needs_font = pytest.mark.skipif(not FONT.exists(), reason="needs the font DejaVu Sans")


def page(*lines: str) -> Image.Image:
    font = ImageFont.truetype(str(FONT), 26)
    picture = Image.new("RGB", (640, 60 + 52 * len(lines)), "white")
    for row, line in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 30 + 52 * row), line, fill=(30, 30, 30), font=font)
    return picture


def line_of(text: str, *middles: float, score: float = 1.0) -> FoundLine:
    letters, spaced = list[Letter](), False
    places = iter(middles)
    for char in text:
        if char != " ":
            letters.append(Letter(char, next(places), score, "must" if spaced else ""))
        spaced = char == " "
    return FoundLine(((0, 0), (100, 0), (100, 10), (0, 10)), False, tuple(letters), 100, 0)


@needs_font
@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        ("Счёт-фактура 2031", "Итого 35.70 руб"),
        ("Τιμολόγιο 2031", "Καρέκλα γραφείου 99,00"),
        ("Invoice 2031", "Total 12.50", "Итого к оплате"),
    ],
)
@pytest.mark.sampled(1)
def test_a_page_in_a_script_that_is_not_known_is_noted(lines: tuple[str, ...]) -> None:
    source = read(file_of(page(*lines)))
    (note,) = source.notes
    assert note.startswith("page 1: OCR did not read about ")
    assert source.pages[0].note in note
    assert "2031" in source.text


@needs_font
@pytest.mark.slow
def test_nothing_is_noted_of_a_page_that_is_read() -> None:
    lines = ["Invoice 2031 of 12 May; 50 % off!", 'Größe "M", Zażółć jaźń: 12,50 €', "発票 合計 1200"]
    source = read(file_of(page(*lines[:2])))
    assert source.notes == ()
    assert "Größe" in source.text


@needs_font
@pytest.mark.slow
def test_a_page_of_which_nothing_is_read_is_unread_and_not_blank() -> None:
    with pytest.raises(UnreadableSource, match="OCR did not read about 100 % of its writing") as caught:
        read(file_of(page("მადლობა")))
    assert caught.value.kind == "unread"


def strokes(*columns: int, width: int = 100) -> numpy.ndarray:
    ink = numpy.zeros((10, width), dtype=bool)
    for column in columns:
        ink[2:8, column : column + 4] = True
    return ink


def test_ink_without_a_letter_is_unread() -> None:
    ink = strokes(10, 20, 30, 60)
    assert unread_ink(ink, [0.12, 0.22, 0.32, 0.62]) == 0
    assert unread_ink(ink, [0.12, 0.32, 0.62]) == 24  # a letter amid others
    assert unread_ink(ink, [0.12, 0.22, 0.32]) == 24  # a word
    assert unread_ink(ink, []) == 96
    assert unread_ink(ink, [0.12, 0.19, 0.32, 0.62]) == 0  # found a little beside its ink


def test_a_line_of_one_colour_has_no_ink() -> None:
    assert not ink_of(numpy.full((10, 20, 3), 200.0)).any()
    assert ink_of(numpy.zeros((0, 20, 3))).size == 0


def test_little_is_not_told_and_one_lost_line_of_many_is() -> None:
    assert unread_of([(100, 0), (100, 2)]).note == ""
    assert unread_of([]).note == ""
    assert unread_of([(1000, 0)] * 99 + [(100, 90)]) == UnreadInk(0.0009, 1, 100)
    assert "about 1 % of its writing (1 of 100 lines" in unread_of([(1000, 0)] * 99 + [(100, 90)]).note


def test_letters_that_may_be_others_are_told_where_they_are_many() -> None:
    assert unread_of([(100, 0)], [0.99] * 9 + [0.4]).note == ""
    doubt = unread_of([(100, 0)], [0.99] * 8 + [0.4, 0.7])
    assert doubt.unsure == 0.2
    assert doubt.note.startswith("OCR is unsure of about 20 % of the letters")
    assert unread_of([(100, 90)], [0.4]).note.count(";") == 1


@given(
    st.lists(st.integers(0, 90), max_size=9),
    st.lists(st.floats(0, 1), max_size=9),
)
def test_never_more_is_unread_than_there_is(columns: list[int], middles: list[float]) -> None:
    ink = strokes(*columns)
    assert 0 <= unread_ink(ink, middles) <= ink.sum()


def test_a_word_has_the_score_of_its_own_least_sure_letter() -> None:
    sure = line_of("ab cd", 0.1, 0.2, 0.5, 0.6)
    doubtful = sure._replace(letters=(*sure.letters[:3], sure.letters[3]._replace(score=0.4)))
    assert [(word.text, word.score) for word in words_of_line(doubtful)] == [("ab", 1.0), ("cd", 0.4)]


def test_letters_are_as_wide_as_they_stand_apart() -> None:
    (word,) = words_of_line(line_of("iWW", 0.1, 0.15, 0.35))
    assert word.edges == pytest.approx((3.75, 12.5, 25.0, 41.25))


def test_letters_that_stand_well_apart_are_two_words() -> None:
    line = line_of("abcd", 0.1, 0.15, 0.3, 0.35)
    apart = line._replace(
        letters=(*line.letters[:2], line.letters[2]._replace(begins="may"), line.letters[3])
    )
    assert [word.text for word in words_of_line(apart)] == ["ab", "cd"]
    assert [word.text for word in words_of_line(line)] == ["abcd"]


def test_the_words_of_a_line_that_runs_down_stand_one_below_the_other() -> None:
    down = line_of("ab cd", 0.1, 0.2, 0.5, 0.6)._replace(
        corners=((0, 0), (10, 0), (10, 100), (0, 100)), down=True
    )
    first, second = words_of_line(down)
    assert (first.left, first.right, second.vertical) == (0, 10, True)
    assert first.bottom <= second.top
